# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module costs before it does anything: what Ansible ships of it, and its imports."""

from __future__ import annotations

import base64
import io
import re
import statistics
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from .records import Json

OURS = "edgeops.cloudflare"
MODULES = (
    f"{OURS}.logpush_ownership",
    f"{OURS}.logpush_ownerships",
    f"{OURS}.logpush_job",
    f"{OURS}.logpush_jobs",
    "ansible.builtin.uri",
)
_REPEATS = 7
_SHOWN = 5

# The ZIP archive in what Ansible ships, as text.
_ARCHIVE = re.compile(r"[A-Za-z0-9+/]{1000,}={0,2}")
# Microseconds of its own, microseconds with what it imports itself, how deep, which.
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( *)(\S+)")


def look(folder: Path, env: dict[str, str]) -> list[Json]:
    """Return the figures of all modules; the imports are taken in turns."""
    payloads = {module: _payload(module, folder, env) for module in MODULES}
    archives = {module: _archive(text, folder / module) for module, text in payloads.items()}
    taken: dict[str, list[Counter[str]]] = {module: [] for module in MODULES}
    for _turn in range(_REPEATS):
        for module, path in archives.items():
            taken[module].append(parts(_timed_import(module, path), _full_name(module)))
    return [
        {"module": each, "shipped": len(payloads[each]), **_sizes(archives[each])}
        | summary(taken[each])
        for each in MODULES
    ]


def parts(report: str, module: str) -> Counter[str]:
    """Return the microseconds of a module's imports by what they are of.

    That is Python's own, or a package. ``report`` is what ``-X importtime`` prints; what Python
    imports to start with is left out.
    """
    found: Counter[str] = Counter()
    for own, name in _subtree(_IMPORT.findall(report), module):
        found[_part(name)] += own
    return found


def summary(turns: list[Counter[str]]) -> Json:
    """Return the medians over some turns, in milliseconds."""
    names = {name for turn in turns for name in turn}
    medians = {name: statistics.median(turn[name] for turn in turns) / 1000 for name in names}
    largest = sorted(medians.items(), key=lambda each: -each[1])[:_SHOWN]
    total = statistics.median(turn.total() for turn in turns) / 1000
    return {"imports": total, "largest": largest}


def _subtree(lines: Iterable[tuple[str, str, str, str]], module: str) -> Iterator[tuple[int, str]]:
    """Yield the import of a module and all below it, which are told before it."""
    below: list[tuple[int, str]] = []
    for own, _cumulative, indentation, name in lines:
        below.append((int(own), name))
        if name == module:
            break
        if len(indentation) <= 1:
            below = []
    yield from below


def _part(name: str) -> str:
    top, *rest = name.split(".")
    if top in sys.stdlib_module_names:
        return "Python's own"
    if name.startswith("ansible_collections."):
        return ".".join(rest[:2])
    return "ansible.module_utils" if top == "ansible" else top


def _payload(module: str, folder: Path, env: dict[str, str]) -> str:
    """Have the module run, without options, and return what was shipped for it."""
    kept = folder / "shipped"
    settings = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TMP": str(kept)}
    command = ["ansible", "localhost", "--connection", "local", "--module-name", module]
    # It fails for want of options; it was shipped all the same.
    subprocess.run(command, env=env | settings, capture_output=True, check=False)
    name = module.rpartition(".")[2]
    newest = max(kept.glob(f"*/AnsiballZ_{name}.py"), key=lambda path: path.stat().st_mtime)
    return newest.read_text(encoding="utf-8")


def _archive(payload: str, stem: Path) -> Path:
    path = stem.with_name(f"{stem.name}.zip")
    path.write_bytes(base64.b64decode(max(_ARCHIVE.findall(payload), key=len)))
    return path


def _sizes(archive: Path) -> Json:
    content = archive.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        return {"zipped": len(content), "files": len(files.namelist())}


def _timed_import(module: str, archive: Path) -> str:
    """Import a module as Ansible does, from the archive that was shipped."""
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import {_full_name(module)}"
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr


def _full_name(module: str) -> str:
    package = "ansible.modules"
    if module.startswith(OURS):
        package = f"ansible_collections.{OURS}.plugins.modules"
    return f"{package}.{module.rpartition('.')[2]}"
