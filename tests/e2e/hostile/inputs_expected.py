# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to come of a module's options: refused, and for which of them, or which requests."""

from __future__ import annotations

import contextlib
import itertools
import json
import pkgutil
import typing as t
from collections import Counter
from importlib import import_module
from unittest import mock

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict, check_type_list

from ansible_collections.edgeops.cloudflare.plugins import modules
from e2e.hostile.inputs_options import OPTIONS, Option
from e2e.hostile.inputs_server import Job

Values = dict[str, t.Any]
Request = tuple[str, str, t.Any]

_CVE = ("CVE-2021-44228", "cve_2021_44228")
# White space around these is left out, as copying them brings it along.
_STRIPPED = (
    *("api_token", "api_email", "api_key", "base_url", "zone_id", "account_id", "dataset"),
    *("destination_conf", "logpull_options", "ownership_challenge"),
)
_PROPERTIES = (
    *("name", "dataset", "enabled", "kind", "filter", "logpull_options", "frequency"),
    *("max_upload_bytes", "max_upload_interval_seconds", "max_upload_records"),
    *("filter_attack_traffic", "transformer_id"),
)
# Their defaults are those of ndjson.
_OF_NDJSON = ("record_prefix", "record_suffix", "field_delimiter")


# Options that are tested with the units alone: of stores, lists of scopes, members passed through,
# and waiting, which takes real time here.
_ELSEWHERE = {"challenge_file", "scopes", "additional_properties", "wait", "wait_timeout"}


class _Seen(Exception):
    """The options that a module has were seen."""


class Module:
    """One module, and the options that it says itself to have.

    ``entries`` is the option that lists what module ``one`` does once, if it is one of those.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.one = _ONE.get(name, name)
        self.main = import_module(f"{modules.__name__}.{name}").main
        with (
            mock.patch.object(AnsibleModule, "__init__", side_effect=_Seen) as seen,
            contextlib.suppress(_Seen),
        ):
            self.main()
        said = seen.call_args.kwargs
        self._spec: dict[str, Values] = said["argument_spec"]
        lists = (name for name, option in self._spec.items() if option.get("elements") == "dict")
        # A list of scopes takes the place of one; here the module has one.
        self.entries = next((name for name in lists if name != "scopes"), None)
        self._validator = ArgumentSpecValidator(
            self._spec,
            mutually_exclusive=said.get("mutually_exclusive"),
            required_one_of=said.get("required_one_of"),
        )

    @property
    def options(self) -> list[str]:
        """All options that concern Cloudflare, a suboption as OPTION.SUBOPTION."""
        return [name for name in _names(self._spec) if not _ELSEWHERE & {*name.split(".")}]

    def option(self, name: str) -> Option | None:
        """Return what is known here of an option."""
        name = name.removeprefix(f"{self.entries}.")
        return OPTIONS.get(f"{self.one}.{name}", OPTIONS.get(name))

    def secrets(self, given: Values) -> set[str]:
        """Return the texts that must not be seen again: whatever a secret option holds."""
        secret = [_secret(given, self._spec)]
        if self.entries:
            each = _read(given, self.entries).get(self.entries)
            spec = self._spec[self.entries]["options"]
            dictionaries = [one for one in each or () if isinstance(one, dict)]
            secret += [_secret(one, spec) for one in dictionaries]
        return {text.strip() for text in texts(secret)} - {""}

    def judge(self, given: Values) -> Judgement:
        """Say what has to come of these options."""
        read = _renamed(_read(given, self.entries), self.entries)
        # Ansible changes entries while it validates them, and one may stand there twice.
        alone = {name: _copies(value) for name, value in read.items()}
        checked = self._validator.validate(alone)
        params = checked.validated_parameters
        if checked.error_messages:
            return Judgement(list(checked.error_messages), set(given), set(), [])
        for options in (params, *(params[self.entries] if self.entries else ())):
            _strip(options)
        shared, unsure = self._verdict(params, params)
        shared |= _no_credential(params)
        if not self.entries:
            return Judgement([], shared, unsure, [self._judge_one(params, params)])
        rest = {name: value for name, value in params.items() if name != self.entries}
        each = [self._judge_one(one, {**rest, **one}) for one in params[self.entries]]
        return Judgement([], shared | _doubles(self.entries, each), unsure, each)

    def _judge_one(self, own: Values, params: Values) -> One:
        wrong, unsure = self._verdict(own, params)
        return One(params, wrong | _missing(self.one, params) | _in_conflict(params), unsure)

    def _verdict(self, own: Values, params: Values) -> tuple[set[str], set[str]]:
        """Return which of a module's or an entry's own options are wrong, and which may be."""
        wrong: set[str] = set()
        unsure: set[str] = set()
        for name, value in own.items():
            option = self.option(name)
            if value is None or option is None or not _counts(name, params):
                continue
            verdict = option.fits(value)
            wrong |= {name} if verdict is False else set()
            unsure |= {name} if verdict is None else set()
        return wrong, unsure


class One(t.NamedTuple):
    """What has to come of one thing to be done.

    ``params`` are the options as Ansible converts them. What is ``wrong`` has to be refused, what
    is ``unsure`` may be.
    """

    params: Values
    wrong: set[str]
    unsure: set[str]


class Judgement(t.NamedTuple):
    """What has to come of some options.

    ``said`` is what Ansible itself says against them. Where something is ``wrong`` all has to be
    refused, and may be where it is ``unsure``; else each for itself.
    """

    said: list[str]
    wrong: set[str]
    unsure: set[str]
    each: list[One]


# What does many in one task, and what does one of them.
_ONE = {"logpush_jobs": "logpush_job", "logpush_ownerships": "logpush_ownership"}

# Those of object stores, transformers, analytics and notifications are tested with the units.
_LEFT_OUT = (
    *("logpush_challenge_info", "logpush_transformer", "logpush_transformer_info"),
    *("logpush_health_info", "logpush_usage_info", "logpush_notification"),
)
MODULES = {
    name: Module(name)
    for _finder, name, _is_package in pkgutil.iter_modules(modules.__path__)
    if name not in _LEFT_OUT
}


def texts(value: t.Any) -> t.Iterator[str]:
    """Yield each text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from texts(each)
    elif isinstance(value, dict):
        yield from texts(list(value.values()))


