# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox for all tests, in which nothing has happened yet."""

from __future__ import annotations

import typing as t

import pytest
import requests

from sandbox.server import Sandbox

from .settings import Settings


class Control:
    """The control endpoints of a sandbox."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.settings = Settings.for_sandbox(environment)
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, method: str, path: str, body: object = None) -> t.Any:
        """Send a request to one of them."""
        url = f"{self.environment['SANDBOX_CONTROL_URL']}/{path}"
        response = self._session.request(method, url, json=body, timeout=30)
        response.raise_for_status()
        return response.json() if response.content else None


@pytest.fixture(scope="session", name="sandbox")
def fixture_sandbox() -> t.Iterator[Sandbox]:
    """Start one sandbox for all runs."""
    sandbox = Sandbox()
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.stop()


@pytest.fixture(name="control")
def fixture_control(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Control:
    """Return the control of a sandbox without jobs, whose bucket is read with the environment."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    control = Control(sandbox.environment)
    control("POST", "reset")
    return control
