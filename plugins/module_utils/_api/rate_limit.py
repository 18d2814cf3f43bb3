# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the next request may be sent, for all threads of a task together.

The one home of ``Ratelimit``, ``Ratelimit-Policy``, ``Retry-After`` and HTTP 429. A client that
exceeds Cloudflare's limit is rejected for minutes, so a reserve of each window's quota is left to
probes: requests that are sent while nothing is known of the current window.
"""

from __future__ import annotations

import math
import re
import threading
import time
import typing as t
from email.utils import mktime_tz, parsedate_tz

TOO_MANY_REQUESTS = 429
# Fraction of a quota that is left to probes, of this task and of others.
RESERVE = 0.01
# The reserve of Cloudflare's documented quota, 1200; used until a quota is reported.
DOCUMENTED_RESERVE = 12.0
# Fraction of a quota that is spread over the rest of the window where not all requests fit.
LOW = 0.02
# Seconds. The pause after a 429, even if the server reports a shorter one.
SHORTEST_BACKOFF = 0.5
# A pause that no patience allows, 2 ** 17 s, is not doubled any further.
_LONGEST_DOUBLING = 17
# Seconds by which the reported end of a window may be off: headers have whole seconds.
_ROUNDING = 1.0
# Seconds; a longer window is taken for a malformed header.
_LONGEST_WINDOW = 86400.0

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_LONGEST_HEADER = 4096  # characters


class RateLimitTimeout(Exception):
    """A request would have to wait another ``seconds``, longer than ``patience`` allows."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Permit(t.NamedTuple):
    """Allows one request.

    ``sent`` is when it was granted (``time.monotonic()``), ``waited`` how many seconds that took,
    ``held`` for how many seconds the rate limit held this request back, earlier tries included.
    ``probe``: nothing was known of the current window.
    """

    sent: float
    probe: bool
    waited: float
    held: float


class _Report(t.NamedTuple):
    """What one response reports of one limit: the requests left, and when the window ends."""

    left: float
    earliest_end: float
    latest_end: float
    quota: float | None


class _Window:
    """The current window of one limit; ``used`` is how many requests this task sent in it."""

    def __init__(self, report: _Report, used: int) -> None:
        self._left, self._earliest_end, self.end, self._quota = report
        self.used = used

    def available(self, share: float, in_flight: int = 0) -> float:
        """Return how many requests may be sent if those in flight are not counted in it yet."""
        # Each of the tasks that share the limit sends a probe.
        reserve = max(self.reserve(), math.ceil(1 / share))
        available = self._left - in_flight - reserve
        if self._quota is None or share >= 1:
            return available
        # At least one for each window, or the task would never end.
        own = max(1.0, math.floor((self._quota - reserve) * share))
        return min(available, own - self.used)

    def reserve(self) -> float:
        """Return how many requests are left to probes."""
        return self._part(RESERVE)

    def is_low(self, available: float) -> bool:
        """Return whether these are the last requests of the window."""
        return available <= self._part(LOW)

    def is_over(self, report: _Report, sent: float) -> bool:
        """Return whether a response to a request sent at ``sent`` reports a later window."""
        return self.end <= sent or report.earliest_end > self.end + _ROUNDING

    def update(self, report: _Report) -> None:
        """Apply a report; since responses overtake each other, the lowest number is the latest."""
        if report.latest_end + _ROUNDING < self._earliest_end:
            return  # of the window before
        self._left = min(self._left, report.left)
        self._earliest_end = max(self._earliest_end, report.earliest_end)
        self.end = min(self.end, report.latest_end)
        self._quota = report.quota or self._quota

    def _part(self, fraction: float) -> float:
        return max(1.0, math.ceil((self._quota or 0) * fraction))


