# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that reports: its table, its page, and when it fails."""

from __future__ import annotations

import json
import re
import typing as t
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from e2e.playbooks import DESTINATION_SECRET, Run, World

REPORT = "edgeops.cloudflare.report"
# For further cases of what another one shows.
EXPLORE = pytest.mark.explore
# A job that pushed last long ago would be stale.
NOW = datetime.now(timezone.utc)
DONE = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
# Always less than a minute ago.
FAILED = (NOW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
LONG_AGO = "2020-11-22T14:05:00Z"
HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }}"
MESSAGE = "error writing object:\n<b>Access Denied</b>"
MESSAGE_IN_A_LINE = "error writing object: <b>Access Denied</b>"
COUNTS = "5 jobs in 4 scopes: 1 failing, 1 with nothing pushed yet, 2 pushing, 1 disabled"
NOTHING = "\N{EN DASH}"
HEAD = ["Status", "Last push", "Zone or account", "Job", "Dataset", "Destination"]
# All others have an end tag here.
VOID = ("col", "meta")
CELLS = ("th", "td", "dt", "dd")


class Page(HTMLParser):
    """What is in a page: its elements with their attributes, and the texts of its cells."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str | None] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element. The tiles count as a row."""
        self.elements.append(tag)
        self.attributes.update(name for name, _value in attrs)
        self.links += [value for name, value in attrs if name == "href"]
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("tr", "dl"):
            self.rows.append([])
        if tag in CELLS:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """Check that the innermost element is the one that ends."""
        assert self._open.pop() == tag
        if tag in CELLS:
            self.rows[-1][-1] = " ".join(self.rows[-1][-1].split())

    def handle_data(self, data: str) -> None:
        """Note the text of a cell."""
        if any(tag in self._open for tag in CELLS):
            self.rows[-1][-1] += data


def add_job(world: World, **properties: t.Any) -> None:
    """Make a job in the sandbox."""
    world.control("POST", "jobs", properties)


def add_jobs(world: World) -> int:
    """Make a job of each state in the zone, in no order, and one in the account.

    Returns the id of the job without a name.
    """
    add_job(world, name="to-s3", dataset="dns_logs", enabled=True, last_complete=DONE)
    add_job(
        world,
        name=HOSTILE,
        enabled=True,
        last_complete=DONE,
        last_error=FAILED,
        error_message=MESSAGE,
        destination_conf="r2://edge-logs/http?account-id=0&access-key-id=a"
        f"&secret-access-key={DESTINATION_SECRET}",
    )
    unnamed = {"name": None, "enabled": True, "destination_conf": "gs://edge-logs/{DATE}"}
    job = world.control("POST", "jobs", unnamed)
    add_job(
        world,
        name="Off",
        destination_conf=f"datadog://intake.example.com/logs?header_DD-API-KEY={DESTINATION_SECRET}",
        filter='{"where": {"key": "ClientIP", "operator": "eq", "value": "<i>"}}',
        output_options={"field_names": ["RayID", "ClientIP"], "sample_rate": 0.1},
    )
    account_id = world.environment["SANDBOX_ACCOUNT_ID"]
    add_job(world, name="audit", enabled=True, last_complete=DONE, account_id=account_id)
    return int(job["id"])


def shown_time(time: str) -> str:
    """Return a time as the page shows it."""
    return f"{time[:10]} {time[11:16]} UTC"


def scopes(world: World) -> list[dict[str, t.Any]]:
    """Return scopes as a user may list them; the third one cannot be read."""
    return [
        {"zone_id": world.zone_id, "name": "example.com"},
        {"account_id": world.environment["SANDBOX_ACCOUNT_ID"]},
        {"zone_id": "0" * 32, "name": "gone.example"},
        {"zone_id": world.environment["SANDBOX_OTHER_ZONE_ID"]},
    ]


