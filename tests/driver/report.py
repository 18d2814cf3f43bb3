# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make test` prints: how far the sessions are, and at the end what ran in them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import resource
import threading
import time
import typing as t
from pathlib import Path
from xml.etree import ElementTree

from .paths import LOGS, RESULTS, SUMMARY_VARIABLE

if t.TYPE_CHECKING:
    import nox

INTERVAL = 30  # seconds between two reports
# Output then goes to logs, and is printed only where something failed.
SUMMARIZED = SUMMARY_VARIABLE in os.environ
_COUNTS = ("passed", "failed", "skipped")
_FIGURE = "figure: "
_POSITION = re.compile(
    r'\[ *(\d+%)\]$|^Running sanity test "([\w-]+)|^Running (\S+) integration test', re.MULTILINE
)
_TAIL = 20_000  # characters
_SKIPPED = re.compile(r"^WARNING: ((?:Skipping|Required program).*)$", re.MULTILINE)


@dataclasses.dataclass
class Part:
    """One command of a session, and how it ended."""

    session: str
    what: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    # Of all its processes together.
    processor_seconds: float = 0.0
    # Why something was skipped.
    reasons: list[str] = dataclasses.field(default_factory=list)
    # What was counted besides, by name.
    figures: dict[str, float] = dataclasses.field(default_factory=dict)

    def add_junit(self, path: Path) -> None:
        """Count the tests of a JUnit file."""
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            skipped = int(suite.get("skipped", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            self.passed += int(suite.get("tests", 0)) - skipped - failed
            self.failed += failed
            self.skipped += skipped
            for case in suite.iter("testcase"):
                messages = {node.get("message", "") for node in case.iter("skipped")}
                self.reasons += [f"{case.get('name')}: {text}" for text in messages]
            for node in suite.iter("property"):
                name, value = str(node.get("name")), str(node.get("value"))
                if name.startswith(_FIGURE):
                    name = name.removeprefix(_FIGURE)
                    self.figures[name] = self.figures.get(name, 0) + float(value)


def run(
    session: nox.Session,
    what: str,
    command: list[str],
    env: dict[str, str],
    *,
    success: tuple[int, ...] = (0,),
    beside_others: bool = False,
) -> Part:
    """Run a command; a failure is recorded, and ends nothing: see `check`.

    ``{junit}`` in the command is the file that pytest is to write.
    """
    # Imported here, since the driver installs nox.
    from nox.command import CommandFailed

    part = Part(session.name, what)
    name = f"{session.name}: {what}".translate(str.maketrans(" /", "--", ":,"))
    log, junit, record = (LOGS / f"{name}.log", RESULTS / f"{name}.xml", RESULTS / f"{name}.json")
    for path in (log, junit, record):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    start, used = time.monotonic(), _processor_seconds()
    with log.open("w", encoding="utf-8") as stream:
        logged = SUMMARIZED or beside_others
        try:
            session.run(
                *(word.replace("{junit}", str(junit)) for word in command),
                env=env,
                external=True,
                success_codes=success,
                stdout=stream if logged else None,
                stderr=stream if logged else None,
                # Where it is interrupted, it ends what it has started.
                interrupt_timeout=30,
            )
            part.passed = 1
        except CommandFailed:
            part.failed = 1
    output = log.read_text("utf-8", "replace")
    if logged and (part.failed or not SUMMARIZED):
        print(output, flush=True)
    if junit.is_file():
        failed, part.passed, part.failed = part.failed, 0, 0
        part.add_junit(junit)
        part.failed = max(part.failed, failed)
    else:
        part.reasons = _SKIPPED.findall(output)
        part.skipped = len(part.reasons)
    part.seconds = time.monotonic() - start
    part.processor_seconds = _processor_seconds() - used
    record.write_text(json.dumps(dataclasses.asdict(part)), "utf-8")
    return part


def check(session: nox.Session, *parts: Part) -> None:
    """Have the session fail if one of its parts did."""
    failed = [part.what for part in parts if part.failed]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


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


def show(nox_report: Path) -> None:
    """Print what ran, what was counted and what was skipped."""
    sessions = json.loads(nox_report.read_text("utf-8"))["sessions"] if nox_report.is_file() else []
    parts = [Part(**json.loads(path.read_text("utf-8"))) for path in RESULTS.glob("*.json")]
    counted = {part.session for part in parts}
    parts += [_uncounted(each) for each in sessions if each["name"] not in counted]
    parts.sort(key=lambda part: (part.session, part.what))
    print("\nWhat ran:")
    for part in parts:
        counts = [f"{getattr(part, key)} {key}" for key in _COUNTS if getattr(part, key)]
        used = f", processor {part.processor_seconds:.0f} s" if part.processor_seconds else ""
        line = f"{part.session:18} {part.what:32} {', '.join(counts)}  ({part.seconds:.0f} s{used})"
        print(f"  {line}")
    _show_all("What was counted", (_figures(part) for part in parts))
    _show_all("What was skipped", (part.reasons for part in parts))
    totals = ", ".join(f"{sum(getattr(part, key) for part in parts)} {key}" for key in _COUNTS)
    print(f"\n{totals}; processor {_processor_seconds():.0f} s in all")


def _uncounted(session: dict[str, t.Any]) -> Part:
    """Return a session of antsibull-nox, or one without an interpreter, as one test."""
    part = Part(session["name"], "", seconds=session.get("duration", 0.0))
    if session["result"] == "skipped":
        part.skipped, part.reasons = 1, [f"{part.session}: its Python was not found"]
    elif session["result"] == "success":
        part.passed = 1
    else:
        part.failed = 1
    return part


def _figures(part: Part) -> list[str]:
    return [f"{name:40} {value:10,.10g}" for name, value in sorted(part.figures.items())]


def _show_all(title: str, lists: t.Iterable[list[str]]) -> None:
    lines = list(dict.fromkeys(line for each in lists for line in each))
    if lines:
        print(f"\n{title}:", *lines, sep="\n  ")


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
