# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured: a file of JSON lines that grows by each run, so that one may go on later."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .plan import Cell

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of a row. ``refused`` are the requests that met the rate limit (429).

    ``problem`` says why it counts as failed; ``at`` is when it ended.
    """

    key: str
    turn: int
    wall: float
    cpu: float
    memory: int
    requests: int
    refused: int
    problem: str | None
    at: str

    @property
    def way(self) -> str:
        """What was measured; ``Cell.key`` has it in the second place."""
        return self.key.split()[1]


class Records:
    """The runs in one file, and the setting in which all of them were made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.setting: Json = {}
        self.startup: list[Json] = []
        self.runs: list[Run] = []
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for line in lines:
            self._take(json.loads(line))

    def begin(self, setting: Json) -> str | None:
        """Go on with what is there; put it aside if it was made of something else.

        Return a sentence where there is something to say.
        """
        if self.setting == setting:
            return f"Going on after {len(self.runs)} runs: {self._path}"
        said = None
        if self.setting:
            aside = self._path.with_suffix(".old.jsonl")
            self._path.replace(aside)
            said = f"What was measured before was measured of another setting; it is now {aside}"
        self.setting, self.startup, self.runs = {}, [], []
        self.add({"setting": setting})
        return said

    def add(self, entry: Json) -> None:
        """Write one line, and take it."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        self._take(entry)

    def add_run(self, run: Run) -> None:
        """Write down one run."""
        self.add({"run": dataclasses.asdict(run)})

    def has(self, turn: int, cell: Cell) -> bool:
        """Tell whether this run was made already."""
        return any((run.turn, run.key) == (turn, cell.key) for run in self.runs)

    def of(self, cell: Cell) -> Row | None:
        """Return what is known of a row, None if nothing is."""
        runs = [run for run in self.runs if run.key == cell.key]
        return Row(cell, runs) if runs else None

    def rows(self, cells: Iterable[Cell]) -> list[Row]:
        """Return those rows of which something is known."""
        return [row for row in map(self.of, cells) if row is not None]

    def _take(self, entry: Json) -> None:
        if "setting" in entry:
            self.setting = entry["setting"]
        if "startup" in entry:
            self.startup = entry["startup"]
        if "run" in entry:
            self.runs.append(Run(**entry["run"]))


class Row:
    """One row of a table: medians over its runs, the failed ones included."""

    def __init__(self, cell: Cell, runs: list[Run]) -> None:
        self.cell = cell
        self.runs = runs

    @property
    def wall(self) -> float:
        """Seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """Seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def memory(self) -> float:
        """Bytes."""
        return statistics.median(run.memory for run in self.runs)

    @property
    def requests(self) -> float:
        """How many were sent."""
        return statistics.median(run.requests for run in self.runs)

    @property
    def refused(self) -> int:
        """The most that met the rate limit in one run."""
        return max(run.refused for run in self.runs)

    @property
    def problems(self) -> list[str]:
        """Why runs failed."""
        return [run.problem for run in self.runs if run.problem is not None]
