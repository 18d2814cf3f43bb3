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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from . import background
from .processes import StartError
from .server import STRAY, Sandbox

_POLL = 0.25  # seconds between looks at the store
# As a shell reports them.
_NOT_FOUND = 127
_SIGNALLED = 128


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; returns the exit status."""
    options = _parser().parse_args(arguments)
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
    for command in (serve, start):
        command.add_argument("--watch-pid", type=int, help="stop when that process is gone")
    for command in (start, stop):
        command.add_argument("--state-dir", type=Path, required=True)
    return parser


@contextmanager
def _running(deliver: bool, port: int = 0) -> Iterator[Sandbox]:
    sandbox = Sandbox(port, deliver=deliver)
    try:
        sandbox.start()
        yield sandbox
    finally:
        _ignore_signals()
        sandbox.stop()


def _serve(options: argparse.Namespace) -> int:
    with background.lock(options.state_dir), _running(options.deliver, options.port) as sandbox:
        print(describe(sandbox.environment), flush=True)
        if options.state_dir is not None:
            path = background.environment(options.state_dir)
            sandbox.remove_later(path)
            _write_private(path, json.dumps(sandbox.environment, indent=2))
        trouble = None
        while trouble is None:
            time.sleep(_POLL)
            if options.watch_pid is not None and not background.alive(options.watch_pid):
                return 0
            trouble = sandbox.broken()
    print(f"The sandbox stops: {trouble}", file=sys.stderr)
    return 1


def _run(options: argparse.Namespace) -> int:
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        print("python -m sandbox run -- CMD [ARGS...]: no command given", file=sys.stderr)
        return 2
    inherited = {name: value for name, value in os.environ.items() if name not in STRAY}
    with _running(options.deliver) as sandbox:
        try:
            status = subprocess.call(words, env=inherited | sandbox.environment)
        except OSError as error:
            print(f"{words[0]}: {error.strerror}", file=sys.stderr)
            return _NOT_FOUND
    return status if status >= 0 else _SIGNALLED - status


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


def _write_private(path: Path, text: str) -> None:
    """Write a file that appears complete, and that only its owner may read."""
    made = path.with_suffix(".new")
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(f"{text}\n")
    made.replace(path)


if __name__ == "__main__":
    sys.exit(main())
