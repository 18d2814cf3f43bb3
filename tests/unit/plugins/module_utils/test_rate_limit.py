# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When requests are granted below the rate limit: each rule by itself, in virtual time."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import (
    Permit,
    RateLimiter,
    RateLimitTimeout,
)
from ansible_collections.edgeops.cloudflare.tests.unit.rate_limits import (
    ONE_PROBE,
    acquire_concurrently,
    reported,
    request,
    sent_at_once,
    virtual_time,
)
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime

# Real seconds: what has to happen does so long before, what must not would too.
AT_ONCE, NOT_AT_ONCE = 30.0, 0.05


@pytest.fixture(name="clock")
def fixture_clock() -> t.Iterator[VirtualTime]:
    """Have the rate limiter use virtual time."""
    with virtual_time() as time:
        yield time


# Probes: nothing is known of the current window


@pytest.mark.parametrize(
    ("share", "probes"), [(1, 12), (0.99, 11), (0.5, 6), (0.25, 3), (0.1, 1), (0.03, 1)]
)
def test_the_first_requests_are_probes_as_many_as_the_documented_reserve(
    clock: VirtualTime, share: float, probes: int
) -> None:
    limiter, log = RateLimiter(share, patience=300), []

    def work() -> None:
        permit = limiter.acquire()
        log.append((clock.now - 1000, permit.waited, permit.probe))
        clock.pass_by(2)
        # A quota of which any share is enough.
        limiter.release(permit, 200, reported(1e8, 300, 1e8))

    for _thread in range(15):
        clock.start(work)
    clock.run()
    assert log == [(0, 0, True)] * probes + [(2, 2, False)] * (15 - probes)
    assert limiter.waited == 0, "only what the rate limit causes is counted"


def test_without_headers_there_is_no_limit(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter)
    assert sent_at_once(limiter, {}) == 2000
    assert clock.now == 1000


@pytest.mark.parametrize(("share", "probes"), [(ONE_PROBE, 1), (0.25, 3)])
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_each_lost_probe_allows_one_more(
    clock: VirtualTime, lost: int, share: float, probes: int
) -> None:
    limiter = RateLimiter(share, patience=300)
    for _request in range(lost):
        request(limiter, status=None)
    permits = acquire_concurrently(clock, limiter, 10)
    assert [permit.probe for permit in permits] == [True] * (probes + lost)
    limiter.release(permits[0], 200, reported(1000, 300))
    clock.run()
    assert len(permits) == 10


def test_a_response_to_a_probe_ends_the_extra_ones(clock: VirtualTime) -> None:
    limiter = RateLimiter(ONE_PROBE, patience=300)
    request(limiter, status=None)
    request(limiter, reported(1000, 5))
    clock.sleep(6)
    assert len(acquire_concurrently(clock, limiter, 2)) == 1


@pytest.mark.parametrize(("quota", "probes"), [(100, 1), (300, 3), (201, 3), (None, 1), (5, 1)])
def test_a_window_begins_with_as_many_probes_as_the_reserve(
    clock: VirtualTime, quota: int | None, probes: int
) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter, reported(5, 10, quota))
    clock.sleep(10)
    permits = acquire_concurrently(clock, limiter, 4)
    assert [permit.probe for permit in permits] == [True] * probes


def test_the_smallest_reserve_of_several_limits_counts(clock: VirtualTime) -> None:
    limits = {"Ratelimit": '"a";r=9;t=10, "b";r=9;t=10'}
    limiter = RateLimiter(patience=300)
    request(limiter, limits | {"Ratelimit-Policy": '"a";q=1000;w=300, "b";q=200;w=300'})
    clock.sleep(10)
    assert len(acquire_concurrently(clock, limiter, 4)) == 2


def test_a_probe_does_not_wait_for_requests_of_the_window_before(clock: VirtualTime) -> None:
    limiter = RateLimiter(ONE_PROBE, patience=300)
    request(limiter, reported(1000, 10))
    old = limiter.acquire()
    clock.sleep(10)
    probe = limiter.acquire()
    assert (old.probe, probe.probe) == (False, True)
    permits = acquire_concurrently(clock, limiter, 1)
    # The response to a request sent before reports nothing of the new window.
    limiter.release(old, 200, reported(999, 1))
    with pytest.raises(AssertionError, match="wait for ever"):
        clock.run()
    limiter.release(probe, 200, reported(1199, 300))
    clock.run()
    assert [permit.probe for permit in permits] == [False]


