# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line for each step of a preparation; the noise of the tools goes to log files."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from .paths import LOGS, ROOT


def say(text: str) -> None:
    """Print a line at once, also where the output is no terminal."""
    print(text, flush=True)


def run_logged(name: str, command: list[str], env: dict[str, str], cwd: Path = ROOT) -> None:
    """Run a command whose output only matters when it fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    with log.open("w") as stream:
        status = subprocess.run(
            command, cwd=cwd, env=env, stdout=stream, stderr=subprocess.STDOUT, check=False
        ).returncode
    if status:
        sys.stderr.write(log.read_text(errors="replace"))
        raise SystemExit(f"This failed with status {status}: {' '.join(command)}")


class Step:
    """Says what is being done, and how long it took once it is done."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.monotonic()
        say(f"  {self._text} ...")

    def __exit__(self, *exc_info: object) -> None:
        if exc_info[0] is None:
            say(f"    done in {time.monotonic() - self._start:.0f} s")
