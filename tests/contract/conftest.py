# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox for all tests, in which nothing has happened yet."""

from __future__ import annotations

import typing as t

import pytest
import requests

from sandbox.server import Sandbox

from .api import Api
from .settings import Settings


class Control:
    """The control endpoints of a sandbox."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.settings = Settings.for_sandbox(environment)
        self._session = requests.Session()
        self._session.trust_env = False
        self._apis: dict[Settings, Api] = {}

    def __call__(self, method: str, path: str, body: object = None) -> t.Any:
        """Send a request to one of them."""
        url = f"{self.environment['SANDBOX_CONTROL_URL']}/{path}"
        response = self._session.request(method, url, json=body, timeout=30)
        response.raise_for_status()
        return response.json() if response.content else None

    def api(self, settings: Settings | None = None) -> Api:
        """The API of these settings; the same object each time, since S3 clients take long."""
        settings = settings or self.settings
        if settings not in self._apis:
            self._apis[settings] = Api(settings)
        return self._apis[settings]


@pytest.fixture(scope="package", name="running")
def fixture_running() -> t.Iterator[Control]:
    """Start one sandbox for all tests here, whose bucket is read with the environment."""
    sandbox = Sandbox()
    try:
        sandbox.start()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in sandbox.environment.items():
                patch.setenv(name, value)
            yield Control(sandbox.environment)
    finally:
        sandbox.stop()


@pytest.fixture(name="control")
def fixture_control(running: Control) -> Control:
    """Return the control of a sandbox without jobs."""
    running("POST", "reset")
    return running
