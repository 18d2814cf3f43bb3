# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_jobs, from its options to what it sends and prints."""

from __future__ import annotations

import json
import typing as t
from unittest import mock

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope
from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_jobs
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    ZONE,
    Call,
    challenge_token,
    failure,
    network,
    response,
    run_module,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.samples import EXPLORE, combined

ZONES = [f"{number:032x}" for number in range(1, 21)]
BUCKET = "s3://edge-logs/http/{DATE}?region=us-east-1"
R2 = "r2://edge-logs/http?account-id=a1&access-key-id=AKIAEXAMPLEKEY{0:02}&secret-access-key="
SECRET = "SeCrEt0123456789SeCrEt%2B{0:04}"
CHALLENGE = challenge_token({"obj_type": "zone", "obj_id": ZONE, "destination_conf": BUCKET})


def conf(number: int) -> str:
    """Return a destination with keys of its own, which requires no token."""
    return (R2 + SECRET).format(number)


def entry(zone: str = ZONE, **options: t.Any) -> dict[str, t.Any]:
    """Return an entry; an option of None is left out."""
    given = {"zone_id": zone, "name": "http", **options}
    return {name: value for name, value in given.items() if value is not None}


def job(**changes: t.Any) -> dict[str, t.Any]:
    """Return a job as the API shows it."""
    return {
        "id": 42,
        "name": "http",
        "dataset": "http_requests",
        "kind": "",
        "enabled": True,
        "destination_conf": BUCKET,
        "last_complete": None,
        **changes,
    }


def path(zone: str = ZONE, job_id: int | None = None) -> str:
    """Return the path of a zone's jobs, or of one of them."""
    return f"/zones/{zone}/logpush/jobs" + ("" if job_id is None else f"/{job_id}")


def listed(*jobs: dict[str, t.Any], zone: str = ZONE) -> Call:
    """Expect the list of a zone's jobs."""
    return Call("GET", path(zone), None, success(list(jobs)))


def checked(job_id: int) -> Call:
    """Expect one job to be looked for after a lost response."""
    return Call("GET", path(job_id=job_id), None, success(job(id=job_id)))


def created(
    body: dict[str, t.Any], answer: requests.Response | Exception | None = None, zone: str = ZONE
) -> Call:
    """Expect a job to be created, enabled unless ``body`` says otherwise."""
    sent = {"enabled": True, **body}
    return Call("POST", path(zone), sent, success(job(**body)) if answer is None else answer)


def put(
    body: dict[str, t.Any],
    answer: requests.Response | Exception | None = None,
    zone: str = ZONE,
    **before: t.Any,
) -> Call:
    """Expect a change of a job."""
    after = {**job(**before), **body}
    done = success(after) if answer is None else answer
    return Call("PUT", path(zone, after["id"]), body, done)


def run(
    *jobs: t.Any, check_mode: bool = False, diff: bool = False, **options: t.Any
) -> dict[str, t.Any]:
    """Run the module with a token, and one request at a time unless told otherwise."""
    given = {"api_token": TOKEN, "concurrency": 1, "jobs": list(jobs), **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_jobs.main, given, check_mode=check_mode, diff=diff)


NEW = entry(name="new", destination_conf=conf(1), dataset="http_requests")
NEW_BODY = {"name": "new", "dataset": "http_requests", "destination_conf": conf(1)}


SUMMARY = {
    "total": 0,
    "created": 0,
    "updated": 0,
    "deleted": 0,
    "unchanged": 0,
    "pruned": 0,
    "failed": 0,
}


# Planning and writing


def test_all_are_planned_and_then_applied() -> None:
    same = job(id=44, name="same")
    with network(
        listed(job(), job(id=43, name="old"), same),
        created(NEW_BODY, success(job(**{**NEW_BODY, "id": 45}))),
        put({"enabled": False}),
        Call("DELETE", path(job_id=43), None, success({"id": 43})),
        listed(job(enabled=False), same, job(**{**NEW_BODY, "id": 45})),
    ):
        result = run(
            NEW,
            entry(enabled=False),
            entry(name="old", state="absent"),
            entry(name="same", enabled=True),
            entry(name="never", state="absent"),
        )
    assert not result.get("failed"), result
    each = result["results"]
    assert result["changed"] is True
    assert [one["action"] for one in each] == ["created", "updated", "deleted", "none", "none"]
    assert [one["changed"] for one in each] == [True, True, True, False, False]
    assert each[1]["changes"] == ["enabled"]
    assert each[1]["job"]["enabled"] is False
    assert each[1]["job"]["destination"]["bucket"] == "edge-logs"
    assert each[0]["item"] == {"zone_id": ZONE, "name": "new", "dataset": "http_requests"}
    assert each[3]["item"] == {"zone_id": ZONE, "name": "same"}
    assert {one["failed"] for one in each} == {False}
    assert not any("ansible_loop_var" in one for one in each)
    assert not {"diff", "warnings", "msg"} & set(result)
    counts = {"total": 5, "created": 1, "updated": 1, "deleted": 1, "unchanged": 2}
    assert result["summary"] == {**SUMMARY, **counts}
    assert result["pruned"] == []
    assert [line.split() for line in result["table"]] == [
        ["ZONE", "OR", "ACCOUNT", "JOB", "DATASET", "RESULT", "OWNERSHIP", "DETAILS"],
        [ZONE, "new", "http_requests", "created", "not_required", "id", "45"],
        [ZONE, "http", "http_requests", "updated", "not_required", "id", "42;", "enabled"],
        [ZONE, "old", "http_requests", "deleted", "not_required", "id", "43"],
        [ZONE, "same", "http_requests", "unchanged", "not_required", "id", "44"],
        [ZONE, "never", "-", "unchanged", "not_required"],
    ]


