# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual environments of the driver's own: nox in one, the demo in another."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from . import environment, stamps
from .paths import WORK
from .steps import Step, run_logged


def ensure(
    path: Path,
    what: str,
    packages: list[str],
    requirements: list[Path],
    python: str = sys.executable,
) -> Path:
    """Make the environment unless it is there and up to date; returns its folder of programs."""
    programs = path / "bin"
    name = "-".join(path.relative_to(WORK).parts)
    value = stamps.digest([sys.version, python, str(path), *packages], requirements)
    if stamps.is_current(name, value) and (programs / "python").exists():
        return programs
    stamps.remove(name)
    shutil.rmtree(path, ignore_errors=True)
    env = environment.clean()
    with Step(f"Preparing {what}"):
        run_logged(f"{name}-create", [python, "-m", "venv", str(path)], env)
        command = [str(programs / "python"), "-m", "pip", "install", *packages]
        for file in requirements:
            command += ["-r", str(file)]
        run_logged(f"{name}-install", command, env)
    stamps.write(name, value)
    return programs
