# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A batch of made-up log records, in the format that a job's ``output_options`` ask for.

Templates have fields and text only. Filters and sampling change nothing: three records are made in
any case.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from . import datasets

RECORDS = 3
# Documented for http_requests; of the others all known fields are taken.
_DEFAULT_FIELDS = {
    "http_requests": (
        "ClientIP ClientRequestHost ClientRequestMethod ClientRequestURI EdgeEndTimestamp "
        "EdgeResponseBytes EdgeResponseStatus EdgeStartTimestamp RayID"
    ).split()
}
_DEFAULTS: dict[str, dict[str, str]] = {
    "ndjson": {"record_prefix": "{", "record_suffix": "}\n", "field_delimiter": ","},
    "csv": {"record_prefix": "", "record_suffix": "\n", "field_delimiter": ","},
}
_TIMESTAMPS: dict[str, Callable[[datetime], int | str]] = {
    "unixnano": lambda at: int(at.timestamp()) * 10**9,
    "unix": lambda at: int(at.timestamp()),
    "rfc3339": lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}",
    "rfc3339ms": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
    "rfc3339ns": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.000000000Z",
}
# Values of strings, by the last part of the name of the field.
_STRINGS = {
    "IP": "192.0.2.{}",
    "Host": "www.example.com",
    "QueryName": "www.example.com",
    "Method": "GET",
    "URI": "/page-{}",
    "Path": "/page-{}",
    "RayID": "{:016x}",
    "Action": "block",
}


def text(job: dict[str, Any], start: datetime) -> str:
    """Return the text of a batch: one record for each second from ``start`` on."""
    options = {name: value for name, value in (job["output_options"] or {}).items() if value != []}
    output_type = options.get("output_type", "ndjson")
    options = _DEFAULTS[output_type] | options
    known = datasets.fields(job["dataset"])
    default = _DEFAULT_FIELDS.get(job["dataset"]) or list(known) or ["Datetime"]
    stamp = _TIMESTAMPS[options.get("timestamp_format", "unixnano")]
    cell = _csv if output_type == "csv" else _json
    records = []
    for number in range(1, RECORDS + 1):
        moment = stamp(start + timedelta(seconds=number - 1))
        fields = {
            name: cell(_value(name, known.get(name, "string"), number, moment))
            for name in options.get("field_names", default)
        }
        records.append(
            options["record_prefix"] + _record(fields, options) + options["record_suffix"]
        )
    joined = options.get("record_delimiter", "").join(records)
    whole: str = options.get("batch_prefix", "") + joined + options.get("batch_suffix", "")
    return whole.replace("${", "x{") if options.get("CVE-2021-44228") else whole


def _record(fields: dict[str, str], options: dict[str, Any]) -> str:
    template = options.get("record_template")
    if template:
        without_comments = re.sub(r"{{/\*.*?\*/}}", "", template)
        return re.sub(
            r"{{\s*\.(\w+)\s*}}", lambda match: fields.get(match[1], "null"), without_comments
        )
    if options.get("output_type") == "csv":
        return str(options["field_delimiter"].join(fields.values()))
    return str(options["field_delimiter"].join(f"{_json(n)}:{v}" for n, v in fields.items()))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _csv(value: Any) -> str:
    if isinstance(value, (bool, list, dict)):
        value = _json(value)
    cell = io.StringIO()
    csv.writer(cell, quoting=csv.QUOTE_NONNUMERIC, lineterminator="").writerow([value])
    return cell.getvalue()


def _value(name: str, described: str, number: int, moment: int | str) -> Any:
    kind = described.partition(";")[0]
    if kind == "int or string" or name == "Datetime":
        return moment
    if kind == "string":
        endings = [ending for ending in _STRINGS if name.endswith(ending)]
        return _STRINGS[endings[0]].format(number) if endings else f"{name} {number}"
    made_up = {"int": 200 if name.endswith("Status") else number, "float": 1.5, "bool": True}
    return made_up.get(kind, {} if kind == "object" else [])
