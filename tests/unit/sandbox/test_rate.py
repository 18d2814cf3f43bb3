# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate limit: the documented one, others on request, and what answers say of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.rate import Policy, RateLimits, parse
from sandbox.world import DESTINATION


class Clock:
    """A clock that is moved by hand. It does not begin at nought, as the real one does not."""

    def __init__(self) -> None:
        self.now = 12_345.678

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def fixture_clock() -> Clock:
    return Clock()


@pytest.fixture(name="limits")
def fixture_limits(clock: Clock) -> RateLimits:
    return RateLimits(clock)


@pytest.fixture(name="limited")
def fixture_limited(api: Any, limits: RateLimits) -> Any:
    """A sandbox whose rate limit goes by the clock of the test."""
    api.world.rates = limits
    return api


def take(limits: RateLimits, times: int, credential: str | None = "token") -> list[bool]:
    """Count as many requests; which were allowed."""
    return [not limits.count(credential).refused for _turn in range(times)]


def told(limits: RateLimits, credential: str | None = "token") -> tuple[str, str | None]:
    """What the answer to one more request says: the state, and how long to wait."""
    headers = limits.headers(limits.count(credential))
    return headers["Ratelimit"], headers.get("Retry-After")


def ask(api: Any, headers: Any = None) -> Any:
    """Ask for the jobs."""
    return api.client.get(api.path("jobs"), headers=api.headers if headers is None else headers)


def set_policy(api: Any, **policy: Any) -> Any:
    """Set the limit."""
    response = api.client.put("/sandbox/rate_policy", json=policy)
    assert response.status_code == 200
    return response.get_json()


def test_1200_requests_in_five_minutes_are_allowed(limits: RateLimits, clock: Clock) -> None:
    assert take(limits, 1) == [True]
    clock.now += 299.9
    assert all(take(limits, 1199))
    assert take(limits, 2) == [False, False]


def test_a_window_begins_with_the_first_request(limits: RateLimits, clock: Clock) -> None:
    clock.now += 1000
    take(limits, 1200)
    clock.now += 300
    assert all(take(limits, 1200))


def test_a_block_counts_from_the_excess_and_gets_no_longer(
    limits: RateLimits, clock: Clock
) -> None:
    take(limits, 1200)
    clock.now += 100
    assert told(limits) == ('"default";r=0;t=300', "300")
    clock.now += 200.5
    # The window would be over by now.
    assert told(limits) == ('"default";r=0;t=100', "100")
    clock.now += 99.4
    assert told(limits) == ('"default";r=0;t=1', "1")
    clock.now += 0.1
    assert told(limits) == ('"default";r=1199;t=300', None)
    assert take(limits, 1200) == [True] * 1199 + [False]


def test_what_is_reported_is_true(limits: RateLimits, clock: Clock) -> None:
    assert told(limits) == ('"default";r=1199;t=300', None)
    clock.now += 0.001
    assert told(limits) == ('"default";r=1198;t=300', None)
    clock.now += 298.5
    standing = limits.count("token")
    assert limits.headers(standing) == {
        "Ratelimit": '"default";r=1197;t=2',
        "Ratelimit-Policy": '"default";q=1200;w=300',
    }
    # It is told when the answer is given.
    clock.now += 1
    assert limits.headers(standing)["Ratelimit"] == '"default";r=1197;t=1'
    clock.now += 1
    assert limits.headers(standing)["Ratelimit"] == '"default";r=1197;t=0'


def test_each_credential_has_its_own_limit(limits: RateLimits) -> None:
    limits.set(Policy(2, 60, 60))
    assert take(limits, 3, "token") == [True, True, False]
    assert take(limits, 3, "key") == [True, True, False]


def test_strangers_are_not_counted(limits: RateLimits) -> None:
    limits.set(Policy(2, 60, 60))
    assert all(take(limits, 10, None))
    assert told(limits, None) == ('"default";r=2;t=60', None)
    assert limits.shown()["credentials"] == {}


def test_a_block_may_be_shorter_or_longer_than_a_window(limits: RateLimits, clock: Clock) -> None:
    for block in (1, 50):
        limits.set(Policy(1, 10, block))
        assert take(limits, 2) == [True, False]
        clock.now += block - 0.25
        assert take(limits, 1) == [False]
        clock.now += 0.25
        assert take(limits, 1) == [True]


def test_short_windows_are_reported_in_thousandths(limits: RateLimits, clock: Clock) -> None:
    limits.set(Policy(2, 2.5, 2.5))
    assert limits.headers(limits.count("token")) == {
        "Ratelimit": '"default";r=1;t=2.500',
        "Ratelimit-Policy": '"default";q=2;w=2.5',
    }
    clock.now += 1.4996
    assert told(limits) == ('"default";r=0;t=1.001', None)
    # Retry-After is whole, as HTTP wants it.
    assert told(limits) == ('"default";r=0;t=2.500', "3")
    clock.now += 2.4996
    assert told(limits) == ('"default";r=0;t=0.001', "1")


def test_ten_seconds_are_reported_as_the_api_does(limits: RateLimits) -> None:
    limits.set(Policy(2, 10, 10))
    assert told(limits)[0] == '"default";r=1;t=10'


def test_a_new_policy_starts_a_new_window(limits: RateLimits) -> None:
    limits.set(Policy(1, 60, 60))
    assert take(limits, 2) == [True, False]
    limits.set(Policy(3, 60, 60))
    assert take(limits, 4) == [True, True, True, False]
    limits.clear()
    assert told(limits) == ('"default";r=1199;t=300', None)


def test_without_a_quota_all_is_allowed_and_nothing_told(limits: RateLimits) -> None:
    limits.set(Policy(None))
    assert all(take(limits, 1300))
    assert limits.headers(limits.count("token")) == {}


