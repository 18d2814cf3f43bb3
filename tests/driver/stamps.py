# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remembers by content what has been set up, so that a second run need not do it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from .paths import STAMPS


def digest(texts: Iterable[str] = (), files: Iterable[Path] = ()) -> str:
    """One value for all of these texts and files."""
    result = hashlib.sha256()
    for text in texts:
        result.update(text.encode() + b"\0")
    for path in files:
        result.update(path.read_bytes() if path.is_file() else b"-")
        result.update(b"\0")
    return result.hexdigest()


def is_current(name: str, value: str) -> bool:
    """Whether what bears this name was set up from the same content."""
    path = STAMPS / name
    return path.is_file() and path.read_text() == value


def write(name: str, value: str) -> None:
    """Say that what bears this name is set up."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(value)


def remove(name: str) -> None:
    """Say that what bears this name is not set up."""
    (STAMPS / name).unlink(missing_ok=True)
