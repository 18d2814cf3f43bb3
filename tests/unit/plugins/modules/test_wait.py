# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until jobs have pushed logs, with a simulated server and a clock."""

from __future__ import annotations

import itertools
import typing as t

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_job, logpush_jobs
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    TOKEN,
    ZONE,
    failure,
    response,
    run_module,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.simulated import (
    CONTAINER,
    LOST,
    Delivery,
    Outage,
    World,
)

OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
SAS = "sv=2022-11-02&ss=b&srt=o&sp={}&se=2032-01-01T00:00:00Z&sig=c2lnbmF0dXJlT2ZUaGVTQVM"
EARLIER, EARLIER_STILL = "2026-11-22T14:05:00Z", "2026-11-22T14:00:00Z"
FIRST, SECOND = "2026-11-22T14:10:00Z", "2026-11-22T14:11:00Z"
CLOUDFLARES = "error uploading: AccessDenied (code 1101)"
PUSHED = {"last_complete": FIRST, "last_error": None, "error_message": None}
REFUSED = {"last_complete": None, "last_error": FIRST, "error_message": CLOUDFLARES}


def entry(name: str = "http", zone: str = ZONE, **options: t.Any) -> dict[str, t.Any]:
    """Return an entry for a job that the tests create."""
    conf = f"azure://{CONTAINER}/logs/http?{SAS.format('w')}"
    given = {"zone_id": zone, "name": name, "dataset": "http_requests", "destination_conf": conf}
    return {**given, "challenge_file": {"azure": {"sas_token": SAS.format("r")}}, **options}


