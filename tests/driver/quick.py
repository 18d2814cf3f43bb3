# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make quick`: what changed is linted, the units are tested, one playbook is run; in a minute."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tomllib

from . import environment, imports, matrix, pytest_runs
from .paths import ROOT
from .steps import say

_E2E = "tests/e2e/requirements.txt"


def quick() -> int:
    """Run all of it; returns the exit status."""
    core = matrix.newest_core_here()
    tools = (*_linters(), *imports.PACKAGES)
    programs = pytest_runs.installed("quick", core, sys.executable, _E2E, packages=tools)
    linted = _lint(programs, changed())
    with ThreadPoolExecutor(1) as pool:
        flow = pool.submit(pytest_runs.flow, programs)
        tested = pytest_runs.unit_tests(programs, [], workers=2)
        outcome = {"lint": linted, "unit": tested, "a playbook": flow.result()}
    failed = [what for what, status in outcome.items() if status]
    say(f"failed: {', '.join(failed)}" if failed else "all passed")
    return int(bool(failed))


def changed() -> list[Path]:
    """Return the files that differ from the last commit; where none do, those it changed."""
    new = _git("ls-files", "--others", "--exclude-standard")
    since = [_git("diff", "--name-only", base) for base in ("HEAD", "HEAD~1")]
    names = new + (since[0] or (since[1] if not new else []))
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def _git(*arguments: str) -> list[str]:
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _linters() -> list[str]:
    lint = tomllib.loads((ROOT / "antsibull-nox.toml").read_text("utf-8"))["sessions"]["lint"]
    return [lint["ruff_format_package"], lint["yamllint_package"]]


def _lint(programs: Path, files: list[Path]) -> int:
    python = [str(path) for path in files if path.suffix == ".py"]
    yaml = [str(path) for path in files if path.suffix in (".yml", ".yaml")]
    ruff, settings = str(programs / "ruff"), ("--config", str(ROOT / "ruff.toml"))
    commands = []
    if python:
        commands += [[ruff, "format", "--check", *settings, *python], [ruff, "check", *settings]]
        commands[-1] += python
    if yaml:
        commands.append([str(programs / "yamllint"), "-c", str(ROOT / ".yamllint"), *yaml])
    env = environment.clean()
    statuses = [
        subprocess.run(command, cwd=ROOT, env=env, check=False).returncode for command in commands
    ]
    say(f"linted: {len(python)} Python and {len(yaml)} YAML files")
    return max([imports.check(programs).failed, *statuses])
