# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of the collection: installed from as users do, and a rehearsal of its release."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import nox

from . import environment, tree
from .paths import CACHE, ROOT

_NAME = "edgeops.cloudflare"
# What the archive may hold, at the top.
_PUBLISHED = {
    *("meta", "playbooks", "plugins", "changelogs", "docs", "tests", "LICENSES"),
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE"),
    *("README.md", "SECURITY.md", "requirements-stores.txt", "requirements.txt"),
    *("requirements.yml", "FILES.json", "MANIFEST.json"),
}
_VERSION = re.compile(r'^(?: *version: |VERSION = "|## v|  )(\d+)\\?\.(\d+)\\?\.(\d+)"?:?$', re.M)
# Where somebody sets it, and where antsibull-changelog writes it.
_SET = (
    *("galaxy.yml", "plugins/module_utils/_api/client.py"),
    *("docs/awx/execution-environment.yml", "docs/awx/execution-environment-aap.yml"),
)
_WRITTEN = ("changelogs/changelog.yaml", "CHANGELOG.md")


def install_archive(session: nox.Session, checkout: Path | None = None) -> dict[str, str]:
    """Build the archive and install it, without a network; returns where Ansible finds it."""
    folder = CACHE / session.name
    shutil.rmtree(folder, ignore_errors=True)
    env = _environment(session, folder)
    galaxy = ("ansible-galaxy", "collection")
    source = str(checkout or tree.copy(session.name))
    _call(session, *galaxy, "build", "--output-path", str(folder), source, env=env)
    archive = str(next(folder.glob("*.tar.gz")))
    _call(session, *galaxy, "install", "--offline", "--no-deps", "--force", archive, env=env)
    return env


def rehearse(session: nox.Session) -> None:
    """Do all of a release but publishing it, in a copy."""
    checkout, folder = tree.copy("release"), CACHE / session.name
    env = _environment(session, folder)
    version = _upcoming(session, checkout)
    with session.chdir(checkout):
        _call(session, "antsibull-changelog", "lint", env=env)
        _call(session, "antsibull-changelog", "release", env=env)
    install_archive(session, checkout)
    _call(session, "ansible-galaxy", "collection", "verify", "--offline", _NAME, env=env)
    installed = folder.joinpath("ansible_collections", *_NAME.split("."))
    for name in (*_SET[1:], *_WRITTEN):
        if newest(installed / name) != version:
            session.error(f"{name} does not have the version {version} that is released")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as opened:
        names = [member.name for member in opened if not member.isdir()]
    _look_into(session, names)
    _read_documentation(session, checkout, env)
    playbooks = [f"{_NAME}.{path.stem}" for path in (checkout / "playbooks").glob("*.yml")]
    _call(session, "ansible-playbook", "--syntax-check", "-i", "localhost,", *playbooks, env=env)
    session.log(f"{'.'.join(map(str, version))} is ready to be released. Nothing was changed.")


def newest(path: Path) -> tuple[int, ...]:
    """Return the newest version that a file names."""
    return max(tuple(map(int, found)) for found in _VERSION.findall(path.read_text("utf-8")))


def _upcoming(session: nox.Session, checkout: Path) -> tuple[int, ...]:
    """Return the version to release, and set it in the copy.

    It is the one that is set, or the one after the last release: antsibull-changelog would add the
    changes to that one as long as its version is set.
    """
    (now,) = {newest(checkout / name) for name in _SET}
    (last,) = {newest(checkout / name) for name in _WRITTEN}
    if now < last:
        session.error(f"galaxy.yml has {now}, which is older than {last} in the changelog")
    version = now if now > last else (last[0], last[1] + 1, 0)
    for name in _SET:
        text = (checkout / name).read_text("utf-8")
        old, new = (".".join(map(str, each)) for each in (now, version))
        (checkout / name).write_text(text.replace(old, new), "utf-8")
    return version


def _look_into(session: nox.Session, names: list[str]) -> None:
    counts = Counter(name.partition("/")[0] for name in names)
    session.log(f"{len(names)} files: {dict(sorted(counts.items()))}")
    strange = set(counts) - _PUBLISHED
    files = (ROOT / folder for folder in ("meta", "playbooks", "plugins"))
    needed = {
        str(path.relative_to(ROOT))
        for folder in files
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    if strange or needed.difference(names):
        session.error(f"too much: {strange}; not there: {needed.difference(names)}")


def _read_documentation(session: nox.Session, checkout: Path, env: dict[str, str]) -> None:
    for folder in (checkout / "plugins").iterdir():
        names = {f"{_NAME}.{path.stem}" for path in folder.glob("[!_]*.py")}
        if names and folder.name not in {"doc_fragments", "plugin_utils"}:
            command = ("ansible-doc", "--json", "--type", folder.name.removesuffix("s"))
            shown = json.loads(_call(session, *command, *names, env=env))
            if names.difference(shown):
                session.error(f"ansible-doc does not know {names.difference(shown)}")


def _environment(session: nox.Session, folder: Path) -> dict[str, str]:
    env = environment.offline(environment.clean())
    return env | {
        "PATH": f"{session.bin}:{env['PATH']}",
        # So nothing is found but what is installed.
        "ANSIBLE_COLLECTIONS_PATH": str(folder),
        "ANSIBLE_NOCOLOR": "1",
    }


def _call(session: nox.Session, *command: str, env: dict[str, str]) -> str:
    """Run a program that has to end well and without a warning; returns its output."""
    said = str(session.run(*command, env=env, silent=True, stderr=None))
    if "[WARNING]" in said:
        session.error(said)
    return said
