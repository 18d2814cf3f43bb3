# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make mutation`: run mutmut on module_utils and list the mutants that no unit test kills.

A manual tool. `make mutation ARGS="*http*"` tests only the mutants whose names match.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from . import environment, matrix, tree, venvs
from .paths import CACHE, ROOT, TREES
from .pytest_runs import CONTROLLER_TESTS, UNIT_REQUIREMENTS

_COLLECTION = "ansible_collections/edgeops/cloudflare"
_CONFIG = f"""\
[mutmut]
source_paths={_COLLECTION}/plugins
only_mutate=*/module_utils/*.py
also_copy=
    {_COLLECTION}
pytest_add_cli_args=
    -p
    no:cacheprovider
    --ignore={_COLLECTION}/{CONTROLLER_TESTS[0]}
    --ignore={_COLLECTION}/{CONTROLLER_TESTS[1]}
pytest_add_cli_args_test_selection=
    {_COLLECTION}/tests/unit/plugins
use_git_change_detection=false
"""


def mutation(names: list[str]) -> int:
    """Run mutmut, of all mutants or of those named, and list the survivors."""
    core = matrix.newest_core_here()
    programs = venvs.ensure(
        CACHE / "mutation" / "venv",
        f"a virtual environment with ansible-core {core.version} and mutmut",
        [core.requirement, "mutmut==3.8.*"],
        [ROOT / name for name in UNIT_REQUIREMENTS],
    )
    place = tree.copy("mutation")
    folder = TREES / "mutation"
    shutil.rmtree(folder / "mutants", ignore_errors=True)
    # mutmut runs in the folder above ansible_collections, and wants packages all the way down.
    for package in (place.parent, place.parent.parent):
        (package / "__init__.py").touch()
    (folder / "setup.cfg").write_text(_CONFIG)
    env = environment.offline(environment.clean())
    env.update(PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")
    mutmut = str(programs / "mutmut")
    workers = str(os.cpu_count() or 1)
    run = [mutmut, "run", "--max-children", workers, *names]
    status = subprocess.run(run, cwd=folder, env=env, check=False).returncode
    subprocess.run([mutmut, "results"], cwd=folder, env=env, check=False)
    return status
