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
import signal
import sys
from pathlib import Path

import pytest

from .folder import FOLDER
from .report import Report
from .settings import ACCOUNT, BUCKET, DESTINATION, KEYS, Settings, SettingsError, of_sandbox

HERE = Path(__file__).parent


def main() -> int:
    """Return the exit status: 0 where all agreed, 1 where not, 2 where nothing was tested."""
    parser = argparse.ArgumentParser(
        prog="make contract", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--report", type=Path, default=Path("contract-report.md"))
    parser.add_argument("--sandbox", action="store_true", help="test the sandbox instead")
    options = parser.parse_args()
    if options.sandbox:
        return _sandbox(options.report)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(f"Nothing was tested: {error}", file=sys.stderr)
        return 2
    print(_describe(settings, options.report))
    return _run(settings, options.report) if _confirmed() else 2


def _sandbox(report: Path) -> int:
    # Imported late: against Cloudflare it is not needed.
    from sandbox.server import Sandbox

    running = Sandbox()
    try:
        running.start()
        os.environ.update(running.environment)
        return _run(Settings.from_environment(of_sandbox(running.environment)), report)
    finally:
        running.stop()


def _run(settings: Settings, path: Path) -> int:
    # As Ctrl-C, so that what was created is removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    report = Report(settings, path)
    # Without tracebacks: they would show what the report redacts.
    files = [
        str(HERE / name) for name in ("test_beliefs.py", "test_questions.py", "test_watching.py")
    ]
    options = ["-v", "--no-header", "--tb=no", "-rN", "-p", "no:cacheprovider"]
    status = pytest.main([*options, *files], plugins=[report])
    print(f"\n{report.summary()} Report: {path}")
    return 128 + signal.SIGINT if status == pytest.ExitCode.INTERRUPTED else int(not report.good)


def _describe(settings: Settings, report: Path) -> str:
    """What is going to be done, before it is."""
    lines = [
        f"This tests {settings.base_url} with CLOUDFLARE_API_TOKEN:",
        "",
        f"  zone {settings.zone_id}",
        f"    Creates, changes and deletes Logpush jobs named {FOLDER}-*, two at a time at most.",
        "    None is created enabled. Other jobs are not touched.",
    ]
    if settings.account_id:
        lines += [f"  account {settings.account_id}", "    Creates nothing."]
    for destination in settings.destinations():
        lines += [
            f"  {destination.partition('?')[0].rstrip('/')}/{FOLDER}/",
            "    Cloudflare writes challenge and test files there; they are removed.",
        ]
    missing = settings.missing((DESTINATION, BUCKET, KEYS, ACCOUNT))
    lines += [
        "",
        "Jobs and files of that name are removed at the beginning, at the end, and when this is",
        f"interrupted. About 300 requests are sent. The report is written to {report}.",
        *(f"Not tested: what needs {need}." for need in missing),
    ]
    return "\n".join(lines)


def _confirmed() -> bool:
    if os.environ.get("CONTRACT_YES") == "1":
        return True
    if not sys.stdin.isatty():
        print("Nothing was tested: set CONTRACT_YES=1 to begin without a terminal", file=sys.stderr)
        return False
    try:
        return input("\nBegin? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False


if __name__ == "__main__":
    sys.exit(main())
