# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the rate limiter share: headers as Cloudflare sends them, and virtual time."""

from __future__ import annotations

import contextlib
import types
import typing as t

import pytest
from hypothesis import settings

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import rate_limit
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import (
    Permit,
    RateLimiter,
    RateLimitTimeout,
)
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime

Headers = dict[str, str]
# With this share of Cloudflare's quota, one probe may be in flight.
ONE_PROBE = 0.1


def reported(left: float, rest: float, quota: float | None = 1200, window: int = 300) -> Headers:
    """Return the headers of a response; without a quota there is no policy."""
    headers = {"Ratelimit": f'"default";r={left};t={rest}'}
    if quota is not None:
        headers["Ratelimit-Policy"] = f'"default";q={quota};w={window}'
    return headers


def examples(number: int) -> settings:
    """Return the settings of a property that is tested with so many examples unless exploring."""
    return settings(max_examples=number) if settings().derandomize else settings()


@contextlib.contextmanager
def virtual_time(*modules: types.ModuleType) -> t.Iterator[VirtualTime]:
    """Have the rate limiter and other modules use virtual time, and it virtual threads."""
    time = VirtualTime()
    with pytest.MonkeyPatch.context() as patch:
        for module in (rate_limit, *modules):
            patch.setattr(module, "time", time)
        patch.setattr(rate_limit, "threading", types.SimpleNamespace(Condition=time.condition))
        try:
            yield time
        finally:
            time.stop()


def request(
    limiter: RateLimiter, headers: Headers | None = None, status: int | None = 200
) -> Permit:
    """Send a request that takes no time."""
    permit = limiter.acquire()
    limiter.release(permit, status, headers)
    return permit


def sent_at_once(limiter: RateLimiter, headers: Headers, most: int = 2000) -> int:
    """Return how many requests are sent, each with such a response, until one has to wait."""
    for number in range(most):
        try:
            request(limiter, headers)
        except RateLimitTimeout:
            return number
    return most


def acquire_concurrently(clock: VirtualTime, limiter: RateLimiter, threads: int) -> list[Permit]:
    """Have threads acquire permits; return those granted, others are appended once they are.

    At least one of them has to wait for another one.
    """
    permits: list[Permit] = []
    for _thread in range(threads):
        clock.start(lambda: permits.append(limiter.acquire()))
    with pytest.raises(AssertionError, match="wait for ever"):
        clock.run()
    return permits