def test_nothing_is_written_if_all_jobs_are_in_sync() -> None:
    with network(listed(job(), job(id=43, name="other"))):
        result = run(entry(enabled=True, destination_conf=BUCKET), entry(name="other"), diff=True)
    assert (result["changed"], [one["action"] for one in result["results"]]) == (
        False,
        ["none", "none"],
    )
    assert "diff" not in result


def test_an_empty_list_is_no_change_and_no_request() -> None:
    for check_mode in (False, True):
        with network():
            result = run(check_mode=check_mode, diff=True)
        assert (result["changed"], result["results"], result["pruned"]) == (False, [], [])
        assert (result["summary"], len(result["table"])) == (SUMMARY, 1)
        assert not {"failed", "diff"} & {name for name in result if result[name]}


def test_check_mode_and_diff_show_all_changes_and_write_nothing() -> None:
    with network(listed(job())):
        result = run(
            NEW,
            entry(enabled=False),
            entry(name="bucket", destination_conf=BUCKET, prove_ownership=False),
            check_mode=True,
            diff=True,
        )
    assert result["changed"] is True
    each = result["results"]
    assert [one["action"] for one in each] == ["created", "updated", "created"]
    assert each[0]["job"]["id"] is None
    assert [one["ownership"] for one in each] == ["not_required", "not_required", "missing"]
    assert result["summary"] == {**SUMMARY, "total": 3, "created": 2, "updated": 1}
    assert [diff["before_header"] for diff in result["diff"]] == [
        f"zone {ZONE}: job '{name}'" for name in ("new", "http", "bucket")
    ]
    assert result["diff"][1]["before"]["enabled"] is True
    assert result["diff"][1]["after"]["enabled"] is False
    assert SECRET.format(1) not in json.dumps(result)
    with network(listed(job())):
        assert "diff" not in run(entry(enabled=False), check_mode=True)


def test_the_header_of_a_diff_is_printable() -> None:
    new = entry(name="\x1b[2Jhttp", destination_conf=conf(1), dataset="http_requests")
    with network(listed()):
        (diff,) = run(new, check_mode=True, diff=True)["diff"]
    assert diff["before_header"] == f"zone {ZONE}: job '?[2Jhttp'"
    assert diff["after_header"] == diff["before_header"]


def test_the_table_names_hosts_and_accounts_and_aligns_its_columns() -> None:
    entries = (
        entry(name=None, id=42, host="www.example.com", enabled=False),
        entry(name=None, id=42, host="b.example.com", zone=ZONES[0], enabled=False),
        entry(zone_id=None, account_id=ACCOUNT, name="audit", state="absent"),
    )
    rejection = failure(403, 10000, "Authentication error")
    with network(
        listed(job()),
        Call("GET", f"/zones/{ZONES[0]}/logpush/jobs", None, rejection),
        Call("GET", f"/accounts/{ACCOUNT}/logpush/jobs", None, success([])),
        put({"enabled": False}),
    ):
        result = run(*entries)
    assert [line.rstrip() for line in result["table"]] == result["table"]
    places = [f"www.example.com ({ZONE})", f"b.example.com ({ZONES[0]})", ACCOUNT]
    width = max(map(len, places))
    message = result["results"][1]["msg"]
    assert result["table"][1:] == [
        f"{places[0].ljust(width)}  http   http_requests  updated    not_required  id 42; enabled",
        f"{places[1].ljust(width)}  42     -              failed     -             {message}",
        f"{places[2].ljust(width)}  audit  -              unchanged  not_required",
    ]


def test_the_table_lists_what_changes_and_what_could_not_be_compared() -> None:
    masked = "r2://edge-logs/http?account-id=a1&access-key-id=***&secret-access-key=***"
    changes: dict[str, t.Any] = {"enabled": False, "frequency": "low"}
    desired = {**changes, "destination_conf": conf(1)}
    with network(listed(job(destination_conf=masked)), put(changes)):
        result = run(entry(**desired))
    names = result["results"][0]["not_compared"]
    assert len(names) == 2
    assert result["table"][1].endswith(
        f"id 42; enabled, frequency; not compared: {names[0]}, {names[1]}"
    )


