# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make benchmark`: measures, and writes docs/performance.md. See --help.

PYTHONPATH=tests python -m benchmark; the driver sets up what that needs.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys

from driver.paths import CACHE, ROOT

from . import page, setting
from .place import Place
from .plan import COUNTS, LATENCIES, LIMIT, PLAYBOOK, SPEED, ZONES, Cell, everything
from .records import Records
from .session import Session
from .ways import WAYS

_FOLDER = CACHE / "benchmark"
_PAGE = ROOT / "docs" / "performance.md"


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 1 where a run of this collection failed."""
    options = _parser().parse_args(arguments)
    name = "quick" if options.quick or options.repeats else "results"
    path = _FOLDER / f"{name}.jsonl"
    if options.fresh or (name == "quick" and not options.render):
        path.unlink(missing_ok=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    records = Records(path)
    if not options.render:
        said = records.begin(setting.look())
        if said:
            print(said, flush=True)
        _measure(records, chosen(options))
    return show(records, to_page=name == "results")


def chosen(options: argparse.Namespace) -> list[Cell]:
    """Return the rows that the options choose, of those that can be measured here."""
    cells = [
        cell
        for cell in everything()
        if WAYS[cell.way].is_there()
        and cell.part in (options.parts or (SPEED, LIMIT, PLAYBOOK, ZONES))
        and cell.way in (options.ways or WAYS)
        and cell.count in (options.n or (cell.count,))
        and cell.latency in (options.latency or (cell.latency,))
    ]
    if options.quick:
        cells = [cell for cell in cells if cell.count <= 20 and cell.latency <= 50]
    repeats = 1 if options.quick else options.repeats
    return [dataclasses.replace(cell, repeats=repeats) for cell in cells] if repeats else cells


def _measure(records: Records, cells: list[Cell]) -> None:
    # As Ctrl-C does: what runs is ended first.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    place = Place(_FOLDER, max((cell.count for cell in cells), default=1))
    try:
        session = Session(records, place, _FOLDER / "run")
        session.look_at_startup()
        session.measure(cells)
    finally:
        place.stop()


def show(records: Records, *, to_page: bool) -> int:
    """Print what was measured, and return the exit status: what others fail at is a finding."""
    if not records.setting:
        print("Nothing was measured yet.", file=sys.stderr)
        return 1
    text = page.render(records)
    print(f"\n{text}")
    if to_page:
        page.write(_PAGE, text)
        print(f"\nWritten into {_PAGE.relative_to(ROOT)}.")
    return int(any(run.problem and WAYS[run.way].is_ours() for run in records.runs))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make benchmark ARGS=…",
        description="Measures, and writes docs/performance.md. What is interrupted goes on when it"
        " is called again: each run is kept as it is made.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="once, N up to 20, up to 50 ms; writes no page")
    add("--render", action="store_true", help="write the page from what was measured so far")
    add("--fresh", action="store_true", help="forget what was measured before")
    add("--parts", nargs="+", choices=(SPEED, LIMIT, PLAYBOOK, ZONES), help="of the page")
    add("--ways", nargs="+", choices=tuple(WAYS), metavar="WAY", help=", ".join(WAYS))
    add("--n", nargs="+", type=int, help=f"numbers of zones: {COUNTS}, and those of the limits")
    add("--latency", nargs="+", type=int, help=f"added to each request, in ms: {LATENCIES}")
    add("--repeats", type=int, help="how often, instead of as planned; writes no page")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nWhat was measured is kept; the same command goes on.")
