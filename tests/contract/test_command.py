# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command as it is run against Cloudflare: it asks, reports, and removes what it made."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from e2e.control import Control
from urllib3 import HTTPResponse

from .api import ONCE_MORE
from .settings import Settings, SettingsError, of_sandbox

TESTS = Path(__file__).resolve().parents[1]
YES = {"success": True, "errors": [], "messages": [], "result": {}}


@pytest.fixture(name="empty")
def fixture_empty(sandbox: Control) -> t.Iterator[Control]:
    """Return a sandbox without jobs and faults, before and after."""
    sandbox.reset()
    yield sandbox
    sandbox.control("POST", "reset")


# A shell that starts the tests in the background makes all that they start ignore SIGINT.
PROGRAM = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('contract', run_name='__main__')"
)


def start(sandbox: Control, folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start the command, without a terminal."""
    env = {**os.environ, **of_sandbox(sandbox.environment), **more, "PYTHONPATH": str(TESTS)}
    pipes: dict[str, t.Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(command, cwd=folder, env=env, text=True, **pipes)


def run(sandbox: Control, folder: Path) -> tuple[int, str, str]:
    """Run the command to its end; returns status, output and the report."""
    with start(sandbox, folder, CONTRACT_YES="1") as process:
        output, _errors = process.communicate(timeout=200)
    report = (folder / "contract-report.md").read_text(encoding="utf-8")
    return process.returncode, output, report


def named(report: str, section: str = "Disagreed") -> set[str]:
    """Return the beliefs in a section of a report."""
    found = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", report, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^(?:###|-) `?(\w+)", found[1], re.MULTILINE)) if found else set()


def test_a_run_reports_differences_and_removes_what_it_and_earlier_runs_created(
    empty: Control, tmp_path: Path
) -> None:
    empty.control("PATCH", "settings", {"redaction": "masked", "filter_in_answers": "left_out"})
    for name in ("edgeops-contract-test-0123abcd-7", "mine", "edgeops-contract-test-mine"):
        empty.control("POST", "jobs", {"name": name})
    status, output, report = run(empty, tmp_path)
    assert status == 1
    assert [job["name"] for job in empty.jobs()] == ["mine", "edgeops-contract-test-mine"]
    assert {"a_destination_is_shown_whole", "a_filter_is_shown"} <= named(report)
    assert "put_replaces_output_options" in named(report, "Agreed")
    assert "expired_token" in named(report, "Not tested")
    assert "### Which claims does a token have?" in report
    section = report.partition("### a_destination_is_shown_whole\n")[2].partition("###")[0]
    assert "- Source: https://github.com/cloudflare/terraform-provider-cloudflare/" in section
    assert re.search(r"- Last request: GET /zones/<zone id>/logpush/jobs/\d+: HTTP 200", section)
    assert "secret-access-key=<secret-access-key>" in section
    assert "secret-access-key=REDACTED" in section
    env = empty.environment
    secret = {env["CLOUDFLARE_API_TOKEN"], env["SANDBOX_ZONE_ID"], env["SANDBOX_ACCOUNT_ID"]}
    for value in {*secret, env["AWS_SECRET_ACCESS_KEY"], env["SANDBOX_BUCKET"], "eyJ"}:
        assert value not in report
        assert value not in output.partition("Jobs and files of that name")[2]


@pytest.mark.parametrize(
    ("fault", "state"),
    [({"status": 200, "body": YES}, "Disagreed"), ({"status": 503}, "Undetermined")],
)
def test_no_belief_agrees_with_an_api_that_says_yes_to_everything_or_fails(
    empty: Control, tmp_path: Path, fault: dict[str, t.Any], state: str
) -> None:
    empty.control("POST", "faults", {"times": -1, **fault})
    status, _output, report = run(empty, tmp_path)
    assert status == 1
    # What an answer has whatever else it says.
    headers = {"responses_have_a_ray_id", "responses_have_rate_limit_headers"}
    assert named(report, "Agreed") <= headers
    assert len(named(report, state)) > 45


@pytest.mark.parametrize(
    ("number", "removable"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=str
)
def test_it_removes_what_it_made_when_interrupted_or_says_what_is_left(
    empty: Control, tmp_path: Path, number: signal.Signals, removable: bool
) -> None:
    if not removable:
        empty.control("POST", "faults", {"method": "DELETE", "times": -1, "status": 500})
    # However slow this test is, the command cannot end before it is interrupted.
    empty.control("POST", "faults", {"method": "PUT", "path": "/logpush/jobs/", "hold": True})
    process = start(empty, tmp_path, CONTRACT_YES="1")
    deadline = time.monotonic() + 120
    while not empty.jobs():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    report = (tmp_path / "contract-report.md").read_text(encoding="utf-8")
    assert "- Interrupted" in report
    assert removable is (empty.jobs() == []) is ("## Not removed" not in report)


def test_it_does_not_start_without_a_terminal(empty: Control, tmp_path: Path) -> None:
    empty.control("DELETE", "requests")
    output, errors = start(empty, tmp_path, CONTRACT_YES="").communicate(timeout=60)
    assert "set CONTRACT_YES=1 to begin without a terminal" in errors
    assert "Creates, changes and deletes Logpush jobs named edgeops-contract-test-*" in output
    assert "s3://edge-logs/contract/edgeops-contract-test/" in output
    assert empty.requests() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLOUDFLARE_API_TOKEN", ""),
        ("CONTRACT_ZONE_ID", "a.example"),
        ("CONTRACT_S3_DESTINATION", "s3://b/{DATE}?region=r"),
        ("CONTRACT_S3_DESTINATION", "s3://b/x?region=r&secret-access-key=s"),
        ("CONTRACT_R2_DESTINATION", "s3://b/x?region=r"),
    ],
)
def test_invalid_settings_are_rejected(sandbox: Control, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({**of_sandbox(sandbox.environment), name: value})


def test_neither_the_contract_nor_the_sandbox_uses_the_plugins() -> None:
    files = [*TESTS.glob("contract/*.py"), *TESTS.glob("sandbox/*.py")]
    assert len(files) > 30
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith(("ansible", "plugins"))], path


def test_a_rate_limited_request_waits_as_told_or_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    for headers in ({}, {"Retry-After": "7"}, {"Retry-After": "86400"}):
        ONCE_MORE.sleep(HTTPResponse(status=429, headers=headers))
    assert pauses == [60, 7, 310]