def test_diff_has_only_the_jobs_that_change() -> None:
    with network(listed(job(), job(id=43, name="same")), put({"enabled": False})):
        result = run(entry(enabled=False), entry(name="same"), diff=True)
    assert len(result["diff"]) == 1
    assert all("diff" not in one for one in result["results"])


def test_zones_and_accounts_are_listed_once_each() -> None:
    in_account = f"/accounts/{ACCOUNT}/logpush/jobs"
    of_account = entry(zone_id=None, account_id=ACCOUNT, name="audit", enabled=True)
    with network(
        listed(job(), job(id=43, name="b")),
        Call("GET", in_account, None, success([job(id=7, name="audit", enabled=False)])),
        listed(job(id=8), zone=ZONES[0]),
        Call("PUT", f"{in_account}/7", {"enabled": True}, success(job(id=7, name="audit"))),
    ):
        result = run(entry(), of_account, entry(name="b"), entry(zone=ZONES[0]))
    assert [one["changed"] for one in result["results"]] == [False, True, False, False]
    assert result["results"][1]["item"] == {"account_id": ACCOUNT, "name": "audit"}


def test_capitals_make_no_other_zone() -> None:
    with network(listed(job(), job(id=43, name="b"))):
        assert run(entry(), entry(zone=ZONE.upper(), name="b"))["changed"] is False


def test_a_list_that_fails_is_requested_once_and_fails_all_jobs_of_its_zone() -> None:
    said = failure(403, 10000, "Authentication error")
    with network(Call("GET", path(), None, said), listed(job(id=8), zone=ZONES[0])):
        result = run(
            entry(), entry(name="b"), entry(name=None, id=42, enabled=True), entry(zone=ZONES[0])
        )
    assert [one["failed"] for one in result["results"]] == [True, True, True, False]
    assert result["msg"].startswith("3 of 4 jobs failed; the first of them: job 'http' in zone ")
    assert result["summary"] == {**SUMMARY, "total": 4, "unchanged": 1, "failed": 3}
    for one in result["results"][:3]:
        assert one["error"]["codes"] == [10000]
        assert one["changed"] is False


@pytest.mark.parametrize("concurrency", [None, 2, pytest.param(100, marks=EXPLORE)])
def test_concurrently_each_request_comes_once_and_results_are_in_order(
    concurrency: int | None,
) -> None:
    lists = [listed(job(id=number), zone=zone) for number, zone in enumerate(ZONES, 100)]
    writes = [
        put({"enabled": False}, zone=zone, id=number) for number, zone in enumerate(ZONES, 100)
    ]
    with network(*lists, *writes, concurrent=True) as net:
        result = run(*(entry(zone, enabled=False) for zone in ZONES), concurrency=concurrency)
    assert [one["job"]["id"] for one in result["results"]] == list(range(100, 120))
    methods = [request.method for request in net.sent]
    assert methods == ["GET"] * 20 + ["PUT"] * 20, "all are planned before any is written"


@pytest.mark.parametrize("concurrency", [1, 10])
def test_after_creations_each_zone_with_a_new_job_is_listed_again(concurrency: int) -> None:
    names = ("a", "b", "c")
    bodies = [{**NEW_BODY, "name": name} for name in names]
    shown = [job(**{**body, "id": number}) for number, body in enumerate(bodies, 50)]
    calls = [listed(zone=zone) for zone in ZONES[:2]]
    calls += [created(bodies[0], success(shown[0]), zone=ZONES[0])]
    calls += [created(body, success(one), zone=ZONES[1]) for body, one in zip(bodies, shown)]
    calls += [listed(*shown[:1], zone=ZONES[0]), listed(*shown, zone=ZONES[1])]
    # Another zone, in which none is created.
    calls += [listed(job(), zone=ZONES[2]), put({"enabled": False}, zone=ZONES[2])]
    given = [{**NEW, "zone_id": ZONES[1], "name": name} for name in names]
    first = {**NEW, "zone_id": ZONES[0], "name": "a"}
    with network(*calls, concurrent=True) as net:
        result = run(first, *given, entry(ZONES[2], enabled=False), concurrency=concurrency)
    assert not result.get("failed"), result
    assert [one["job"]["id"] for one in result["results"]] == [50, 50, 51, 52, 42]
    methods = [request.method for request in net.sent]
    assert methods[:3] == ["GET"] * 3
    assert sorted(methods[3:8]) == ["POST"] * 4 + ["PUT"]  # type: ignore[type-var]
    assert methods[8:] == ["GET"] * 2


