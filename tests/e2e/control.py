# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control API of a sandbox."""

from __future__ import annotations

import typing as t

import requests


class Control:
    """A client of the control API; ``environment`` is that of the sandbox."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.zone_id = environment["SANDBOX_ZONE_ID"]
        self._control = environment["SANDBOX_CONTROL_URL"]
        self._session = requests.Session()
        self._session.trust_env = False

    def control(self, method: str, path: str, body: object = None) -> t.Any:
        """Send a request to the control API; returns its JSON."""
        answer = self._session.request(method, f"{self._control}/{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def reset(self) -> None:
        """Reset the sandbox, and lift the limit of jobs."""
        self.control("POST", "reset")
        # More jobs than Cloudflare accepts for a zone.
        self.control("PATCH", "settings", {"jobs_per_zone": "unlimited"})

    def requests(self) -> list[dict[str, t.Any]]:
        """Return what was requested."""
        return list(self.control("GET", "requests"))

    def jobs(self) -> list[dict[str, t.Any]]:
        """Return all jobs as the sandbox keeps them."""
        return list(self.control("GET", "jobs"))
