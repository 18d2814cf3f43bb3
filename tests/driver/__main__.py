# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python -m driver COMMAND: see the Makefile."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable

from . import demo, docs_site, environment, explore, imports, pytest_runs, quick, release, run_tests
from .paths import CACHE, NOX_ENVIRONMENTS, NOX_HOME, ROOT, WORK


def _nox(*arguments: str) -> int:
    """Run nox in the checkout itself, with its output where it belongs."""
    command = [str(run_tests.nox()), "--envdir", str(NOX_ENVIRONMENTS), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment.clean(), check=False).returncode


def _clean() -> int:
    for folder in (CACHE, NOX_ENVIRONMENTS, NOX_HOME):
        shutil.rmtree(folder, ignore_errors=True)
    if WORK != ROOT:
        shutil.rmtree(WORK, ignore_errors=True)
    return 0


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    commands: dict[str, Callable[[list[str]], int]] = {
        "demo": lambda _rest: demo.demo(),
        "sandbox": lambda _rest: demo.sandbox(),
        "benchmark": demo.benchmark,
        "contract": demo.contract,
        "test": run_tests.main,
        "unit": pytest_runs.unit,
        "quick": lambda _rest: quick.quick(),
        "explore": explore.explore,
        "faults": lambda _rest: pytest_runs.write_fault_table(),
        "release-check": lambda _rest: release.release_check(),
        "lint": lambda _rest: run_tests.main(["lint", "extra-checks", imports.SESSION]),
        "clean": lambda _rest: _clean(),
        "docs": lambda _rest: docs_site.docs(),
        "format": lambda _rest: _nox("-r", "-s", "formatters"),
    }
    if not arguments or arguments[0] not in commands:
        print(f"usage: python -m driver {'|'.join(commands)}", file=sys.stderr)
        return 2
    return commands[arguments[0]](arguments[1:])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
