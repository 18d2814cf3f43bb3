# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of the checkout, at the path that Ansible wants a collection to have."""

from __future__ import annotations

import shutil
from pathlib import Path

from .paths import ROOT, TREES

_PLACE = Path("ansible_collections", "edgeops", "cloudflare")
# What .gitignore has. Git itself is not needed.
_IGNORED = shutil.ignore_patterns(
    *(".git", ".cache", ".nox", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.pyc"),
    *("output", ".plugin-cache.yaml", "*.tar.gz", "contract-report.md", "integration_config.yml"),
)


def copy(name: str, collections: str = "") -> Path:
    """Copy the checkout to …/ansible_collections/edgeops/cloudflare, and return that path.

    The other collections on this path are linked into the same folder.
    """
    root = TREES / name
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ROOT, root / _PLACE, ignore=_IGNORED, symlinks=True)
    for folder in filter(None, collections.split(":")):
        for source in Path(folder).glob("ansible_collections/*/*"):
            place = root / source.relative_to(folder)
            place.parent.mkdir(exist_ok=True)
            if not place.is_symlink():
                place.symlink_to(source)
    return root / _PLACE


def link() -> Path:
    """Return a folder for Python's path, in which ansible_collections leads to the checkout."""
    place = TREES / "link" / _PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink() or place.resolve() != ROOT.resolve():
        place.unlink(missing_ok=True)
        place.symlink_to(ROOT)
    return TREES / "link"
