# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one window of a rate limit follows another, and responses that overtake each other."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import (
    RateLimiter,
    RateLimitTimeout,
)
from ansible_collections.edgeops.cloudflare.tests.unit.rate_limits import (
    reported,
    request,
    sent_at_once,
    virtual_time,
)
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime


def test_a_limit_that_is_no_longer_reported_has_ended(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter, reported(1000, 10))
    clock.sleep(10)
    request(limiter)
    permits = [limiter.acquire() for _request in range(100)]
    assert not any(permit.probe for permit in permits)


@pytest.fixture(name="clock")
def fixture_clock() -> t.Iterator[VirtualTime]:
    """Have the rate limiter use virtual time."""
    with virtual_time() as time:
        yield time


def test_one_probe_a_second_is_sent_if_the_reset_is_reported_too_early(
    clock: VirtualTime,
) -> None:
    # Seconds that are rounded down: nothing is left, and no second of the window.
    limiter = RateLimiter(patience=300)
    request(limiter, reported(0, 5))
    headers = [reported(0, 0), reported(0, 0), reported(1199, 300)]
    assert [request(limiter, each).waited for each in headers] == [5, 1, 1]


def test_a_window_that_began_early(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=0)
    request(limiter, reported(14, 100))
    first = limiter.acquire()
    request(limiter, reported(12, 100))
    with pytest.raises(RateLimitTimeout):
        limiter.acquire()
    limiter.release(first, 200, reported(1199, 300))
    assert sent_at_once(limiter, reported(1198, 300), most=1000) == 1000


def test_a_share_counts_requests_in_flight_when_a_window_begins(clock: VirtualTime) -> None:
    limiter = RateLimiter(0.1, patience=0)
    request(limiter, reported(1000, 20, 100, 60))
    permits = [limiter.acquire() for _request in range(5)]
    limiter.release(permits[0], 200, reported(99, 60, 100))
    # The quota but for the probes of ten tasks is 90, a tenth 9; five of them are sent.
    assert sent_at_once(limiter, reported(98, 60, 100)) == 4


def test_a_response_that_was_overtaken_gives_nothing_back(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=0)
    request(limiter, reported(1000, 300))
    early, late = limiter.acquire(), limiter.acquire()
    clock.sleep(5)
    limiter.release(late, 200, reported(12, 295))
    clock.sleep(20)
    # Sent when nearly all were left; 25 seconds later it is not taken for a new window.
    limiter.release(early, 200, reported(999, 300))
    with pytest.raises(RateLimitTimeout) as caught:
        limiter.acquire()
    assert caught.value.seconds == 275


def test_a_response_of_the_window_before_takes_nothing_away(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=0)
    request(limiter, reported(1000, 10))
    old = limiter.acquire()
    clock.sleep(10)
    request(limiter, reported(1199, 300))
    limiter.release(old, 200, reported(0, 1))
    assert sent_at_once(limiter, reported(1198, 300), most=1000) == 1000


def test_the_earliest_reported_end_counts(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter, reported(100, 10))
    clock.sleep(0.75)
    request(limiter, reported(12, 9))
    assert request(limiter, reported(1199, 300)).waited == 9
    assert clock.now == 1009.75
