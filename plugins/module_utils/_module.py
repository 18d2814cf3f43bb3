# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module: options in, one result out. The only place that builds a client, and that exits."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    MissingLibrary,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
    Destination,
    secrets_of,
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import (
    Secrets,
    looks_like_secret,
)

# A value from a vault or a file ends with a line break.
_STRIPPED_OPTIONS = (
    *("api_token", "api_key", "api_email", "base_url", "zone_id", "account_id", "dataset"),
    *(DESTINATION_CONF, "logpull_options", "ownership_challenge"),
)
_STRIPPED_LISTS = ("prune_datasets", "quiet_datasets")
# Options and results whose values identify something, so that they are never redacted.
_PUBLIC_OPTIONS = ("account_id", "dataset", "host", "name", "zone_id")
_PUBLIC_RESULTS = frozenset(
    (
        *(*_PUBLIC_OPTIONS, "bucket", "endpoint", "filename", "key", "prefix", "region", "scheme"),
        # Of a few words that are documented, or names of options and fields.
        *("action", "changes", "field_names", "frequency", "kind", "last_complete", "last_error"),
        *("not_applied", "not_compared", "operator", "output_type", "ownership", "push", "status"),
        "timestamp_format",
    )
)
# A result whose only purpose is its value. The token quotes the destination, secrets included.
_VERBATIM_RESULTS = ("ownership_challenge",)
_QUOTING_RESULTS = frozenset(("diff", "error"))
_MESSAGES = frozenset(("error_message", "message", "msg"))
_EXCLUSIVE = [("zone_id", "account_id")]
_ACCOUNT = {"account_id": {"type": "str", "required": True}}

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
    """Run a module for one zone or account: ``run`` gets the options and the API of the scope.

    ``argument_spec`` holds the module's own options, to which ``required_one_of`` refers; those
    of connection and scope are added. ``api_names`` maps, for each option, other names of its
    suboptions to ours. ``warnings`` and ``diff`` in a result are Ansible's own.
    """
    module = _Module(
        api_names or {},
        argument_spec={**_arguments.CONNECTION, **_arguments.SCOPE, **argument_spec},
        mutually_exclusive=_EXCLUSIVE,
        required_one_of=[*_EXCLUSIVE, *required_one_of],
    )
    module.run(run, module.logpush)


def execute_scopes(run: t.Callable[[Params, LogpushOf], Result], argument_spec: Params) -> None:
    """Run a module for one zone or account, or for those that the option ``scopes`` lists.

    ``run`` gets all options, and a function that returns the API of a zone or account.
    """
    scopes = {
        "type": "list",
        "elements": "dict",
        "options": {**_arguments.SCOPE, "host": {"type": "str"}},
        "mutually_exclusive": _EXCLUSIVE,
        "required_one_of": _EXCLUSIVE,
    }
    exclusive = [(*_EXCLUSIVE[0], "scopes")]
    module = _Module(
        {},
        argument_spec={
            **_arguments.CONNECTION,
            **_arguments.CONCURRENCY,
            **_arguments.SCOPE,
            "scopes": scopes,
            **argument_spec,
        },
        mutually_exclusive=exclusive,
        required_one_of=exclusive,
    )
    module.run(run, module.logpush_of_scopes)


