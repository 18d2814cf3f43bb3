# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to come of a module's options: refused, and for which of them, or which requests."""

from __future__ import annotations

import contextlib
import json
import pkgutil
import typing as t
from importlib import import_module
from unittest import mock

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict

from ansible_collections.edgeops.cloudflare.plugins import modules
from system.hostile.inputs_options import OPTIONS, Option
from system.hostile.inputs_server import Job

Values = dict[str, t.Any]
Request = tuple[str, str, t.Any]

_CVE = ("CVE-2021-44228", "cve_2021_44228")
_PROPERTIES = (
    *("name", "dataset", "enabled", "kind", "filter", "logpull_options", "frequency"),
    *("max_upload_bytes", "max_upload_interval_seconds", "max_upload_records"),
)
# Their defaults are those of ndjson.
_OF_NDJSON = ("record_prefix", "record_suffix", "field_delimiter")


class _Seen(Exception):
    """The options that a module has were seen."""


class Module:
    """One module, and the options that it says itself to have."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.main = import_module(f"{modules.__name__}.{name}").main
        with (
            mock.patch.object(AnsibleModule, "__init__", side_effect=_Seen) as seen,
            contextlib.suppress(_Seen),
        ):
            self.main()
        said = seen.call_args.kwargs
        self._spec: dict[str, Values] = said["argument_spec"]
        self._validator = ArgumentSpecValidator(
            self._spec,
            mutually_exclusive=said["mutually_exclusive"],
            required_one_of=said["required_one_of"],
        )

    @property
    def options(self) -> list[str]:
        """All options, a suboption as OPTION.SUBOPTION."""
        found = list(self._spec)
        for name, option in self._spec.items():
            found += [f"{name}.{suboption}" for suboption in option.get("options", ())]
        return found

    def option(self, name: str) -> Option | None:
        """Return what is known here of an option."""
        return OPTIONS.get(f"{self.name}.{name}", OPTIONS.get(name))

    def secrets(self, given: Values) -> set[str]:
        """Return the texts that must not be seen again: whatever a secret option holds."""
        secret = [given.get(name) for name, option in self._spec.items() if option.get("no_log")]
        return {text.strip() for text in texts(secret)} - {""}

    def judge(self, given: Values) -> Judgement:
        """Say what has to come of these options."""
        checked = self._validator.validate(_renamed(given))
        params = checked.validated_parameters
        if checked.error_messages:
            return Judgement({}, list(checked.error_messages), set(given), set())
        wrong, unsure = _missing(self.name, params) | _in_conflict(params), set()
        for name, value in params.items():
            option = self.option(name)
            if value is None or option is None or not _counts(name, params):
                continue
            verdict = option.fits(value)
            wrong |= {name} if verdict is False else set()
            unsure |= {name} if verdict is None else set()
        return Judgement(params, [], wrong, unsure)


class Judgement(t.NamedTuple):
    """What has to come of some options.

    ``params`` are the options as Ansible converts them, ``said`` what Ansible itself says against
    them. What is ``wrong`` has to be refused, what is ``unsure`` may be.
    """

    params: Values
    said: list[str]
    wrong: set[str]
    unsure: set[str]


MODULES = {
    name: Module(name) for _finder, name, _is_package in pkgutil.iter_modules(modules.__path__)
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


def _renamed(given: Values) -> Values:
    """Return options with the API's own name for one of them put right."""
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


def _missing(module: str, params: Values) -> set[str]:
    wrong: set[str] = set()
    if params["zone_id"] is None and params["account_id"] is None:
        wrong |= {"zone_id"}
    if not params["api_token"] and not (params["api_email"] and params["api_key"]):
        half = params["api_email"] or params["api_key"]
        wrong |= {"api_key" if params["api_email"] else "api_email"} if half else {"api_token"}
    if module == "logpush_job" and params["id"] is None and not params["name"]:
        wrong |= {"name"}
    return wrong


def _in_conflict(params: Values) -> set[str]:
    wrong: set[str] = set()
    merging = (params.get("output_options") or {}).get("merge_subrequests")
    if merging and params["dataset"] not in (None, "http_requests"):
        wrong |= {"output_options"}
    if params.get("kind") == "edge":
        limits = ("max_upload_bytes", "max_upload_records")
        wrong |= {name for name in limits if params[name] is not None}
    return wrong


def requests_of(module: str, params: Values, jobs: list[Job]) -> list[Request]:
    """Return the requests that such options lead to, their paths from the scope on."""
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
    one = "" if params["id"] is None else f"/{params['id']}"
    look: Request = ("GET", f"{base}/jobs{one}", None)
    if module == "logpush_job_info":
        return [look]
    return [look, *_writes(params, jobs, f"{base}/jobs")]


def _writes(params: Values, jobs: list[Job], path: str) -> list[Request]:
    body = _described(params)
    if params["state"] == "absent":
        return [("DELETE", f"{path}/{params['id'] or jobs[0]['id']}", None)] if jobs else []
    if params["id"] is None and params["name"] not in [job["name"] for job in jobs]:
        return [("POST", path, body)]
    changed = _changed(body, jobs[0], resend_hidden=params["resend_hidden"])
    if "destination_conf" not in changed:
        changed.pop("ownership_challenge", None)
    return [("PUT", f"{path}/{params['id'] or jobs[0]['id']}", changed)] if changed else []


def _described(params: Values) -> Values:
    """Return a job as it is told to the API."""
    body = {name: params[name] for name in _PROPERTIES if params[name] is not None}
    if body.get("filter") and not json.loads(body["filter"]):
        body["filter"] = ""
    names = {_CVE[1]: _CVE[0]}
    options = {names.get(n, n): v for n, v in (params["output_options"] or {}).items()}
    options = {name: value for name, value in options.items() if value is not None}
    body.update({"output_options": options} if options else {})
    for name in ("destination_conf", "ownership_challenge"):
        body.update({} if params[name] is None else {name: params[name]})
    if "ownership_challenge" in body:
        body["ownership_challenge"] = body["ownership_challenge"].strip()
    return body


def _changed(body: Values, job: Job, *, resend_hidden: bool) -> Values:
    """Return what of a description differs from a job that has each property set."""
    found = {}
    for name, value in body.items():
        if name == "output_options":
            sent = _merged(value, job[name])
            found.update({name: sent} if sent != job[name] else {})
        elif name == "destination_conf":
            found.update({name: value} if resend_hidden or "***" not in job[name] else {})
        elif name == "ownership_challenge" or value != job[name]:
            found[name] = value
    return found


def _merged(options: Values, present: Values) -> Values:
    """Return the output options that are sent: those that are not given stay as they are."""
    if options.get("output_type", present["output_type"]) != present["output_type"]:
        present = {name: value for name, value in present.items() if name not in _OF_NDJSON}
    return {**present, **options}