def run_one(check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run logpush_job."""
    given = {"api_token": TOKEN, "wait": True, **entry(), **options}
    return run_module(logpush_job.main, given, check_mode=check_mode)


def run_many(*entries: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Run logpush_jobs."""
    given = {"api_token": TOKEN, "wait": True, "concurrency": 1, "jobs": list(entries), **options}
    return run_module(logpush_jobs.main, given)


def world(*deliveries: Delivery, **existing: t.Any) -> World:
    """Return a server, with one job if its properties are given, and what comes of the jobs."""
    simulated = World()
    simulated.deliveries = list(deliveries)
    if existing:
        job = {"id": 7, "name": "http", "dataset": "http_requests", "enabled": True}
        conf = entry()["destination_conf"]
        simulated.jobs[ZONE] = [{**job, "destination_conf": conf, **existing}]
    return simulated


def lists(simulated: World) -> int:
    """Count the lists that were requested."""
    return sum(each.startswith("GET") and each.endswith("/jobs") for each in simulated.requests)


def test_a_created_job_is_waited_for_until_it_has_pushed() -> None:
    with world(Delivery(45, "http", PUSHED)).reached() as server:
        result = run_one()
    assert not result.get("failed"), result
    assert (result["changed"], result["action"], result["push"]) == (True, "created", "succeeded")
    assert result["job"]["last_complete"] == FIRST
    assert result["job"]["status"] == "pushing"
    # At most one interval later; the first two lists are those of any creation.
    assert 45 <= server.now <= 45 + 30
    assert lists(server) == 2 + 5


def test_the_push_before_the_update_is_not_taken_for_one_after_it() -> None:
    later = Delivery(100, "http", {"last_complete": SECOND})
    with world(later, last_complete=FIRST).reached() as server:
        result = run_one(max_upload_interval_seconds=60)
    assert (result["action"], result["push"]) == ("updated", "succeeded")
    assert result["job"]["last_complete"] == SECOND
    assert server.now >= 100


@pytest.mark.parametrize("name", ["last_complete", "last_error"])
def test_values_missing_in_the_response_to_the_write_are_not_new(name: str) -> None:
    simulated = world(Delivery(100, "http", {"last_complete": SECOND}), **{name: FIRST})
    simulated.unshown = ("last_complete", "last_error")
    with simulated.reached() as server:
        result = run_one(max_upload_interval_seconds=60)
    assert result["push"] == "succeeded", result
    assert server.now >= 100


def test_a_failed_push_fails_the_task_with_the_message_of_cloudflare() -> None:
    with world(Delivery(20, "http", REFUSED)).reached():
        result = run_one()
    assert result["failed"]
    assert result["changed"]
    job_id = result["job"]["id"]
    assert result["msg"] == f"job {job_id} was created, but pushing failed: {CLOUDFLARES}"
    assert (result["push"], result["job"]["last_error"]) == ("failed", FIRST)
    assert result["action"] == "created"


def test_a_failure_without_a_message_is_reported_too() -> None:
    with world(Delivery(20, "http", {"last_error": FIRST})).reached():
        result = run_one()
    assert result["msg"].endswith("pushing failed: Cloudflare reports no reason")


def test_secrets_in_the_message_of_cloudflare_are_redacted() -> None:
    text = f"cannot write to {entry()['destination_conf']}"
    with world(Delivery(20, "http", {**REFUSED, "error_message": text})).reached():
        result = run_one()
    assert "cannot write to azure://" in result["msg"]
    assert "c2lnbmF0dXJlT2ZUaGVTQVM" not in str(result)


@pytest.mark.parametrize(
    ("shown", "push"),
    [
        # A failure, and a push after it.
        ({"last_complete": SECOND, "last_error": FIRST}, "succeeded"),
        # A push, and a failure after it.
        ({"last_complete": FIRST, "last_error": SECOND}, "failed"),
        ({"last_complete": SECOND, "last_error": FIRST, "error_message": CLOUDFLARES}, "failed"),
        # An error of before that is still shown is not a failure of this push.
        ({"last_complete": SECOND}, "succeeded"),
    ],
)
def test_the_later_of_a_push_and_a_failure_counts(shown: dict[str, t.Any], push: str) -> None:
    existing = {"last_complete": EARLIER_STILL, "last_error": EARLIER, "error_message": CLOUDFLARES}
    if "last_error" in shown:
        shown = {"error_message": None, **shown}
    with world(Delivery(30, "http", shown), **existing).reached():
        result = run_one(max_upload_interval_seconds=60)
    assert result["push"] == push, result
    assert bool(result.get("failed")) is (push == "failed")


def test_an_earlier_error_that_disappears_is_not_a_push() -> None:
    gone = Delivery(10, "http", {"last_error": None, "error_message": None})
    existing = {"last_complete": EARLIER_STILL, "last_error": EARLIER, "error_message": CLOUDFLARES}
    with world(gone, **existing).reached():
        result = run_one(max_upload_interval_seconds=60, wait_timeout=60)
    assert result["push"] == "timed_out"


def test_a_push_that_does_not_come_in_time_fails_the_task_with_what_was_done() -> None:
    with world().reached() as server:
        result = run_one(wait_timeout=90)
    assert result["failed"]
    assert result["changed"]
    assert (result["action"], result["push"]) == ("created", "timed_out")
    assert result["job"]["enabled"]
    assert result["job"]["status"] == "idle"
    assert result["msg"] == (
        f"job {result['job']['id']} was created, but nothing was pushed within 90 s "
        "(wait_timeout); where there are no events, there is nothing to push"
    )
    assert server.now == 90


def test_a_wait_that_times_out_returns_the_job_as_last_listed() -> None:
    with world(Delivery(20, "http", {"frequency": "low"})).reached():
        result = run_one(wait_timeout=90)
    assert (result["push"], result["job"]["frequency"]) == ("timed_out", "low")


@pytest.mark.parametrize("message", [CLOUDFLARES, None])
def test_a_wait_that_times_out_shows_the_earlier_error(message: str | None) -> None:
    existing = {"last_complete": EARLIER_STILL, "last_error": EARLIER, "error_message": message}
    with world(**existing).reached():
        result = run_one(max_upload_interval_seconds=60, wait_timeout=60)
    assert result["push"] == "timed_out"
    assert result["msg"] == (
        "job 7 was updated, but nothing was pushed within 60 s (wait_timeout); Cloudflare still "
        f"shows the error: {message or 'Cloudflare reports no reason'}"
    )


def test_a_push_at_the_last_moment_counts() -> None:
    with world(Delivery(89.5, "http", PUSHED)).reached() as server:
        result = run_one(wait_timeout=90)
    assert result["push"] == "succeeded"
    assert server.now == 90


@pytest.mark.parametrize(
    ("options", "check_mode"),
    [
        # Nothing is written.
        ({}, False),
        ({"enabled": False}, False),
        ({"state": "absent"}, False),
        ({"max_upload_interval_seconds": 60}, True),
        ({"max_upload_interval_seconds": 60, "wait": False}, False),
    ],
    ids=["no change", "disabled", "removed", "check mode", "not wanted"],
)
def test_nothing_to_wait_for(options: dict[str, t.Any], check_mode: bool) -> None:
    with world(last_complete=FIRST).reached() as server:
        result = run_one(check_mode, **options)
    assert not result.get("failed"), result
    assert result["push"] is None
    assert (server.now, lists(server)) == (0, 1)


def test_a_job_that_is_created_disabled_is_not_waited_for() -> None:
    with world().reached() as server:
        result = run_one(enabled=False)
    assert (result["action"], result["push"], server.now) == ("created", None, 0)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"enabled": False}, "was disabled before it pushed anything"),
        (
            {"enabled": False, "error_message": CLOUDFLARES},
            f"was disabled before it pushed anything: {CLOUDFLARES}",
        ),
        (None, "was removed before it pushed anything"),
    ],
)
def test_a_job_that_something_else_stops_is_waited_for_no_longer(
    shown: dict[str, t.Any] | None, words: str
) -> None:
    with world(Delivery(30, "http", shown)).reached() as server:
        result = run_one()
    assert result["failed"]
    assert result["changed"]
    assert result["push"] == "failed"
    assert result["job"]["enabled"] is (shown is None)
    assert result["msg"].endswith(f"was created, but {words}")
    assert server.now < 90


