# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs for one zone at the same time: never both succeed while a job exists twice."""

from __future__ import annotations

import collections
import typing as t
from concurrent.futures import ThreadPoolExecutor

from e2e.conftest import EXPLORED
from e2e.hostile.interruptions import run_module, until
from e2e.playbooks import Run, World

RUNS = 2
TRIES = 20 if EXPLORED else 1
DESTINATION = "r2://logs?account-id=a&access-key-id=NoSecret&secret-access-key=NoSecret"
NAMES = ("http", "firewall", "dns")


def test_two_overlapping_runs_are_never_both_green_with_a_job_twice(world: World) -> None:
    doubled = 0
    for _number in range(TRIES):
        world.reset()
        # Both plan before either of them creates a job.
        listing = {"method": "GET", "path": "/logpush/jobs$", "times": RUNS, "hold": True}
        world.control("POST", "faults", listing)
        jobs = [
            {
                "zone_id": world.zone_id,
                "name": name,
                "dataset": "http_requests",
                "destination_conf": DESTINATION,
            }
            for name in NAMES
        ]

        def run(_task: int, jobs: list[dict[str, t.Any]] = jobs) -> Run:
            return run_module(world, {"jobs": jobs})

        with ThreadPoolExecutor(RUNS) as pool:
            started = [pool.submit(run, number) for number in range(RUNS)]
            until(lambda: len(world.requests()) == RUNS, "both lists")
            world.control("DELETE", "faults")
            runs = [each.result() for each in started]
        count = collections.Counter(job["name"] for job in world.jobs())
        assert set(count) == set(NAMES)
        if max(count.values()) > 1:
            doubled += 1
            failed = [each for each in runs if each.status != 0]
            assert failed, count
            assert all("Remove all but one" in each.output for each in failed)
    # Else nothing was tested.
    assert doubled
