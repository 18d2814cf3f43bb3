# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where it is measured, and what of: machine, versions, and the files that matter."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

from driver import stamps, tree
from driver.paths import ROOT

from .records import Json

_PACKAGES = ("ansible-core", "requests", "urllib3", "cloudflare", "httpx")
# What runs. What only renders may change without anything having to be measured anew.
_FOLDERS = ("playbooks", "plugins", "tests/sandbox", "tests/benchmark/plays")
_FILES = ("script_sdk.py", "ways.py", "inputs.py", "launch.py", "callbacks/answers.py")


def look() -> Json:
    """Return what is shown of it, and a digest of the files."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    return {
        "shown": {
            "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory():.0f} GiB of memory",
            "system": _system(),
            "versions": f"Python {platform.python_version()}, {', '.join(versions)}",
            "curl": _curl(),
        },
        "digest": stamps.digest(files=_measured_files()),
    }


def _measured_files() -> list[Path]:
    folders = [ROOT / each for each in _FOLDERS]
    named = [ROOT / "tests" / "benchmark" / each for each in _FILES]
    inside = [path for path in tree.files() if any(each in path.parents for each in folders)]
    return sorted({*inside, *named})


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _system() -> str:
    for line in _lines("/etc/os-release"):
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _curl() -> str:
    if shutil.which("curl") is None:
        return "not there, so its rows are left out"
    done = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split()[1:2])
