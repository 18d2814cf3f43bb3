# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From runs to the page: medians, aims, tables, and what is kept in the file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from benchmark import page, startup, tables
from benchmark.__main__ import show
from benchmark.aims import Verdict, verdicts
from benchmark.plan import LIMIT, SCALED, SPEED, USUAL_LATENCY, Cell
from benchmark.records import Records, Row, Run

PAGE = Path(__file__).parents[3] / "docs" / "performance.md"
RUN = Run("", 0, 1.0, 0.5, 2**20, 200, 0, None, "2026-11-25 10:00 UTC")
MANY = Cell(SPEED, "own-many", 200, 50, 5)


@pytest.fixture(name="records")
def fixture_records(tmp_path: Path) -> Records:
    """Return a file in which nothing is yet."""
    records = Records(tmp_path / "results.jsonl")
    records.begin({"shown": {"machine": "a machine"}, "digest": "1"})
    return records


def add(records: Records, cell: Cell, *walls: float, **more: Any) -> None:
    """Add runs that took so long."""
    for turn, wall in enumerate(walls):
        records.add_run(
            dataclasses.replace(RUN, key=cell.key, turn=turn, **({"wall": wall} | more))
        )


def judged(records: Records, words: str) -> Verdict:
    """Return the one aim with these words in it."""
    (found,) = (each for each in verdicts(records) if words in each.aim)
    return found


def test_a_row_is_the_median_of_its_runs():
    runs = [
        dataclasses.replace(RUN, wall=wall, cpu=wall / 2, memory=int(wall), refused=int(wall))
        for wall in (1.0, 9.0, 2.0, 3.0, 100.0)
    ]
    row = Row(MANY, runs)
    assert (row.wall, row.cpu, row.memory, row.refused) == (3.0, 1.5, 3, 100)
    assert Row(MANY, runs[:4]).wall == 2.5


def test_what_others_fail_at_is_no_failure_of_the_benchmark(records: Records):
    add(records, dataclasses.replace(MANY, way="sdk-threads"), 1.0, problem="too few requests")
    assert show(records, to_page=False) == 0
    add(records, MANY, 1.0, problem="too few requests")
    assert show(records, to_page=False) == 1


def test_what_was_measured_is_kept_and_not_measured_again(tmp_path: Path):
    path, setting = tmp_path / "results.jsonl", {"shown": {}, "digest": "1"}
    records = Records(path)
    assert records.begin(setting) is None
    add(records, MANY, 1.0, 2.0)
    again = Records(path)
    assert "after 2 runs" in (again.begin(setting) or "")
    assert [again.has(turn, MANY) for turn in (0, 1, 2)] == [True, True, False]
    assert not again.has(0, dataclasses.replace(MANY, latency=0))
    assert again.runs == records.runs


def test_what_was_measured_of_something_else_is_put_aside(records: Records, tmp_path: Path):
    add(records, MANY, 1.0)
    assert "another setting" in (records.begin({"shown": {}, "digest": "2"}) or "")
    assert records.runs == []
    assert Records(tmp_path / "results.jsonl").runs == []
    assert len(Records(tmp_path / "results.old.jsonl").runs) == 1


@pytest.mark.parametrize(("ours", "met"), [(1.5, True), (1.6, True), (1.601, False)])
def test_one_task_is_no_slower(records: Records, ours: float, met: bool):
    add(records, Cell(SPEED, "own-one", 1, 0, 5), ours, ours, 99.0)
    add(records, Cell(SPEED, "uri-one", 1, 0, 5), 1.6, 0.1, 99.0)
    assert judged(records, "one task is no slower than `uri`, 0 ms").met is met
    assert judged(records, "one task is no slower than `uri`, 50 ms").met is None


@pytest.mark.parametrize(("theirs", "met"), [(30.0, True), (29.9, False)])
def test_many_are_ten_times_faster(records: Records, theirs: float, met: bool):
    add(records, MANY, 3.0)
    add(records, Cell(SPEED, "uri-loop", 200, 50, 5), theirs)
    assert judged(records, "10 times faster than a `uri` loop, 50 ms").met is met


