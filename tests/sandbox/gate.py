# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate before the API: notes each request, holds it to the rate limit, and lets faults happen
to its connection.

A fault on the wire is played on the raw socket, which the server hands over. Afterwards the gate
raises ECONNABORTED, which tells the server that the client is gone.
"""

from __future__ import annotations

import errno
import secrets
import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.wrappers import Request, Response

from . import faults
from .http_server import CONNECTION
from .rate import Standing
from .recorder import Entry
from .world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Keys in the request's environment.
ACTION = "sandbox.action"  # what a fault asks of the view
ENTRY = "sandbox.entry"  # the record of this request, where a view notes that it wrote


class Gate:
    """WSGI middleware around the application."""

    def __init__(self, app: WSGIApplication, world: World) -> None:
        self._app = app
        self._world = world
        self._arrival = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        if request.path.startswith("/sandbox"):
            return self._app(environ, start_response)
        self._world.stopping.wait(self._world.latency)
        body = request.get_data()
        # Read once for the record; the application reads it again.
        environ["wsgi.input"] = BytesIO(body)
        accepted = self._world.credentials.accepts(request.headers)
        # Recorded and counted in one order.
        with self._arrival:
            environ[ENTRY] = entry = self._world.recorder.begin(request, body)
            standing = self._world.rates.count(entry.credential if accepted else None)
        if standing.refused:
            response = self._complete(faults.too_many_requests(), standing)
            entry.status = response.status_code
        else:
            environ[ACTION] = action = self._world.faults.take(request.method, request.path)
            entry.fault = action or None
            response = self._answer(environ, action, entry, standing)
        return response(environ, start_response)

    def _answer(
        self, environ: WSGIEnvironment, action: dict[str, Any], entry: Entry, standing: Standing
    ) -> Response:
        wire = Wire(environ, self._world)
        if "delay" in action:
            self._world.stopping.wait(action["delay"])
        if action.get("hold"):
            self._world.faults.hold(self._world.stopping)
        if action.get("hang"):
            wire.hang()
            if action.get("carry_out"):
                Response.from_app(self._app, environ, buffered=True)
            wire.close()
        if action.get("reset") == "before":
            wire.reset()
        response = faults.answer(action)
        if response is None or action.get("carry_out"):
            real = Response.from_app(self._app, environ, buffered=True)
            response = response or real
        if action.get("reset") != "after":
            entry.status = response.status_code
        wire.spoil(action, self._complete(response, standing))
        return response

    def _complete(self, response: Response, standing: Standing) -> Response:
        """Add what every answer says of itself, unless a fault says it already."""
        ray = {"cf-ray": f"{secrets.token_hex(8)}-SBX"}
        for name, value in (ray | self._world.rates.headers(standing)).items():
            response.headers.setdefault(name, value)
        return response


class Wire:
    """The connection to the client, below HTTP."""

    def __init__(self, environ: WSGIEnvironment, world: World) -> None:
        self._environ = environ
        self._world = world

    def spoil(self, action: dict[str, Any], response: Response) -> None:
        """Send the answer as the fault wants it; return if it wants nothing of the wire."""
        if action.get("reset") == "after":
            self.reset()
        if action.get("reset") == "middle":
            self._send(_head(response) + _half(response))
            self.reset()
        if action.get("half"):
            promised = len(response.get_data()) if action["half"] == "short" else None
            self._send(_head(response, promised or len(_half(response))) + _half(response))
            self.close()
        if "drip" in action:
            self._drip(response, action["drip"], action.get("part", "body"))

    def hang(self) -> None:
        """Say nothing until the client goes, or the sandbox."""
        self._socket.settimeout(0.2)
        with suppress(ConnectionError):
            while not self._world.stopping.is_set():
                with suppress(TimeoutError):
                    if not self._socket.recv(65536):
                        return

    def reset(self) -> NoReturn:
        """Break the connection with a TCP reset."""
        linger = struct.pack("ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # Closed below the socket object: its files would keep the connection open.
        socket.close(self._socket.detach())
        # There is nothing left to shut down.
        self._environ[CONNECTION].linger = True
        self._give_up()

    def close(self) -> NoReturn:
        """End the connection as if that were all."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._give_up()

    @property
    def _socket(self) -> socket.socket:
        connection: socket.socket = self._environ[CONNECTION].socket
        return connection

    def _drip(self, response: Response, pause: float, part: str) -> NoReturn:
        head, body = _head(response), response.get_data()
        if part == "body":
            self._send(head)
            head = b""
        for byte in head + body:
            self._send(bytes([byte]))
            if self._world.stopping.wait(pause):
                break
        self.close()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            self._give_up()

    @staticmethod
    def _give_up() -> NoReturn:
        raise ConnectionAbortedError(errno.ECONNABORTED, "a fault took the connection")


def _head(response: Response, length: int | None = None) -> bytes:
    fields = response.headers.copy()
    fields["Content-Length"] = str(len(response.get_data()) if length is None else length)
    fields["Connection"] = "close"
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _half(response: Response) -> bytes:
    body = response.get_data()
    return body[: len(body) // 2]
