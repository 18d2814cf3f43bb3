# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox for all tests."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from e2e.playbooks import World
from sandbox.server import Sandbox


@pytest.fixture(scope="session", name="sandbox")
def fixture_sandbox() -> t.Iterator[Sandbox]:
    """Start one sandbox for all runs."""
    sandbox = Sandbox()
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.stop()


@pytest.fixture(name="world")
def fixture_world(sandbox: Sandbox, tmp_path: Path) -> World:
    """Return a sandbox in which nothing has happened yet."""
    world = World(sandbox.environment, tmp_path / "ansible.log")
    world.reset()
    return world
