# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make test` prints while the sessions run, and at the end."""

from __future__ import annotations

import json
import re
import threading
import typing as t
from pathlib import Path

from .paths import LOGS, RESULTS

INTERVAL = 30  # seconds between two reports
_TAIL = 20_000  # characters
_POSITION = re.compile(
    r'\[ *(\d+%)\]$|^Running sanity test "([\w-]+)|^Running (\S+) integration test', re.MULTILINE
)


def position(output: str) -> str:
    """Return how far a command is that has printed this."""
    found = [match[match.lastindex or 0] for match in _POSITION.finditer(output)]
    return found[-1] if found else ""


class Progress:
    """Reports how far the parts of sessions are, from their logs. Used as a context manager."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._report, daemon=True)

    def __enter__(self) -> None:
        for path in (*LOGS.glob("*"), *RESULTS.glob("*")):
            path.unlink()
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _report(self) -> None:
        while not self._over.wait(INTERVAL):
            for log in sorted(LOGS.glob("*.log")):
                if not (RESULTS / f"{log.stem}.json").exists():
                    tail = log.read_text("utf-8", "replace")[-_TAIL:]
                    print(f"  running  {log.stem}  {position(tail)}", flush=True)


def show(report: Path) -> None:
    """Print what ran, what was counted and what was skipped."""
    sessions = json.loads(report.read_text("utf-8"))["sessions"] if report.is_file() else []
    parts = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    counted = {part["session"] for part in parts}
    parts += [_uncounted(each) for each in sessions if each["name"] not in counted]
    print("\nWhat ran:")
    for part in sorted(parts, key=lambda each: str(each["session"])):
        counts = ", ".join(f"{part[key]} {key}" for key in _COUNTS if part[key] or key == "passed")
        times = f"{part['seconds']:.0f} s, processor {part['processor_seconds']:.0f} s"
        print(f"  {part['session']:20} {part['what']:34} {counts}  ({times})")
    _show_all("What was counted", (_figures(part) for part in parts))
    _show_all("What was skipped", (part["reasons"] for part in parts))
    print("\n" + ", ".join(f"{sum(part[key] for part in parts)} {key}" for key in _COUNTS))


_COUNTS = ("passed", "failed", "skipped")


def _uncounted(session: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a session of antsibull-nox, or one without an interpreter, as one test."""
    counts = {"passed": "success", "failed": "failed", "skipped": "skipped"}
    part: dict[str, t.Any] = {key: int(session["result"] == counts[key]) for key in _COUNTS}
    part |= {"session": session["name"], "what": "", "processor_seconds": 0.0, "figures": {}}
    part["failed"] = int(not part["passed"] and not part["skipped"])
    reason = f"{session['name']}: its Python was not found"
    part["reasons"] = [reason] if part["skipped"] else []
    return {**part, "seconds": session.get("duration", 0.0)}


def _figures(part: dict[str, t.Any]) -> list[str]:
    return [f"{name:40} {value:10,.10g}" for name, value in sorted(part["figures"].items())]


def _show_all(title: str, lists: t.Iterable[list[str]]) -> None:
    lines = list(dict.fromkeys(line for each in lists for line in each))
    if lines:
        print(f"\n{title}:", *lines, sep="\n  ")
