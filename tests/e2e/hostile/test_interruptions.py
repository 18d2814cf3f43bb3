# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No run loses anything: interrupted anywhere and run again, it ends the same."""

from __future__ import annotations

import signal
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.conftest import EXPLORED
from e2e.hostile.conftest import Count
from e2e.hostile.interruptions import (
    PASS,
    PROCESSES,
    Course,
    Entry,
    Jobs,
    Play,
    run_module,
    shapes,
    until,
    without_ids,
)
from e2e.playbooks import DESTINATION_SECRET, Run, World

pytestmark = pytest.mark.skipif(
    not (PROCESSES / "self" / "environ").exists(), reason="finds processes as Linux shows them"
)

R2 = (
    "r2://edge-logs/{DATE}?account-id=a&access-key-id=AKIAEXAMPLEKEY01"
    f"&secret-access-key={DESTINATION_SECRET}"
)
NEW = {"name": "new", "destination_conf": R2}
OPTIONS = {"field_names": ["ClientIP"], "timestamp_format": "rfc3339"}
# The default of the option concurrency.
AT_ONCE = 10
# The jobs of the list with proofs that are created.
PROVED = 2
# Repeated where a connection breaks, since carrying it out twice does no harm.
REPEATED = [
    ("GET", "/jobs"),
    ("PUT", "/jobs/"),
    ("DELETE", "/jobs/"),
    ("POST", "/ownership$"),
    ("POST", "/validate$"),
]

Case = tuple[list[Entry], list[Entry]]


def _without_proof(world: World) -> Case:
    """Return a list of which each entry asks for something else, and the jobs there are."""
    zone = {"zone_id": world.zone_id}
    entries: list[Entry] = [
        {**zone, **NEW},
        {**zone, "name": "changes", "output_options": {"sample_rate": 0.5}, "enabled": False},
        {**zone, "name": "goes", "state": "absent"},
        {**zone, "name": "stays"},
    ]
    there = {"destination_conf": R2, "enabled": True, "output_options": OPTIONS}
    names = ("changes", "goes", "stays", "of somebody else")
    return entries, [{**there, "name": name} for name in names]


def _with_proof(world: World) -> Case:
    """Return a list with two jobs that share a proof and one that needs its own."""
    entry = {"zone_id": world.zone_id, "destination_conf": world.destination}
    entries: list[Entry] = [
        {**entry, "name": "http"},
        {**entry, "name": "moves"},
        {**entry, "name": "http", "zone_id": world.environment["SANDBOX_OTHER_ZONE_ID"]},
    ]
    return entries, [{"name": "moves", "destination_conf": R2, "output_options": OPTIONS}]


def _mixed(world: World) -> Case:
    (entries, before), (more_entries, more_before) = _without_proof(world), _with_proof(world)
    return entries + more_entries, before + more_before


@pytest.mark.parametrize("case", [_without_proof, _with_proof] if EXPLORED else [_with_proof])
def test_killed_at_any_request(world: World, count: Count, case: t.Callable[[World], Case]) -> None:
    course = Course(world, *case(world))
    for number, request in enumerate(course.requests):
        run, left = course.interrupted_at(number, Play.lose_power)
        assert run.status == -signal.SIGKILL
        for jobs in left:
            course.assert_resumed(jobs, f"killed at request {number}, {request}")
    # Each write of a job made a difference, so there were that many states to go on from.
    made = [request for request in course.requests if _writes_a_job(*request)]
    assert len(course.resumed) == 1 + len(made)
    count("interrupted runs", len(course.requests))
    count("requests interrupted", len(course.requests))


def _writes_a_job(method: str, path: str) -> bool:
    return method in ("PUT", "DELETE") or (method == "POST" and path.endswith("/jobs"))


@pytest.mark.parametrize("when", ["before", "middle", "after"] if EXPLORED else ["middle"])
def test_each_connection_is_broken(world: World, count: Count, when: str) -> None:
    course = Course(world, *_mixed(world))
    jobs = _break_all(world, course, when)
    course.assert_resumed(jobs, f"connections broken {when}")
    count("interrupted runs", 1)
    count("requests interrupted", len(course.requests))