def test_real_threads_wait_for_a_probe() -> None:
    limiter, granted = RateLimiter(ONE_PROBE, patience=300), threading.Event()
    first = limiter.acquire()

    def work() -> None:
        permit = limiter.acquire()
        granted.set()
        limiter.release(permit, 200, reported(1000, 300))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert not granted.wait(NOT_AT_ONCE)
    limiter.release(first, 200, reported(1000, 300))
    assert granted.wait(AT_ONCE)
    thread.join(AT_ONCE)
    assert not thread.is_alive()


# The quota


@pytest.mark.parametrize(
    ("left", "quota", "available"),
    # A hundredth, at least one, is the reserve.
    [
        *((1, 1200, 0), (12, 1200, 0), (13, 1200, 1), (36, 1200, 24), (37, 1200, 25)),
        *((1199, 1200, 1187), (1199.5, 1200, 1187), (0, 1200, 0), (1, None, 0), (50, None, 49)),
        *((50, 100, 49), (9, 10, 8), (2, 10, 1), (1, 10, 0), (9999, 10000, 9899)),
    ],
)
def test_all_remaining_requests_except_the_reserve_are_granted(
    clock: VirtualTime, left: float, quota: float | None, available: int
) -> None:
    limiter, permits = RateLimiter(patience=300), list[Permit]()
    request(limiter, reported(left, 30, quota))
    # None of them ends.
    assert all(limiter.acquire().waited == 0 for _request in range(available))
    clock.start(lambda: permits.append(limiter.acquire()))
    clock.run()
    assert permits[0].waited == 30


def test_the_number_left_in_each_response_is_obeyed(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=0)
    for left in range(1199, 11, -1):
        request(limiter, reported(left, 300))
    with pytest.raises(RateLimitTimeout):
        limiter.acquire()


def test_numbers_and_seconds_may_have_fractions(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter, reported(0.5, 7.25))
    assert request(limiter).waited == 7.25


@pytest.mark.parametrize(("share", "available"), [(0.5, 594), (0.2, 237), (0.7, 831)])
def test_a_share_is_of_the_quota_of_each_window(
    clock: VirtualTime, share: float, available: int
) -> None:
    limiter, headers = RateLimiter(share, patience=0), reported(1199, 300)
    assert sent_at_once(limiter, headers) == available
    clock.sleep(300)
    assert sent_at_once(limiter, headers) == available


def test_a_share_without_a_reported_quota_is_no_limit(clock: VirtualTime) -> None:
    limiter = RateLimiter(0.01, patience=0)
    assert sent_at_once(limiter, reported(1000, 300, None)) == 2000


def test_a_share_is_at_least_one_request_of_each_window(clock: VirtualTime) -> None:
    limiter = RateLimiter(0.0001, patience=300)
    waited = [request(limiter, reported(100, 30)).waited for _request in range(4)]
    assert waited == [0, 30, 30, 30]


