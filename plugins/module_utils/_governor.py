# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the next request may go: below the rate limit, for all threads of a task together.

Knows what the answers say of the limit (the headers ``Ratelimit`` and ``Ratelimit-Policy``), and
nothing of what is asked. A client that goes past Cloudflare's limit is refused altogether for
minutes, so the last requests of a window are spread over what is left of it, and some are left
for those that do not know yet how much there is.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
import typing as t

# Of a window's quota: what is left over, so that whoever comes next can ask how things stand.
RESERVE = 0.01
# Of a window's quota: when that is left, requests are spread over the rest of the window.
LOW = 0.02
# Seconds by which the end of a window may seem to move: the header has whole seconds.
_ROUNDING = 1.5

_ITEM = re.compile(r'"?([\w.-]+)"?((?:\s*;\s*\w+\s*=\s*[^;,]*)+)')
_PARAMETER = re.compile(r"(\w+)\s*=\s*([0-9.]+)")


class TooLong(Exception):
    """The next request would have to wait for longer than the user allows; ``seconds`` it is."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Window:
    """What is known of one limit in its present window.

    ``left`` is the least that an answer told, ``ends`` the earliest end (in the seconds of
    ``time.monotonic``), ``used`` how many requests this task has sent in it.
    """

    def __init__(self, left: float, ends: float, quota: float | None, used: int) -> None:
        self.left = left
        self.ends = ends
        self.quota = quota
        self.used = used

    def allows(self, share: float, under_way: int) -> float:
        """Return how many requests may still go; what is under way may not be counted yet."""
        allowed = self.left - under_way - self._part(RESERVE)
        if self.quota is None or share >= 1:
            return allowed
        # Never less than one, or else nothing would ever go.
        return min(allowed, max(1.0, math.floor(self.quota * share)) - self.used)

    def is_low(self, allowed: float) -> bool:
        """Tell whether what is left is to be spread over the rest of the window."""
        return allowed <= self._part(LOW)

    def is_replaced_by(self, left: float, ends: float) -> bool:
        """Tell whether an answer speaks of another window, one that began early."""
        return left > self.left and ends > self.ends + _ROUNDING

    def _part(self, part: float) -> float:
        return max(1.0, math.ceil((self.quota or 0) * part))


class Governor:
    """Lets requests go, side by side, as fast as the rate limit allows and no faster.

    ``share`` (above 0, at most 1) is the part of the limit that this task may use; ``patience``
    (seconds) is how long one request may be held back. ``waited`` is for how many seconds
    requests were held back so far.
    """

    def __init__(self, *, share: float = 1.0, patience: float) -> None:
        self.waited = 0.0
        self._share = share
        self._patience = patience
        self._windows: dict[str, _Window] = {}
        self._answered = False
        self._under_way = 0
        self._blocked_until = -math.inf
        self._next_slot = -math.inf
        self._held = 0
        self._held_since = 0.0
        # Also the lock for all of the above; notified whenever a request has ended.
        self._news = threading.Condition()

    def enter(self) -> float:
        """Wait until a request may go, and return how many seconds that took.

        Raise ``TooLong`` where it would take longer than ``patience``. Each call that returns
        has to be followed by one of ``leave``.
        """
        began = time.monotonic()
        with self._news:
            while True:
                pause = self._pause(time.monotonic())
                if pause is None:
                    self._news.wait()
                elif pause > self._patience:
                    raise TooLong(pause)
                elif pause > 0:
                    self._hold(pause)
                else:
                    break
            self._let_go(time.monotonic())
        return time.monotonic() - began

    def leave(self, headers: t.Mapping[str, str] | None) -> None:
        """Note the end of a request, with the headers of its answer if there was one."""
        now = time.monotonic()
        with self._news:
            self._under_way -= 1
            self._answered = True
            self._windows = {name: w for name, w in self._windows.items() if w.ends > now}
            if headers is not None:
                self._learn(headers, now)
            self._news.notify_all()

    def block(self, seconds: float) -> None:
        """Let nothing go for so many seconds: the limit was met."""
        with self._news:
            self._blocked_until = max(self._blocked_until, time.monotonic() + seconds)

    def _pause(self, now: float) -> float | None:
        """Return how long a request has to wait; None: until another one has ended."""
        if self._blocked_until > now:
            return self._blocked_until - now
        if not self._answered or any(window.ends <= now for window in self._windows.values()):
            # Nobody knows how much there is: one goes and asks.
            return None if self._under_way else 0.0
        return max((self._pause_for(each, now) for each in self._windows.values()), default=0.0)

    def _pause_for(self, window: _Window, now: float) -> float:
        allowed = window.allows(self._share, self._under_way)
        if allowed < 1:
            return window.ends - now
        return max(0.0, self._next_slot - now) if window.is_low(allowed) else 0.0

    def _hold(self, pause: float) -> None:
        """Wait, at most for the pause; called with the lock, which is free meanwhile."""
        self._held += 1
        if self._held == 1:
            self._held_since = time.monotonic()
        try:
            if self._under_way:
                # An answer may tell that there is more than was thought.
                self._news.wait(pause)
            else:
                with self._unlocked():
                    time.sleep(pause)
        finally:
            self._held -= 1
            if not self._held:
                self.waited += time.monotonic() - self._held_since

    @contextlib.contextmanager
    def _unlocked(self) -> t.Iterator[None]:
        self._news.release()
        try:
            yield
        finally:
            self._news.acquire()

    def _let_go(self, now: float) -> None:
        for window in self._windows.values():
            allowed = window.allows(self._share, self._under_way)
            if window.is_low(allowed):
                interval = (window.ends - now) / max(1.0, allowed)
                self._next_slot = max(self._next_slot, now + interval)
            window.used += 1
        self._under_way += 1

    def _learn(self, headers: t.Mapping[str, str], now: float) -> None:
        policies = _items(headers.get("Ratelimit-Policy"))
        for name, said in _items(headers.get("Ratelimit")).items():
            if "r" not in said or "t" not in said:
                continue
            # Where there is but one policy, it is the one that is meant.
            only = next(iter(policies.values())) if len(policies) == 1 else {}
            named = policies.get(name, only)
            self._note(name, said["r"], now + said["t"], named.get("q"))

    def _note(self, name: str, left: float, ends: float, quota: float | None) -> None:
        window = self._windows.get(name)
        if window is None or window.is_replaced_by(left, ends):
            # This one, and what is under way.
            self._windows[name] = _Window(left, ends, quota, self._under_way + 1)
            return
        # Answers overtake each other: the least that was told is the newest.
        window.left = min(window.left, left)
        window.ends = min(window.ends, ends)
        window.quota = quota


def _items(header: str | None) -> dict[str, dict[str, float]]:
    """Return what such a header says: items by name, with their parameters that are numbers.

    ``"default";r=50;t=30`` is one item; others may follow behind a comma.
    """
    found: dict[str, dict[str, float]] = {}
    for name, parameters in _ITEM.findall(header or ""):
        found[name] = {}
        for parameter, value in _PARAMETER.findall(parameters):
            with contextlib.suppress(ValueError):
                found[name][parameter] = float(value)
    return found
