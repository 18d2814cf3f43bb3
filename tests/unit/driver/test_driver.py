# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test driver reads from the output of others."""

from __future__ import annotations

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


def test_the_summary_is_what_the_logs_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "LOGS", tmp_path)
    logs = {
        "e2e": "..F\nSKIPPED [2] x.py:7: no npm\nfigure: outputs searched: 7\n"
        "\nEnded: e2e: playbooks   5 passed, 1 failed, 2 skipped  (3 s, processor 2 s)\n",
        "sanity": "WARNING: Skipping sanity test 'x'\n\nEnded: sanity   1 passed  (4 s)\n",
        "interrupted": "... [ 50%]\n",
    }
    for name, text in logs.items():
        (tmp_path / f"{name}.log").write_text(text)
    report.show()
    output = capsys.readouterr().out
    assert "\n1 failed, 6 passed, 2 skipped, processor " in output
    for line in ("[2] x.py:7: no npm", "Skipping sanity test 'x'", "outputs searched: 7"):
        assert f"\n  {line}\n" in output


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
