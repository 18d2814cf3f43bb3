# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that lists zones as they are given, hostile ones too, and runs of Ansible with it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from sandbox.server import STRAY

TOKEN = "Vn3kQ8xYpB5tLw7RzJ2mHc4sDf6gKa9eUo1iXy0N"
PER_PAGE = 50


class _Handler(BaseHTTPRequestHandler):
    """Answers as Cloudflare does: lists zones, and calls a function for anything else."""

    protocol_version = "HTTP/1.1"
    zones: t.ClassVar[list[dict[str, t.Any]]]
    requested: t.ClassVar[list[t.Mapping[str, str]]]
    respond: t.ClassVar[t.Callable[[str], tuple[int, dict[str, t.Any]]]]

    def do_GET(self) -> None:
        """Answer with a page of zones."""
        self.requested.append(dict(self.headers))
        number = int(parse_qs(urlsplit(self.path).query)["page"][0])
        start = (number - 1) * PER_PAGE
        info = {
            "page": number,
            "per_page": PER_PAGE,
            "total_pages": -(-len(self.zones) // PER_PAGE),
            "total_count": len(self.zones),
        }
        found = self.zones[start : start + PER_PAGE]
        self._send(200, {"success": True, "result": found, "result_info": info})

    def do_POST(self) -> None:
        """Answer a request of a module."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(*type(self).respond(self.path))

    def log_message(self, *_arguments: t.Any) -> None:
        """Print nothing."""

    def _send(self, status: int, body: dict[str, t.Any]) -> None:
        content = json.dumps({"errors": [], "messages": [], **body}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(t.NamedTuple):
    """Where a server is, and the headers of the requests for zones."""

    base_url: str
    requested: list[t.Mapping[str, str]]


@contextlib.contextmanager
def zone_server(
    zones: list[dict[str, t.Any]],
    respond: t.Callable[[str], tuple[int, dict[str, t.Any]]] | None = None,
) -> t.Iterator[Server]:
    """Serve zones on loopback; ``respond`` answers a path with a status and an envelope."""
    requested: list[t.Mapping[str, str]] = []
    members = {"zones": zones, "requested": requested, "respond": staticmethod(respond)}  # type: ignore[arg-type]
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), members))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        base_url = f"http://127.0.0.1:{server.server_address[1]}/client/v4"
        yield Server(base_url, requested)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(command: t.Sequence[str], **environment: str) -> str:
    """Run a program of Ansible's and return what it prints; it may fail."""
    env = {name: value for name, value in os.environ.items() if name not in STRAY}
    env.update(
        ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true",
        ANSIBLE_FORKS="8",
        **environment,
    )
    done = subprocess.run(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    return done.stdout
