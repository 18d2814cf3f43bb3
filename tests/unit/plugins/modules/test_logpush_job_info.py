# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_job_info, from its options to what it sends and prints."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timezone
from unittest import mock

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_job_info, logpush_jobs
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    ZONE,
    Call,
    failure,
    network,
    response,
    run_module,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.samples import combined

# Five minutes after the last push of the jobs below.
NOW = datetime(2026, 11, 22, 14, 10, tzinfo=timezone.utc).timestamp()
OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
PATH = f"/zones/{ZONE}/logpush/jobs"
DESTINATION = "s3://edge-logs/http/{DATE}?region=us-east-1"
FILTER = {"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}
SECRET = "SeCrEtSeCrEtSeCrEt+1"
SECRET_AS_GIVEN = "SeCrEtSeCrEtSeCrEt%2B1"
KEY_ID = "AKIAEXAMPLEKEY00"
WITH_SECRETS = f"r2://b/p?account-id=a&access-key-id={KEY_ID}&secret-access-key={SECRET_AS_GIVEN}"


def job(job_id: int = 42, **changes: t.Any) -> dict[str, t.Any]:
    """Return a job as the API shows it, with changes; an ellipsis leaves a property out."""
    properties = {
        "id": job_id,
        "name": "http-to-s3",
        "dataset": "http_requests",
        "kind": "",
        "enabled": True,
        "frequency": "high",
        "filter": json.dumps(FILTER),
        "output_options": {"field_names": ["ClientIP"], "CVE-2021-44228": True, "sample_rate": 1},
        "logpull_options": None,
        "max_upload_bytes": None,
        "max_upload_interval_seconds": 30,
        "max_upload_records": 100_000,
        "destination_conf": DESTINATION,
        "last_complete": "2026-11-22T14:05:00Z",
        "last_error": None,
        "error_message": None,
        **changes,
    }
    return {name: value for name, value in properties.items() if value is not ...}


def listed(*jobs: t.Any) -> Call:
    """Expect that the jobs are asked for, and answer with these."""
    return Call("GET", PATH, None, success(list(jobs)))


def run(check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module in a zone with a token, unless told otherwise; "null" stands for a null."""
    given = {"zone_id": ZONE, "api_token": TOKEN, **options}
    given = {name: value for name, value in given.items() if value is not None}
    given = {name: None if value == "null" else value for name, value in given.items()}
    with mock.patch("time.time", return_value=NOW):
        return run_module(logpush_job_info.main, given, check_mode=check_mode, diff=diff)


def ids(answer: dict[str, t.Any]) -> list[int]:
    """Return the ids of the jobs in an answer that is no failure."""
    assert not answer.get("failed"), answer
    return [each["id"] for each in answer["jobs"]]


def only(answer: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the one job of an answer that is no failure."""
    assert len(ids(answer)) == 1
    return t.cast("dict[str, t.Any]", answer["jobs"][0])


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("diff", [False, True])
def test_all_of_a_job_in_every_mode(check_mode: bool, diff: bool) -> None:
    with network(listed(job())):
        answer = run(check_mode=check_mode, diff=diff)
    assert answer["changed"] is False
    assert "diff" not in answer
    assert only(answer) == {
        "id": 42,
        "name": "http-to-s3",
        "dataset": "http_requests",
        "kind": "",
        "enabled": True,
        "frequency": "high",
        "filter": FILTER,
        "output_options": {"field_names": ["ClientIP"], "cve_2021_44228": True, "sample_rate": 1},
        "logpull_options": None,
        "max_upload_bytes": None,
        "max_upload_interval_seconds": 30,
        "max_upload_records": 100_000,
        "filter_attack_traffic": None,
        "transformer_id": None,
        "additional_properties": None,
        "destination": {
            "scheme": "s3",
            "bucket": "edge-logs",
            "prefix": "http/{DATE}",
            "region": "us-east-1",
            "endpoint": None,
            "ownership": "required",
        },
        "status": "pushing",
        "healthy": True,
        "last_complete": "2026-11-22T14:05:00Z",
        "last_error": None,
        "error_message": None,
        "scope": {"zone_id": ZONE},
        "config": {
            "zone_id": ZONE,
            "name": "http-to-s3",
            "dataset": "http_requests",
            "enabled": True,
            "filter": FILTER,
            "output_options": {
                "field_names": ["ClientIP"],
                "cve_2021_44228": True,
                "sample_rate": 1,
            },
            "frequency": "high",
            "max_upload_interval_seconds": 30,
            "max_upload_records": 100_000,
            "destination_conf": DESTINATION,
        },
    }
    assert answer["scopes"] == [{"zone_id": ZONE, "failed": False, "msg": ""}]


def test_second_run_finds_the_same() -> None:
    with network(listed(job()), listed(job())):
        assert run() == run()


def test_jobs_of_an_account() -> None:
    path = f"/accounts/{ACCOUNT}/logpush/jobs"
    with network(Call("GET", path, None, success([job(7, dataset="audit_logs")]))):
        assert ids(run(zone_id=None, account_id=ACCOUNT)) == [7]


def test_jobs_are_in_the_order_of_their_ids() -> None:
    with network(listed(job(30), job(4), job(100))):
        assert ids(run()) == [4, 30, 100]


@pytest.mark.parametrize("result", [[], None])
def test_no_jobs_are_no_error(result: object) -> None:
    with network(Call("GET", PATH, None, success(result))):
        assert ids(run()) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"name": "a"}, [1, 2]),
        ({"name": "A"}, []),
        ({"name": ""}, [4, 5]),
        ({"dataset": "http_requests"}, [1, 3]),
        ({"name": "a", "dataset": "http_requests"}, [1]),
        ({"name": "b", "dataset": "dns_logs"}, []),
    ],
)
def test_filters_are_anded(filters: dict[str, t.Any], found: list[int]) -> None:
    jobs = [
        job(1, name="a"),
        job(2, name="a", dataset="dns_logs"),
        job(3, name="b"),
        job(4, name=None, dataset="dns_logs"),
        job(5, name=..., dataset=...),
    ]
    with network(listed(*jobs)):
        assert ids(run(**filters)) == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [42]),
        ({"name": "http-to-s3"}, [42]),
        ({"name": "http-to-s3", "dataset": "http_requests"}, [42]),
        ({"name": ""}, []),
        ({"dataset": "dns_logs"}, []),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_one_job_by_its_id(filters: dict[str, t.Any], found: list[int], check_mode: bool) -> None:
    with network(Call("GET", f"{PATH}/42", None, success(job()))):
        assert ids(run(id=42, check_mode=check_mode, **filters)) == found


