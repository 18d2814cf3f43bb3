# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that are not the API's own: those that faults ask for, and that of the rate limit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from werkzeug.wrappers import Response

from .envelope import ApiError, failure

_BLOCK = 64 * 1024


def answer(action: dict[str, Any]) -> Response | None:
    """The answer that a fault puts instead of the API's own; None if it does not."""
    makers: dict[str, Callable[[dict[str, Any]], Response]] = {
        "redirect": _redirect,
        "rate_limit": _rate_limit,
        "huge": _huge,
        "status": _given,
    }
    for name, make in makers.items():
        if name in action:
            response = make(action)
            response.headers.update(action.get("headers", {}))
            return response
    return None


def _redirect(action: dict[str, Any]) -> Response:
    # 307 keeps method and body, so a client that followed it would send its credentials on.
    return Response(status=action.get("status", 307), headers={"Location": action["redirect"]})


def too_many_requests() -> Response:
    """How the API refuses what is past the rate limit."""
    error = ApiError(429, 10429, "Rate limited. Please wait and consider throttling your request")
    return _json(failure(error.errors), 429)


def _rate_limit(action: dict[str, Any]) -> Response:
    response = too_many_requests()
    seconds = action["rate_limit"]
    # Where it does not say how long, no other header does.
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
        response.headers["Ratelimit"] = f'"default";r=0;t={seconds}'
    return response


def _huge(action: dict[str, Any]) -> Response:
    before = b'{"success":true,"errors":[],"messages":[],"result":{"valid":true,"filename":"'
    after = b'"}}'
    filler = max(0, action["huge"] - len(before) - len(after))

    def blocks() -> Iterator[bytes]:
        # Never whole in memory: it may be larger than that.
        yield before
        for _block in range(filler // _BLOCK):
            yield b"x" * _BLOCK
        yield b"x" * (filler % _BLOCK)
        yield after

    response = Response(blocks(), content_type="application/json")
    response.content_length = filler + len(before) + len(after)
    return response


def _given(action: dict[str, Any]) -> Response:
    status = action["status"]
    if "body" not in action:
        response = _json(failure([{"code": 1000, "message": f"fault: HTTP {status}"}]), status)
    elif isinstance(action["body"], str):
        response = Response(action["body"], status, content_type="text/html")
    else:
        response = _json(action["body"], status)
    if "content_type" in action:
        response.headers["Content-Type"] = action["content_type"]
    return response


def _json(body: Any, status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
