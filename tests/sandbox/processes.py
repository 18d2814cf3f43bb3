# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers as child processes on loopback: free ports, a bare environment, a wait until ready."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from .janitor import Janitor

HOST = "127.0.0.1"
LOG = "log"
_READY_LIMIT = 30.0  # seconds
_T = TypeVar("_T")


class StartError(Exception):
    """A server did not start; the text says why."""


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; held together first, so that all are different."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server((HOST, 0))) for _turn in range(count)]
        return [each.getsockname()[1] for each in taken]


def spawn(
    command: list[str], directory: Path, variables: dict[str, str], janitor: Janitor
) -> subprocess.Popen[bytes]:
    """Start a server in a folder of its own, where its output goes too."""
    # A bare environment: no proxy, no configuration of the user's.
    bare = {"HOME": str(directory), "PATH": os.environ.get("PATH", os.defpath)}
    with (directory / LOG).open("wb") as log:
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=bare | variables,
            start_new_session=True,
        )
    janitor.kill_later(process.pid)
    return process


def wait_until(action: Callable[[], _T], process: subprocess.Popen[bytes]) -> _T:
    """Repeat an action until it succeeds; ``StartError`` if the server ends or never answers."""
    deadline = time.monotonic() + _READY_LIMIT
    while True:
        try:
            return action()
        except Exception as error:  # pylint: disable=broad-exception-caught
            if process.poll() is not None:
                raise StartError(f"the server ended with status {process.returncode}") from error
            if time.monotonic() > deadline:
                raise StartError(f"the server did not answer: {error}") from error
        time.sleep(0.05)


def tail(directory: Path, lines: int = 15) -> str:
    """The end of a server's output."""
    text = (directory / LOG).read_text(encoding="utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:])