def test_several_limits_are_all_obeyed(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    headers = {
        "Ratelimit": '"burst";r=0;t=2, "default";r=0;t=9, third;r=1000;t=60',
        "Ratelimit-Policy": '"burst";q=10;w=2, "default";q=1200;w=300, third;q=1200;w=300',
    }
    request(limiter, headers)
    assert request(limiter).waited == 9


def test_limits_that_are_reported_one_by_one_are_all_obeyed(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter, {"Ratelimit": '"a";r=5;t=30'})
    request(limiter, {"Ratelimit": '"b";r=0;t=20'})
    assert request(limiter, {"Ratelimit": '"b";r=10;t=20'}).waited == 20
    request(limiter, {"Ratelimit": '"a";r=0;t=10'})
    assert request(limiter).waited == 10


def test_a_reported_quota_is_kept(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter, reported(40, 30))
    request(limiter, reported(12, 30, None))
    assert request(limiter).waited == 30


# Requests in flight


def test_a_request_waits_for_those_in_flight_that_may_be_counted_already(
    clock: VirtualTime,
) -> None:
    limiter, waited = RateLimiter(patience=0), []
    request(limiter, reported(17, 200))

    def work(left: int, seconds: float) -> None:
        permit = limiter.acquire()
        waited.append(permit.waited)
        clock.pass_by(seconds)
        limiter.release(permit, 200, reported(left, 200))

    # The first response counts all three that are in flight.
    for seconds in (1, 2, 3):
        clock.start(lambda seconds=seconds: work(14, seconds))  # type: ignore[misc]
    for _thread in range(2):
        clock.start(lambda: work(13, 1))
    clock.run()
    assert waited == [0, 0, 0, 0, 0]
    assert sent_at_once(limiter, reported(13, 200), most=3) == 3
    assert limiter.waited == 0


def test_requests_in_flight_are_waited_for_until_the_window_ends_at_most(
    clock: VirtualTime,
) -> None:
    limiter, permits = RateLimiter(patience=300), list[Permit]()
    request(limiter, reported(13, 5))

    def slow() -> None:
        permit = limiter.acquire()
        clock.pass_by(100)
        limiter.release(permit)

    clock.start(slow)
    clock.start(lambda: permits.append(limiter.acquire()))
    clock.run()
    assert (permits[0].waited, permits[0].probe) == (5, True)


def test_waiting_threads_continue_when_requests_are_available() -> None:
    limiter, done = RateLimiter(patience=300), threading.Event()
    request(limiter, reported(14, 200))
    slow = limiter.acquire()
    request(limiter, reported(12, 200))

    def work() -> None:
        request(limiter)
        done.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert not done.wait(NOT_AT_ONCE)
    # Another window, which began early.
    limiter.release(slow, 200, reported(1199, 300))
    assert done.wait(AT_ONCE)
    thread.join(AT_ONCE)
    assert 0 < limiter.waited < AT_ONCE


# The last requests of a window


def waits(clock: VirtualTime, limiter: RateLimiter, left: int, number: int) -> list[float]:
    """Send so many requests in a window of 240 s; return how long each had to wait."""
    end = clock.now + 240
    waited = []
    for _request in range(number):
        permit = limiter.acquire()
        waited.append(permit.waited)
        left -= 1
        limiter.release(permit, 200, reported(left, end - clock.now))
    return waited


def test_the_last_requests_are_spread_where_not_all_fit(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    limiter.expect(29)
    waited = waits(clock, limiter, 39, 27)
    # As soon as a fiftieth, 24, is available, each gets a 24th of the window.
    assert waited[:4] == [0, 0, 0, 0]
    assert waited[4:] == pytest.approx([10.0] * 23)
    # The reserve is not touched before the window ends.
    assert limiter.acquire().probe
    assert clock.now == pytest.approx(1240)


@pytest.mark.parametrize("announcements", [[], [1], [27], [20, 7]])
def test_the_last_requests_are_sent_at_once_where_all_fit(
    clock: VirtualTime, announcements: list[int]
) -> None:
    limiter = RateLimiter(patience=0)
    for requests in announcements:
        limiter.expect(requests)
    assert waits(clock, limiter, 39, 27) == [0] * 27


def test_announced_requests_are_counted_down(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=0)
    limiter.expect(1000)
    assert sent_at_once(limiter, reported(1100, 300), most=1000) == 1000
    request(limiter, reported(20, 300))
    # What was announced is sent, so the last eight are.
    assert waits(clock, limiter, 20, 8) == [0] * 8


def test_requests_in_flight_that_are_counted_already_fit(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=0)
    limiter.expect(10)
    request(limiter, reported(21, 200))
    permits = [limiter.acquire() for _request in range(4)]
    # This response counts all four, and the number left is as large as what is to come.
    limiter.release(permits[0], 200, reported(17, 200))
    limiter.acquire()
    for permit in permits[1:]:
        limiter.release(permit, 200, reported(16, 200))
    assert limiter.acquire().waited == 0


def test_a_request_that_was_not_sent_is_no_longer_expected(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=0)
    request(limiter, reported(12, 300))
    limiter.expect(100)
    for _request in range(100):
        with pytest.raises(RateLimitTimeout):
            limiter.acquire()
    clock.sleep(300)
    assert waits(clock, limiter, 20, 8) == [0] * 8


def test_the_last_requests_of_a_share_are_spread_too(clock: VirtualTime) -> None:
    limiter = RateLimiter(0.5, patience=300)
    limiter.expect(700)
    assert sum(wait > 0 for wait in waits(clock, limiter, 1200, 594)) == 23
    fitting = RateLimiter(0.5, patience=300)
    fitting.expect(594)
    assert waits(clock, fitting, 1200, 594) == [0] * 594
