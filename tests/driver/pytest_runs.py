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
LOWEST_PACKAGES = (
    "ansible-core~=2.15.0",
    "requests==2.25.1",
    "urllib3==1.26.5",
    "boto3==1.28.0",
    "google-cloud-storage==2.10.0",
    "azure-storage-blob==12.14.0",
    "azure-identity==1.12.0",
)

_HOSTILE = "tests/system/hostile"
_FAULTS = f"{_HOSTILE}/test_fault_table.py"
# They make a controller of their process, in which no module can be tested.
CONTROLLER_TESTS = ("tests/unit/plugins/inventory", "tests/unit/plugins/lookup")
_OTHER_TESTS = [f"--ignore={each}" for each in CONTROLLER_TESTS]
_NOTHING_TO_RUN = 5

UNIT_REQUIREMENTS = (
    "requirements.txt",
    "tests/unit/requirements.txt",
    "tests/sandbox/requirements.txt",
)


def unit(arguments: list[str]) -> int:
    """`make unit`: all unit tests, on the newest ansible-core that this Python runs."""
    programs = _programs("unit")
    parts = (["tests/unit", *_OTHER_TESTS], [*CONTROLLER_TESTS])
    statuses = {_pytest(programs, [*arguments, *part]) for part in parts}
    # What is asked for by name may be in one of them alone.
    failed = statuses - {0, _NOTHING_TO_RUN}
    return max(failed) if failed else min(statuses)


def _programs(name: str, *more: str) -> Path:
    core = matrix.newest_core_here()
    return venvs.ensure(
        CACHE / name / "venv",
        f"a virtual environment with ansible-core {core.version} and pytest",
        [core.requirement],
        [ROOT / each for each in (*UNIT_REQUIREMENTS, *more)],
    )


def lowest(programs: Path) -> results.Result:
    """The unit tests of what runs there: the sandbox, and Ansible itself, need a newer Python."""
    on = f"requests 2.25.1, Python {LOWEST_PYTHON}"
    tests = ["tests/unit/plugins", *_OTHER_TESTS]
    return _counted(programs, "unit tests, lowest versions", on, tests)


def system(programs: Path) -> results.Result:
    """What is run against the sandbox once, as users run it."""
    return _against_sandbox(
        programs, "playbooks, jobs, examples", ["tests/system", f"--ignore={_HOSTILE}"]
    )


def hostile(programs: Path) -> results.Result:
    """What tries to break the promises: interruptions, inputs, secrets."""
    return _against_sandbox(
        programs, "interruptions, inputs, secrets", [_HOSTILE, f"--ignore={_FAULTS}", "-n", "2"]
    )


def faults(programs: Path) -> results.Result:
    """Each fault at each request."""
    # They wait more than they work.
    return _against_sandbox(programs, "faults", [_FAULTS, "-n", "8"])


def write_fault_table() -> int:
    """`make faults`: inject the faults, and write docs/faults.md."""
    programs = _programs("faults", "tests/system/requirements.txt")
    return _pytest(programs, [_FAULTS, "-q", "-n", "8"], {"EDGEOPS_WRITE_README": "1"})


def _against_sandbox(programs: Path, what: str, arguments: list[str]) -> results.Result:
    core = matrix.newest_core_here()
    others = galaxy.ensure(core.ansible, programs / "python")
    extra = {"ANSIBLE_COLLECTIONS_PATH": f"{tree.link()}:{others}"}
    return _counted(programs, what, f"ansible-core {core.version}", arguments, extra)


def sandbox(programs: Path) -> results.Result:
    """The tools of the tests: the sandbox, and the benchmark."""
    tests = ["tests/unit/sandbox", "tests/unit/benchmark"]
    return _counted(programs, "sandbox, benchmark", "", tests)


def _counted(
    programs: Path, what: str, on: str, tests: list[str], extra: dict[str, str] | None = None
) -> results.Result:
    RESULTS.mkdir(parents=True, exist_ok=True)
    junit = RESULTS / f"{what.replace(' ', '-')}.xml"
    junit.unlink(missing_ok=True)
    start = time.monotonic()
    status = _pytest(programs, [f"--junitxml={junit}", *tests], extra)
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
