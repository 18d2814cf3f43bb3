# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection to the server, and when it may be used again.

HTTP/1.1 has no means to tell which request a response belongs to but their order. So a connection
is reused only after one whole, final and expected response, with nothing behind it.

This is also the one guarded import of ``requests``. Where it is missing the names exist all the
same, so that every file can be imported, and ``IMPORT_ERROR`` holds the traceback.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import socket
import traceback
import typing as t
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

IMPORT_ERROR: str | None = None

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import AuthBase
    from urllib3 import exceptions
    from urllib3.util import wait_for_read
except ImportError:
    IMPORT_ERROR = traceback.format_exc()
    requests = None  # type: ignore[assignment]
    AuthBase = HTTPAdapter = object  # type: ignore[assignment,misc]
    exceptions = wait_for_read = None  # type: ignore[assignment]

__all__ = [
    "IMPORT_ERROR",
    "LARGEST_RESPONSE",
    "AuthBase",
    "Connection",
    "MalformedHTTP",
    "RepeatedResponse",
    "Response",
    "Server",
    "TooLarge",
    "exceptions",
    "requests",
]

# Bytes; far above any list of jobs, far below what would hurt the machine.
LARGEST_RESPONSE = 16 * 1024 * 1024
# Seconds. A connection that is not made by then is better tried again than waited for.
LONGEST_CONNECT = 10.0
# Informational responses (1xx) to one request.
MOST_INFORMATIONAL = 10

_CHUNK = 64 * 1024
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NETLOC = re.compile(rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\r\n]*)?\r?\n")

Decode = t.Callable[[bytes], t.Any]


class MalformedHTTP(http.client.HTTPException):
    """A response that breaks the rules of HTTP, so that its end is unknown."""


class RepeatedResponse(http.client.HTTPException):
    """The response to an earlier request of the connection came again."""


class TooLarge(ValueError):
    """A response is larger than ``LARGEST_RESPONSE``."""


class Response(t.NamedTuple):
    """An HTTP response: status, headers, the whole body (undecoded: without its content).

    ``value`` is what the body was decoded to, None where it is not what the server is expected to
    send. ``note`` says how a wait for the rate limit ended.
    """

    status: int
    headers: t.Mapping[str, str]
    content: bytes
    value: t.Any = None
    note: str = ""


class Server(t.NamedTuple):
    """Where requests go, and how; ``Server.of`` makes one."""

    base_url: str
    auth: AuthBase
    headers: t.Mapping[str, str]
    settings: t.Mapping[str, t.Any]

    @classmethod
    def of(
        cls, *, base_url: str, auth: AuthBase, user_agent: str, verify: bool | str = True
    ) -> Server:
        """Return a server; raise ``InvalidInput`` for a ``base_url`` that cannot be used.

        ``base_url`` is https, or plain http to this machine alone; ``verify`` is what
        ``requests`` takes: True, False, or the path of a CA bundle.
        """
        loopback = _check_base_url(base_url)
        base_url = base_url.rstrip("/")
        # Given with each request: requests prefers REQUESTS_CA_BUNDLE to a session's own option.
        settings = requests.Session().merge_environment_settings(base_url, {}, True, verify, None)
        if loopback:
            # A credential for this machine has no business with a proxy.
            settings["proxies"] = {}
        headers = {
            "Accept": "application/json",
            # What is compressed unpacks to a thousand times its size.
            "Accept-Encoding": "identity",
            "User-Agent": user_agent,
        }
        return cls(base_url, auth, headers, settings)


