# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When requests may go: each rule by itself, with a clock that only pauses move."""

from __future__ import annotations

import functools
import threading
import types
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import rate_limit as _governor
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import (
    Permit,
    RateLimiter,
    RateLimitTimeout,
)
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime

Headers = dict[str, str]
# Real seconds: what should happen does so at once, what should not would too.
AT_ONCE, NOT_AT_ONCE = 5.0, 0.05
# Of what Cloudflare's limit leaves over for those who ask, such a share is one.
ONE_ASKS = 0.1


def told(left: float, rest: float, quota: float | None = 1200, window: int = 300) -> Headers:
    """Return the headers of an answer; without a quota it tells no policy."""
    headers = {"Ratelimit": f'"default";r={left};t={rest}'}
    if quota is not None:
        headers["Ratelimit-Policy"] = f'"default";q={quota};w={window}'
    return headers


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Put a clock that only pauses move in the place of the real one."""
    return use_virtual_time(monkeypatch)


def use_virtual_time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Put virtual time and threads in the place of the real ones."""
    time = VirtualTime()
    monkeypatch.setattr(_governor, "time", time)
    monkeypatch.setattr(_governor, "threading", types.SimpleNamespace(Condition=time.condition))
    return time


class Task:
    """A rate_limiter, and how long each of the requests that it let go had to wait."""

    def __init__(self, clock: VirtualTime, *, share: float = 1.0, patience: float = 300.0) -> None:
        self.clock = clock
        self.rate_limiter = RateLimiter(share=share, patience=patience)

    def request(self, headers: Headers | None = None) -> float:
        """Send a request that takes no time; return for how long it had to wait."""
        turn = self.rate_limiter.acquire()
        self.rate_limiter.release(turn, {} if headers is None else headers)
        return turn.waited


def go_at_once(rate_limiter: RateLimiter, headers: Headers, most: int = 2000) -> int:
    """Return how many requests go, each answered like that, until one would have to wait."""
    for number in range(most):
        try:
            rate_limiter.release(rate_limiter.acquire(), headers)
        except RateLimitTimeout:
            return number
    return most


def acquire_concurrently(
    clock: VirtualTime, rate_limiter: RateLimiter, threads: int
) -> list[Permit]:
    """Have threads ask, of which some wait for others; return the turns, later ones too."""
    turns: list[Permit] = []
    for _thread in range(threads):
        clock.start(lambda: turns.append(rate_limiter.acquire()))
    with pytest.raises(AssertionError, match="wait for ever"):
        clock.run()
    return turns


# What is not known yet


@pytest.mark.parametrize(
    ("share", "asking"), [(1, 12), (0.99, 11), (0.5, 6), (0.25, 3), (0.1, 1), (0.03, 1)]
)
def test_where_nothing_is_known_what_others_leave_over_goes_and_the_rest_waits(
    clock: VirtualTime, share: float, asking: int
) -> None:
    rate_limiter, log = RateLimiter(share=share, patience=300), []

    def work() -> None:
        turn = rate_limiter.acquire()
        log.append((clock.now - 1000, turn.waited, turn.asks))
        clock.pass_by(2)
        # Of so many that a part of it is enough.
        rate_limiter.release(turn, told(1e8, 300, 1e8))

    for _thread in range(15):
        clock.start(work)
    clock.run()
    assert log == [(0, 0, True)] * asking + [(2, 2, False)] * (15 - asking)
    assert rate_limiter.waited == 0, "to wait for another one is not the rate limit's doing"


def test_with_real_threads_as_well() -> None:
    rate_limiter, second = RateLimiter(share=ONE_ASKS, patience=300), threading.Event()
    first = rate_limiter.acquire()

    def work() -> None:
        turn = rate_limiter.acquire()
        second.set()
        rate_limiter.release(turn, told(1000, 300))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert not second.wait(NOT_AT_ONCE)
    rate_limiter.release(first, told(1000, 300))
    assert second.wait(AT_ONCE)
    thread.join(AT_ONCE)
    assert not thread.is_alive()