def test_a_second_job_of_the_name_fails_that_entry_alone() -> None:
    ours = job(**{**NEW_BODY, "id": 50})
    with network(
        listed(job()),
        created(NEW_BODY, success(ours)),
        put({"enabled": False}),
        listed(job(), ours, job(**{**NEW_BODY, "id": 49})),
    ):
        result = run(NEW, entry(enabled=False), diff=True)
    first, second = result["results"]
    assert (result["failed"], result["changed"]) == (True, True)
    assert (first["failed"], first["changed"], first["ids"]) == (True, True, [49, 50])
    assert (second["failed"], second["action"]) == (False, "updated")
    assert result["summary"] == {**SUMMARY, "total": 2, "updated": 1, "failed": 1}
    assert len(result["diff"]) == 2


def test_concurrently_a_zone_is_listed_once() -> None:
    jobs = [job(id=number, name=f"job-{number}") for number in range(1, 51)]
    with network(listed(*jobs), concurrent=True):
        result = run(*(entry(name=f"job-{number}") for number in range(1, 51)), concurrency=50)
    assert [one["job"]["id"] for one in result["results"]] == list(range(1, 51))


def test_options_are_those_of_the_single_module() -> None:
    described: dict[str, t.Any] = {
        "dataset": "http_requests",
        "destination_conf": BUCKET,
        "enabled": True,
        "kind": "",
        "frequency": "low",
        "logpull_options": "fields=RayID",
        "max_upload_bytes": 5_000_000,
        "max_upload_interval_seconds": 300,
        "max_upload_records": 1_000_000,
    }
    where = {"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}
    body = {
        **described,
        "name": "new",
        "filter": json.dumps(where),
        "output_options": {"sample_rate": 0.5, "CVE-2021-44228": True},
        "ownership_challenge": CHALLENGE,
    }
    with network(listed(), created(body), listed(job(**body))):
        result = run(
            entry(
                name="new",
                **described,
                filter=where,
                output_options={"sample_rate": 0.5, "CVE-2021-44228": True},
                ownership_challenge=f" {CHALLENGE}\n",
            )
        )
    assert result["results"][0]["action"] == "created"
    assert CHALLENGE not in json.dumps(result["results"])


@pytest.mark.parametrize(
    "given",
    [
        {"CVE-2021-44228": True},
        {"cve_2021_44228": True},
        '{"CVE-2021-44228": true}',
        "CVE-2021-44228=yes",
    ],
)
def test_the_cve_option_goes_by_both_its_names(given: t.Any) -> None:
    body = {**NEW_BODY, "output_options": {"CVE-2021-44228": True}}
    with network(listed(job()), created(body), listed(job(), job(**{**body, "id": 43}))):
        result = run(entry(), {**NEW, "output_options": given})
    assert result["results"][1]["action"] == "created", result


# Pruning


OTHERS = (
    job(id=50, name="old"),
    job(id=51, name="dns", dataset="dns_logs"),
    job(id=52, name=None, dataset=None),
)


def removed(job_id: int, answer: requests.Response | None = None) -> Call:
    """Expect a job to be removed."""
    done = success({"id": job_id}) if answer is None else answer
    return Call("DELETE", path(job_id=job_id), None, done)


@pytest.mark.parametrize(
    ("datasets", "ids"),
    [
        (None, [50, 51, 52]),
        (["dns_logs"], [51]),
        (["dns_logs", "http_requests"], [50, 51]),
        ("dns_logs, http_requests", [50, 51]),
        (["audit_logs"], []),
        ([], []),
    ],
)
def test_prune_is_limited_to_datasets(datasets: list[str] | str | None, ids: list[int]) -> None:
    with network(listed(job(), *OTHERS)):
        planned = run(entry(), prune=True, prune_datasets=datasets, check_mode=True)
    with network(listed(job(), *OTHERS), *map(removed, ids)):
        result = run(entry(), prune=True, prune_datasets=datasets)
    for whole in (planned, result):
        assert [one["item"]["id"] for one in whole["pruned"]] == ids
        assert whole["changed"] is bool(ids)
        counts = {"total": 1, "unchanged": 1, "pruned": len(ids)}
        assert whole["summary"] == {**SUMMARY, **counts}
        assert len(whole["table"]) == 2 + len(ids)


def test_prune_keeps_what_entries_describe_by_name_or_id_and_what_was_created() -> None:
    new = job(**{**NEW_BODY, "id": 60})
    with network(
        listed(job(), *OTHERS),
        created(NEW_BODY, success(new)),
        removed(50),
        listed(job(), *OTHERS[1:], new),
        removed(51),
    ):
        result = run(
            entry(), entry(id=52, name=None), NEW, entry(name="old", state="absent"), prune=True
        )
    assert not result.get("failed"), result
    assert [one["action"] for one in result["results"]] == ["none", "none", "created", "deleted"]
    assert [one["item"]["id"] for one in result["pruned"]] == [51]


def test_prune_removes_no_job_of_a_zone_where_a_second_job_of_the_name_appeared() -> None:
    new = job(**{**NEW_BODY, "id": 60})
    twin = job(**{**NEW_BODY, "id": 61})
    with network(listed(*OTHERS), created(NEW_BODY, success(new)), listed(*OTHERS, new, twin)):
        result = run(NEW, prune=True)
    assert (result["failed"], result["pruned"]) == (True, [])


def test_a_job_that_cannot_be_pruned_is_a_failure_and_stops_no_other() -> None:
    denied = failure(403, 10000, "Authentication error")
    with network(listed(job(), *OTHERS), removed(50, denied), removed(51), removed(52)):
        result = run(entry(), prune=True)
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"].startswith(f"1 of 4 jobs failed: job 'old' in zone {ZONE}: DELETE ")
    assert [one["failed"] for one in result["pruned"]] == [True, False, False]
    assert [one["failed"] for one in result["results"]] == [False]
    counts = {"total": 1, "unchanged": 1, "pruned": 2, "failed": 1}
    assert result["summary"] == {**SUMMARY, **counts}
    outcomes = [line.split()[3] for line in result["table"][2:]]
    assert outcomes == ["failed", "pruned", "pruned"]


def test_prune_looks_at_each_entry_as_often_however_many_there_are() -> None:
    def looks(count: int) -> int:
        seen: list[Scope] = []

        def canonical(scope: Scope) -> Scope:
            seen.append(scope)
            return scope

        with (
            mock.patch.object(Scope, "canonical", property(canonical)),
            network(*(listed(job(), zone=zone) for zone in ZONES[:count])),
        ):
            assert not run(*map(entry, ZONES[:count]), prune=True)["changed"]
        return len(seen)

    assert looks(20) == 2 * looks(10)


def test_prune_of_an_empty_list_sends_nothing() -> None:
    with network():
        assert run(prune=True)["pruned"] == []


# Failures


def test_one_failure_stops_no_other_and_is_counted() -> None:
    no = failure(403, 1004, "exceeded max jobs allowed")
    with network(
        listed(job()),
        listed(job(id=8), zone=ZONES[0]),
        created(NEW_BODY, no),
        put({"enabled": False}, zone=ZONES[0], id=8),
    ):
        result = run(
            NEW,
            entry(kind="edge"),
            entry(ZONES[0], enabled=False),
            entry(name="bucket", destination_conf=BUCKET, prove_ownership=False),
            entry(name="nowhere"),
        )
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"].startswith(
        f"4 of 5 jobs failed; the first of them: job 'new' in zone {ZONE}: POST {path()} failed: "
    )
    each = result["results"]
    assert [one["failed"] for one in each] == [True, True, False, True, True]
    assert each[0]["error"]["codes"] == [1004]
    assert each[1]["msg"].startswith("kind: job 42 ('http') has ''")
    assert (each[2]["changed"], each[2]["action"]) == (True, "updated")
    assert each[3]["msg"].startswith("this destination requires an ownership_challenge")
    assert each[3]["ownership"] == "missing"
    assert each[3]["changes"] == ["destination_conf", "enabled", "name"]
    assert each[4]["msg"].startswith("destination_conf: is required to create a job")
    assert result["summary"] == {**SUMMARY, "total": 5, "updated": 1, "failed": 4}
    assert [line.split()[3] for line in result["table"][2:]] == [
        "failed",
        "updated",
        "failed",
        "failed",
    ]


