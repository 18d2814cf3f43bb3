# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one command takes: wall time, processor time, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
LONGEST = 3600.0  # seconds; what takes longer hangs
# Linux tells a process's peak in KiB, macOS in bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Usage:
    """``wall`` and ``cpu`` are in seconds, of the command and all that it started.

    ``memory`` (bytes) is the peak of the largest process among them.
    """

    status: int
    wall: float
    cpu: float
    memory: int


def run(command: list[str], env: dict[str, str], folder: Path, longest: float = LONGEST) -> Usage:
    """Run a command in a folder, where its output goes to the file ``output``."""
    report = folder / "usage"
    report.unlink(missing_ok=True)
    launched = [sys.executable, "-I", "-S", str(LAUNCHER), str(report), *command]
    with (
        (folder / "output").open("wb") as output,
        subprocess.Popen(
            launched,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C comes here alone, and all of it is ended from here.
            start_new_session=True,
        ) as process,
    ):
        try:
            process.wait(longest)
        except BaseException:
            for pid in family(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise
    status, wall, cpu, memory = report.read_text(encoding="ascii").split()
    return Usage(int(status), float(wall), float(cpu), int(memory) * _UNIT)


def family(pid: int) -> list[int]:
    """Return a process and all that come from it, where the system tells it by /proc.

    Ansible's workers are in sessions of their own, so neither session nor group tells them.
    """
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state_and_parent = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(state_and_parent[1])
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found
