# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured, in turns, and what the limit allows."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from benchmark.__main__ import _parser, chosen
from benchmark.plan import (
    COUNTS,
    DOCUMENTED,
    LATENCIES,
    SCALED,
    SPEED,
    Cell,
    Policy,
    everything,
    turns,
)
from benchmark.ways import WAYS, Way


def test_each_row_is_another_one_and_its_way_is_known():
    cells = list(everything())
    assert len({cell.key for cell in cells}) == len(cells)
    assert {cell.way for cell in cells} == set(WAYS)
    speed = {(cell.count, cell.latency) for cell in cells if cell.part == SPEED}
    assert speed == set(itertools.product(COUNTS, LATENCIES))


def test_turns_are_interleaved():
    first, second = Cell(SPEED, "sdk", 1, 0, 3), Cell(SPEED, "curl", 1, 0, 2)
    expected = [(0, first), (0, second), (1, first), (1, second), (2, first)]
    assert list(turns([first, second])) == expected
    assert list(turns([])) == []


@pytest.mark.parametrize(
    ("policy", "count", "seconds", "least"),
    [
        (SCALED, 400, 20, 15),
        (SCALED, 401, 20.05, 20),
        (SCALED, 100, 5, 0),
        (DOCUMENTED, 1400, 350, 300),
    ],
)
def test_what_the_limit_allows(policy: Policy, count: int, seconds: float, least: float):
    assert policy.seconds(count) == pytest.approx(seconds)
    assert policy.least_seconds(count) == least


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        (["--n", "1", "--latency", "0", "300"], lambda cell: (cell.count, cell.latency) != (1, 50)),
        (["--ways", "uri-loop"], lambda cell: cell.way == "uri-loop"),
        (["--parts", "limit"], lambda cell: cell.part == "limit"),
        (["--repeats", "2"], lambda cell: cell.repeats == 2),
        (["--quick"], lambda cell: cell.repeats == 1 and cell.count <= 20 and cell.latency <= 50),
    ],
)
def test_options_choose_rows(given: list[str], holds: Any):
    cells = chosen(_parser().parse_args(given))
    assert cells
    assert all(map(holds, cells))


def test_without_options_all_is_measured_that_can_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Way, "is_there", lambda way: way.name != "curl")
    cells = chosen(_parser().parse_args([]))
    assert cells == [cell for cell in everything() if cell.way != "curl"]