def test_an_id_that_is_not_there_is_an_empty_list() -> None:
    with network(Call("GET", f"{PATH}/42", None, failure(404, 1002, "job not found"))):
        assert ids(run(id=42)) == []


def test_an_unknown_zone_is_no_empty_list() -> None:
    unknown = failure(404, 7003, "Could not route to the zone")
    with network(Call("GET", f"{PATH}/42", None, unknown)):
        answer = run(id=42)
    assert answer["failed"] is True
    assert (answer["error"]["status"], answer["error"]["path"]) == (404, f"{PATH}/42")


@pytest.mark.parametrize(
    ("options", "said", "check_mode"),
    combined(
        [
            ({"id": 0}, "id: must be 1 or more"),
            ({"id": -3}, "id: must be 1 or more"),
            ({"id": "many"}, "id"),
            ({"dataset": ""}, "dataset: must be a name"),
            ({"dataset": "../jobs"}, "dataset: must be a name"),
            ({"dataset": "a" * 129}, "dataset: must be a name"),
            ({"id": 42, "dataset": "http requests"}, "dataset: must be a name"),
            ({"zone_id": "not-an-id"}, "zone_id: must be 32"),
            ({"zone_id": None}, "one of the following is required"),
            ({"account_id": ACCOUNT}, "mutually exclusive"),
            ({"scopes": [{"zone_id": ZONE}]}, "mutually exclusive"),
            ({"zone_id": None, "scopes": []}, "scopes: is empty"),
            (
                {"zone_id": None, "scopes": "null"},
                "scopes: is null; set zone_id, account_id or scopes",
            ),
            ({"zone_id": "null"}, "set zone_id, account_id or scopes"),
            ({"zone_id": None, "scopes": [{"host": "x"}]}, "scopes[0]: one of the following"),
            (
                {"zone_id": None, "scopes": [{"zone_id": ZONE}, {"zone_id": "x"}]},
                "scopes[1]: zone_id: must be 32",
            ),
            ({"zone_id": None, "scopes": [{"zone": ZONE}]}, 'scopes[0]: unsupported option "zone"'),
            (
                {"zone_id": None, "scopes": [{"zone_id": ZONE}], "concurrency": 0},
                "concurrency: must",
            ),
            ({"stale_after": 0}, "stale_after: must be more than 0"),
            ({"stale_after": -1}, "stale_after: must be more than 0"),
            ({"stale_after": float("nan")}, "stale_after: must be more than 0"),
        ],
        [False, True],
    ),
)
def test_invalid_options_are_rejected_before_any_request(
    options: dict[str, t.Any], said: str, check_mode: bool
) -> None:
    with network():
        answer = run(check_mode=check_mode, **options)
    assert answer["failed"] is True
    assert said in answer["msg"]
    assert "jobs" not in answer