@pytest.mark.parametrize(("start", "met"), [(0.75, True), (0.5, True), (0.25, False)])
def test_many_are_no_slower_than_the_sdk(records: Records, start: float, met: bool):
    add(records, MANY, 3.0)
    add(records, Cell(SPEED, "sdk-threads", 200, 50, 5), 2.5)
    add(records, Cell(SPEED, "nothing", 200, 50, 5), start)
    verdict = judged(records, "threaded SDK and Ansible's own start, 50 ms")
    assert verdict.met is met
    assert f"2.50 s + {start:.2f} s" in verdict.figures


@pytest.mark.parametrize(("wall", "met"), [(3.0, True), (3.01, False)])
def test_as_fast_as_a_playbook_that_runs_the_script(records: Records, wall: float, met: bool):
    add(records, MANY, wall)
    add(records, Cell(SPEED, "sdk-play", 200, 50, 5), 3.0)
    assert judged(records, "playbook that runs the threaded SDK script, 50 ms").met is met


@pytest.mark.parametrize(
    ("wall", "more", "met"),
    [
        (22.0, {}, True),
        (22.1, {}, False),
        (21.0, {"refused": 1}, False),
        (21.0, {"problem": "1 of 400 requests are missing"}, False),
    ],
)
def test_below_the_limit(records: Records, wall: float, more: dict[str, Any], met: bool):
    add(records, Cell(LIMIT, "nothing", 400, USUAL_LATENCY, 5, SCALED), 1.0)
    add(records, Cell(LIMIT, "own-many", 400, USUAL_LATENCY, 5, SCALED), wall, **more)
    assert judged(records, "100 in 5 s").met is met


def test_nothing_is_judged_by_runs_that_failed(records: Records):
    add(records, MANY, 3.0, problem="it ended with status 1")
    add(records, Cell(SPEED, "uri-loop", 200, 50, 5), 90.0)
    verdict = judged(records, "10 times faster than a `uri` loop, 50 ms")
    assert (verdict.met, verdict.figures) == (None, "runs of own-many failed")


def test_the_tables_show_what_was_measured(records: Records):
    add(records, Cell(SPEED, "nothing", 200, 50, 5), 0.5)
    add(records, MANY, 1.0, 3.0, 2.0, refused=1)
    add(records, Cell(SPEED, "sdk-threads", 200, 50, 5), 2.25, problem="it ended with status 1")
    text = page.render(records)
    ours = "| 200 | one task `logpush_ownerships` | 2.00 s | 1.00 s to 3.00 s | 0.50 s | 1 MiB "
    assert f"{ours}| 200 | 1 | 3 |" in text
    assert "computed: SDK, 10 threads, and Ansible's own start | 2.75 s |  | 1.00 s |" in text
    assert "| 1, 1 **failed** |" in text
    assert f"- {MANY.key.replace('own-many', 'sdk-threads')}: 1 of 1 runs failed: it ended" in text
    assert "5 of " in text
    assert "- machine: a machine" in text
    # A table has as many cells in each row as in its head.
    for line in text.splitlines():
        if line.startswith("| 200 |"):
            assert line.count("|") == tables.line([""] * 9).count("|")


def test_a_page_is_written_between_its_markers(tmp_path: Path):
    path = tmp_path / "page.md"
    path.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n", encoding="utf-8")
    page.write(path, "new")
    expected = f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n"
    assert path.read_text(encoding="utf-8") == expected
    path.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="markers"):
        page.write(path, "new")


def test_the_page_in_the_documentation_has_its_markers():
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(page.BEGIN) == text.count(page.END) == 1


def test_imports_are_told_apart():
    report = """import time: self [us] | cumulative | imported package
import time:       100 |        100 | site
import time:        40 |         40 |     json
import time:        30 |         70 |   urllib3.util
import time:         5 |          5 |   ansible_collections.edgeops.cloudflare.plugins._x
import time:         7 |          7 |   ansible.module_utils.basic
import time:         3 |         85 | ansible_collections.edgeops.cloudflare.plugins.modules.y
import time:       999 |        999 | atexit
"""
    found = startup.parts(report, "ansible_collections.edgeops.cloudflare.plugins.modules.y")
    expected = {"Python's own": 40, "urllib3": 30, "edgeops.cloudflare": 8}
    assert found == expected | {"ansible.module_utils": 7}
    summary = startup.summary([found, found, found])
    assert summary["imports"] == pytest.approx(0.085)
    assert summary["largest"][0] == ("Python's own", 0.04)
