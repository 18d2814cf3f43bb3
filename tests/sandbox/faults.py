# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on request: which requests they hit, how often, and what goes wrong.

A fault is a JSON object: ``method``, ``path`` (a regular expression, searched) and ``times``
(1; -1 is for ever) choose the requests, the rest is what happens to them:

- instead of an answer, nothing being carried out unless ``carry_out`` is true: ``status`` with
  ``headers``, ``body`` (JSON, or a string as it is) and ``content_type``; ``redirect`` (URL);
  ``rate_limit`` (seconds of Retry-After, or null); ``huge`` (bytes)
- on the wire: ``delay`` (seconds, then go on), ``hold`` (until the faults are cleared, then go on),
  ``hang`` (until the client goes; with ``carry_out`` it is carried out then), ``drip`` (seconds for
  each byte; ``part`` is headers or body), ``reset`` (before, middle or after the request is carried
  out), ``half`` (true: as if that were all; "short": the whole length is announced)
- in the result: ``valid``, ``message``, ``result`` (nothing is written then), ``filename`` ("" or
  "with_bucket")
- in the store: ``file``: late (by ``seconds``), missing, padded with white space
"""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any

FOREVER = -1
_SELECTORS = {"method", "path", "times"}
# Name of an action, and the types that its value may have.
_NUMBER = (int, float)
ACTIONS: dict[str, tuple[type, ...]] = {
    "status": (int,),
    "headers": (dict,),
    "body": (object,),
    "content_type": (str,),
    "carry_out": (bool,),
    "delay": _NUMBER,
    "hold": (bool,),
    "hang": (bool,),
    "drip": _NUMBER,
    "part": (str,),
    "reset": (str,),
    "half": (bool, str),
    "redirect": (str,),
    "rate_limit": (int, float, type(None)),
    "huge": (int,),
    "file": (str,),
    "seconds": _NUMBER,
    "filename": (str,),
    "valid": (bool,),
    "message": (str,),
    "result": (object,),
}
_CHOICES: dict[str, tuple[Any, ...]] = {
    "part": ("headers", "body"),
    "reset": ("before", "middle", "after"),
    "half": (True, "short"),
    "file": ("late", "missing", "padded"),
    "filename": ("", "with_bucket"),
}
# These say something about a challenge's file, so they wait for a request that makes one.
_OWNERSHIP_ONLY = {"file", "filename"}


@dataclass
class Fault:
    """One fault; ``times`` counts down, -1 stays for ever. ``path`` is searched, not matched."""

    action: dict[str, Any]
    method: str | None = None
    path: str | None = None
    times: int = 1

    def hits(self, method: str, path: str) -> bool:
        """Whether it is this request's turn."""
        if self.method is not None and self.method.upper() != method:
            return False
        return self.path is None or re.search(self.path, path) is not None

    def shown(self) -> dict[str, Any]:
        """In the form in which it was asked for."""
        fields = asdict(self)
        action: dict[str, Any] = fields.pop("action")
        return fields | action


def parse(entry: Any) -> Fault:
    """Read one fault from JSON; ``ValueError`` names what is wrong with it."""
    if not isinstance(entry, dict):
        raise ValueError("a fault is an object")
    action = {name: value for name, value in entry.items() if name not in _SELECTORS}
    if not action:
        raise ValueError("a fault needs an action")
    for name, value in action.items():
        _check_action(name, value)
    fault = Fault(action, entry.get("method"), entry.get("path"), entry.get("times", 1))
    _check_selectors(fault)
    if fault.path is None and _OWNERSHIP_ONLY & action.keys():
        fault.path = r"/logpush/ownership$"
    return fault


def _check_action(name: str, value: Any) -> None:
    if name not in ACTIONS:
        raise ValueError(f"unknown action {name!r}")
    if not isinstance(value, ACTIONS[name]):
        raise ValueError(f"{name}: wrong type")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"{name}: one of {', '.join(map(repr, _CHOICES[name]))}")


def _check_selectors(fault: Fault) -> None:
    if not isinstance(fault.method, (str, type(None))):
        raise ValueError("method: a string")
    if not isinstance(fault.path, (str, type(None))):
        raise ValueError("path: a string")
    if not isinstance(fault.times, int) or (fault.times < 1 and fault.times != FOREVER):
        raise ValueError("times: 1 or more, or -1 for ever")
    try:
        re.compile(fault.path or "")
    except re.error as error:
        raise ValueError(f"path: {error}") from error


class Faults:
    """The faults still to come, in order; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._cleared = threading.Event()

    def add(self, faults: list[Fault]) -> None:
        """Put these behind those already waiting."""
        with self._lock:
            self._waiting.extend(faults)

    def take(self, method: str, path: str) -> dict[str, Any]:
        """The action of the first fault that hits, counted; empty if there is none."""
        with self._lock:
            for fault in self._waiting:
                if fault.hits(method, path):
                    self._count(fault)
                    return fault.action
        return {}

    def shown(self) -> list[dict[str, Any]]:
        """All that are still to come, as JSON."""
        with self._lock:
            return [fault.shown() for fault in self._waiting]

    def clear(self) -> None:
        """Forget them all, and let the requests go on that are held."""
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

    def _count(self, fault: Fault) -> None:
        if fault.times == FOREVER:
            return
        fault.times -= 1
        if fault.times == 0:
            self._waiting.remove(fault)