def test_the_message_names_the_only_job_that_failed() -> None:
    internal = put({"enabled": False}, failure(500, 1, "internal"))
    # It may have been applied, so the job is looked for.
    with network(listed(job()), internal, checked(42)):
        result = run(entry(enabled=False), entry(name="other", state="absent"))
    assert result["msg"].startswith(f"1 of 2 jobs failed: job 'http' in zone {ZONE}: PUT ")
    assert result["results"][0]["response_lost"] is True


@pytest.mark.parametrize(
    ("status", "code", "message", "retryable", "of"),
    combined(
        [
            (400, 1003, "bad request", False),
            (401, 10001, "Unauthorized", False),
            (403, 10000, "Authentication error", False),
            (403, 10000, "Unable to authenticate request", True),
            (403, 1004, "creating a new job is not allowed: exceeded max jobs allowed", False),
            (404, 7003, "Could not route to that", False),
            (409, 1000, "conflict", False),
            (429, 971, "slow down", True),
            (200, 1001, "refused under 200", False),
        ],
        ["list", "one", "create", "update", "delete"],
    ),
)
def test_api_errors_are_reported_as_the_api_gave_them(
    status: int, code: int, message: str, retryable: bool, of: str
) -> None:
    said = failure(status, code, message)
    calls, given = {
        "list": ([Call("GET", path(), None, said)], entry()),
        "one": ([Call("GET", path(), None, said)], entry(id=42)),
        "create": ([listed(), created(NEW_BODY, said)], NEW),
        "update": ([listed(job()), put({"enabled": False}, said)], entry(enabled=False)),
        "delete": (
            [listed(job()), Call("DELETE", path(job_id=42), None, said)],
            entry(state="absent"),
        ),
    }[of]
    with network(*calls):
        result = run(given, rate_limit_retry_timeout=0)
    (only,) = result["results"]
    assert only["msg"].startswith(
        f"{calls[-1].method} {calls[-1].path} failed: Cloudflare answered HTTP {status}: {message} "
        f"(code {code})"
    )
    assert only["error"] == {
        "status": status,
        "method": calls[-1].method,
        "path": calls[-1].path,
        "codes": [code],
        "errors": [{"code": code, "message": message}],
        "ray_id": "8f2c1d7e4a9b0c3d-FRA",
        "retryable": retryable,
    }
    assert (result["failed"], result["changed"], only["changed"]) == (True, False, False)