def report(world: World, *arguments: str, **inputs: t.Any) -> Run:
    """Run the playbook."""
    return world.run(*arguments, playbook=REPORT, inputs=inputs)


def table(run: Run) -> list[str]:
    """Return the table's lines, each in single blanks and without the callback's quotes."""
    printed = run.output.partition("[Show the jobs] ")[2].partition("\nTASK [")[0]
    # YAML folds long lines: what begins like no item belongs to the line before.
    printed = re.sub(r"\n +(?=[^ \"'\]-])", " ", printed.partition("DESTINATION")[2])
    lines = [" ".join(line.split()).strip("\"',- ") for line in printed.splitlines()][1:]
    return [without_ages(line) for line in lines]


def without_ages(text: str) -> str:
    """Return a text without the minutes since something, which depend on how long a test takes."""
    return re.sub(r"(< )?\b\d+ min\b", "AGE", text)


def test_table_page_and_data(world: World, tmp_path: Path) -> None:
    unnamed = add_jobs(world)
    path = tmp_path / "logpush.html"
    run = report(
        world,
        logpush_report_scopes=scopes(world),
        logpush_report_path=str(path),
        logpush_report_title="A & <b>",
    )
    account, other = (world.environment[f"SANDBOX_{name}_ID"] for name in ("ACCOUNT", "OTHER_ZONE"))
    lines = table(run)
    assert lines[0] == "NOT READ - gone.example"
    assert lines[1].startswith(f"GET /zones/{'0' * 32}/logpush/jobs failed: ")
    assert lines[2:11] == [
        f"FAILING AGE example.com {HOSTILE} http_requests r2://edge-logs/http",
        f"{MESSAGE_IN_A_LINE} (AGE ago)",
        f"idle - example.com id {unnamed} http_requests gs://edge-logs/{{DATE}}",
        "pushing AGE example.com to-s3 dns_logs s3://edge-logs/zone/{DATE}",
        f"pushing AGE account {account} audit http_requests s3://edge-logs/zone/{{DATE}}",
        "disabled - example.com Off http_requests datadog://intake.example.com",
        f"1 scope without jobs: zone {other}",
        f"{COUNTS}; 1 scope could not be read",
        f"Page: {path}",
    ]
    # The table and the last task report it; a failing job does not fail the playbook.
    assert run.status != 0
    assert "1 of 4 scopes could not be read: gone.example (GET /zones/" in run.output
    assert "failing: <script>" not in run.output
    assert "...ignoring" not in run.output
    assert_page(Page(path), unnamed)
    data = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert [job["name"] for job in data["jobs"]] == [HOSTILE, None, "to-s3", "audit", "Off"]
    assert data["jobs"][0]["error_message"] == MESSAGE
    assert [bool(scope["error"]) for scope in data["scopes"]] == [False, False, True, False]
    assert data["counts"]["failing"] == 1
    for each in (path, path.with_suffix(".json")):
        assert each.stat().st_mode & 0o777 == 0o644
        text = each.read_text(encoding="utf-8")
        assert not [secret for secret in run.secrets() if secret in text]