def test_a_list_that_is_older_than_the_job_is_not_taken_for_its_removal() -> None:
    simulated = world(Delivery(40, "http", PUSHED))
    simulated.outage = Outage(ZONE, 1, 5, lambda: success([]))
    with simulated.reached():
        result = run_one()
    assert result["push"] == "succeeded", result


def test_a_job_that_reappears_may_be_missing_once_more() -> None:
    simulated = world(Delivery(60, "http", PUSHED))
    present = itertools.cycle([False, True])
    simulated.outage = Outage(
        ZONE, 1, 50, lambda: success(simulated.jobs[ZONE] if next(present) else [])
    )
    with simulated.reached():
        result = run_one()
    assert result["push"] == "succeeded", result


def test_a_creation_whose_response_was_lost_is_waited_for() -> None:
    # The fault hits the creation: after the list, the challenge, and its file.
    with world(Delivery(60, "http", PUSHED)).reached(LOST, at=4) as server:
        result = run_one()
    assert not result.get("failed"), result
    assert (result["response_lost"], result["push"]) == (True, "succeeded")
    assert server.now >= 60


@pytest.mark.parametrize("timeout", [1, 86400])
def test_the_least_and_the_greatest_timeout_are_valid(timeout: float) -> None:
    with world(last_complete=FIRST).reached():
        result = run_one(wait_timeout=timeout)
    assert not result.get("failed"), result


@pytest.mark.parametrize("timeout", [0, 0.5, -1, 86401, float("nan")])
def test_a_timeout_that_is_invalid_is_rejected(timeout: float) -> None:
    with world().reached() as server:
        result = run_one(wait_timeout=timeout)
    assert "wait_timeout: must be" in result["msg"]
    assert not server.requests


# Requests that fail while waiting


def broken() -> requests.Response:
    """Lose the connection."""
    raise requests.ConnectionError from ConnectionRefusedError()


def gateway_error() -> requests.Response:
    """Return what Cloudflare answers while the API is down."""
    return failure(502, 1000, "bad gateway")


def forbidden() -> requests.Response:
    """Return what a revoked token gets."""
    return failure(403, 10000, "Authentication error")


def page() -> requests.Response:
    """Return what a proxy may answer, once."""
    return response(content=b"<html>Maintenance</html>", headers={"Content-Type": "text/html"})


@pytest.mark.parametrize("answer", [broken, gateway_error, page])
def test_a_lost_connection_does_not_end_the_wait(answer: t.Callable[[], t.Any]) -> None:
    simulated = world(Delivery(40, "http", PUSHED))
    simulated.outage = Outage(ZONE, 5, 100, answer)
    with simulated.reached():
        result = run_one()
    assert not result.get("failed"), result
    assert result["push"] == "succeeded"


def test_a_lost_connection_that_is_over_is_not_reported() -> None:
    simulated = world()
    simulated.outage = Outage(ZONE, 5, 40, broken)
    with simulated.reached():
        result = run_one(wait_timeout=90)
    assert result["msg"].endswith("where there are no events, there is nothing to push")


