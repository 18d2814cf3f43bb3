# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job may look like: the documented limits of its properties, and what answers show.

Sources differ on whether answers show secrets and filters, so settings decide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from . import datasets
from .envelope import FORBIDDEN, INVALID, ApiError
from .schema import Schema
from .store import scheme_of

# These hold for the life of a job.
_FIXED = ("dataset", "kind")
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
# A job of which nothing was said. Null, and "" for a text, stand for this default.
_DEFAULTS: dict[str, Any] = {
    "dataset": "http_requests",
    "enabled": False,
    "name": "",
    "kind": "",
    "filter_attack_traffic": False,
    **dict.fromkeys(("filter", "logpull_options", "frequency", "max_upload_bytes")),
    **dict.fromkeys(("max_upload_interval_seconds", "max_upload_records")),
    **dict.fromkeys(("output_options", "transformer_id")),
}


def _nullable(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], **more}


def _limit(low: int, high: int) -> dict[str, Any]:
    return _nullable("integer", anyOf=[{"enum": [0, None]}, {"minimum": low, "maximum": high}])


_TEXTS = (
    *("batch_prefix", "batch_suffix", "record_prefix", "record_suffix", "record_template"),
    *("record_delimiter", "field_delimiter"),
)
_OPTIONS: dict[str, Any] = {
    "field_names": _nullable("array", items={"type": "string"}),
    "output_type": {"enum": ["ndjson", "csv", None]},
    "timestamp_format": {"enum": [*("unixnano unix rfc3339 rfc3339ms rfc3339ns".split()), None]},
    "sample_rate": _nullable("number", exclusiveMinimum=0, maximum=1),
    "CVE-2021-44228": _nullable("boolean"),
    "merge_subrequests": _nullable("boolean"),
    "stringify_object": _nullable("boolean"),
    **{name: _nullable("string") for name in _TEXTS},
}
_SCHEMA = Schema(
    properties={
        "dataset": _nullable("string", maxLength=256),
        "enabled": {"type": "boolean"},
        "name": _nullable("string", maxLength=512),
        "kind": {"enum": ["", "edge", None]},
        "filter": _nullable("string", maxLength=_MAX_FILTER),
        "logpull_options": _nullable("string", maxLength=4096),
        "frequency": {"enum": ["high", "low", None]},
        "max_upload_bytes": _limit(min(_LEAST_BYTES_OF.values()), 1_000_000_000),
        "max_upload_interval_seconds": _limit(30, 300),
        "max_upload_records": _limit(1_000, 1_000_000),
        "output_options": _nullable("object", properties=_OPTIONS),
        "filter_attack_traffic": _nullable("boolean"),
        "transformer_id": _nullable("integer", minimum=0),
        "ownership_challenge": _nullable("string", maxLength=4096),
    }
)
# Told by the API, never taken from a request.
_STATE = {"error_message": None, "last_error": None, "last_complete": None}


_USER = re.compile(r"(?<=://)([^/?]*)@")
# All of the path that follows is the secret code of the collector.
_SUMO = re.compile(r"(sumo://[^/?]*/(?:receiver/v1/http/)?)([^?]+)", re.IGNORECASE)
# Whatever else is in a query may be a secret: an HTTP destination takes any header there.
_PUBLIC = frozenset(
    "region sse endpoint account-id sv st se sp spr sr srt ss ddsource ddtags service host hostname"
    " sourcetype insecure-skip-verify format sts-assume-role-arn".split()
)
_MASKS: dict[str, Callable[[str], str]] = {
    "masked": lambda _value: "REDACTED",
    "stars": lambda value: f"{value[:4]}****",
    "removed": lambda _value: "",
}


# Shown of a job whether they are set or not. Of the rest an answer shows only what is not empty.
_ALWAYS = {
    *("id", "dataset", "enabled", "name", "destination_conf", "output_options"),
    *("last_complete", "last_error", "error_message"),
}


def defaults() -> dict[str, Any]:
    """A job of which nothing was said."""
    return _DEFAULTS | _STATE


def created(given: dict[str, Any], owner: str) -> dict[str, Any]:
    """All properties of a new job but its destination; ``ApiError`` if a rule is broken.

    ``owner`` is zone or account.
    """
    properties = defaults() | _checked(given, set(_DEFAULTS), given.get("destination_conf"))
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
    changes = _checked(given, _DEFAULTS.keys() - _FIXED, destination)
    if job["kind"] == "edge":
        _refuse_for_edge(given)
    return _of_dataset(changes, job["dataset"])


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
    known = {name: given[name] for name in names & given.keys()}
    try:
        _SCHEMA.check(known | {"ownership_challenge": given.get("ownership_challenge")})
    except ValueError as error:
        raise ApiError(400, INVALID, str(error)) from error
    least = _LEAST_BYTES_OF.get(scheme_of(str(destination)) or "", _LEAST_BYTES)
    if 0 < (known.get("max_upload_bytes") or 0) < least:
        raise ApiError(400, INVALID, f"max_upload_bytes: at least {least}")
    known = {
        name: _DEFAULTS[name] if value in (None, "") else value for name, value in known.items()
    }
    if known.get("filter"):
        _check_filter(known["filter"])
    options = known.get("output_options")
    if options is not None:
        # As they were sent, what is misspelt or null left out without a word.
        known["output_options"] = {
            name: value for name, value in options.items() if name in _OPTIONS and value is not None
        }
    return known


def _check_filter(text: str) -> None:
    try:
        waiting = [json.loads(text)["where"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ApiError(400, INVALID, "filter: not a JSON object with 'where'") from error
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


def shown(job: dict[str, Any], settings: dict[str, str]) -> dict[str, Any]:
    """A job as an answer shows it."""
    answer = {name: value for name, value in job.items() if value or name in _ALWAYS}
    how = settings["redaction"]
    if how == "omitted":
        answer.pop("destination_conf", None)
    else:
        answer["destination_conf"] = redacted(job["destination_conf"], how)
    if settings["filter_in_answers"] == "left_out":
        answer.pop("filter", None)
    return answer


def redacted(destination: str, how: str) -> str:
    """A destination with its secrets masked in one of the ways of the setting ``redaction``."""
    if how == "plain":
        return destination
    if how == "whole":
        return "***"
    mask = _MASKS[how]
    place, _mark, query = destination.partition("?")
    place = _USER.sub(lambda match: mask(match[1]) + "@" if mask(match[1]) else "", place)
    place = _SUMO.sub(lambda match: match[1] + mask(match[2]), place)
    pairs = [_pair(pair, mask) for pair in query.split("&")]
    query = "&".join(pair for pair in pairs if pair)
    return f"{place}?{query}" if query else place


def _pair(pair: str, mask: Callable[[str], str]) -> str:
    name, equals, value = pair.partition("=")
    if not pair or unquote(name) in _PUBLIC:
        return pair
    if not equals:
        return mask(pair)
    hidden = mask(value)
    return f"{name}={hidden}" if hidden else ""
