# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many requests of many threads against a server that counts: none is refused, and none is late.

In virtual time, so that windows of five minutes take as long as what is computed in them.
"""

from __future__ import annotations

import math
import random
import types
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import rate_limit as _governor
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import (
    LATE,
    NoResponse,
    Response,
    Sender,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import RateLimiter
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Unreachable
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime

PATIENCE = 86400.0
BLOCK = 300


class Server:
    """Counts requests in fixed windows, and refuses all for minutes where there are more.

    ``early`` is for how many seconds of its first window had gone by when all began.
    """

    def __init__(self, time: VirtualTime, quota: int, window: float, early: float = 0.0) -> None:
        self._time = time
        self._quota = quota
        self._window = window
        self._began = time.now - early
        self._blocked_until = -math.inf
        self.used = 0
        self.most = 0
        self.refused = 0

    def answer(self) -> Response:
        """Response one request."""
        now = self._time.now
        while now >= self._began + self._window:
            self._began += self._window
            self.used = 0
        if now < self._blocked_until or self.used >= self._quota:
            self._blocked_until = max(self._blocked_until, now + BLOCK)
            self.refused += 1
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
    """Takes its time on the way there and back, up to ``latency`` seconds in all.

    Of ``lost`` in a thousand requests the answer never comes, or the request never arrives.
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
        self, method: str, path: str, body: bytes | None, seconds: float, *, reuse: bool
    ) -> Response:
        """Carry one request."""
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
    """What one process sends: ``number`` requests of ``threads`` threads, from ``begin`` on."""

    number: int
    threads: int
    share: float = 1.0
    begin: float = 0.0


class World(t.NamedTuple):
    """A server and the way to it."""

    quota: int
    window: float
    latency: float
    early: float = 0.0
    lost: int = 0
    seed: int = 0

    def run(self, *tasks: Task) -> tuple[float, Server]:
        """Run all tasks side by side; return the seconds that they took, and the server."""
        with pytest.MonkeyPatch.context() as patch:
            time = VirtualTime()
            for module in (_governor, http):
                patch.setattr(module, "time", time)
            patch.setattr(_governor, "threading", types.SimpleNamespace(Condition=time.condition))
            server = Server(time, self.quota, self.window, self.early)
            network = Network(time, server, self.latency, self.lost, self.seed)
            done = [self._start(task, time, network) for task in tasks]
            began = time.now
            time.run()
            assert [len(each) for each in done] == [task.number for task in tasks]
            assert server.refused == 0
            assert {answer.status for each in done for answer in each if answer} <= {200}
            return time.now - began, server

    @staticmethod
    def _start(task: Task, time: VirtualTime, network: Network) -> list[Response | None]:
        sender = Sender(
            t.cast(t.Any, network),
            timeout=30,
            rate_limit_retry_timeout=PATIENCE,
            rate_limiter=RateLimiter(share=task.share, patience=PATIENCE),
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


def test_cloudflares_limit_is_used_up_to_a_twentieth() -> None:
    # Eight windows and a half.
    number = 10_200
    took, server = World(quota=1200, window=300, latency=0.4).run(Task(number, threads=10))
    assert took <= 1.05 * number / (1200 / 300)
    # What is left over is for those who ask how things stand.
    assert server.most == 1200 - 12


def test_two_processes_share_cloudflares_limit_to_a_twentieth() -> None:
    half = Task(2_700, threads=10, share=0.5)
    took, server = World(quota=1200, window=300, latency=0.4).run(half, half)
    assert took <= 1.05 * 2 * half.number / (1200 / 300)
    assert server.most <= 1200


def test_what_a_task_leaves_over_is_enough_for_the_next_ones_to_ask() -> None:
    tasks = [Task(1176, threads=10), *(Task(100, threads=20, begin=begin) for begin in (60, 70))]
    _took, server = World(quota=1200, window=300, latency=0.4).run(*tasks)
    assert server.most > 1200 - 12, "and was not needed"


LATENCIES = st.floats(0.001, 0.5)
SEEDS = st.integers(0, 2**32)


@settings(max_examples=25)
@given(
    quota=st.integers(100, 600),
    window=st.integers(60, 600),
    windows=st.floats(0.01, 4),
    threads=st.integers(1, 30),
    latency=LATENCIES,
    seed=SEEDS,
)
def test_no_request_is_refused_and_none_is_late(
    *, quota: int, window: int, windows: float, threads: int, latency: float, seed: int
) -> None:
    """All take at most a twentieth more than the limit needs, or the threads, if that is more.

    Beside that, the first may go alone, and the last may take as long as one takes.
    """
    number = math.ceil(quota * windows)
    took, _server = World(quota, window, latency, seed=seed).run(Task(number, threads))
    limit = number / (quota / window)
    assert took <= 1.05 * max(limit, math.ceil(number / threads) * latency) + 3 * latency


@settings(max_examples=50)
@given(
    quota=st.integers(1, 200),
    window=st.floats(1, 20),
    number=st.integers(1, 400),
    threads=st.integers(1, 30),
    slowness=st.floats(0.0001, 0.25),
    early=st.floats(0, 20),
    seed=SEEDS,
)
def test_no_request_is_refused_whatever_the_window(
    *,
    quota: int,
    window: float,
    number: int,
    threads: int,
    slowness: float,
    early: float,
    seed: int,
) -> None:
    """Each window lets all but the reserve go, and costs a second more, and one to ask.

    An answer takes a quarter of a window at most: nobody knows where a request arrives that is
    under way for longer than that. Nor do more threads begin than the
    limit allows requests, as it might if it were a hundredth of Cloudflare's own.
    """
    latency, threads = slowness * window, min(threads, quota)
    world = World(quota, window, latency, early=early, seed=seed)
    took, _server = world.run(Task(number, threads))
    usable = max(1, quota - max(1, math.ceil(quota / 100)))
    windows = math.ceil(number / usable) + 1
    assert took <= windows * (window + 1 + 2 * latency) + (number / threads + 1) * latency


@settings(max_examples=25)
@given(
    quota=st.integers(100, 600),
    window=st.floats(10, 120),
    threads=st.integers(1, 8),
    latency=LATENCIES,
    seed=SEEDS,
)
def test_no_request_is_refused_though_answers_are_lost(
    *, quota: int, window: float, threads: int, latency: float, seed: int
) -> None:
    World(quota, window, latency, lost=20, seed=seed).run(Task(3 * quota, threads))


@settings(max_examples=50)
@given(
    quota=st.integers(40, 600),
    window=st.floats(10, 120),
    early=st.floats(0, 120),
    threads=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    begin=st.floats(0, 200),
    latency=LATENCIES,
    seed=SEEDS,
)
def test_two_processes_of_half_a_share_are_not_refused(
    *,
    quota: int,
    window: float,
    early: float,
    threads: tuple[int, int],
    begin: float,
    latency: float,
    seed: int,
) -> None:
    number = math.ceil(1.3 * quota)
    World(quota, window, latency, early=early, seed=seed).run(
        Task(number, threads[0], share=0.5), Task(number, threads[1], share=0.5, begin=begin)
    )
