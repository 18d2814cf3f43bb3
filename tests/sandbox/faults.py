# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on request: which requests they hit, how often, and what goes wrong.

A fault is a JSON object: ``method``, ``path`` (a regular expression, searched) and ``times``
(1; -1 is for ever) choose the requests, the rest is what happens to them:

- instead of an answer, nothing being carried out unless ``carry_out`` is true: ``status`` with
  ``headers`` and ``body`` (JSON, or a string as it is); ``redirect`` (URL); ``rate_limit``
  (seconds of Retry-After, or null); ``huge`` (bytes)
- on the wire: ``delay`` (seconds, then go on), ``hold`` (until the faults are cleared, then go on),
  ``hang`` (until the client goes; with ``carry_out`` it is carried out then), ``drip`` (seconds for
  each byte; ``part`` is headers or body), ``reset`` (before, middle or after the request is carried
  out), ``half`` (true: as if that were all; "short": the whole length is announced)
- of a challenge: ``file``: late (by ``seconds``), missing, padded with white space; ``filename``:
  with_bucket
"""

from __future__ import annotations

import json
import re
import threading
from itertools import chain, repeat
from typing import Any

from werkzeug.wrappers import Response

from .envelope import failure
from .schema import Schema

_SELECTORS = {"method", "path", "times"}
_NUMBER, _TEXT, _FLAG = ({"type": name} for name in ("number", "string", "boolean"))
_SCHEMA = Schema(
    properties={
        "method": _TEXT,
        "path": _TEXT,
        "times": {"anyOf": [{"const": -1}, {"type": "integer", "minimum": 1}]},
        "status": {"type": "integer"},
        "headers": {"type": "object"},
        "body": {},
        "carry_out": _FLAG,
        "delay": _NUMBER,
        "hold": _FLAG,
        "hang": _FLAG,
        "drip": _NUMBER,
        "part": {"enum": ["headers", "body"]},
        "reset": {"enum": ["before", "middle", "after"]},
        "half": {"enum": [True, "short"]},
        "redirect": _TEXT,
        "rate_limit": {"type": ["number", "null"]},
        "huge": {"type": "integer"},
        "file": {"enum": ["late", "missing", "padded"]},
        "seconds": _NUMBER,
        "filename": {"enum": ["with_bucket"]},
    },
    additionalProperties=False,
)
# These say something about a challenge's file, so they wait for a request that makes one.
_OWNERSHIP_ONLY = {"file", "filename"}


def _read(entry: Any) -> dict[str, Any]:
    """A fault with all of its selectors; ``ValueError`` names what is wrong with it."""
    if not _SCHEMA.check(entry).keys() - _SELECTORS:
        raise ValueError("a fault needs an action")
    path = r"/logpush/ownership$" if _OWNERSHIP_ONLY & entry.keys() else ""
    return {"method": "", "path": path, "times": 1, **entry}


def _hits(fault: dict[str, Any], method: str, path: str) -> bool:
    chosen = fault["method"].upper() in ("", method)
    return chosen and re.search(fault["path"], path) is not None


class Faults:
    """The faults still to come, in order; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[dict[str, Any]] = []
        self._cleared = threading.Event()

    def add(self, entries: list[Any]) -> None:
        """Put these behind those already waiting; ``ValueError`` if one of them is wrong."""
        faults = [_read(entry) for entry in entries]
        with self._lock:
            self._waiting.extend(faults)

    def take(self, method: str, path: str) -> dict[str, Any]:
        """The action of the first fault that hits, counted; empty if there is none."""
        with self._lock:
            for fault in self._waiting:
                if _hits(fault, method, path):
                    # Below nought it stays for ever.
                    fault["times"] -= 1
                    if fault["times"] == 0:
                        self._waiting.remove(fault)
                    return {name: fault[name] for name in fault.keys() - _SELECTORS}
        return {}

    def clear(self) -> None:
        """Remove all faults, and release the requests that are held."""
        with self._lock:
            self._waiting.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def hold(self, stopping: threading.Event) -> None:
        """Wait until the faults are cleared, or the sandbox stops."""
        with self._lock:
            cleared = self._cleared
        while not cleared.wait(0.1) and not stopping.is_set():
            pass


_BLOCK = 64 * 1024


def answer(action: dict[str, Any]) -> Response | None:
    """The answer that a fault puts instead of the API's own; None if it does not."""
    if "redirect" in action:
        # 307 keeps method and body, so a client that followed it would send its credentials on.
        headers = {"Location": action["redirect"]}
        response = Response(status=action.get("status", 307), headers=headers)
    elif "rate_limit" in action:
        response = _rate_limit(action["rate_limit"])
    elif "huge" in action:
        response = _huge(action["huge"])
    elif "status" in action:
        response = _given(action)
    else:
        return None
    response.headers.update(action.get("headers", {}))
    return response


def too_many_requests() -> Response:
    """How the API refuses what is past the rate limit."""
    message = "Rate limited. Please wait and consider throttling your request"
    return _json(failure([{"code": 10429, "message": message}]), 429)


def _rate_limit(seconds: float | None) -> Response:
    response = too_many_requests()
    # Where it does not say how long, no other header does.
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
        response.headers["Ratelimit"] = f'"default";r=0;t={seconds}'
    return response


def _huge(length: int) -> Response:
    before = b'{"success":true,"errors":[],"messages":[],"result":{"valid":true,"filename":"'
    after = b'"}}'
    filler = max(0, length - len(before) - len(after))
    # Never whole in memory: it may be larger than that.
    blocks = chain([before], repeat(b"x" * _BLOCK, filler // _BLOCK))
    response = Response(
        chain(blocks, [b"x" * (filler % _BLOCK), after]), content_type="application/json"
    )
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
    return response


def _json(body: Any, status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
