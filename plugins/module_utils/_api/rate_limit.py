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
import datetime
import email.utils
import math
import re
import threading
import time
import typing as t

# Of a window's quota: what is left over, so that whoever comes next can ask how things stand; and
# so as many may ask at the same time.
RESERVE = 0.01
# That of Cloudflare's documented limit, 1200: what is taken for it until a limit is told.
DOCUMENTED_RESERVE = 12.0
# Of a window's quota: when that is left, requests are spread over the rest of the window.
LOW = 0.02
# Seconds by which the end of a window may be another one: the header has whole seconds.
_ROUNDING = 1.0
# Seconds to pause after a 429 that asks for less.
_SHORTEST_PAUSE = 0.5
# Seconds. What is longer is no window, or not told in seconds.
_LONGEST_WINDOW = 86400.0

# Longer ones are none that anybody could mean.
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LONGEST_HEADER = 4096


class RateLimitTimeout(Exception):
    """The next request would have to wait for longer than the user allows; ``seconds`` it is."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Permit(t.NamedTuple):
    """What lets one request go.

    ``sent`` is when, ``asks`` whether it goes to see how things stand. ``waited`` is for how many
    seconds it had to wait, ``held`` for how many of all its turns because of the rate limit.
    """

    sent: float
    asks: bool
    waited: float
    held: float


class _Told(t.NamedTuple):
    """What one answer tells of one limit: how many are left, and when at the earliest and latest
    the window ends (in the seconds of ``time.monotonic``)."""

    left: float
    earliest: float
    ends: float
    quota: float | None


class _Window:
    """What is known of one limit in its present window.

    ``left`` is the least that an answer told; the window ends between ``earliest`` and ``ends``;
    ``used`` is how many requests this task has sent in it.
    """

    def __init__(self, told: _Told, used: int) -> None:
        self.left, self._earliest, self.ends, self.quota = told
        self.used = used

    def allows(self, share: float, under_way: int) -> float:
        """Return how many requests may still go; what is under way may not be counted yet."""
        # One for each of those who share, since each of them asks once in a window.
        reserve = max(self.reserve(), math.ceil(1 / share))
        allowed = self.left - under_way - reserve
        if self.quota is None or share >= 1:
            return allowed
        # Never less than one, or else nothing would ever go.
        return min(allowed, max(1.0, math.floor((self.quota - reserve) * share)) - self.used)

    def reserve(self) -> float:
        """Return how many are left over for those who ask."""
        return self._part(RESERVE)

    def is_low(self, allowed: float) -> bool:
        """Tell whether what is left is to be spread over the rest of the window."""
        return allowed <= self._part(LOW)

    def is_over_for(self, told: _Told, sent: float) -> bool:
        """Tell whether an answer to what was sent then speaks of a later window."""
        return self.ends <= sent or told.earliest > self.ends + _ROUNDING

    def learn(self, told: _Told) -> None:
        """Note what an answer tells. They overtake each other: the least is the newest."""
        if told.ends + _ROUNDING < self._earliest:
            # It speaks of the window before.
            return
        self.left = min(self.left, told.left)
        self._earliest = max(self._earliest, told.earliest)
        self.ends = min(self.ends, told.ends)
        self.quota = told.quota or self.quota

    def _part(self, part: float) -> float:
        return max(1.0, math.ceil((self.quota or 0) * part))


class RateLimiter:
    """Lets requests go, side by side, as fast as the rate limit allows and no faster.

    ``share`` (above 0, at most 1) is the part of the limit that this task may use; ``patience``
    (seconds) is how long one request may be held back. ``waited`` is for how many seconds
    requests were held back so far.
    """

    def __init__(self, share: float = 1.0, *, patience: float) -> None:
        self.waited = 0.0
        self._share = share
        self._patience = patience
        self._windows: dict[str, _Window] = {}
        self._under_way = 0
        # Whether an answer came since the beginning, and since the limit was met.
        self._answered = False
        # How many are under way to see how things stand, and how many more than usual may be.
        self._asking = 0
        self._more_askers = 0
        self._blocked_until = -math.inf
        # How many 429 came one after the other.
        self._refusals = 0
        self._next_slot = -math.inf
        self._held = 0
        self._held_since = 0.0
        # Also the lock for all of the above; notified whenever a request has ended.
        self._news = threading.Condition()

    def acquire(self, held: float = 0.0) -> Permit:
        """Wait until a request may go; each call that returns has to be followed by ``release``.

        ``held`` is for how many seconds the same request was held back before. Raise
        ``RateLimitTimeout`` where that would come to more than ``patience``.
        """
        began = time.monotonic()
        with self._news:
            while True:
                now = time.monotonic()
                pause = self._pause(now)
                if pause is None:
                    self._news.wait()
                elif pause <= 0:
                    return Permit(now, self._let_go(now), now - began, held)
                elif held + pause > self._patience:
                    raise RateLimitTimeout(pause)
                else:
                    held += self._hold(pause)

    def expect(self, requests: int) -> None:
        """Note how many more requests are going to be sent."""

    def release(
        self,
        permit: Permit,
        status: int | None = None,
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        """Note the end of a request, with its response if there was one."""
        now = time.monotonic()
        with self._news:
            self._under_way -= 1
            self._asking -= permit.asks
            if headers is not None:
                self._learn(headers, permit, now)
                self._note_status(status, headers, now)
            if permit.asks:
                # Where none is answered, they are not kept waiting one by one for long.
                self._more_askers = self._more_askers + 1 if headers is None else 0
            self._news.notify_all()

    def _note_status(self, status: int | None, headers: t.Mapping[str, str], now: float) -> None:
        if status != 429:
            self._refusals = 0
            return
        wait = retry_after(headers)
        pause = float(2**self._refusals) if wait is None else max(wait, _SHORTEST_PAUSE)
        self._refusals += 1
        self._blocked_until = max(self._blocked_until, now + pause)
        self._answered = False

    def _pause(self, now: float) -> float | None:
        """Return how long a request has to wait; None: until another one has ended."""
        pauses = [self._pause_for(window, now) for window in self._present(now)]
        pause = max(self._blocked_until - now, *pauses, 0.0)
        if pause <= 0 and self._is_unknown(now) and self._asking >= self._askers():
            return None
        return pause

    def _askers(self) -> int:
        """Return how many may go at the same time to see how things stand."""
        if not self._answered and self._blocked_until > -math.inf:
            # Nothing is left over where the limit was met.
            return 1 + self._more_askers
        reserves = [window.reserve() for window in self._windows.values()] or [DOCUMENTED_RESERVE]
        return max(1, math.floor(min(reserves) * self._share)) + self._more_askers

    def _is_unknown(self, now: float) -> bool:
        """Tell whether nobody knows how much there is, so that some go and ask."""
        return not self._answered or len(self._present(now)) < len(self._windows)

    def _present(self, now: float) -> list[_Window]:
        return [window for window in self._windows.values() if window.ends > now]

    def _pause_for(self, window: _Window, now: float) -> float:
        allowed = window.allows(self._share, self._under_way)
        if allowed < 1:
            return window.ends - now
        return self._next_slot - now if window.is_low(allowed) else 0.0

    def _hold(self, pause: float) -> float:
        """Wait, at most for the pause, and return for how long.

        Called with the lock, which is free meanwhile.
        """
        began = time.monotonic()
        self._held += 1
        if self._held == 1:
            self._held_since = began
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
        return min(pause, time.monotonic() - began)

    @contextlib.contextmanager
    def _unlocked(self) -> t.Iterator[None]:
        self._news.release()
        try:
            yield
        finally:
            self._news.acquire()

    def _let_go(self, now: float) -> bool:
        """Count a request that goes now; return whether it asks."""
        asks = self._is_unknown(now)
        for window in self._present(now):
            allowed = window.allows(self._share, self._under_way)
            if window.is_low(allowed):
                interval = (window.ends - now) / max(1.0, allowed)
                self._next_slot = max(self._next_slot, now + interval)
            window.used += 1
        self._under_way += 1
        self._asking += asks
        return asks

    def _learn(self, headers: t.Mapping[str, str], turn: Permit, now: float) -> None:
        if turn.asks and self._blocked_until <= now:
            self._answered = True
        policies = _items(headers.get("Ratelimit-Policy"))
        # Where there is but one policy, it is the one that is meant.
        only = next(iter(policies.values())) if len(policies) == 1 else {}
        for name, said in _items(headers.get("Ratelimit")).items():
            left, rest = said.get("r"), said.get("t", math.inf)
            if left is None or rest > _LONGEST_WINDOW:
                continue
            policy = policies.get(name, only)
            fits = policy.get("q", -1) >= left and policy.get("w", math.inf) >= rest
            self._note(
                name,
                _Told(
                    left,
                    turn.sent + rest - _ROUNDING,
                    now + max(rest, _ROUNDING),
                    policy["q"] if fits else None,
                ),
                turn.sent,
            )
        # What an answer of after its end no longer speaks of has no next window.
        self._windows = {n: each for n, each in self._windows.items() if each.ends > turn.sent}

    def _note(self, name: str, told: _Told, sent: float) -> None:
        window = self._windows.get(name)
        if window is None or window.is_over_for(told, sent):
            # This one, and what is under way.
            self._windows[name] = _Window(told, self._under_way + 1)
        else:
            window.learn(told)


def _items(header: str | None) -> dict[str, dict[str, float]]:
    """Return what such a header says: items by name, with their parameters that are numbers.

    ``"default";r=50;t=30`` is one item; others may follow behind a comma.
    """
    found: dict[str, dict[str, float]] = {}
    for item in (header or "")[:_LONGEST_HEADER].split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        numbers = {key.strip(): value.strip() for key, _equals, value in pairs}
        found[name.strip('"')] = {
            key: float(value) for key, value in numbers.items() if _NUMBER.fullmatch(value)
        }
    return found


def retry_after(headers: t.Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for (a number, or an HTTP date), if it does."""
    value = (headers.get("Retry-After") or "").strip()
    if re.fullmatch("[0-9]+", value):
        return float(value[:20])
    try:
        date = email.utils.parsedate_to_datetime(value)
        return max(0.0, (date - datetime.datetime.now(date.tzinfo)).total_seconds())
    except OverflowError:
        return math.inf
    except (TypeError, ValueError, IndexError):
        return None
