# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox in the background, known by a folder that holds its lock, pid and environment.

The server holds the lock as long as it lives, so a pid that belongs to another process by now
is never taken for it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .processes import StartError

_START_LIMIT = 60.0  # seconds
_STOP_LIMIT = 10.0
_FILES = ("environment.json", "pid", "log", "lock")


@contextmanager
def lock(directory: Path | None) -> Iterator[None]:
    """Hold the lock of a state folder and leave the pid there; nothing to do without one."""
    if directory is None:
        yield
        return
    with (directory / "lock").open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (directory / "pid").write_text(str(os.getpid()), encoding="utf-8")
        yield


def environment(directory: Path) -> Path:
    """The file with the environment, which is there once the sandbox is ready."""
    return directory / "environment.json"


def start(directory: Path, watch_pid: int | None = None) -> str:
    """Start in the background and return the environment as JSON text, once it is ready.

    It stops when the process ``watch_pid`` is gone. One that runs there already is used.
    ``StartError`` holds the end of its output.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _running(directory):
        environment(directory).unlink(missing_ok=True)
        path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        watched = [] if watch_pid is None else ["--watch-pid", str(watch_pid)]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [
                    sys.executable,
                    "-m",
                    __package__,
                    "serve",
                    "--state-dir",
                    str(directory),
                    *watched,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)},
            )
        _wait_ready(process, directory)
    return environment(directory).read_text(encoding="utf-8").rstrip()


def _wait_ready(process: subprocess.Popen[bytes], directory: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while not environment(directory).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            raise StartError((directory / "log").read_text(encoding="utf-8", errors="replace"))
        time.sleep(0.05)


def stop(directory: Path) -> None:
    """Stop what runs there, if anything does, and remove its files."""
    deadline = time.monotonic() + _STOP_LIMIT
    number = signal.SIGTERM
    while _running(directory):
        # It may end between the look and the signal.
        with suppress(ProcessLookupError):
            os.kill(int((directory / "pid").read_text(encoding="utf-8")), number)
        time.sleep(0.1)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
    for name in _FILES:
        (directory / name).unlink(missing_ok=True)
    # It may not be there, or hold files of others.
    with suppress(OSError):
        directory.rmdir()


def _running(directory: Path) -> bool:
    try:
        with (directory / "lock").open("r+", encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