def _names(spec: dict[str, Values], before: str = "") -> t.Iterator[str]:
    for name, option in spec.items():
        yield before + name
        yield from _names(option.get("options", {}), f"{before}{name}.")


def _secret(given: Values, spec: dict[str, Values]) -> list[t.Any]:
    return [given.get(name) for name, option in spec.items() if option.get("no_log")]


def _read(given: Values, entries: str | None) -> Values:
    """Return options with entries that are given as texts as Ansible reads them."""
    if entries is None:
        return given
    with contextlib.suppress(TypeError):
        return {**given, entries: [_dictionary(one) for one in check_type_list(given[entries])]}
    return given


def _copies(value: t.Any) -> t.Any:
    if isinstance(value, list):
        return [dict(each) if isinstance(each, dict) else each for each in value]
    return value


def _dictionary(value: t.Any) -> t.Any:
    with contextlib.suppress(TypeError):
        return check_type_dict(value)
    return value


def _renamed(given: Values, entries: str | None = None) -> Values:
    """Return options with the API's own name for one of them put right."""
    if entries is not None and isinstance(given.get(entries), list):
        each = [_renamed(one) if isinstance(one, dict) else one for one in given[entries]]
        return {**given, entries: each}
    with contextlib.suppress(TypeError):
        inner = dict(check_type_dict(given.get("output_options")))
        if _CVE[0] in inner and _CVE[1] not in inner:
            inner[_CVE[1]] = inner.pop(_CVE[0])
        return {**given, "output_options": inner}
    return given


def _counts(name: str, params: Values) -> bool:
    """Tell whether it matters what an option holds."""
    if name in ("api_email", "api_key"):
        return not params["api_token"]
    if name == "api_token":
        return bool(params["api_token"])
    if name == "ca_path":
        return bool(params["validate_certs"])
    return name != "destination_conf" or params.get("state") != "absent"


def _strip(options: Values) -> None:
    for name in _STRIPPED:
        if isinstance(options.get(name), str):
            options[name] = options[name].strip()


def _no_credential(params: Values) -> set[str]:
    if params["api_token"] or (params["api_email"] and params["api_key"]):
        return set()
    half = params["api_email"] or params["api_key"]
    return {"api_key" if params["api_email"] else "api_email"} if half else {"api_token"}


def _missing(module: str, params: Values) -> set[str]:
    wrong: set[str] = set()
    if params["zone_id"] is None and params["account_id"] is None:
        wrong |= {"zone_id"}
    if module == "logpush_job" and params["id"] is None and not params["name"]:
        wrong |= {"name"}
    return wrong


def _doubles(option: str, each: list[One]) -> set[str]:
    """Say whether two jobs are described twice."""
    if option != "jobs":
        return set()
    names = Counter(
        (str(one.params["zone_id"] or one.params["account_id"]).lower(), one.params["name"])
        for one in each
    )
    return {option} if any(number > 1 for number in names.values()) else set()


