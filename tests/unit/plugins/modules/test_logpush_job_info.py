# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_job_info, from its options to what it sends and prints."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_job_info
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
    """Run the module in a zone with a token, unless told otherwise."""
    given = {"zone_id": ZONE, "api_token": TOKEN, **options}
    given = {name: value for name, value in given.items() if value is not None}
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
        "destination": {
            "scheme": "s3",
            "bucket": "edge-logs",
            "prefix": "http/{DATE}",
            "region": "us-east-1",
            "endpoint": None,
            "ownership": "required",
        },
        "healthy": True,
        "last_complete": "2026-11-22T14:05:00Z",
        "last_error": None,
        "error_message": None,
    }


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
    ("options", "said"),
    [
        ({"id": 0}, "id: has to be 1 or more"),
        ({"id": -3}, "id: has to be 1 or more"),
        ({"id": "many"}, "id"),
        ({"dataset": ""}, "dataset: has to be a name"),
        ({"dataset": "../jobs"}, "dataset: has to be a name"),
        ({"dataset": "a" * 129}, "dataset: has to be a name"),
        ({"id": 42, "dataset": "http requests"}, "dataset: has to be a name"),
        ({"zone_id": "not-an-id"}, "zone_id: has to be 32"),
        ({"zone_id": None}, "one of the following is required"),
        ({"account_id": ACCOUNT}, "mutually exclusive"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_what_cannot_be_right_is_refused_before_any_request(
    options: dict[str, t.Any], said: str, check_mode: bool
) -> None:
    with network():
        answer = run(check_mode=check_mode, **options)
    assert answer["failed"] is True
    assert said in answer["msg"]
    assert "jobs" not in answer


@pytest.mark.parametrize(
    ("changes", "healthy"),
    [
        ({}, True),
        ({"last_error": ""}, True),
        ({"last_error": "2026-11-22T14:00:00Z"}, False),
        ({"error_message": "could not write"}, False),
        ({"last_error": "2026-11-22T14:00:00Z", "error_message": "could not write"}, False),
        ({"enabled": False, "error_message": "could not write"}, False),
        ({"last_complete": None, "error_message": "could not write"}, False),
        ({"enabled": False}, None),
        ({"last_complete": None}, None),
        ({"last_complete": ..., "enabled": ...}, None),
    ],
)
def test_health(changes: dict[str, t.Any], healthy: bool | None) -> None:
    with network(listed(job(**changes))):
        shown = only(run())
    assert shown["healthy"] is healthy
    for name in ("last_complete", "last_error", "error_message"):
        expected = changes.get(name, job()[name])
        assert shown[name] == (None if expected is ... else expected)


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


def test_unknown_properties_are_left_out() -> None:
    extra: dict[str, t.Any] = {
        "ownership_challenge": "eyJhbGciOi.eyJvYmoi.c2ln",
        "password": "hunter2hunter2",
    }
    with network(listed(job(**extra))):
        shown = only(run())
    assert not set(extra) & set(shown)
    assert "destination_conf" not in shown
    assert not [value for value in extra.values() if value in json.dumps(shown)]


def test_a_job_of_which_nothing_but_its_id_is_shown() -> None:
    with network(listed({"id": 3})):
        shown = only(run())
    assert {name for name, value in shown.items() if value is not None} == {"id"}


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
    assert "no Cloudflare envelope" in answer["msg"]


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
    assert "holds no job" in answer["msg"]


@pytest.mark.parametrize("result", [None, {}, [], [job()], "job"])
def test_an_answer_without_the_job_is_an_error(result: object) -> None:
    with network(Call("GET", f"{PATH}/42", None, success(result))):
        answer = run(id=42)
    assert answer["failed"] is True
    assert "holds no job" in answer["msg"]