def pushed(when: str, **changes: t.Any) -> dict[str, t.Any]:
    """Return a job that pushed last at this time of day."""
    return job(last_complete=f"2026-11-{when}", **changes)


@pytest.mark.parametrize(
    ("shown", "status", "healthy"),
    [
        (job(), "pushing", True),
        (job(last_error=""), "pushing", True),
        # Cloudflare removes an error after the next push that succeeds, but that was later.
        (job(last_error="2026-11-22T14:00:00Z"), "pushing", True),
        (job(last_error="2026-11-22T14:05:01Z"), "failing", False),
        (job(last_error="2026-11-22T15:06:00+01:00"), "failing", False),
        (job(last_error="2026-11-22T16:04:00+02:00"), "pushing", True),
        (job(last_error="some day"), "failing", False),
        (job(last_error="2026-11-22T14:00:00Z", last_complete=None), "failing", False),
        (job(error_message="could not write"), "failing", False),
        (job(enabled=False, error_message="could not write"), "disabled", None),
        (job(last_complete=None, error_message="could not write"), "failing", False),
        (job(last_complete="2026-11-20T14:05:00Z", error_message="denied"), "failing", False),
        (pushed("21T14:10:00Z"), "pushing", True),
        (pushed("21T14:09:59.999999999Z"), "stale", False),
        (pushed("21T13:10:00-01:00"), "pushing", True),
        (pushed("21T19:39:59+05:30"), "stale", False),
        (pushed("21T14:09:59Z", dataset="dns_logs"), "stale", False),
        (pushed("01T00:00:00Z", enabled=False), "disabled", None),
        (job(last_complete="some day"), "pushing", True),
        (job(last_complete="2026-02-31T00:00:00Z"), "pushing", True),
        (job(enabled=False), "disabled", None),
        (job(last_complete=None), "idle", None),
        (job(last_complete=...), "idle", None),
        (job(last_complete=..., enabled=...), "disabled", None),
    ],
)
def test_status_and_health(shown: dict[str, t.Any], status: str, healthy: bool | None) -> None:
    with network(listed(shown)):
        found = only(run())
    assert (found["status"], found["healthy"]) == (status, healthy)
    for name in ("last_complete", "last_error", "error_message"):
        assert found[name] == shown.get(name)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, "stale"),
        ({"stale_after": 48.1}, "pushing"),
        ({"stale_after": 47.9}, "stale"),
        ({"stale_after": 0.5}, "stale"),
        ({"quiet_datasets": ["dns_logs"]}, "stale"),
        ({"quiet_datasets": ["dns_logs", "http_requests"]}, "pushing"),
    ],
)
def test_when_a_job_is_stale(options: dict[str, t.Any], status: str) -> None:
    with network(listed(pushed("20T14:10:00Z"))):
        assert only(run(**options))["status"] == status


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (json.dumps(FILTER), FILTER),
        (FILTER, FILTER),
        ("", None),
        ("{}", None),
        (None, None),
        (..., None),
        ("{not json", "{not json"),
        ("[" * 100_000, "[" * 100_000),
    ],
    ids=["text", "parsed", "empty", "empty-object", "null", "left-out", "no-json", "deep"],
)
def test_filter_is_parsed(text: object, shown: object) -> None:
    with network(listed(job(filter=text))):
        assert only(run())["filter"] == shown


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"CVE-2021-44228": False}, {"cve_2021_44228": False}),
        ({"output_type": "csv", "record_prefix": None}, {"output_type": "csv"}),
        ({}, None),
        (None, None),
        (..., None),
        ("odd", None),
        ([], None),
    ],
)
def test_output_options_have_the_names_that_a_task_gives_them(
    options: object, shown: object
) -> None:
    with network(listed(job(output_options=options))):
        assert only(run())["output_options"] == shown


