# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the archive of the collection has to hold, and what it must not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

# What users call, each file of it.
PUBLISHED = ("meta", "playbooks", "plugins")
# Its documentation and what it needs; and its tests, so that whoever packages it can run them.
_BESIDE = {
    "changelogs",
    "docs",
    "tests",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "LICENSES",
    "README.md",
    "SECURITY.md",
    "requirements-stores.txt",
    "requirements.txt",
    "requirements.yml",
}
# Written by ansible-galaxy.
_ADDED = {"FILES.json", "MANIFEST.json"}
# What tools leave behind.
_MADE = ("*.pyc", "*.gz", "*.log", "*.orig", "*.rej", "*.retry", "*.swp", "*.zip", "*~")
_MADE_FOLDERS = {"__pycache__", "output"}


def strange(names: Iterable[str]) -> list[str]:
    """The files that do not belong into the archive."""
    return sorted(name for name in names if not _belongs(PurePosixPath(name)))


def lacking(names: Iterable[str], files: Iterable[str]) -> list[str]:
    """The files of these, of the checkout, that users would miss in the archive."""
    needed = {name for name in files if PurePosixPath(name).parts[0] in PUBLISHED}
    return sorted(needed.difference(names))


def contents(names: Iterable[str]) -> str:
    """How many files there are in each folder."""
    counts = Counter(f"{parts[0]}/" for parts in _all_parts(names) if len(parts) > 1)
    alone = sorted(parts[0] for parts in _all_parts(names) if len(parts) == 1)
    return ", ".join([*(f"{name} {count}" for name, count in sorted(counts.items())), *alone])


def _all_parts(names: Iterable[str]) -> list[tuple[str, ...]]:
    return [PurePosixPath(name).parts for name in names]


def _belongs(path: PurePosixPath) -> bool:
    return (
        path.parts[0] in {*PUBLISHED, *_BESIDE, *_ADDED}
        and not any(part.startswith(".") for part in path.parts)
        and not _MADE_FOLDERS.intersection(path.parts)
        and not any(path.match(pattern) for pattern in _MADE)
    )
