# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of the checkout, at the path that Ansible wants a collection to have."""

from __future__ import annotations

import shutil
from pathlib import Path

from .paths import ROOT, TREES

# What .gitignore has. Git itself is not needed.
_IGNORED = shutil.ignore_patterns(
    *(".git", ".cache", ".nox", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.pyc"),
    *("output", ".plugin-cache.yaml", "*.tar.gz", "contract-report.md", "integration_config.yml"),
)


def copy(name: str, collections: Path | None = None) -> Path:
    """Copy the checkout to …/ansible_collections/edgeops/cloudflare, and return that path.

    The other collections, where they are given, are linked into the same folder.
    """
    root = TREES / name / "ansible_collections"
    target = root / "edgeops" / "cloudflare"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ROOT, target, ignore=_IGNORED, symlinks=True)
    for source in (collections / "ansible_collections").glob("*/*") if collections else ():
        place = root / source.parent.name / source.name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(source)
    return target


def link() -> Path:
    """Return a folder for Python's path, in which ansible_collections leads to the checkout."""
    place = TREES / "link" / "ansible_collections" / "edgeops" / "cloudflare"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink() or place.resolve() != ROOT.resolve():
        place.unlink(missing_ok=True)
        place.symlink_to(ROOT)
    return TREES / "link"


def packages() -> Path:
    """Copy the plugins so that each folder is a package with a file in it, as import-linter wants.

    Ansible needs no such files, and has none.
    """
    plugins = TREES / "imports" / "ansible_collections" / "edgeops" / "cloudflare" / "plugins"
    shutil.rmtree(TREES / "imports", ignore_errors=True)
    shutil.copytree(ROOT / "plugins", plugins, ignore=_IGNORED)
    for folder in (*plugins.parents[:3], plugins, *plugins.rglob("*/")):
        if folder.is_dir():
            (folder / "__init__.py").touch()
    return TREES / "imports"
