# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When requests are held back, by a 429 above all, and for how long at most."""

from __future__ import annotations

import functools
import typing as t
from unittest import mock

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import (
    Permit,
    RateLimiter,
    RateLimitTimeout,
)
from ansible_collections.edgeops.cloudflare.tests.unit.rate_limits import (
    Headers,
    acquire_concurrently,
    reported,
    request,
    sent_at_once,
    virtual_time,
)
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime


@pytest.fixture(name="clock")
def fixture_clock() -> t.Iterator[VirtualTime]:
    """Have the rate limiter use virtual time."""
    with virtual_time() as time:
        yield time


def reject(limiter: RateLimiter, seconds: float | None = None, held: float = 0.0) -> Permit:
    """Send a request that takes no time and is rejected with a 429."""
    permit = limiter.acquire(held)
    limiter.release(permit, 429, retry(seconds))
    return permit


def retry(seconds: float | None) -> Headers:
    """Return the headers of a 429."""
    return {} if seconds is None else {"Retry-After": f"{seconds:g}"}


# After a 429


@pytest.mark.parametrize(
    ("seconds", "pauses"),
    [
        (None, [1, 2, 4, 8, 16]),
        (7, [7, 7, 7, 7, 7]),
        (0, [0.5, 0.5, 0.5, 0.5, 0.5]),
        (80000, [80000, 80000]),
    ],
)
def test_a_429_holds_all_requests_back(
    clock: VirtualTime, seconds: float | None, pauses: list[float]
) -> None:
    limiter = RateLimiter(patience=86400)
    reject(limiter, seconds)
    assert [reject(limiter, seconds).waited for _pause in pauses] == pauses


def test_a_pause_grows_after_any_number_of_rejections(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=86400)
    for _request in range(2000):
        reject(limiter, 0)
    reject(limiter)
    with pytest.raises(RateLimitTimeout):
        limiter.acquire()


