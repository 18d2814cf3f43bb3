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
_READY_LIMIT = 30.0  # seconds
_LINES = 15
_T = TypeVar("_T")


class StartError(Exception):
    """A server did not start; the text says why."""


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; held together first, so that all are different."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server((HOST, 0))) for _turn in range(count)]
        return [each.getsockname()[1] for each in taken]


def is_alive(pid: int) -> bool:
    """Whether there is a process of this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Child(subprocess.Popen[bytes]):
    """A server in a folder of its own, where its output goes too."""

    def __init__(
        self, command: list[str], directory: Path, variables: dict[str, str], janitor: Janitor
    ) -> None:
        """Start it; it ends when the janitor cleans."""
        # A bare environment: no proxy, no configuration of the user's.
        bare = {"HOME": str(directory), "PATH": os.environ.get("PATH", os.defpath)}
        self.log = directory / "log"
        with self.log.open("wb") as log:
            super().__init__(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=bare | variables,
                start_new_session=True,
            )
        janitor.kill_later(self.pid)

    def wait_until(self, action: Callable[[], _T]) -> _T:
        """Repeat an action until it succeeds; ``StartError`` if the server never lets it.

        The error has the end of its output, and then it does not run any more.
        """
        deadline = time.monotonic() + _READY_LIMIT
        while True:
            try:
                return action()
            except Exception as error:  # pylint: disable=broad-exception-caught
                status = self.poll()
                if status is not None or time.monotonic() > deadline:
                    self.kill()
                    self.wait()
                    why = f"no answer: {error}" if status is None else f"it ended with {status}"
                    said = self.log.read_text("utf-8", "replace").splitlines()[-_LINES:]
                    text = "\n".join([f"{self.log.parent.name}: {why}", *said])
                    raise StartError(text) from error
            time.sleep(0.05)