def test_real_threads_that_are_held_go_on_when_there_is_more() -> None:
    rate_limiter, done = RateLimiter(patience=300), threading.Event()
    rate_limiter.release(rate_limiter.acquire(), told(13, 200))
    slow = rate_limiter.acquire()

    def work() -> None:
        rate_limiter.release(rate_limiter.acquire(), None)
        done.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert not done.wait(NOT_AT_ONCE)
    # Another window, which began early.
    rate_limiter.release(slow, told(1199, 300))
    assert done.wait(AT_ONCE)
    thread.join(AT_ONCE)
    assert 0 < rate_limiter.waited < AT_ONCE


def test_without_headers_there_is_no_limit(clock: VirtualTime) -> None:
    task = Task(clock)
    task.request()
    assert go_at_once(task.rate_limiter, {}) == 2000
    assert clock.now == 1000


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
def test_where_no_answer_comes_the_next_one_asks_and_some_more(
    clock: VirtualTime, failures: int
) -> None:
    rate_limiter = RateLimiter(share=ONE_ASKS, patience=300)
    for _failure in range(failures):
        rate_limiter.release(rate_limiter.acquire(), None)
    turns = acquire_concurrently(clock, rate_limiter, 10)
    assert [turn.asks for turn in turns] == [True] * (failures + 1)
    rate_limiter.release(turns[0], told(1000, 300))
    clock.run()
    assert len(turns) == 10


