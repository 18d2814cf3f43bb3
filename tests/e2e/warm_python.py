# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interpreter for modules that has already imported what they import.

Most of the processor time of a task is the start of its module: a Python that compiles the source
of all that Ansible sends with it. Here one process has imported it, and forks for each module. The
rest is as ever: Ansible sends the same payload, and each module has a process, an environment and
streams of its own. What only a fresh interpreter can show, that the payload is complete, is shown
by ``ansible-test integration``, by the tests in ``hostile`` and by the runs of ansible-runner.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

_READY = b"ready\n"
_CLIENT = Path(__file__).with_name("warm_client.py")
_MODULES = "ansible_collections.edgeops.cloudflare.plugins.modules"
_STORES = ("boto3", "google.cloud.storage", "azure.identity", "azure.storage.blob")


@contextlib.contextmanager
def warm_python() -> t.Iterator[str]:
    """Start the process that forks; return the path of the interpreter."""
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="warm") as folder:
        address, interpreter = str(Path(folder, "socket")), Path(folder, "python")
        client = [sys.executable, "-IS", str(_CLIENT), address]
        interpreter.write_text(f'#!/bin/sh\nexec {shlex.join(client)} "$@"\n', encoding="utf-8")
        interpreter.chmod(0o700)
        server = [sys.executable, __file__, address]
        with subprocess.Popen(server, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == _READY
                yield str(interpreter)
            finally:
                process.terminate()


def _import_all() -> None:
    """Import the modules of the collection and all that they import, libraries of stores too."""
    # Where modules of other collections are found too.
    sys.path.extend(os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep))
    modules = importlib.import_module(_MODULES)
    names = [f"{_MODULES}.{each.name}" for each in pkgutil.iter_modules(modules.__path__)]
    for name in (*names, *_STORES):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Each is to run as a program of its own.
    for name in names:
        del sys.modules[name]
    # So that a process that is forked need not copy them.
    gc.freeze()


def _serve(address: str) -> None:
    """Run each script that is handed over in a process of its own, until terminated."""
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit())
    fork = multiprocessing.get_context("fork")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        os.write(1, _READY)
        while True:
            connection, _address = listener.accept()
            with connection:
                fork.Process(target=_run, args=(connection,)).start()


def _run(connection: socket.socket) -> None:
    """Run a script with the streams, the environment and the folder that are handed over."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    length, streams, _flags, _address = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as stream:
        given = json.loads(stream.read(int.from_bytes(length, "big")))
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(given["folder"])
    random.seed()
    with open(0, encoding="utf-8", closefd=False) as stdin:
        script = stdin.read()
    sys.argv[:] = ["-"]
    status: object = 1
    try:
        exec(compile(script, "<stdin>", "exec"), {"__name__": "__main__"})
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
        raise
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        connection.sendall(str(status if isinstance(status, int) else 1).encode())


if __name__ == "__main__":
    _import_all()
    _serve(sys.argv[1])
