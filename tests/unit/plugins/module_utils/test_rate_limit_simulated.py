# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many threads against a server that enforces a quota: no request is rejected, none is late.

In virtual time, so windows of five minutes take milliseconds.
"""

from __future__ import annotations

import math
import random
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import (
    LATE,
    NoResponse,
    Response,
    Sender,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import RateLimiter
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Unreachable
from ansible_collections.edgeops.cloudflare.tests.unit.rate_limits import examples, virtual_time
from ansible_collections.edgeops.cloudflare.tests.unit.samples import EXPLORE
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime

PATIENCE = 86400.0
BLOCK = 300


class Server:
    """Counts requests in fixed windows, and rejects all for minutes once there are more.

    ``early`` is how many seconds before the start its first window began.
    """

    def __init__(self, time: VirtualTime, quota: int, window: float, early: float = 0.0) -> None:
        self._time = time
        self._quota = quota
        self._window = window
        self._began = time.now - early
        self._blocked_until = -math.inf
        self.used = 0
        self.most = 0
        self.rejected = 0

    def answer(self) -> Response:
        """Respond to one request."""
        now = self._time.now
        while now >= self._began + self._window:
            self._began += self._window
            self.used = 0
        if now < self._blocked_until or self.used >= self._quota:
            self._blocked_until = max(self._blocked_until, now + BLOCK)
            self.rejected += 1
            return Response(429, {**self._headers(), "Retry-After": str(BLOCK)}, b"")
        self.used += 1
        self.most = max(self.most, self.used)
        return Response(200, self._headers(), b"")

    def _headers(self) -> dict[str, str]:
        rest = math.ceil(self._began + self._window - self._time.now)
        return {
            "Ratelimit": f'"default";r={self._quota - self.used};t={rest}',
            "Ratelimit-Policy": f'"default";q={self._quota};w={math.ceil(self._window)}',
        }


class Network:
    """Delays requests and responses, by up to ``latency`` seconds together.

    Of a thousand requests or responses, ``lost`` are lost.
    """

    def __init__(
        self, time: VirtualTime, server: Server, latency: float, lost: int, seed: int
    ) -> None:
        self._time = time
        self._server = server
        self._latency = latency
        self._lost = lost
        self._chance = random.Random(seed)

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        seconds: float,
        *,
        reuse: bool,
        decode: t.Any = None,
    ) -> Response:
        """Send one request."""
        assert (method, path, body) == ("GET", "/x", None)
        self._travel()
        lost = self._chance.randrange(1000) < self._lost
        if lost and self._chance.random() < 0.5:
            raise NoResponse(LATE)
        answer = self._server.answer()
        self._travel()
        if lost:
            raise NoResponse(LATE)
        return answer

    def _travel(self) -> None:
        self._time.pass_by(self._chance.uniform(0, self._latency / 2))


class Task(t.NamedTuple):
    """One process: ``number`` requests from ``threads`` threads, from ``begin`` on.

    ``expected`` is how many of them it announces.
    """

    number: int
    threads: int
    expected: int = 0
    share: float = 1.0
    patience: float = PATIENCE
    begin: float = 0.0


class World(t.NamedTuple):
    """A server and the network to it."""

    quota: int
    window: float
    latency: float
    early: float = 0.0
    lost: int = 0
    seed: int = 0

    def run(self, *tasks: Task) -> tuple[float, Server]:
        """Run all tasks concurrently; return the seconds that they took, and the server."""
        with virtual_time(http) as time:
            server = Server(time, self.quota, self.window, self.early)
            network = Network(time, server, self.latency, self.lost, self.seed)
            done = [self._start(task, time, network) for task in tasks]
            began = time.now
            time.run()
            assert [len(each) for each in done] == [task.number for task in tasks]
            assert server.rejected == 0
            assert {answer.status for each in done for answer in each if answer} <= {200}
            return time.now - began, server

    @staticmethod
    def _start(task: Task, time: VirtualTime, network: Network) -> list[Response | None]:
        rate_limiter = RateLimiter(task.share, patience=task.patience)
        rate_limiter.expect(task.expected)
        sender = Sender(
            t.cast(http.Transport, network),
            timeout=30,
            rate_limit_retry_timeout=task.patience,
            rate_limiter=rate_limiter,
        )
        waiting, done = list(range(task.number)), t.cast("list[Response | None]", [])

        def work() -> None:
            time.pass_by(task.begin)
            while waiting:
                waiting.pop()
                try:
                    done.append(sender.send("GET", "/x", None, idempotent=True))
                except Unreachable:
                    done.append(None)

        for _thread in range(task.threads):
            time.start(work)
        return done


# Thousands of requests, which take twice as long where each line is traced.
pytestmark = pytest.mark.no_cover

# Cloudflare's quota in a window of one minute; latencies are 50 ms at most.
SCALED = World(quota=1200, window=60, latency=0.05)


@pytest.mark.parametrize("patience", [0, pytest.param(30, marks=EXPLORE), 300])
def test_requests_that_fit_into_the_window_do_not_wait(patience: float) -> None:
    task = Task(1185, threads=10, expected=1185, patience=patience)
    took, server = SCALED.run(task)
    assert took < 10
    assert server.most == 1185


@pytest.mark.parametrize(
    "patience", [0, *(pytest.param(each, marks=EXPLORE) for each in (30, 300))]
)
def test_requests_of_two_processes_that_fit_into_the_window_do_not_wait(patience: float) -> None:
    half = Task(590, threads=10, expected=590, share=0.5, patience=patience)
    took, server = SCALED.run(half, half)
    assert took < 10
    assert server.most == 2 * 590


def test_requests_that_fit_into_what_others_left_of_the_window_do_not_wait() -> None:
    first = Task(900, threads=10, expected=900)
    took, server = SCALED.run(first, Task(285, threads=10, expected=285, begin=15))
    assert took < 20
    assert server.most == 1185


def test_requests_without_an_announcement_do_not_wait_for_slots() -> None:
    took, _server = SCALED.run(Task(1185, threads=10))
    assert took < 10


def test_requests_that_do_not_fit_are_spread_to_the_end_of_the_window() -> None:
    task = Task(1300, threads=10, expected=1300)
    late = Task(1, threads=1, begin=30)
    took, server = SCALED.run(task, late)
    assert 60 < took < 70
    assert server.most == 1200 - 12


# Announced or not: of one process and of two in turn.
@pytest.mark.parametrize("expected", [0, pytest.param(3_000, marks=EXPLORE)])
def test_cloudflares_limit_is_used_to_95_percent(expected: int) -> None:
    number = 3_000  # two windows and a half
    task = Task(number, threads=10, expected=expected)
    took, server = World(quota=1200, window=300, latency=0.4).run(task)
    assert took <= 1.05 * number / (1200 / 300)
    # The reserve.
    assert server.most == 1200 - 12


@pytest.mark.parametrize("expected", [pytest.param(0, marks=EXPLORE), 1_000])
def test_two_processes_together_use_cloudflares_limit_to_95_percent(expected: int) -> None:
    half = Task(1_000, threads=10, expected=expected, share=0.5)
    took, server = World(quota=1200, window=300, latency=0.4).run(half, half)
    assert took <= 1.05 * 2 * half.number / (1200 / 300)
    assert server.most <= 1200


def test_the_reserve_is_enough_for_the_probes_of_the_next_processes() -> None:
    tasks = [Task(1176, threads=10), *(Task(100, threads=20, begin=begin) for begin in (60, 70))]
    _took, server = World(quota=1200, window=300, latency=0.4).run(*tasks)
    assert server.most > 1200 - 12, "the reserve was not needed"


LATENCIES = st.floats(0.001, 0.5)
SEEDS = st.integers(0, 2**32)
# How many requests are announced, of those that are sent.
ANNOUNCED = st.sampled_from([0.0, 0.5, 1.0, 1.5])


@examples(4)
@given(
    quota=st.integers(100, 600),
    window=st.integers(60, 600),
    windows=st.floats(0.01, 4),
    threads=st.integers(1, 30),
    announced=ANNOUNCED,
    latency=LATENCIES,
    seed=SEEDS,
)
def test_no_request_is_rejected_and_none_is_late(
    *,
    quota: int,
    window: int,
    windows: float,
    threads: int,
    announced: float,
    latency: float,
    seed: int,
) -> None:
    """All take at most 5 % longer than the limit, or the number of threads, requires.

    Besides, the first may be a single probe, and the last may take a latency more.
    """
    number = math.ceil(quota * windows)
    task = Task(number, threads, expected=int(announced * number))
    took, _server = World(quota, window, latency, seed=seed).run(task)
    limit = number / (quota / window)
    assert took <= 1.05 * max(limit, math.ceil(number / threads) * latency) + 3 * latency


@examples(4)
@given(
    quota=st.integers(1, 200),
    window=st.floats(1, 20),
    number=st.integers(1, 400),
    threads=st.integers(1, 30),
    announced=ANNOUNCED,
    slowness=st.floats(0.0001, 0.25),
    early=st.floats(0, 20),
    seed=SEEDS,
)
def test_no_request_is_rejected_whatever_the_window(
    *,
    quota: int,
    window: float,
    number: int,
    threads: int,
    announced: float,
    slowness: float,
    early: float,
    seed: int,
) -> None:
    """Each window grants all but the reserve, and takes one second and one probe longer.

    A response takes a quarter of a window at most: in which window a slower one is counted cannot
    be known. There are at most as many threads as the quota has requests, since the first probes
    go by the documented quota.
    """
    latency, threads = slowness * window, min(threads, quota)
    world = World(quota, window, latency, early=early, seed=seed)
    took, _server = world.run(Task(number, threads, expected=int(announced * number)))
    usable = max(1, quota - max(1, math.ceil(quota / 100)))
    windows = math.ceil(number / usable) + 1
    assert took <= windows * (window + 1 + 2 * latency) + (number / threads + 1) * latency


@examples(4)
@given(
    quota=st.integers(100, 600),
    window=st.floats(10, 120),
    threads=st.integers(1, 8),
    announced=ANNOUNCED,
    latency=LATENCIES,
    seed=SEEDS,
)
def test_no_request_is_rejected_though_responses_are_lost(
    *, quota: int, window: float, threads: int, announced: float, latency: float, seed: int
) -> None:
    task = Task(3 * quota, threads, expected=int(announced * 3 * quota))
    World(quota, window, latency, lost=20, seed=seed).run(task)


@examples(4)
@given(
    quota=st.integers(40, 600),
    window=st.floats(10, 120),
    early=st.floats(0, 120),
    threads=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    announced=st.tuples(ANNOUNCED, ANNOUNCED),
    begin=st.floats(0, 200),
    latency=LATENCIES,
    seed=SEEDS,
)
def test_no_request_of_two_processes_with_half_a_share_each_is_rejected(
    *,
    quota: int,
    window: float,
    early: float,
    threads: tuple[int, int],
    announced: tuple[float, float],
    begin: float,
    latency: float,
    seed: int,
) -> None:
    number = math.ceil(1.3 * quota)
    expected = [int(each * number) for each in announced]
    World(quota, window, latency, early=early, seed=seed).run(
        Task(number, threads[0], expected[0], share=0.5),
        Task(number, threads[1], expected[1], share=0.5, begin=begin),
    )
