# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands: ``serve``, ``run`` and ``start``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from .processes import StartError, is_alive
from .server import STRAY, Sandbox

_POLL = 0.25  # seconds between looks at the stores
# As a shell reports them.
_NOT_FOUND, _SIGNALLED = 127, 128


def main() -> int:
    """Carry out one command; returns the exit status."""
    options = _parser().parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        status: int = options.command(options)
    except (StartError, OSError) as error:
        print(f"The sandbox did not start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _SIGNALLED + signal.SIGINT
    return status


def _end(number: int, _frame: object) -> NoReturn:
    _ignore_signals()
    sys.exit(_SIGNALLED + number)


def _ignore_signals() -> None:
    """From now on it is being cleaned up, which nothing is to interrupt."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="run in the foreground until Ctrl-C")
    serve.add_argument("--json", action="store_true", help="print the environment as JSON")
    serve.set_defaults(command=_serve)
    run = commands.add_parser("run", help="run a command against a new sandbox")
    run.add_argument("words", nargs="+", metavar="-- CMD")
    run.set_defaults(command=_run)
    start = commands.add_parser(
        "start", help="run in the background; print the environment as JSON once it is ready"
    )
    start.set_defaults(command=_start)
    for command in (serve, run):
        command.add_argument(
            "--deliver",
            action="store_true",
            help="deliver a batch of made-up logs as soon as an enabled job is written "
            "(default: nothing, until PUT /sandbox/delivery changes that)",
        )
    for command in (serve, start):
        command.add_argument(
            "--watch-pid", type=int, required=command is start, help="stop when it is gone"
        )
    return parser


@contextmanager
def _running(deliver: bool) -> Iterator[Sandbox]:
    sandbox = Sandbox(deliver=deliver)
    try:
        sandbox.start()
        yield sandbox
    finally:
        _ignore_signals()
        sandbox.stop()


def _serve(options: argparse.Namespace) -> int:
    with _running(options.deliver) as sandbox:
        environment = sandbox.environment
        print(json.dumps(environment) if options.json else describe(environment), flush=True)
        while (trouble := sandbox.broken()) is None:
            time.sleep(_POLL)
            if options.watch_pid is not None and not is_alive(options.watch_pid):
                return 0
    print(f"The sandbox stops: {trouble}", file=sys.stderr)
    return 1


def _run(options: argparse.Namespace) -> int:
    inherited = {name: value for name, value in os.environ.items() if name not in STRAY}
    with _running(options.deliver) as sandbox:
        try:
            status = subprocess.call(options.words, env=inherited | sandbox.environment)
        except OSError as error:
            print(f"{options.words[0]}: {error.strerror}", file=sys.stderr)
            return _NOT_FOUND
    return status if status >= 0 else _SIGNALLED - status


def _start(options: argparse.Namespace) -> int:
    command = [sys.executable, "-m", __package__, "serve", "--json"]
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        [*command, "--watch-pid", str(options.watch_pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.readline()
    if not output.startswith("{"):
        print(output + process.stdout.read(), end="", file=sys.stderr)
        return 1
    print(output, end="")
    return 0


def describe(environment: dict[str, str]) -> str:
    """The lines to copy, which say what runs where, and which store does not run."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(
        [
            f"Logpush API, as base_url: {environment['CLOUDFLARE_BASE_URL']}",
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


if __name__ == "__main__":
    sys.exit(main())
