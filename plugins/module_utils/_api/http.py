# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one request travels: session, TLS, proxies, and a clock that nothing outlasts.

Knows HTTP, neither Cloudflare nor Ansible, and sends everything once: ``_retries.py`` decides
what is sent again.
"""

from __future__ import annotations

import queue
import re
import socket
import ssl
import threading
import typing as t
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._requests import (
    AuthBase,
    HTTPAdapter,
    exceptions,
    requests,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

# Far above any list of jobs, far below what would hurt the machine.
LARGEST_RESPONSE = 16 * 1024 * 1024
# In seconds. A connection that is not made by then is better tried anew than waited for.
LONGEST_CONNECT = 10.0

LATE = "no whole answer in time"

_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NETLOC = re.compile(rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Response(t.NamedTuple):
    """What came back: an HTTP status, whichever it is, the headers, and the whole body."""

    status: int
    headers: t.Mapping[str, str]
    content: bytes


class NoResponse(Exception):
    """No whole answer came.

    ``reason`` says why in plain words; ``passing`` whether it may be otherwise at a later time;
    ``sent`` whether the request may have arrived; ``cause`` is urllib3's error, which its
    ``Retry`` takes, or None where the transport gave up.
    """

    def __init__(
        self, reason: str, *, passing: bool, sent: bool = True, cause: Exception | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passing = passing
        self.sent = sent
        self.cause = cause


class Transport:
    """Sends single requests to one server.

    ``base_url`` is https, or plain http to this machine alone (else ``InvalidInput``);
    ``verify`` is what ``requests`` takes: True, False, or the path of a CA bundle.
    ``connections`` is how many threads may send at the same time.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: AuthBase,
        user_agent: str,
        verify: bool | str = True,
        connections: int = 1,
    ) -> None:
        loopback = check_base_url(base_url)
        self._base_url = base_url.rstrip("/")
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        # An API has no use for cookies, and a session's are nothing for several threads.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        # requests would parse a redirect's address, and read its body, though it follows none.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        # Set as an AuthBase, not as a header: requests lets ~/.netrc replace a plain header.
        self._session.auth = auth
        self._session.headers.update({"Accept": "application/json", "User-Agent": user_agent})
        # Given with each request: requests prefers REQUESTS_CA_BUNDLE to a session's own option.
        self._settings = self._session.merge_environment_settings(
            self._base_url, {}, True, verify, None
        )
        if loopback:
            # A credential for this machine has no business with a proxy.
            self._settings["proxies"] = {}

    def exchange(self, method: str, path: str, body: bytes | None, seconds: float) -> Response:
        """Send one request and return its answer within ``seconds``, or raise ``NoResponse``."""
        try:
            return self._exchange(method, path, body, seconds)
        except (requests.RequestException, exceptions.HTTPError, OSError, ValueError) as error:
            # The last two: a CA bundle that is not there, a host name that cannot be one.
            raise _no_response(error) from error

    def _exchange(self, method: str, path: str, body: bytes | None, seconds: float) -> Response:
        url = self._base_url + path
        headers = {"Content-Type": "application/json"} if body is not None else {}
        prepared = self._session.prepare_request(
            requests.Request(method, url, data=body, headers=headers)
        )

        def send_and_read() -> Response:
            with self._session.send(
                prepared,
                allow_redirects=False,
                timeout=(min(LONGEST_CONNECT, seconds), seconds),
                **self._settings,
            ) as response:
                return Response(response.status_code, response.headers, _read(response))

        return _within(seconds, send_and_read)


