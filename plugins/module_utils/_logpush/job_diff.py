# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a job and its description differ. Pure.

Only what the description sets is compared, and only with what Cloudflare shows.
"""

from __future__ import annotations

import contextlib
import json
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
    CVE_KEY,
    DesiredJob,
    Job,
    parsed_filter,
    with_option_names,
)

# What Cloudflare documents to hold where a property is not set, or null.
_DEFAULTS: dict[str, t.Any] = {
    "enabled": False,
    "name": "",
    "logpull_options": "",
    "frequency": "high",
    "max_upload_bytes": 0,
    "max_upload_interval_seconds": 30,
    "max_upload_records": 100_000,
}
# Another one of these is an error, not a change.
_FIXED = ("dataset", "kind")
_OUTPUT_DEFAULTS: dict[str, t.Any] = {
    "field_names": [],
    "output_type": "ndjson",
    "timestamp_format": "unixnano",
    "sample_rate": 1,
    CVE_KEY: False,
    "merge_subrequests": False,
    "batch_prefix": "",
    "batch_suffix": "",
    "record_template": "",
    "record_delimiter": "",
}
# These depend on the output type; documented is what holds for ndjson.
_NDJSON_DEFAULTS: dict[str, t.Any] = {
    "record_prefix": "{",
    "record_suffix": "}\n",
    "field_delimiter": ",",
}
# Of the old query string: each name, and what it became.
_LOGPULL_NAMES = {"timestamps": "timestamp_format", "fields": "field_names"}


class Changes(t.NamedTuple):
    """What to send so that a job becomes as it is described.

    ``body`` is the request's, without a token; ``names`` say what is different in it, an output
    option by ``output_options.NAME``. ``masked`` and ``missing`` could not be compared.
    """

    body: t.Mapping[str, t.Any] = {}
    names: t.Sequence[str] = ()
    masked: t.Sequence[str] = ()
    missing: t.Sequence[str] = ()


def find_changes(desired: DesiredJob, job: Job) -> Changes:
    """Compare a job with its description."""
    return _Comparing(desired, job).run()


def names_of(body: t.Mapping[str, t.Any]) -> list[str]:
    """Return how the properties in a request are called, an output option by its own name."""
    options = with_option_names(body.get("output_options") or {})
    names = [name for name in body if name != "output_options"]
    return sorted([*names, *(f"output_options.{name}" for name in options)])


class _Comparing:
    """One job being compared."""

    def __init__(self, desired: DesiredJob, job: Job) -> None:
        self._desired = desired
        self._job = job
        self._body: dict[str, t.Any] = {}
        self._names: list[str] = []
        self._masked: list[str] = []
        self._missing: list[str] = []

    def run(self) -> Changes:
        """Compare each property that is described."""
        if self._desired.destination is not None:
            self._destination(self._desired.destination)
        for name, value in self._desired.properties.items():
            if name == "output_options":
                self._output_options(value)
            elif name == "filter":
                self._filter(value)
            elif name in _FIXED:
                continue
            elif value != _present(self._job.properties, name, _DEFAULTS):
                self._change(name, value)
        return Changes(self._body, self._names, self._masked, self._missing)

    def _change(self, name: str, value: t.Any) -> None:
        self._body[name] = value
        self._names.append(name)

    def _destination(self, ours: Destination) -> None:
        found = compare(ours, self._job.properties.get(DESTINATION_CONF))
        self._masked += map(_label, found.masked)
        self._missing += map(_label, found.missing)
        hidden = bool(found.masked or found.missing)
        if found.different or (hidden and self._desired.resend_hidden):
            self._change(DESTINATION_CONF, ours.raw)

    def _filter(self, text: str) -> None:
        if "filter" in self._job.properties:
            if _canonical(text) != _canonical(self._job.properties["filter"]):
                self._change("filter", text)
            return
        if not text:
            # None is desired, and none is shown.
            return
        self._missing.append("filter")
        if self._desired.resend_hidden:
            self._change("filter", text)

    def _output_options(self, desired: dict[str, t.Any]) -> None:
        old = self._desired.properties.get(
            "logpull_options", self._job.properties.get("logpull_options")
        )
        present = self._job.output_options or _from_logpull_options(old)
        present_type = present.get("output_type") or "ndjson"
        output_type = desired.get("output_type") or present_type
        if output_type != present_type:
            # What encloses a record of the one type would spoil those of the other.
            present = {name: v for name, v in present.items() if name not in _NDJSON_DEFAULTS}
        defaults = dict(_OUTPUT_DEFAULTS, **(_NDJSON_DEFAULTS if output_type == "ndjson" else {}))
        different = {
            name: value
            for name, value in desired.items()
            if not _same_option(name, value, _present(present, name, defaults), output_type)
        }
        if different:
            # The API replaces them whole: what was left out would fall back to its default.
            self._body["output_options"] = {**present, **desired}
            self._names += [f"output_options.{name}" for name in with_option_names(different)]


def _label(part: str) -> str:
    return part if part == DESTINATION_CONF else f"{DESTINATION_CONF}: {part}"


def _present(properties: dict[str, t.Any], name: str, defaults: dict[str, t.Any]) -> t.Any:
    value = properties.get(name)
    return defaults.get(name) if value is None else value


def _canonical(text: t.Any) -> str:
    """Return a filter so that two that mean the same are the same."""
    content = json.loads(json.dumps(parsed_filter(text)), parse_float=_number)
    return json.dumps(content, sort_keys=True)


def _number(text: str) -> float:
    """Return a number; 1 and 1.0 are one number to JSON."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _same_option(name: str, value: t.Any, present: t.Any, output_type: str) -> bool:
    if name == "field_names" and output_type != "csv" and isinstance(present, list):
        # The order of the columns matters; that of a JSON object's members does not.
        return sorted(value) == sorted(map(str, present))
    return bool(value == present)


def _from_logpull_options(query: t.Any) -> dict[str, t.Any]:
    """Return what the deprecated query string says, which output options put out of force."""
    if not isinstance(query, str):
        return {}
    said = {name: values[-1] for name, values in parse_qs(query).items()}
    options: dict[str, t.Any] = {}
    for old, new in _LOGPULL_NAMES.items():
        if old in said:
            options[new] = said[old].split(",") if new == "field_names" else said[old]
    if said.get(CVE_KEY) == "true":
        options[CVE_KEY] = True
    with contextlib.suppress(KeyError, ValueError):
        sample = float(said["sample"])
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


def shown_job(job: Job) -> dict[str, t.Any]:
    """Return what a diff shows of a job."""
    return _shown(job.properties, _ORDER)


def shown_creation(properties: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a diff shows of a job to be created: what is told to the API."""
    return _shown(properties, [name for name in _ORDER if name in properties])


def shown_update(job: Job, changes: Changes) -> dict[str, t.Any]:
    """Return what a diff shows of a job after a change."""
    secret = _SECRET_SENT if DESTINATION_CONF in changes.body else _SECRET
    return _shown({**job.properties, **changes.body}, _ORDER, secret)


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
