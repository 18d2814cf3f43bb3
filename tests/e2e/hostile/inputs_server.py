# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that says yes to everything, and keeps each request as the bytes that arrived."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import socketserver
import threading
import typing as t

_END = b"\r\n\r\n"
_LARGEST_HEAD = 4 * 1024 * 1024
_PATIENCE = 60  # seconds; the machine may be busy
_TLS_HELLO = b"\x16"
# Refused in TLS's own words: a connection that just ends would be tried again.
_TLS_REFUSAL = b"\x15\x03\x03\x00\x02\x02\x28"
_PROXY_REFUSAL = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close" + _END

Job = dict[str, t.Any]


class Received(t.NamedTuple):
    """One request: its head without the empty line, its body, and whatever came behind it."""

    head: bytes
    body: bytes = b""
    rest: bytes = b""

    @property
    def method(self) -> str:
        """The method; ``TLS`` where it was no HTTP but the start of an encrypted connection."""
        return "TLS" if self.head[:1] == _TLS_HELLO else self._line[0]

    @property
    def target(self) -> str:
        """What was asked for, as it stood in the request."""
        return " ".join(self._line[1:-1])

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers in order: names in lower case, values as they stood there."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines)
        return [(name.lower(), value) for name, _colon, value in pairs]

    @property
    def _line(self) -> list[str]:
        return self.head.split(b"\r\n")[0].decode("latin-1").split(" ")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], recorder: Recorder) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.recorder = recorder
        super().__init__(address, _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Keep one request, then answer it."""
        self.request.settimeout(_PATIENCE)
        with contextlib.suppress(OSError, ValueError):
            received = self._receive()
            self.server.recorder.received.append(received)
            self.request.sendall(self.server.recorder.answer(received))

    def _receive(self) -> Received:
        data = b""
        while _END not in data and data[:1] != _TLS_HELLO and len(data) < _LARGEST_HEAD:
            chunk = self.request.recv(65536)
            if not chunk:
                break
            data += chunk
        if data[:1] == _TLS_HELLO:
            return Received(data)
        head, _end, rest = data.partition(_END)
        said = dict(Received(head).headers).get("content-length", "")
        length = int(said) if said.isdecimal() else 0
        while len(rest) < length:
            rest += self.request.recv(65536) or b"\0" * length
        # With a timeout even MSG_DONTWAIT would wait for as long.
        self.request.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            rest += self.request.recv(65536)
        self.request.settimeout(_PATIENCE)
        return Received(head, rest[:length], rest[length:])


class Recorder:
    """Listens on both loopback addresses at one port; ``jobs`` are what there is.

    It is a proxy too, one that refuses: what is sent elsewhere through a proxy shows up here.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.jobs: list[Job] = []
        self._servers = [_Server(("127.0.0.1", 0), self)]
        self.port: int = self._servers[0].server_address[1]
        # Not every machine has an IPv6.
        with contextlib.suppress(OSError):
            self._servers.append(_Server(("::1", self.port), self))
        self.has_ipv6 = len(self._servers) > 1

    def __enter__(self) -> Recorder:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def begin(self, jobs: list[Job]) -> None:
        """Forget what was received, and have these jobs."""
        self.received, self.jobs = [], jobs

    def answer(self, received: Received) -> bytes:
        """Return what to say to a request."""
        if received.method in ("TLS", "CONNECT"):
            return _TLS_REFUSAL if received.method == "TLS" else _PROXY_REFUSAL
        body = json.loads(received.body or b"{}")
        result = self._result(received.method, received.target, body)
        envelope = {"success": True, "errors": [], "messages": [], "result": result}
        content = json.dumps(envelope).encode()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(content)}"
        )
        return head.encode() + _END + content

    def _result(self, method: str, target: str, body: dict[str, t.Any]) -> t.Any:
        one = re.search("/jobs/([0-9]+)$", target)
        if one:
            job = self.jobs[0] if self.jobs else {}
            return {**job, **body, "id": int(one[1])}
        if target.endswith("/jobs"):
            return self.jobs if method == "GET" else {**body, "id": 8}
        if target.endswith("/fields"):
            return {"RayID": "string"}
        return {"filename": "http/f.txt", "message": "", "valid": True, "exists": False}
