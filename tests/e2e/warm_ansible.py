# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's programs, run in processes that are forked from one that has imported them.

Half of the processor time of a short play is the start of Ansible. The rest is as ever: each run
has a process, an environment and streams of its own, and forks for each task. Ansible reads its
settings where it is imported, so each set of settings has a process. How users start Ansible is
shown by the tests in ``hostile`` and by the runs of ansible-runner.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import shutil
import subprocess
import sys
import tempfile
import typing as t
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from e2e import warm_process
from e2e.warm_client import hand_over

# What runs a command with an environment, and returns its exit status and what it prints.
Runner = t.Callable[[Sequence[str], Mapping[str, str]], tuple[int, str]]
_PROGRAMS = {"ansible-playbook": "playbook", "ansible-inventory": "inventory"}
# Each run loads these and parses their documentation; the loader of vars plugins takes no second
# call.
_PLUGINS = ("become", "callback", "connection", "inventory", "shell", "strategy")
_TIMEOUT = 600  # seconds
# What Ansible reads as it is imported.
_SETTINGS = ("ANSIBLE_", "HOME", "LC_", "LANG", "NO_COLOR", "PYTHON", "TERM", "TMPDIR")


def run_afresh(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a program as users do."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def warm_ansible() -> t.Iterator[Runner]:
    """Return what runs Ansible's programs; other programs are run as ever."""
    addresses: dict[frozenset[tuple[str, str]], str] = {}
    with contextlib.ExitStack() as started:

        def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
            if command[0] not in _PROGRAMS:
                return run_afresh(command, environment)
            settings = frozenset(
                (name, value) for name, value in environment.items() if name.startswith(_SETTINGS)
            )
            if settings not in addresses:
                process = warm_process.started("e2e.warm_ansible", environment)
                addresses[settings] = started.enter_context(process)
            return _handed_over(addresses[settings], command, environment)

        yield run


def _handed_over(
    address: str, command: Sequence[str], environment: Mapping[str, str]
) -> tuple[int, str]:
    with (
        open("/dev/null", "rb") as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        streams = [stdin.fileno(), stdout.fileno(), stderr.fileno()]
        status = hand_over(address, dict(environment), streams, list(command), _TIMEOUT)
        printed = b""
        for stream in (stdout, stderr):
            stream.seek(0)
            printed += stream.read()
    return status, printed.decode("utf-8")


def _import_all() -> None:
    warm_process.import_those_there_are(f"ansible.cli.{name}" for name in _PROGRAMS.values())
    loader = importlib.import_module("ansible.plugins.loader")
    loader.init_plugin_loader()
    # Each run does so again.
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
    for kind in _PLUGINS:
        list(getattr(loader, f"{kind}_loader").all(class_only=True))


def _run(command: list[str]) -> None:
    """Run one of the programs."""
    # The folder for temporary files is removed where it was made: by the process that forks.
    atexit._clear()
    program, *arguments = command
    sys.argv[:] = [shutil.which(program) or program, *arguments]
    importlib.import_module(f"ansible.cli.{_PROGRAMS[Path(program).name]}").main()


if __name__ == "__main__":
    _import_all()
    warm_process.serve(sys.argv[1], _run)
