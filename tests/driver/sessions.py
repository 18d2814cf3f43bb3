# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the sessions of noxfile.py install and run what they test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

from . import downloads, tree
from .environment import OFFLINE
from .matrix import Core, newest_core_here
from .paths import CACHE, HOMES, NOX_HOME, ROOT
from .report import Part, run

IMPORT_LINTER = "import-linter==2.17"
# `make explore` sets it: how many examples each property is tried with, and all of each sample.
EXPLORE = "EXPLORE_EXAMPLES"
EXPLORING = EXPLORE in os.environ
HERE = newest_core_here()
_COVERAGE = ROOT / "tests" / "driver" / "coverage.ini"
# All but what needs other versions: the session `lowest`, and ansible-core itself.
CONSTRAINTS = ROOT / "tests" / "constraints.txt"
REQUIREMENTS = (
    "requirements-stores.txt",
    *(f"tests/{name}/requirements.txt" for name in ("unit", "integration", "sandbox", "e2e")),
)

MODULES = "tests/unit/plugins/modules"
# They make a controller of their process, in which no module can be tested.
CONTROLLER = ("tests/unit/plugins/inventory", "tests/unit/plugins/lookup")
OTHERS = ("tests/unit/plugins/module_utils", "tests/unit/plugins/filter")
TOOLS = ("tests/unit/driver", "tests/unit/test_consistency.py")
# What differs between versions of ansible-core, besides modules, which integration targets run.
AFFECTED = (f"{OTHERS[0]}/test_module.py", OTHERS[1])
# It forks for each test.
ALL_UNITS = ("units", "--num-workers", "2", "tests/unit/plugins/")
# Run against the sandbox, and with it HOSTILE.
HOSTILE = "tests/e2e/hostile"
# What the tests of a file share is made once.
TWO_WORKERS = ("-n", "2", "--dist", "loadfile")
E2E = ("tests/e2e", f"--ignore={HOSTILE}", *TWO_WORKERS)
SAMPLE_OF_TARGETS = ("inventory_zones", "logpush_jobs", "playbooks")
_NOTHING_TO_RUN = 5
Environment = Mapping[str, str | None]
_NONE: Environment = {}


def install(
    session: nox.Session, *packages: str, core: Core = HERE, files: Iterable[str] = REQUIREMENTS
) -> None:
    """Install packages and requirement files, all at the versions of tests/constraints.txt."""
    words = [word for file in files for word in ("-r", str(ROOT / file))]
    session.install(core.requirement, *packages, *words, "-c", str(CONSTRAINTS))


def pytest(
    session: nox.Session,
    what: str,
    *arguments: str,
    env: Environment = _NONE,
    beside_others: bool = False,
) -> Part:
    """Run pytest; the session is in the checkout: see `noxfile.py`."""
    unused = [word for name in _unused(arguments) for word in ("-p", f"no:{name}")]
    command = ("python", "-m", "pytest", "-q", "-rsfE", *unused, *arguments)
    success = (0, _NOTHING_TO_RUN) if session.posargs else (0,)
    whole = {**_environment(), **env}
    return run(session, what, command, whole, success=success, beside_others=beside_others)


def _unused(arguments: tuple[str, ...]) -> Iterator[str]:
    """Yield the plugins of pytest that are not needed, which take a third of its start."""
    yield from ("anyio", "cacheprovider", "logging", "pytest_mock")
    if not any(word.startswith(("-n", "--numprocesses")) for word in arguments):
        yield from ("xdist", "xdist.looponfail")
    if not any(word.startswith("--cov") for word in arguments):
        yield "pytest_cov"


def against_sandbox(
    session: nox.Session, what: str, *arguments: str, env: Environment = _NONE, core: Core = HERE
) -> Part:
    """Run pytest with the other collections."""
    paths = f"{tree.link()}:{downloads.collections(core.ansible)}"
    return pytest(session, what, *arguments, env={"ANSIBLE_COLLECTIONS_PATH": paths, **env})


def units(session: nox.Session, *arguments: str) -> list[Part]:
    """Run the unit tests of the plugins and of the driver, in two processes at a time."""
    groups = {
        "unit tests, modules": (MODULES,),
        "unit tests, others": (*OTHERS, *TOOLS),
        "unit tests, inventory and lookup": CONTROLLER,
    }
    with ThreadPoolExecutor(2) as pool:
        started = [
            pool.submit(pytest, session, what, *paths, *arguments, beside_others=True)
            for what, paths in groups.items()
        ]
        return [each.result() for each in started]


