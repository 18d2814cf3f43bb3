# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the playbooks."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.filter import (
    logpush_diff_lines,
    logpush_report,
    logpush_results_of_hosts,
    logpush_sum,
)

results_of_hosts = logpush_results_of_hosts.results_of_hosts
report = logpush_report.report
FILTERS = [logpush_diff_lines, logpush_report, logpush_results_of_hosts, logpush_sum]
HOSTS = ["b.example", "a.example", "idle.example"]
ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
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


def result(host: str | None, name: str, **more: t.Any) -> dict[str, t.Any]:
    """Return what the module returns for one job."""
    item = {"host": host, "zone_id": ZONE, "name": name, **more.pop("item", {})}
    return {"item": item, "changed": False, "failed": False, **more}


@pytest.mark.parametrize("module", FILTERS)
def test_a_filter_has_the_name_of_its_file(module: t.Any) -> None:
    assert list(module.FilterModule().filters()) == [module.__name__.rpartition(".")[2]]


def test_each_host_gets_its_own_results() -> None:
    returned = {
        "results": [
            result("b.example", "one", failed=True, msg="no bucket", changed=False),
            result("a.example", "two", changed=True),
            result("b.example", "three"),
        ]
    }
    outcomes = results_of_hosts(returned, HOSTS)
    assert list(outcomes) == HOSTS
    assert outcomes["a.example"] == {"changed": True, "failed": False, "msg": ""}
    assert outcomes["idle.example"] == {"changed": False, "failed": False, "msg": ""}
    assert outcomes["b.example"] == {
        "changed": False,
        "failed": True,
        "msg": f"1 of 2 jobs failed: one (b.example, zone {ZONE}): no bucket",
    }


def test_a_pruned_job_belongs_to_the_host_of_its_zone() -> None:
    pruned = {**result(None, "old", changed=True), "item": {"zone_id": ZONE.upper(), "id": 4}}
    returned = {"results": [result("a.example", "one")], "pruned": [pruned]}
    outcomes = results_of_hosts(returned, HOSTS)
    assert [host for host in HOSTS if outcomes[host]["changed"]] == ["a.example"]


def test_results_without_a_host_belong_to_the_first_one() -> None:
    account = {"zone_id": None, "account_id": "a", "name": None, "id": 7, "dataset": "audit_logs"}
    returned = {"results": [result(None, "", item=account, failed=True, msg="x")]}
    outcome = results_of_hosts(returned, ["localhost"])["localhost"]
    assert outcome["msg"] == "1 of 1 jobs failed: id 7 (audit_logs, account a): x"


def test_where_nothing_was_done_each_host_has_failed_with_the_reason() -> None:
    lookup = "The lookup plugin 'edgeops.cloudflare.logpush_jobs_of_hosts' failed: "
    for prefix in ("", f"Task failed: Finalization of task args …\n{lookup}"):
        outcomes = results_of_hosts({"failed": True, "msg": f"{prefix}'x' is undefined"}, HOSTS)
        assert [outcomes[host]["msg"] for host in HOSTS] == ["'x' is undefined"] * 3
        assert all(outcomes[host]["failed"] for host in HOSTS)


def test_the_message_of_many_failures_is_short() -> None:
    failed = [result("a.example", f"job{each}", failed=True, msg="m") for each in range(500)]
    message = results_of_hosts({"results": failed}, HOSTS)["a.example"]["msg"]
    assert message.startswith("500 of 500 jobs failed: job0 ")
    assert message.endswith("; and 480 more")


@pytest.mark.parametrize(("returned", "hosts"), [("text", HOSTS), ({"results": []}, [])])
def test_what_is_no_result_is_refused(returned: t.Any, hosts: list[str]) -> None:
    with pytest.raises(ValueError, match="must"):
        results_of_hosts(returned, hosts)


def test_numbers_are_added_up_and_all_else_is_left_out() -> None:
    one = {"created": 2, "failed": 0, "check_mode": True, "reason": "x"}
    assert logpush_sum.add_up(one, {"created": 3, "pruned": 1}) == {
        "created": 5,
        "failed": 0,
        "pruned": 1,
    }


