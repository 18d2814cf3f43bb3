# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: cheroot, which lets an application have the connection itself."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from cheroot import wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

CONNECTION = "sandbox.connection"  # in the request's environment: cheroot's connection
_THREADS = 64  # requests at the same time, those that hang among them
_BACKLOG = 512
_IDLE = 300  # seconds


class _Gateway(wsgi.Gateway_10):
    def get_environ(self) -> WSGIEnvironment:  # type: ignore[override]
        return {**super().get_environ(), CONNECTION: self.req.conn}  # type: ignore[no-untyped-call]


class Server(wsgi.Server):
    """Answers from ``answer`` to ``stop``."""

    keep_alive_conn_limit = _BACKLOG

    def __init__(self, host: str) -> None:
        """Take a free port."""
        super().__init__((host, 0), None, _THREADS, request_queue_size=_BACKLOG, timeout=_IDLE)
        self.gateway = _Gateway
        self.shutdown_timeout = 1
        self.prepare()
        self.port: int = self.bind_addr[1]

    def answer(self, app: WSGIApplication) -> None:
        """Begin to answer."""
        self.wsgi_app = app
        threading.Thread(target=self.serve, daemon=True).start()

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Into the log: the terminal belongs to what the user runs."""
        logging.getLogger("cheroot").log(level, msg, exc_info=traceback)