class Connection:
    """Sends requests to the server one after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        # Whether the last response leaves the connection fit for another request.
        self.reusable = False
        self.aborted = False
        # Set from below: what http.client knows of the connection and of its last response.
        self.line: http.client.HTTPConnection | None = None
        self.incoming: _Incoming | None = None
        self._last: bytes | None = None
        self._session = requests.Session()
        self._session.mount(server.base_url, _Adapter(self))
        # An API has no use for cookies.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        # requests would parse a redirect's address, and read its body, though it follows none.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        # Set as an AuthBase, not as a header: requests lets ~/.netrc replace a plain header.
        self._session.auth = server.auth
        self._session.headers.update(server.headers)

    def exchange(
        self, method: str, path: str, body: bytes | None, seconds: float, decode: Decode
    ) -> Response:
        """Send one request and read its response; ``seconds`` bound each read."""
        if self.aborted:
            # The time was over before this thread got to run.
            raise ConnectionAbortedError
        self._forget()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        request = requests.Request(method, self._server.base_url + path, data=body, headers=headers)
        with self._session.send(
            self._session.prepare_request(request),
            allow_redirects=False,
            timeout=(min(LONGEST_CONNECT, seconds), seconds),
            **self._server.settings,
        ) as answer:
            coding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
            if coding != "identity":
                return Response(answer.status_code, answer.headers, b"")
            content = _read(answer.raw)
        self._check_repeated(answer, content)
        value = decode(content)
        self.reusable = value is not None and self.incoming is not None and self.incoming.is_clean()
        return Response(answer.status_code, answer.headers, content, value)

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last response, not even the connection's end."""
        line = self.line.sock if self.line is not None else None
        if line is None:
            return False
        pending = getattr(line, "pending", None)
        try:
            return not (pending is not None and pending()) and not wait_for_read(line, timeout=0)
        except (OSError, ValueError):
            return False

    def abort(self) -> None:
        """End the connection, whatever another thread does with it."""
        self.aborted = True
        line = self.line.sock if self.line is not None else None
        # TLS inside of a proxy's TLS wraps a socket.
        line = getattr(line, "socket", line)
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):
                # Not that of an SSLSocket, which is not made for two threads.
                socket.socket.shutdown(line, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _forget(self) -> None:
        self.reusable, self.incoming = False, None

    def _check_repeated(self, answer: requests.Response, content: bytes) -> None:
        """Raise ``RepeatedResponse`` where a response is the last one again.

        Cloudflare numbers its responses (``cf-ray``), so that no two are the same.
        """
        if self.incoming is None:
            return
        headers = [each for each in answer.headers.items() if each[0].lower() != "date"]
        digest = hashlib.sha256(repr(headers).encode() + content).digest()
        if digest == self._last:
            raise RepeatedResponse
        self._last = digest


def _read(raw: t.Any) -> bytes:
    """Return the whole body as it was sent; raise ``TooLarge``."""
    content = bytearray()
    while True:
        if len(content) + (raw.length_remaining or 0) > LARGEST_RESPONSE:
            raise TooLarge
        chunk = raw.read(_CHUNK, decode_content=False)
        if not chunk:
            break
        content += chunk
    if raw.length_remaining:
        # Older versions of urllib3 do not look.
        raise exceptions.ProtocolError("cut short")
    return bytes(content)


class _Incoming(http.client.HTTPResponse):
    """A response as http.client reads it, checked for whether anything may follow it.

    http.client takes 102 and 103 for the response itself, and throws away what came behind it.
    """

    def __init__(self, sock: t.Any, *args: t.Any, **options: t.Any) -> None:
        super().__init__(sock, *args, **options)
        self._sock = sock
        self._informational = False
        self._excess = False

    def is_clean(self) -> bool:
        """Whether the response was the only one, ended by itself, and nothing was behind it."""
        return not (self._informational or self._excess or self.will_close) and self.isclosed()

    def begin(self) -> None:
        """Read status and headers; raise ``MalformedHTTP``."""
        super().begin()
        lengths = {each.strip() for each in self.headers.get_all("Content-Length", [])}
        codings = self.headers.get_all("Transfer-Encoding", [])
        if self.headers.defects or self.headers.get_payload():
            raise MalformedHTTP("a line that is not a header")
        if codings and (lengths or [each.strip().lower() for each in codings] != ["chunked"]):
            raise MalformedHTTP("Transfer-Encoding and Content-Length do not agree")
        if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
            raise MalformedHTTP("Content-Length is not one number")

    def _read_status(self) -> tuple[str, int, str]:
        for _number in range(MOST_INFORMATIONAL):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == http.client.SWITCHING_PROTOCOLS:
                break
            if status >= 200:
                return version, status, reason
            self._informational = True
            http.client.parse_headers(self.fp)
        raise MalformedHTTP(f"HTTP {status}, which was not requested")

    def _read_next_chunk_size(self) -> int:
        size = _CHUNK_SIZE.fullmatch(self.fp.readline(_CHUNK))
        if size is None:
            self._close_conn()
            raise MalformedHTTP("a chunk without a size")
        return int(size[1], 16)

    def _close_conn(self) -> None:
        if self.fp is not None and not self.will_close:
            self._excess = self._excess or self._has_more()
        super()._close_conn()  # type: ignore[misc]

    def _has_more(self) -> bool:
        """Whether there are bytes behind the response already."""
        timeout = self._sock.gettimeout()
        try:
            self._sock.settimeout(0)
            # The buffer goes with the response, and what else is in it.
            return bool(self.fp.peek(1))
        except (OSError, ValueError):
            return False
        finally:
            with contextlib.suppress(OSError):
                self._sock.settimeout(timeout)


class _Line:
    """What is added to a connection of urllib3: it tells ``owner`` what happens."""

    owner: Connection

    def connect(self) -> None:
        """Connect, unless the time is over."""
        self.owner.line = t.cast(http.client.HTTPConnection, self)
        super().connect()  # type: ignore[misc]
        if self.owner.aborted:
            self.close()  # type: ignore[attr-defined]
            raise ConnectionAbortedError

    def response_class(self, *args: t.Any, **options: t.Any) -> _Incoming:
        """Return a response to be read; http.client calls it as if it were the class."""
        self.owner.incoming = _Incoming(*args, **options)
        return self.owner.incoming


class _Adapter(HTTPAdapter):
    """Makes the one connection of ``owner``, through a proxy or not."""

    def __init__(self, owner: Connection) -> None:
        self._owner = owner
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: t.Any, **options: t.Any) -> None:
        """Make what makes connections."""
        super().init_poolmanager(*args, **options)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: t.Any) -> t.Any:
        """Return what makes connections through a proxy."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if is_new:
            self._watch(manager)
        return manager

    def _watch(self, manager: t.Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: self._watched(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _watched(self, pool: t.Any) -> type:
        line = type("_Line", (_Line, pool.ConnectionCls), {"owner": self._owner})
        return type(pool.__name__, (pool,), {"ConnectionCls": line})


def _check_base_url(base_url: str) -> bool:
    """Return whether ``base_url`` is on this machine; raise ``InvalidInput`` if it is not usable.

    A credential goes with each request, so it must not travel in the clear.
    """
    option = "base_url"
    try:
        parts = urlsplit(base_url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        # Python's own words quote what may be a password in the wrong place.
        raise InvalidInput(option, "is not a URL: its host or port is invalid") from error
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidInput(option, "is not a URL such as https://api.cloudflare.com/client/v4")
    if "@" in parts.netloc or re.search("[?#]", base_url):
        raise InvalidInput(
            option, "must not contain a user, query or fragment; use the options instead"
        )
    if not _NETLOC.fullmatch(parts.netloc) or not re.fullmatch("[!-~]*", base_url):
        raise InvalidInput(
            option, "contains a space or another character that a URL cannot contain"
        )
    loopback = host in _LOOPBACK
    if parts.scheme == "http" and not loopback:
        raise InvalidInput(
            option, f"plain http would send the credential in the clear to {host}; use https"
        )
    return loopback