def covered_units(session: nox.Session, least: int) -> list[Part]:
    """Run them with coverage, of which this much per cent is the least."""
    folder = CACHE / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = {"COVERAGE_FILE": str(folder / "data")}
    measured = ("--cov=plugins", f"--cov-config={_COVERAGE}", "--cov-append")
    of_all = ("--cov-report=term-missing", f"--cov-fail-under={least}")
    paths = (MODULES, *OTHERS, *TOOLS)
    return [
        pytest(session, "unit tests", *paths, *measured, "--cov-report=", env=env),
        pytest(session, "inventory, lookup, coverage", *CONTROLLER, *measured, *of_all, env=env),
    ]


def sanity(session: nox.Session, core: Core) -> list[Part]:
    """Run the sanity tests; pylint, which takes minutes for the tests, for the plugins alone.

    `ruff` checks the tests.
    """
    if EXPLORING:
        return [ansible_test(session, core, "sanity")]
    return [
        ansible_test(session, core, "sanity", "--skip-test", "pylint"),
        ansible_test(session, core, "sanity", "--test", "pylint", "plugins/", what="pylint"),
    ]


def of_core(session: nox.Session, core: Core, *, newest: bool, oldest: bool) -> list[Part]:
    """Run what depends on the version of ansible-core."""
    if EXPLORING:
        commands = (ALL_UNITS, ("integration", "--continue-on-error"))
        done = [ansible_test(session, core, *command) for command in commands]
        return [*done, against_sandbox(session, "playbooks, examples", *E2E, core=core)]
    done = []
    if not newest:  # With that one the session `unit` runs all unit tests.
        done += [
            pytest(session, "unit tests, filters", *AFFECTED),
            pytest(session, "unit tests, inventory and lookup", *CONTROLLER),
        ]
    if newest or oldest:
        targets = () if newest else SAMPLE_OF_TARGETS
        done.append(ansible_test(session, core, "integration", "--continue-on-error", *targets))
    return done


def ansible_test(session: nox.Session, core: Core, *command: str, what: str = "") -> Part:
    """Run ansible-test in a copy of the checkout, without a container."""
    is_sanity = command[0] == "sanity"
    copy = tree.copy(session.name, "" if is_sanity else downloads.collections(core.ansible))
    # A home for each core: two of them may prepare their sanity tests at the same time.
    home = HOMES / core.version
    _provide_get_pip(home / ".ansible" / "test" / "cache", core.pip)
    env = {
        # Sanity tests have environments of their own, for which a proxy may be needed.
        **({} if is_sanity else OFFLINE),
        "HOME": str(home),
        # Or else it takes the checkout's .git for its own, which ignores the copy.
        "ANSIBLE_TEST_CONTENT_ROOT": str(copy),
        # It has a configuration of its own.
        **dict.fromkeys(("ANSIBLE_CONFIG", "ANSIBLE_HOME", "PYTHONPATH")),
    }
    options = ("--local", "--python", str(session.python), "--color", "no")
    with session.chdir(copy):
        what = what or f"ansible-test {command[0]}"
        return run(session, what, ("ansible-test", *command, *options), env)


def _provide_get_pip(folder: Path, version: str) -> None:
    """Put a script where ansible-test keeps the one that it downloads, which installs pip.

    So the package index is the only host that is needed.
    """
    pip = [str(NOX_HOME / "bin" / "python"), "-m", "pip", "--python"]
    install = ["install", "-qq", f"pip=={version}"]
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / f"get_pip_{version.replace('.', '_')}.py"
    script.write_text(
        "import subprocess, sys\n"
        f"sys.exit(subprocess.call({pip!r} + [sys.executable] + {install!r}))\n"
    )


def program(session: nox.Session, module: str, *arguments: str, env: Environment = _NONE) -> None:
    """Run one of the packages below tests/ in the foreground, until it ends or is interrupted."""
    whole = {**_environment(), **env, "PYTHONPATH": str(ROOT / "tests")}
    session.run("python", "-m", module, *arguments, env=whole, interrupt_timeout=60)


def lint_imports(session: nox.Session) -> None:
    """Check that imports between the plugins point down only."""
    command = ("lint-imports", str(ROOT / ".importlinter"), "--no-cache")
    session.run(*command, env={"PYTHONPATH": str(tree.link())})


def _environment() -> Environment:
    """The variables of nox, which the driver has cleaned, as tests need them."""
    path = f"{tree.link()}:{ROOT / 'tests'}"
    # It takes longer to compile the tests than to run a third of them.
    return {**OFFLINE, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": None}
