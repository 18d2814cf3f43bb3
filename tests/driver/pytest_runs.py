# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests by pytest directly: `make unit`, `make explore`, the lowest versions, tests/e2e."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import environment, galaxy, matrix, progress, results, tree, venvs
from .paths import CACHE, RESULTS, ROOT
from .steps import say

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

# How many examples each property is tried with, and all of what is a sample otherwise.
EXPLORE_VARIABLE = "EXPLORE_EXAMPLES"

_HOSTILE = "tests/e2e/hostile"
_RESPONSES = f"{_HOSTILE}/test_responses.py"
_UNTRUSTED = "tests/e2e/test_untrusted_text.py"
_FLOW = "tests/e2e/test_push_logs.py"
_FAULTS = f"{_HOSTILE}/test_fault_table.py"
# They make a controller of their process, in which no module can be tested.
CONTROLLER_TESTS = ("tests/unit/plugins/inventory", "tests/unit/plugins/lookup")
_OTHER_TESTS = [f"--ignore={each}" for each in CONTROLLER_TESTS]
_NOTHING_TO_RUN = 5

# The sandbox is tested in the session `e2e`.
UNIT_TESTS = ("tests/unit/plugins", "tests/unit/driver", "tests/unit/test_consistency.py")
UNIT_REQUIREMENTS = (
    "requirements.txt",
    "tests/unit/requirements.txt",
    "tests/sandbox/requirements.txt",
)


def unit(arguments: list[str]) -> int:
    """`make unit`: all unit tests, on the newest ansible-core that this Python runs."""
    return unit_tests(_programs("unit"), arguments, workers=2)


def unit_tests(programs: Path, arguments: list[str], workers: int) -> int:
    """Run the unit tests of the plugins and of the driver; returns the exit status.

    Those that need a process of their own run at the same time as the others.
    """
    spread = ["-n", str(workers)] if workers > 1 else []
    with _started(programs, ["-q", *arguments, *CONTROLLER_TESTS]) as (controller, output):
        status = _pytest(programs, ["-q", *spread, *arguments, *UNIT_TESTS, *_OTHER_TESTS])
        controller.wait()
        say(output.read_text("utf-8", "replace"))
    statuses = {status, controller.returncode}
    # What is asked for by name may be in one of them alone.
    failed = statuses - {0, _NOTHING_TO_RUN}
    return max(failed) if failed else min(statuses)


@contextlib.contextmanager
def _started(
    programs: Path, arguments: Sequence[str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start pytest beside what follows; its output goes to the file."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        with output.open("wb") as stream:
            command, env = _command(programs, arguments)
            together = subprocess.STDOUT
            with subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=stream, stderr=together
            ) as process:
                try:
                    yield process, output
                finally:
                    if process.poll() is None:
                        process.terminate()


def _programs(name: str, *more: str) -> Path:
    return installed(name, matrix.newest_core_here(), sys.executable, *more)


def installed(
    name: str, core: matrix.Core, python: str, *files: str, packages: Sequence[str] = ()
) -> Path:
    """Make an environment for tests unless it is there; returns its folder of programs."""
    return venvs.ensure(
        CACHE / name / "venv",
        f"a virtual environment with ansible-core {core.version} and pytest",
        [core.requirement, *packages],
        [ROOT / each for each in (*UNIT_REQUIREMENTS, *files)],
        python,
    )


def lowest(programs: Path) -> results.Result:
    """The unit tests of what runs there: the sandbox, and Ansible itself, need a newer Python."""
    on = f"requests 2.25.1, Python {LOWEST_PYTHON}"
    tests = ["tests/unit/plugins", *_OTHER_TESTS, "-n", "2"]
    return _counted(programs, "unit tests, lowest versions", on, tests)


def e2e(programs: Path) -> results.Result:
    """What is run against the sandbox once, as users run it."""
    tests = ["tests/e2e", f"--ignore={_HOSTILE}", "tests/contract", "-n", "2"]
    return _against_sandbox(programs, "playbooks, jobs, contract", tests)


def hostile(programs: Path) -> results.Result:
    """What tries to break the promises: interruptions, inputs, secrets."""
    return _against_sandbox(
        programs, "interruptions, inputs, secrets", [_HOSTILE, f"--ignore={_FAULTS}", "-n", "3"]
    )


def faults(programs: Path) -> results.Result:
    """Each fault at each request."""
    # They wait more than they work.
    return _against_sandbox(programs, "faults", [_FAULTS, "-n", "8"])


def write_fault_table() -> int:
    """`make faults`: inject the faults, and write docs/faults.md."""
    programs = _programs("faults", "tests/e2e/requirements.txt")
    extra = {EXPLORE_VARIABLE: "1", "EDGEOPS_WRITE_README": "1"}
    return _pytest(programs, [_FAULTS, "-q", "-n", "8"], extra)


def flow(programs: Path) -> int:
    """Run one playbook from an empty zone to jobs, and again; returns the exit status."""
    extra = {"ANSIBLE_COLLECTIONS_PATH": str(tree.link())}
    return _pytest(programs, ["-q", _FLOW, "-k", "from_nothing_to_jobs"], extra)


def explore(programs: Path, examples: int) -> list[results.Result]:
    """Try each property with so many examples, and all of what is a sample otherwise."""
    extra = {EXPLORE_VARIABLE: str(examples)}
    units = [*UNIT_TESTS, *_OTHER_TESTS, "-n", "2"]
    hostile_tests = [_HOSTILE, f"--ignore={_RESPONSES}", f"--ignore={_FAULTS}", "-n", "2"]
    return [
        _counted(programs, "unit tests, explored", "", units, extra),
        _against_sandbox(programs, "unexpected responses, explored", [_RESPONSES], extra),
        _against_sandbox(programs, "faults, all of them", [_FAULTS, "-n", "8"], extra),
        _against_sandbox(
            programs, "interruptions, inputs, secrets, explored", hostile_tests, extra
        ),
    ]


def explore_core(core: matrix.Core, programs: Path) -> results.Result:
    """Play each use of each text of Cloudflare's on an ansible-core."""
    extra = {EXPLORE_VARIABLE: str(10**6), "ANSIBLE_COLLECTIONS_PATH": str(tree.link())}
    on = f"ansible-core {core.version}"
    return _counted(programs, f"untrusted text, {core.version}", on, [_UNTRUSTED], extra)


def _against_sandbox(
    programs: Path, what: str, arguments: list[str], more: dict[str, str] | None = None
) -> results.Result:
    core = matrix.newest_core_here()
    others = galaxy.ensure(core.ansible, programs / "python")
    extra = {"ANSIBLE_COLLECTIONS_PATH": f"{tree.link()}:{others}", **(more or {})}
    return _counted(programs, what, f"ansible-core {core.version}", arguments, extra)


def sandbox(programs: Path) -> results.Result:
    """The sandbox, where nothing else reaches it."""
    return _counted(programs, "sandbox", "", ["tests/unit/sandbox"])


def _counted(
    programs: Path, what: str, on: str, tests: list[str], extra: dict[str, str] | None = None
) -> results.Result:
    RESULTS.mkdir(parents=True, exist_ok=True)
    progress.begin_part(what)
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
    command, env = _command(programs, arguments)
    env.update(extra or {})
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def _command(programs: Path, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    env = environment.offline(environment.clean())
    env["PATH"] = f"{programs}:{env.get('PATH', '')}"
    env["PYTHONPATH"] = f"{tree.link()}:{ROOT / 'tests'}"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [str(programs / "python"), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return command, env