def test_an_answer_of_use_after_failures_is_asked_for_by_one_again(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(share=ONE_ASKS, patience=300)
    rate_limiter.release(rate_limiter.acquire(), None)
    rate_limiter.release(rate_limiter.acquire(), told(1000, 5))
    clock.sleep(6)
    asking = rate_limiter.acquire()
    assert asking.asks
    clock.start(rate_limiter.acquire)
    with pytest.raises(AssertionError, match="wait for ever"):
        clock.run()


# What is known


@pytest.mark.parametrize(
    ("left", "quota", "free"),
    # One, or a hundredth, is left over; of the last fiftieth only the first goes at once.
    [
        *((1, 1200, 0), (12, 1200, 0), (13, 1200, 1), (36, 1200, 1), (37, 1200, 2)),
        *((100, 1200, 65), (1199, 1200, 1164), (1199.5, 1200, 1165), (0, 1200, 0)),
        *((50, 100, 48), (9, 10, 8), (2, 10, 1), (1, 10, 0), (1, None, 0), (50, None, 49)),
        *((99999, 100000, 97000),),
    ],
)
def test_as_many_go_at_once_as_are_told_to_be_left(
    clock: VirtualTime, left: float, quota: float | None, free: int
) -> None:
    rate_limiter = RateLimiter(patience=0)
    rate_limiter.release(rate_limiter.acquire(), told(left, 30, quota))
    for _each in range(free):
        # None of them ends: what is under way may not be counted yet.
        rate_limiter.acquire()
    with pytest.raises(RateLimitTimeout):
        rate_limiter.acquire()


def test_what_is_told_to_be_left_by_each_answer_is_obeyed(clock: VirtualTime) -> None:
    task = Task(clock)
    for left in range(1199, 36, -1):
        assert task.request(told(left, 300)) == 0
    assert clock.now == 1000


def test_the_last_are_spread_over_the_rest_of_the_window(clock: VirtualTime) -> None:
    rate_limiter, waits = RateLimiter(patience=300), []
    for left in range(38, 11, -1):
        turn = rate_limiter.acquire()
        waits.append(turn.waited)
        rate_limiter.release(turn, told(left, 1240 - clock.now))
    # Once 24 may go, which is a fiftieth, each gets a 24th of the window.
    assert waits[:4] == [0, 0, 0, 0]
    assert waits[4:] == pytest.approx([10.0] * 23)
    # What is left over is not touched before the window ends.
    assert rate_limiter.acquire().asks
    assert clock.now == pytest.approx(1240)


def test_time_and_number_may_have_fractions(clock: VirtualTime) -> None:
    task = Task(clock)
    task.request(told(0.5, 7.25))
    assert task.request() == 7.25


@pytest.mark.parametrize(("share", "free"), [(0.5, 571), (0.2, 214), (0.7, 808)])
def test_a_share_is_of_the_quota_of_a_window(clock: VirtualTime, share: float, free: int) -> None:
    impatient, headers = RateLimiter(share=share, patience=0), told(1199, 300)
    # Of what is there but for the reserve; and of the last 24, a fiftieth, the first goes at once.
    assert go_at_once(impatient, headers) == free
    # In the next window as many again.
    clock.sleep(300)
    assert go_at_once(impatient, headers) == free


def test_a_share_without_a_quota_is_of_nothing(clock: VirtualTime) -> None:
    assert go_at_once(RateLimiter(share=0.01, patience=0), told(1000, 300, None)) == 2000


def test_a_share_is_never_less_than_one(clock: VirtualTime) -> None:
    task = Task(clock, share=0.0001)
    assert task.request(told(100, 30)) == 0
    assert [task.request(told(100, 30)) for _each in range(3)] == [30, 30, 30]


def test_several_limits_are_all_obeyed(clock: VirtualTime) -> None:
    task = Task(clock)
    task.request(
        {
            "Ratelimit": '"burst";r=0;t=2, "default";r=0;t=9, third;r=1000;t=60',
            "Ratelimit-Policy": '"burst";q=10;w=2, "default";q=1200;w=300, third;q=1200;w=300',
        }
    )
    # The first that ends is not the one that asks: the second allows none.
    assert task.request() == 9


def test_limits_that_come_one_by_one_are_all_obeyed(clock: VirtualTime) -> None:
    task = Task(clock)
    task.request({"Ratelimit": '"a";r=5;t=30'})
    task.request({"Ratelimit": '"b";r=0;t=20'})
    assert task.request({"Ratelimit": '"b";r=10;t=20'}) == 20
    task.request({"Ratelimit": '"a";r=0;t=10'})
    assert task.request() == 10


@pytest.mark.parametrize(
    ("policy", "quota"),
    [
        ('"default";q=100;w=60', 100),
        # The only one is the one that is meant.
        ('"burst";q=100;w=60', 100),
        ("default;w=60;q=100", 100),
        ('"other";q=7;w=60, "default";q=100;w=60', 100),
        # Or else it is not known which.
        ('"other";q=70;w=60, "another";q=100;w=60', None),
        # It cannot be this one: there is more left than it has, or for longer.
        ('"burst";q=20;w=60', None),
        ('"burst";q=100;w=10', None),
        ("", None),
        ('"default"', None),
        ('"default";q=many;w=60', None),
    ],
)
def test_the_quota_is_that_of_the_policy(
    clock: VirtualTime, policy: str, quota: int | None
) -> None:
    headers = {"Ratelimit": '"default";r=50;t=30', "Ratelimit-Policy": policy}
    number = go_at_once(RateLimiter(share=0.1, patience=0), headers, most=40)
    assert number == (40 if quota is None else (quota - 10) // 10 - 1)


def test_a_quota_once_told_is_kept(clock: VirtualTime) -> None:
    task = Task(clock)
    task.request(told(40, 30))
    task.request(told(12, 30, None))
    assert task.request() == 30


# Windows, one after another


@pytest.mark.parametrize("failures", [1, 3])
def test_where_no_answer_comes_more_ask_than_usual(clock: VirtualTime, failures: int) -> None:
    rate_limiter = RateLimiter(share=0.25, patience=300)
    for _failure in range(failures):
        rate_limiter.release(rate_limiter.acquire(), None)
    turns = acquire_concurrently(clock, rate_limiter, 20)
    assert len(turns) == 3 + failures


@pytest.mark.parametrize(("quota", "asking"), [(100, 1), (300, 3), (201, 3), (None, 1), (5, 1)])
def test_after_the_end_of_a_window_as_many_ask_as_are_left_over_of_its_quota(
    clock: VirtualTime, quota: int | None, asking: int
) -> None:
    rate_limiter = RateLimiter(patience=300)
    rate_limiter.release(rate_limiter.acquire(), told(5, 10, quota))
    clock.sleep(10)
    turns = acquire_concurrently(clock, rate_limiter, 4)
    assert [turn.asks for turn in turns] == [True] * asking


def test_of_several_limits_the_smallest_says_how_many_ask(clock: VirtualTime) -> None:
    limits = {"Ratelimit": '"a";r=9;t=10, "b";r=9;t=10'}
    rate_limiter = RateLimiter(patience=300)
    rate_limiter.release(
        rate_limiter.acquire(), limits | {"Ratelimit-Policy": '"a";q=1000;w=300, "b";q=200;w=300'}
    )
    clock.sleep(10)
    turns = acquire_concurrently(clock, rate_limiter, 4)
    assert len(turns) == 2


def test_after_a_block_one_asks_however_many_might(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=300)
    rate_limiter.block(7)
    turns = acquire_concurrently(clock, rate_limiter, 4)
    assert [turn.waited for turn in turns] == [7]
    rate_limiter.release(turns[0], None)
    with pytest.raises(AssertionError, match="wait for ever"):
        clock.run()
    assert len(turns) == 3, "and one more where that was not answered"
    rate_limiter.release(turns[1], told(1000, 300))
    clock.run()
    assert len(turns) == 4


def test_after_the_end_of_a_window_those_that_ask_go_first(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(share=ONE_ASKS, patience=300)
    rate_limiter.release(rate_limiter.acquire(), told(1000, 10))
    old = rate_limiter.acquire()
    clock.sleep(10)
    # What is still under way need not end before.
    asking = rate_limiter.acquire()
    assert asking.asks
    assert not old.asks
    turns = acquire_concurrently(clock, rate_limiter, 1)
    # An answer to what was sent before tells nothing of the new window.
    rate_limiter.release(old, told(999, 1))
    with pytest.raises(AssertionError, match="wait for ever"):
        clock.run()
    rate_limiter.release(asking, told(1199, 300))
    clock.run()
    assert [turn.asks for turn in turns] == [False]


def test_a_window_that_ended_and_is_no_more_spoken_of(clock: VirtualTime) -> None:
    task = Task(clock)
    task.request(told(1000, 10))
    clock.sleep(10)
    task.request()
    turns = [task.rate_limiter.acquire() for _each in range(100)]
    assert not any(turn.asks for turn in turns)


def test_a_window_that_seems_to_end_too_early_is_asked_about_once_a_second(
    clock: VirtualTime,
) -> None:
    # Some round down: nothing is left, and no whole second of the window.
    task = Task(clock)
    task.request(told(0, 5))
    assert task.request(told(0, 0)) == 5
    assert task.request(told(0, 0)) == 1
    assert task.request(told(1199, 300)) == 1


def test_a_window_that_began_early(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=0)
    rate_limiter.release(rate_limiter.acquire(), told(37, 100))
    turns = [rate_limiter.acquire(), rate_limiter.acquire()]
    with pytest.raises(RateLimitTimeout):
        rate_limiter.acquire()
    rate_limiter.release(turns[0], told(1199, 300))
    # What is under way is counted in the new one, and the last of the old one is over.
    for _each in range(1000):
        rate_limiter.release(rate_limiter.acquire(), told(1198, 300))


def test_a_share_counts_what_is_under_way_when_a_window_begins(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(share=0.1, patience=0)
    rate_limiter.release(rate_limiter.acquire(), told(1000, 20, 100, 60))
    turns = [rate_limiter.acquire() for _each in range(5)]
    rate_limiter.release(turns[0], told(99, 60, 100))
    # Nine are allowed, since ten share and one is left for each; five were; the last two spread.
    for _each in range(3):
        rate_limiter.acquire()
    with pytest.raises(RateLimitTimeout):
        rate_limiter.acquire()


def test_an_answer_that_was_overtaken_gives_nothing_back(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=0)
    rate_limiter.release(rate_limiter.acquire(), told(1000, 300))
    early, late = rate_limiter.acquire(), rate_limiter.acquire()
    clock.sleep(5)
    rate_limiter.release(late, told(12, 295))
    clock.sleep(20)
    # Sent when nearly all were left, it comes 25 seconds later, and is no new window.
    rate_limiter.release(early, told(999, 300))
    with pytest.raises(RateLimitTimeout) as caught:
        rate_limiter.acquire()
    assert caught.value.seconds == 275


def test_an_answer_of_the_window_before_takes_nothing_away(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=0)
    rate_limiter.release(rate_limiter.acquire(), told(1000, 10))
    old = rate_limiter.acquire()
    clock.sleep(10)
    rate_limiter.release(rate_limiter.acquire(), told(1199, 300))
    rate_limiter.release(old, told(0, 1))
    for _each in range(1000):
        rate_limiter.release(rate_limiter.acquire(), told(1198, 300))


def test_the_earliest_end_that_is_told_is_the_end(clock: VirtualTime) -> None:
    task = Task(clock)
    task.request(told(100, 10))
    clock.sleep(0.75)
    task.request(told(12, 9))
    assert task.request(told(1199, 300)) == 9
    assert clock.now == 1009.75


# Headers that are none


GARBAGE = [
    *("", " ", ",", ";", "=", ";;;", ",,,", '"', '"default"', "default;r", "default;r=;t=", "\0"),
    *("limit=100, remaining=50, reset=30", "default;r=0", "default;t=9", "r=0;t=9"),
    *("default;r=-1;t=9", "default;r=0;t=-9", "default;r=nan;t=9", "default;r=0;t=nan"),
    *("default;r=inf;t=9", "default;r=0;t=inf", "default;r=0x0;t=9", "default;r=0;t=1e9"),
    *("default;r=\u0660;t=\u0669", "default;r=\uff10;t=\uff19", "default;r=0,t=9"),
    *("default;r=0;t=99999999", "default;r=0;t=" + "9" * 400, "default;r=0;t=9" + "9" * 50_000),
    *("default;r=0;t=9.", "default;r=.0;t=9", "default;r=1_0;t=9", "default;r=0 0;t=9"),
    *("a" * 100_000, "a;" * 50_000, ";" * 100_000, " " * 100_000, "a=" * 50_000, '"' * 100_000),
    *("a;b=" + " " * 100_000 + "c", ("a;r=" + "0" * 50) * 2_000, "a;" + "\t=" * 50_000),
]


@pytest.mark.parametrize("name", ["Ratelimit", "Ratelimit-Policy"])
@pytest.mark.parametrize("header", GARBAGE, ids=lambda header: repr(header[:30]))
def test_garbage_is_no_limit(clock: VirtualTime, name: str, header: str) -> None:
    task = Task(clock, share=0.5)
    headers = {**told(1000, 300), name: header}
    for _each in range(100):
        assert task.request(headers) == 0


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                name: st.text(max_size=50)
                | st.from_regex(
                    r'"?\w*"?(; ?[rtqw] ?= ?[-0-9.e]{0,12}){0,3}(, ?a;r=\d+;t=\d{1,4})?'
                )
                for name in ("Ratelimit", "Ratelimit-Policy")
            },
        )
        | st.none(),
        max_size=8,
    ),
    st.floats(0.001, 1),
)
def test_whatever_the_headers_all_go_in_the_end(
    answers: list[Headers | None], share: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = use_virtual_time(patch)
        task = Task(clock, share=share, patience=86400 * 2)
        for headers in answers:
            task.rate_limiter.release(task.rate_limiter.acquire(), headers)
        assert clock.now - 1000 <= 86400.0 * len(answers)
        assert task.rate_limiter.waited == pytest.approx(clock.now - 1000)


# Being held


def test_a_block_is_for_all(clock: VirtualTime) -> None:
    rate_limiter, log = RateLimiter(patience=300), []
    rate_limiter.release(rate_limiter.acquire(), told(1000, 300))

    def limited() -> None:
        turn = rate_limiter.acquire()
        clock.pass_by(1)
        rate_limiter.block(7)
        rate_limiter.release(turn, {})

    def work(begin: float) -> None:
        clock.pass_by(begin)
        turn = rate_limiter.acquire()
        log.append((clock.now - 1000, turn.waited))
        clock.pass_by(2)
        rate_limiter.release(turn, told(900, 200))

    clock.start(limited)
    for begin in (2, 5, 20):
        clock.start(functools.partial(work, begin))
    clock.run()
    # One asks how things stand first.
    assert log == [(8, 6), (10, 5), (20, 0)]
    assert rate_limiter.waited == 6


def test_the_longest_block_counts(clock: VirtualTime) -> None:
    task = Task(clock)
    task.rate_limiter.block(50)
    task.rate_limiter.block(7)
    assert task.request() == 50


def test_an_answer_from_before_a_block_does_not_end_it(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=300)
    first = rate_limiter.acquire()
    rate_limiter.block(7)
    rate_limiter.release(first, told(1000, 300))
    turn = rate_limiter.acquire()
    assert (turn.waited, turn.held, turn.asks) == (7, 7, True)


def test_too_long_is_told_before_it_is_begun_and_nothing_is_counted(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=9.5)
    rate_limiter.release(rate_limiter.acquire(), told(13, 10))
    rate_limiter.release(rate_limiter.acquire(), told(12, 10))
    for _each in range(3):
        with pytest.raises(RateLimitTimeout) as caught:
            rate_limiter.acquire()
        assert caught.value.seconds == 10
    assert (clock.now, rate_limiter.waited) == (1000, 0)
    clock.sleep(0.5)
    turn = rate_limiter.acquire()
    assert (turn.waited, turn.asks) == (9.5, True)
    rate_limiter.release(turn, {})
    # None of the three is thought to be under way.
    assert rate_limiter.acquire().waited == 0


@pytest.mark.parametrize(("before", "fits"), [(0, True), (4, True), (4.5, False), (10, False)])
def test_the_limit_is_for_all_that_one_request_was_held(
    clock: VirtualTime, before: float, fits: bool
) -> None:
    rate_limiter = RateLimiter(patience=10)
    rate_limiter.block(6)
    if fits:
        assert rate_limiter.acquire(before).held == before + 6
    else:
        with pytest.raises(RateLimitTimeout):
            rate_limiter.acquire(before)


def test_held_again_and_again_it_comes_to_an_end(clock: VirtualTime) -> None:
    rate_limiter, ended = RateLimiter(patience=10), []

    def blocks() -> None:
        for _each in range(9):
            rate_limiter.block(3)
            clock.pass_by(2)

    def work() -> None:
        with pytest.raises(RateLimitTimeout):
            rate_limiter.acquire()
        ended.append(clock.now - 1000)

    clock.start(blocks)
    clock.start(work)
    clock.run()
    assert ended == [9]


def test_waited_is_how_long_anything_was_held(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=300)
    rate_limiter.release(rate_limiter.acquire(), told(1000, 300))
    rate_limiter.block(10)

    def work(begin: float) -> None:
        clock.pass_by(begin)
        rate_limiter.release(rate_limiter.acquire(), told(1000, 300))

    for begin in (0, 3, 4, 4, 50):
        clock.start(functools.partial(work, begin))
    clock.run()
    assert rate_limiter.waited == 10
    rate_limiter.block(5)
    rate_limiter.acquire()
    assert rate_limiter.waited == 15


def test_what_interrupts_a_wait_leaves_all_in_order(
    clock: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate_limiter = RateLimiter(patience=300)
    rate_limiter.block(10)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "sleep", mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rate_limiter.acquire()
    assert rate_limiter.acquire().waited == 10


def held_beside(
    clock: VirtualTime, rate_limiter: RateLimiter, seconds: float, *, block: float = 0.0
) -> Permit:
    """Return the turn of a request that is held while another, unanswered one takes so long."""
    turns: list[Permit] = []

    def slow() -> None:
        turn = rate_limiter.acquire()
        clock.pass_by(seconds)
        rate_limiter.block(block)
        rate_limiter.release(turn, None)

    clock.start(slow)
    clock.start(lambda: turns.append(rate_limiter.acquire()))
    clock.run()
    return turns[0]


def test_a_request_is_held_no_longer_than_told_however_long_another_takes(
    clock: VirtualTime,
) -> None:
    rate_limiter = RateLimiter(patience=300)
    rate_limiter.release(rate_limiter.acquire(), told(13, 5))
    assert held_beside(clock, rate_limiter, 100).waited == 5


def test_a_hold_that_ends_early_counts_for_as_long_as_it_was(clock: VirtualTime) -> None:
    rate_limiter = RateLimiter(patience=10)
    rate_limiter.release(rate_limiter.acquire(), told(13, 8))
    # Nothing is left, for longer than was thought.
    assert held_beside(clock, rate_limiter, 1, block=9).held == 10
