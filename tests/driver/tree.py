# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of the checkout, at the path that Ansible wants a collection to have."""

from __future__ import annotations

import fnmatch
import shutil
from pathlib import Path

from .paths import ROOT, TREES


def copy(name: str, collections: Path | None = None) -> Path:
    """Copy the checkout to …/ansible_collections/edgeops/cloudflare, and return that path.

    Copied is what git does not ignore; git itself is not needed. The other collections, where
    they are given, are linked into the same ansible_collections folder.
    """
    root = TREES / name / "ansible_collections"
    target = root / "edgeops" / "cloudflare"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ROOT, target, ignore=_Ignored(ROOT / ".gitignore"), symlinks=True)
    if collections:
        _link_collections(collections, root)
    return target


def link() -> Path:
    """A folder to put on Python's path, in which ansible_collections leads to the checkout."""
    place = TREES / "link" / "ansible_collections" / "edgeops" / "cloudflare"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink() or place.resolve() != ROOT.resolve():
        place.unlink(missing_ok=True)
        place.symlink_to(ROOT)
    return TREES / "link"


def files() -> list[Path]:
    """All files that a copy would have."""
    ignored = _Ignored(ROOT / ".gitignore")
    return sorted(_walk(ROOT, ignored))


def _walk(folder: Path, ignored: _Ignored) -> list[Path]:
    names = [path.name for path in folder.iterdir()]
    left_out = ignored(str(folder), names)
    found: list[Path] = []
    for name in set(names) - left_out:
        path = folder / name
        found += _walk(path, ignored) if path.is_dir() else [path]
    return found


def _link_collections(collections: Path, root: Path) -> None:
    for source in (collections / "ansible_collections").glob("*/*"):
        place = root / source.parent.name / source.name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(source)


class _Ignored:
    """Says which names in a folder .gitignore leaves out: the simple patterns that it has."""

    def __init__(self, gitignore: Path) -> None:
        lines = (line.strip() for line in gitignore.read_text().splitlines())
        patterns = [line for line in lines if line and not line.startswith("#")]
        self._anchored = {line.strip("/") for line in patterns if line.startswith("/")}
        self._names = {line.strip("/") for line in patterns if not line.startswith("/")} | {".git"}

    def __call__(self, folder: str, names: list[str]) -> set[str]:
        relative = Path(folder).relative_to(ROOT)
        return {name for name in names if self._is_ignored(relative / name)}

    def _is_ignored(self, path: Path) -> bool:
        return any(fnmatch.fnmatch(path.name, pattern) for pattern in self._names) or any(
            fnmatch.fnmatch(str(path), pattern) for pattern in self._anchored
        )
