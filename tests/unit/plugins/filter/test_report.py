# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the playbook that reports, with a fixed time."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timezone

import pytest

from ansible_collections.edgeops.cloudflare.plugins.filter import (
    logpush_report,
    logpush_report_scopes,
)
from ansible_collections.edgeops.cloudflare.plugins.plugin_utils import _report_text as text

report_scopes = logpush_report_scopes.report_scopes
ZONE, OTHER_ZONE = "023e105f4ecef8ad9ca31a8372d0c353", "9a7806061c88ada191ed06f989cc3dac"
ACCOUNT = "01a7362d577a6c3019a474fd6f485823"
NOW = datetime(2026, 11, 22, 14, 10, tzinfo=timezone.utc).timestamp()
FIRST = {"zone_id": ZONE, "host": "example.com"}
SECOND = {"account_id": ACCOUNT}
ODD: list[t.Any] = [
    None,
    "",
    5,
    0.5,
    10**400,
    float("nan"),
    True,
    "a\nb",
    [1],
    {"a": [None]},
    ["x"],
]


def scope(given: dict[str, str], msg: str = "") -> dict[str, t.Any]:
    """Return a scope as the module returns it."""
    return {**given, "failed": bool(msg), "msg": msg}


def job(status: str, name: str | None = "http", **more: t.Any) -> dict[str, t.Any]:
    """Return a job as the module returns it, in the first scope."""
    enabled = status != "disabled"
    base = {"id": 7, "name": name, "dataset": "http_requests", "enabled": enabled, "scope": FIRST}
    base["destination"] = {"scheme": "r2", "bucket": "logs"}
    return {**base, "status": status, "config": {"zone_id": ZONE}, **more}


def report(*jobs: t.Any, scopes: t.Any = None, **options: t.Any) -> dict[str, t.Any]:
    """Return the report of jobs."""
    given = [scope(FIRST)] if scopes is None else scopes
    return logpush_report.report({"scopes": given, "jobs": list(jobs)}, now=NOW, **options)