@pytest.mark.parametrize("content", [b"", b"null", b"<html>", b'{"success": true, "resu'])
def test_a_list_that_is_no_envelope(content: bytes) -> None:
    with network(
        Call("GET", path(), None, response(content=content)), listed(job(id=8), zone=ZONES[0])
    ):
        result = run(entry(), entry(ZONES[0]))
    assert [one["failed"] for one in result["results"]] == [True, False]
    assert "malformed response (HTTP 200): not a Cloudflare envelope" in result["msg"]


@pytest.mark.parametrize("answer", [[1], ["job"], {"jobs": []}, [{"name": "no id"}]])
def test_a_list_that_holds_no_jobs(answer: object) -> None:
    with network(Call("GET", path(), None, success(answer))):
        result = run(entry(), entry(name="b"))
    assert [one["failed"] for one in result["results"]] == [True, True]


def test_a_lost_response_is_looked_into_and_the_warning_names_the_job() -> None:
    gateway = failure(502, 1, "bad gateway")
    with network(
        listed(job()),
        created(NEW_BODY, gateway),
        listed(job(), job(id=43, **NEW_BODY)),
        put({"enabled": False}),
        listed(job(enabled=False), job(id=43, **NEW_BODY)),
    ):
        result = run(NEW, entry(enabled=False))
    assert not result.get("failed"), result
    assert result["results"][0]["response_lost"] is True
    assert result["results"][0]["job"]["id"] == 43
    (warning,) = result["warnings"]
    assert warning.startswith(f"job 'new' in zone {ZONE}: POST ")
    assert result["table"][1].endswith("id 43; response lost, verified afterwards")


@pytest.mark.parametrize("given", [None, 5, ["no job"], [5], {"name": "alone"}])
def test_a_value_that_is_not_a_list_of_jobs_is_rejected(given: object) -> None:
    with network():
        result = run_module(logpush_jobs.main, {"api_token": TOKEN, "jobs": given})
    # The words are Ansible's own.
    assert result["failed"] is True
    assert result["msg"]
    assert "results" not in result


@pytest.mark.parametrize("concurrency", [1, 10])
def test_a_rate_limit_is_waited_out_and_reported(concurrency: int) -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "7"})
    with network(listed(job()), put({"enabled": False}, limited), put({"enabled": False})) as net:
        result = run(entry(enabled=False), concurrency=concurrency)
    assert result["changed"] is True
    assert (net.pauses, result["rate_limit_waited"]) == ([7.0], 7)


def test_a_rate_limit_beyond_the_retry_timeout_fails_all_remaining_requests_immediately() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "3600"})
    with network(
        listed(job(), job(id=43, name="b"), job(id=44, name="c")),
        put({"enabled": False}),
        put({"enabled": False}, limited, id=43),
    ) as net:
        result = run(*(entry(name=name, enabled=False) for name in ("http", "b", "c")))
    assert not net.pauses
    assert [one["failed"] for one in result["results"]] == [False, True, True]
    assert result["changed"] is True
    assert "request not sent" in result["results"][2]["msg"]


# Two for one


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        (entry(), entry(enabled=False), "http"),
        (entry(), entry(zone=ZONE.upper()), "http"),
        (entry(dataset="http_requests"), entry(), "http"),
        (entry(), entry(dataset="http_requests"), "http"),
        (entry(dataset="dns_logs"), entry(dataset="dns_logs"), "http"),
        (entry(), entry(state="absent"), "http"),
        (entry(id=42, name="a"), entry(id=42, name="b"), "b"),
        (entry(id=42, name=None), entry(id=42, name=None), "42"),
        # It gets the name that another one has.
        (entry(id=42, name="b"), entry(name="b"), "b"),
        (entry(name="b"), entry(id=42, name="b"), "b"),
        (
            entry(zone_id=None, account_id=ACCOUNT),
            entry(zone_id=None, account_id=ACCOUNT.upper()),
            "http",
        ),
    ],
)
def test_two_entries_for_one_job_are_rejected_before_any_request(
    one: dict[str, t.Any], other: dict[str, t.Any], name: str
) -> None:
    with network():
        result = run(entry(ZONES[0]), one, other, check_mode=True)
    assert result["failed"] is True
    account = other.get("account_id")
    where = f"account {account}" if account else f"zone {other['zone_id']}"
    said = f"jobs: entries 2 and 3 are both for the job '{name}' in {where}; remove one of them"
    assert result["msg"] == said
    assert "results" not in result