def test_properties_that_may_be_sensitive_are_left_out() -> None:
    extra: dict[str, t.Any] = {
        "ownership_challenge": "eyJhbGciOi.eyJvYmoi.c2ln",
        "password": "hunter2hunter2",
        "second_destination": WITH_SECRETS,
    }
    options = {"of_tomorrow": [{"api_key": "hunter2hunter3"}], "sample_rate": 1}
    extra["output_options"] = options
    with network(listed(job(**extra))):
        shown = only(run())
    assert not {"ownership_challenge", "password", "destination_conf"} & set(shown)
    assert shown["additional_properties"] is None
    assert shown["output_options"] == shown["config"]["output_options"] == {"sample_rate": 1}
    assert "hunter2" not in json.dumps(shown)
    assert "eyJ" not in json.dumps(shown)
    assert SECRET_AS_GIVEN not in json.dumps(shown)


def test_a_job_of_which_nothing_but_its_id_is_shown() -> None:
    with network(listed({"id": 3})):
        shown = only(run())
    known = {name: value for name, value in shown.items() if value is not None}
    scope = {"zone_id": ZONE}
    assert known == {"id": 3, "status": "disabled", "scope": scope, "config": {**scope, "id": 3}}


@pytest.mark.parametrize("conf", [None, ..., "", "****", 7, [], "r2://", "no uri at all"])
def test_a_destination_that_cannot_be_read_is_null(conf: object) -> None:
    with network(listed(job(destination_conf=conf))):
        assert only(run())["destination"] is None


def test_a_hidden_secret_leaves_the_rest_of_the_destination() -> None:
    conf = "r2://edge-logs/p?account-id=a&access-key-id=****&secret-access-key=****"
    with network(listed(job(destination_conf=conf))):
        assert only(run())["destination"]["bucket"] == "edge-logs"


