# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate limit: how many requests each credential has, and what is told of it.

A fixed window begins with a credential's first request. The request after the last allowed one
begins a block, in which all are refused; a new window begins with the first request after it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from .schema import Schema

# Below it, whole seconds say too little.
_FINE = 10  # seconds
_SECONDS = {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400}
_SCHEMA = Schema(
    properties={
        "quota": {"type": ["integer", "null"], "minimum": 1},
        "window": _SECONDS,
        "block": _SECONDS,
    },
    required=["quota"],
    additionalProperties=False,
)


@dataclass(frozen=True)
class Policy:
    """``quota`` requests (None: any number) in ``window`` seconds; past it, a ``block``."""

    # As documented.
    quota: int | None = 1200
    window: float = 300
    block: float = 300


def parse(given: Any) -> Policy:
    """Read a policy from JSON; ``ValueError`` names what is wrong with it."""
    window = _SCHEMA.check(given).get("window", Policy.window)
    return Policy(given["quota"], window, given.get("block", window))


@dataclass
class _Account:
    """What one credential has used; ``until`` is when its window or its block ends."""

    until: float
    used: int = 0
    blocked: bool = False


@dataclass(frozen=True)
class Standing:
    """How things stand for one request; ``until`` is None for one that is not counted."""

    policy: Policy
    refused: bool = False
    left: int = 0
    until: float | None = None


class RateLimits:
    """Counts the requests of each credential; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def set(self, policy: Policy) -> None:
        """Begin anew with this policy."""
        with self._lock:
            self._policy = policy
            self._accounts: dict[str, _Account] = {}

    def clear(self) -> None:
        """Begin anew with the documented policy."""
        self.set(Policy())

    def count(self, credential: str | None) -> Standing:
        """Count one request; one without a credential that is right (None) costs nothing."""
        with self._lock:
            policy = self._policy
            if policy.quota is None or credential is None:
                return Standing(policy, left=policy.quota or 0)
            now = self._clock()
            account = self._accounts.setdefault(credential, _Account(now + policy.window))
            if now >= account.until:
                account.until, account.used, account.blocked = now + policy.window, 0, False
            if not account.blocked and account.used == policy.quota:
                account.until, account.blocked = now + policy.block, True
            account.used += not account.blocked
            return Standing(policy, account.blocked, policy.quota - account.used, account.until)

    def headers(self, standing: Standing) -> dict[str, str]:
        """The headers of an answer that is given now; none if there is no limit."""
        policy = standing.policy
        if policy.quota is None:
            return {}
        until = standing.until
        seconds = policy.window if until is None else max(0.0, until - self._clock())
        headers = {
            "Ratelimit": f'"default";r={standing.left};t={_reported(seconds, policy)}',
            "Ratelimit-Policy": f'"default";q={policy.quota};w={policy.window:g}',
        }
        if standing.refused:
            headers["Retry-After"] = str(max(1, _rounded_up(seconds)))
        return headers


def _reported(seconds: float, policy: Policy) -> str:
    """Seconds as the API reports them: whole, unless the policy is scaled down.

    Within a window of two seconds, a client would spend most of its time on the rounding.
    """
    if policy.window >= _FINE:
        return str(_rounded_up(seconds))
    return f"{_rounded_up(seconds * 1000) / 1000:.3f}"


def _rounded_up(value: float) -> int:
    # What floats add in their last digits is no further second.
    return ceil(round(value, 6))
