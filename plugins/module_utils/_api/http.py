# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one request is sent, retried, and ended in time. Knows HTTP, neither Cloudflare nor Ansible.

The caller says for each request whether it is idempotent, since its method does not.
"""

from __future__ import annotations

import http.client
import queue
import random
import socket
import ssl
import threading
import time
import typing as t
from collections import Counter

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.connection import (
    IMPORT_ERROR,
    LARGEST_RESPONSE,
    AuthBase,
    Connection,
    Decode,
    MalformedHTTP,
    RepeatedResponse,
    Response,
    Server,
    TooLarge,
    exceptions,
    requests,
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

__all__ = [
    "IMPORT_ERROR",
    "AuthBase",
    "Decode",
    "NoResponse",
    "Response",
    "Sender",
    "Server",
    "Transport",
    "requests",
]

REPEATS = 3  # of each kind
BACKOFF = 0.5  # seconds; doubled with each repeat, the first of which comes at once
SHORTEST_TRY = 0.001  # seconds; requests takes no timeout of zero
RATE_LIMITED = 429
TRANSIENT_STATUSES = (502, 503, 504)
# Where a gateway got no response to pass on: besides those, Cloudflare's own, which tend to last,
# so that a request is not repeated at once.
GATEWAY_ERRORS = (*TRANSIENT_STATUSES, *range(520, 525))

LATE = "no complete response in time"


class NoResponse(Exception):
    """No complete response came.

    ``reason`` is the cause; ``retryable`` whether a later run may succeed, ``retry_now`` whether to
    retry at once; ``sent`` whether the request may have arrived.
    """

    def __init__(
        self, reason: str, *, retryable: bool = True, sent: bool = True, retry_now: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.sent = sent
        self.retry_now = retry_now


class Transport:
    """Sends single requests; it may be used by as many threads as it keeps ``connections``.

    ``decode`` makes a value of a body, or None where it is not what the server is expected to
    send; then the connection is not used again.
    """

    def __init__(self, server: Server, *, decode: Decode, connections: int = 1) -> None:
        self._server = server
        self._decode = decode
        self._most = connections
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        seconds: float,
        *,
        reuse: bool,
        decode: Decode | None = None,
    ) -> Response:
        """Send one request and return its response within ``seconds``, or raise ``NoResponse``.

        Without ``reuse`` the request gets a new connection, so that nothing that is left of an
        earlier one can end it or be taken for its response. ``decode`` takes the place of the
        usual one for this response.
        """
        decode = decode or self._decode
        connection = (self._take() if reuse else None) or Connection(self._server)
        outcome: queue.SimpleQueue[Response | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                outcome.put(connection.exchange(method, path, body, seconds, decode))
            except Exception as error:  # pylint: disable=broad-exception-caught  # raised below
                outcome.put(error)

        # The timeouts of requests are for each read: a server that sends a byte a second outlasts
        # them, and so does a slow name server.
        try:
            threading.Thread(target=work, daemon=True).start()
        except RuntimeError:
            # No more threads can be started.
            work()
        try:
            response = outcome.get(timeout=seconds)
        except queue.Empty:
            connection.abort()
            raise NoResponse(LATE) from None
        finally:
            self._keep_or_close(connection)
        if isinstance(response, Exception):
            raise _no_response(response) from response
        return response

    def _take(self) -> Connection | None:
        """Return an idle connection on which nothing has come in the meantime, if there is one."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            connection.close()

    def _keep_or_close(self, connection: Connection) -> None:
        with self._lock:
            if connection.reusable and not connection.aborted and len(self._idle) < self._most:
                self._idle.append(connection)
                return
        connection.close()


