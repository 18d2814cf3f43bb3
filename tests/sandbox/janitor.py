# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cleans up after the sandbox, however that ends.

A small shell waits on a pipe that only the sandbox holds. When the sandbox ends, killed or not,
the pipe closes; then the shell kills the servers and removes the files that it was told of.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_SCRIPT = """
pids=
while read -r kind value; do
  case $kind in
    pid) pids="$pids $value" ;;
    path) set -- "$@" "$value" ;;
  esac
done
if [ -n "$pids" ]; then
  kill -9 $pids 2>/dev/null
  # What was being written at that moment shall be removed too.
  sleep 0.1
fi
for _ in 1 2 3 4 5; do
  rm -rf -- "$@" 2>/dev/null && break
  sleep 0.2
done
"""


class Janitor:
    """Holds the pipe; ``clean`` is what happens by itself when this process dies."""

    def __init__(self) -> None:
        # A session of its own, so that Ctrl-C in a terminal does not reach it.
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["/bin/sh", "-c", _SCRIPT, "sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def kill_later(self, pid: int) -> None:
        """Name a process to be killed."""
        self._tell(f"pid {pid}")

    def remove_later(self, path: Path) -> None:
        """Name a file or a folder to be removed."""
        self._tell(f"path {path}")

    def clean(self) -> None:
        """Kill and remove now; waits at most five seconds."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
