# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interpreter for modules that has already imported what they import.

Most of the processor time of a task is the start of its module: a Python that compiles the source
of all that Ansible sends with it. Here one process has imported it, and forks for each module. The
rest is as ever: Ansible sends the same payload, and each module has a process, an environment and
streams of its own. What only a fresh interpreter can show, that the payload is complete, is shown
by a task with each module in the integration targets, by the tests in ``hostile`` and by the runs
of ansible-runner.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import pkgutil
import shlex
import shutil
import sys
import tempfile
import typing as t
from pathlib import Path

from e2e import warm_process

_THIS = "e2e.warm_python"
_CLIENT = Path(__file__).with_name("warm_client.py")
_MODULES = "ansible_collections.edgeops.cloudflare.plugins.modules"
_STORES = ("boto3", "google.cloud.storage", "azure.identity", "azure.storage.blob")
# What modules of Ansible's own import besides.
_OTHERS = ("ansible.module_utils.urls",)


@contextlib.contextmanager
def warm_python() -> t.Iterator[str]:
    """Start the process that forks; return the path of the interpreter."""
    with warm_process.started(_THIS) as address:
        yield _interpreter(address)


def _interpreter(address: str) -> str:
    interpreter = Path(address).with_name("python")
    client = [sys.executable, "-IS", str(_CLIENT), address]
    interpreter.write_text(f'#!/bin/sh\nexec {shlex.join(client)} "$@"\n', encoding="utf-8")
    interpreter.chmod(0o700)
    return str(interpreter)


def _import_all() -> None:
    """Import the modules of the collection and all that they import, libraries of stores too."""
    # Where modules of other collections are found too.
    sys.path.extend(os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep))
    modules = importlib.import_module(_MODULES)
    names = [f"{_MODULES}.{each.name}" for each in pkgutil.iter_modules(modules.__path__)]
    warm_process.import_those_there_are((*names, *_STORES, *_OTHERS))
    # Each is to run as a program of its own.
    for name in names:
        del sys.modules[name]


def _run(_arguments: list[str]) -> None:
    """Run the script on standard input."""
    with open(0, encoding="utf-8", closefd=False) as stdin:
        script = stdin.read()
    sys.argv[:] = ["-"]
    try:
        exec(compile(script, "<stdin>", "exec"), {"__name__": "__main__"})
    finally:
        atexit._run_exitfuncs()


def main(command: str, watched: int | None = None) -> None:
    """Serve at an address; or ``start`` that in the background, and print the interpreter."""
    if command == "start":
        assert watched is not None
        # Removed when it is over.
        address = str(Path(tempfile.mkdtemp(prefix="warm"), "socket"))
        warm_process.start(_THIS, address, watched)
        print(_interpreter(address))
        return
    _import_all()
    warm_process.serve(command, _run, watched)
    shutil.rmtree(Path(command).parent)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
