# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts what the tests here tried; the summary adds up what all workers counted."""

from __future__ import annotations

import typing as t

import pytest

from e2e.warm_ansible import Runner, run_afresh

FIGURE = "figure: "

Count = t.Callable[[str, int], None]


@pytest.fixture(scope="session", name="interpreter")
def fixture_interpreter() -> str:
    """Return no interpreter: here each module is started as users have it."""
    return ""


@pytest.fixture(scope="session", name="ansible")
def fixture_ansible() -> Runner:
    """Return what starts Ansible as users do."""
    return run_afresh


@pytest.fixture(name="count")
def fixture_count(record_property: t.Callable[[str, object], None]) -> Count:
    """Return what adds to a figure: called with its name and how many more there are."""

    def count(what: str, number: int) -> None:
        record_property(FIGURE + what, number)

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums, which the test driver shows."""
    sums: dict[str, int] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", []):
                if name.startswith(FIGURE) and report.when == "call":
                    sums[name] = sums.get(name, 0) + int(value)
    for name, value in sorted(sums.items()):
        terminalreporter.write_line(f"{name}: {value}")
