# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings and fixtures of all unit tests."""

from __future__ import annotations

import gc
import os
import threading
import time
import typing as t

import pytest

# Set by `make explore`.
EXPLORED = "EXPLORE_EXAMPLES" in os.environ
# All other variables are removed: the user's credentials, proxies and certificates, and whatever
# Ansible and requests would search again for each test.
KEPT_VARIABLES = {"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR"}
KEPT_PREFIXES = ("ANSIBLE_", "COV", "EDGEOPS_", "EXPLORE_", "LC_", "PYTEST_", "PYTHON")


@pytest.fixture(autouse=True, scope="session")
def no_variables_of_the_user() -> t.Iterator[None]:
    """Keep the environment of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in list(os.environ):
            if name not in KEPT_VARIABLES and not name.startswith(KEPT_PREFIXES):
                monkeypatch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def no_thread_is_left() -> t.Iterator[None]:
    """Fail where a thread outlives its test: it would meet what another test replaces."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    for thread in left:
        while thread.ident is None:
            time.sleep(0.001)  # It is about to start.
        thread.join(30)
    assert not any(thread.is_alive() for thread in left), left


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers: that of pytest-cov too, which is loaded where coverage is measured."""
    config.addinivalue_line("markers", "explore: run by `make explore`, not by `make test`")
    config.addinivalue_line("markers", "no_cover: without coverage, which would double its time")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make explore` runs."""
    left_out = [] if EXPLORED else [item for item in items if item.get_closest_marker("explore")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("explore")]


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what was imported, a hundred times as much as a test."""
    gc.freeze()
