# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of what was measured, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .aims import Verdict
from .plan import (
    DOCUMENTED,
    LATENCIES,
    LIMIT,
    LIMITS,
    PLAYBOOK,
    SPEED,
    ZONES,
    Cell,
    Policy,
    everything,
)
from .records import Json, Records, Row
from .ways import CONCURRENCY, WAYS

_MEASURED = (
    "| N | Way | Wall | fastest to slowest | Processor | Peak memory | Requests | 429 | Runs |",
    "|--:|---|--:|---|--:|--:|--:|--:|--:|",
)
_MET = {True: "met", False: "**not met**", None: "not known"}


def line(cells: Iterable[str]) -> str:
    """Return one row of a table."""
    return f"| {' | '.join(cells)} |"


def aims(verdicts: Iterable[Verdict]) -> str:
    """Return the table of the aims."""
    rows = [line((each.aim, _MET[each.met], each.figures)) for each in verdicts]
    return "\n".join(["| Aim | | Figures (medians) |", "|---|---|---|", *rows])


def speed(records: Records) -> Iterator[str]:
    """Yield a headed table for each latency."""
    for latency in LATENCIES:
        rows = records.rows(_cells(SPEED, latency=latency))
        if rows:
            yield f"### {latency} ms added to each request"
            yield measured(_with_sums(rows))


def limits(records: Records) -> Iterator[str]:
    """Yield a headed table for each policy."""
    for policy, (count, _repeats) in LIMITS.items():
        rows = records.rows(_cells(LIMIT, policy=policy))
        if rows:
            yield f"### {count} requests where {policy.quota} are allowed in {policy.window} s"
            yield (
                f"N ÷ rate is {policy.seconds(count):.0f} s. A client that spends its whole quota "
                f"at the start of each window,\nto the last request, may send the last one after "
                f"{policy.least_seconds(count):.0f} s."
            )
            yield measured(map(_row, rows))


def playbooks(records: Records) -> Iterator[str]:
    """Yield the table of the playbook, if it was measured."""
    rows = records.rows(_cells(PLAYBOOK))
    if rows:
        yield measured(map(_row, rows))


def zones(records: Records) -> Iterator[str]:
    """Yield what it takes from an inventory of very many zones to their jobs, if measured."""
    rows = records.rows(_cells(ZONES))
    for row in rows:
        policy, requests = row.cell.policy, int(row.requests)
        yield (
            f"{row.cell.count:,} zones are listed by the inventory plugin, and each gets a job, "
            f"with {policy.quota} requests allowed in\n{policy.window} s: {requests:,} requests, "
            f"of which {row.refused} were refused. At that rate they take "
            f"{policy.seconds(requests):.0f} s;\nat the documented one, {DOCUMENTED.quota} in "
            f"{DOCUMENTED.window} s, {DOCUMENTED.seconds(requests) / 60:.0f} minutes (computed)."
        )
    if rows:
        yield measured(map(_row, rows))


def failures(records: Records) -> Iterator[str]:
    """Yield a list of what made runs fail."""
    rows = [row for row in records.rows(everything()) if row.problems]
    for row in rows:
        said = "; ".join(sorted(set(row.problems)))
        yield f"- {row.cell.key}: {len(row.problems)} of {len(row.runs)} runs failed: {said}"


def startup(entries: Iterable[Json]) -> str:
    """Return the table of what a module costs before it does anything."""
    head = (
        "| Module | Shipped | Zipped | Files in it | Imports | The largest parts of the imports |",
        "|---|--:|--:|--:|--:|---|",
    )
    rows = []
    for each in entries:
        largest = ", ".join(f"`{name}` {part:.0f} ms" for name, part in each["largest"])
        sizes = (f"{each['shipped']:,} B", f"{each['zipped']:,} B", str(each["files"]))
        rows.append(line((f"`{each['module']}`", *sizes, f"{each['imports']:.0f} ms", largest)))
    return "\n".join([*head, *rows])


def measured(rows: Iterable[Sequence[str]]) -> str:
    """Return a table of rows that were measured."""
    return "\n".join([*_MEASURED, *map(line, rows)])


def _cells(
    part: str, *, latency: int | None = None, policy: Policy | None = None
) -> Iterator[Cell]:
    for cell in everything():
        if cell.part == part and latency in (None, cell.latency) and policy in (None, cell.policy):
            yield cell


def _row(row: Row) -> tuple[str, ...]:
    walls = [run.wall for run in row.runs]
    failed = f", {len(row.problems)} **failed**" if row.problems else ""
    return (
        str(row.cell.count),
        WAYS[row.cell.way].title,
        _seconds(row.wall),
        f"{_seconds(min(walls))} to {_seconds(max(walls))}",
        _seconds(row.cpu),
        f"{row.memory / 2**20:.0f} MiB",
        f"{row.requests:g}",
        str(row.refused),
        f"{len(row.runs)}{failed}",
    )


def _with_sums(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Yield all rows; after the script with threads, what it is together with Ansible's start."""
    starts = {row.cell.count: row for row in rows if row.cell.way == "nothing"}
    for row in rows:
        yield _row(row)
        start = starts.get(row.cell.count)
        if row.cell.way == "sdk-threads" and start is not None:
            title = f"computed: SDK, {CONCURRENCY} threads, and Ansible's own start"
            wall, cpu = _seconds(row.wall + start.wall), _seconds(row.cpu + start.cpu)
            yield (str(row.cell.count), title, wall, "", cpu, "", "", "", "")


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 100 else f"{value:.2f} s"
