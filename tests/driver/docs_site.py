# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guides and the reference as one site, built without a network."""

from __future__ import annotations

import shutil

import nox

from . import environment, tree
from .paths import CACHE

HTML = CACHE / "docs-site" / "html"


def build(session: nox.Session) -> None:
    """Build the site; a warning is a failure."""
    source = tree.copy("docs-site")
    reference = source / "docs" / "reference"
    # antsibull-docs wants a folder that only its user can write to.
    reference.mkdir(mode=0o755)
    shutil.rmtree(HTML, ignore_errors=True)
    env = environment.offline(environment.clean())
    env["ANSIBLE_COLLECTIONS_PATH"] = str(source.parents[2])
    env["PATH"] = f"{session.bin}:{env['PATH']}"
    site = source / "docs" / "site"
    shutil.copy(site / "index.md", source)
    config = ("--config-file", str(site / "antsibull-docs.cfg"))
    target = ("--use-current", "--squash-hierarchy", "--dest-dir", str(reference))
    sphinx = ("sphinx-build", "-q", "-W", "--keep-going", "-c", str(site), str(source), str(HTML))
    with session.chdir(source):
        session.run("antsibull-docs", *config, "collection", *target, "edgeops.cloudflare", env=env)
        session.run(*sphinx, env=env)
    pages = len([*HTML.rglob("*.html")])
    print(f"{pages} pages without a warning: {HTML / 'index.html'}")
