# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One session of measuring: prepares each run, makes it, judges it, writes it down."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import checks, inputs, startup, usage
from .place import Place
from .plan import Cell, turns
from .records import Records, Run
from .ways import CHALLENGES, JOBS, WAYS, Way

_CALLBACKS = Path(__file__).resolve().parent / "callbacks"


class Session:
    """Measures against one sandbox, in one folder."""

    def __init__(self, records: Records, place: Place, folder: Path) -> None:
        self._records = records
        self._place = place
        self._folder = folder
        self._answers = folder / "answers"
        self._failed = folder.with_name("failed")
        self._env = os.environ | place.environment
        self._env |= {
            "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "answers",
            "BENCHMARK_ANSWERS": str(self._answers),
        }

    def measure(self, cells: Iterable[Cell]) -> None:
        """Make the runs that are not there yet, in turns."""
        missing = [each for each in turns(cells) if not self._records.has(*each)]
        for number, (turn, cell) in enumerate(missing, 1):
            print(f"[{number}/{len(missing)}] {cell.key}, turn {turn + 1}: ", end="", flush=True)
            run = self._run(turn, cell)
            self._records.add_run(run)
            print(f"{run.wall:.2f} s" + (f", failed: {run.problem}" if run.problem else ""))

    def look_at_startup(self) -> None:
        """Take the figures of the modules themselves, unless they are there."""
        if not self._records.startup:
            print("Looking at what the modules ship and import", flush=True)
            self._records.add({"startup": startup.look(self._fresh(), self._env)})

    def _run(self, turn: int, cell: Cell) -> Run:
        way, zone_ids = WAYS[cell.way], self._place.zone_ids[: cell.count]
        folder = self._fresh()
        inputs.write(folder, zone_ids, self._place.environment)
        self._place.prepare(cell.policy, cell.latency)
        taken = usage.run(way.command(folder), self._env, folder)
        entries = self._place.requests()
        problem = self._problem(way, zone_ids, entries)
        if problem is None and taken.status:
            problem = f"it ended with status {taken.status}"
        if problem is not None:
            self._keep_output(turn, cell)
        return Run(
            key=cell.key,
            turn=turn,
            wall=taken.wall,
            cpu=taken.cpu,
            memory=taken.memory,
            requests=len(entries),
            refused=sum(entry["rate_limited"] for entry in entries),
            problem=problem,
            at=f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
        )

    def _problem(self, way: Way, zone_ids: list[str], entries: list[checks.Entry]) -> str | None:
        if way.does == CHALLENGES:
            names = self._names(zone_ids)
            return checks.challenges(entries, zone_ids, inputs.DESTINATION, names)
        if way.does == JOBS:
            return checks.jobs(entries, zone_ids, self._place.jobs())
        return checks.nothing(entries)

    def _names(self, zone_ids: list[str]) -> list[str]:
        """Return the challenge files that came back, wherever the way has them."""
        if self._answers.exists():
            return self._answers.read_text(encoding="utf-8").split()
        answers = [inputs.answer_of_curl(self._folder, zone_id) for zone_id in zone_ids]
        there = [path for path in answers if path.exists()]
        if there:
            return [json.loads(path.read_bytes())["result"]["filename"] for path in there]
        output = (self._folder / "output").read_text(encoding="utf-8", errors="replace")
        return [line for line in output.splitlines() if line.endswith(".txt")]

    def _keep_output(self, turn: int, cell: Cell) -> None:
        self._failed.mkdir(exist_ok=True)
        name = f"{cell.key} turn {turn + 1}.log".replace(" ", "-").replace("/", "-")
        shutil.copy(self._folder / "output", self._failed / name)

    def _fresh(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        return self._folder
