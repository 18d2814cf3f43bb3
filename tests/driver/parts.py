# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a session: one command each, with a log, and a record for the summary."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import nox
from nox.command import CommandFailed

from .paths import LOGS, RESULTS, SUMMARY_VARIABLE

_FIGURE = "figure: "


@dataclasses.dataclass
class Part:
    """What ran, and how it ended."""

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

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.session}: {self.what}".translate(str.maketrans(" /", "--", ":,"))

    @property
    def junit(self) -> Path:
        """The file for its results, where it is pytest's."""
        return RESULTS / f"{self.name}.xml"

    def add_junit(self, path: Path) -> None:
        """Count the tests of a JUnit file."""
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            skipped = int(suite.get("skipped", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            self.passed += int(suite.get("tests", 0)) - skipped - failed
            self.failed += failed
            self.skipped += skipped
            for case in suite.iter("testcase"):
                said = {node.get("message", "") for node in case.iter("skipped")}
                self.reasons += [f"{case.get('name')}: {text}" for text in said]
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
    count: Callable[[Part, str], None] | None = None,
    success: tuple[int, ...] = (0,),
    beside_others: bool = False,
) -> Part:
    """Run the command of a part; a failure is noted, and ends nothing: see `check`.

    ``{junit}`` in the command is the file that pytest is to write. ``count`` reads the output.
    """
    part = Part(session.name, what)
    log = LOGS / f"{part.name}.log"
    record = RESULTS / f"{part.name}.json"
    for path in (part.junit, record):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    summarized = SUMMARY_VARIABLE in os.environ
    logged = summarized or beside_others
    start, used = time.monotonic(), _processor_seconds()
    with log.open("w", encoding="utf-8") as stream:
        try:
            session.run(
                *(word.replace("{junit}", str(part.junit)) for word in command),
                env=env,
                external=True,
                success_codes=success,
                stdout=stream if logged else None,
                stderr=stream if logged else None,
                # Where it is interrupted, it ends what it has started.
                interrupt_timeout=30,
            )
            ended_well = True
        except CommandFailed:
            ended_well = False
    part.seconds = time.monotonic() - start
    part.processor_seconds = _processor_seconds() - used
    output = log.read_text("utf-8", "replace")
    if part.junit.is_file():
        part.add_junit(part.junit)
    elif count:
        count(part, output)
    else:
        part.passed = int(ended_well)
    if not ended_well:
        part.failed = max(part.failed, 1)
    if logged and not (ended_well and summarized):
        print(output, flush=True)
    record.write_text(json.dumps(dataclasses.asdict(part)), "utf-8")
    return part


def check(session: nox.Session, *parts: Part) -> None:
    """Have the session fail if one of its parts did."""
    failed = [part.what for part in parts if part.failed]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
