# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make mutation`: what of module_utils could be changed without a unit test noticing.

mutmut makes the mutants and runs the tests. Those that no test kills are to be explained in
tests/mutants.txt, by blocks of a function, the lines before and after, and a line that says why
no test can or need tell them apart. What is changed is what functions do; tables, regular
expressions and other constants of a file stay as they are.

`make mutation ARGS=--continue` goes on from the last run: it tests the mutants of functions that
have changed since, and those that lived.
"""

from __future__ import annotations

import ast
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import environment, matrix, tree, venvs
from .paths import CACHE, ROOT, TREES
from .pytest_runs import CONTROLLER_TESTS, UNIT_REQUIREMENTS
from .steps import Step, run_logged, say

EXPLAINED = ROOT / "tests" / "mutants.txt"
_COLLECTION = "ansible_collections/edgeops/cloudflare"
# What is said to the type checker alone has no effect to be tested: a cast of a name, which must
# stand alone in its line. The tests of generated examples take the same ones for each mutant, and
# none of them dies of a busy machine.
_CONFIG = f"""\
[mutmut]
source_paths={_COLLECTION}/plugins
only_mutate=*/module_utils/*.py
do_not_mutate_patterns=
    ^\\s*(return|\\w+ =) t\\.cast\\([^()]+, \\w+\\)$
also_copy=
    {_COLLECTION}
pytest_add_cli_args=
    -p
    no:cacheprovider
    --ignore={_COLLECTION}/{CONTROLLER_TESTS}
    --hypothesis-profile=ci
pytest_add_cli_args_test_selection=
    {_COLLECTION}/tests/unit/plugins
use_git_change_detection=false
"""
_NAME = re.compile(r"\.module_utils\.(\w+)\.x(?:_|ǁ(\w+)ǁ)(\w+)__mutmut_\d+$")
_VERDICT = re.compile(r"^\s*(\S+__mutmut_\d+): (.+)$", re.MULTILINE)
_CONTINUE = "--continue"
# A mutant that no longer comes to an end is noticed, by whoever waits for it.
_NOTICED = ("killed", "timeout")
# What pytest's exit status is for mutmut where a test failed.
_KILLED = (1, 3)


class Mutant(t.NamedTuple):
    """A function, what was removed from it, and what took its place."""

    function: str
    before: str
    after: str


def mutation(arguments: list[str]) -> int:
    """Make the mutants and test them; returns 1 where one lives that is not explained."""
    if arguments not in ([], [_CONTINUE]):
        print(f"usage: make mutation, or make mutation ARGS={_CONTINUE}", file=sys.stderr)
        return 2
    core = matrix.newest_core_here()
    programs = venvs.ensure(
        CACHE / "mutation" / "venv",
        f"a virtual environment with ansible-core {core.version} and mutmut",
        [core.requirement, "mutmut==3.8.*"],
        [ROOT / name for name in UNIT_REQUIREMENTS],
    )
    mutmut = _Mutmut(programs / "mutmut", _prepare(afresh=not arguments))
    workers = os.cpu_count() or 1
    with Step("Testing the mutants, for some minutes"):
        mutmut.test(workers)
    late = [name for name, verdict in mutmut.verdicts().items() if verdict == "timeout"]
    if late:
        with Step(f"Testing again, one by one, the {len(late)} for which the time ran out"):
            mutmut.test(1, *late)
    verdicts = mutmut.verdicts()
    # Whatever else is said of a mutant, that it crashed or was not looked at: no test failed.
    names = [name for name, verdict in verdicts.items() if verdict not in _NOTICED]
    with Step("Looking at those that live"), ThreadPoolExecutor(workers) as pool:
        living = list(pool.map(mutmut.show, names))
    _say_figures(collections.Counter(verdicts.values()))
    return compare(living, explanations(EXPLAINED.read_text(encoding="utf-8")))


def _prepare(*, afresh: bool) -> Path:
    """Copy the checkout; mutmut runs in the folder above ansible_collections."""
    place = tree.copy("mutation")
    folder = TREES / "mutation"
    if afresh:
        # It would not look again at what it has looked at, though the tests have changed.
        shutil.rmtree(folder / "mutants", ignore_errors=True)
    else:
        forget_the_living(folder / "mutants")
    for package in (place.parent, place.parent.parent):
        (package / "__init__.py").touch()
    (folder / "setup.cfg").write_text(_CONFIG)
    for path in (place / "plugins" / "module_utils").rglob("*.py"):
        path.write_text(open_properties(path.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def forget_the_living(folder: Path) -> None:
    """Have mutmut test all again but those that were killed."""
    # Which test calls which function is found out anew: both may be new.
    (folder / "mutmut-stats.json").unlink(missing_ok=True)
    for path in folder.rglob("*.py.meta"):
        kept = json.loads(path.read_text(encoding="utf-8"))
        verdicts = kept["exit_code_by_key"]
        kept["exit_code_by_key"] = {
            name: code if code in _KILLED else None for name, code in verdicts.items()
        }
        path.write_text(json.dumps(kept), encoding="utf-8")


def open_properties(source: str) -> str:
    """Make a property of a function behind it: mutmut leaves alone what has a decorator."""
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in sorted(functions, key=lambda each: -each.lineno):
        if [ast.unparse(each) for each in function.decorator_list] == ["property"]:
            after = f"{' ' * function.col_offset}{function.name} = property({function.name})"
            lines.insert(function.end_lineno or 0, after)
            del lines[function.decorator_list[0].lineno - 1]
    return "\n".join([*lines, ""])


class _Mutmut:
    """The program, in the folder with the copy."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = str(program)
        self._folder = folder
        self._env = environment.offline(environment.clean())
        self._env.update(PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")

    def test(self, workers: int, *names: str) -> None:
        """Test these mutants anew; without a name, make all and test them."""
        command = [self._program, "run", "--max-children", str(workers), *names]
        run_logged(f"mutation{'-again' if names else ''}", command, self._env, self._folder)

    def verdicts(self) -> dict[str, str]:
        """Return by its name what became of each mutant."""
        return dict(_VERDICT.findall(self._output("results", "--all", "true")))

    def show(self, name: str) -> Mutant:
        """Return what is different in a mutant."""
        shown = self._output("show", name).splitlines()
        lines = [line for line in shown if not line.startswith(("---", "+++"))]
        before, after = (
            " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
        )
        found = _NAME.search(name)
        function = ".".join(part for part in found.groups() if part) if found else name
        return Mutant(function, before, after)

    def _output(self, *arguments: str) -> str:
        command = [self._program, *arguments]
        return subprocess.check_output(command, cwd=self._folder, env=self._env, text=True)


def _say_figures(verdicts: collections.Counter[str]) -> None:
    total = verdicts.total()
    noticed = sum(verdicts[verdict] for verdict in _NOTICED)
    each = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    say(f"\n{total} mutants of module_utils: {each}")
    say(f"The unit tests notice {noticed} of them, {100 * noticed / total:.1f} %")


def compare(living: list[Mutant], explained: dict[Mutant, str]) -> int:
    """Compare those that live with those that are explained, which have to be the same."""
    unexplained = [mutant for mutant in living if mutant not in explained]
    stale = sorted(explained.keys() - set(living))
    where = EXPLAINED.relative_to(ROOT)
    say(f"{len(living)} live, {len(living) - len(unexplained)} of them explained in {where}")
    for title, mutants in (("Not explained", unexplained), ("Explained, but dead", stale)):
        if mutants:
            say(f"\n{title}:\n")
        for mutant in mutants:
            say("{}\n- {}\n+ {}\n".format(*mutant))
    return 1 if unexplained or stale else 0


def explanations(text: str) -> dict[Mutant, str]:
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
        found[Mutant(function, before, after)] = lines[3][2:]
    return found
