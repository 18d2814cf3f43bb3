# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to the sandbox that break below HTTP: a front with TLS, a proxy, and a host beside it.

Each lets a number of connections pass before its fault is played, so that any request of a module
can be hit: the front ends each connection after one request.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import trustme

# A name that only the proxy knows the way to.
PROXIED_HOST = "api.proxied.invalid"
FOR_EVER = -1
_LONG_AGO = datetime(2001, 1, 1, tzinfo=timezone.utc)
_LONGEST = 60.0  # seconds that a connection is held open at most
_SHUT = 0.3  # seconds that a front is shut for, where it opens again

Way = t.Callable[[socket.socket], None]


class Certificates:
    """What servers show of themselves: the right certificate, and wrong ones by name."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.bundle = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.bundle))
        names = ("localhost", PROXIED_HOST)
        self.right = self._context(authority.issue_cert(*names))
        self.wrong = {
            "another name": self._context(authority.issue_cert("somebody.else.example")),
            "expired": self._context(
                authority.issue_cert(*names, not_before=_LONG_AGO, not_after=_LONG_AGO)
            ),
            "unknown authority": self._context(trustme.CA().issue_cert(*names)),
            "self-signed": self._self_signed(folder),
        }

    @staticmethod
    def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    @staticmethod
    def _self_signed(folder: Path) -> ssl.SSLContext:
        authority = trustme.CA()
        both = folder / "self-signed.pem"
        both.write_bytes(authority.cert_pem.bytes() + authority.private_key_pem.bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        return context


class Listener:
    """Accepts connections and counts them; those whose turn it is are treated the other way.

    ``usual`` is what happens to the others. Used as a context manager.
    """

    def __init__(self, usual: Way) -> None:
        self._usual = usual
        self._other: Way | None = None
        self._turns = range(0)
        self._shut_after: int | None = None
        self._opens_again = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.accepted = 0

    def __enter__(self) -> t.Self:
        self._begin()
        return self

    def __exit__(self, *_error: object) -> None:
        self._opens_again = False
        self._close()

    def play(self, other: Way, *, after: int, times: int) -> None:
        """Let ``after`` connections pass, then treat the next ones the other way."""
        self._other = other
        self._turns = range(after, 2**31 if times == FOR_EVER else after + times)

    def shut(self, *, after: int, times: int) -> None:
        """Refuse connections after so many; where it is not for ever, for a moment."""
        self._shut_after = after
        self._opens_again = times != FOR_EVER
        if after == 0:
            self._close()

    def _begin(self) -> None:
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        for number in itertools.count(self.accepted):
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            self.accepted += 1
            if self._shut_after == number + 1:
                self._close()
            treat = self._other if number in self._turns and self._other else self._usual
            threading.Thread(target=_treat, args=(treat, connection), daemon=True).start()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            # A thread that waits in accept() would keep it alive.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._opens_again:
            self._opens_again = False
            timer = threading.Timer(_SHUT, self._reopen)
            timer.daemon = True
            timer.start()

    def _reopen(self) -> None:
        self._shut_after = None
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self._begin()


def _treat(way: Way, connection: socket.socket) -> None:
    # A client that goes away is what all of this is about.
    with connection, contextlib.suppress(OSError):
        connection.settimeout(_LONGEST)
        way(connection)


def relay(port: int, context: ssl.SSLContext) -> Way:
    """Return a way that speaks TLS and carries one request to a port of this machine."""

    def carry(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            request = _read_request(secure)
            if request:
                with socket.create_connection(("127.0.0.1", port)) as target:
                    target.sendall(request)
                    _copy(target, secure)

    return carry


def connect(port: int) -> Way:
    """Return a proxy that connects to one port, whatever host is requested."""

    def tunnel(connection: socket.socket) -> None:
        _read_request(connection)
        with socket.create_connection(("127.0.0.1", port)) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            there = threading.Thread(target=_copy, args=(connection, target), daemon=True)
            there.start()
            _copy(target, connection)

    return tunnel


def silent(connection: socket.socket) -> None:
    """Accept, and say nothing until the client goes."""
    while connection.recv(4096):
        pass


def closing(connection: socket.socket) -> None:
    """Take the request and hang up."""
    _read_request(connection)


def no_tls(connection: socket.socket) -> None:
    """Answer in plain text where TLS is expected."""
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def refusing(status: str) -> Way:
    """Return what a proxy does that does not connect."""

    def refuse(connection: socket.socket) -> None:
        _read_request(connection)
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    return refuse


def _read_request(connection: socket.socket) -> bytes:
    """Read one request, and have its connection end with the answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _end, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    lengths = [line for line in lines if line.lower().startswith(b"content-length:")]
    missing = (int(lengths[0].split(b":")[1]) if lengths else 0) - len(body)
    while missing > 0:
        more = connection.recv(missing)
        body, missing = body + more, missing - len(more) if more else 0
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
