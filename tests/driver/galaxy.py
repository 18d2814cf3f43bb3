# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other collections, from the `ansible` package of the Python package index.

That package carries a release of each of them that fits its ansible-core, and is available
wherever pip works. So Galaxy is not needed, and all machines test the same versions.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from . import environment
from .paths import CACHE, COLLECTIONS
from .steps import run_logged

# The first two read stores, the third prints results as JSON, the last one sets up AWX.
NEEDED = ("amazon.aws", "google.cloud", "ansible.posix", "awx.awx")
# Releases after this one are without it.
_LAST_RELEASE = {"awx.awx": "12"}
# Their tests and documentation are not needed.
_LEFT_OUT = {"changelogs", "docs", "tests", ".azure-pipelines", ".github"}


def folder(release: str) -> Path:
    """The folder that holds `ansible_collections` of this release of the `ansible` package."""
    return COLLECTIONS / release


def is_there(release: str) -> bool:
    """Whether the collections of this release are there already."""
    return not _missing(folder(release))


def ensure(release: str, python: Path) -> Path:
    """Download and unpack them if need be; returns their folder.

    `python` is an interpreter that has pip.
    """
    target = folder(release)
    if is_there(release):
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="ansible-wheel-") as temporary:
        unpacked = Path(temporary) / "unpacked"
        _unpack(_download(release, Path(temporary), python), unpacked, NEEDED)
        for name in _missing(unpacked):
            wheel = _download(_LAST_RELEASE[name], Path(temporary) / name, python)
            _unpack(wheel, unpacked, [name])
        # Moved as a whole, so that an interrupted run leaves no half of it.
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        unpacked.rename(target)
    return target


def _missing(collections: Path) -> list[str]:
    found = collections / "ansible_collections"
    return [name for name in NEEDED if not found.joinpath(*name.split(".")).is_dir()]


def _download(release: str, target: Path, python: Path) -> Path:
    command = [str(python), "-m", "pip", "download", "--no-deps", "--no-cache-dir"]
    # The collections are only unpacked: it does not matter whether they run on this Python.
    command += ["--only-binary=:all:", "--ignore-requires-python", "--dest", str(target)]
    command += [f"ansible=={release}.*"]
    run_logged(f"ansible-{release}-download", command, environment.clean())
    return next(target.glob("ansible-*.whl"))


def _unpack(wheel: Path, target: Path, names: Iterable[str]) -> None:
    wanted = {("ansible_collections", *name.split(".")) for name in names}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            parts = PurePosixPath(member).parts
            if parts[:3] in wanted and not _LEFT_OUT.intersection(parts[3:4]):
                archive.extract(member, target)
