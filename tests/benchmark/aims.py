# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection is to reach, and whether what was measured reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from .plan import LATENCIES, LIMIT, LIMITS, REPEATS, SPEED, USUAL_LATENCY, Cell, Policy
from .records import Records, Row

TIMES_FASTER = 10.0
OVER_THEORY = 1.05
_MANY = 200


@dataclass(frozen=True)
class Verdict:
    """One aim; ``met`` is None where what it needs was not measured."""

    aim: str
    met: bool | None
    figures: str


class _Missing(Exception):
    """A row that is needed was not measured, or not so that it can be compared."""


def verdicts(records: Records) -> Iterator[Verdict]:
    """Judge all aims."""
    for latency in LATENCIES:
        aim = f"one task is no slower than `uri`, {latency} ms"
        yield _judge(aim, partial(_one, records, latency))
    for latency in LATENCIES:
        aim = f"{_MANY} at once are {TIMES_FASTER:.0f} times faster than a `uri` loop"
        yield _judge(f"{aim}, {latency} ms", partial(_many, records, latency))
    for latency in LATENCIES:
        aim = f"{_MANY} at once are no slower than the threaded SDK and Ansible's own start"
        yield _judge(f"{aim}, {latency} ms", partial(_sdk, records, latency))
    for latency in LATENCIES:
        aim = f"{_MANY} at once are no slower than a playbook that runs the threaded SDK script"
        yield _judge(f"{aim}, {latency} ms", partial(_sdk_play, records, latency))
    per_cent = (OVER_THEORY - 1) * 100
    aim = f"below the rate limit within {per_cent:.0f} % of N ÷ rate, no request failed or refused"
    for policy in LIMITS:
        said = f"{aim}, {policy.quota} in {policy.window} s"
        yield _judge(said, partial(_limit, records, policy))


def _judge(aim: str, look: Callable[[], tuple[bool, str]]) -> Verdict:
    try:
        met, figures = look()
    except _Missing as missing:
        return Verdict(aim, None, str(missing))
    return Verdict(aim, met, figures)


def _one(records: Records, latency: int) -> tuple[bool, str]:
    return _no_slower(records, "own-one", "uri-one", 1, latency)


def _many(records: Records, latency: int) -> tuple[bool, str]:
    ours = _good(records, Cell(SPEED, "own-many", _MANY, latency, REPEATS))
    theirs = _good(records, Cell(SPEED, "uri-loop", _MANY, latency, REPEATS))
    times = theirs.wall / ours.wall
    return times >= TIMES_FASTER, f"{ours.wall:.2f} s to {theirs.wall:.2f} s, {times:.1f} times"


def _sdk(records: Records, latency: int) -> tuple[bool, str]:
    ours = _good(records, Cell(SPEED, "own-many", _MANY, latency, REPEATS))
    script = _good(records, Cell(SPEED, "sdk-threads", _MANY, latency, REPEATS))
    start = _good(records, Cell(SPEED, "nothing", _MANY, latency, REPEATS))
    bound = script.wall + start.wall
    figures = f"{ours.wall:.2f} s to {script.wall:.2f} s + {start.wall:.2f} s = {bound:.2f} s"
    return ours.wall <= bound, figures


def _sdk_play(records: Records, latency: int) -> tuple[bool, str]:
    return _no_slower(records, "own-many", "sdk-play", _MANY, latency)


def _no_slower(
    records: Records, way: str, other: str, count: int, latency: int
) -> tuple[bool, str]:
    ours = _good(records, Cell(SPEED, way, count, latency, REPEATS))
    theirs = _good(records, Cell(SPEED, other, count, latency, REPEATS))
    figures = f"{ours.wall:.3f} s to {theirs.wall:.3f} s, {ours.wall / theirs.wall:.3f} of it"
    return ours.wall <= theirs.wall, figures


def _limit(records: Records, policy: Policy) -> tuple[bool, str]:
    count, repeats = LIMITS[policy]
    ours = _needed(records, Cell(LIMIT, "own-many", count, USUAL_LATENCY, repeats, policy))
    start = _good(records, Cell(LIMIT, "nothing", count, USUAL_LATENCY, repeats, policy))
    theory = policy.seconds(count)
    taken = ours.wall - start.wall
    good = not ours.problems and not ours.refused
    figures = (
        f"{ours.wall:.2f} s less {start.wall:.2f} s of Ansible's own start = {taken:.2f} s, "
        f"to {theory:.0f} s: {(taken / theory - 1) * 100:+.1f} %; "
        f"{len(ours.problems)} of {len(ours.runs)} runs failed, {ours.refused} refused"
    )
    return good and taken <= theory * OVER_THEORY, figures


def _needed(records: Records, cell: Cell) -> Row:
    row = records.of(cell)
    if row is None:
        raise _Missing(f"not measured: {cell.way}")
    return row


def _good(records: Records, cell: Cell) -> Row:
    row = _needed(records, cell)
    if row.problems:
        raise _Missing(f"runs of {cell.way} failed")
    return row
