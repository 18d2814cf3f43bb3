# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to its end: the only place that builds a client, and that exits."""

from __future__ import annotations

import contextlib
import functools
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.validation import check_type_dict, check_type_list

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import _requests
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._connection import sender_for
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import RateLimiter
from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import Outcome
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    MissingLibrary,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
    Destination,
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import (
    SHORTEST_MASKED,
    Secrets,
    texts_in,
)

_SECRET_OPTIONS = ("api_token", "api_key", DESTINATION_CONF, "ownership_challenge")

Params = dict[str, t.Any]
Result = dict[str, t.Any]
LogpushOf = t.Callable[[t.Mapping[str, t.Any]], Logpush]
ApiNames = t.Mapping[str, t.Mapping[str, str]]


def execute(
    run: t.Callable[[Params, Logpush], Result],
    argument_spec: Params,
    *,
    required_one_of: t.Sequence[t.Sequence[str]] = (),
    api_names: ApiNames | None = None,
) -> None:
    """Run a module: ``run`` gets the options and the ``api`` of their scope, and returns a result.

    ``argument_spec`` holds the module's own options, of which ``required_one_of`` is said; those
    of connection and scope are added. ``api_names`` says by which other names suboptions of an
    option go. ``warnings`` and ``diff`` in a result are Ansible's own.
    """
    module = _Module(
        api_names or {},
        argument_spec={**_arguments.CONNECTION, **_arguments.SCOPE, **argument_spec},
        mutually_exclusive=_EXCLUSIVE,
        required_one_of=[*_EXCLUSIVE, *required_one_of],
    )
    module.run(lambda api_of: run(module.params, api_of(module.params)))


def execute_many(
    option: str,
    run: t.Callable[[Params, LogpushOf], Result],
    entry_spec: Params,
    *,
    common_spec: Params | None = None,
    required_one_of: t.Sequence[t.Sequence[str]] = (),
    api_names: ApiNames | None = None,
) -> None:
    """Run a module whose ``option`` is a list of what another one does once.

    ``run`` gets the entries, what returns the ``api`` of an entry's scope, and how many requests
    may be under way at the same time. The other arguments are for an entry as those of
    ``execute`` are for a module.
    """
    entries = {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {**_arguments.SCOPE, **entry_spec},
        "mutually_exclusive": _EXCLUSIVE,
        "required_one_of": [*_EXCLUSIVE, *required_one_of],
    }
    module = _Module(
        api_names or {},
        argument_spec={
            **_arguments.CONNECTION,
            **_arguments.CONCURRENCY,
            **(common_spec or {}),
            option: entries,
        },
    )
    module.run(lambda api_of: run(module.params, api_of))


_EXCLUSIVE = [("zone_id", "account_id")]


def execute_local(run: t.Callable[[Params], Result], argument_spec: Params) -> None:
    """Run a module that sends nothing to Cloudflare: ``run`` gets the options."""
    module = _Module({}, argument_spec=argument_spec)
    module.run_local(lambda: run(module.params))


class _Module(AnsibleModule):  # type: ignore[misc]
    """A module of this collection; it takes suboptions by the API's own names too.

    An alias would do, if Ansible's sanity tests allowed for one that is no Python identifier.
    """

    no_log_values: set[str]

    def __init__(self, api_names: ApiNames, **spec: t.Any) -> None:
        self._api_names = api_names
        self._secrets = Secrets()
        super().__init__(supports_check_mode=True, **spec)
        # Ansible knows of the options that are secret.
        self._secrets.add(self.no_log_values)

    def run(self, work: t.Callable[[LogpushOf], Result]) -> t.NoReturn:
        """Do the work with the API that the options lead to, and exit."""
        if _requests.IMPORT_ERROR is not None:
            missing = missing_required_lib("requests")
            self.fail_json(msg=missing, exception=_requests.IMPORT_ERROR)
        # Nobody but this collection knows of a secret inside of an option.
        self._register_secrets(_inner_secrets(self.params))
        rate_limiter = None
        try:
            sender = sender_for(self.params)
            rate_limiter = sender.rate_limiter
            client = Client(sender, mask=self._masked, dry_run=self.check_mode)
            result = work(functools.partial(self._api_of, client))
        except CloudflareError as error:
            self._exit(self.fail_json, {**error.values, "msg": error.message}, rate_limiter)
        self._exit(self.exit_json, result, rate_limiter)

    def run_local(self, work: t.Callable[[], Result]) -> t.NoReturn:
        """Do the work without a client, and exit."""
        self._register_secrets(_inner_secrets(self.params))
        try:
            result = work()
        except MissingLibrary as error:
            self.fail_json(msg=missing_required_lib(error.library), exception=error.traceback)
        except CloudflareError as error:
            self._exit(self.fail_json, {**error.values, "msg": error.message}, None)
        self._exit(self.exit_json, result, None)

    def _exit(
        self, end: t.Callable[..., t.NoReturn], result: Result, rate_limiter: RateLimiter | None
    ) -> t.NoReturn:
        for warning in result.pop("warnings", ()):
            # Newer versions of Ansible mask whatever is returned, but for the warnings.
            self.warn(self._masked(warning))
        if not self._diff:
            result.pop("diff", None)
        if rate_limiter is not None and rate_limiter.waited:
            result["rate_limit_waited"] = round(rate_limiter.waited, 3)
        # As Ansible shows it by itself.
        result["invocation"] = {"module_args": self._secrets.masked(self.params)}
        self.no_log_values = self._secrets.within(result)
        end(**result)

    def _load_params(self) -> None:
        super()._load_params()
        self._rename(self.params)
        for option, described in self.argument_spec.items():
            if described.get("elements") == "dict" and option in self.params:
                given = self.params[option] = _as_dictionaries(self.params[option])
                for entry in filter(_is_dictionary, given if isinstance(given, list) else ()):
                    self._rename(entry)
        # Where options are wrong it is Ansible that ends the module, and it may not have looked
        # for secrets any further; and it writes to the system's log how the module was called.
        addresses = [self.params.get("base_url"), *map(os.environ.get, _arguments.BASE_URL_NAMES)]
        early = [
            *_to_be_masked(self.params, self.argument_spec),
            *(secret for address in addresses for secret in _secrets_in_uri(address)),
        ]
        self.no_log_values.update(
            each for each in early if len(each) >= SHORTEST_MASKED and each not in addresses
        )

    def _rename(self, options: Params) -> None:
        for option, names in self._api_names.items():
            given = _as_dictionary(options.get(option))
            if isinstance(given, dict):
                for name, ours in names.items():
                    if name in given and ours not in given:
                        given[ours] = given.pop(name)
                options[option] = given

    def _register_secrets(self, secrets: t.Iterable[str]) -> None:
        self._secrets.add(secret for secret in secrets if len(secret) >= SHORTEST_MASKED)

    def _masked(self, text: str) -> str:
        """Mask the secrets known by their value, and any others in a URI by its structure."""
        return without_secrets(str(self._secrets.masked(text)))

    def _api_of(self, client: Client, scope: t.Mapping[str, t.Any]) -> Logpush:
        return Logpush(
            client,
            Scope.of(scope["zone_id"], scope["account_id"]),
            register_secrets=self._register_secrets,
        )


