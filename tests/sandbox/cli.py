# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands: ``serve``, ``run``, ``start`` and ``stop``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from . import background
from .processes import StartError
from .server import STRAY, Sandbox

_POLL = 0.25  # seconds between looks at the watched process and at the store
# As a shell reports them.
_NOT_FOUND = 127
_SIGNALLED = 128


class Stopping(threading.Event):
    """Set by a signal, whose number it keeps."""

    number = 0

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        self.number = number
        self.set()


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except (StartError, OSError) as error:
        print(f"The sandbox did not start: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="run in the foreground until Ctrl-C")
    serve.add_argument("--env-file", type=Path, help="write the environment there, as JSON")
    serve.add_argument("--port", type=int, default=0, help="of the API (default: a free one)")
    serve.add_argument("--state-dir", type=Path, help=argparse.SUPPRESS)
    serve.set_defaults(command=_serve)
    run = commands.add_parser("run", help="run a command against a new sandbox")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- CMD ...")
    run.set_defaults(command=_run)
    start = commands.add_parser("start", help="start in the background, print the environment")
    start.set_defaults(command=_start)
    stop = commands.add_parser("stop", help="stop what was started in the background")
    stop.set_defaults(command=_stop)
    for command in (serve, run):
        command.add_argument(
            "--deliver",
            action="store_true",
            help="deliver a batch of made-up logs as soon as an enabled job is written "
            "(default: nothing, until PUT /sandbox/delivery changes that)",
        )
    for command in (start, stop):
        command.add_argument("--state-dir", type=Path, required=True)
    for command in (serve, start):
        command.add_argument("--watch-pid", type=int, help="stop when that process is gone")
    return parser


def _serve(options: argparse.Namespace) -> int:
    with background.lock(options.state_dir), _stopped_by_signals() as stopping:
        sandbox = Sandbox(options.port, deliver=options.deliver)
        try:
            sandbox.start()
            print(describe(sandbox.environment), flush=True)
            if options.env_file is not None:
                sandbox.remove_later(options.env_file)
                write_private(options.env_file, json.dumps(sandbox.environment, indent=2))
            return _watch(sandbox, options.watch_pid, stopping)
        finally:
            sandbox.stop()


def _watch(sandbox: Sandbox, pid: int | None, stopping: Stopping) -> int:
    while not stopping.wait(_POLL):
        if pid is not None and not background.alive(pid):
            break
        trouble = sandbox.broken()
        if trouble is not None:
            print(f"The sandbox stops: {trouble}", file=sys.stderr)
            return 1
    return 0


def _run(options: argparse.Namespace) -> int:
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        print("python -m sandbox run -- CMD [ARGS...]: no command given", file=sys.stderr)
        return 2
    with _stopped_by_signals() as stopping:
        sandbox = Sandbox(deliver=options.deliver)
        try:
            sandbox.start()
            if stopping.is_set():
                return _SIGNALLED + stopping.number
            return _run_command(words, sandbox, stopping)
        finally:
            sandbox.stop()


def _run_command(words: list[str], sandbox: Sandbox, stopping: Stopping) -> int:
    inherited = {name: value for name, value in os.environ.items() if name not in STRAY}
    try:
        with subprocess.Popen(words, env=inherited | sandbox.environment) as process:
            status = _wait(process, stopping)
    except OSError as error:
        print(f"{words[0]}: {error.strerror}", file=sys.stderr)
        return _NOT_FOUND
    return status if status >= 0 else _SIGNALLED - status


def _wait(process: subprocess.Popen[bytes], stopping: Stopping) -> int:
    while True:
        try:
            return process.wait(_POLL)
        except subprocess.TimeoutExpired:
            # A terminal sends Ctrl-C to the command too; other signals reach only us.
            if stopping.is_set() and stopping.number != signal.SIGINT:
                process.send_signal(stopping.number)
                stopping.clear()


def _start(options: argparse.Namespace) -> int:
    print(background.start(options.state_dir, options.watch_pid))
    return 0


def _stop(options: argparse.Namespace) -> int:
    background.stop(options.state_dir)
    return 0


def describe(environment: dict[str, str]) -> str:
    """What runs where, and the lines to copy."""
    bucket, server = environment["SANDBOX_BUCKET"], environment["SANDBOX_STORE"]
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(
        [
            f"Logpush API, as base_url: {environment['CLOUDFLARE_BASE_URL']}",
            f"S3 ({server}): {environment['AWS_ENDPOINT_URL_S3']}, bucket {bucket}",
            *_others(environment),
            f"Control API (a GET lists its paths): {environment['SANDBOX_CONTROL_URL']}",
            "Delivered logs: GET /sandbox/uploads; how they are delivered: GET /sandbox/delivery",
            "",
            "To point your own playbooks at it, in another shell:",
            "",
            f"unset {' '.join(STRAY)}",
            *exports,
            "",
            "Ctrl-C stops it and removes everything.",
        ]
    )


def _others(environment: dict[str, str]) -> list[str]:
    """A line for each of the other stores, which need not be installed."""
    lines = []
    for name, what in (("GCS", "Google Cloud Storage"), ("AZURE", "Azure Blob Storage")):
        said = environment.get(f"SANDBOX_{name}", "")
        endpoint = environment.get(f"SANDBOX_{name}_ENDPOINT")
        lines.append(f"{what} ({said}): {endpoint}" if endpoint else f"No {what}: {said}")
    return lines


def write_private(path: Path, text: str) -> None:
    """Write a file that appears complete, and that only its owner may read."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(f"{text}\n")
    os.replace(name, path)


@contextmanager
def _stopped_by_signals() -> Iterator[Stopping]:
    """An event that is set by SIGINT, SIGTERM and SIGHUP, while the block lasts."""
    stopping = Stopping()
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, stopping.note) for number in watched]
    try:
        yield stopping
    finally:
        for number, handler in zip(watched, before, strict=True):
            signal.signal(number, handler)
