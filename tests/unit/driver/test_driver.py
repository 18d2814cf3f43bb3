# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test driver reads from the output of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.tests.driver import matrix, report, tree

ROOT = Path(__file__).parents[3]
PYTEST = "bringing up nodes...\n......  [ 13%]\n.....F [ 26%]\n..."
SANITY = 'Running sanity test "compile" on Python 3.9\n'
INTEGRATION = "Running jobs integration test role\n"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-stores.txt"])
def test_the_lowest_versions_are_those_of_the_requirements(name: str) -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
    lowest = [line.replace(">=", "==") for line in lines if line and not line.startswith("-r")]
    assert lowest
    assert not set(lowest).difference(matrix.LOWEST_PACKAGES)


@pytest.mark.parametrize(
    ("output", "position"),
    [("", ""), (PYTEST, "26%"), (SANITY, "compile"), (SANITY + INTEGRATION, "jobs")],
)
def test_the_progress_of_a_command(output: str, position: str) -> None:
    assert report.position(output) == position


def test_the_summary_counts_parts_and_sessions_without_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    part = {
        "session": "e2e",
        "what": "playbooks",
        "passed": 5,
        "failed": 1,
        "skipped": 2,
        "seconds": 3.0,
        "processor_seconds": 2.0,
        "reasons": ["x: no npm"],
        "figures": {"outputs searched": 7.0},
    }
    (tmp_path / "e2e.json").write_text(json.dumps(part))
    nox_report = tmp_path / "report"
    names = {"e2e": "failed", "lint": "success", "lowest": "skipped", "docs-check": "failed"}
    listed = [{"name": name, "result": result} for name, result in names.items()]
    nox_report.write_text(json.dumps({"sessions": listed}))
    report.show(nox_report)
    output = capsys.readouterr().out
    assert "\n6 passed, 2 failed, 3 skipped; processor " in output
    assert "x: no npm" in output
    assert "lowest: its Python was not found" in output
    assert "outputs searched" in output


def test_a_copy_has_what_git_does_not_ignore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    for name in ("plugins/a.py", ".nox/x", "plugins/__pycache__/a.pyc", "a.tar.gz", ".git/x"):
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(tree, "ROOT", checkout)
    monkeypatch.setattr(tree, "TREES", tmp_path / "trees")
    copied = tree.copy("name")
    assert copied.parts[-3:] == ("ansible_collections", "edgeops", "cloudflare")
    assert [path for path in copied.rglob("*") if path.is_file()] == [copied / "plugins/a.py"]
