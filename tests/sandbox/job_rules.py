# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job may look like: the documented limits and defaults of its properties."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .envelope import INVALID, ApiError

# These hold for the life of a job.
_FIXED = {"dataset", "kind"}
_NOT_FOR_EDGE = ("max_upload_bytes", "max_upload_records")
_MAX_FILTER = 1000  # bytes; documented as "about"


@dataclass(frozen=True)
class Rule:
    """What a value must be, in words too; a value among ``unset`` stands for the default."""

    wanted: str
    holds: Callable[[Any], bool]
    default: Any = None
    unset: tuple[Any, ...] = (None,)

    def apply(self, name: str, value: Any) -> Any:
        """The value or the default; ``ApiError`` names what breaks the rule."""
        if value in self.unset:
            return self.default
        if not self.holds(value):
            raise ApiError(400, INVALID, f"{name} must be {self.wanted}")
        return value


def _text(limit: int, default: str | None = None, unset: tuple[Any, ...] = (None,)) -> Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, str) and len(value) <= limit

    return Rule(f"a string of at most {limit} characters", holds, default, unset)


def _any_text(default: str) -> Rule:
    return Rule("a string", lambda value: isinstance(value, str), default)


def _flag(unset: tuple[Any, ...] = (None,)) -> Rule:
    return Rule("true or false", lambda value: isinstance(value, bool), False, unset)


def _choice(*choices: str) -> Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, str) and value in choices

    return Rule(f"one of {', '.join(map(repr, choices))}", holds, choices[0])


def _limit(low: int, high: int, default: int | None) -> Rule:
    def holds(value: Any) -> bool:
        # A boolean is an integer in Python, but not in JSON.
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return is_number and (value == 0 or low <= value <= high)

    return Rule(f"0 or an integer from {low} to {high}", holds, default)


def _is_filter(value: Any) -> bool:
    if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > _MAX_FILTER:
        return False
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and "where" in said


def _is_rate(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= 1


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_RULES = {
    "dataset": _text(256, "http_requests", unset=(None, "")),
    "enabled": _flag(unset=()),
    "name": _text(512, ""),
    "kind": _choice("", "edge"),
    "filter": Rule(
        f"a JSON object with 'where' in a string of at most {_MAX_FILTER} bytes",
        _is_filter,
        unset=(None, ""),
    ),
    "logpull_options": _text(4096),
    "frequency": _choice("high", "low"),
    "max_upload_bytes": _limit(5_000_000, 1_000_000_000, None),
    "max_upload_interval_seconds": _limit(30, 300, 30),
    "max_upload_records": _limit(1_000, 1_000_000, 100_000),
    "output_options": Rule("an object", lambda value: isinstance(value, dict)),
}
_OPTION_RULES = {
    "field_names": Rule("a list of strings", _is_list_of_names, []),
    "output_type": _choice("ndjson", "csv"),
    "timestamp_format": _choice("unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns"),
    "sample_rate": Rule("a number above 0 and at most 1", _is_rate, 1),
    "CVE-2021-44228": _flag(),
    "merge_subrequests": _flag(),
    "batch_prefix": _any_text(""),
    "batch_suffix": _any_text(""),
    "record_prefix": _any_text("{"),
    "record_suffix": _any_text("}\n"),
    "record_template": _any_text(""),
    "record_delimiter": _any_text(""),
    "field_delimiter": _any_text(","),
}
_CHALLENGE = _text(4096)
# Told by the API, never taken from a request.
_STATE = {"error_message": None, "last_error": None, "last_complete": None}


def defaults() -> dict[str, Any]:
    """A job of which nothing was said."""
    return {name: rule.default for name, rule in _RULES.items()} | _STATE


def created(given: dict[str, Any]) -> dict[str, Any]:
    """All properties of a new job but its destination; ``ApiError`` if a limit is broken."""
    properties = defaults() | _checked(given, set(_RULES))
    if properties["kind"] == "edge":
        _refuse_for_edge(given)
        properties["max_upload_records"] = None
    return complete(properties, properties["dataset"])


def changed(given: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """What a PUT changes on a job, its destination apart; ``ApiError`` if a limit is broken."""
    changes = _checked(given, _RULES.keys() - _FIXED)
    if job["kind"] == "edge":
        _refuse_for_edge(given)
        changes.pop("max_upload_records", None)
    return complete(changes, job["dataset"])


def complete(properties: dict[str, Any], dataset: str) -> dict[str, Any]:
    """Fill what ``output_options`` leaves out or gives as null with defaults."""
    given = properties.get("output_options")
    if not isinstance(given, dict):
        return properties
    options = {name: rule.default for name, rule in _OPTION_RULES.items()}
    options |= {name: value for name, value in given.items() if value is not None}
    if dataset != "http_requests":
        del options["merge_subrequests"]
    return properties | {"output_options": options}


def pushed() -> dict[str, Any]:
    """The state of a job that has just written a batch."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _STATE | {"last_complete": now}


def _checked(given: dict[str, Any], names: set[str]) -> dict[str, Any]:
    _CHALLENGE.apply("ownership_challenge", given.get("ownership_challenge"))
    known = {
        name: rule.apply(name, given[name])
        for name, rule in _RULES.items()
        if name in names and name in given
    }
    options = known.get("output_options")
    if options is not None:
        known["output_options"] = {
            name: rule.apply(f"output_options.{name}", options.get(name))
            for name, rule in _OPTION_RULES.items()
        }
    return known


def _refuse_for_edge(given: dict[str, Any]) -> None:
    for name in _NOT_FOR_EDGE:
        if given.get(name) is not None:
            raise ApiError(400, INVALID, f"{name} is not available for jobs of kind 'edge'")
