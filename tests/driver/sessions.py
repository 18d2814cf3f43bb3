# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the sessions of noxfile.py install and run what they test."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

from . import environment, galaxy, tree
from .matrix import Core, newest_core_here
from .parts import Part, run
from .paths import CACHE, RESULTS, ROOT

IMPORT_LINTER = "import-linter==2.17"
# How many examples each property is tried with, and all of what is a sample otherwise.
EXPLORE = "EXPLORE_EXAMPLES"
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
# What can differ between versions of ansible-core.
AFFECTED = (MODULES, f"{OTHERS[0]}/test_module.py", OTHERS[1])
# What only ansible-test can show is that it finds and runs them: it forks for each test.
ALL_UNITS = ("units", "--num-workers", "2", "tests/unit/plugins/")
SAMPLE_OF_UNITS = (
    *("units", "--num-workers", "1", f"{OTHERS[0]}/test_module.py"),
    *(f"{each}/" for each in CONTROLLER),
)
# What differs between versions of ansible-core, of what ansible-test has.
SANITY_OF_PLUGINS = ("ansible-doc", "compile", "ignores", "import", "validate-modules")
SAMPLE_OF_TARGETS = ("inventory_zones", "logpush_job", "logpush_ownership", "playbooks")
_NOTHING_TO_RUN = 5
Environment = Mapping[str, str]
_NONE: Environment = {}

_COVERED = re.compile(r"^TOTAL .* ([\d.]+)%$", re.MULTILINE)
_LISTED_FAILURES = re.compile(r"The (\d+) (?:sanity|integration) test\(s\) listed below")
_TESTS = re.compile(r'^Running (?:sanity test ".*|(?!setup_)\S+ integration test .*)', re.MULTILINE)
_SKIPPED = re.compile(r"^WARNING: ((?:Skipping|Required program).*)$", re.MULTILINE)


def install(session: nox.Session, *packages: str, files: tuple[str, ...] = REQUIREMENTS) -> None:
    """Install packages and requirement files, all at the versions of tests/constraints.txt."""
    words = [word for file in files for word in ("-r", str(ROOT / file))]
    session.install(*packages, *words, "-c", str(CONSTRAINTS))


def pytest(session: nox.Session, what: str, *arguments: str, env: Environment = _NONE) -> Part:
    """Run pytest in the checkout."""
    with session.chdir(ROOT):
        return _pytest(session, what, *arguments, env=env)


def _pytest(
    session: nox.Session,
    what: str,
    *arguments: str,
    env: Environment,
    beside_others: bool = False,
) -> Part:
    unused = ("-p", "no:cacheprovider", "-p", "no:logging")
    command = ["python", "-m", "pytest", "-q", *unused, "--junitxml={junit}"]
    return run(
        session,
        what,
        [*command, *arguments],
        {**_environment(session), **env},
        success=(0, _NOTHING_TO_RUN) if session.posargs else (0,),
        beside_others=beside_others,
    )


def against_sandbox(
    session: nox.Session, what: str, *arguments: str, env: Environment = _NONE
) -> Part:
    """Run pytest with the other collections."""
    others = galaxy.ensure(newest_core_here().ansible)
    paths = f"{tree.link()}:{others}"
    return pytest(session, what, *arguments, env={"ANSIBLE_COLLECTIONS_PATH": paths, **env})


def units(
    session: nox.Session, *arguments: str, env: Environment = _NONE, at_a_time: int = 1
) -> list[Part]:
    """Run the unit tests of the plugins and of the driver, a third of them in each process."""
    groups = {
        "unit tests, modules": (MODULES,),
        "unit tests, others": (*OTHERS, "tests/unit/driver", "tests/unit/test_consistency.py"),
        "unit tests, inventory and lookup": CONTROLLER,
    }
    with session.chdir(ROOT), ThreadPoolExecutor(at_a_time) as pool:
        together = at_a_time > 1
        started = [
            pool.submit(_pytest, session, what, *paths, *arguments, env=env, beside_others=together)
            for what, paths in groups.items()
        ]
        return [each.result() for each in started]


def covered_units(session: nox.Session, least: int) -> list[Part]:
    """Run them with coverage, of which this much per cent is the least."""
    folder = RESULTS.parent / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = {"COVERAGE_FILE": str(folder / "data")}
    measured = ("--cov=plugins", f"--cov-config={_COVERAGE}", "--cov-append", "--cov-report=")
    done = units(session, *measured, env=env)
    with session.chdir(ROOT):
        report = ["coverage", "report", f"--rcfile={_COVERAGE}", "--show-missing", "--precision=1"]
        report.append(f"--fail-under={least}")
        reported = run(session, "branch coverage of plugins/", report, env, count=_count_coverage)
    return [*done, reported]


def _count_coverage(part: Part, output: str) -> None:
    total = _COVERED.search(output)
    part.figures["branch coverage of plugins/, per cent"] = float(total[1]) if total else 0
    part.passed = 1


