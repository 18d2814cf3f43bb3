# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds Python interpreters that really run: a version manager's shim is no proof."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .paths import user_home

_CHECK = "import sys, venv; print('%d.%d' % sys.version_info[:2])"


@functools.cache
def find(version: str) -> str | None:
    """The path of a working interpreter of this version (`3.11`), if there is one."""
    if sys.version_info[:2] == tuple(int(part) for part in version.split(".")):
        return sys.executable
    return next((str(path) for path in _candidates(version) if _runs(path, version)), None)


def find_first(versions: tuple[str, ...]) -> tuple[str, str] | None:
    """The first of these versions that is here, and its interpreter."""
    for version in versions:
        path = find(version)
        if path:
            return version, path
    return None


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    yield from (Path(folder) / name for folder in os.get_exec_path())
    home = user_home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    for folder, pattern in ((pyenv, f"{version}.*"), (uv, f"cpython-{version}.*")):
        yield from sorted(folder.glob(f"{pattern}/bin/{name}"), reverse=True)


def _runs(path: Path, version: str) -> bool:
    if not os.access(path, os.X_OK):
        return False
    command = [str(path), "-I", "-c", _CHECK]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == version
