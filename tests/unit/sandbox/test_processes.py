# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting, stopping and cleaning up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox import background, cli, moto_server, s3_server, seaweedfs
from sandbox.janitor import Janitor
from sandbox.processes import StartError, free_ports, spawn, tail, wait_until


def sleeper() -> subprocess.Popen[bytes]:
    """A process that does nothing."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_the_janitor_kills_and_removes(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "file").touch()
    janitor = Janitor()
    process = sleeper()
    janitor.kill_later(process.pid)
    janitor.remove_later(folder)
    janitor.clean()
    assert process.wait(5) == -9
    assert not folder.exists()


def test_the_janitor_outlives_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    script = (
        "import os, pathlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from sandbox.janitor import Janitor\n"
        "janitor = Janitor()\n"
        "janitor.remove_later(pathlib.Path(sys.argv[2]))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    where = str(Path(cli.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", script, where, str(folder)], check=False)
    for _turn in range(100):
        if not folder.exists():
            break
        time.sleep(0.05)
    assert not folder.exists()


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_server_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    janitor = Janitor()
    command = [sys.executable, "-c", "print('because'); raise SystemExit(3)"]
    process = spawn(command, tmp_path, {}, janitor)

    def refuse() -> None:
        raise ConnectionRefusedError

    with pytest.raises(StartError, match="ended with status 3"):
        wait_until(refuse, process)
    assert tail(tmp_path) == "because"
    janitor.clean()


def test_a_server_gets_a_bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    janitor = Janitor()
    command = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    spawn(command, tmp_path, {"MINE": "1"}, janitor).wait()
    seen = json.loads(tail(tmp_path))
    assert (seen["MINE"], seen["HOME"]) == ("1", str(tmp_path))
    assert "HTTP_PROXY" not in seen
    janitor.clean()


def test_without_any_s3_server_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seaweedfs, "find", lambda: None)
    monkeypatch.setattr(moto_server, "available", lambda: False)
    janitor = Janitor()
    with pytest.raises(StartError, match=r"pip install -r tests/sandbox/requirements\.txt"):
        s3_server.start(tmp_path, janitor, "bucket")
    janitor.clean()


def test_alive_sees_through_a_zombie() -> None:
    process = sleeper()
    assert background.alive(process.pid)
    process.kill()
    if sys.platform == "linux":
        for _turn in range(100):
            if not background.alive(process.pid):
                break
            time.sleep(0.02)
        assert not background.alive(process.pid)
    process.wait()
    assert not background.alive(process.pid)


def test_stop_without_start_is_no_error(tmp_path: Path) -> None:
    assert cli.main(["stop", "--state-dir", str(tmp_path / "none")]) == 0


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    with background.lock(tmp_path):
        assert (tmp_path / "pid").read_text() == str(os.getpid())
        with pytest.raises(BlockingIOError), background.lock(tmp_path):
            pass
    with background.lock(tmp_path):
        pass


def test_run_wants_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--"]) == 2
    assert "no command given" in capsys.readouterr().err


def test_the_environment_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    cli.write_private(path, "{}")
    assert path.read_text() == "{}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_description_can_be_pasted_into_a_shell() -> None:
    names = ("CLOUDFLARE_BASE_URL", "AWS_ENDPOINT_URL_S3", "SANDBOX_CONTROL_URL")
    environment = dict.fromkeys((*names, "SANDBOX_BUCKET", "SANDBOX_STORE"), "a 'b' $c")
    lines = [text for text in cli.describe(environment).splitlines() if "export" in text]
    said = subprocess.run(
        ["/bin/sh", "-c", "\n".join([*lines, 'printf %s "$SANDBOX_STORE"'])],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "a 'b' $c"
