# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test against Cloudflare what the project believes of its API.

CONTRIBUTING.md says which environment variables it reads. The report is contract-report.md.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

import pytest

from sandbox.server import running

from .folder import FOLDER
from .report import REPORT, Report
from .settings import ACCOUNT, BUCKET, DESTINATION, KEYS, Settings, SettingsError, of_sandbox

HERE = Path(__file__).parent


def main() -> int:
    """Return the exit status: 0 where all agreed, 1 where not, 2 where nothing was tested."""
    parser = argparse.ArgumentParser(prog="make contract", description=__doc__)
    parser.add_argument("--sandbox", action="store_true", help="test the sandbox instead")
    if parser.parse_args().sandbox:
        with running() as sandbox:
            os.environ.update(of_sandbox(sandbox.environment))
            return _run(Settings.from_environment(os.environ))
    try:
        settings = Settings.from_environment(os.environ)
        print(_describe(settings))
        if os.environ.get("CONTRACT_YES") != "1" and not _confirmed():
            raise SettingsError("not confirmed; set CONTRACT_YES=1 to begin without a terminal")
    except (SettingsError, EOFError, KeyboardInterrupt) as error:
        print(f"Nothing was tested: {error}", file=sys.stderr)
        return 2
    return _run(settings)


def _run(settings: Settings) -> int:
    # As Ctrl-C, so that what was created is removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    report = Report(settings)
    files = [str(HERE / f"test_{name}.py") for name in ("beliefs", "questions", "watching")]
    # Without tracebacks, which would show what the report redacts. It gets assertions uncut, for no
    # part of a secret can be redacted.
    options = ["-vv", "--no-header", "--tb=no", "-rN", "-p", "no:cacheprovider"]
    status = pytest.main([*options, *files], plugins=[report])
    print(f"\n{report.summary()} Report: {REPORT}")
    return 128 + signal.SIGINT if status == pytest.ExitCode.INTERRUPTED else int(not report.good)


def _describe(settings: Settings) -> str:
    """What is going to be done, before it is."""
    lines = [
        f"With CLOUDFLARE_API_TOKEN, at {settings.base_url}, in zone {settings.zone_id}:",
        f"Creates, changes and deletes Logpush jobs named {FOLDER}-*, two at a time at most.",
        "None is created enabled. Other jobs are not touched.",
    ]
    if settings.account_id:
        lines.append(f"Reads account {settings.account_id}; creates nothing in it.")
    for each in settings.destinations():
        place = f"{each.partition('?')[0].rstrip('/')}/{FOLDER}/"
        lines.append(f"Cloudflare writes challenge and test files to {place}")
    lines += [
        "Jobs and files of that name are removed before and after, and on an interruption.",
        f"About 300 requests are sent. The report is written to {REPORT}.",
    ]
    missing = settings.missing((DESTINATION, BUCKET, KEYS, ACCOUNT))
    return "\n".join([*lines, *(f"Not tested: what needs {need}." for need in missing)])


def _confirmed() -> bool:
    return sys.stdin.isatty() and input("\nBegin? [y/N] ").strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
