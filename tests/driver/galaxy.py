# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other collections, from the package `ansible` of the Python package index.

That package carries a release of each of them that fits its ansible-core, and is available
wherever pip works. So Galaxy is not needed, and all machines test the same versions.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import environment
from .paths import CACHE, COLLECTIONS

# The first two read stores, the third looks up secrets, the fourth prints results as JSON, the last
# one sets up AWX.
NEEDED = ("amazon.aws", "google.cloud", "community.hashi_vault", "ansible.posix", "awx.awx")
# Releases after this one are without it.
_LAST_WITH_AWX = "12"
_LEFT_OUT = {"changelogs", "docs", "tests"}


def ensure(release: str) -> Path:
    """Download and unpack the collections of this release unless they are there.

    Returns the folder that has `ansible_collections`.
    """
    target = COLLECTIONS / release
    if all(_place(target, name).is_dir() for name in NEEDED):
        return target
    COLLECTIONS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="ansible-wheel-") as temporary:
        # It is only unpacked: it does not matter whether it runs on this Python.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-cache-dir", "--only-binary=:all:", "--ignore-requires-python"]
        command += ["--dest", temporary, f"ansible=={release}.*"]
        subprocess.run(command, env=environment.clean(), check=True)
        unpacked = Path(temporary) / "unpacked"
        with zipfile.ZipFile(next(Path(temporary).glob("*.whl"))) as wheel:
            wheel.extractall(unpacked, [name for name in wheel.namelist() if _is_needed(name)])
        if not _place(unpacked, "awx.awx").is_dir():
            awx = _place(ensure(_LAST_WITH_AWX), "awx.awx")
            shutil.copytree(awx, _place(unpacked, "awx.awx"))
        # Moved as a whole, so that an interrupted run leaves no half of it.
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)
    return target


def _place(folder: Path, name: str) -> Path:
    return folder.joinpath("ansible_collections", *name.split("."))


def _is_needed(name: str) -> bool:
    parts = name.split("/")
    return (
        parts[0] == "ansible_collections"
        and ".".join(parts[1:3]) in NEEDED
        and not _LEFT_OUT.intersection(parts[3:4])
    )
