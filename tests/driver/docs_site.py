# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make docs`: the guides and the reference as one site, built without a network."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from . import environment, matrix, results, tree, venvs
from .paths import CACHE, ROOT
from .steps import say

SESSION = "docs-site"
REQUIREMENTS = "docs/site/requirements.txt"
_FOLDER = CACHE / "docs-site"
_HTML = _FOLDER / "html"


def packages() -> tuple[str, ...]:
    """What is needed besides the requirements: antsibull-docs runs ansible-doc."""
    return (matrix.newest_core_here().requirement,)


def docs() -> int:
    """`make docs`, in an environment of its own."""
    what = "a virtual environment with Sphinx and antsibull-docs"
    return build(venvs.ensure(_FOLDER / "venv", what, [*packages()], [ROOT / REQUIREMENTS])).failed


def build(programs: Path) -> results.Result:
    """Build the site; a warning is a failure. `programs` is the environment's folder of them."""
    start = time.monotonic()
    source = tree.copy("docs-site")
    reference = source / "docs" / "reference"
    # antsibull-docs wants a folder that only its user can write to.
    reference.mkdir(mode=0o755)
    shutil.rmtree(_HTML, ignore_errors=True)
    env = environment.offline(environment.clean())
    env["ANSIBLE_COLLECTIONS_PATH"] = str(source.parents[2])
    env["PATH"] = f"{programs}:{env['PATH']}"
    site = source / "docs" / "site"
    shutil.copy(site / "index.md", source)
    config = ("--config-file", str(site / "antsibull-docs.cfg"))
    target = ("--use-current", "--squash-hierarchy", "--dest-dir", str(reference))
    commands = (
        ("antsibull-docs", *config, "collection", *target, "edgeops.cloudflare"),
        ("sphinx-build", "-q", "-W", "--keep-going", "-c", str(site), str(source), str(_HTML)),
    )
    failed = any(
        subprocess.run(
            [str(programs / name), *arguments], cwd=source, env=env, check=False
        ).returncode
        for name, *arguments in commands
    )
    result = results.Result("documentation site", seconds=time.monotonic() - start)
    result.passed, result.failed = int(not failed), int(failed)
    if not failed:
        pages = len([*_HTML.rglob("*.html")])
        say(f"{pages} pages without a warning: {_HTML / 'index.html'}")
    return result