def _break_all(world: World, course: Course, when: str) -> Jobs:
    """Break the connection of each request in one run, which no job can tell from its own alone.

    Return the jobs that there are then.
    """
    faults: list[dict[str, t.Any]] = [
        {"method": method, "path": path, **action}
        for method, path in REPEATED
        for action in 40 * [{"reset": when}, PASS]
    ]
    faults.append({"method": "POST", "path": "/jobs$", "reset": when, "times": -1})
    course.begin_again(faults)
    # So that they can be counted.
    world.control("PATCH", "settings", {"challenge_file": "unique"})
    files = _challenge_files(world)
    run = course.run(challenge_file={"remove": True})
    broken = [each for each in world.requests() if "reset" in (each["fault"] or {})]
    assert not Counter(course.requests) - Counter(shapes(broken)), when
    jobs = world.jobs()
    # What was carried out is found, so all is done. Else the play says that it is not.
    assert (without_ids(jobs) == course.end) is (when != "before"), when
    assert (run.status == 0) is (when != "before"), run.output
    # Left are files whose name was lost with the response, and those whose token was rejected.
    untold = [each for each in broken if each["path"].endswith("/ownership") and each["writes"]]
    unused = PROVED if when == "before" else 0
    assert len(_challenge_files(world) - files) == len(untold) + unused, when
    return jobs


def _challenge_files(world: World) -> set[str]:
    return {key for key in world.objects() if "challenge" in key}


def _lose_power(play: Play) -> None:
    play.lose_power()


def _press_ctrl_c(play: Play) -> None:
    play.tell(signal.SIGINT)


def _terminate(play: Play) -> None:
    play.tell(signal.SIGTERM)


# What interrupts a play, and where: before and at the request that creates the job.
PLAYS_INTERRUPTED: list[tuple[t.Callable[[Play], None], int]] = [
    (_lose_power, 1),
    (_press_ctrl_c, 1),
    *([(_press_ctrl_c, 0), (_terminate, 0), (_terminate, 1)] if EXPLORED else []),
]


def test_a_play_is_interrupted_while_it_creates_a_job(world: World, count: Count) -> None:
    # One course for all: a play without an interruption takes as long as one with it.
    course = Course(world, [{"zone_id": world.zone_id, **NEW}], [], by_playbook=True)
    assert [method for method, _path in course.requests] == ["GET", "POST", "GET"]
    for interrupt, place in PLAYS_INTERRUPTED:
        run, left = course.interrupted_at(place, interrupt)
        assert run.status != 0
        assert interrupt is not _lose_power or run.status == -signal.SIGKILL
        for jobs in left:
            course.assert_resumed(jobs, f"{interrupt.__name__} at request {place}")
    # Ansible runs a task in a session of its own, which outlives the play that is killed alone.
    with course.playing_until(1, {"hold": True}) as play:
        play.tell(signal.SIGKILL)
        world.control("DELETE", "faults")
        run = play.end()
    assert run.status == -signal.SIGKILL
    assert len(world.jobs()) == 1
    course.assert_resumed(world.jobs(), "killed alone")
    count("interrupted runs", len(PLAYS_INTERRUPTED) + 1)
    count("requests interrupted", len(PLAYS_INTERRUPTED) + 1)


@pytest.mark.parametrize("passing", [25, 45] if EXPLORED else [45])
def test_killed_while_requests_are_concurrent(world: World, count: Count, passing: int) -> None:
    zones = world.control("POST", "zones", {"count": 20})
    entries = [{**NEW, "zone_id": zone["id"]} for zone in zones]
    # Twenty lists for the plan; then a job for each zone, and another list of each.
    hang = {"hang": True, "carry_out": True, "times": -1}
    world.control("POST", "faults", [{**PASS, "times": passing}, hang])

    def start(environment: dict[str, str]) -> Run:
        return run_module(world, {"jobs": entries}, environment)

    with ThreadPoolExecutor(1) as pool:
        play = Play(start, pool)
        until(lambda: play.over or len(_hanging(world)) == AT_ONCE, "concurrent requests")
        play.lose_power()
        assert play.end().status == -signal.SIGKILL
    created = len([each for each in _hanging(world) if each["method"] == "POST"])
    before = len([each for each in world.requests() if each["status"] == 200 and each["writes"]])
    until(lambda: len(world.jobs()) == before + created, "the late writes")
    world.control("DELETE", "faults")
    run = run_module(world, {"jobs": entries})
    assert run.status == 0, run.output
    assert sorted(job["zone_id"] for job in world.jobs()) == sorted(each["id"] for each in zones)
    count("interrupted runs", 1)
    count("requests interrupted", AT_ONCE)


def _hanging(world: World) -> list[dict[str, t.Any]]:
    return [each for each in world.requests() if "hang" in (each["fault"] or {})]
