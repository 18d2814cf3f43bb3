# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs in an environment of its own: `make demo`, `sandbox`, `contract` and `benchmark`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

from . import azurite, environment, matrix, stamps, tree, venvs
from .paths import CACHE, ROOT
from .steps import Step, run_logged, say

_DEMO = CACHE / "demo"
_SANDBOX_REQUIREMENTS = (
    ROOT / "requirements-stores.txt",
    ROOT / "tests" / "sandbox" / "requirements.txt",
)


def demo() -> int:
    """Set up what is missing, then run the shipped playbooks against the sandbox."""
    say("From an empty zone to logs that flow, against the sandbox. No account is needed.\n")
    azurite.ensure()
    programs, env = _installed()
    command = [str(programs / "python"), "-m", "sandbox", "run", "--deliver", "--"]
    # It prints to people: without the warnings of an empty inventory.
    env["ANSIBLE_CONFIG"] = str(ROOT / "tests" / "driver" / "ansible.cfg")
    session = [str(programs / "python"), "-m", "driver.demo_session"]
    return subprocess.run([*command, *session], cwd=ROOT, env=env, check=False).returncode


def benchmark(arguments: list[str]) -> NoReturn:
    """Measure what docs/performance.md shows."""
    programs, env = _installed("benchmark", ROOT / "tests" / "benchmark" / "requirements.txt")
    os.chdir(ROOT)
    # Instead of this process: when it is interrupted, it takes a moment to end what runs.
    python = str(programs / "python")
    os.execve(python, [python, "-m", "benchmark", *arguments], env)


def contract(arguments: list[str]) -> NoReturn:
    """Test against Cloudflare what is believed of its API."""
    programs = _programs(matrix.newest_core_here())
    # With the user's credentials and proxies: it is no test of this checkout alone.
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    os.chdir(ROOT)
    # Instead of this process: when it is interrupted, it removes what it created.
    python = str(programs / "python")
    os.execve(python, [python, "-m", "contract", *arguments], env)


def sandbox() -> int:
    """Run the sandbox in the foreground, until it is interrupted."""
    azurite.ensure()
    programs = _programs(matrix.newest_core_here())
    command = [str(programs / "python"), "-m", "sandbox", "serve", "--deliver"]
    try:
        return subprocess.run(command, cwd=ROOT, env=_environment(programs), check=False).returncode
    except KeyboardInterrupt:
        return 0


def _installed(name: str = "demo", *more: Path) -> tuple[Path, dict[str, str]]:
    """The programs, and an environment in which Ansible finds the collections."""
    core = matrix.newest_core_here()
    programs = _programs(core, name, *more)
    env = _environment(programs)
    _install_collection(programs, env)
    env["ANSIBLE_COLLECTIONS_PATH"] = str(_DEMO / "collections")
    return programs, env


def _programs(core: matrix.Core, name: str = "demo", *more: Path) -> Path:
    return venvs.ensure(
        CACHE / name / "venv",
        f"a virtual environment with ansible-core {core.version} and the sandbox",
        [core.requirement],
        [*_SANDBOX_REQUIREMENTS, *more],
    )


def _environment(programs: Path) -> dict[str, str]:
    env = environment.offline(environment.clean())
    env["PATH"] = f"{programs}{os.pathsep}{env.get('PATH', '')}"
    env["PYTHONPATH"] = str(ROOT / "tests")
    return env


def _install_collection(programs: Path, env: dict[str, str]) -> None:
    """Build the collection, and install it from its own tarball, as a user would."""
    target = _DEMO / "collections"
    value = stamps.digest([str(ROOT)], tree.files())
    if stamps.is_current("demo-collection", value) and target.is_dir():
        return
    stamps.remove("demo-collection")
    shutil.rmtree(target, ignore_errors=True)
    galaxy_command = [str(programs / "ansible-galaxy"), "collection"]
    with Step("Building the collection and installing it from its tarball"):
        build = [*galaxy_command, "build", "--force", "--output-path", str(_DEMO / "built")]
        shutil.rmtree(_DEMO / "built", ignore_errors=True)
        run_logged("demo-build", [*build, str(tree.copy("demo"))], env)
        tarball = next((_DEMO / "built").glob("*.tar.gz"))
        install = [*galaxy_command, "install", "--offline", "--force", "-p", str(target)]
        run_logged("demo-install", [*install, str(tarball)], env)
    stamps.write("demo-collection", value)
