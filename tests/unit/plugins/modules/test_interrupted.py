# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever happens to one request, the next run ends in the desired state, with one job each."""

from __future__ import annotations

import contextlib
import os
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_jobs
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import TOKEN, ZONE, run_module
from ansible_collections.edgeops.cloudflare.tests.unit.simulated import (
    CONTAINER,
    LOST,
    STOPPED_AFTER,
    STOPPED_BEFORE,
    UNREACHED,
    Stopped,
    World,
)

OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
SAS = "sv=2022-11-02&ss=b&srt=o&sp={}&se=2032-01-01T00:00:00Z&sig=c2lnbmF0dXJlT2ZUaGVTQVM"
NAMES = ((ZONE, "a"), (ZONE, "b"), (OTHER_ZONE, "a"))
FAULTS = (UNREACHED, LOST, STOPPED_BEFORE, STOPPED_AFTER)


def run(concurrency: int = 1) -> dict[str, t.Any]:
    conf = f"azure://{CONTAINER}/logs/http?{SAS.format('w')}"
    jobs = [
        {"zone_id": zone, "name": name, "dataset": "http_requests", "destination_conf": conf}
        for zone, name in NAMES
    ]
    challenge_file = {"azure": {"sas_token": SAS.format("r")}}
    options = {"api_token": TOKEN, "jobs": jobs, "challenge_file": challenge_file}
    return run_module(logpush_jobs.main, {**options, "concurrency": concurrency})


def made(world: World) -> list[tuple[str, str]]:
    return sorted((zone, job["name"]) for zone, jobs in world.jobs.items() for job in jobs)


def count_requests(**more: t.Any) -> int:
    with World(**more).reached() as world:
        run()
    return len(world.requests)


def test_requests_are_two_for_each_job_and_two_for_each_scope() -> None:
    with World().reached() as world:
        result = run()
    assert result["summary"]["created"] == 3
    api = [each for each in world.requests if "logpush" in each]
    # Two of the jobs share a token.
    assert len(api) == 2 * 3 - 1 + 2 * 2
    with world.reached():
        before = len(world.requests)
        assert run()["changed"] is False
    assert [each.split()[0] for each in world.requests[before:]] == ["GET", "GET"]


# Each request is hit by one of the faults, with tokens of one kind; `make explore` plays each fault
# at each of them.
EVERY = 1 if "EXPLORE_EXAMPLES" in os.environ else 2 * len(FAULTS)


@pytest.mark.parametrize("single_use", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_request_loses_and_doubles_nothing(fault: str, single_use: bool) -> None:
    first = 1 + (FAULTS.index(fault) + len(FAULTS) * single_use) % EVERY
    for at in range(first, count_requests(single_use=single_use) + 1, EVERY):
        world = World(single_use=single_use)
        with world.reached(fault, at), contextlib.suppress(Stopped):
            run()
        assert len(made(world)) == len(set(made(world))), at
        with world.reached():
            result = run()
        assert not result.get("failed"), (at, result)
        assert made(world) == sorted(NAMES), at
        with world.reached():
            assert run()["changed"] is False


@pytest.mark.parametrize("concurrency", [1, 10])
def test_a_late_file_and_tokens_accepted_once_end_in_the_desired_state(concurrency: int) -> None:
    with World(single_use=True, late=3).reached() as world:
        result = run(concurrency)
    assert result["summary"]["created"] == 3
    assert made(world) == sorted(NAMES)
