# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command as it is run against Cloudflare: it asks, removes what it made, and reports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from . import __main__ as command
from .api import Api
from .beliefs import BELIEFS
from .conftest import Control
from .folder import Folder, s3_client
from .questions import QUESTIONS
from .report import Run, render

EARLIER = "edgeops-contract-test-0123abcd-7"
EARLIER_FILE = "contract/edgeops-contract-test/0123abcd/7/ownership-challenge.txt"
TESTS = Path(__file__).resolve().parents[1]


def variables(control: Control, **more: str) -> dict[str, str]:
    """Return what the command reads, for everything that the sandbox has."""
    settings = control.settings
    return {
        "CLOUDFLARE_API_TOKEN": settings.api_token,
        "CLOUDFLARE_BASE_URL": settings.base_url,
        "CONTRACT_ZONE_ID": settings.zone_id,
        "CONTRACT_ACCOUNT_ID": settings.account_id,
        "CONTRACT_S3_DESTINATION": settings.s3_destination,
        "CONTRACT_R2_DESTINATION": settings.r2_destination,
        "CONTRACT_R2_ENDPOINT": settings.r2_endpoint,
        **more,
    }


def start(control: Control, folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start the command, without a terminal."""
    inherited = {name: each for name, each in os.environ.items() if not name.startswith("CONTRACT")}
    env = {**inherited, **variables(control, **more), "PYTHONPATH": str(TESTS)}
    pipes: dict[str, t.Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(
        [sys.executable, "-m", "contract"], cwd=folder, env=env, text=True, **pipes
    )


def keys(control: Control) -> set[str]:
    """Return the names of all objects in the bucket."""
    bucket = control.environment["SANDBOX_BUCKET"]
    pages = s3_client("").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def put(control: Control, key: str) -> None:
    """Write an object."""
    s3_client("").put_object(Bucket=control.environment["SANDBOX_BUCKET"], Key=key, Body=b"x")


def leave_behind(control: Control) -> None:
    """Leave what an earlier run and others may have left."""
    for name in (EARLIER, "mine", "edgeops-contract-test-mine"):
        control("POST", "jobs", {"name": name})
    for key in (EARLIER_FILE, "contract/mine.txt", "contract/edgeops-contract-test/mine.txt"):
        put(control, key)


def test_it_removes_what_it_and_earlier_runs_made_and_nothing_else(
    control: Control, tmp_path: Path
) -> None:
    control("PATCH", "settings", {"jobs_per_zone": "unlimited"})
    leave_behind(control)
    process = start(control, tmp_path, CONTRACT_YES="1")
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    names = [job["name"] for job in control("GET", "jobs")]
    assert names == ["mine", "edgeops-contract-test-mine"]
    assert {key for key in keys(control) if key.startswith("contract")} == {
        "contract/mine.txt",
        "contract/edgeops-contract-test/mine.txt",
    }
    assert f"{len(BELIEFS)} beliefs: {len(BELIEFS)} agreed, 0 disagreed" in output
    report = (tmp_path / "contract-report.md").read_text(encoding="utf-8")
    assert report.count("\n### ") == len(QUESTIONS) - 1  # no expired token was given
    for value in secrets_of(control):
        assert value not in report
        assert value not in output.partition("Jobs and files of that name")[2]


def secrets_of(control: Control) -> list[str]:
    """Return what must not be in a report."""
    settings, env = control.settings, control.environment
    return [
        *(settings.api_token, settings.zone_id, settings.account_id),
        *(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["SANDBOX_BUCKET"], "eyJ"),
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_removes_what_it_made_when_interrupted(
    control: Control, tmp_path: Path, number: signal.Signals
) -> None:
    control("PUT", "latency", {"seconds": 0.1})
    process = start(control, tmp_path, CONTRACT_YES="1")
    deadline = time.monotonic() + 60
    while not control("GET", "jobs"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Interrupted; removing what was created." in errors
    assert control("GET", "jobs") == []
    assert not [
        key for key in keys(control) if "edgeops-contract-test/" in key and "mine" not in key
    ]
    report = (tmp_path / "contract-report.md").read_text(encoding="utf-8")
    assert "- Interrupted: the run is incomplete" in report


def test_it_fails_where_it_disagrees(control: Control, tmp_path: Path) -> None:
    control("PATCH", "settings", {"redaction": "masked"})
    process = start(control, tmp_path, CONTRACT_YES="1")
    output, _errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "disagreed     a_destination_is_shown_whole (destination_conf)" in output
    report = (tmp_path / "contract-report.md").read_text(encoding="utf-8")
    section = report.partition("## Disagreed\n")[2].partition("\n## ")[0]
    assert "secret-access-key=<secret-access-key>" in section
    assert "secret-access-key=REDACTED" in section
    for value in secrets_of(control):
        assert value not in report


def test_it_does_not_begin_without_a_terminal(control: Control, tmp_path: Path) -> None:
    process = start(control, tmp_path)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "set CONTRACT_YES=1 to begin without a terminal" in errors
    assert f"zone {control.settings.zone_id}" in output
    assert control("GET", "requests") == []
    assert not (tmp_path / "contract-report.md").exists()


@pytest.mark.parametrize("answer", ["", "n", "no", "x"])
def test_it_does_not_begin_unless_told_to(
    control: Control, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.delenv("CONTRACT_YES", raising=False)
    for name, value in variables(control).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked = []

    def answered(question: str) -> str:
        asked.append(question)
        return answer

    monkeypatch.setattr("builtins.input", answered)
    assert command.main([]) == 2
    assert asked == ["\nBegin? [y/N] "]
    assert control("GET", "requests") == []


def test_it_says_what_it_is_going_to_create(control: Control) -> None:
    text = command.describe(control.settings, Path("report.md"))
    assert "Creates, changes and deletes Logpush jobs named edgeops-contract-test-*" in text
    assert "None is created enabled. Other jobs are not touched." in text
    assert "s3://edge-logs/contract/edgeops-contract-test/" in text
    assert "r2://edge-logs/contract-r2/edgeops-contract-test/" in text
    for value in (control.settings.api_token, control.environment["AWS_SECRET_ACCESS_KEY"]):
        assert value not in text


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ({"CLOUDFLARE_API_TOKEN": ""}, "set CLOUDFLARE_API_TOKEN"),
        ({"CONTRACT_ZONE_ID": ""}, "set CONTRACT_ZONE_ID"),
        ({"CONTRACT_ZONE_ID": "a.example"}, "CONTRACT_ZONE_ID must be 32 hexadecimal digits"),
        ({"CONTRACT_S3_DESTINATION": "s3://b/{DATE}?region=r"}, "without {DATE}"),
        ({"CONTRACT_S3_DESTINATION": "gs://b/x"}, "must be s3://bucket/prefix?parameters"),
        (
            {"CONTRACT_S3_DESTINATION": "s3://b/x?region=r&secret-access-key=s"},
            "must not contain keys",
        ),
        ({"CONTRACT_R2_DESTINATION": "s3://b/x?region=r"}, "must be r2://bucket"),
    ],
)
def test_invalid_settings_are_refused(
    control: Control,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: dict[str, str],
    problem: str,
) -> None:
    for name, value in variables(control, CONTRACT_YES="1", **setting).items():
        monkeypatch.setenv(name, value)
    assert command.main([]) == 2
    assert problem in capsys.readouterr().err
    assert control("GET", "requests") == []


def test_a_bucket_that_cannot_be_listed_is_named_and_the_files_read_are_removed(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api(control.settings)
    _filename, key, _text = api.challenge(api.bucket_destination())
    assert key in keys(control)
    refusal = "User: arn:aws:iam::123456789012:user/me is not authorized"

    def refuse(*_arguments: object) -> t.NoReturn:
        raise PermissionError(refusal)

    monkeypatch.setattr(Folder, "keys", refuse)
    problems = api.remove_everything()
    assert key not in keys(control)
    assert [problem.partition(" ")[0] for problem in problems] == [str(api.s3), str(api.r2)]
    report = render(Run(control.settings, left_behind=problems))
    assert "could not be listed, remove it yourself: User: <arn> is not authorized" in report
    assert "123456789012" not in report