def execute_many(
    option: str,
    run: t.Callable[[Params, LogpushOf], Result],
    entry_spec: Params,
    *,
    common_spec: Params | None = None,
    required_one_of: t.Sequence[t.Sequence[str]] = (),
    api_names: ApiNames | None = None,
) -> None:
    """Run a module whose ``option`` is a list of entries, each with its own zone or account.

    ``run`` gets all options, and a function that returns the API of an entry's scope.
    ``common_spec`` holds the module's own options beside the list. The other arguments apply to
    an entry as those of ``execute`` do to a module.
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
    module.run(run, module.logpush_of_scopes)


def execute_for_account(
    run: t.Callable[[Params, Client], Result],
    argument_spec: Params,
    *,
    required_one_of: t.Sequence[t.Sequence[str]] = (),
) -> None:
    """Run a module for what only accounts have: ``run`` gets the options and the client."""
    module = _Module(
        {},
        argument_spec={**_arguments.CONNECTION, **_ACCOUNT, **argument_spec},
        required_one_of=required_one_of,
    )
    module.run(run, module.client)


def execute_local(run: t.Callable[[Params], Result], argument_spec: Params) -> None:
    """Run a module that does not talk to the API, and has no connection options."""
    module = _Module({}, argument_spec=argument_spec)
    module.run(run)


class _Module(AnsibleModule):  # type: ignore[misc]
    """A module of this collection; it takes suboptions by the API's own names too.

    An alias would do, if Ansible's sanity tests allowed for one that is no Python identifier.
    """

    argument_spec: Params
    params: Params
    no_log_values: set[str]

    def __init__(self, api_names: ApiNames, **spec: t.Any) -> None:
        self._api_names = api_names
        self._secrets = Secrets()
        self._client: Client | None = None
        self._unsupported: str | None = None
        self._is_valid = False
        try:
            super().__init__(supports_check_mode=True, **spec)
        except (TypeError, ValueError, OverflowError):
            # Ansible's own checks do not take each type everywhere.
            self._unsupported = self._unsupported or _arguments.mistyped(
                self.params, spec["argument_spec"]
            )
            if self._unsupported is None:
                raise
            self.fail_json(self._unsupported)
        self._is_valid = True
        _strip(self.params)
        self._register(self.params)

    def run(self, run: t.Callable[..., Result], *apis: t.Callable[[], t.Any]) -> None:
        """Exit with what ``run`` returns for the options and these APIs, or with its error."""
        end: t.Callable[..., None] = self.fail_json
        try:
            result = run(self.params, *(api() for api in apis))
            end = self.exit_json
        except MissingLibrary as error:
            msg = missing_required_lib(error.library)
            result = {**error.values, "msg": msg, "exception": error.traceback}
        except CloudflareError as error:
            result = {**error.values, "msg": error.message}
        for warning in result.pop("warnings", ()):
            self.warn(warning)
        if not self._diff:
            result.pop("diff", None)
        if "rate_limit_share" in self.argument_spec:
            waited = self._client.rate_limiter.waited if self._client else 0.0
            result["rate_limit_waited"] = round(waited, 3)
        end(**result)

    def client(self) -> Client:
        """Return the client that the connection options lead to."""
        if http.IMPORT_ERROR is not None:
            raise MissingLibrary("requests", http.IMPORT_ERROR)
        self._client = Client.from_options(
            self.params, redact=self._redact, check_mode=self.check_mode
        )
        return self._client

    def logpush(self) -> Logpush:
        """Return the API of the zone or account that the options name."""
        return self.logpush_of_scopes()(self.params)

    def logpush_of_scopes(self) -> LogpushOf:
        """Return a function that returns the API of the zone or account that a dictionary names."""
        client = self.client()

        def logpush_of(scope: t.Mapping[str, t.Any]) -> Logpush:
            of = Scope.of(scope["zone_id"], scope["account_id"])
            return Logpush(client, of, register_secrets=self._secrets.add)

        return logpush_of

    def exit_json(self, **kwargs: t.Any) -> None:
        """Exit with a redacted result, to which Ansible's own redaction would do harm."""
        super().exit_json(**self._shown(kwargs))

    def fail_json(self, msg: str, **kwargs: t.Any) -> None:
        """Fail with a redacted result; name the entry and the option that Ansible refuses."""
        if not self._is_valid:
            msg = self._unsupported or _arguments.located(msg, self.params, self.argument_spec)
        super().fail_json(**self._shown({**kwargs, "msg": msg}))

    def warn(self, warning: str, **kwargs: t.Any) -> None:
        """Warn without secrets: some versions of Ansible do not redact warnings."""
        super().warn(self._redact(warning), **kwargs)

    def _shown(self, result: Result) -> Result:
        self._secrets.add_public(_option_names(self.argument_spec))
        # Unless a response quotes a key instead of a name.
        self._secrets.add_public(
            name
            for name in set(_public_in(result))
            if not any(map(looks_like_secret, self._secrets.within(name)))
        )
        invocation = {"module_args": _arguments.shown(self.params, self.argument_spec)}
        shown: Result = self._secrets.redact_value({**result, "invocation": invocation})
        _redact_messages(shown)
        shown.update((name, result[name]) for name in _VERBATIM_RESULTS if name in result)
        # Ansible would search for each value in each text, and put stars into the middle of words.
        self.no_log_values = set()
        return shown

    def _load_params(self) -> None:
        """Check the options first, since Ansible's own message does not name an entry."""
        super()._load_params()
        _arguments.serialize(self.params, self.argument_spec)
        self._rename(self.params)
        for option, described in self.argument_spec.items():
            if described.get("elements") == "dict" and option in self.params:
                given = self.params[option] = _arguments.as_dictionaries(self.params[option])
                for entry in given if isinstance(given, list) else ():
                    if isinstance(entry, dict):
                        self._rename(entry)
        # Where an option is wrong it is Ansible that ends the module.
        self._register(self.params)
        self._unsupported = _arguments.unsupported(self.params, self.argument_spec)

    def _log_invocation(self) -> None:
        """Write a redacted call to the system's log: Ansible would search for each value in it."""
        params, values = self.params, self.no_log_values
        self.params = self._secrets.redact_value(_arguments.shown(params, self.argument_spec))
        self.no_log_values = set()
        try:
            super()._log_invocation()
        finally:
            self.params, self.no_log_values = params, values

    def _rename(self, options: Params) -> None:
        for option, names in self._api_names.items():
            given = _arguments.as_dictionary(options.get(option))
            if isinstance(given, dict):
                for name, ours in names.items():
                    if name in given and ours not in given:
                        given[ours] = given.pop(name)
                options[option] = given

    def _register(self, params: Params) -> None:
        """Register the secrets that the options hold, and the names that are none."""
        for options in _levels(params):
            self._secrets.add_public(
                str(options[name]) for name in _PUBLIC_OPTIONS if options.get(name)
            )
            destination = _destination(options.get(DESTINATION_CONF))
            if destination is not None:
                self._secrets.add_public(destination.public_names)
            self._secrets.add(secrets_of(options.get(DESTINATION_CONF)))
        # Of a destination the sensitive parts alone.
        self._secrets.add(
            text.strip()
            for text in _arguments.sensitive_texts(params, self.argument_spec)
            if _destination(text) is None
        )
        for address in (params.get("base_url"), *map(os.environ.get, _arguments.BASE_URL_NAMES)):
            self._secrets.add(secrets_of(address))

    def _redact(self, text: str) -> str:
        """Redact what is known by its value, and by structure what else a URI holds."""
        return without_secrets(self._secrets.redact(text))


