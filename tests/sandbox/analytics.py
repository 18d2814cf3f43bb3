# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The uploads of jobs: filtered, grouped by dimensions, within the limits of each dataset."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from .job_store import Owner
from .schema import Schema

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_DEFAULTS = {"jobId": 1, "status": 200, "final": 1, "uploads": 1}
_DEFAULTS |= dict.fromkeys(("bytes", "bytesCompressed", "records"), 0)
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_UPLOAD = Schema(
    properties={
        "datetime": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", **_TEXT},
        **dict.fromkeys(_DEFAULTS, _NUMBER),
        # Bucket and key are those of deliveries.
        **dict.fromkeys(("destinationType", "bucket", "key"), _TEXT),
    },
    additionalProperties=False,
)
Row = dict[str, Any]
Limits = dict[str, int]
HEALTH, USAGE = "logpushHealthAdaptiveGroups", "logpushUsageAdaptiveGroups"
_DAY = 86_400  # seconds
# Dimensions of time, in seconds.
STEPS = {"datetime": 1, "datetimeMinute": 60, "datetimeFiveMinutes": 300}
STEPS |= {"datetimeFifteenMinutes": 900, "datetimeHour": 3600, "date": _DAY}
DIMENSIONS = {
    HEALTH: {
        **{name: "Date" if name == "date" else "Time" for name in STEPS},
        "destinationType": "string",
        "final": "Int",
        "jobId": "uint64",
        "status": "Int",
    },
    USAGE: {"date": "Date"},
}
SUMS = {HEALTH: ("bytes", "bytesCompressed", "records", "uploads"), USAGE: ("billableBytes",)}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "_neq": operator.ne,
    "_gt": operator.gt,
    "_geq": operator.ge,
    "_lt": operator.lt,
    "_leq": operator.le,
    "_in": lambda value, wanted: value in wanted,
    "_notin": lambda value, wanted: value not in wanted,
}
COMPARISONS = tuple(_OPERATORS)
_LIMIT = {"type": "integer", "minimum": 1}
_LIMITS = Schema(
    additionalProperties={
        "properties": dict.fromkeys(("maxPageSize", "maxDuration", "notOlderThan"), _LIMIT),
        "additionalProperties": False,
    },
    propertyNames={"enum": [HEALTH, USAGE]},
)
_UNITS = (("w", 7 * _DAY), ("d", _DAY), ("h", 3600), ("m", 60), ("s", 1))


class Uploads:
    """Uploads in order, each a dict; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: list[tuple[Owner, dict[str, Any]]] = []

    def add(self, owner: Owner, upload: dict[str, Any]) -> dict[str, Any]:
        """Add an upload, completed with defaults; ``ValueError`` if it is invalid."""
        now = f"{datetime.now(timezone.utc):{FORMAT}}"
        complete = {**_DEFAULTS, "destinationType": "s3", "datetime": now, **_UPLOAD.check(upload)}
        with self._lock:
            self._uploads.append((owner, complete))
        return complete

    def everything(self) -> list[tuple[Owner, dict[str, Any]]]:
        """Return all uploads, with the zone or account of the job."""
        with self._lock:
            return list(self._uploads)

    def clear(self) -> None:
        """Delete them all."""
        with self._lock:
            self._uploads = []


class QueryError(Exception):
    """A rejected query; ``code`` goes into the extensions of the error."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


def limits() -> dict[str, Limits]:
    """The limits of each dataset at first; those of the real ones depend on the plan.

    Rows of an answer; seconds of a query's range, and how many back it may begin.
    """
    return {
        HEALTH: {"maxPageSize": 10_000, "maxDuration": _DAY, "notOlderThan": 7 * _DAY},
        USAGE: {"maxPageSize": 10_000, "maxDuration": 31 * _DAY, "notOlderThan": 93 * _DAY},
    }


def changed(current: dict[str, Limits], changes: dict[str, Any]) -> dict[str, Limits]:
    """Limits with these changes; ``ValueError`` names an invalid one."""
    _LIMITS.check(changes)
    return current | {dataset: current[dataset] | changes[dataset] for dataset in changes}


