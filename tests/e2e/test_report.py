# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that reports: its table, its page, and when it fails."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from e2e.playbooks import Run, World

REPORT = "edgeops.cloudflare.report"
# For further cases of what another one shows.
EXPLORE = pytest.mark.explore
# A job that pushed last long ago would be stale.
NOW = datetime.now(timezone.utc)
DONE = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
FAILED = (NOW + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
LONG_AGO = "2020-11-22T14:05:00Z"
HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }}"
MESSAGE = "error writing object:\n<b>Access Denied</b>"
MESSAGE_IN_A_LINE = "error writing object: <b>Access Denied</b>"
COUNTS = "5 jobs in 4 scopes: 2 pushing, 1 failing, 1 with nothing pushed yet, 1 disabled"
NOTHING = "\N{EN DASH}"
HEAD = ["Job", "Dataset", "Destination", "State", "Last push", "Last error"]
# All others have an end tag here.
VOID = ("meta",)
CELLS = ("th", "td", "dt", "dd")


class Page(HTMLParser):
    """What is in a page: its elements with their attributes, and the texts of its cells."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
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
        destination_conf="r2://edge-logs/http?account-id=0&access-key-id=a&secret-access-key=b",
    )
    unnamed = {"name": None, "enabled": True, "destination_conf": "gs://edge-logs/{DATE}"}
    job = world.control("POST", "jobs", unnamed)
    add_job(
        world,
        name="Off",
        destination_conf="datadog://intake.example.com/logs?header_DD-API-KEY=a",
        filter='{"where": {"key": "ClientIP", "operator": "eq", "value": "<i>"}}',
        output_options={"field_names": ["RayID", "ClientIP"], "sample_rate": 0.1},
    )
    add_job(world, scope="account", name="audit", enabled=True, last_complete=DONE)
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
    printed = re.sub(r"\n +(?=[^ \"'\]-])", " ", printed.partition("SCOPE ")[2])
    return [" ".join(line.split()).strip("\"',- ") for line in printed.splitlines()][1:]


def test_table_and_page(world: World, tmp_path: Path) -> None:
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
    assert lines[:8] == [
        f"example.com {HOSTILE} http_requests r2://edge-logs/http FAILING",
        MESSAGE_IN_A_LINE,
        "example.com Off http_requests datadog://intake.example.com disabled",
        "example.com to-s3 dns_logs s3://edge-logs/zone/{DATE} pushing",
        f"example.com id {unnamed} http_requests gs://edge-logs/{{DATE}} nothing pushed yet",
        f"account {account} audit http_requests s3://edge-logs/zone/{{DATE}} pushing",
        "gone.example - - - NOT READ",
        lines[7],
    ]
    assert lines[7].startswith(f"GET /zones/{'0' * 32}/logpush/jobs failed: ")
    assert lines[8:10] == [
        f"zone {other} - - - no jobs",
        f"{COUNTS}; 1 scope could not be read",
    ]
    # The table and the last task report it; a failing job does not fail the playbook.
    assert run.status != 0
    assert "1 of 4 scopes could not be read: gone.example (GET /zones/" in run.output
    assert "failing: <script>" not in run.output
    assert "...ignoring" not in run.output
    assert_page(Page(path), unnamed)
    assert path.stat().st_mode & 0o777 == 0o644


def assert_page(page: Page, unnamed: int) -> None:
    """Check what the page says, and that nothing in it does anything."""
    tiles, head, hostile, off, to_s3, without_name, _head, audit = page.rows
    assert dict(zip(tiles[::2], tiles[1::2])) == {
        "Pushing": "2",
        "Failing": "1",
        "Nothing pushed yet": "1",
        "Disabled": "1",
        "Scopes not read": "1",
    }
    assert head == [*HEAD, "Sampling", "Fields", "Filter"]
    assert hostile[0].startswith(HOSTILE)
    assert hostile[1:6] == [
        "http_requests",
        "r2://edge-logs/http",
        "✕ Failing",
        shown_time(DONE),
        f"{shown_time(FAILED)} {MESSAGE_IN_A_LINE}",
    ]
    where = '{"where":{"key":"ClientIP","operator":"eq","value":"<i>"}}'
    assert off[3:] == [f"{NOTHING} Disabled", NOTHING, NOTHING, "10 %", "2", where]
    assert to_s3[2:] == [
        "s3://edge-logs/zone/{DATE} us-east-1",
        "✓ Pushing",
        shown_time(DONE),
        *(NOTHING, "all", NOTHING, NOTHING),
    ]
    assert without_name[0] == f"id {unnamed}"
    assert without_name[3] == "… Nothing pushed yet"
    assert audit[0].startswith("audit id ")
    assert "<h1>A &amp; &lt;b&gt;</h1>" in page.text
    assert "No jobs." in page.text
    assert "Could not be read." in page.text
    assert re.search(r"As of \d{4}-\d\d-\d\d \d\d:\d\d UTC", page.text)
    assert not {"script", "b", "i", "link", "img"} & set(page.elements)
    assert not {"src", "href", "style"} & page.attributes
    assert "url(" not in page.text


@EXPLORE
def test_a_second_run_asks_the_same_and_changes_the_page_alone(
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
        assert re.search(r"changed=[01] .*failed=0", run.output)
    assert {request["method"] for request in world.requests()} == {"GET"}
    assert world.control("GET", "jobs") == before
    assert Page(path).rows


def test_an_unusual_job_affects_its_own_row_alone(world: World, tmp_path: Path) -> None:
    huge = 10**400
    add_job(world, name="abc", output_options={"field_names": 7, "sample_rate": huge})
    add_job(world, name=5, dataset=["a"], enabled="yes", filter="no JSON")
    add_job(world, name="plain", enabled=True, last_complete=DONE)
    path = tmp_path / "logpush.html"
    run = report(world, logpush_report_scopes=scopes(world)[:1], logpush_report_path=str(path))
    assert run.status == 0, run.output
    assert "example.com plain http_requests s3://edge-logs/zone/{DATE} pushing" in table(run)
    assert [row[0].split()[0] for row in Page(path).rows[2:]] == ["5", "abc", "plain"]


def test_zones_as_hosts(world: World, tmp_path: Path) -> None:
    add_job(world, name="to-s3", enabled=True, last_complete=DONE)
    inventory = tmp_path / "inventory.yml"
    hosts = {"example.com": {"zone_id": world.zone_id, "ansible_become": True}}
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}), encoding="utf-8")
    run = report(world, "-i", str(inventory), logpush_hosts="all", item="x", scope="y", path="z")
    assert run.status == 0, run.output
    assert table(run)[0] == "example.com to-s3 http_requests s3://edge-logs/zone/{DATE} pushing"


def test_fails_on_request_where_a_job_is_failing(world: World, tmp_path: Path) -> None:
    add_job(world, name="to-s3", enabled=True, error_message="Access Denied")
    path = tmp_path / "logpush.html"
    inputs = {"logpush_report_path": str(path), "logpush_report_fail_on_unhealthy": "yes"}
    run = report(world, "--check", logpush_report_scopes=scopes(world)[:1], **inputs)
    assert run.status != 0
    assert "1 failing or stale: to-s3 in example.com" in run.output
    assert table(run)[2] == "1 job in 1 scope: 1 failing"
    assert not path.exists()


@EXPLORE
def test_stale_jobs_and_those_that_are_not(world: World) -> None:
    add_job(world, name="to-s3", enabled=True, last_complete=LONG_AGO)
    given = {"logpush_report_scopes": scopes(world)[:1], "logpush_report_fail_on_unhealthy": True}
    run = report(world, **given)
    assert run.status != 0
    assert "1 failing or stale: to-s3 in example.com" in run.output
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
            "b (one of the following is required: zone_id, account_id, scopes)",
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
