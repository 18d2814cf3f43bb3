# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that sends exactly the bytes it is given, whatever HTTP allows."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
import time
import typing as t
from collections import Counter

DELAY = 0.15  # seconds


class Reply(t.NamedTuple):
    """What a request gets: pieces of bytes, each sent after so many seconds.

    ``ends`` tells whether the connection is closed then.
    """

    pieces: t.Sequence[tuple[float, bytes]]
    ends: bool = False


def now(content: bytes, *, ends: bool = False) -> Reply:
    """Return a reply that is sent at once."""
    return Reply([(0, content)], ends)


def body_of(number: int) -> bytes:
    """Return the envelope that belongs to a request."""
    return json.dumps({"success": True, "errors": [], "result": {"id": number}}).encode()


def head(status: int, *headers: str) -> bytes:
    """Return a status line and headers."""
    return "\r\n".join([f"HTTP/1.1 {status} Reason", *headers, "", ""]).encode()


def whole(number: int, *headers: str) -> bytes:
    """Return the right response to a request."""
    body = body_of(number)
    kind = "Content-Type: application/json"
    return head(200, kind, f"Content-Length: {len(body)}", *headers) + body


def chunked(number: int, size: str | None = None) -> bytes:
    """Return the right response in chunks; ``size`` replaces that of the first one."""
    body = body_of(number)
    parts = [body[:9], body[9:]]
    sizes = [size or f"{len(parts[0]):x}", f"{len(parts[1]):X};name=value"]
    chunks = b"".join(b"%s\r\n%s\r\n" % (s.encode(), p) for s, p in zip(sizes, parts))
    return head(200, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n"


class RawServer:
    """Replies to the request for ``/NUMBER`` as ``replies`` says, and counts what arrived."""

    def __init__(
        self,
        reply: t.Callable[[int], Reply],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reply = reply
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.arrived: Counter[tuple[str, int]] = Counter()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def __enter__(self) -> RawServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()

    @property
    def port(self) -> int:
        """The port of the server on this machine."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        """Where the server is."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            with connection, connection.makefile("rb") as requests:
                while self._serve_one(connection, requests):
                    pass

    def _serve_one(self, connection: socket.socket, requests: t.BinaryIO) -> bool:
        line = re.match(rb"([A-Z]+) /([0-9]+) ", requests.readline())
        if line is None:
            return False
        length = 0
        while (header := requests.readline().strip().lower()) != b"":
            if header.startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        requests.read(length)
        number = int(line[2])
        with self._lock:
            self.arrived[line[1].decode(), number] += 1
        reply = self._reply(number)
        for delay, content in reply.pieces:
            time.sleep(delay)
            connection.sendall(content)
        return not reply.ends


class Proxy:
    """A proxy that leads all connections to one port of this machine."""

    def __init__(self) -> None:
        self._port = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        """Where the proxy is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def lead_to(self, port: int) -> None:
        """Say where all connections go."""
        self._port = port

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                threading.Thread(target=self._connect, args=(connection,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += near.recv(4096)
        far = socket.create_connection(("127.0.0.1", self._port))
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