def test_rejections_of_concurrent_requests_count_as_one(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    permits = [limiter.acquire() for _request in range(10)]
    for permit in permits:
        limiter.release(permit, 429)
    assert reject(limiter).waited == 1
    assert reject(limiter).waited == 2


@pytest.mark.parametrize("status", [200, 404])
def test_after_a_response_the_pauses_begin_again(clock: VirtualTime, status: int) -> None:
    limiter = RateLimiter(patience=300)
    for _request in range(3):
        reject(limiter)
    assert request(limiter, status=status).waited == 4
    reject(limiter)
    assert reject(limiter).waited == 1


def test_a_late_429_holds_all_requests_back_too(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter)
    late = limiter.acquire()
    reject(limiter)
    clock.sleep(1)
    request(limiter)
    limiter.release(late, 429)
    assert len(acquire_concurrently(clock, limiter, 2)) == 1
    assert clock.now == 1002


def test_the_longest_pause_counts(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    permits = [limiter.acquire() for _request in range(2)]
    limiter.release(permits[0], 429, retry(50))
    limiter.release(permits[1], 429, retry(7))
    assert request(limiter).waited == 50


def test_after_a_429_there_is_one_probe(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    reject(limiter, 7)
    permits = acquire_concurrently(clock, limiter, 4)
    assert [permit.waited for permit in permits] == [7]
    limiter.release(permits[0])
    with pytest.raises(AssertionError, match="wait for ever"):
        clock.run()
    assert len(permits) == 3, "and one more where it was lost"
    limiter.release(permits[1], 200, reported(1000, 300))
    clock.run()
    assert len(permits) == 4


@pytest.mark.parametrize("seconds", [0, 100])
def test_a_response_to_a_request_sent_before_a_429_does_not_end_the_backoff(
    clock: VirtualTime, seconds: float
) -> None:
    limiter = RateLimiter(patience=300)
    first = limiter.acquire()
    reject(limiter, 7)
    clock.sleep(seconds)
    limiter.release(first, 200, reported(1000, 300))
    assert len(acquire_concurrently(clock, limiter, 2)) == 1
    assert clock.now == 1000 + max(7, seconds)


def test_a_429_is_for_all_threads(clock: VirtualTime) -> None:
    limiter, log = RateLimiter(patience=300), []
    request(limiter, reported(1000, 300))

    def rejected() -> None:
        permit = limiter.acquire()
        clock.pass_by(1)
        limiter.release(permit, 429, retry(7))

    def work(begin: float) -> None:
        clock.pass_by(begin)
        permit = limiter.acquire()
        log.append((clock.now - 1000, permit.waited))
        clock.pass_by(2)
        limiter.release(permit, 200, reported(900, 200))

    clock.start(rejected)
    for begin in (2, 5, 20):
        clock.start(functools.partial(work, begin))
    clock.run()
    # One probe first.
    assert log == [(8, 6), (10, 5), (20, 0)]
    assert limiter.waited == 6


def test_the_window_of_a_429_is_obeyed_too(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    limiter.release(limiter.acquire(), 429, {**reported(0, 30), **retry(7)})
    assert request(limiter).waited == 30


def test_a_rejected_request_is_expected_again(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    limiter.expect(4)
    held = reject(limiter, 7).held
    limiter.release(limiter.acquire(held), 200, reported(14, 100))
    # Three are to come and two fit, so these are spread.
    assert request(limiter, reported(13, 100)).waited == 0
    assert request(limiter).waited == 50


# Patience


@pytest.mark.parametrize(
    ("held", "seconds", "fits"),
    [(0, 6, True), (4, 6, True), (4.5, 6, False), (10, 6, False), (0, 10, True), (0, 11, False)],
)
def test_the_retry_timeout_covers_all_waits_of_a_request(
    clock: VirtualTime, held: float, seconds: float, fits: bool
) -> None:
    limiter = RateLimiter(patience=10)
    reject(limiter, seconds)
    if fits:
        assert limiter.acquire(held).held == held + seconds
    else:
        with pytest.raises(RateLimitTimeout) as caught:
            limiter.acquire(held)
        assert caught.value.seconds == seconds
        assert clock.now == 1000


@pytest.mark.parametrize("date", [f"Fri, 31 Dec {year} 23:59:59 GMT" for year in (2100, 99999)])
def test_a_429_with_a_date_after_the_retry_timeout(clock: VirtualTime, date: str) -> None:
    limiter = RateLimiter(patience=86400)
    limiter.release(limiter.acquire(), 429, {"Retry-After": date})
    with pytest.raises(RateLimitTimeout):
        limiter.acquire()


@pytest.mark.parametrize("seconds", [None, 0, 3])
def test_a_request_that_is_rejected_every_time_ends(
    clock: VirtualTime, seconds: float | None
) -> None:
    limiter = RateLimiter(patience=20)

    def reject_every_time() -> None:
        held = 0.0
        while True:
            held = reject(limiter, seconds, held).held

    with pytest.raises(RateLimitTimeout):
        reject_every_time()
    assert 15 <= clock.now - 1000 <= 20


def test_a_request_that_others_hold_back_every_time_ends(clock: VirtualTime) -> None:
    limiter, ended = RateLimiter(patience=10), []
    request(limiter)
    permits = [limiter.acquire() for _request in range(9)]

    def rejected() -> None:
        for permit in permits:
            limiter.release(permit, 429, retry(3))
            clock.pass_by(2)

    def work() -> None:
        with pytest.raises(RateLimitTimeout):
            limiter.acquire()
        ended.append(clock.now - 1000)

    clock.start(rejected)
    clock.start(work)
    clock.run()
    assert ended == [8]


def test_a_timeout_comes_before_the_wait_and_counts_nothing(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=9.5)
    request(limiter, reported(12, 10))
    for _request in range(3):
        with pytest.raises(RateLimitTimeout) as caught:
            limiter.acquire()
        assert caught.value.seconds == 10
    assert (clock.now, limiter.waited) == (1000, 0)
    clock.sleep(0.5)
    permit = request(limiter)
    assert (permit.waited, permit.probe) == (9.5, True)
    # None of the three is in flight.
    assert sent_at_once(limiter, {}, most=100) == 100


def test_a_wait_that_ends_early_counts_for_as_long_as_it_was(clock: VirtualTime) -> None:
    limiter, permits = RateLimiter(patience=10), list[Permit]()
    request(limiter, reported(14, 8))
    slow = limiter.acquire()
    request(limiter, reported(12, 8))

    def rejected() -> None:
        clock.pass_by(1)
        limiter.release(slow, 429, retry(9))

    clock.start(rejected)
    clock.start(lambda: permits.append(limiter.acquire()))
    clock.run()
    assert permits[0].held == 10


# Seconds held back, of all requests


def test_waited_counts_seconds_in_which_any_request_was_held(clock: VirtualTime) -> None:
    limiter = RateLimiter(patience=300)
    request(limiter, reported(1000, 300))
    reject(limiter, 10)

    def work(begin: float) -> None:
        clock.pass_by(begin)
        request(limiter, reported(1000, 300))

    for begin in (0, 3, 4, 4, 50):
        clock.start(functools.partial(work, begin))
    clock.run()
    assert limiter.waited == 10
    reject(limiter, 5)
    limiter.acquire()
    assert limiter.waited == 15


def test_an_interrupted_wait_leaves_all_in_order(
    clock: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = RateLimiter(patience=300)
    reject(limiter, 10)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "sleep", mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            limiter.acquire()
    assert limiter.acquire().waited == 10
