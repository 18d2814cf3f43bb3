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
    logpush_report_scopes,
    logpush_results_of_hosts,
    logpush_sum,
)

results_of_hosts = logpush_results_of_hosts.results_of_hosts
FILTERS = [
    logpush_diff_lines,
    logpush_report,
    logpush_report_scopes,
    logpush_results_of_hosts,
    logpush_sum,
]
HOSTS = ["b.example", "a.example", "idle.example"]
ZONE = "023e105f4ecef8ad9ca31a8372d0c353"


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


def test_each_host_fails_with_the_reason_if_nothing_was_done() -> None:
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
def test_a_value_that_is_not_a_result_is_rejected(returned: t.Any, hosts: list[str]) -> None:
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