@pytest.mark.parametrize("spelling", [SECRET, SECRET_AS_GIVEN, KEY_ID, WITH_SECRETS])
@pytest.mark.parametrize("by_id", [False, True])
def test_secrets_of_a_destination_are_masked(spelling: str, by_id: bool) -> None:
    failing = job(destination_conf=WITH_SECRETS, error_message=f"not accepted: {spelling} (403)")
    call = Call("GET", f"{PATH}/42", None, success(failing)) if by_id else listed(failing)
    with network(call):
        answer = run(id=42 if by_id else None)
    shown = only(answer)
    assert shown["error_message"].startswith("not accepted: ")
    assert "***" in shown["error_message"]
    assert shown["healthy"] is False
    assert shown["destination"]["bucket"] == "b"
    for secret in (SECRET, SECRET_AS_GIVEN, KEY_ID, WITH_SECRETS):
        assert secret not in json.dumps(answer)


def test_secrets_are_masked_in_other_jobs_too() -> None:
    jobs = [job(1, error_message=f"see {SECRET}"), job(2, destination_conf=WITH_SECRETS)]
    with network(listed(*jobs)):
        answer = run()
    assert ids(answer) == [1, 2]
    assert answer["jobs"][0]["error_message"].startswith("see ***")
    assert SECRET not in json.dumps(answer)


def test_secrets_of_a_job_that_is_filtered_out_are_masked() -> None:
    jobs = [job(1, error_message=f"see {SECRET}"), job(2, name="x", destination_conf=WITH_SECRETS)]
    with network(listed(*jobs)):
        answer = run(name="http-to-s3")
    assert ids(answer) == [1]
    assert SECRET not in json.dumps(answer)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 1001, "bad request"),
        (403, 1004, "reading job for product 'http_requests' is not allowed"),
        (403, 10000, "Authentication error"),
        (404, 7003, "Could not route"),
        (404, 1002, "job not found"),
        (500, 1001, "internal"),
        (200, 1001, "no, under HTTP 200"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_errors_fail_the_task(status: int, code: int, message: str, check_mode: bool) -> None:
    with network(Call("GET", PATH, None, failure(status, code, message))):
        answer = run(check_mode=check_mode)
    assert answer["failed"] is True
    assert "jobs" not in answer
    assert message in answer["msg"]
    assert answer["error"] == {
        "status": status,
        "method": "GET",
        "path": PATH,
        "codes": [code],
        "errors": [{"code": code, "message": message}],
        "ray_id": "8f2c1d7e4a9b0c3d-FRA",
        "retryable": status == 500,
    }


def test_rate_limit_is_waited_out() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "2"})
    with network(Call("GET", PATH, None, limited), listed(job())) as net:
        assert ids(run()) == [42]
    assert net.pauses == [2.0]


@pytest.mark.parametrize("job_id", [None, 42])
def test_bad_json(job_id: int | None) -> None:
    path = PATH if job_id is None else f"{PATH}/{job_id}"
    with network(Call("GET", path, None, response(content=b'{"success": tr'))):
        answer = run(id=job_id)
    assert answer["failed"] is True
    assert "not a Cloudflare envelope" in answer["msg"]


@pytest.mark.parametrize("result", [{"jobs": []}, {}, "none", "", 7, 0, True, False])
def test_an_answer_that_lists_no_jobs_is_an_error(result: object) -> None:
    with network(Call("GET", PATH, None, success(result))):
        answer = run()
    assert answer["failed"] is True
    assert "does not list jobs" in answer["msg"]


@pytest.mark.parametrize("entry", [None, {}, {"id": None}, {"id": "42"}, [], "job"])
def test_an_entry_that_is_no_job_is_an_error(entry: object) -> None:
    with network(listed(job(), entry)):
        answer = run()
    assert answer["failed"] is True
    assert "contains no job" in answer["msg"]


@pytest.mark.parametrize("result", [None, {}, [], [job()], "job"])
def test_an_answer_without_the_job_is_an_error(result: object) -> None:
    with network(Call("GET", f"{PATH}/42", None, success(result))):
        answer = run(id=42)
    assert answer["failed"] is True
    assert "contains no job" in answer["msg"]


# The config of a job

SHOWN_BARE = "s3://b/p?region=auto&access-key-id=A123&secret-access-key=B456"


