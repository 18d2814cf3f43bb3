# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of the collection: installed from as users do, and a rehearsal of its release."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import nox

from . import environment, tree
from .paths import CACHE

_NAME = "edgeops.cloudflare"
# Above all versions, since antsibull-changelog releases none twice.
_VERSION = "999.0.0"
# What the archive may hold, at the top.
_PUBLISHED = {
    *("meta", "playbooks", "plugins", "changelogs", "docs", "tests", "LICENSES"),
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE"),
    *("README.md", "SECURITY.md", "requirements-stores.txt", "requirements.txt"),
    *("requirements.yml", "FILES.json", "MANIFEST.json"),
}


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
    checkout = tree.copy("release")
    with session.chdir(checkout):
        env = _environment(session, checkout)
        _call(session, "antsibull-changelog", "lint", env=env)
        _call(session, "antsibull-changelog", "release", "--version", _VERSION, env=env)
    env = install_archive(session, checkout)
    _call(session, "ansible-galaxy", "collection", "verify", "--offline", _NAME, env=env)
    with tarfile.open(next((CACHE / session.name).glob("*.tar.gz"))) as opened:
        published = {member.name for member in opened if not member.isdir()}
    strange = {name.partition("/")[0] for name in published} - _PUBLISHED
    folders = (checkout / name for name in ("meta", "playbooks", "plugins"))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    missing = {str(path.relative_to(checkout)) for path in files} - published
    if strange or missing:
        session.error(f"too much: {strange}; not there: {missing}")
    modules = [f"{_NAME}.{path.stem}" for path in (checkout / "plugins/modules").glob("[!_]*.py")]
    _call(session, "ansible-doc", *modules, env=env)
    playbooks = [f"{_NAME}.{path.stem}" for path in (checkout / "playbooks").glob("*.yml")]
    _call(session, "ansible-playbook", "--syntax-check", "-i", "localhost,", *playbooks, env=env)
    session.log(f"{len(published)} files are ready to be released. Nothing was changed.")


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
    output = str(session.run(*command, env=env, silent=True, stderr=None))
    if "[WARNING]" in output:
        session.error(output)
    return output
