# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's version, in each of the files that name it."""

from __future__ import annotations

import re
from pathlib import Path

_NUMBER = r"(\d+\.\d+\.\d+)"
# What somebody sets for a release, and what antsibull-changelog then writes.
_SET = {
    "galaxy.yml": rf"^version: {_NUMBER}$",
    "plugins/module_utils/_version.py": rf'^VERSION = "{_NUMBER}"$',
    "docs/awx/execution-environment.yml": rf"^        version: {_NUMBER}$",
    "docs/awx/execution-environment-aap.yml": rf"^        version: {_NUMBER}$",
}
_WRITTEN = {
    "changelogs/changelog.yaml": rf"^  {_NUMBER}:$",
    "CHANGELOG.md": rf"^## v{_NUMBER}$",
}
# An archive has this instead of galaxy.yml.
_BUILT = {"MANIFEST.json": rf'^  "version": "{_NUMBER}",$'}


class Disagreement(Exception):
    """The files do not name one version."""


def current(checkout: Path) -> str:
    """The version that is set, by hand."""
    return _agreed(checkout, _SET)


def released(checkout: Path) -> str:
    """The newest version in the changelog."""
    return _agreed(checkout, _WRITTEN)


def installed(collection: Path) -> str:
    """The version of what was built and installed: here all files have to agree."""
    set_there = {name: pattern for name, pattern in _SET.items() if name != "galaxy.yml"}
    return _agreed(collection, {**_BUILT, **set_there, **_WRITTEN})


def upcoming(checkout: Path) -> str:
    """The version to release next: the one that is set, or the one that follows the last one.

    antsibull-changelog would add the changes to the last release, if that is still the one set.
    """
    now, last = current(checkout), released(checkout)
    if _key(now) < _key(last):
        raise Disagreement(f"galaxy.yml has {now}, which is older than {last} in the changelog.")
    if now != last:
        return now
    major, minor, _patch = _key(last)
    return f"{major}.{minor + 1}.0"


def change(checkout: Path, version: str) -> None:
    """Set this version wherever it is set by hand."""
    for name, pattern in _SET.items():
        path = checkout / name
        text = path.read_text("utf-8")
        found = re.search(pattern, text, re.MULTILINE)
        if found is None:
            raise Disagreement(f"{name} names no version.")
        path.write_text(text[: found.start(1)] + version + text[found.end(1) :], "utf-8")


def _agreed(folder: Path, patterns: dict[str, str]) -> str:
    named = {name: _newest(folder / name, pattern) for name, pattern in patterns.items()}
    if len(set(named.values())) != 1:
        listed = ", ".join(f"{version} in {name}" for name, version in named.items())
        raise Disagreement(f"The versions differ: {listed}.")
    return next(iter(named.values()))


def _newest(path: Path, pattern: str) -> str:
    # In Markdown, antsibull-changelog escapes what it can.
    text = path.read_text("utf-8").replace("\\", "")
    return max(re.findall(pattern, text, re.MULTILINE), key=_key, default="none")


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
