# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Each of these is a part of the page.
SPEED, LIMIT, PLAYBOOK, ZONES = "speed", "limit", "playbook", "zones"

COUNTS = (1, 20, 200)
LATENCIES = (0, 50, 300)  # milliseconds
# Where the latency is not what is looked at.
USUAL_LATENCY = 50
REPEATS = 5
# One task takes little, and two of them differ by little.
REPEATS_OF_ONE = 15
_ONE = ("nothing", "own-one", "uri-one")


@dataclass(frozen=True)
class Policy:
    """The rate limit: ``quota`` requests in ``window`` seconds."""

    quota: int
    window: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.quota / self.window

    def seconds(self, count: int) -> float:
        """Return how long so many requests take at that rate."""
        return count / self.rate

    def least_seconds(self, count: int) -> float:
        """Return when the last of them may go, if each window's whole quota goes at its start."""
        return float((count - 1) // self.quota * self.window)

    def __str__(self) -> str:
        return f"{self.quota}/{self.window}"


DOCUMENTED = Policy(1200, 300)
SCALED = Policy(100, 5)
# Far more zones than a window has requests for: the documented number, in a tenth of its time.
LARGE = 2000
LARGE_POLICY = Policy(1200, 30)
# Requests under each policy, and how often they are measured where it is not as often as others.
LIMITS = {SCALED: (400, REPEATS), DOCUMENTED: (1400, 1)}


@dataclass(frozen=True)
class Cell:
    """One row: ``count`` zones, ``latency`` in milliseconds."""

    part: str
    way: str
    count: int
    latency: int
    repeats: int
    policy: Policy = DOCUMENTED

    @property
    def key(self) -> str:
        """What tells it from all others, however often it is measured."""
        return f"{self.part} {self.way} N={self.count} {self.latency}ms {self.policy}"


def everything() -> Iterator[Cell]:
    """All rows, those beside each other that are compared."""
    for latency in LATENCIES:
        for count in COUNTS:
            for way in ways_for(count):
                repeats = REPEATS_OF_ONE if count == 1 and way in _ONE else REPEATS
                yield Cell(SPEED, way, count, latency, repeats)
    for policy, (count, repeats) in LIMITS.items():
        for way in ("nothing", "own-many", "sdk-threads"):
            yield Cell(LIMIT, way, count, USUAL_LATENCY, repeats, policy)
    for count in COUNTS:
        for way in ("push-r2", "push-s3"):
            yield Cell(PLAYBOOK, way, count, USUAL_LATENCY, REPEATS)
    yield Cell(ZONES, "push-zones", LARGE, USUAL_LATENCY, 1, LARGE_POLICY)


def ways_for(count: int) -> list[str]:
    """Return what is compared with each other; of one, no loop is measured and no threads are."""
    if count == 1:
        return [*_ONE, "own-many", "sdk", "curl"]
    return [
        "nothing",
        "own-loop",
        "own-many",
        "uri-loop",
        "sdk",
        "sdk-threads",
        "sdk-play",
        "curl",
    ]


def turns(cells: Iterable[Cell]) -> Iterator[tuple[int, Cell]]:
    """Yield the runs in turns: the first run of each row, then the second of each."""
    rows = list(cells)
    for turn in range(max((cell.repeats for cell in rows), default=0)):
        for cell in rows:
            if turn < cell.repeats:
                yield turn, cell
