# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make explore`: what is a sample in `make test`, in full; it takes an hour or more."""

from __future__ import annotations

from . import interpreters, matrix, pytest_runs, results, run_tests
from .steps import say

EXAMPLES = 500
_E2E = "tests/e2e/requirements.txt"


def explore(arguments: list[str]) -> int:
    """Explore with so many examples of each property; returns the exit status."""
    examples = int(arguments[0]) if arguments else EXAMPLES
    here = matrix.newest_core_here()
    found = interpreters.find_first(here.pythons)
    python = found[1] if found else here.pythons[0]
    done = pytest_runs.explore(pytest_runs.installed("explore", here, python, _E2E), examples)
    for core in matrix.CORES:
        found = interpreters.find_first(core.pythons)
        if found:
            name = f"explore-{core.version}"
            programs = pytest_runs.installed(name, core, found[1], _E2E)
            done.append(pytest_runs.explore_core(core, programs))
    return _summarize(done)


def _summarize(done: list[results.Result]) -> int:
    say("")
    for result in done:
        say("  " + run_tests.line(result))
        for name, value in sorted(result.figures.items()):
            say(f"    {name:40} {value:10,.10g}")
    return int(any(result.failed for result in done))