def test_jobs_of_the_same_name_differ_by_zone_or_dataset() -> None:
    same = [job(id=number, name="same") for number in (50, 51)]
    in_zone = [job(), job(id=43, dataset="dns_logs"), *same]
    with network(listed(*in_zone), listed(job(id=42), zone=ZONES[0])):
        result = run(
            entry(dataset="http_requests"),
            entry(dataset="dns_logs"),
            entry(ZONES[0]),
            # Jobs that there are may have one name.
            entry(id=50, name=None),
            entry(id=51, name=None),
        )
    assert [one["job"]["id"] for one in result["results"]] == [42, 43, 42, 50, 51]


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_id_and_a_name_of_one_job_both_fail_and_nothing_is_written(check_mode: bool) -> None:
    calls = [listed(job(), job(id=43, name="other"))]
    calls += [] if check_mode else [put({"enabled": False}, id=43, name="other")]
    with network(*calls):
        result = run(
            entry(id=42, name=None, enabled=False),
            entry(enabled=True),
            entry(name="other", enabled=False),
            check_mode=check_mode,
        )
    assert [one["failed"] for one in result["results"]] == [True, True, False]
    for one in result["results"][:2]:
        assert one["msg"] == "job 42 is in several entries; remove all but one"
        assert one["changed"] is False


# Invalid options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"account_id": ACCOUNT}, "mutually exclusive: zone_id|account_id"),
        ({"zone_id": None}, "one of the following is required: zone_id, account_id"),
        ({"name": None}, "one of the following is required: id, name"),
        ({"state": "gone"}, "value of state must be one of: present, absent"),
        ({"output_options": {"sample": 1}}, "jobs[1] ('http'): unsupported option"),
        ({"output_options": [{"sample": 1}]}, "jobs[1] ('http'): "),
        ({"output_options": [None, {"": None}]}, "jobs[1].output_options"),
        ({"output_options": [{"sample": 1}], "id": float("inf")}, "jobs[1]"),
    ],
)
def test_input_that_ansible_itself_rejects(options: dict[str, t.Any], said: str) -> None:
    with network():
        result = run(entry(ZONES[0]), entry(**options))
    assert said in result["msg"]
    assert "results" not in result


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("zone_id", value) for value in ("", "zone", ZONE[:-1] + "\n")),
        *(("destination_conf", value) for value in ("", "x", BUCKET + "\nx")),
        *(("id", value) for value in (0, -1)),
        *(("name", value) for value in ("", "x" * 513)),
        ("ownership_challenge", ""),
        ("ownership_challenge", "challenge.txt"),
        ("dataset", "a/b"),
        ("filter", "{"),
        ("max_upload_bytes", -1),
        ("logpull_options", "x" * 4097),
    ],
)
def test_nothing_is_sent_if_an_entry_is_invalid(option: str, value: t.Any) -> None:
    invalid = entry(**{option: value})
    with network():
        result = run(entry(ZONES[0]), invalid, {**NEW, "zone_id": ZONES[1]}, prune=True)
    first, second, third = result["results"]
    assert second["msg"].startswith(f"{option}: "), second
    name = " ".join(str(invalid["name"]).split()) or invalid.get("id")
    where = f"zone {invalid['zone_id']}".strip()
    for one in (first, third):
        assert one["msg"] == f"not attempted, since entry 2 (job '{name}' in {where}) is invalid"
    assert [one["failed"] for one in result["results"]] == [True] * 3
    assert result["msg"].startswith("3 of 3 jobs failed; ")
    assert (result["changed"], result["pruned"]) == (False, [])
    assert result["summary"] == {**SUMMARY, "total": 3, "failed": 3}
    assert len(result["table"]) == 4


def test_each_invalid_entry_has_its_own_error() -> None:
    with network():
        result = run(entry(filter="{"), entry(ZONES[0]), entry(ZONES[1], id=0), check_mode=True)
    first, second, third = (one["msg"] for one in result["results"])
    assert first.startswith("filter: is not JSON")
    assert second.startswith("not attempted, since entry 1 (job 'http'")
    assert third.startswith("id: must be 1 or more")


def test_a_null_is_no_name() -> None:
    with network():
        result = run({**NEW, "name": None}, {**NEW, "name": None, "id": None})
    assert [one["msg"][:14] for one in result["results"]] == ["name: is empty"] * 2


def test_a_name_is_one_line_of_a_sentence() -> None:
    with network():
        result = run(entry(name="a\n\n b", dataset="/"))
    assert result["msg"].startswith(f"1 of 1 jobs failed: job 'a b' in zone {ZONE}: dataset: ")
    assert result["results"][0]["item"]["name"] == "a\n\n b"


