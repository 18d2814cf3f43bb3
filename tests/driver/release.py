# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make release-check`: rehearses a release in a copy, up to what users install from it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from . import archive, environment, matrix, results, tree, venvs
from .paths import CACHE
from .steps import say
from .versions import Disagreement, change, installed, released, upcoming

SESSION = "release-check"
_NAME = "edgeops.cloudflare"
_FOLDER = CACHE / "release"


class NotReady(Exception):
    """Why the collection cannot be released: a sentence."""


def packages() -> tuple[str, ...]:
    """What a release is made with."""
    return (matrix.newest_core_here().requirement, "antsibull-changelog==0.36.*")


def release_check() -> int:
    """`make release-check`, in an environment of its own."""
    what = "a virtual environment with ansible-core and antsibull-changelog"
    return rehearse(venvs.ensure(_FOLDER / "venv", what, [*packages()], [])).failed


def rehearse(programs: Path) -> results.Result:
    """Do all of a release but publishing it; a failure is one sentence.

    `programs` is the folder of the environment that has the packages.
    """
    start = time.monotonic()
    result = results.Result("rehearsal of a release")
    try:
        _Rehearsal(programs).run()
        result.passed = 1
        say("The collection is ready to be released. Nothing was changed.")
    except (NotReady, Disagreement) as error:
        result.failed = 1
        say(f"The collection is not ready to be released. {error}")
    result.seconds = time.monotonic() - start
    return result


class _Rehearsal:
    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._checkout = tree.copy("release")
        self._built = _FOLDER / "built"
        self._collections = _FOLDER / "collections"
        for folder in (self._built, self._collections):
            shutil.rmtree(folder, ignore_errors=True)
        _FOLDER.mkdir(parents=True, exist_ok=True)
        self._env = environment.offline(environment.clean())
        self._env["PATH"] = f"{programs}:{self._env.get('PATH', '')}"
        # So nothing is found but what was installed.
        self._env["ANSIBLE_COLLECTIONS_PATH"] = str(self._collections)
        self._env["ANSIBLE_NOCOLOR"] = "1"

    def run(self) -> None:
        version = self._write_changelog()
        built = self._build(version)
        self._look_into(built)
        self._install(built, version)
        self._read_documentation()
        self._load_playbooks()

    def _write_changelog(self) -> str:
        last, version = released(self._checkout), upcoming(self._checkout)
        fragments = [*(self._checkout / "changelogs" / "fragments").glob("*.y*ml")]
        self._call("antsibull-changelog", "lint", cwd=self._checkout)
        change(self._checkout, version)
        said = self._call("antsibull-changelog", "release", cwd=self._checkout)
        say(f"Release {version} after {last}; fragments for its changelog: {len(fragments)}.")
        if "no release_summary" in said:
            say("  None of them has a release_summary, which it should have.")
        return version

    def _build(self, version: str) -> Path:
        galaxy = ("ansible-galaxy", "collection", "build")
        self._call(*galaxy, "--output-path", str(self._built), str(self._checkout))
        built = self._built / f"{_NAME.replace('.', '-')}-{version}.tar.gz"
        if not built.is_file():
            found = ", ".join(path.name for path in self._built.iterdir())
            raise NotReady(f"{built.name} was not built, but {found}.")
        return built

    def _look_into(self, built: Path) -> None:
        with tarfile.open(built) as opened:
            names = [member.name for member in opened if not member.isdir()]
        say(f"{built.name} has {len(names)} files, {built.stat().st_size / 1024:.0f} KiB:")
        say(f"  {archive.contents(names)}.")
        strange = archive.strange(names)
        if strange:
            raise NotReady(f"This does not belong into the archive: {', '.join(strange)}.")
        files = (path for path in self._checkout.rglob("*") if path.is_file())
        lacking = archive.lacking(names, (str(p.relative_to(self._checkout)) for p in files))
        if lacking:
            raise NotReady(f"This is not in the archive: {', '.join(lacking)}.")

    def _install(self, built: Path, version: str) -> None:
        galaxy = ("ansible-galaxy", "collection")
        self._collections.mkdir()
        self._call(*galaxy, "install", "--offline", "--no-deps", str(built))
        self._call(*galaxy, "verify", "--offline", _NAME)
        there = installed(self._installed)
        if there != version:
            raise NotReady(f"{there} was installed from the archive of {version}.")
        say(f"Installed from it without a network and verified: {there}, in all files that say so.")

    @property
    def _installed(self) -> Path:
        return self._collections.joinpath("ansible_collections", *_NAME.split("."))

    def _read_documentation(self) -> None:
        counts = []
        for kind, names in self._documented().items():
            command = ("ansible-doc", "--type", kind, *(f"{_NAME}.{name}" for name in names))
            self._call(*command)
            shown = json.loads(self._call(*command, "--json"))
            lacking = sorted({f"{_NAME}.{name}" for name in names}.difference(shown))
            if lacking:
                raise NotReady(f"ansible-doc knows no {kind} {', '.join(lacking)}.")
            counts.append(f"{len(names)} of type {kind}")
        say(f"Its documentation can be read: {', '.join(counts)}.")

    def _documented(self) -> dict[str, list[str]]:
        """What the checkout has that ansible-doc shows, by its type."""
        found = {}
        for folder in (self._checkout / "plugins").iterdir():
            if folder.name not in {"doc_fragments", "module_utils", "plugin_utils"}:
                kind = folder.name.removesuffix("s")
                found[kind] = sorted(path.stem for path in folder.glob("[!_]*.py"))
        return dict(sorted(found.items()))

    def _load_playbooks(self) -> None:
        names = sorted(path.stem for path in (self._checkout / "playbooks").glob("*.yml"))
        full_names = [f"{_NAME}.{name}" for name in names]
        self._call("ansible-playbook", "--syntax-check", "--inventory", "localhost,", *full_names)
        say(f"Its playbooks can be loaded: {', '.join(names)}.")

    def _call(self, *command: str, cwd: Path = _FOLDER) -> str:
        """Run a program of the environment; returns what it printed."""
        done = subprocess.run(
            [str(self._programs / command[0]), *command[1:]],
            cwd=cwd,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or "[WARNING]" in done.stderr:
            how = f"failed with status {done.returncode}" if done.returncode else "warns"
            said = (done.stdout * bool(done.returncode) + done.stderr).strip()
            raise NotReady(f"`{' '.join(command)}` {how}:\n{said}")
        return done.stdout