def pushed(minutes: float) -> str:
    """Return the time so many minutes ago."""
    moment = datetime.fromtimestamp(NOW - minutes * 60, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


ALL = [
    job("disabled", "off"),
    job("pushing", "good", last_complete=pushed(3), scope=SECOND),
    job("idle", "new"),
    job("stale", "old", last_complete=pushed(60 * 72)),
    job("disabled", "given-up", error_message="no such bucket", last_error=pushed(60 * 30)),
    job("failing", "bad", error_message="Access\nDenied", last_error=pushed(5), scope=SECOND),
]


def test_the_worst_come_first_in_the_table() -> None:
    gone = {"zone_id": OTHER_ZONE, "host": "gone.example"}
    empty = [{"zone_id": f"{n:032}", "host": f"{n}.example"} for n in range(2)]
    scopes = [scope(FIRST), scope(SECOND), scope(gone, "GET failed"), *map(scope, empty)]
    shown = report(*ALL, scopes=scopes)
    account = f"account {ACCOUNT}"
    assert [" ".join(line.split()) for line in shown["table"]] == [
        "STATUS AGE SCOPE JOB DATASET DESTINATION",
        "NOT READ - gone.example - - -",
        "GET failed",
        f"FAILING - {account} bad http_requests r2://logs",
        "Access Denied (5 min ago)",
        "DISABLED (ERROR) - example.com given-up http_requests r2://logs",
        "no such bucket (30 h ago)",
        "STALE 3 d example.com old http_requests r2://logs",
        "Nothing was pushed for 3 d",
        "idle - example.com new http_requests r2://logs",
        f"pushing 3 min {account} good http_requests r2://logs",
        "disabled - example.com off http_requests r2://logs",
        "2 scopes without jobs: 0.example, 1.example",
        shown["summary"],
    ]
    assert shown["summary"] == (
        "6 jobs in 5 scopes: 1 failing, 1 disabled with an error, 1 stale, 1 with nothing pushed "
        "yet, 1 pushing, 1 disabled; 1 scope could not be read"
    )
    assert [row["label"] for row in shown["rows"]] == [
        *("Not read", "Failing", "Disabled (error)", "Stale", "Idle", "Pushing", "Disabled")
    ]
    assert [each["scope"] for each in shown["empty"]] == ["0.example", "1.example"]


def test_jobs_of_one_status_are_in_the_order_of_the_scopes_those_without_a_name_last() -> None:
    jobs = [job("pushing", name, id=n) for n, name in enumerate(["b", None, "a"])]
    jobs.insert(0, job("pushing", "0", scope=SECOND))
    shown = report(*jobs, scopes=[scope(FIRST), scope(SECOND)])
    assert [row["job"] for row in shown["rows"]] == ["a", "b", "id 1", "0"]


_NEW = "1 with nothing pushed yet: new in example.com"


@pytest.mark.parametrize(
    ("fail_on", "complaints"),
    [
        ([], []),
        (["failing"], [f"1 failing: bad in account {ACCOUNT}"]),
        ("idle, failing", [f"1 failing: bad in account {ACCOUNT}", _NEW]),
        (
            ["stale", "failing"],
            [f"1 failing: bad in account {ACCOUNT}", "1 stale: old in example.com"],
        ),
        (["idle"], [_NEW]),
        (["disabled_with_error"], ["1 disabled with an error: given-up in example.com"]),
        (
            ["disabled"],
            [
                "1 disabled with an error: given-up in example.com",
                "1 disabled: off in example.com",
            ],
        ),
    ],
)
def test_complaints(fail_on: list[str], complaints: list[str]) -> None:
    shown = report(*ALL, scopes=[scope(FIRST), scope(SECOND)], fail_on=fail_on)
    assert shown["complaints"] == complaints
    assert shown["stats"]["complaints"] == complaints


def test_scopes_that_could_not_be_read_are_always_complained_about() -> None:
    scopes = [scope(FIRST, "GET failed"), scope(SECOND)]
    assert report(scopes=scopes)["complaints"] == [
        "1 of 2 scopes could not be read: example.com (GET failed)"
    ]


def test_many_complaints_are_one_short_sentence() -> None:
    (sentence,) = report(*[job("failing")] * 500, fail_on=["failing"])["complaints"]
    assert sentence.startswith("500 failing: http in example.com, ")
    assert sentence.endswith(" and 480 more")


def test_an_unknown_status_to_fail_on_is_rejected() -> None:
    with pytest.raises(ValueError, match="'unhealthy' is not a status; use failing, stale"):
        report(fail_on=["unhealthy"])


def test_values_that_the_module_did_not_return_are_rejected() -> None:
    with pytest.raises(ValueError, match="what logpush_job_info returns"):
        logpush_report.report({"msg": "no credentials"})


def test_data_for_machines() -> None:
    failing = job("failing", error_message="Access Denied", last_complete=pushed(5))
    scopes = [scope(FIRST), scope(SECOND, "GET failed")]
    shown = report(failing, scopes=scopes, links=["https://dash.cloudflare.com/a", ""])
    data = json.loads(json.dumps(shown["data"]))
    assert data["time"] == "2026-11-22T14:10:00Z"
    assert (data["counts"]["failing"], data["counts"]["jobs"], data["counts"]["unread"]) == (
        1,
        1,
        1,
    )
    assert data["scopes"] == [
        {
            "zone_id": ZONE,
            "name": "example.com",
            "link": "https://dash.cloudflare.com/a",
            "error": None,
        },
        {"account_id": ACCOUNT, "name": None, "link": None, "error": "GET failed"},
    ]
    kept = {name: value for name, value in failing.items() if name != "config"}
    assert data["jobs"] == [{**kept, "seconds_since_last_complete": 300, "uploads": None}]


def health(*jobs: dict[str, t.Any], failed: str = "") -> dict[str, t.Any]:
    """Return what logpush_health_info returns; ``failed``: the second scope could not be read."""
    scopes = [scope(FIRST), scope(SECOND, failed)]
    period = {"since": "2026-11-21T14:10:00Z", "until": "2026-11-22T14:10:00Z"}
    return {"jobs": list(jobs), "scopes": scopes, **period}


def test_uploads_are_shown_on_request() -> None:
    jobs = [
        job("pushing", "a", id=1, last_complete=pushed(3)),
        job("pushing", "b", id=2, last_complete=pushed(3)),
        job("pushing", "c", id=1, last_complete=pushed(3), scope=SECOND),
    ]
    numbers = {"uploads_succeeded": 1, "uploads_failed": 2, "bytes": 1_234_567}
    read = health({"id": 1, "scope": FIRST, **numbers}, failed="zones are not authorized")
    shown = report(*jobs, scopes=[scope(FIRST), scope(SECOND)], health=read)
    assert shown["table"][0].split()[:3] == ["STATUS", "AGE", "UPLOADED"]
    assert [row["volume"] for row in shown["rows"]] == ["1.23 MB", "0 B", ""]
    assert [row["uploads"] for row in shown["rows"]] == ["1 upload, 2 failed", "0 uploads", ""]
    assert shown["uploads"] == "2026-11-21 14:10 UTC to 2026-11-22 14:10 UTC"
    reason = f"account {ACCOUNT} (zones are not authorized)"
    assert shown["complaints"] == [f"the uploads of 1 of 2 scopes could not be read: {reason}"]
    data = [each["uploads"] for each in shown["data"]["jobs"]]
    assert (data[0]["bytes"], data[1]["bytes"], data[2]) == (1_234_567, 0, None)


@pytest.mark.parametrize("read", [None, {"skipped": True, "changed": False}])
def test_uploads_are_not_shown_without_a_request(read: t.Any) -> None:
    shown = report(job("pushing"), health=read)
    assert (shown["uploads"], shown["rows"][0]["volume"]) == ("", "")
    assert "UPLOADED" not in shown["table"][0]


@pytest.mark.parametrize(
    ("value", "size"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1 KB"), (999_999, "1000 KB"), (1_500_000, "1.5 MB")),
        *((8.4e10, "84 GB"), (10**400, ""), (-1, ""), (True, ""), ("7", ""), (float("nan"), "")),
    ],
)
def test_sizes(value: t.Any, size: str) -> None:
    assert text.size(value) == size


def test_files_are_named_and_that_awx_loses_them() -> None:
    assert report()["files"] == []
    shown = report(page="/tmp/a.html", data_file="/tmp/a.json")
    assert shown["files"] == ["Page: /tmp/a.html", "Data: /tmp/a.json"]
    assert (shown["stats"]["page"], shown["stats"]["data"]) == ("/tmp/a.html", "/tmp/a.json")
    lost = report(page="/tmp/a.html", data_file="/tmp/a.json", is_awx=True)["files"]
    assert lost[2].startswith("AWX removes the container")
    assert report(is_awx=True)["files"] == []


def test_tiles_are_those_of_statuses_that_occur_and_of_four_more() -> None:
    tiles = [(each["label"], each["number"], each["kind"]) for each in report(*ALL[3:4])["tiles"]]
    assert tiles == [
        *(("Failing", 0, ""), ("Stale", 1, "bad"), ("Idle", 0, "")),
        *(("Pushing", 0, ""), ("Disabled", 0, "")),
    ]


@pytest.mark.parametrize("value", ODD)
def test_an_unusual_value_affects_only_its_own_row(value: t.Any) -> None:
    good = job("pushing", last_complete=pushed(3))
    names = ("id", "name", "dataset", "enabled", "healthy", "filter", "destination", "status")
    names += ("output_options", "last_complete", "last_error", "error_message", "scope")  # type: ignore[assignment]
    odd = [{**good, name: value} for name in names]
    odd += [{**good, "output_options": {name: value}} for name in ("field_names", "sample_rate")]
    parts = ("scheme", "bucket", "prefix", "region", "endpoint")
    odd += [{**good, "destination": {"bucket": "b", part: value}} for part in parts]
    shown = report(good, value, *odd)
    assert len(shown["rows"]) == len(odd) + 2
    for row in shown["rows"]:
        texts = [each for name, each in row.items() if name != "data"]
        assert all(isinstance(each, str) for each in texts)
        assert all("\n" not in each and len(each) <= 1100 for each in texts)
    assert all(isinstance(line, str) for line in shown["table"])


@pytest.mark.parametrize(
    ("value", "age"),
    [
        (pushed(0), "< 1 min"),
        (pushed(-10), "< 1 min"),
        (pushed(1), "1 min"),
        (pushed(119.9), "119 min"),
        (pushed(120), "2 h"),
        (pushed(47.9 * 60), "47 h"),
        (pushed(48 * 60), "2 d"),
        ("2026-11-22T14:05:59.999999999Z", "4 min"),
        ("2026-11-22T14:05Z", "5 min"),
        ("2026-02-31T00:00:00Z", ""),
        ("some day", ""),
        (None, ""),
        (5, ""),
    ],
)
def test_ages(value: t.Any, age: str) -> None:
    assert text.age(value, NOW) == age


# Zones and accounts


def host(name: str = "example.com", **variables: t.Any) -> dict[str, t.Any]:
    """Return the variables of a host."""
    return {"inventory_hostname": name, "zone_id": ZONE, **variables}


@pytest.mark.parametrize(
    ("variables", "link"),
    [
        ({}, "?to=/:account/:zone/analytics/logs"),
        ({"zone_name": "example.com"}, "?to=/:account/:zone/analytics/logs"),
        ({"zone_account_id": ACCOUNT}, "?to=/:account/:zone/analytics/logs"),
        ({"zone_account_id": "a/b", "zone_name": "x"}, "?to=/:account/:zone/analytics/logs"),
        (
            {"zone_account_id": ACCOUNT, "zone_name": "example.com"},
            f"{ACCOUNT}/example.com/analytics/logs",
        ),
        # Whatever a name is, it leads nowhere else.
        (
            {"zone_account_id": ACCOUNT, "zone_name": '../x?"><b>'},
            f"{ACCOUNT}/..%2Fx%3F%22%3E%3Cb%3E/analytics/logs",
        ),
    ],
)
def test_links_of_zones(variables: dict[str, str], link: str) -> None:
    found = report_scopes([host(**variables)])
    assert found["scopes"] == [{"zone_id": ZONE, "host": "example.com"}]
    assert found["links"] == [f"https://dash.cloudflare.com/{link}"]


def test_scopes_that_are_given_replace_the_hosts() -> None:
    given = [{"zone_id": OTHER_ZONE, "name": "a"}, {"account_id": ACCOUNT, "zone_id": None}]
    found = report_scopes([host()], given)
    assert found["scopes"] == [{"zone_id": OTHER_ZONE, "host": "a"}, {"account_id": ACCOUNT}]
    assert found["links"][1] == f"https://dash.cloudflare.com/{ACCOUNT}/logs"
    odd = report_scopes([], [{"account_id": "javascript:alert(1)"}])
    assert odd["links"] == ["https://dash.cloudflare.com/?to=/:account/logs"]


def test_a_zone_that_several_hosts_are_is_read_once() -> None:
    found = report_scopes([host("a"), host("b", zone_id=ZONE.upper()), host("c", zone_id=ACCOUNT)])
    assert [each["host"] for each in found["scopes"]] == ["a", "c"]
    assert len(found["links"]) == 2


@pytest.mark.parametrize(
    ("hosts", "given", "says"),
    [
        ([], None, "Set logpush_report_scopes to a list of zones and accounts"),
        ([], [], "Set logpush_report_scopes to a list"),
        ([], "zone_id=a", "Set logpush_report_scopes to a list"),
        ([], [{"zone_id": ZONE}, {"name": "b"}], r"logpush_report_scopes\[1\] \(b\): set zone_id"),
        ([], [None], r"logpush_report_scopes\[0\]: set zone_id or account_id"),
        ([{"inventory_hostname": "web1"}], None, "web1 has no zone_id; set logpush_hosts"),
    ],
)
def test_nothing_to_read(hosts: t.Any, given: t.Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        report_scopes(hosts, given)
