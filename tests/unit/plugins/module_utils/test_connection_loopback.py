# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection and a server on loopback that sends any bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    TokenAuth,
    decode_envelope,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import (
    LATE,
    NoResponse,
    Server,
    Transport,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import TOKEN

BODY = b'{"success": true, "errors": [], "messages": [], "result": {}}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)


def answer(headers: bytes = LENGTH, body: bytes = BODY, number: int = 1) -> bytes:
    """Return a response as it is sent."""
    return b"HTTP/1.1 200 OK\r\ncf-ray: %d\r\n%s\r\n%s" % (number, headers, body)


class RawServer:
    """Sends the next of its answers for each request that comes, and counts connections."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lines: list[socket.socket] = []
        self._stopped = False
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def _start(self, work: t.Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            line, _address = self._listener.accept()
            if self._stopped:
                line.close()
                return
            self.connections += 1
            self._lines.append(line)
            self._start(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while self._answers and line.recv(65536):
                line.sendall(self._answers.pop(0))

    def stop(self) -> None:
        """Close all connections, and end all threads."""
        self._stopped = True
        # What waits for a connection is not ended by closing the socket.
        socket.create_connection(self._listener.getsockname()).close()
        self._threads[0].join()
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._lines):
            each.close()


@pytest.fixture(name="serve")
def fixture_serve(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Callable[..., RawServer]]:
    """Return what starts a server with its answers."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers: list[RawServer] = []

    def serve(*answers: bytes) -> RawServer:
        servers.append(RawServer(*answers))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()


def transport(server: RawServer) -> Transport:
    """Return a transport to it."""
    auth = TokenAuth(TOKEN)
    return Transport(
        Server.of(base_url=server.url, auth=auth, user_agent="agent/1.0"), decode=decode_envelope
    )


def get(sender: Transport, seconds: float = 30) -> t.Any:
    """Send one request."""
    return sender.exchange("GET", "/zones", None, seconds, reuse=True)


def test_a_connection_is_used_again_after_a_clean_response(
    serve: t.Callable[..., RawServer],
) -> None:
    server = serve(answer(number=1), answer(number=2))
    sender = transport(server)
    assert [get(sender).content for _each in range(2)] == [BODY, BODY]
    assert server.connections == 1


@pytest.mark.parametrize(
    "first",
    [
        answer() + b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(),
        answer(LENGTH + b"Connection: close\r\n"),
    ],
    ids=["bytes behind it", "an informational one before it", "its last one"],
)
def test_a_connection_is_not_used_again_after_any_other_response(
    serve: t.Callable[..., RawServer], first: bytes
) -> None:
    server = serve(first, answer(number=2))
    sender = transport(server)
    assert [get(sender).content for _each in range(2)] == [BODY, BODY]
    assert server.connections == 2


def test_chunks_are_read(serve: t.Callable[..., RawServer]) -> None:
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert get(transport(serve(answer(b"Transfer-Encoding: chunked\r\n", chunks)))).content == BODY


@pytest.mark.parametrize(
    "malformed",
    [
        answer(LENGTH + b"Content-Length: 7\r\n"),
        answer(b"Content-Length: x\r\n"),
        answer(LENGTH + b"Transfer-Encoding: chunked\r\n"),
        answer(b"Transfer-Encoding: chunked\r\n", b"no size\r\n"),
        answer(LENGTH + b"no header\r\n"),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"no HTTP\r\n\r\n",
    ],
    ids=["two lengths", "no length", "both", "chunk", "header", "101", "status"],
)
def test_a_malformed_response_is_none(serve: t.Callable[..., RawServer], malformed: bytes) -> None:
    with pytest.raises(NoResponse):
        get(transport(serve(malformed)))


def test_a_duplicate_response_is_not_used(serve: t.Callable[..., RawServer]) -> None:
    sender = transport(serve(answer(), answer()))
    get(sender)
    with pytest.raises(NoResponse):
        get(sender)


def test_a_request_without_a_response_ends_in_time(serve: t.Callable[..., RawServer]) -> None:
    with pytest.raises(NoResponse) as caught:
        get(transport(serve()), seconds=0.2)
    assert caught.value.args[0] == LATE


def test_a_request_whose_thread_starts_after_its_time_is_not_sent(
    serve: t.Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answer())
    late: list[threading.Thread] = []

    def start_later(thread: threading.Thread) -> None:
        late.append(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    with pytest.raises(NoResponse):
        get(transport(server), seconds=0.01)
    (thread,) = late
    thread.run()
    assert server.connections == 0
