# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Object stores for the tests of plugins."""

from __future__ import annotations

import functools
import importlib.util
import typing as t
from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import challenge_file
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import Clock, StoreServer


@pytest.fixture(name="no_store_credentials")
def fixture_no_store_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide credentials in files and of the instance; no test sees those in variables."""
    monkeypatch.setenv("HOME", str(tmp_path))
    # No instance metadata.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@functools.cache
def _loader() -> t.Any:
    """Return what reads botocore's descriptions of AWS: once, for they take a fifth of a second."""
    from botocore import loaders

    return loaders.create_loader()


@pytest.fixture(name="store_server", scope="session")
def fixture_store_server() -> t.Iterator[StoreServer]:
    """Return the server of all stores."""
    server = StoreServer()
    yield server
    server.stop()


@pytest.fixture(name="store")
def fixture_store(
    store_server: StoreServer, no_store_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> t.Iterator[StoreServer]:
    """Return an object store in which nothing is."""
    if importlib.util.find_spec("botocore"):
        monkeypatch.setattr("botocore.session.create_loader", lambda _data_path: _loader())
    yield store_server
    store_server.reset()


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which challenge files are waited for."""
    clock = Clock()
    monkeypatch.setattr(challenge_file, "time", clock)
    return clock