def test_threads_get_no_more_than_the_quota(limits: RateLimits) -> None:
    with ThreadPoolExecutor(8) as pool:
        allowed = sum(sum(part) for part in pool.map(lambda _: take(limits, 400), range(8)))
    assert allowed == 1200
    assert limits.shown()["credentials"]["token"]["refused"] == 2000


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ({"quota": 60, "window": 3, "block": 1.5}, Policy(60, 3, 1.5)),
        ({"quota": 60, "window": 3}, Policy(60, 3, 3)),
        ({"quota": 60}, Policy(60, 300, 300)),
        ({"quota": None}, Policy(None, 300, 300)),
    ],
    ids=str,
)
def test_a_policy_is_read(given: Any, policy: Policy) -> None:
    assert parse(given) == policy


@pytest.mark.parametrize(
    "given",
    [
        {},
        [],
        {"window": 3},
        {"quota": 0},
        {"quota": 1.5},
        {"quota": True},
        {"quota": "60"},
        {"quota": 60, "window": 0},
        {"quota": 60, "window": "3"},
        {"quota": 60, "window": 1e9},
        {"quota": 60, "window": 3, "block": -1},
        {"quota": 60, "window": 3, "block": None},
        {"quota": 60, "limit": 1},
    ],
    ids=str,
)
def test_a_wrong_policy_is_refused_and_the_old_one_stays(api: Any, given: Any) -> None:
    response = api.client.put("/sandbox/rate_policy", json=given)
    assert response.status_code == 400
    assert response.get_json()["error"]
    assert api.client.get("/sandbox/rate_policy").get_json()["quota"] == 1200


def test_each_call_past_the_limit_is_refused(limited: Any, clock: Clock) -> None:
    set_policy(limited, quota=2, window=60)
    assert [ask(limited).status_code for _turn in range(2)] == [200, 200]
    clock.now += 0.5
    refusals = [
        ask(limited),
        limited.ask(DESTINATION),
        limited.client.get("/client/v4/nothing", headers=limited.headers),
    ]
    for response in refusals:
        assert limited.error(response)[:2] == (429, 10429)
        assert response.headers["Retry-After"] == "60"
        assert response.headers["Ratelimit"] == '"default";r=0;t=60'
        assert response.headers["Ratelimit-Policy"] == '"default";q=2;w=60'
        assert response.headers["cf-ray"]
    assert limited.objects() == {}
    clock.now += 60
    assert ask(limited).status_code == 200


def test_a_refusal_is_the_one_that_the_fault_plays(limited: Any) -> None:
    limited.fault({"rate_limit": 300})
    played = ask(limited)
    set_policy(limited, quota=1)
    ask(limited)
    refused = ask(limited)
    assert (refused.status_code, refused.get_json()) == (played.status_code, played.get_json())
    assert played.headers["Retry-After"] == refused.headers["Retry-After"] == "300"


def test_the_record_says_what_was_refused_for_being_too_much(api: Any) -> None:
    set_policy(api, quota=1)
    api.fault({"path": "nothing", "rate_limit": 1})
    for _turn in range(2):
        ask(api)
    ask(api, headers={})
    assert [(entry["status"], entry["rate_limited"]) for entry in api.requests()] == [
        (200, False),
        (429, True),
        (400, False),
    ]


def test_a_refused_request_uses_up_no_fault(limited: Any, clock: Clock) -> None:
    set_policy(limited, quota=1, window=60)
    ask(limited)
    limited.fault({"status": 503})
    assert ask(limited).status_code == 429
    clock.now += 60
    assert ask(limited).status_code == 503


def test_answers_of_faults_tell_the_truth_unless_told_otherwise(limited: Any) -> None:
    limited.fault(
        {"status": 503},
        {"status": 503, "carry_out": True},
        {"status": 503, "headers": {"Ratelimit": '"default";r=7;t=7'}},
        {"rate_limit": 9},
    )
    assert [ask(limited).headers["Ratelimit"] for _turn in range(5)] == [
        '"default";r=1199;t=300',
        '"default";r=1198;t=300',
        '"default";r=7;t=7',
        '"default";r=0;t=9',
        '"default";r=1195;t=300',
    ]


def test_token_and_key_are_counted_apart_and_strangers_not(limited: Any) -> None:
    set_policy(limited, quota=1, window=60)
    right = limited.world.credentials
    key = {"X-Auth-Email": right.email, "X-Auth-Key": right.key}
    strangers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer wrong"},
        key | {"X-Auth-Key": "0" * 37},
    )
    for stranger in strangers:
        assert ask(limited, stranger).headers["Ratelimit"] == '"default";r=1;t=60'
    assert [ask(limited).status_code for _turn in range(2)] == [200, 429]
    assert [ask(limited, key).status_code for _turn in range(3)] == [200, 429, 429]
    assert limited.client.get("/sandbox/rate_policy").get_json() == {
        "quota": 1,
        "window": 60,
        "block": 60,
        "credentials": {
            "token": {"used": 1, "refused": 1, "blocked": True, "seconds": 60},
            "key": {"used": 1, "refused": 2, "blocked": True, "seconds": 60},
        },
    }


def test_reset_restores_the_documented_limit(api: Any) -> None:
    assert set_policy(api, quota=None) == {
        "quota": None,
        "window": 300,
        "block": 300,
        "credentials": {},
    }
    assert "Ratelimit" not in ask(api).headers
    set_policy(api, quota=1, window=0.5)
    ask(api)
    assert api.client.post("/sandbox/reset").status_code == 204
    assert ask(api).headers["Ratelimit"] == '"default";r=1199;t=300'