@pytest.mark.parametrize(
    ("conf", "is_in_config"),
    [
        (DESTINATION, True),
        ("gs://edge-logs/p", True),
        ("https://logs.example.com/in?header_Content-Type=application/json", True),
        (WITH_SECRETS, False),
        (SHOWN_BARE, False),
        ("sumo://h/receiver/v1/http/C0DE", False),
        ("azure://a.blob.core.windows.net/c/p?sp=cw&sig=S1G", False),
        ("https://logs.example.com/in?of_tomorrow=x", False),
        ("https://user@logs.example.com/in", False),
        ("s3://edge-logs/p?region=****", False),
        ("s3://edge-logs/%2A%2A%2A?region=auto", False),
        ("no uri at all", False),
        (None, False),
        (7, False),
    ],
)
def test_destination_is_in_the_config_where_all_of_it_can_be_shown(
    conf: object, is_in_config: bool
) -> None:
    with network(listed(job(destination_conf=conf))):
        config = only(run())["config"]
    assert config.get("destination_conf") == (conf if is_in_config else None)


@pytest.mark.parametrize("empty", [None, "", 0, False, ...])
def test_empty_values_are_not_in_the_config(empty: object) -> None:
    names = [*("name", "dataset", "kind", "filter", "output_options", "logpull_options")]
    names += ["frequency", "max_upload_bytes", "max_upload_interval_seconds", "max_upload_records"]
    names += ["filter_attack_traffic", "transformer_id", "destination_conf"]
    with network(listed(job(**dict.fromkeys(names, empty)))):  # type: ignore[arg-type]
        assert only(run())["config"] == {"zone_id": ZONE, "enabled": True, "id": 42}


def test_config_has_the_id_of_a_job_that_its_name_does_not_find() -> None:
    jobs = [job(1, name=None), job(2, name=""), job(3), job(4), job(5, dataset="dns_logs")]
    with network(listed(*jobs)):
        configs = [each["config"] for each in run(name="http-to-s3")["jobs"]]
    assert [config.get("id") for config in configs] == [3, 4, None]
    with network(listed(*jobs)):
        configs = [each["config"] for each in run()["jobs"]]
    with network(listed(*jobs)):
        result = run_module(logpush_jobs.main, {"api_token": TOKEN, "jobs": configs})
    assert result["summary"]["unchanged"] == 5


def test_config_of_a_job_of_an_account_that_is_disabled() -> None:
    shown = {"id": 7, "enabled": False, "name": "a", "dataset": "audit_logs", "kind": "edge"}
    path = f"/accounts/{ACCOUNT}/logpush/jobs"
    with network(Call("GET", path, None, success([shown]))):
        found = only(run(zone_id=None, account_id=ACCOUNT))
    expected = {name: value for name, value in shown.items() if name != "id"}
    assert found["config"] == {"account_id": ACCOUNT, **expected}
    assert found["scope"] == {"account_id": ACCOUNT}


# Several zones and accounts

ACCOUNT_PATH = f"/accounts/{ACCOUNT}/logpush/jobs"
OTHER_PATH = f"/zones/{OTHER_ZONE}/logpush/jobs"
SCOPES: list[dict[str, str]] = [
    {"zone_id": ZONE, "host": "example.com"},
    {"account_id": ACCOUNT},
    {"zone_id": OTHER_ZONE},
]


def run_scopes(*scopes: dict[str, str], **options: t.Any) -> dict[str, t.Any]:
    """Run the module for several zones and accounts."""
    return run(zone_id=None, scopes=list(scopes or SCOPES), **options)


