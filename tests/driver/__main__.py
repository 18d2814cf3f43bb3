# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python -m driver COMMAND: installs nox, and runs the sessions of noxfile.py with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from . import downloads, environment, report, tree
from .matrix import LINT, MORE, TESTS, newest_core_here
from .paths import CACHE, HOMES, LOGS, NOX_ENVIRONMENTS, NOX_HOME, ROOT, SUMMARY_VARIABLE, WORK

# Two more than there are cores, up to four: now and then a test waits.
AT_A_TIME = min(4, (os.cpu_count() or 1) + 2)


def _nox() -> list[str]:
    """Return the command that runs nox, which is installed if need be."""
    requirements = ROOT / "tests" / "driver" / "requirements.txt"
    installed, python = NOX_HOME / "requirements.txt", str(NOX_HOME / "bin" / "python")
    wanted = f"{sys.version}\n{ROOT}\n{requirements.read_text('utf-8')}"
    if not installed.is_file() or installed.read_text("utf-8") != wanted:
        print("Installing nox ...", flush=True)
        # Environments have their own path in their programs: a moved checkout needs new ones.
        for folder in (NOX_HOME, NOX_ENVIRONMENTS, HOMES):
            shutil.rmtree(folder, ignore_errors=True)
        venv.create(NOX_HOME, with_pip=True)
        pip, env = [python, "-m", "pip", "install", "-qq"], environment.clean()
        subprocess.run([*pip, "-r", str(requirements)], env=env, check=True)
        # Where there is no wheel of it, nox makes its environments with virtualenv.
        subprocess.run([*pip, "--only-binary=:all:", "uv"], env=env, check=False)
        installed.write_text(wanted, "utf-8")
    return [python, "-m", "nox", "--envdir", str(NOX_ENVIRONMENTS)]


def _session(name: str, arguments: list[str]) -> int:
    """Run one session in the checkout itself, with its output as it comes."""
    if name in {"demo", "serve", "quick", "faults"}:
        downloads.azurite()
    env = environment.clean()
    if name == "contract":
        # With the user's credentials and proxies: it is no test of this checkout alone.
        env |= {**os.environ, "PYTHONPATH": env["PYTHONPATH"]}
    return _run([*_nox(), "--session", name, "--", *arguments], ROOT, env)


def _run(command: list[str], folder: Path, env: dict[str, str]) -> int:
    """Run nox, which ends what it has started, where this is interrupted or terminated."""
    with subprocess.Popen(command, cwd=folder, env=env) as process:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(report.INTERVAL)
                if SUMMARY_VARIABLE in env:
                    report.progress()
        except SystemExit:
            # nox ends its sessions at an interrupt alone. Ctrl-C reaches it by itself.
            process.send_signal(signal.SIGINT)
            raise
        finally:
            process.wait()


def _test(sessions: Iterable[str], **more_env: str) -> int:
    """Run these sessions, some at a time, and show a summary."""
    nox = _nox()
    downloads.azurite()
    # A copy has no files that git would ignore, also where there is no git to say so.
    copy = tree.copy("checks", downloads.collections(newest_core_here().ansible))
    command = [*nox, "--parallel", str(AT_A_TIME), "--allow-parallel"]
    command += ["--no-error-on-missing-interpreters", "--nocolor", "--session"]
    # CI: the formatters then check, and change nothing.
    env = {**environment.clean(), SUMMARY_VARIABLE: "1", "CI": "true", "NO_COLOR": "1", **more_env}
    # Not into the copy, whose files are all checked.
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    shutil.rmtree(LOGS, ignore_errors=True)
    status = _run([*command, *sessions], copy, env)
    report.show()
    return status


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    command, *rest = arguments or ["test"]
    if command == "clean":
        for folder in (CACHE, NOX_ENVIRONMENTS, NOX_HOME, *([WORK] if WORK != ROOT else [])):
            shutil.rmtree(folder, ignore_errors=True)
        return 0
    if command == "lint":
        return _test(LINT)
    if command == "explore":
        return _test((*TESTS, *MORE), EXPLORE_EXAMPLES=(rest or ["500"])[0])
    return _test(rest or TESTS) if command == "test" else _session(command, rest)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    # A shell that starts this in the background has it ignored, by nox too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(f"This failed: {error}")
