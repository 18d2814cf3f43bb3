# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far `make test` says a session is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.tests.driver import progress

PYTEST = "=== faults\nbringing up nodes...\n......  [ 13%]\n.....F [ 26%]\n..."
SANITY = '=== ansible-test sanity\nRunning sanity test "compile" on Python 3.9\n'
INTEGRATION = "=== ansible-test integration\nRunning jobs integration test role\n"


@pytest.mark.parametrize(
    ("output", "position"),
    [
        ("", ""),
        ("nox > Running session lint\n", ""),
        ("=== faults\n", "faults"),
        (PYTEST, "faults, 26%"),
        (f"{PYTEST}\n{SANITY}", "ansible-test sanity, compile"),
        (SANITY + INTEGRATION, "ansible-test integration, jobs"),
    ],
)
def test_how_far_a_session_is(output: str, position: str) -> None:
    assert progress.position(output) == position


def test_the_beginning_and_the_end_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.Progress(lambda name: tmp_path / name, 2) as shown:
        shown.begin("lint")
        shown.end("lint", "passed", "1 passed")
    begins, ends = capsys.readouterr().out.splitlines()
    assert begins == "  begins  lint"
    assert ends.startswith("  passed  lint ")
    assert ends.endswith(" s  1 passed  [1/2]")