class Sender:
    """Sends requests until they are answered or the time is up; it may be used by several threads.

    ``timeout`` (seconds) is the deadline for one request with its repeats and the pauses between
    them. Waiting for ``rate_limiter``, at most ``rate_limit_retry_timeout`` (seconds), comes on
    top.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        timeout: float,
        rate_limit_retry_timeout: float,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        self._transport = transport
        self.timeout = timeout
        self.patience = rate_limit_retry_timeout
        self.rate_limiter = rate_limiter or RateLimiter(patience=rate_limit_retry_timeout)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        *,
        idempotent: bool,
        decode: Decode | None = None,
    ) -> Response:
        """Send a request and return its last response, whatever its status.

        ``decode`` is that of ``Transport.exchange``.

        A connection that was never made and a 429 carry nothing out, so that any request may
        follow them; only an ``idempotent`` one follows a broken connection, 502, 503 and 504.
        Raise ``Unreachable`` where no complete response came, ``RateLimited`` where the rate
        limit allows no request for too long.
        """
        attempt = _Attempt(self, method, path, idempotent)
        while True:
            try:
                permit = attempt.acquire()
            except RateLimitTimeout as error:
                return attempt.give_up(error)
            response = None
            try:
                response = self._transport.exchange(
                    method,
                    path,
                    body,
                    attempt.remaining(),
                    reuse=attempt.may_reuse(),
                    decode=decode,
                )
            except NoResponse as failure:
                pause: float | None = attempt.pause_after_failure(failure)
            else:
                pause = attempt.pause_after(response)
            finally:
                self.rate_limiter.release(
                    permit,
                    None if response is None else response.status,
                    None if response is None else response.headers,
                )
            if pause is None:
                return t.cast(Response, response)
            if pause > 0:
                time.sleep(pause)


class _Attempt:
    """The course of one request: its deadline, its repeats, its waits for the rate limit."""

    def __init__(self, sender: Sender, method: str, path: str, idempotent: bool) -> None:
        self._sender = sender
        self._method = method
        self._path = path
        self._idempotent = idempotent
        self._deadline = time.monotonic() + sender.timeout
        self._repeats: Counter[str] = Counter()
        self._held = 0.0
        self._last_reason: str | None = None
        # Whether any of the tries may have arrived.
        self._sent = False
        # Of the last try.
        self._outcome: Response | Unreachable | None = None

    def remaining(self) -> float:
        """Return the seconds that are left for the next try."""
        return max(self._deadline - time.monotonic(), SHORTEST_TRY)

    def may_reuse(self) -> bool:
        """Whether the request may go over a connection that has served another one."""
        return self._idempotent and not self._repeats

    def acquire(self) -> Permit:
        """Wait until the rate limit allows a request; that is no part of its time."""
        began = time.monotonic()
        permit = self._sender.rate_limiter.acquire(self._held)
        self._held = permit.held
        self._deadline += time.monotonic() - began
        return permit

    def give_up(self, timeout: RateLimitTimeout) -> Response:
        """Return the response to the last try, or raise what it ended with: no other may go."""
        patience = f"{self._sender.patience:g} s"
        resets = f"resets in {timeout.seconds:.0f} s"
        if isinstance(self._outcome, Response):
            still = f"still rate limited after {patience} (rate_limit_retry_timeout); {resets}"
            if not self._held:
                still = f"rate limit {resets}, after rate_limit_retry_timeout ({patience})"
            return self._outcome._replace(note=still)
        raise self._outcome or RateLimited(
            f"rate limit exhausted, {resets}; request not sent "
            f"(rate_limit_retry_timeout is {patience})",
            method=self._method,
            path=self._path,
            retryable=True,
        ) from timeout

    def pause_after_failure(self, failure: NoResponse) -> float:
        """Return the seconds to pause before the next try, or raise ``Unreachable``."""
        if failure.reason != LATE:
            self._last_reason = failure.reason
        error = Unreachable(
            self._cause(), method=self._method, path=self._path, retryable=failure.retryable
        )
        self._sent = self._sent or failure.sent
        self._outcome, error.sent = error, self._sent
        pause = None
        if failure.retry_now and (self._idempotent or not failure.sent):
            pause = self._next_pause("broken" if failure.sent else "not sent")
        if pause is None:
            raise error from failure
        return pause

    def pause_after(self, response: Response) -> float | None:
        """Return the seconds to pause before the next try, or None: the response stands."""
        self._outcome = response
        if response.status == RATE_LIMITED:
            # Nothing was done: the request starts again when the rate limit allows it.
            self._deadline = time.monotonic() + self._sender.timeout
            return 0.0
        self._sent = True
        if response.status in TRANSIENT_STATUSES and self._idempotent:
            return self._next_pause("status", at_least=retry_after(response.headers) or 0.0)
        return None

    def _next_pause(self, kind: str, at_least: float = 0.0) -> float | None:
        """Count a repeat; return its pause, or None where their number or the time is used up."""
        earlier = sum(self._repeats.values())
        if self._repeats[kind] == REPEATS:
            return None
        self._repeats[kind] += 1
        backoff = BACKOFF * 2**earlier if earlier else 0.0
        # Jitter: the many that met the same fault shall not come back at the same moment.
        pause = max(backoff * random.uniform(0.5, 1.0), at_least)
        return pause if pause < self._deadline - time.monotonic() else None

    def _cause(self) -> str:
        """Say why there is no response; a deadline alone would hide what used up the time."""
        late = f"no complete response within {self._sender.timeout:g} s (timeout)"
        if self._last_reason is None:
            return late
        in_time = self._deadline > time.monotonic()
        return self._last_reason if in_time else f"{late}; last error: {self._last_reason}"


class _Meaning(t.NamedTuple):
    """What a kind of error means; ``explain`` makes a text of it, the others are NoResponse's."""

    kind: type[BaseException] | tuple[type[BaseException], ...]
    explain: t.Callable[[t.Any], str]
    retryable: bool = True
    sent: bool = True
    retry_now: bool = True