def test_a_diff_shows_what_differs() -> None:
    diffs = [
        {
            "before_header": "job 'http'",
            "after_header": "job 'http'",
            "before": {"enabled": False, "name": "http"},
            "after": {"enabled": True, "name": "http"},
        },
        {"before": {}, "after": {"filter": {"b": 1, "a": "ü"}}},
        {"before": "one\ntwo\n", "after": "one\n"},
    ]
    assert logpush_diff_lines.diff_lines(diffs) == [
        *("--- job 'http'", "+++ job 'http'", "-enabled: false", "+enabled: true"),
        *("--- before", "+++ after", '+filter: {"a": "ü", "b": 1}'),
        *("--- before", "+++ after", "-two"),
    ]
    assert logpush_diff_lines.diff_lines(diffs, 80)[4:] == ["and 2 more diffs"]
    assert logpush_diff_lines.diff_lines(diffs[1]) == logpush_diff_lines.diff_lines(diffs[1:2])


def listed(*jobs: t.Any, **more: t.Any) -> dict[str, t.Any]:
    """Return what a loop over scopes registers for one of them."""
    scope = {"zone_id": ZONE, "name": "example.com"}
    return {"ansible_loop_var": "scope", "scope": scope, "jobs": list(jobs), **more}


@pytest.mark.parametrize("value", ODD)
def test_an_unusual_value_affects_its_own_row_alone(value: t.Any) -> None:
    good = {"id": 1, "name": "http", "dataset": "http_requests", "enabled": True, "healthy": True}
    names = ("id", "name", "dataset", "enabled", "healthy", "filter", "destination")
    names += ("output_options", "logpull_options", "last_complete", "last_error", "error_message")  # type: ignore[assignment]
    odd = [{**good, name: value} for name in names]
    odd += [{**good, "output_options": {name: value}} for name in ("field_names", "sample_rate")]
    parts = ("scheme", "bucket", "prefix", "region", "endpoint")
    odd += [{**good, "destination": {"bucket": "b", part: value}} for part in parts]
    shown = report([listed(good, value, *odd), listed(good)])
    rows = shown["scopes"][0]["jobs"]
    assert len(rows) == len(odd) + 2
    for row in rows:
        texts = [each for name, each in row.items() if name not in ("named", "enabled")]
        assert all(
            isinstance(each, str) and "\n" not in each and len(each) <= 501 for each in texts
        )
    assert [job["name"] for job in shown["scopes"][1]["jobs"]] == ["http"]
    assert all(isinstance(line, str) for line in shown["table"])


def test_a_report_of_healthy_and_failing_jobs_and_of_a_scope_that_was_not_read() -> None:
    base = {
        "dataset": "http_requests",
        "enabled": True,
        "destination": {"scheme": "r2", "bucket": "b"},
    }
    failing = {**base, "id": 3, "name": "a", "healthy": False, "error_message": "Access\nDenied"}
    options = {"sample_rate": 0.125, "field_names": ["a", "b"]}
    good = {**base, "id": 2, "name": None, "healthy": True, "output_options": options}
    good["last_complete"] = "2026-11-22T14:05:00Z"
    account = {"account_id": "c" * 32}
    unread = {"item": account, "msg": "GET failed", "failed": False}
    shown = report([listed(good, failing), unread, {"item": account, "jobs": []}])
    assert shown["table"] == [
        "SCOPE                                     JOB   DATASET        DESTINATION  STATE",
        "example.com                               a     http_requests  r2://b       FAILING",
        "    Access Denied",
        "example.com                               id 2  http_requests  r2://b       pushing",
        f"account {'c' * 32}  -     -              -            NOT READ",
        "    GET failed",
        f"account {'c' * 32}  -     -              -            no jobs",
        "2 jobs in 3 scopes: 1 pushing, 1 failing; 1 scope could not be read",
    ]
    assert shown["unread"] == [f"account {'c' * 32} (GET failed)"]
    assert shown["failing"] == ["a in example.com"]
    row = shown["scopes"][0]["jobs"][1]
    assert (row["sampling"], row["fields"]) == ("12.5 %", "2")
    assert row["last_push"] == "2026-11-22 14:05 UTC"


def test_a_report_of_a_stale_job() -> None:
    job = {"id": 2, "name": "http", "enabled": True, "healthy": False, "status": "stale"}
    shown = report([listed({**job, "last_complete": "2026-11-22T14:05:00Z"})])
    assert shown["table"][1:] == [
        "example.com  http  -        not shown    STALE",
        "    last push: 2026-11-22 14:05 UTC",
        "1 job in 1 scope: 1 stale",
    ]
    assert shown["failing"] == ["http in example.com"]