def assert_page(page: Page, unnamed: int) -> None:
    """Check what the page says, and that nothing in it does anything."""
    tiles, head, gone, why, hostile, error, without_name, to_s3, audit, off = page.rows
    assert dict(zip(tiles[::2], tiles[1::2])) == {
        "Scopes not read": "1",
        "Failing": "1",
        "Idle": "1",
        "Pushing": "2",
        "Disabled": "1",
    }
    assert head == HEAD
    assert (gone[0], gone[2]) == ("✕ Not read", f"gone.example {'0' * 32}")
    assert why[0].startswith("GET /zones/")
    assert hostile[0] == "✕ Failing"
    assert hostile[1].endswith(shown_time(DONE))
    assert hostile[3].startswith(HOSTILE)
    assert hostile[4:] == ["http_requests", "r2://edge-logs/http"]
    assert [without_ages(each) for each in error] == [
        f"{MESSAGE_IN_A_LINE} AGE ago, {shown_time(FAILED)}"
    ]
    where = '{"where":{"key":"ClientIP","operator":"eq","value":"<i>"}}'
    assert off[0] == f"{NOTHING} Disabled"
    assert off[5] == f"datadog://intake.example.com 10 %, 2 fields, where {where}"
    assert to_s3[0] == "✓ Pushing"
    assert to_s3[5] == "s3://edge-logs/zone/{DATE} us-east-1"
    assert without_name[3] == f"id {unnamed}"
    assert without_name[:2] == ["… Idle", NOTHING]
    assert audit[3].startswith("audit ")
    assert "<h1>A &amp; &lt;b&gt;</h1>" in page.text
    assert "<small>&lt; 1 min ago, " in page.text
    assert not re.search("<(?![!/a-z])", page.text)
    assert "Without jobs: 1" in page.text
    assert re.search(r"As of \d{4}-\d\d-\d\d \d\d:\d\d UTC", page.text)
    assert not {"script", "b", "i", "link", "img"} & set(page.elements)
    assert not {"src", "style"} & page.attributes
    assert page.links
    assert all(str(link).startswith("https://dash.cloudflare.com/") for link in page.links)
    assert "url(" not in page.text


@EXPLORE
def test_the_location_of_the_page_is_a_custom_stat(world: World, tmp_path: Path) -> None:
    path = tmp_path / "logpush.html"
    given = {"logpush_report_scopes": scopes(world)[:1], "logpush_report_path": str(path)}
    shown = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}
    run = world.run(playbook=REPORT, inputs={**given, "awx_job_id": 7}, environment=shown)
    assert run.status == 0, run.output
    assert "AWX removes the container of this job" in run.output
    stats = run.output.partition("CUSTOM STATS")[2]
    assert "logpush_report_summary" in stats
    assert str(path) in stats


def test_uploads_on_request(world: World, tmp_path: Path) -> None:
    job = world.control("POST", "jobs", {"name": "http", "enabled": True, "last_complete": DONE})
    upload = {"jobId": job["id"], "datetime": DONE, "bytes": 1_234_567, "records": 10}
    world.control("PUT", "uploads", [upload, {**upload, "status": 503, "bytes": 7}])
    path = tmp_path / "pages" / "logpush.html"
    path.parent.mkdir()
    given = {
        "logpush_report_scopes": scopes(world)[:1],
        # A directory, which the user's shell would have expanded.
        "logpush_report_path": "~/$PAGES",
        "logpush_report_health": True,
    }
    home = {"HOME": str(tmp_path), "PAGES": "pages"}
    run = world.run(playbook=REPORT, inputs=given, environment=home)
    assert run.status == 0, run.output
    assert f"Page: {path}" in run.output
    assert table(run)[0].startswith("pushing AGE 1.23 MB example.com http ")
    assert run.requested == ["jobs", "graphql"]
    assert Page(path).rows[2][2] == "1.23 MB 1 upload, 1 failed"
    data = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert data["jobs"][0]["uploads"]["bytes"] == 1_234_567


@EXPLORE
def test_a_second_run_sends_the_same_requests_and_changes_only_the_page(
    world: World, tmp_path: Path
) -> None:
    add_jobs(world)
    before = world.control("GET", "jobs")
    path = tmp_path / "logpush.html"
    path.write_text("an older page", encoding="utf-8")
    for times in (1, 2):
        run = report(world, logpush_report_scopes=scopes(world)[:2], logpush_report_path=str(path))
        assert run.status == 0, run.output
        assert run.requested == ["jobs", "jobs"] * times
        assert re.search(r"changed=[0-2] .*failed=0", run.output)
    assert {request["method"] for request in world.requests()} == {"GET"}
    assert world.control("GET", "jobs") == before
    assert Page(path).rows


