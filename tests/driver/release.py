# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is published: the archive, a rehearsal of its release, and the documentation as a site."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import nox

from . import tree
from .environment import OFFLINE
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


def install_archive(session: nox.Session, checkout: Path | None = None) -> dict[str, str | None]:
    """Build the archive and install it, without a network; returns where Ansible finds it."""
    folder = CACHE / session.name
    shutil.rmtree(folder, ignore_errors=True)
    env = _environment(folder)
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
        env = _environment(checkout)
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


def build_docs(session: nox.Session) -> None:
    """Build the guides and the reference as one site; a warning is a failure."""
    html, source = CACHE / "docs-site" / "html", tree.copy("docs-site")
    site, reference = source / "docs" / "site", source / "docs" / "reference"
    # antsibull-docs wants a folder that only its user can write to.
    reference.mkdir(mode=0o755)
    shutil.rmtree(html, ignore_errors=True)
    shutil.copy(site / "index.md", source)
    config = ("--config-file", str(site / "antsibull-docs.cfg"))
    target = ("--use-current", "--squash-hierarchy", "--dest-dir", str(reference))
    sphinx = ("sphinx-build", "-q", "-W", "--keep-going", "-c", str(site), str(source), str(html))
    env = _environment(source.parents[2])
    with session.chdir(source):
        session.run("antsibull-docs", *config, "collection", *target, "edgeops.cloudflare", env=env)
        session.run(*sphinx, env=env)
    session.log(f"{len([*html.rglob('*.html')])} pages without a warning: {html / 'index.html'}")


def _environment(folder: Path) -> dict[str, str | None]:
    """Return where Ansible finds collections: nothing but what is in this folder."""
    return {**OFFLINE, "ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_NOCOLOR": "1"}


def _call(session: nox.Session, *command: str, env: dict[str, str | None]) -> None:
    """Run a program, which must succeed and print no warning."""
    output = str(session.run(*command, env=env, silent=True, stderr=None))
    if "[WARNING]" in output:
        session.error(output)
