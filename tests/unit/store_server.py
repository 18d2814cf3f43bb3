# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An object store on loopback, so that the stores' own libraries are tested with what they send."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

Headers = t.Mapping[str, str]


class Response(t.NamedTuple):
    """A response; a ``length`` other than that of the body is claimed, and not kept."""

    status: int
    body: bytes = b""
    headers: Headers = MappingProxyType({})
    length: int | None = None


class Request(t.NamedTuple):
    """A request: the path decoded and without the query."""

    method: str
    path: str
    query: str
    headers: Headers


class StoreServer:
    """Returns for each method and path the next of its responses, the last of them for ever.

    It serves one test after the other: ``reset`` is called between them.
    """

    def __init__(self) -> None:
        self._responses: dict[tuple[str, str], list[Response]] = {}
        self._changed = threading.Condition()
        self.default = Response(404)
        self.requests: list[Request] = []
        # By the address of the client.
        self._connections: dict[t.Any, tuple[socket.socket, threading.Thread]] = {}
        store = self

        class Handler(BaseHTTPRequestHandler):
            """Hands every request to the store."""

            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                """Send the response that the store has for this request."""
                # A body left unread would be taken for the connection's next request.
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = urlsplit(self.path)
                path = unquote(parts.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                response = store.respond(Request(self.command, path, parts.query, headers))
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                length = len(response.body) if response.length is None else response.length
                self.send_header("Content-Length", str(length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(response.body)

            do_GET = do_DELETE = do_HEAD = do_POST = respond  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Log nothing."""

        class Server(ThreadingHTTPServer):
            """Says nothing of clients that go away."""

            def process_request(self, request: t.Any, client_address: t.Any) -> None:
                """Serve a connection in a thread that ``reset`` ends."""
                thread = threading.Thread(
                    target=self.process_request_thread, args=(request, client_address), daemon=True
                )
                store.begin(client_address, request, thread)

            def handle_error(self, request: t.Any, client_address: t.Any) -> None:
                """Ignore it."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def on(self, method: str, path: str, *responses: Response) -> None:
        """Set the responses to a request."""
        self._responses[(method, path)] = list(responses)

    def begin(self, client: t.Any, connection: socket.socket, thread: threading.Thread) -> None:
        """Start the thread that serves a connection; ``reset`` ends both."""
        with self._changed:
            thread.start()
            self._connections[client] = (connection, thread)
            self._changed.notify()

    def respond(self, request: Request) -> Response:
        """Return the response to a request."""
        with self._changed:
            self.requests.append(request)
            responses = self._responses.get((request.method, request.path), [self.default])
            return responses.pop(0) if len(responses) > 1 else responses[0]

    def paths(self, method: str = "GET") -> list[str]:
        """Return the paths of all requests with a method."""
        return [request.path for request in self.requests if request.method == method]

    @contextlib.contextmanager
    def unreachable(self) -> t.Iterator[None]:
        """Have the URL lead to a port on which nothing listens."""
        url = self.url
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            try:
                yield
            finally:
                self.url = url

    def reset(self) -> None:
        """Forget all responses and requests, and close all connections."""
        self._responses.clear()
        self.default = Response(404)
        self.requests.clear()
        # Connections are accepted in order: after this one, none is left to be accepted.
        with self._connect() as last, self._changed:
            self._changed.wait_for(lambda: last.getsockname() in self._connections)
            connections, self._connections = self._connections, {}
        for connection, thread in connections.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def stop(self) -> None:
        """Stop the server."""
        self.reset()
        self._stopped = True
        self._connect().close()
        self._thread.join()
        self._server.server_close()

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._server.server_port))

    def _serve(self) -> None:
        # `serve_forever` would wake up again and again while other tests run.
        while not self._stopped:
            self._server.handle_request()


class Clock:
    """Stands in for the module ``time``: time passes where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds
