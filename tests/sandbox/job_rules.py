# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job may look like: the documented limits of its properties, and what answers show."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import datasets
from .envelope import FORBIDDEN, INVALID, ApiError
from .store import scheme_of

# These hold for the life of a job.
_FIXED = ("dataset", "kind")
# Shown whether they are set or not. Of the rest an answer shows only what is not empty.
_ALWAYS_SHOWN = {
    *("id", "dataset", "enabled", "name", "destination_conf", "output_options"),
    *("last_complete", "last_error", "error_message"),
}
_NOT_FOR_EDGE = ("max_upload_bytes", "max_upload_records")
_MAX_FILTER = 1000  # bytes; documented as "about"
_OPERATORS = {
    *("eq", "!eq", "lt", "leq", "gt", "geq", "in", "!in", "contains", "!contains"),
    *("startsWith", "!startsWith", "endsWith", "!endsWith"),
}
_ATTACKS = ("http_requests", "firewall_events", "network_analytics_logs")
_LEAST_BYTES = 5_000_000
# Cloudflare's own example for this one destination is below the limit of its schema.
_LEAST_BYTES_OF = {"ibmcl": 2_000_000}


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


def _any_text() -> Rule:
    return Rule("a string", lambda value: isinstance(value, str))


def _flag(unset: tuple[Any, ...] = (None,)) -> Rule:
    return Rule("true or false", lambda value: isinstance(value, bool), False, unset)


def _choice(*choices: str, default: str | None = None) -> Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, str) and value in choices

    return Rule(f"one of {', '.join(map(repr, choices))}", holds, default)


def _limit(low: int, high: int) -> Rule:
    def holds(value: Any) -> bool:
        # A boolean is an integer in Python, but not in JSON.
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return is_number and (value == 0 or low <= value <= high)

    return Rule(f"0 or an integer from {low} to {high}", holds)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


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
    "kind": _choice("", "edge", default=""),
    "filter": Rule(
        f"a JSON object with 'where' in a string of at most {_MAX_FILTER} bytes",
        _is_filter,
        unset=(None, ""),
    ),
    "logpull_options": _text(4096),
    "frequency": _choice("high", "low"),
    "max_upload_bytes": _limit(_LEAST_BYTES, 1_000_000_000),
    "max_upload_interval_seconds": _limit(30, 300),
    "max_upload_records": _limit(1_000, 1_000_000),
    "output_options": Rule("an object", lambda value: isinstance(value, dict)),
    "filter_attack_traffic": _flag(),
    "transformer_id": Rule("an integer", _is_id),
}
_OPTION_RULES = {
    "field_names": Rule("a list of strings", _is_list_of_names),
    "output_type": _choice("ndjson", "csv"),
    "timestamp_format": _choice("unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns"),
    "sample_rate": Rule("a number above 0 and at most 1", _is_rate),
    "CVE-2021-44228": _flag(),
    "merge_subrequests": _flag(),
    "stringify_object": _flag(),
    "batch_prefix": _any_text(),
    "batch_suffix": _any_text(),
    "record_prefix": _any_text(),
    "record_suffix": _any_text(),
    "record_template": _any_text(),
    "record_delimiter": _any_text(),
    "field_delimiter": _any_text(),
}
_CHALLENGE = _text(4096)
# Told by the API, never taken from a request.
_STATE = {"error_message": None, "last_error": None, "last_complete": None}


def defaults() -> dict[str, Any]:
    """A job of which nothing was said."""
    return {name: rule.default for name, rule in _RULES.items()} | _STATE


def created(given: dict[str, Any], owner: str) -> dict[str, Any]:
    """All properties of a new job but its destination; ``ApiError`` if a rule is broken.

    ``owner`` is zone or account.
    """
    properties = defaults() | _checked(given, set(_RULES), given.get("destination_conf"))
    dataset = properties["dataset"]
    if datasets.SCOPES.get(dataset, owner) != owner:
        # The text is inferred from that of reading such a job.
        message = f"creating a new job for product '{dataset}' is not allowed"
        raise ApiError(403, FORBIDDEN, message)
    if dataset not in datasets.SCOPES:
        raise _inferred(f"unknown dataset '{dataset}'")
    if properties["kind"] == "edge":
        _refuse_for_edge(given)
    return _of_dataset(properties, dataset)


def changed(given: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """What a PUT changes on a job, its destination apart; ``ApiError`` if a rule is broken."""
    for name in _FIXED:
        if given.get(name) is not None and given[name] != job[name]:
            raise _inferred(f"{name} cannot be changed")
    destination = given.get("destination_conf", job["destination_conf"])
    changes = _checked(given, _RULES.keys() - _FIXED, destination)
    if job["kind"] == "edge":
        _refuse_for_edge(given)
    return _of_dataset(changes, job["dataset"])


def shown(job: dict[str, Any]) -> dict[str, Any]:
    """A job as an answer shows it: what is empty is left out."""
    return {name: value for name, value in job.items() if value or name in _ALWAYS_SHOWN}


def _inferred(message: str) -> ApiError:
    # That it is refused, and with this status, is known or likely; the code and the text are not.
    return ApiError(400, INVALID, message)


def _of_dataset(properties: dict[str, Any], dataset: str) -> dict[str, Any]:
    """Check what depends on the dataset; ``ApiError`` if it does not fit."""
    if properties.get("filter_attack_traffic") and dataset not in _ATTACKS:
        raise _inferred(f"filter_attack_traffic is not available for dataset '{dataset}'")
    options = properties.get("output_options")
    if not options:
        return properties
    for name in options.get("field_names", []):
        if datasets.is_unknown(dataset, name):
            raise _inferred(f"unknown field '{name}' for dataset '{dataset}'")
    if dataset != "http_requests":
        options = {name: each for name, each in options.items() if name != "merge_subrequests"}
    return properties | {"output_options": options}


def _checked(given: dict[str, Any], names: set[str], destination: Any) -> dict[str, Any]:
    _CHALLENGE.apply("ownership_challenge", given.get("ownership_challenge"))
    least = _LEAST_BYTES_OF.get(scheme_of(str(destination)) or "", _LEAST_BYTES)
    rules = _RULES | {"max_upload_bytes": _limit(least, 1_000_000_000)}
    known = {
        name: rule.apply(name, given[name])
        for name, rule in rules.items()
        if name in names and name in given
    }
    if known.get("filter"):
        _check_operators(json.loads(known["filter"])["where"])
    options = known.get("output_options")
    if options is not None:
        # As they were sent, what is misspelt or null left out without a word.
        known["output_options"] = {
            name: _OPTION_RULES[name].apply(f"output_options.{name}", value)
            for name, value in options.items()
            if name in _OPTION_RULES and value is not None
        }
    return known


def _check_operators(where: Any) -> None:
    waiting = [where]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += [each.get("and"), each.get("or")]
            operator = each.get("operator", "eq")
            if operator not in _OPERATORS:
                # Only the beginning of the text is known.
                message = f"bad predicate: failed to decode value: unknown operator {operator!r}"
                raise ApiError(403, FORBIDDEN, message)


def _refuse_for_edge(given: dict[str, Any]) -> None:
    for name in _NOT_FOR_EDGE:
        if given.get(name) is not None:
            raise ApiError(400, INVALID, f"{name} is not available for jobs of kind 'edge'")