class RateLimiter:
    """Grants requests as fast as the rate limit allows; may be used by several threads.

    ``share`` (greater than 0, at most 1) is the fraction of the limit that this task may use.
    ``patience`` (seconds) is how long one request may be held back. ``waited`` is for how many
    seconds the rate limit held back any request so far.
    """

    def __init__(self, share: float = 1.0, *, patience: float) -> None:
        self.waited = 0.0
        self._share = share
        self._patience = patience
        self._windows: dict[str, _Window] = {}
        self._expected = 0
        self._in_flight = 0
        self._probes = 0
        # How many more probes than usual may be sent, since earlier ones were lost.
        self._extra_probes = 0
        # Whether a response arrived since the beginning, and since the last 429.
        self._answered = False
        self._backoff_until = -math.inf
        self._backoffs = 0
        # When the next of the last requests of a window may be sent.
        self._next_slot = -math.inf
        self._held = 0
        self._held_since = 0.0
        # Guards all of the above; notified whenever a request has ended.
        self._changed = threading.Condition()

    def expect(self, requests: int) -> None:
        """Announce requests: where all fit into what is left of the window, none has to wait.

        Each ``acquire`` counts one of them down; without an announcement one is expected.
        """
        with self._changed:
            self._expected += requests

    def acquire(self, held: float = 0.0) -> Permit:
        """Wait until a request may be sent; the permit has to be released.

        ``held`` (seconds) is ``Permit.held`` of the last try of the same request. Raise
        ``RateLimitTimeout`` instead of holding it back for more than ``patience`` in all.
        """
        began = time.monotonic()
        with self._changed:
            while True:
                now = time.monotonic()
                pause = self._pause(now)
                if pause > 0:
                    if held + pause > self._patience:
                        self._expected = max(0, self._expected - 1)
                        raise RateLimitTimeout(pause)
                    held += self._hold(pause)
                elif self._is_unknown(now) and self._probes >= self._most_probes():
                    self._changed.wait()
                elif any(self._available(each) < 1 for each in self._current(now)):
                    # As soon as the responses count those in flight, there may be more.
                    self._changed.wait(min(each.end for each in self._current(now)) - now)
                else:
                    return Permit(now, self._grant(now), now - began, held)

    def release(
        self,
        permit: Permit,
        status: int | None = None,
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        """Record the end of a request, and what its response reports; no status: it was lost.

        A 429 holds back all requests, for ``Retry-After`` or twice as long as the 429 before;
        ``acquire`` then decides whether that is too long for the request to be sent again.
        """
        now = time.monotonic()
        with self._changed:
            self._in_flight -= 1
            self._probes -= permit.probe
            if permit.probe:
                # Where probes are lost, the others are not to wait for one after another.
                self._extra_probes = self._extra_probes + 1 if status is None else 0
            if status == TOO_MANY_REQUESTS:
                self._back_off(permit, retry_after(headers or {}), now)
            elif status is not None and permit.sent >= self._backoff_until:
                self._answered, self._backoffs = True, 0
            if status is not None:
                self._learn(headers or {}, permit, now)
            self._changed.notify_all()

    def _pause(self, now: float) -> float:
        """Return for how many seconds the limit allows no request, whatever is in flight."""
        pauses = [self._pause_for(window, now) for window in self._current(now)]
        return max(self._backoff_until - now, *pauses, 0.0)

    def _pause_for(self, window: _Window, now: float) -> float:
        if window.available(self._share) < 1:
            return window.end - now
        return self._next_slot - now if self._is_spread(window) else 0.0

    def _is_spread(self, window: _Window) -> bool:
        """Return whether the requests left have to be spread, since not all expected ones fit."""
        fits = max(1, self._expected) <= window.available(self._share)
        return not fits and window.is_low(self._available(window))

    def _available(self, window: _Window) -> float:
        return window.available(self._share, self._in_flight)

    def _is_unknown(self, now: float) -> bool:
        """Return whether it is not known how many requests are left."""
        return not self._answered or len(self._current(now)) < len(self._windows)

    def _current(self, now: float) -> list[_Window]:
        return [window for window in self._windows.values() if window.end > now]

    def _most_probes(self) -> int:
        """Return how many probes may be in flight."""
        if not self._answered and self._backoffs:
            # The reserve is used up where the limit was exceeded.
            return 1 + self._extra_probes
        reserves = [window.reserve() for window in self._windows.values()] or [DOCUMENTED_RESERVE]
        return max(1, math.floor(min(reserves) * self._share)) + self._extra_probes

    def _hold(self, pause: float) -> float:
        """Wait for the pause, or until a response arrives; return for how many seconds.

        Called with the lock, which is free meanwhile.
        """
        began = time.monotonic()
        self._held += 1
        if self._held == 1:
            self._held_since = began
        try:
            if self._in_flight:
                self._changed.wait(pause)
            else:
                self._changed.release()
                try:
                    time.sleep(pause)
                finally:
                    self._changed.acquire()
        finally:
            self._held -= 1
            if not self._held:
                self.waited += time.monotonic() - self._held_since
        return min(pause, time.monotonic() - began)

    def _grant(self, now: float) -> bool:
        """Count a request that is sent now; return whether it is a probe."""
        probe = self._is_unknown(now)
        for window in self._current(now):
            if self._is_spread(window):
                interval = (window.end - now) / self._available(window)
                self._next_slot = max(self._next_slot, now + interval)
            window.used += 1
        self._expected = max(0, self._expected - 1)
        self._in_flight += 1
        self._probes += probe
        return probe

    def _back_off(self, permit: Permit, asked: float | None, now: float) -> None:
        # Requests that were in flight together count as one.
        if permit.sent >= self._backoff_until or not self._backoffs:
            self._backoffs += 1
        pause = 2.0 ** min(self._backoffs - 1, _LONGEST_DOUBLING) if asked is None else asked
        self._backoff_until = max(self._backoff_until, now + max(pause, SHORTEST_BACKOFF))
        self._answered = False
        # The same request is sent again.
        self._expected += 1

    def _learn(self, headers: t.Mapping[str, str], permit: Permit, now: float) -> None:
        policies = _parameters(headers.get("Ratelimit-Policy"))
        # A single policy applies, whatever its name.
        only = next(iter(policies.values())) if len(policies) == 1 else {}
        for name, limit in _parameters(headers.get("Ratelimit")).items():
            left, rest = limit.get("r"), limit.get("t", math.inf)
            if left is None or rest > _LONGEST_WINDOW:
                continue
            policy = policies.get(name, only)
            fits = policy.get("q", -1) >= left and policy.get("w", math.inf) >= rest
            report = _Report(
                left=left,
                earliest_end=permit.sent + rest - _ROUNDING,
                latest_end=now + max(rest, _ROUNDING),
                quota=policy["q"] if fits else None,
            )
            window = self._windows.get(name)
            if window is None or window.is_over(report, permit.sent):
                # This request, and those in flight, may count in the new window.
                self._windows[name] = _Window(report, self._in_flight + 1)
            else:
                window.update(report)
        # A limit that is no longer reported after its window has ended has no other window.
        self._windows = {n: each for n, each in self._windows.items() if each.end > permit.sent}


def retry_after(headers: t.Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, a number or an HTTP date; None: there is none."""
    value = headers.get("Retry-After", "")[:_LONGEST_HEADER].strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        date = parsedate_tz(value)
    except (IndexError, TypeError, ValueError):  # in older versions of Python
        date = None
    if date is None:
        return None
    try:
        return max(0.0, mktime_tz((*date[:9], date[9] or 0)) - time.time())
    except (ValueError, OverflowError):
        return math.inf  # a year above 9999


def _parameters(header: str | None) -> dict[str, dict[str, float]]:
    """Return the numeric parameters of each item of such a header: ``"default";r=50;t=30``."""
    found: dict[str, dict[str, float]] = {}
    for item in (header or "")[:_LONGEST_HEADER].split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        numbers = {key.strip(): value.strip() for key, _equals, value in pairs}
        found[name.strip('"')] = {
            key: float(value) for key, value in numbers.items() if _NUMBER.fullmatch(value)
        }
    return found