def _in_conflict(params: Values) -> set[str]:
    wrong: set[str] = set()
    merging = (params.get("output_options") or {}).get("merge_subrequests")
    if merging and params["dataset"] not in (None, "http_requests"):
        wrong |= {"output_options"}
    if params.get("kind") == "edge":
        limits = ("max_upload_bytes", "max_upload_records")
        wrong |= {name for name in limits if params[name] is not None}
    return wrong


def requests_of(module: Module, each: list[Values], jobs: list[Job]) -> list[Request]:
    """Return the requests that such options lead to, their paths from the scope on."""
    requests = [_requests_of_one(module.one, params, jobs) for params in each]
    if module.one != "logpush_job":
        return list(itertools.chain(*requests))
    # All are looked for first, and a zone or account is listed once; and once more where a job was
    # created in it.
    looks = {each[0][1].lower(): each[0] for each in requests}
    writes = [write for each in requests for write in each[1:]]
    created = dict.fromkeys(path.lower() for method, path, _body in writes if method == "POST")
    return [*looks.values(), *writes, *(looks[path] for path in created)]


def _requests_of_one(module: str, params: Values, jobs: list[Job]) -> list[Request]:
    kind = "zone" if params["zone_id"] is not None else "account"
    base = f"/{kind}s/{params[f'{kind}_id']}/logpush"
    conf = {"destination_conf": params.get("destination_conf")}
    if module == "logpush_ownership_validate":
        proof = {**conf, "ownership_challenge": params["ownership_challenge"].strip()}
        return [("POST", f"{base}/ownership/validate", proof)]
    if module == "logpush_destination_validate":
        path = f"{base}/validate/destination"
        return [("POST", f"{path}/exists", conf), ("POST", path, conf)]
    if module == "logpush_dataset_info":
        return [("GET", f"{base}/datasets/{params['dataset']}/fields", None)]
    if module == "logpush_ownership":
        return [("POST", f"{base}/ownership", conf)]
    if module == "logpush_job_info":
        one = "" if params["id"] is None else f"/{params['id']}"
        return [("GET", f"{base}/jobs{one}", None)]
    return [("GET", f"{base}/jobs", None), *_writes(params, jobs, f"{base}/jobs")]


def _writes(params: Values, jobs: list[Job], path: str) -> list[Request]:
    body = _described(params)
    if params["state"] == "absent":
        there = jobs and params["id"] in (None, jobs[0]["id"])
        return [("DELETE", f"{path}/{jobs[0]['id']}", None)] if there else []
    if params["id"] is None and params["name"] not in [job["name"] for job in jobs]:
        return [("POST", path, {"enabled": True, **body})]
    changed = _changed(body, jobs[0], resend=params["update_secrets"] == "always")
    if "destination_conf" not in changed:
        changed.pop("ownership_challenge", None)
    return [("PUT", f"{path}/{params['id'] or jobs[0]['id']}", changed)] if changed else []


def _described(params: Values) -> Values:
    """Return a job as it is sent to the API."""
    body = {name: params[name] for name in _PROPERTIES if params[name] is not None}
    if body.get("filter") and not json.loads(body["filter"]):
        body["filter"] = ""
    names = {_CVE[1]: _CVE[0]}
    options = {names.get(n, n): v for n, v in (params["output_options"] or {}).items()}
    options = {name: value for name, value in options.items() if value is not None}
    if "field_names" in options:
        options["field_names"] = [name.strip() for name in options["field_names"]]
    body.update({"output_options": options} if options else {})
    for name in ("destination_conf", "ownership_challenge"):
        body.update({} if params[name] is None else {name: params[name]})
    if "ownership_challenge" in body:
        body["ownership_challenge"] = body["ownership_challenge"].strip()
    return body


def _changed(body: Values, job: Job, *, resend: bool) -> Values:
    """Return what of a description differs from a job that has each property set."""
    found = {}
    for name, value in body.items():
        if name == "output_options":
            sent = _merged(value, job[name])
            found.update({name: sent} if sent != job[name] else {})
        elif name == "destination_conf":
            found.update({name: value} if resend or "***" not in job[name] else {})
        elif name == "ownership_challenge" or value != job[name]:
            found[name] = value
    return found


def _merged(options: Values, present: Values) -> Values:
    """Return the output options that are sent: those that are not given stay as they are."""
    if options.get("output_type", present["output_type"]) != present["output_type"]:
        present = {name: value for name, value in present.items() if name not in _OF_NDJSON}
    return {**present, **options}
