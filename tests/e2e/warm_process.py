# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that has imported what many programs import, and forks for each of them.

A forked program has the environment, the working directory and the streams of the process that
hands it over.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

from sandbox.processes import is_alive

_READY = b"ready\n"
_POLL = 1.0  # seconds between looks at a process that is watched


def start(module: str, address: str, watched: int) -> None:
    """Start a module that serves in the background, until another process has ended."""
    command = [sys.executable, "-P", "-m", module, address, str(watched)]
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == _READY


@contextlib.contextmanager
def started(module: str, environment: t.Mapping[str, str] | None = None) -> t.Iterator[str]:
    """Start a module that serves; return the path of its socket."""
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="warm") as folder:
        address = str(Path(folder, "socket"))
        # -P: what is in the current folder is not to be imported.
        command = [sys.executable, "-P", "-m", module, address]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == _READY
                yield address
            finally:
                process.terminate()


def import_those_there_are(names: t.Iterable[str]) -> None:
    """Import modules, some of which may lack a library."""
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def serve(address: str, run: t.Callable[[list[str]], object], watched: int | None = None) -> None:
    """Call ``run`` with each list of arguments, in a process of its own.

    It ends when it is terminated, or when the process that is watched has ended.
    """
    # So that a process that is forked need not copy what was imported.
    gc.freeze()
    signal.signal(signal.SIGTERM, _end)
    fork = multiprocessing.get_context("fork")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        listener.settimeout(None if watched is None else _POLL)
        os.write(1, _READY)
        while watched is None or is_alive(watched):
            with contextlib.suppress(TimeoutError):
                connection, _address = listener.accept()
                with connection:
                    fork.Process(target=_run, args=(connection, run)).start()


def _end(*_signal: object) -> None:
    """End, and what was forked too."""
    for each in multiprocessing.active_children():
        each.terminate()
    sys.exit()


def _run(connection: socket.socket, run: t.Callable[[list[str]], object]) -> None:
    """Run with what is handed over, and return the exit status."""
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
    status: object = 1
    try:
        run(given["arguments"])
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(status if isinstance(status, int) else 1).encode())