@EXPLORE
def test_an_unusual_job_affects_only_its_own_row(world: World, tmp_path: Path) -> None:
    huge = 10**400
    add_job(world, name="abc", output_options={"field_names": 7, "sample_rate": huge})
    add_job(world, name=5, dataset=["a"], enabled="yes", filter="no JSON")
    add_job(world, name="plain", enabled=True, last_complete=DONE)
    path = tmp_path / "logpush.html"
    run = report(world, logpush_report_scopes=scopes(world)[:1], logpush_report_path=str(path))
    assert run.status == 0, run.output
    shown = "pushing AGE example.com plain http_requests s3://edge-logs/zone/{DATE}"
    assert shown in table(run)
    names = [row[3].split()[0] for row in Page(path).rows[2:]]
    assert sorted(names) == ["5", "abc", "plain"]


def test_zones_as_hosts(world: World, tmp_path: Path) -> None:
    add_job(world, name="to-s3", enabled=True, last_complete=DONE)
    inventory = tmp_path / "inventory.yml"
    hosts = {"example.com": {"zone_id": world.zone_id, "ansible_become": True}}
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}), encoding="utf-8")
    run = report(world, "-i", str(inventory), logpush_hosts="all", item="x", scope="y", path="z")
    assert run.status == 0, run.output
    shown = "pushing AGE example.com to-s3 http_requests s3://edge-logs/zone/{DATE}"
    assert table(run)[0] == shown


def test_fails_on_request_where_a_job_is_failing(world: World, tmp_path: Path) -> None:
    add_job(world, name="to-s3", enabled=True, error_message="Access Denied")
    path = tmp_path / "logpush.html"
    inputs = {"logpush_report_path": str(path), "logpush_report_fail_on": ["failing"]}
    run = report(world, "--check", logpush_report_scopes=scopes(world)[:1], **inputs)
    assert run.status != 0
    assert "1 failing: to-s3 in example.com" in run.output
    assert table(run)[2] == "1 job in 1 scope: 1 failing"
    assert not list(tmp_path.glob("logpush*"))


@EXPLORE
def test_stale_jobs_and_those_that_are_not(world: World) -> None:
    add_job(world, name="to-s3", enabled=True, last_complete=LONG_AGO)
    given = {"logpush_report_scopes": scopes(world)[:1], "logpush_report_fail_on": "stale"}
    run = report(world, **given)
    assert run.status != 0
    assert "1 stale: to-s3 in example.com" in run.output
    assert table(run)[2] == "1 job in 1 scope: 1 stale"
    run = report(world, **given, logpush_report_quiet_datasets=["http_requests"])
    assert run.status == 0, run.output
    run = report(world, **given, logpush_report_stale_after=1_000_000)
    assert run.status == 0, run.output


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "Set logpush_report_scopes to a list of zones and accounts"),
        pytest.param(
            {"logpush_report_scopes": []}, "Set logpush_report_scopes to a list", marks=EXPLORE
        ),
        ({"logpush_report_scopes": [{"zone": "a"}]}, "zone. Supported parameters"),
        pytest.param(
            {"logpush_report_scopes": "zone_id=a"},
            "Set logpush_report_scopes to a list",
            marks=EXPLORE,
        ),
        pytest.param(
            {"logpush_report_scopes": [{"zone_id": "a"}, {"zone_id": "a", "account_id": "b"}]},
            "mutually exclusive",
            marks=EXPLORE,
        ),
        (
            {"logpush_report_scopes": [{"zone_id": None, "name": "b"}]},
            "logpush_report_scopes[0] (b): set zone_id or account_id",
        ),
    ],
)
def test_inputs_are_checked_before_anything_is_asked(
    world: World, inputs: dict[str, t.Any], says: str
) -> None:
    run = report(world, **inputs)
    assert run.status != 0
    assert says in run.output
    assert run.requested == []
