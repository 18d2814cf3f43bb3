# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers show of a job. Sources differ on secrets and filters, so settings decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

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


# Shown whether they are set or not. Of the rest an answer shows only what is not empty.
_ALWAYS = {
    *("id", "dataset", "enabled", "name", "destination_conf", "output_options"),
    *("last_complete", "last_error", "error_message"),
}


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
