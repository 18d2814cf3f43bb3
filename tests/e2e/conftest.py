# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox for all tests of a process; what `make explore` runs and `make test` does not."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from e2e.playbooks import World
from e2e.warm_ansible import Runner, warm_ansible
from e2e.warm_python import warm_python
from sandbox.server import Sandbox, running

# `make explore` sets it: how many examples to try. Without it a sample runs of what takes long.
EXPLORED = int(os.environ.get("EXPLORE_EXAMPLES", "0"))
EXPLORE = "explore"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of tests that take long and show a further case of what others show."""
    config.addinivalue_line("markers", f"{EXPLORE}: run by `make explore`, not by `make test`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make explore` runs."""
    left_out = [] if EXPLORED else [item for item in items if item.get_closest_marker(EXPLORE)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", name="sandbox")
def fixture_sandbox() -> t.Iterator[Sandbox]:
    """Start one sandbox for all runs."""
    with running() as sandbox:
        yield sandbox


@pytest.fixture(scope="session", name="interpreter")
def fixture_interpreter() -> t.Iterator[str]:
    """Start one interpreter for the modules of all plays."""
    with warm_python() as interpreter:
        yield interpreter


@pytest.fixture(scope="session", name="ansible")
def fixture_ansible() -> t.Iterator[Runner]:
    """Return what runs Ansible's programs."""
    with warm_ansible() as runner:
        yield runner


@pytest.fixture(scope="session", name="log")
def fixture_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file in which Ansible logs; it is a setting, and so the same for all runs."""
    return tmp_path_factory.mktemp("log") / "ansible.log"


@pytest.fixture(name="world")
def fixture_world(
    sandbox: Sandbox, interpreter: str, ansible: Runner, log: Path, tmp_path: Path
) -> World:
    """Return a sandbox in which nothing has happened yet."""
    log.write_text("", encoding="utf-8")
    world = World(sandbox.environment, tmp_path, log, interpreter, ansible)
    world.reset()
    return world