def _strip(value: t.Any) -> None:
    for options in _levels(value):
        for name in _STRIPPED_OPTIONS:
            if isinstance(options.get(name), str):
                options[name] = options[name].strip()
        for name in _STRIPPED_LISTS:
            # Of "a, b" Ansible makes "a" and " b".
            if isinstance(options.get(name), list):
                options[name] = [str(each).strip() for each in options[name]]


def _levels(params: Params) -> t.Iterator[Params]:
    """Yield the options, and each dictionary of options in a list."""
    yield params
    for value in params.values():
        for entry in value if isinstance(value, list) else ():
            if isinstance(entry, dict):
                yield entry


def _destination(text: t.Any) -> Destination | None:
    try:
        return Destination.parse(text.strip() if isinstance(text, str) else "")
    except InvalidInput:
        return None


def _option_names(spec: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for name, described in spec.items():
        yield name
        yield from _option_names(described.get("options") or {})


def _public_in(result: t.Any) -> t.Iterator[str]:
    """Yield the keys and the public values in a result; not what an error quotes."""
    waiting = [result]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            for name, value in each.items():
                yield name
                if name in _PUBLIC_RESULTS:
                    values = value if isinstance(value, list) else [value]
                    yield from (text for text in values if isinstance(text, str))
                elif name not in _QUOTING_RESULTS:
                    waiting.append(value)
        elif isinstance(each, (list, tuple)):
            waiting += each


def _redact_messages(result: Result) -> None:
    """Redact by structure what a message quotes; other values are data, such as a filter's."""
    waiting: list[t.Any] = [result]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            for name in _MESSAGES.intersection(each):
                if isinstance(each[name], str):
                    each[name] = without_secrets(each[name])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
