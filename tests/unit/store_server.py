# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An object store on loopback, so that the stores' own libraries are tested with what they send."""

from __future__ import annotations

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
    """Returns for each method and path the next of its responses, the last of them for ever."""

    def __init__(self) -> None:
        self._responses: dict[tuple[str, str], list[Response]] = {}
        self._lock = threading.Lock()
        self.default = Response(404)
        self.requests: list[Request] = []
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

            daemon_threads = True

            def handle_error(self, request: t.Any, client_address: t.Any) -> None:
                """Ignore it."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def on(self, method: str, path: str, *responses: Response) -> None:
        """Set the responses to a request."""
        self._responses[(method, path)] = list(responses)

    def respond(self, request: Request) -> Response:
        """Return the response to a request."""
        with self._lock:
            self.requests.append(request)
            responses = self._responses.get((request.method, request.path), [self.default])
            return responses.pop(0) if len(responses) > 1 else responses[0]

    def paths(self, method: str = "GET") -> list[str]:
        """Return the paths of all requests with a method."""
        return [request.path for request in self.requests if request.method == method]

    def stop(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


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