def _as_dictionaries(given: t.Any) -> t.Any:
    """Return a list of entries as Ansible makes it of a text; what is none is its to refuse."""
    with contextlib.suppress(TypeError):
        return [_as_dictionary(entry) for entry in check_type_list(given)]
    return given


def _as_dictionary(entry: t.Any) -> t.Any:
    try:
        return check_type_dict(entry)
    except TypeError:
        return entry
    except ValueError:
        # Older versions of Ansible would fall over it a second time; a list they refuse.
        return [entry]


def _is_dictionary(entry: t.Any) -> bool:
    return isinstance(entry, dict)


def _to_be_masked(params: Params, known: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield what secret options hold, and unknown ones: one of them may be a secret's, misspelt."""
    for option, value in params.items():
        described = known.get(option, {"no_log": not option.startswith("_ansible_")})
        if described.get("no_log"):
            yield from texts_in(value)
        inner = described.get("options")
        if inner:
            for entry in value if isinstance(value, list) else [value]:
                is_one = isinstance(entry, dict)
                yield from _to_be_masked(entry, inner) if is_one else texts_in(entry)


def _inner_secrets(params: Params) -> set[str]:
    lists = (value for value in params.values() if isinstance(value, list))
    entries = [params, *(entry for each in lists for entry in each if isinstance(entry, dict))]
    return {secret for entry in entries for secret in _secrets_of(entry)}


def _secrets_of(options: Params) -> t.Iterator[str]:
    for option in _SECRET_OPTIONS:
        # As it is sent: without white space around, and as a text if it was given as none.
        yield str(options.get(option) or "").strip()
    yield from _secrets_in_uri(options.get(DESTINATION_CONF))


def _secrets_in_uri(text: t.Any) -> set[str]:
    try:
        return Destination.parse(text if isinstance(text, str) else "").secrets()
    except InvalidInput:
        return set()


class Label(t.NamedTuple):
    """How an entry is called: ``item`` has no secret in it, ``text`` is for sentences."""

    item: t.Mapping[str, t.Any]
    text: str


def summarize(
    noun: str, labels: t.Sequence[Label], outcomes: t.Sequence[Outcome[Result]]
) -> Result:
    """Return one result for all, or raise ``CloudflareError`` where one has failed."""
    whole = collect(labels, outcomes)
    raise_failures(noun, labels, whole["results"], whole)
    return whole


def collect(labels: t.Sequence[Label], outcomes: t.Sequence[Outcome[Result]]) -> Result:
    """Return ``results``, one for each outcome, and what Ansible shows of all of them.

    Warnings and diffs are returned once, each with the label of what it is about.
    """
    results, warnings, diffs = [], [], []
    for label, outcome in zip(labels, outcomes):
        result = _failure(outcome) if isinstance(outcome, CloudflareError) else dict(outcome)
        warnings += [f"{label.text}: {text}" for text in result.pop("warnings", ())]
        diffs += [result.pop("diff")] if "diff" in result else []
        results.append({"failed": False, **result, "item": dict(label.item)})
    whole: Result = {"changed": any(each["changed"] for each in results), "results": results}
    whole["warnings"] = warnings
    if diffs:
        whole["diff"] = diffs
    return whole


def raise_failures(
    noun: str, labels: t.Sequence[Label], results: t.Sequence[Result], whole: Result
) -> None:
    """Raise ``CloudflareError`` with the ``whole`` result where one of ``results`` has failed."""
    failed = [number for number, each in enumerate(results) if each["failed"]]
    if not failed:
        return
    sentence = f"{len(failed)} of {len(results)} {noun} failed"
    sentence += "; the first of them: " if len(failed) > 1 else ": "
    first = failed[0]
    raise CloudflareError(f"{sentence}{labels[first].text}: {results[first]['msg']}", whole)


def _failure(error: CloudflareError) -> Result:
    return {"changed": False, **error.values, "failed": True, "msg": error.message}