def _meanings() -> tuple[_Meaning, ...]:
    """Return what each kind of error means; the first that fits decides.

    A function, since urllib3 may be missing.
    """
    never = {"retryable": False, "retry_now": False}
    return (
        _Meaning(
            TooLarge,
            lambda e: f"response larger than {LARGEST_RESPONSE // 1024 // 1024} MiB",
            **never,
        ),
        _Meaning(MalformedHTTP, lambda e: f"malformed response ({e})"),
        _Meaning(RepeatedResponse, lambda e: "duplicate of the response to an earlier request"),
        # base_url is checked before, so that it is a proxy's address; it may hold a password.
        _Meaning(
            (requests.exceptions.InvalidURL, exceptions.LocationValueError),
            lambda e: "invalid proxy URL in the environment (such as HTTPS_PROXY)",
            sent=False,
            **never,
        ),
        _Meaning(
            exceptions.ProxyError,
            lambda e: f"proxy connection failed: {e.original_error}",
            retry_now=False,
        ),
        _Meaning(socket.gaierror, lambda e: f"host name not resolved ({e.strerror})", sent=False),
        _Meaning(
            ssl.SSLCertVerificationError,
            lambda e: f"certificate verification failed ({e.verify_message})",
            sent=False,
            **never,
        ),
        _Meaning(ssl.SSLError, lambda e: f"TLS failed ({e})", **never),
        _Meaning(ConnectionRefusedError, lambda e: "connection refused", sent=False),
        _Meaning(ConnectionResetError, lambda e: "connection reset before the complete response"),
        _Meaning(exceptions.ReadTimeoutError, lambda e: LATE),
        _Meaning(
            exceptions.NewConnectionError,
            lambda e: f"connection failed ({_system_reason(e)})",
            sent=False,
        ),
        _Meaning(exceptions.ConnectTimeoutError, lambda e: "connection timed out", sent=False),
        _Meaning(
            (
                http.client.BadStatusLine,
                http.client.LineTooLong,
                http.client.UnknownTransferEncoding,
            ),
            lambda e: "malformed response",
        ),
        _Meaning(
            (exceptions.ProtocolError, http.client.HTTPException),
            lambda e: "connection closed before the complete response",
        ),
    )


def _no_response(error: Exception) -> NoResponse:
    """Return what an error of the connection means; raise one that is a bug."""
    known = (
        requests.RequestException,
        exceptions.HTTPError,
        http.client.HTTPException,
        # The last two: a CA bundle that is not there, a host name that cannot be one.
        OSError,
        ValueError,
    )
    if not isinstance(error, known):
        raise error
    chain = list(_chain(error))
    for meaning in _meanings():
        link = next((link for link in chain if isinstance(link, meaning.kind)), None)
        if link is not None:
            return NoResponse(meaning.explain(link), **_flags(meaning))
    # An unknown failure is not retried.
    reason = f"{type(error).__name__}: {error}"
    return NoResponse(reason, retryable=False, retry_now=False)


def _flags(meaning: _Meaning) -> dict[str, bool]:
    return {
        "retryable": meaning.retryable,
        "sent": meaning.sent,
        "retry_now": meaning.retry_now,
    }


def _chain(error: BaseException) -> t.Iterator[BaseException]:
    """Yield an error and what it wraps: requests wraps urllib3's, and that the system's."""
    link: BaseException | None = error
    while link is not None:
        yield link
        inner = [getattr(link, "reason", None), *link.args]
        wrapped = [each for each in inner if isinstance(each, BaseException)]
        link = wrapped[0] if wrapped else link.__cause__ or link.__context__


def _system_reason(error: BaseException) -> str:
    texts = [link.strerror for link in _chain(error) if isinstance(link, OSError)]
    return next((text for text in texts if text), "unknown reason")
