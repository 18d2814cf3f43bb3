# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make mutation`: what of module_utils could be changed without a unit test noticing.

mutmut makes the mutants and runs the tests. Those that no test kills are to be explained in
tests/mutants.txt, by blocks of a function, the lines before and after, and a line that says why
no test can or need tell them apart.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import environment, matrix, tree, venvs
from .paths import CACHE, ROOT, TREES
from .pytest_runs import CONTROLLER_TESTS, UNIT_REQUIREMENTS
from .steps import Step, run_logged, say

EXPLAINED = ROOT / "tests" / "mutants.txt"
_COLLECTION = "ansible_collections/edgeops/cloudflare"
# What is said to the type checker alone has no effect to be tested.
_CONFIG = f"""\
[mutmut]
source_paths={_COLLECTION}/plugins
only_mutate=*/module_utils/*.py
do_not_mutate_patterns=
    t\\.cast\\(
also_copy=
    {_COLLECTION}
pytest_add_cli_args=
    -p
    no:cacheprovider
    --ignore={_COLLECTION}/{CONTROLLER_TESTS}
pytest_add_cli_args_test_selection=
    {_COLLECTION}/tests/unit/plugins
use_git_change_detection=false
"""
_NAME = re.compile(r"\.module_utils\.(\w+)\.x(?:_|ǁ(\w+)ǁ)(\w+)__mutmut_\d+$")
_NOT_KILLED = re.compile(r"^\s*(\S+__mutmut_\d+): (survived|no tests|suspicious)$", re.MULTILINE)

# A function, what was removed from it, and what took its place.
Mutant = tuple[str, str, str]


def mutation() -> int:
    """Make the mutants and test them; returns 1 where one lives that is not explained."""
    core = matrix.newest_core_here()
    programs = venvs.ensure(
        CACHE / "mutation" / "venv",
        f"a virtual environment with ansible-core {core.version} and mutmut",
        [core.requirement, "mutmut==3.8.*"],
        [ROOT / name for name in UNIT_REQUIREMENTS],
    )
    folder = _prepare()
    env = environment.offline(environment.clean())
    env.update(PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")
    mutmut = str(programs / "mutmut")
    with Step("Testing the mutants, for some minutes"):
        workers = str(os.cpu_count() or 1)
        run_logged("mutation", [mutmut, "run", "--max-children", workers], env, folder)
    run_logged("mutation-figures", [mutmut, "export-cicd-stats"], env, folder)
    listed = subprocess.check_output([mutmut, "results"], cwd=folder, env=env, text=True)
    names = [name for name, _why in _NOT_KILLED.findall(listed)]
    with Step("Looking at those that live"), ThreadPoolExecutor(os.cpu_count()) as pool:
        living = list(pool.map(lambda name: _show(mutmut, name, folder, env), names))
    return _summarize(folder, living)


def _prepare() -> Path:
    """Copy the checkout; mutmut runs in the folder above ansible_collections."""
    place = tree.copy("mutation")
    folder = TREES / "mutation"
    for package in (place.parent, place.parent.parent):
        (package / "__init__.py").touch()
    (folder / "setup.cfg").write_text(_CONFIG)
    return folder


def _show(mutmut: str, name: str, folder: Path, env: dict[str, str]) -> Mutant:
    text = subprocess.check_output([mutmut, "show", name], cwd=folder, env=env, text=True)
    lines = [line for line in text.splitlines() if not line.startswith(("---", "+++"))]
    before, after = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    found = _NAME.search(name)
    function = ".".join(part for part in found.groups() if part) if found else name
    return function, before, after


def _summarize(folder: Path, living: list[Mutant]) -> int:
    figures = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text())
    explained = _explanations(EXPLAINED.read_text(encoding="utf-8"))
    unexplained = [mutant for mutant in living if mutant not in explained]
    stale = explained.keys() - set(living)
    total = figures["total"] - figures["skipped"]
    killed = total - len(living)
    say(f"\n{total} mutants of module_utils, {killed} killed: {100 * killed / total:.1f} %")
    say(f"{len(living)} live, {len(living) - len(unexplained)} of them explained in {EXPLAINED}")
    for title, mutants in (("Not explained", unexplained), ("Explained, but dead", sorted(stale))):
        if mutants:
            say(f"\n{title}:\n")
        for mutant in mutants:
            say("{}\n- {}\n+ {}\n".format(*mutant))
    return 1 if unexplained or stale else 0


def _explanations(text: str) -> dict[Mutant, str]:
    """Read the blocks of the file: a function, a line -, a line +, and a line = with the reason."""
    found: dict[Mutant, str] = {}
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if not lines:
            continue
        marks = [line[:2].rstrip() for line in lines[1:]]
        if marks != ["-", "+", "="] or not lines[3][2:]:
            raise SystemExit(f"{EXPLAINED}: this block is incomplete:\n{block}")
        function, before, after = lines[0], lines[1][2:].strip(), lines[2][2:].strip()
        found[function, before, after] = lines[3][2:]
    return found
