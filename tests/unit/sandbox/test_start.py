# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All stores together: what the environment says of them, and that none is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

for needed in ("flask", "jwt", "botocore", "requests"):
    pytest.importorskip(needed, reason=f"the sandbox needs {needed}")

from sandbox import azurite, cli, moto_server, s3_server, seaweedfs, stores
from sandbox.azure import AzureStore
from sandbox.azurite import Azurite
from sandbox.background import alive
from sandbox.janitor import Janitor
from sandbox.processes import S3Server, StartError
from sandbox.server import Sandbox
from sandbox.store import S3Store

TESTS = Path(cli.__file__).parents[1]


@pytest.fixture(name="ended")
def fixture_ended(monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[bytes]:
    """Take the place of the S3 server: a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    server = S3Server(process, "http://127.0.0.1:9", "access", "secret", "S3")
    store = S3Store(server.endpoint, "access", "secret")
    monkeypatch.setattr(s3_server, "start", lambda *_given: (server, store))
    return process


def fail(*_given: object) -> Any:
    """Start nothing."""
    raise StartError("it is not here")


@pytest.mark.usefixtures("ended")
def test_without_the_emulators_the_environment_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azurite, "start", fail)
    monkeypatch.setattr(stores, "GcsServer", fail)
    janitor = Janitor()
    parts = stores.start(tmp_path, janitor)
    janitor.clean()
    environment = {name: value for part in parts for name, value in part.environment.items()}
    assert {scheme for part in parts for scheme in part.stores} == {"s3", "sumo"}
    assert environment["SANDBOX_AZURE"] == environment["SANDBOX_GCS"] == "it is not here"
    assert not [name for name in environment if name.startswith(("SANDBOX_AZURE_", "GCP_"))]
    assert "STORAGE_EMULATOR_HOST" not in environment


@pytest.mark.usefixtures("ended")
def test_the_destinations_that_are_exported_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = AzureStore("account1", "a2V5", "http://127.0.0.1:9/account1")
    process = subprocess.Popen(["true"])
    process.wait()
    server = Azurite(process, "http://127.0.0.1:9/account1", store, "Azurite")
    monkeypatch.setattr(azurite, "start", lambda *_given: server)
    janitor = Janitor()
    parts = stores.start(tmp_path, janitor)
    janitor.clean()
    for part in parts:
        part.stop()
        for name, value in part.environment.items():
            if name.endswith("DESTINATION_CONF"):
                (served,) = part.stores.values()
                assert served.locate(value, "f.txt").key.endswith("f.txt")


@pytest.mark.usefixtures("ended")
def test_a_store_that_ends_by_itself_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azurite, "start", fail)
    sandbox = Sandbox()
    try:
        sandbox.start()
        assert sandbox.broken() == "the S3 server ended with status 0"
    finally:
        sandbox.stop()
    assert sandbox.broken() is None


def test_the_other_stores_are_reported_too() -> None:
    names = ("CLOUDFLARE_BASE_URL", "AWS_ENDPOINT_URL_S3", "SANDBOX_CONTROL_URL")
    environment = dict.fromkeys((*names, "SANDBOX_BUCKET", "SANDBOX_STORE"), "x")
    environment |= {"SANDBOX_GCS": "emulator", "SANDBOX_GCS_ENDPOINT": "http://127.0.0.1:9"}
    environment |= {"SANDBOX_AZURE": "it is not here"}
    lines = cli.describe(environment).splitlines()
    assert "Google Cloud Storage (emulator): http://127.0.0.1:9" in lines
    assert "No Azure Blob Storage: it is not here" in lines


def children(pid: int) -> set[int]:
    """The processes that a process has started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        # It may end between the look and the reading.
        with suppress(OSError):
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.add(int(path.parent.name))
    return found


def wait(condition: Any) -> None:
    """Wait until something holds, with a limit."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_nothing_is_left_behind(tmp_path: Path, number: int) -> None:
    if seaweedfs.find() is None and not moto_server.available():
        pytest.skip("there is no S3 server")
    place, told = tmp_path / "t", tmp_path / "environment.json"
    place.mkdir()
    env = os.environ | {"PYTHONPATH": str(TESTS), "TMPDIR": str(place)}
    command = [sys.executable, "-m", "sandbox", "serve", "--env-file", str(told)]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        wait(told.exists)
        environment = json.loads(told.read_text(encoding="utf-8"))
        started = children(process.pid)
        # The janitor, the S3 server, and Azurite where it is installed.
        assert len(started) == (3 if "SANDBOX_AZURE_ENDPOINT" in environment else 2)
        process.send_signal(number)
    wait(lambda: not any(alive(pid) for pid in started))
    assert not list(place.iterdir())
    assert not told.exists()
