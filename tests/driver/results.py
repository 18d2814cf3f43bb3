# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session found out, passed on in a file to the summary at the end."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from xml.etree import ElementTree

RESULT_VARIABLE = "EDGEOPS_RESULT"
# How tests name what they counted: see tests/e2e/hostile/conftest.py.
_FIGURE = "figure: "


@dataclasses.dataclass
class Result:
    """The outcome of one kind of test in one session."""

    what: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    # On what it ran, such as "ansible-core 2.19.3, Python 3.11".
    on: str = ""
    # Why something was skipped.
    reasons: list[str] = dataclasses.field(default_factory=list)
    # What was counted or measured besides, by name.
    figures: dict[str, float] = dataclasses.field(default_factory=dict)

    def add_junit(self, path: Path) -> None:
        """Count the tests of a JUnit file."""
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            self.passed += tests - skipped - failed
            self.failed += failed
            self.skipped += skipped
            reasons = {
                f"{case.get('name')}: {(node.get('message') or '').removeprefix('Skipped: ')}"
                for case in suite.iter("testcase")
                for node in case.iter("skipped")
            }
            self.reasons += sorted(reasons)
            for node in suite.iter("property"):
                self._add_figure(str(node.get("name")), str(node.get("value")))

    def _add_figure(self, name: str, value: str) -> None:
        # Others note properties too, which are no figures.
        if name.startswith(_FIGURE):
            name = name.removeprefix(_FIGURE)
            self.figures[name] = self.figures.get(name, 0) + float(value)


def report(results: list[Result]) -> None:
    """Called in a session: leave the results for the summary, if somebody waits for them."""
    path = os.environ.get(RESULT_VARIABLE)
    if path:
        Path(path).write_text(json.dumps([dataclasses.asdict(item) for item in results]), "utf-8")


def read(path: Path) -> list[Result]:
    """Called by the summary: what the session left, which is nothing if it ended early."""
    if not path.is_file():
        return []
    return [Result(**item) for item in json.loads(path.read_text())]
