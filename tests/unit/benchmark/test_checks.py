# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run counts only if exactly what was to be done was done."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark import checks

Entries = list[dict[str, Any]]

ZONES = ["a" * 32, "b" * 32]
DESTINATION = "s3://edge-logs/{DATE}?region=us-east-1"
NAMES = ["x/ownership-challenge-1.txt", "x/ownership-challenge-2.txt"]


def entry(zone_id: str, tail: str = "ownership", **more: Any) -> dict[str, Any]:
    """Return a request as the sandbox records it."""
    return {
        "method": "POST",
        "path": f"/client/v4/zones/{zone_id}/logpush/{tail}",
        "body": {"destination_conf": DESTINATION},
        "status": 200,
        "writes": True,
        "rate_limited": False,
    } | more


def both(**more: Any) -> Entries:
    """Return a right request for each zone, the last one changed."""
    return [entry(ZONES[0]), entry(ZONES[1], **more)]


def challenges(entries: Entries, names: list[str] | None = None) -> str | None:
    """Return what is wrong with these."""
    came_back = NAMES if names is None else names
    problem: str | None = checks.challenges(entries, ZONES, DESTINATION, came_back)
    return problem


def test_exactly_the_right_requests_are_no_problem():
    assert challenges(both()[::-1]) is None


def test_what_was_refused_and_sent_again_is_no_problem():
    assert challenges([entry(ZONES[0], rate_limited=True, status=429), *both()]) is None


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (both()[:1], "1 of 2 requests are missing, and 0 are too many"),
        ([*both(), entry(ZONES[0])], "0 of 2 requests are missing, and 1 are too many"),
        ([entry(ZONES[0])] * 2, "1 of 2 requests are missing, and 1 are too many"),
        (both(status=500), "1 of 2 requests are missing, and 0 are too many"),
        (both(method="GET"), "1 of 2 requests are missing, and 1 are too many"),
        (both(rate_limited=True), "1 of 2 requests are missing, and 0 are too many"),
        (both(body={"destination_conf": "s3://other"}), "a request was another one"),
        (both(writes=False), "was not carried out"),
    ],
)
def test_other_requests_are_a_problem(entries: Entries, says: str):
    assert says in (challenges(entries) or "")


@pytest.mark.parametrize("names", [[], NAMES[:1], [NAMES[0]] * 2, [*NAMES, NAMES[0]]])
def test_each_challenge_has_to_come_back_once(names: list[str]):
    assert "challenges came back" in (challenges(both(), names) or "")


def test_nothing_is_nothing():
    assert checks.nothing([]) is None
    assert checks.nothing(both()) == "2 requests were sent"


def test_a_job_in_each_zone_made_once():
    kept = [{"zone_id": zone_id, "enabled": True} for zone_id in ZONES]
    made = [entry(ZONES[0], "jobs"), entry(ZONES[1], "jobs"), entry(ZONES[1], "jobs", method="GET")]
    assert checks.jobs([*made, *both()], ZONES, kept) is None
    assert "too many" in (checks.jobs([*made, made[0]], ZONES, kept) or "")
    assert "missing" in (checks.jobs(made[:1], ZONES, kept) or "")
    assert "1 of 2 jobs" in (checks.jobs(made, ZONES, kept[:1]) or "")
    asleep = [kept[0], {"zone_id": ZONES[1], "enabled": False}]
    assert "1 of 2 jobs" in (checks.jobs(made, ZONES, asleep) or "")