def check_base_url(base_url: str) -> bool:
    """Return whether ``base_url`` is on this machine; raise ``InvalidInput`` if it cannot be one.

    A credential goes with each request, so it must not travel in the clear.
    """
    option = "base_url"
    try:
        parts = urlsplit(base_url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        # Python's own words quote what may be a password in the wrong place.
        raise InvalidInput(option, "is not a URL: its host or port cannot be one") from error
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidInput(option, "is not a URL such as https://api.cloudflare.com/client/v4")
    if "@" in parts.netloc or re.search("[?#]", base_url):
        raise InvalidInput(option, "must hold no user, query or fragment; use the options for it")
    if not _NETLOC.fullmatch(parts.netloc) or not re.fullmatch("[!-~]*", base_url):
        raise InvalidInput(option, "holds a space, or a character that no host or URL has")
    loopback = host in _LOOPBACK
    if parts.scheme == "http" and not loopback:
        raise InvalidInput(
            option, f"plain http would send the credential in the clear to {host}; use https"
        )
    return loopback


def _within(seconds: float, work: t.Callable[[], Response]) -> Response:
    """Do ``work`` in at most ``seconds``.

    The timeouts of ``requests`` are per read, and a server that sends a byte a second outlasts
    them, as a slow name server does; so the work is done aside and not waited for any longer.
    """
    outcome: queue.SimpleQueue[tuple[Response | None, Exception | None]] = queue.SimpleQueue()

    def work_aside() -> None:
        try:
            outcome.put((work(), None))
        except Exception as error:  # pylint: disable=broad-exception-caught  # raised below
            outcome.put((None, error))

    threading.Thread(target=work_aside, daemon=True).start()
    try:
        answer, error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise NoResponse(LATE, passing=True) from None
    if error is not None:
        raise error
    return t.cast(Response, answer)


def _read(response: requests.Response) -> bytes:
    """Return the whole body, decoded; raise ``NoResponse`` where it is larger than makes sense."""
    chunks, size = [], 0
    for chunk in response.iter_content(64 * 1024):
        size += len(chunk)
        if size > LARGEST_RESPONSE:
            limit = f"{LARGEST_RESPONSE // 1024 // 1024} MiB"
            raise NoResponse(f"the answer is larger than {limit}", passing=False)
        chunks.append(chunk)
    return b"".join(chunks)


def _no_response(error: Exception) -> NoResponse:
    chain = list(_chain(error))
    cause = next(filter(_is_cause, chain), None)
    cause = t.cast("Exception | None", cause)
    for meaning in _meanings():
        link = next((link for link in chain if isinstance(link, meaning.kind)), None)
        if link is not None:
            reason = meaning.explain(link)
            return NoResponse(reason, passing=meaning.passing, sent=meaning.sent, cause=cause)
    # What nobody knows is not tried again.
    return NoResponse(f"{type(error).__name__}: {error}", passing=False)


def _is_cause(link: BaseException) -> bool:
    """Tell whether urllib3's ``Retry`` knows what to make of this link of the chain."""
    return isinstance(link, exceptions.HTTPError) and not isinstance(link, exceptions.MaxRetryError)


def _chain(error: BaseException) -> t.Iterator[BaseException]:
    """Yield an error and what it wraps: requests wraps urllib3's, and that the system's."""
    link: BaseException | None = error
    while link is not None:
        yield link
        inner = [getattr(link, "reason", None), *link.args]
        wrapped = [each for each in inner if isinstance(each, BaseException)]
        link = wrapped[0] if wrapped else link.__cause__ or link.__context__


class _Meaning(t.NamedTuple):
    """What a kind of error means.

    ``explain`` returns plain words for it; ``passing`` and ``sent`` are those of ``NoResponse``.
    """

    kind: type[BaseException] | tuple[type[BaseException], ...]
    explain: t.Callable[[t.Any], str]
    passing: bool = True
    sent: bool = True


def _meanings() -> tuple[_Meaning, ...]:
    """Return what each kind of error means; the first kind that fits speaks.

    A function, since urllib3 may not be there to be named.
    """
    return (
        # Of the addresses only a proxy's is not looked at before, and it may hold a password.
        _Meaning(
            (requests.exceptions.InvalidURL, exceptions.LocationValueError),
            lambda e: "a proxy's address in the environment (such as HTTPS_PROXY) cannot be one",
            passing=False,
            sent=False,
        ),
        _Meaning(exceptions.ProxyError, lambda e: f"the proxy did not connect: {e.original_error}"),
        _Meaning(
            socket.gaierror,
            lambda e: f"the host name cannot be resolved ({e.strerror})",
            sent=False,
        ),
        _Meaning(
            ssl.SSLCertVerificationError,
            lambda e: f"the server's certificate is not trusted ({e.verify_message})",
            passing=False,
            sent=False,
        ),
        _Meaning(ssl.SSLError, lambda e: f"TLS failed ({e})", passing=False),
        _Meaning(ConnectionRefusedError, lambda e: "connection refused", sent=False),
        _Meaning(
            ConnectionResetError, lambda e: "the connection was reset before the whole answer"
        ),
        _Meaning(exceptions.ReadTimeoutError, lambda e: LATE),
        _Meaning(
            exceptions.NewConnectionError,
            lambda e: f"no connection ({_system_reason(e)})",
            sent=False,
        ),
        _Meaning(exceptions.ConnectTimeoutError, lambda e: "no connection in time", sent=False),
        _Meaning(
            exceptions.ProtocolError, lambda e: "the connection ended before the whole answer"
        ),
        _Meaning(
            exceptions.DecodeError, lambda e: "the answer's compression is broken", passing=False
        ),
    )


def _system_reason(error: BaseException) -> str:
    texts = [link.strerror for link in _chain(error) if isinstance(link, OSError)]
    return next((text for text in texts if text), "unknown reason")
