# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ansible-test in an environment of the driver's own, without a container."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import environment, galaxy, progress, tree
from .matrix import CORES, Core, newest_core_anywhere
from .paths import CACHE
from .results import Result
from .steps import run_logged

# The tools of a checkout, which run on one Python.
_TOOLS = tuple(f"tests/{name}/" for name in ("benchmark", "contract", "driver", "sandbox", "e2e"))
_COMMANDS = {
    "sanity": ("sanity",),
    # What knows nothing of Ansible is tested once, by pytest.
    # One worker: the other cores of the machine have other sessions to run.
    "units": (
        *("units", "--num-workers", "1"),
        *("--exclude", "tests/unit/sandbox/"),
        *("--exclude", "tests/unit/driver/"),
    ),
    "integration": ("integration", "--continue-on-error"),
}
_TARGET = re.compile(r"^Running (\S+) integration test (?:role|script)$", re.MULTILINE)
_LISTED_FAILURES = re.compile(r"The (\d+) (?:sanity|integration) test\(s\) listed below")
_SANITY_TEST = re.compile(r'^Running sanity test "', re.MULTILINE)
_COVERED = re.compile(r"^TOTAL .* (\d+)%$", re.MULTILINE)
# Lines and branches of plugins/ that the unit and the integration tests reach together.
LEAST_COVERED = 95  # per cent
_SANITY_SKIP = re.compile(r"^WARNING: ((?:Skipping|Required program).*)$", re.MULTILINE)


def run_all(core: Core, programs: Path, names: list[str]) -> list[Result]:
    """Run these commands (if none are named, what this ansible-core is needed for).

    The later ones run also if one fails.

    `programs` is the folder of the virtual environment that has this ansible-core.
    """
    python = programs / "python"
    copy = tree.copy(core.version, galaxy.ensure(core.ansible, python))
    env = _environment(core, programs, copy)
    _provide_get_pip(core, python, Path(env["HOME"]))
    version, release = _versions(python)
    # What does not depend on the version is done with the newest alone.
    newest = core == newest_core_anywhere()
    results = []
    for name in names or commands_for(core, newest_core_anywhere()):
        command = [str(programs / "ansible-test"), *_COMMANDS[name]]
        if not newest:
            command += _only_with_the_newest(name)
        if name != "sanity" and newest:
            command.append("--coverage")
        results.append(_run(name, command, version, copy, env))
    if newest and not names:
        results.append(_coverage(programs / "ansible-test", copy, env))
    for result in results:
        result.on = f"ansible-core {release}, Python {version}"
    return results


def commands_for(core: Core, newest: Core) -> list[str]:
    """What to run on an ansible-core: the oldest and the newest show what depends on it."""
    return list(_COMMANDS) if core in (CORES[0], newest) else ["sanity"]


def _only_with_the_newest(name: str) -> Iterator[str]:
    """Yield the options that leave out what is done with the newest ansible-core alone."""
    if name == "sanity":
        for each in _TOOLS:
            yield from ("--exclude", each)
        yield from ("--skip-test", "pylint")


def _coverage(program: Path, copy: Path, env: dict[str, str]) -> Result:
    """Say how much of plugins/ the tests have reached, and where they have not."""
    start = time.monotonic()
    said = ""
    for command in (["combine"], ["report", "--show-missing", "--include", "plugins/*"]):
        done = subprocess.run(
            [str(program), "coverage", *command, "--color", "no"],
            cwd=copy,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said += done.stdout
    print(said, flush=True)
    total = _COVERED.search(said)
    covered = int(total.group(1)) if total else 0
    result = Result("coverage of plugins/", seconds=time.monotonic() - start)
    result.figures["branch coverage of plugins/, per cent"] = covered
    result.passed = int(covered >= LEAST_COVERED)
    result.failed = 1 - result.passed
    return result


def _environment(core: Core, programs: Path, copy: Path) -> dict[str, str]:
    # A home for each core: two of them may make environments for sanity tests at the same time.
    env = environment.clean(core.version)
    env["PATH"] = f"{programs}:{env.get('PATH', '')}"
    # Otherwise ansible-test walks up, finds the .git of the checkout, and asks git for the files
    # of a folder that git ignores.
    env["ANSIBLE_TEST_CONTENT_ROOT"] = str(copy)
    # It has its own configuration.
    del env["ANSIBLE_CONFIG"], env["ANSIBLE_HOME"]
    return env


def _run(name: str, command: list[str], version: str, copy: Path, env: dict[str, str]) -> Result:
    """Run one command; its output goes to ours, and is read for the figures."""
    command += ["--local", "--python", version, "--color", "no"]
    # Sanity tests make environments of their own and may need a proxy for it.
    env = env if name == "sanity" else environment.offline(env)
    progress.begin_part(f"ansible-test {name}")
    print(" ".join(command), flush=True)
    start = time.monotonic()
    pipe, together = subprocess.PIPE, subprocess.STDOUT
    output = ""
    with subprocess.Popen(
        command, cwd=copy, env=env, stdout=pipe, stderr=together, text=True
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            output += line
        status = process.wait()
    result = Result(f"ansible-test {name}", seconds=time.monotonic() - start)
    _count(name, result, output, copy)
    if status and not result.failed:
        result.failed = 1
    return result


def _count(name: str, result: Result, output: str, copy: Path) -> None:
    if name == "units":
        for junit in (copy / "tests" / "output" / "junit").glob("python*.xml"):
            result.add_junit(junit)
        return
    failures = _LISTED_FAILURES.search(output)
    result.failed = int(failures.group(1)) if failures else 0
    if name == "sanity":
        total = len(_SANITY_TEST.findall(output))
        result.reasons = _SANITY_SKIP.findall(output)
        result.skipped = len(result.reasons)
    else:
        # Targets that only prepare something for others are no tests.
        total = len({t for t in _TARGET.findall(output) if not t.startswith("setup_")})
    result.passed = total - result.failed - result.skipped


def _versions(python: Path) -> tuple[str, str]:
    """The versions of Python (3.11) and of ansible-core (2.19.3) in this environment."""
    code = (
        "import sys, importlib.metadata as m; v = sys.version_info;"
        "print('%d.%d' % v[:2], m.version('ansible-core'))"
    )
    version, release = subprocess.check_output([str(python), "-c", code], text=True).split()
    return version, release


_GET_PIP = '''\
"""Installs pip from the package index, in place of the script that ansible-test would download."""
import runpy
import sys

sys.path.insert(0, {wheel!r})
ignored = ("--no-setuptools", "--no-wheel")
sys.argv[1:] = ["install", *(item for item in sys.argv[1:] if item not in ignored)]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
'''


def _provide_get_pip(core: Core, python: Path, home: Path) -> None:
    """Put a get-pip script where ansible-test keeps the one that it downloads.

    So no other host than the package index is needed. It runs the pip wheel itself.
    """
    folder = CACHE / "pip-wheels"
    wheel = folder / f"pip-{core.pip}-py3-none-any.whl"
    if not wheel.is_file():
        command = [str(python), "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
        run_logged(f"pip-{core.pip}", [*command, f"pip=={core.pip}"], environment.clean())
    script = home / ".ansible" / "test" / "cache" / f"get_pip_{core.pip.replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(_GET_PIP.format(wheel=str(wheel)))