@pytest.mark.parametrize("concurrency", [1, 10])
@pytest.mark.parametrize("check_mode", [False, True])
def test_jobs_of_several_scopes_with_one_request_for_each(
    concurrency: int, check_mode: bool
) -> None:
    calls = [
        listed(job(9), job(2)),
        Call("GET", ACCOUNT_PATH, None, success([job(5)])),
        Call("GET", OTHER_PATH, None, success(None)),
    ]
    with network(*calls, concurrent=True) as net:
        answer = run_scopes(concurrency=concurrency, check_mode=check_mode)
    assert ids(answer) == [2, 9, 5]
    assert len(net.sent) == 3
    assert [each["scope"] for each in answer["jobs"]] == [SCOPES[0], SCOPES[0], SCOPES[1]]
    assert [each["config"].get("account_id") for each in answer["jobs"]] == [None, None, ACCOUNT]
    assert answer["scopes"] == [{**scope, "failed": False, "msg": ""} for scope in SCOPES]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"id": 2}, [2, 2]),
        ({"name": "a"}, [1, 3]),
        ({"dataset": "dns_logs"}, [3]),
        ({"id": 1, "name": "b"}, []),
    ],
)
def test_filters_apply_to_each_scope(filters: dict[str, t.Any], found: list[int]) -> None:
    calls = [
        listed(job(1, name="a"), job(2, name="b")),
        Call("GET", ACCOUNT_PATH, None, success([job(2), job(3, name="a", dataset="dns_logs")])),
    ]
    with network(*calls, concurrent=True):
        assert ids(run_scopes(*SCOPES[:2], **filters)) == found


def test_one_failing_scope_fails_the_task_with_the_jobs_of_all_others() -> None:
    calls = [
        Call("GET", PATH, None, failure(403, 10000, f"Authentication error {SECRET}")),
        Call("GET", ACCOUNT_PATH, None, success([job(5, destination_conf=WITH_SECRETS)])),
        Call("GET", OTHER_PATH, None, success([job(6)])),
    ]
    with network(*calls, concurrent=True):
        answer = run_scopes()
    assert answer["failed"] is True
    assert answer["msg"].startswith(f"1 of 3 scopes failed: example.com (zone {ZONE}): GET {PATH}")
    assert [each["id"] for each in answer["jobs"]] == [5, 6]
    bad, *good = answer["scopes"]
    assert (bad["zone_id"], bad["host"], bad["failed"]) == (ZONE, "example.com", True)
    assert "Authentication error" in bad["msg"]
    assert (bad["error"]["status"], bad["error"]["codes"]) == (403, [10000])
    assert good == [{**scope, "failed": False, "msg": ""} for scope in SCOPES[1:]]
    assert "error" not in answer
    assert SECRET not in json.dumps(answer)


def test_several_failing_scopes() -> None:
    calls = [
        listed({"name": "no job"}),
        Call("GET", ACCOUNT_PATH, None, failure(404, 7003, "Could not route")),
        Call("GET", OTHER_PATH, None, success([])),
    ]
    with network(*calls, concurrent=True):
        answer = run_scopes()
    assert answer["failed"] is True
    assert answer["msg"].startswith("2 of 3 scopes failed; the first of them: example.com (zone ")
    assert [each["failed"] for each in answer["scopes"]] == [True, True, False]
    assert answer["jobs"] == []


@pytest.mark.parametrize(
    "word",
    [
        *("disabled", "not_required", "unixnano", "instant-logs", "output_options", "destination"),
        *("EdgeResponseStatus", "ClientRequestURI", "startsWith", "new_setting", "last_complete"),
    ],
)
def test_a_secret_that_is_a_word_of_the_result_spoils_no_job(word: str) -> None:
    where = {"key": "EdgeResponseStatus", "operator": "startsWith", "value": "x"}
    other = job(
        enabled=False,
        kind="instant-logs",
        filter=json.dumps({"where": where}),
        output_options={"field_names": ["ClientRequestURI"], "timestamp_format": "unixnano"},
        new_setting=1,
    )
    concerned = job(43, destination_conf=f"https://logs.example.com/in?header_X-Mode={word}")
    with network(listed(other, concerned)):
        result = run()
    assert "***" not in json.dumps(result["jobs"])