def rows(dataset: str, uploads: list[tuple[Owner, Row]], owners: set[Owner]) -> list[Row]:
    """Return the rows of these zones and accounts, with times as datetimes."""
    found = [_row(upload) for owner, upload in uploads if owner in owners]
    if dataset == HEALTH:
        return found
    return [row | {"billableBytes": row["bytes"]} for row in found if row["status"] == 200]


def _row(upload: Row) -> Row:
    at = _time(upload["datetime"])
    steps = STEPS.items()
    return upload | {name: at - timedelta(seconds=at.timestamp() % step) for name, step in steps}


def groups(
    dataset: str, found: list[Row], wanted: list[str], arguments: dict[str, Any], limit: Limits
) -> list[dict[str, Any]]:
    """Return one group for each combination of the wanted dimensions."""
    size, most = arguments["limit"], limit["maxPageSize"]
    if type(size) is not int or not 0 < size <= most:
        raise QueryError(f"limit must be positive number and not greater than {most}", "quota")
    where = {n: _decoded(n, value) for n, value in (arguments.get("filter") or {}).items()}
    _check_range(where, limit)
    grouped: dict[tuple[Any, ...], list[Row]] = {}
    for row in found:
        if all(_holds(row, name, value) for name, value in where.items()):
            grouped.setdefault(tuple(row[name] for name in wanted), []).append(row)
    return [
        {
            "count": len(members),
            "sum": {name: sum(row[name] for row in members) for name in SUMS[dataset]},
            "dimensions": dict(zip(wanted, map(_shown, wanted, key), strict=True)),
        }
        for key, members in list(grouped.items())[:size]
    ]


def _shown(name: str, value: Any) -> Any:
    if name not in STEPS:
        return value
    return f"{value:%Y-%m-%d}" if name == "date" else f"{value:{FORMAT}}"


def _decoded(name: str, value: Any) -> Any:
    """A filter's value, times as datetimes."""
    if isinstance(value, list):
        return [_decoded(name, each) for each in value]
    dimension = name.partition("_")[0]
    if dimension not in STEPS:
        return value
    try:
        return _time(f"{value}T00:00:00Z" if dimension == "date" else value)
    except (TypeError, ValueError) as error:
        raise QueryError(f"error parsing args: {name}: {error}") from error


def _time(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError(f"cannot parse {value!r} as RFC 3339")
    return at.astimezone(timezone.utc)


def _holds(row: Row, name: str, value: Any) -> bool:
    dimension, underscore, comparison = name.partition("_")
    return _OPERATORS[underscore + comparison](row[dimension], value)


def _check_range(where: dict[str, Any], limit: Limits) -> None:
    now = datetime.now(timezone.utc)
    widest, oldest = limit["maxDuration"], limit["notOlderThan"]
    begins, ends = [], []
    for name, value in where.items():
        dimension, _underscore, comparison = name.partition("_")
        if dimension in STEPS and comparison in ("", "gt", "geq"):
            begins.append(value)
        if dimension in STEPS and comparison in ("", "lt", "leq"):
            ends.append(value + timedelta(seconds=STEPS[dimension] - 1) * (comparison != "lt"))
    # Without a begin, all that is there is asked for.
    begin = max(begins, default=now - timedelta(seconds=oldest))
    age = (now - begin).total_seconds()
    span = (min(ends, default=now) - begin).total_seconds()
    # A minute for what passes between a client's clock and this one.
    if age > oldest + 60:
        said = (
            f"data older than {_span(oldest)}, but your query requests data from {_span(age)} ago"
        )
    elif span > widest:
        said = f"a time range wider than {_span(widest)}, but your query time range spans "
        said += _span(span)
    else:
        return
    raise QueryError(f"cannot request {said}", "range")


def _span(seconds: float) -> str:
    """A duration as the API writes it: 4w2d, 1d."""
    left, text = int(seconds), ""
    for unit, length in _UNITS:
        count, left = divmod(left, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
