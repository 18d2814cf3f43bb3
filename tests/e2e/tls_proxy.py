# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTPS proxy that leads every host to a server on this machine.

Modules such as ``google.cloud.gcp_storage_bucket`` cannot be given another URL of the API.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import threading
import typing as t
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, authority: trustme.CA, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.authority = authority
        self.target = target
        self.hosts: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_CONNECT(self) -> None:
        """Decrypt the connection, as a proxy that inspects TLS does."""
        host = self.path.partition(":")[0]
        self.server.hosts.append(host)
        self.send_response(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.authority.issue_cert(host).configure_cert(context)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = HTTPConnection(self.server.target, timeout=30)
        with contextlib.closing(target):
            target.request(self.command, self.path, body, dict(self.headers))
            response = target.getresponse()
            content = response.read()
        self.send_response(response.status)
        self.send_header("Content-Type", response.headers.get("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815

    def log_message(self, *_arguments: t.Any) -> None:
        """Print nothing."""


@contextlib.contextmanager
def leading_to(target: str, folder: Path) -> t.Iterator[tuple[dict[str, str], list[str]]]:
    """Yield the environment in which programs use the proxy, and the hosts they connected to."""
    authority = trustme.CA()
    certificates = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(certificates))
    server = _Server(authority, re.sub(r"^http://", "", target))
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    proxy = f"http://127.0.0.1:{server.server_port}"
    environment = {
        "HTTPS_PROXY": proxy,
        "NO_PROXY": "127.0.0.1",
        "REQUESTS_CA_BUNDLE": str(certificates),
    }
    try:
        yield environment, server.hosts
    finally:
        server.shutdown()
        server.server_close()
