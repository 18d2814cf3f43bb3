# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: werkzeug's, but one that keeps connections, as the real API does.

werkzeug closes each connection after one answer, for it does not know where the next request
begins. Here a request is read whole before it is answered, so the next one begins where it ends.
"""

from __future__ import annotations

import socket
import threading
import traceback
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest
from werkzeug.serving import DechunkedInput, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

from .gate import HANDLER

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# How many connections may wait to be taken. Clients that all begin at once are no rarity here.
BACKLOG = 512


class Handler(WSGIRequestHandler):
    """Answers the requests of one connection, one after another."""

    server: Server
    protocol_version = "HTTP/1.1"
    # An answer is sent at once, however short it is.
    disable_nagle_algorithm = True

    def make_environ(self) -> WSGIEnvironment:
        """Add the whole body, and what the gate needs to end the connection."""
        environ: WSGIEnvironment = super().make_environ()
        environ[HANDLER] = self
        body = _body(environ)
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return environ

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.server.closed:
            self.close_connection = True
            return
        try:
            self._send(Response.from_app(self.server.app, self.make_environ()))
        except ConnectionError:
            # The client has gone, or a fault took the connection.
            self.close_connection = True
        except BadRequest:
            self.send_error(400)
        except Exception:
            self.server.log("error", traceback.format_exc())
            self.send_error(500)

    def _send(self, response: Response) -> None:
        fields = [f"HTTP/1.1 {response.status}", f"Date: {self.date_time_string()}"]
        fields += [f"{name}: {value}" for name, value in response.headers]
        if _is_endless(response) or self.request_version != self.protocol_version:
            self.close_connection = True
        if self.close_connection:
            fields.append("Connection: close")
        data = ("\r\n".join(fields) + "\r\n\r\n").encode("latin-1")
        # Head and body at once, unless the body comes in parts.
        for block in response.iter_encoded():
            self.wfile.write(data + block)
            data = b""
        if data:
            self.wfile.write(data)
        response.close()


def _body(environ: WSGIEnvironment) -> bytes:
    stream: Any = environ["wsgi.input"]
    if isinstance(stream, DechunkedInput):
        return stream.read()
    announced = environ.get("CONTENT_LENGTH") or "0"
    if not announced.isdecimal():
        raise BadRequest
    body: bytes = stream.read(int(announced))
    if len(body) < int(announced):
        raise ConnectionAbortedError("the client went in the middle of its request")
    return body


def _is_endless(response: Response) -> bool:
    """Whether nothing but the end of the connection says where the answer ends."""
    return "Content-Length" not in response.headers and response.status_code not in (204, 304)


class Server(ThreadedWSGIServer):
    """A thread for each connection. When it is closed, so are the connections that wait."""

    request_queue_size = BACKLOG

    def __init__(self, host: str, port: int, app: WSGIApplication, fd: int | None = None) -> None:
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__(host, port, app, Handler, fd=fd)
        # It closes a socket of its own when it is given one.
        self.closed = False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note a new connection."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Take no connection any more, and no request on those that are there."""
        super().server_close()
        self.closed = True
        with self._lock:
            for connection in self._connections:
                # What is being answered still goes out.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
