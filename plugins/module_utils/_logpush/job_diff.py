# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a job's desired and actual state differ. Pure.

Only what the desired state sets is compared.
"""

from __future__ import annotations

import contextlib
import json
import re
import typing as t
from urllib.parse import parse_qs

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_diff import (
    compare,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    ALWAYS,
    CVE_KEY,
    ON_CHANGE,
    DesiredJob,
    Job,
    with_option_names,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    parsed_filter,
)

# Another one of these is an error, not a change.
_FIXED = ("dataset", "kind")
# The API leaves out what is empty: none of these differs from a property that is not set. A
# property is also not set where it has the only value that Cloudflare documents for that.
_NOT_SET = {"frequency": "high"}
_OUTPUT_DEFAULTS: dict[str, t.Any] = {
    "field_names": [],
    "output_type": "ndjson",
    "timestamp_format": "unixnano",
    "sample_rate": 1,
    CVE_KEY: False,
    "merge_subrequests": False,
    "stringify_object": False,
    "batch_prefix": "",
    "batch_suffix": "",
    "record_template": "",
    "record_delimiter": "",
}
# Those that depend on the output type; of another type than these none is documented.
_DEFAULTS_OF_TYPE: dict[str, dict[str, t.Any]] = {
    "ndjson": {"record_prefix": "{", "record_suffix": "}\n", "field_delimiter": ","},
    "csv": {"record_prefix": "", "record_suffix": "\n", "field_delimiter": ","},
}
_OF_TYPE = ("record_prefix", "record_suffix", "field_delimiter")
_TIMESTAMP_FORMATS = ("unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


class Changes(t.NamedTuple):
    """What to send so that the actual state becomes the desired one.

    ``body`` is the request's, without a token; ``names`` say what differs, an output option as
    ``output_options.NAME``. ``not_compared`` is what the API masks.
    """

    body: t.Mapping[str, t.Any] = {}
    names: t.Sequence[str] = ()
    not_compared: t.Sequence[str] = ()


def find_changes(desired: DesiredJob, job: Job) -> Changes:
    """Compare the desired with the actual state of a job."""
    return _JobComparison(desired, job).run()


def not_applied(desired: DesiredJob, job: Job) -> list[str]:
    """Return by name what of the desired state a job does not show after it was written."""
    fixed = [
        name
        for name in _FIXED
        if desired.properties.get(name)
        and not _is_same(name, desired.properties[name], job.properties.get(name))
    ]
    return [*fixed, *find_changes(desired._replace(update_secrets=ON_CHANGE), job).names]


def names_of(body: t.Mapping[str, t.Any]) -> list[str]:
    """Return the names of the properties in a request, an output option by its own name."""
    options = with_option_names(body.get("output_options") or {})
    names = [name for name in body if name != "output_options"]
    return sorted([*names, *(f"output_options.{name}" for name in options)])


class _JobComparison:
    """The comparison of one job."""

    def __init__(self, desired: DesiredJob, job: Job) -> None:
        self._desired = desired
        self._job = job
        self._body: dict[str, t.Any] = {}
        self._names: list[str] = []
        self._not_compared: list[str] = []

    def run(self) -> Changes:
        """Compare each property that the desired state sets."""
        if self._desired.destination is not None:
            self._compare_destination(self._desired.destination)
        for name, value in self._desired.properties.items():
            if name == "output_options":
                self._compare_output_options(value)
            elif name not in _FIXED and not _is_same(name, value, self._job.properties.get(name)):
                self._change(name, value)
        return Changes(self._body, self._names, self._not_compared)

    def _change(self, name: str, value: t.Any) -> None:
        self._body[name] = value
        self._names.append(name)

    def _compare_destination(self, ours: Destination) -> None:
        found = compare(ours, self._job.properties.get(DESTINATION_CONF))
        self._not_compared += map(_label, found.masked)
        resend = bool(found.masked) and self._desired.update_secrets == ALWAYS
        if found.different or resend:
            self._change(DESTINATION_CONF, ours.raw)

    def _compare_output_options(self, desired: dict[str, t.Any]) -> None:
        old = self._desired.properties.get(
            "logpull_options", self._job.properties.get("logpull_options")
        )
        present = self._job.output_options or _from_logpull_options(old)
        present_type = present.get("output_type") or "ndjson"
        output_type = desired.get("output_type", present_type)
        if output_type != present_type:
            # What encloses a record of the one type would spoil those of the other.
            present = {name: value for name, value in present.items() if name not in _OF_TYPE}
        defaults = {**_OUTPUT_DEFAULTS, **_DEFAULTS_OF_TYPE.get(output_type, {})}
        different = {
            name: value
            for name, value in desired.items()
            if not _is_same_option(name, value, present.get(name, defaults.get(name)), output_type)
        }
        if different:
            # The API replaces them whole: what was left out would fall back to its default.
            self._body["output_options"] = {**present, **desired}
            self._names += [f"output_options.{name}" for name in with_option_names(different)]


def _label(part: str) -> str:
    return part if part == DESTINATION_CONF else f"{DESTINATION_CONF}: {part}"


def _is_same(name: str, value: t.Any, present: t.Any) -> bool:
    """Compare one property; what is empty is not set, whatever it is."""
    value, present = (
        each if each and each != _NOT_SET.get(name) else None for each in (value, present)
    )
    if name == "filter":
        value, present = parsed_filter(value), parsed_filter(present)
    return _canonical(value) == _canonical(present)


def _canonical(value: t.Any) -> str:
    """Return a value so that two of the same meaning are equal, unlike true and 1 to Python."""
    content = json.loads(json.dumps(value), parse_float=_number)
    return json.dumps(content, sort_keys=True)


def _number(text: str) -> float:
    """Return a number; 1 and 1.0 are one number to JSON."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _is_same_option(name: str, value: t.Any, present: t.Any, output_type: str) -> bool:
    if name == "field_names" and isinstance(value, list) and isinstance(present, list):
        # The API shows a field once, however often it is named.
        fields, shown = list(dict.fromkeys(value)), list(dict.fromkeys(map(str, present)))
        # The order of the columns matters; that of a JSON object's members does not.
        return fields == shown if output_type == "csv" else sorted(fields) == sorted(shown)
    return _canonical(value) == _canonical(present)


