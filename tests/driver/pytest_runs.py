# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests by pytest directly: `make unit`, the lowest versions, and tests/system."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from . import environment, galaxy, matrix, results, tree, venvs
from .paths import CACHE, RESULTS, ROOT

# The oldest that the collection promises to work with, on a Python that has them.
LOWEST_PYTHON = "3.9"
LOWEST_PACKAGES = ("ansible-core~=2.15.0", "requests==2.25.1", "urllib3==1.26.5")

UNIT_REQUIREMENTS = (
    "requirements.txt",
    "tests/unit/requirements.txt",
    "tests/sandbox/requirements.txt",
)


def unit(arguments: list[str]) -> int:
    """`make unit`: all unit tests, on the newest ansible-core that this Python runs."""
    core = matrix.newest_core_here()
    programs = venvs.ensure(
        CACHE / "unit" / "venv",
        f"a virtual environment with ansible-core {core.version} and pytest",
        [core.requirement],
        [ROOT / name for name in UNIT_REQUIREMENTS],
    )
    return _pytest(programs, [*arguments, "tests/unit"])


def lowest(programs: Path) -> results.Result:
    """The unit tests of the collection itself (the sandbox needs a newer Python)."""
    on = f"requests 2.25.1, Python {LOWEST_PYTHON}"
    return _counted(programs, "unit tests, lowest versions", on, "tests/unit/plugins")


def system(programs: Path) -> results.Result:
    """What is run against the sandbox once: on a real socket, and as users run it."""
    core = matrix.newest_core_here()
    others = galaxy.ensure(core.ansible, programs / "python")
    return _counted(
        programs,
        "faults, playbook, examples",
        f"ansible-core {core.version}",
        "tests/system",
        {"ANSIBLE_COLLECTIONS_PATH": f"{tree.link()}:{others}"},
    )


def sandbox(programs: Path) -> results.Result:
    """The sandbox itself."""
    return _counted(programs, "sandbox", "", "tests/unit/sandbox")


def _counted(
    programs: Path, what: str, on: str, tests: str, extra: dict[str, str] | None = None
) -> results.Result:
    RESULTS.mkdir(parents=True, exist_ok=True)
    junit = RESULTS / f"{tests.replace('/', '-')}.xml"
    junit.unlink(missing_ok=True)
    start = time.monotonic()
    status = _pytest(programs, [f"--junitxml={junit}", tests], extra)
    result = results.Result(what, on=on, seconds=time.monotonic() - start)
    if junit.is_file():
        result.add_junit(junit)
    if status and not result.failed:
        result.failed = 1
    return result


def _pytest(programs: Path, arguments: list[str], extra: dict[str, str] | None = None) -> int:
    env = environment.offline(environment.clean())
    env["PATH"] = f"{programs}:{env.get('PATH', '')}"
    env["PYTHONPATH"] = f"{tree.link()}:{ROOT / 'tests'}"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env.update(extra or {})
    command = [str(programs / "python"), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
