# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks which file imports which, as .importlinter has it."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from . import environment, results
from .paths import ROOT, TREES

SESSION = "imports"
PACKAGES = ("import-linter==2.17",)


def check(programs: Path) -> results.Result:
    """Run import-linter; `programs` is the folder of the environment that has it."""
    start = time.monotonic()
    root = _copy()
    command = [str(programs / "lint-imports"), str(ROOT / ".importlinter"), "--no-cache"]
    env = environment.offline(environment.clean())
    env["PYTHONPATH"] = str(root)
    status = subprocess.run(command, cwd=root, env=env, check=False).returncode
    result = results.Result("layers of imports", seconds=time.monotonic() - start)
    result.passed, result.failed = int(status == 0), int(status != 0)
    return result


def _copy() -> Path:
    """Copy the plugins; what Ansible takes for packages become packages there, down to the files.

    Without a file in it, import-linter knows no package.
    """
    root = TREES / "imports"
    plugins = root / "ansible_collections" / "edgeops" / "cloudflare" / "plugins"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ROOT / "plugins", plugins, ignore=shutil.ignore_patterns("__pycache__"))
    folders = {path.parent for path in plugins.rglob("*.py")}
    for folder in {*folders, *(above for each in folders for above in each.parents)}:
        if folder != root and folder.is_relative_to(root):
            (folder / "__init__.py").touch()
    return root