def _from_logpull_options(query: t.Any) -> dict[str, t.Any]:
    """Return what of the deprecated query string is valid in the options that replace it.

    Output options put the query string out of force, so what it holds is sent along with them.
    """
    if not isinstance(query, str):
        return {}
    values = {name: each[-1] for name, each in parse_qs(query.rpartition("?")[2]).items()}
    options: dict[str, t.Any] = {}
    fields = [name.strip() for name in values.get("fields", "").split(",")]
    fields = list(filter(_FIELD_NAME.fullmatch, fields))
    if fields:
        options["field_names"] = fields
    if values.get("timestamps") in _TIMESTAMP_FORMATS:
        options["timestamp_format"] = values["timestamps"]
    if values.get(CVE_KEY) == "true":
        options[CVE_KEY] = True
    with contextlib.suppress(KeyError, ValueError):
        sample = float(values["sample"])
        if 0 < sample <= 1:
            options["sample_rate"] = sample
    return options


_ORDER = (
    "name",
    "dataset",
    "kind",
    "enabled",
    "frequency",
    "filter",
    "output_options",
    "logpull_options",
    "max_upload_bytes",
    "max_upload_interval_seconds",
    "max_upload_records",
    DESTINATION_CONF,
)
_SECRET = "(secret)"
_SECRET_SENT = "(secret, sent)"


def shown_job(job: Job, changes: Changes | None = None) -> dict[str, t.Any]:
    """Return what a diff shows of a job, before ``changes`` if there are any."""
    return _shown(job.properties, _names(changes.body if changes else {}))


def shown_creation(properties: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a diff shows of a job to be created: what is sent to the API."""
    return _shown(properties, [name for name in _names(properties) if name in properties])


def shown_update(job: Job, changes: Changes) -> dict[str, t.Any]:
    """Return what a diff shows of a job after a change."""
    secret = _SECRET_SENT if DESTINATION_CONF in changes.body else _SECRET
    return _shown({**job.properties, **changes.body}, _names(changes.body), secret)


def _names(sent: t.Mapping[str, t.Any]) -> list[str]:
    """Return what a diff shows: the usual properties, and any others that are sent."""
    return [*_ORDER, *(name for name in sent if name not in _ORDER)]


def _shown(
    properties: t.Mapping[str, t.Any], names: t.Sequence[str], secret: str = _SECRET
) -> dict[str, t.Any]:
    shown: dict[str, t.Any] = {name: properties.get(name) for name in names}
    if shown.get("filter"):
        shown["filter"] = parsed_filter(shown["filter"])
    if shown.get("output_options"):
        shown["output_options"] = with_option_names(Job(dict(properties)).output_options)
    if DESTINATION_CONF in shown:
        shown[DESTINATION_CONF] = _shown_destination(shown[DESTINATION_CONF], secret)
    return shown


def _shown_destination(conf: t.Any, secret: str) -> t.Any:
    destination = Job({DESTINATION_CONF: conf}).destination
    if destination is None:
        return "(not shown by Cloudflare)"
    parts = destination.parts().items()
    return {name: secret if is_secret else value for name, (value, is_secret) in parts}
