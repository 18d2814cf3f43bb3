# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says which sessions begin and end, and from their output how far the long ones are."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .steps import say

INTERVAL = 60  # seconds between two reports about the sessions that run
HEADER = "=== "
# What is looked at of an output.
_TAIL = 20_000  # characters
_PART = re.compile(rf"^{HEADER}(.+)$", re.MULTILINE)
_PER_CENT = re.compile(r"\[ *(\d+%)\]$", re.MULTILINE)
_ITEM = re.compile(
    r'^Running (?:sanity test "([\w-]+)|(\S+) integration test (?:role|script))', re.MULTILINE
)


def begin_part(what: str) -> None:
    """Called in a session: say which part of it begins."""
    say(f"\n{HEADER}{what}")


def position(output: str) -> str:
    """Return how far a session is that has printed this, as far as it says so."""
    parts = list(_PART.finditer(output))
    said = output[parts[-1].end() :] if parts else output
    words = [parts[-1][1]] if parts else []
    marks = [*_PER_CENT.finditer(said), *_ITEM.finditer(said)]
    if marks:
        last = max(marks, key=lambda mark: mark.start())
        words.append(next(group for group in last.groups() if group))
    return ", ".join(words)


class Progress:
    """Reports on sessions as they run. Used as a context manager."""

    def __init__(self, log: Callable[[str], Path], total: int) -> None:
        self._log = log
        self._total = total
        self._begun: dict[str, float] = {}
        self._ended = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._report, daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def begin(self, session: str) -> None:
        """Say that a session begins."""
        with self._lock:
            self._begun[session] = time.monotonic()
        say(f"  begins  {session}")

    def end(self, session: str, outcome: str, counts: str) -> None:
        """Say how a session ended."""
        with self._lock:
            seconds = time.monotonic() - self._begun.pop(session)
            self._ended += 1
            ended = f"{self._ended}/{self._total}"
        say(f"  {outcome}  {session:20} {seconds:5.0f} s  {counts}  [{ended}]")

    def _report(self) -> None:
        while not self._over.wait(INTERVAL):
            with self._lock:
                running = dict(self._begun)
            for session, begun in running.items():
                seconds = time.monotonic() - begun
                if seconds >= INTERVAL / 2:
                    where = position(self._tail(session))
                    say(f"  running {session:20} {seconds:5.0f} s  {where}")

    def _tail(self, session: str) -> str:
        path = self._log(session)
        return path.read_text(errors="replace")[-_TAIL:] if path.is_file() else ""
