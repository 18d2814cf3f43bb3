# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make contract`: test against Cloudflare what the project believes of its API. See --help.

It needs CLOUDFLARE_API_TOKEN (with Logs Write; with Analytics Read, Account Analytics Read and
Notifications Read more can be tested) and CONTRACT_ZONE_ID. More can be tested with
CONTRACT_ACCOUNT_ID; CONTRACT_S3_DESTINATION (s3://bucket/prefix?region=R, which Cloudflare may
write to, and AWS credentials that may read, list and delete there); CONTRACT_R2_DESTINATION
(r2://bucket/prefix?account-id=A&access-key-id=K&secret-access-key=S); CONTRACT_EXPIRED_TOKEN (an
ownership token for CONTRACT_S3_DESTINATION that is more than seven days old).
CONTRACT_YES=1 skips the question whether to begin.
"""

from __future__ import annotations

import argparse
import os
import sys
import typing as t
from contextlib import contextmanager
from pathlib import Path

from .api import Api
from .beliefs import BELIEFS
from .interruption import Interrupted, Interruption
from .names import FOLDER
from .questions import QUESTIONS
from .redaction import Redactor
from .report import Run, render
from .running import AGREED, ANSWERED, DISAGREED, UNDETERMINED, try_one
from .settings import ACCOUNT, BUCKET, DESTINATION, KEYS, Settings, SettingsError

_SIGNALLED = 128  # as a shell reports it


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 where all agreed, 1 where not, 2 where nothing was tested."""
    options = _parser().parse_args(arguments)
    interruption = Interruption()
    try:
        with _settings(options.sandbox) as settings:
            if not options.sandbox and not _confirmed(settings, options.report):
                return 2
            interruption.install()
            return _test(Api(settings, interruption), options.report, interruption)
    except SettingsError as error:
        print(f"Nothing was tested: {error}", file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"Nothing was tested: {error.name} is not installed", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make contract", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--report", type=Path, default=Path("contract-report.md"))
    parser.add_argument("--sandbox", action="store_true", help="test the sandbox instead")
    return parser


@contextmanager
def _settings(sandbox: bool) -> t.Iterator[Settings]:
    if not sandbox:
        yield Settings.from_environment(os.environ)
        return
    # Imported late: against Cloudflare it is not needed.
    from sandbox.server import Sandbox

    running = Sandbox()
    try:
        running.start()
        os.environ.update(running.environment)
        yield Settings.for_sandbox(running.environment)
    finally:
        running.stop()


def describe(settings: Settings, report: Path) -> str:
    """What is going to be done, before it is."""
    lines = [
        f"This tests {settings.base_url} with CLOUDFLARE_API_TOKEN:",
        "",
        f"  zone {settings.zone_id}",
        f"    Creates, changes and deletes Logpush jobs named {FOLDER}-*, two at a time at most.",
        "    None is created enabled. Other jobs are not touched.",
    ]
    if settings.account_id:
        lines += [f"  account {settings.account_id}", "    Reads only."]
    for destination in (settings.s3_destination, settings.r2_destination):
        if destination:
            place = destination.partition("?")[0].rstrip("/")
            lines += [
                f"  {place}/{FOLDER}/",
                "    Cloudflare writes challenge and test files there; they are removed.",
            ]
    lines += [
        "",
        "Jobs and files of that name are removed at the beginning, at the end, and when this is",
        f"interrupted. About 250 requests are sent. The report is written to {report}.",
    ]
    for need in settings.missing((DESTINATION, BUCKET, KEYS, ACCOUNT)):
        lines.append(f"Not tested: what needs {need}.")
    return "\n".join(lines)


def _confirmed(settings: Settings, report: Path) -> bool:
    print(describe(settings, report))
    if os.environ.get("CONTRACT_YES") == "1":
        return True
    if not sys.stdin.isatty():
        print("Nothing was tested: set CONTRACT_YES=1 to begin without a terminal", file=sys.stderr)
        return False
    try:
        return input("\nBegin? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False


def _test(api: Api, path: Path, interruption: Interruption) -> int:
    run = Run(api.settings)
    redactor = Redactor(api.settings)
    try:
        _begin(api, redactor)
        for belief in BELIEFS:
            run.beliefs.append(try_one(api, belief))
            _tell(run.beliefs[-1].state, belief.name, run.beliefs[-1].reason, redactor)
        for question in QUESTIONS:
            run.answers.append(try_one(api, question))
            _tell(run.answers[-1].state, question.name, run.answers[-1].reason, redactor)
    except Interrupted:
        run.interrupted = True
    finally:
        interruption.close()
        run.left_behind = api.remove_everything()
        run.requests = api.requests
        path.write_text(render(run), encoding="utf-8")
    for problem in run.left_behind:
        print(f"Not removed: {redactor.text(problem)}", file=sys.stderr)
    print(f"\n{run.summary()}. Report: {path}")
    if run.interrupted:
        return _SIGNALLED + interruption.number
    return 1 if run.count(DISAGREED) or run.count(UNDETERMINED) or run.left_behind else 0


def _begin(api: Api, redactor: Redactor) -> None:
    for problem in api.remove_everything():
        print(f"Left by an earlier run: {redactor.text(problem)}", file=sys.stderr)


def _tell(state: str, name: str, reason: str, redactor: Redactor) -> None:
    more = f" ({redactor.text(reason)})" if reason and state not in (AGREED, ANSWERED) else ""
    print(f"  {state:12}  {name}{more}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
