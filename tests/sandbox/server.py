# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One running sandbox: the stores, the API in front of them, the environment that leads there."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import typing as t
from pathlib import Path

from . import gcs, processes, stores, world
from .api import BASE, create_app
from .http_server import Server
from .janitor import Janitor

# Variables of the user's that would lead elsewhere, or join half a credential to the sandbox's.
STRAY = (
    "AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL S3_URL "
    "GCP_SERVICE_ACCOUNT_EMAIL GCP_SERVICE_ACCOUNT_FILE GCP_SERVICE_ACCOUNT_CONTENTS "
    "CLOUDFLARE_TOKEN CLOUDFLARE_EMAIL CLOUDFLARE_API_KEY"
).split()
_SOCKET_PATH_LIMIT = 60  # characters; a Unix socket's whole path may have about 100


class Sandbox:
    """Starts with ``start``; whatever happens then, ``stop`` leaves nothing behind."""

    def __init__(self, *, store_processes: bool = True, deliver: bool = False) -> None:
        """Stores that are processes can be left out.

        ``deliver``: push a batch for each enabled job as soon as it was written.
        """
        self._store_processes = store_processes
        self._deliver = deliver
        self._janitor = Janitor()
        self._server: Server | None = None
        self._parts: list[stores.Part] = []
        self._world: world.World | None = None
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Return when all is ready. ``StartError`` or ``OSError`` says why not."""
        self._server = Server(processes.HOST)
        directory = _directory()
        self._janitor.remove_later(directory)
        _log_to(directory / "api.log")
        self._parts = stores.start(directory, self._janitor, processes=self._store_processes)
        served = {scheme: kept for part in self._parts for scheme, kept in part.stores.items()}
        self._world = world.World(stores=served, deliver=self._deliver)
        self._server.answer(create_app(self._world))
        self.environment = self._describe(self._world, self._server.port)

    def stop(self) -> None:
        """Stop all that runs and remove all that was written; may be called again."""
        if self._world is not None:
            self._world.stopping.set()
        if self._server is not None:
            self._server.stop()
            self._server = None
        for part in self._parts:
            part.stop()
        self._janitor.clean()
        for part in self._parts:
            if part.process is not None:
                part.process.wait()
        self._parts = []

    def broken(self) -> str | None:
        """What is wrong, if a store ended by itself."""
        for part in self._parts:
            if part.process is not None and part.process.poll() is not None:
                return f"{part.name} ended with status {part.process.returncode}"
        return None

    def _describe(self, state: world.World, port: int) -> dict[str, str]:
        origin = f"http://{processes.HOST}:{port}"
        return {
            "CLOUDFLARE_BASE_URL": f"{origin}{BASE}",
            "CLOUDFLARE_API_TOKEN": state.credentials.token,
            "SANDBOX_CONTROL_URL": f"{origin}/sandbox",
            "SANDBOX_PID": str(os.getpid()),
            "SANDBOX_ZONE_ID": state.zone_id,
            "SANDBOX_OTHER_ZONE_ID": state.other_zone_id,
            "SANDBOX_ACCOUNT_ID": state.account_id,
            "SANDBOX_API_EMAIL": state.credentials.email,
            "SANDBOX_API_KEY": state.credentials.key,
            **{name: value for part in self._parts for name, value in part.environment.items()},
            **_past_proxies(),
        }


@contextlib.contextmanager
def running() -> t.Iterator[Sandbox]:
    """A sandbox that runs as long as the context."""
    sandbox = Sandbox()
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.stop()


def _past_proxies() -> dict[str, str]:
    """A proxy of the user's must not be asked for loopback addresses."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return {}
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join(part for part in (known, processes.HOST, "localhost") if part)
    return {"no_proxy": value, "NO_PROXY": value}


def _directory() -> Path:
    parent = tempfile.gettempdir()
    parent = parent if len(parent) <= _SOCKET_PATH_LIMIT else "/tmp"
    return Path(tempfile.mkdtemp(prefix="cloudflare-sandbox-", dir=parent))


def _log_to(path: Path) -> None:
    handler = logging.FileHandler(path)
    for name in ("cheroot", *gcs.LOGGERS):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
