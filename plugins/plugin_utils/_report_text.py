# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of jobs as short texts for people. Pure; any value may be of any type."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping
from datetime import datetime, timezone

_LONGEST = 500  # characters in one cell
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d))?(?:\.\d+)?Z")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
# Of the first unit, so many are still counted in the next smaller one.
_MOST = {"h": 48, "min": 120}
_SIZES = ("B", "KB", "MB", "GB", "TB", "PB")


def mapping(value: t.Any) -> t.Mapping[str, t.Any]:
    """Return a dictionary, an empty one where the value is none."""
    return value if isinstance(value, Mapping) else {}


def line(value: t.Any) -> str:
    """Return a value as one line of text of limited length."""
    if value is None:
        return ""
    text = " ".join((value if isinstance(value, str) else as_json(value)).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def as_json(value: t.Any) -> str:
    """Return a value as JSON."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        # Such as an integer of more digits than Python turns into text.
        return "not shown"


def scope(value: t.Mapping[str, t.Any]) -> str:
    """Return how a zone or account is called: its host, or its kind and id."""
    kind = "zone" if value.get("zone_id") else "account"
    return line(value.get("host")) or f"{kind} {line(value.get(f'{kind}_id'))}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def seconds(value: t.Any) -> float | None:
    """Return a time of Cloudflare in seconds since 1970, or None where it cannot be read."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    day, minute, second = found.groups(default="00")
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{second}")
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc).timestamp()


def time_of(value: t.Any) -> str:
    """Return a time to the minute; one that cannot be read as it is."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{found[1]} {found[2]} UTC" if found else line(value)


def age(value: t.Any, now: float) -> str:
    """Return how long ago a time is, in the unit that reads best; empty where it cannot be read."""
    then = seconds(value)
    if then is None:
        return ""
    past = max(0.0, now - then)
    for (size, unit), (smaller, smaller_unit) in zip(_UNITS, _UNITS[1:]):
        if past >= _MOST[smaller_unit] * smaller:
            return f"{int(past // size)} {unit}"
    return f"{int(past // 60)} min" if past >= 60 else "< 1 min"


def size(value: t.Any) -> str:
    """Return a number of bytes in the unit that reads best; empty where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e18:
        return ""
    number, unit = float(value), 0
    while number >= 1000 and unit + 1 < len(_SIZES):
        number, unit = number / 1000, unit + 1
    return f"{number:.3g} {_SIZES[unit]}" if number < 999.5 else f"{number:.0f} {_SIZES[unit]}"


def destination(value: t.Any) -> tuple[str, str]:
    """Return a destination as a URI, and what else is known of it."""
    parts = mapping(value)
    if not parts:
        return "", ""
    scheme, bucket, prefix = (line(parts.get(each)) for each in ("scheme", "bucket", "prefix"))
    more = [parts.get("region"), parts.get("endpoint") if parts.get("bucket") else None]
    details = ", ".join(line(each) for each in more if each)
    if not bucket:
        return f"{scheme}://{line(parts.get('endpoint'))}", details
    return (f"{scheme}://{bucket}/{prefix}" if prefix else f"{scheme}://{bucket}"), details


def selection(job: t.Mapping[str, t.Any]) -> list[str]:
    """Return which part of the events and which fields a job pushes, without its filter."""
    options = mapping(job.get("output_options"))
    rate, names = options.get("sample_rate"), options.get("field_names")
    shown = []
    if rate is not None and rate != 1:
        shown.append(_percentage(rate))
    if names:
        many = isinstance(names, (list, tuple))
        shown.append(count(len(names), "field") if many else f"fields {line(names)}")
    return shown


def _percentage(rate: t.Any) -> str:
    if isinstance(rate, float) or (isinstance(rate, int) and abs(rate) < 10**15):
        return f"{rate * 100:.4g} %"
    return line(rate)
