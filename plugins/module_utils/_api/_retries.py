# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent again, when, and until when.

Knows HTTP's status codes, neither Cloudflare nor Ansible. urllib3's ``Retry`` keeps the counts
and the pauses; it is asked from here rather than inside requests, because what may be repeated
is the caller's to say for each request, and how long a rate limit is waited for is the user's.
"""

from __future__ import annotations

import random
import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._requests import (
    HTTPResponse,
    Retry,
    exceptions,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import (
    LATE,
    NoResponse,
    Response,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import (
    Permit,
    RateLimiter,
    RateLimitTimeout,
    retry_after,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    RateLimited,
    Unreachable,
)

REPEATS = 3
BACKOFF = 0.5  # seconds; doubled with each repeat, the first of which comes at once
SHORTEST_TRY = 0.001  # seconds; requests takes no timeout of zero
RATE_LIMITED = 429
PASSING_FAULTS = (502, 503, 504)
# Where a server in between got no answer to pass on: besides those, Cloudflare's own, which tend to
# last, so that a request is not repeated at once.
GATEWAY_FAULTS = (*PASSING_FAULTS, *range(520, 525))


class Exchanger(t.Protocol):
    """What sends a request once: ``_transport.Transport``, or a double of it."""

    def exchange(self, method: str, path: str, body: bytes | None, seconds: float) -> Response:
        """Return the answer within ``seconds`` or raise ``NoResponse``."""


class Sender:
    """Sends requests until they are answered or the time is up.

    ``timeout`` (seconds) is the deadline for one request, its repeats and the pauses between
    them included. ``rate_limit_retry_timeout`` (seconds) bounds how long rate limits (429) are
    waited out, which comes on top, and so does what ``rate_limiter`` holds a request back for.
    It may be used by several threads.
    """

    def __init__(
        self,
        transport: Exchanger,
        *,
        timeout: float,
        rate_limit_retry_timeout: float,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        self._transport = transport
        self.timeout = timeout
        self.rate_limit_retry_timeout = rate_limit_retry_timeout
        self.rate_limiter = rate_limiter or RateLimiter(patience=rate_limit_retry_timeout)

    def send(self, method: str, path: str, body: bytes | None, *, idempotent: bool) -> Response:
        """Send a request and return its last answer, whatever its status.

        A connection that was never made is tried again, and so is a 429, which carried nothing
        out. Only where ``idempotent`` says that carrying it out twice does no harm, a broken
        connection and a 502, 503 or 504 are tried again too. Raise ``Unreachable`` where no
        whole answer came, ``RateLimited`` where the rate limit allows no request for too long.
        """
        course = _Attempt(self, method, path, idempotent)
        while True:
            try:
                permit = course.acquire_permit()
            except RateLimitTimeout as held:
                return course.give_up(held)
            answer = None
            try:
                answer = self._transport.exchange(
                    method, path, body, max(course.remaining(), SHORTEST_TRY)
                )
            except NoResponse as failure:
                pause = course.pause_after_failure(failure)
            else:
                wait = course.pause_after(answer)
                if wait is None:
                    return answer
                pause = wait
            finally:
                self.rate_limiter.release(
                    permit, answer.status if answer else None, answer.headers if answer else None
                )
            if pause > 0:
                time.sleep(pause)


class _Attempt:
    """The course of one request: its deadline, its repeats, its waits for a rate limit."""

    def __init__(self, sender: Sender, method: str, path: str, idempotent: bool) -> None:
        self._sender = sender
        self._method = method
        self._path = path
        self._idempotent = idempotent
        self._held = 0.0
        self._last_reason: str | None = None
        # Whether any of the tries may have arrived.
        self._sent = False
        # Of the last try.
        self._outcome: Response | Unreachable | None = None
        self._deadline = time.monotonic() + sender.timeout
        repeats = REPEATS if idempotent else 0
        self._retry = Retry(
            total=None,
            connect=REPEATS,
            read=repeats,
            status=repeats,
            other=0,
            backoff_factor=BACKOFF,
            # Which methods may be repeated is decided above, not by the method's name.
            allowed_methods=None,
        )

    def remaining(self) -> float:
        """Return the seconds that are left."""
        return self._deadline - time.monotonic()

    def acquire_permit(self) -> Permit:
        """Wait until the rate limit allows a request; that is no part of its time."""
        permit = self._sender.rate_limiter.acquire(self._held)
        self._held = permit.held
        self._deadline += permit.waited
        return permit

    def give_up(self, held: RateLimitTimeout) -> Response:
        """Return what the last try was answered, or raise what it ended with: no other may go."""
        if isinstance(self._outcome, Response):
            return self._outcome
        raise self._outcome or RateLimited(
            f"nothing was sent, since the rate limit is used up for {held.seconds:.0f} s more, "
            f"and rate_limit_retry_timeout allows {self._sender.rate_limit_retry_timeout:g} s",
            method=self._method,
            path=self._path,
            retryable=True,
        ) from held

    def pause_after_failure(self, failure: NoResponse) -> float:
        """Return how long to pause before the next try, or raise ``Unreachable``."""
        pause = None
        if failure.cause is not None:
            pause = self._next_pause(error=failure.cause)
        if failure.reason != LATE:
            self._last_reason = failure.reason
        error = Unreachable(
            self._cause(), method=self._method, path=self._path, retryable=failure.passing
        )
        self._sent = self._sent or failure.sent
        error.sent = self._sent
        if pause is None:
            raise error from failure
        self._outcome = error
        return pause

    def pause_after(self, answer: Response) -> float | None:
        """Return how long to pause before the next try, or None: the answer stands."""
        self._outcome = answer
        if answer.status == RATE_LIMITED:
            # Nothing was carried out: the request starts afresh as soon as it gets a permit.
            self._deadline = time.monotonic() + self._sender.timeout
            return 0.0
        self._sent = True
        if answer.status in PASSING_FAULTS and self._idempotent:
            response = HTTPResponse(status=answer.status)
            return self._next_pause(response=response, at_least=retry_after(answer.headers))
        return None

    def _next_pause(self, at_least: float | None = None, **cause: t.Any) -> float | None:
        """Count one repeat; return its pause, or None where count or time are used up."""
        try:
            self._retry = self._retry.increment(self._method, **cause)
        except exceptions.HTTPError:
            return None
        # Jitter: the many that met the same fault shall not come back at the same moment.
        pause = max(self._retry.get_backoff_time() * random.uniform(0.5, 1.0), at_least or 0.0)
        return pause if pause < self.remaining() else None

    def _cause(self) -> str:
        """Say why there is no answer; a deadline alone would hide what used up the time."""
        late = f"no whole answer within {self._sender.timeout:g} s (timeout)"
        if self._last_reason is None:
            return late
        return self._last_reason if self.remaining() > 0 else f"{late}; last, {self._last_reason}"
