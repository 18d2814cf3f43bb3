# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox of one session: a process of its own, so that what it takes is not counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from .plan import Policy

_START = 60.0  # seconds
# Whose zones they are: all that an inventory is to find, and no other.
ACCOUNT = {"id": "be" * 16, "name": "benchmark"}


class Place:
    """Starts the sandbox with zones; ``environment`` leads there."""

    def __init__(self, folder: Path, zones: int) -> None:
        said = folder / "environment.json"
        said.unlink(missing_ok=True)
        command = [sys.executable, "-m", "sandbox", "serve", "--env-file", str(said)]
        command += ["--watch-pid", str(os.getpid())]
        with (folder / "sandbox.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self._open = build_opener(ProxyHandler({})).open
        try:
            self._wait_for(said)
            self.environment: dict[str, str] = json.loads(said.read_text(encoding="utf-8"))
            made = self._control("POST", "zones", {"count": zones, "account": ACCOUNT})
        except BaseException:
            self.stop()
            raise
        self.zone_ids: list[str] = [zone["id"] for zone in made]

    def prepare(self, policy: Policy, latency: int) -> None:
        """Forget what was; ``latency`` in milliseconds."""
        self._control("DELETE", "requests")
        self._control("DELETE", "jobs")
        self._control("PATCH", "settings", {"jobs_per_zone": "unlimited"})
        self._control("PUT", "latency", {"seconds": latency / 1000})
        # Counts anew, too.
        self._control("PUT", "rate_policy", {"quota": policy.quota, "window": policy.window})

    def requests(self) -> list[dict[str, Any]]:
        """Return all requests since, refused ones too."""
        return list(self._control("GET", "requests"))

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs that are there."""
        return list(self._control("GET", "jobs"))

    def stop(self) -> None:
        """End it, and wait until it has cleaned up."""
        self._process.terminate()
        self._process.wait()

    def _wait_for(self, said: Path) -> None:
        until = time.monotonic() + _START
        while not said.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"The sandbox did not start; see {said.parent / 'sandbox.log'}")
            time.sleep(0.1)

    def _control(self, method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode("ascii")
        request = Request(
            f"{self.environment['SANDBOX_CONTROL_URL']}/{path}", data=content, method=method
        )
        with self._open(request) as answer:
            said = answer.read()
        return json.loads(said) if said else None