def test_a_wait_that_times_out_without_a_connection_says_so() -> None:
    simulated = world(Delivery(40, "http", PUSHED))
    simulated.outage = Outage(ZONE, 5, 10000, broken)
    with simulated.reached():
        result = run_one(wait_timeout=90)
    assert (result["push"], result["changed"]) == ("timed_out", True)
    assert "nothing was pushed within 90 s (wait_timeout); GET /zones/" in result["msg"]
    assert "connection refused" in result["msg"]
    assert result["error"]["retryable"]


def test_a_rejected_list_ends_the_wait() -> None:
    simulated = world(Delivery(400, "http", PUSHED))
    simulated.outage = Outage(ZONE, 5, 10000, forbidden)
    with simulated.reached() as server:
        result = run_one()
    assert result["failed"]
    assert result["changed"]
    assert result["push"] is None
    assert "was created, but its jobs can no longer be listed" in result["msg"]
    assert result["error"]["status"] == 403
    assert server.now < 30


# Many jobs


def test_jobs_of_all_scopes_are_waited_for_together_with_one_list_each() -> None:
    entries = [entry("a"), entry("b"), entry("a", OTHER_ZONE)]
    deliveries = [Delivery(30, "a", PUSHED), Delivery(60, "b", PUSHED)]
    with world(*deliveries).reached() as server:
        result = run_many(*entries)
    assert not result.get("failed"), result
    assert [each["push"] for each in result["results"]] == ["succeeded"] * 3
    assert all(f"logs pushed up to {FIRST}" in line for line in result["table"][1:])
    # At 2, 7, 17 and 37 s both zones are listed, at 67 s the one whose job b is waited for.
    polled = server.requests[-9:]
    both = [f"GET /client/v4/zones/{zone}/logpush/jobs" for zone in (ZONE, OTHER_ZONE)]
    assert polled == both * 4 + both[:1]
    assert server.now == 67


def test_a_failing_entry_does_not_stop_the_others() -> None:
    entries = [entry("bad"), entry("good"), entry("late"), entry("off", enabled=False)]
    deliveries = [Delivery(10, "bad", REFUSED), Delivery(50, "good", PUSHED)]
    with world(*deliveries).reached():
        result = run_many(*entries, wait_timeout=120)
    bad, good, late, off = result["results"]
    assert [each["push"] for each in (bad, good, late, off)] == [
        "failed",
        "succeeded",
        "timed_out",
        None,
    ]
    assert [each["failed"] for each in (bad, good, late, off)] == [True, False, True, False]
    assert all(each["changed"] and each["job"]["id"] for each in (bad, good, late, off))
    assert result["msg"].startswith("2 of 4 jobs failed; the first of them: job 'bad' in zone")
    assert CLOUDFLARES in result["msg"]
    assert (result["summary"]["failed"], result["summary"]["created"]) == (2, 2)


def test_a_zone_that_cannot_be_listed_does_not_stop_the_others() -> None:
    simulated = world(Delivery(40, "a", PUSHED))
    simulated.outage = Outage(OTHER_ZONE, 5, 10000, forbidden)
    with simulated.reached():
        result = run_many(entry("a"), entry("a", OTHER_ZONE))
    assert [each["push"] for each in result["results"]] == ["succeeded", None]


@pytest.mark.parametrize(("delivery", "pruned"), [(PUSHED, [7]), (REFUSED, [])])
def test_jobs_are_pruned_only_after_the_new_ones_push(
    delivery: dict[str, t.Any], pruned: list[int]
) -> None:
    with world(Delivery(10, "new", delivery), name="old").reached() as server:
        result = run_many(entry("new"), prune=True)
    assert [each["item"]["id"] for each in result["pruned"]] == pruned
    assert sum(each.startswith("DELETE") for each in server.requests) == len(pruned)


def test_polls_of_many_scopes_leave_half_of_the_rate_limit() -> None:
    zones = [f"{number:032x}" for number in range(1, 101)]
    simulated = world(Delivery(140, "http", PUSHED), last_error=None)
    (existing,) = simulated.jobs.pop(ZONE)
    simulated.jobs = {zone: [{**existing, "enabled": False}] for zone in zones}
    with simulated.reached() as server:
        result = run_many(*(entry(zone=zone, enabled=True) for zone in zones))
    assert not result.get("failed"), result["msg"]
    assert result["summary"]["updated"] == 100
    # At 50, 100 and 150 s: 100 requests in 50 s.
    assert server.now == 150