def sanity(session: nox.Session, core: Core, *, whole: bool) -> Part:
    """Run the sanity tests: all but for pylint, or those that read the plugins' code.

    Pylint takes minutes for the tests, which ruff checks.
    """
    chosen = [word for name in SANITY_OF_PLUGINS for word in ("--test", name)]
    options = ["--skip-test", "pylint"] if whole else [*chosen, "plugins/"]
    return ansible_test(session, core, "sanity", *options)


def affected_units(session: nox.Session, *, modules: bool) -> list[Part]:
    """Run the unit tests of what can differ between versions of ansible-core."""
    return [
        pytest(session, "unit tests, modules", *(AFFECTED if modules else AFFECTED[1:])),
        pytest(session, "unit tests, inventory and lookup", *CONTROLLER),
    ]


def ansible_test(session: nox.Session, core: Core, *command: str, what: str = "") -> Part:
    """Run ansible-test in a copy of the checkout, without a container."""
    _provide_get_pip(core)
    copy = tree.copy(core.version, galaxy.ensure(core.ansible))
    # A home for each core: two of them may prepare their sanity tests at the same time.
    env = environment.clean(core.version)
    env["PATH"] = f"{session.bin}:{env['PATH']}"
    # Or else it takes the checkout's .git for its own, which ignores the copy.
    env["ANSIBLE_TEST_CONTENT_ROOT"] = str(copy)
    # It has a configuration of its own.
    del env["ANSIBLE_CONFIG"], env["ANSIBLE_HOME"], env["PYTHONPATH"]
    # Sanity tests make environments of their own, for which they may need a proxy.
    env = env if command[0] == "sanity" else environment.offline(env)
    options = ("--local", "--python", python_version(session), "--color", "no")
    with session.chdir(copy):
        what = what or f"ansible-test {command[0]}"
        return run(session, what, ["ansible-test", *command, *options], env, count=_count)


def _count(part: Part, output: str) -> None:
    failures = _LISTED_FAILURES.search(output)
    part.failed = int(failures[1]) if failures else 0
    part.reasons = _SKIPPED.findall(output)
    part.skipped = len(part.reasons)
    part.passed = max(0, len(set(_TESTS.findall(output))) - part.failed - part.skipped)


def program(session: nox.Session, module: str, *arguments: str, env: Environment = _NONE) -> None:
    """Run one of the packages below tests/ in the foreground, until it ends or is interrupted."""
    with session.chdir(ROOT):
        whole = {**_environment(session), **env, "PYTHONPATH": str(ROOT / "tests")}
        session.run("python", "-m", module, *arguments, env=whole, interrupt_timeout=60)


def lint_imports(session: nox.Session) -> None:
    """Run import-linter on a copy of the plugins."""
    packages = str(tree.packages())
    with session.chdir(packages):
        command = ("lint-imports", "--config", str(ROOT / ".importlinter"), "--no-cache")
        session.run(*command, env={"PYTHONPATH": packages})


def lock(session: nox.Session) -> None:
    """Write tests/constraints.txt."""
    command = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--upgrade"]
    command += ["--no-header", "--no-annotate", "--no-emit-package", "ansible-core"]
    files = (*REQUIREMENTS, "tests/benchmark/requirements.txt")
    with session.chdir(ROOT):
        session.run(*command, *files, "--output-file", str(CONSTRAINTS), external=True)


def python_version(session: nox.Session) -> str:
    """Return the version of the session's Python: 3.11."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    python = Path(session.bin) / "python"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def _environment(session: nox.Session) -> dict[str, str]:
    env = environment.offline(environment.clean())
    return env | {
        "PATH": f"{session.bin}:{env['PATH']}",
        "PYTHONPATH": f"{tree.link()}:{ROOT / 'tests'}",
        # It takes longer to compile the tests than to run a third of them.
        "PYTHONDONTWRITEBYTECODE": "",
    }


_GET_PIP = '''\
"""Installs pip from the package index, in place of the script that ansible-test would download."""
import runpy
import sys

sys.path.insert(0, {wheel!r})
ignored = ("--no-setuptools", "--no-wheel")
sys.argv[1:] = ["install", *(item for item in sys.argv[1:] if item not in ignored)]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
'''


def _provide_get_pip(core: Core) -> None:
    """Put a get-pip script where ansible-test keeps the one that it downloads.

    So the package index is the only host that is needed. It runs the pip wheel itself.
    """
    folder = CACHE / "pip-wheels"
    wheel = folder / f"pip-{core.pip}-py3-none-any.whl"
    env = environment.clean(core.version)
    if not wheel.is_file():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--dest", str(folder), f"pip=={core.pip}"]
        subprocess.run(command, env=env, check=True)
    name = f"get_pip_{core.pip.replace('.', '_')}.py"
    script = Path(env["HOME"]) / ".ansible" / "test" / "cache" / name
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(_GET_PIP.format(wheel=str(wheel)))