# Secrets


def test_no_secret_of_any_entry_is_shown_anywhere() -> None:
    names = [f"job-{number}" for number in range(4)]
    secrets = [
        text.format(number)
        for number in range(4)
        for text in (SECRET, SECRET.replace("%2B", "+"), "AKIAEXAMPLEKEY{0:02}")
    ]
    of_a_job = "OfAJobThatIsThere01"
    theirs = f"{BUCKET}&access-key-id=AKIA0123456789&secret-access-key={of_a_job}"
    secrets += [of_a_job, CHALLENGE, TOKEN]
    # Each answer quotes what another entry has.
    said = "cannot write: " + " ".join([*secrets, *map(conf, range(4))])
    bodies = [{"name": name, "destination_conf": conf(n)} for n, name in enumerate(names)]
    bodies[3]["ownership_challenge"] = CHALLENGE
    shown = [job(id=43, **bodies[2]), job(id=44, **bodies[3])]
    calls = [created(body, failure(400, 1, said)) for body in bodies[:2]]
    calls += [created(bodies[2], failure(502, 1, said)), listed(shown[0])]
    calls += [created(bodies[3], response(content=said.encode())), listed(*shown)]
    calls += [listed(*shown)]
    with network(listed(job(destination_conf=theirs)), *calls):
        result = run(
            *(
                entry(
                    name=name,
                    destination_conf=conf(number),
                    ownership_challenge=CHALLENGE if number == 3 else None,
                )
                for number, name in enumerate(names)
            ),
            diff=True,
        )
    assert [one["failed"] for one in result["results"]] == [True, True, False, False]
    assert len(result["warnings"]) == 2
    assert len(result["diff"]) == 2
    printed = json.dumps(result)
    for secret in [*secrets, *map(conf, range(4))]:
        assert secret not in printed
    # Newer versions of Ansible show it only where they are asked to.
    if "invocation" in result:
        shown = result["invocation"]["module_args"]["jobs"]
        assert shown == f"{len(names)} entries (not shown)"


@pytest.mark.parametrize(
    "wrong",
    [
        {"destination_cnf": conf(1)},
        {"output_options": {"batch_prefx": conf(1)}},
        {"output_options": json.dumps({"batch_prefx": conf(1)})},
        {"output_options": f"batch_prefx={conf(1)}"},
        {"output_options": [conf(1)]},
        {"output_options": conf(1)},
        {"destination_conf": conf(1), "zone_id": None},
        {"destination_conf": conf(1), "id": "many"},
        {"destination_conf": [conf(1)], "state": "x"},
    ],
)
def test_no_secret_is_shown_of_options_that_are_wrong(wrong: dict[str, t.Any]) -> None:
    with network():
        result = run(entry(**wrong), entry(name="other"))
    assert result["failed"] is True
    assert SECRET.format(1) not in json.dumps(result)


@pytest.mark.parametrize(
    "word", ["unchanged", "not_required", "destination_conf", "output_options"]
)
def test_a_secret_that_is_a_word_of_the_result_spoils_no_result(word: str) -> None:
    concerned = entry(name="b", destination_conf=f"https://logs.example.com/in?header_X={word}")
    changed = entry(name="c", output_options={"batch_prefix": "x"})
    shown = {key: value for key, value in concerned.items() if key != "zone_id"}
    jobs = (job(), job(**{**shown, "id": 43}), job(id=44, name="c"))
    with network(listed(*jobs)):
        result = run(entry(), concerned, changed, check_mode=True, diff=True)
    assert result["summary"]["unchanged"] == 2
    assert "***" not in json.dumps([result["table"], result["results"], result["diff"]])


@pytest.mark.parametrize(
    "key",
    [
        *("Xy-9kLmQ_rT2vB-nM4pQs_7dFgHjK-1zAwE", "q7Wm%2BzT4kR9x%2FbV2nLp8"),
        *("token/hunter2-hunter2", "token!hunter2hunter2", "in;api_key=hunter2hunter2"),
    ],
)
def test_a_key_in_the_path_of_a_destination_is_not_shown(key: str) -> None:
    destination = f"https://logs.example.com/v1/{key}/raw"
    quoted = f"error writing to {destination}: 403"
    body = {"name": "new", "dataset": "http_requests", "destination_conf": destination}
    with network(listed(), created(body, failure(400, 1002, quoted))):
        result = run(entry(**body), diff=True)
    assert result["failed"]
    assert key.rpartition("=")[2].rpartition("!")[2].rpartition("/")[2] not in json.dumps(result)


def test_a_line_break_behind_an_id_or_a_dataset_is_removed() -> None:
    given = entry(f"{ZONE}\n", dataset="http_requests\n", enabled=True)
    with network(listed(job())):
        result = run(given)
    assert (result["summary"]["unchanged"], result["results"][0]["item"]["zone_id"]) == (1, ZONE)
