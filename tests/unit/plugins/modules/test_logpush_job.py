# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_job, from its options to what it sends and prints."""

from __future__ import annotations

import json
import typing as t
from unittest import mock

import pytest
import requests
import urllib3

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_job
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
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
from ansible_collections.edgeops.cloudflare.tests.unit.samples import combined

JOBS = f"/zones/{ZONE}/logpush/jobs"
ONE = f"{JOBS}/42"
BUCKET = "s3://edge-logs/http/{DATE}?region=us-east-1"
R2 = "r2://edge-logs/http?account-id=a1&access-key-id=AKIAEXAMPLEKEY01&secret-access-key="
SECRET = "SeCrEt0123456789SeCrEt%2B123456789SeCrEt"
CHALLENGE = challenge_token({"obj_type": "zone", "obj_id": ZONE, "destination_conf": BUCKET})
FILTER = {"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}
OPTIONS = {
    "field_names": ["ClientIP", "RayID"],
    "output_type": "ndjson",
    "timestamp_format": "rfc3339",
    "sample_rate": 1,
    "CVE-2021-44228": False,
    "merge_subrequests": None,
    "batch_prefix": "",
    "record_prefix": "{",
    "record_suffix": "}\n",
}


def job(**changes: t.Any) -> dict[str, t.Any]:
    """Return a job as the API shows it; None in ``changes`` stays, `...` leaves a property out."""
    shown = {
        "id": 42,
        "name": "http",
        "dataset": "http_requests",
        "kind": "",
        "enabled": True,
        "frequency": "high",
        "filter": None,
        "output_options": OPTIONS,
        "logpull_options": None,
        "max_upload_bytes": None,
        "max_upload_interval_seconds": 30,
        "max_upload_records": 100000,
        "destination_conf": BUCKET,
        "error_message": None,
        "last_error": None,
        "last_complete": "2026-11-22T14:05:00Z",
        **changes,
    }
    return {name: value for name, value in shown.items() if value is not ...}


def listed(*jobs: dict[str, t.Any]) -> Call:
    """Expect the list of the zone's jobs."""
    return Call("GET", JOBS, None, success(list(jobs)))


def created(body: dict[str, t.Any], answer: requests.Response | Exception | None = None) -> Call:
    """Expect a job to be created, enabled unless ``body`` says otherwise."""
    sent = {"enabled": True, **body}
    return Call("POST", JOBS, sent, success(job(**body)) if answer is None else answer)


def put(
    body: dict[str, t.Any],
    answer: requests.Response | Exception | None = None,
    **before: t.Any,
) -> Call:
    """Expect a change of the job."""
    after = job(**{**before, **body})
    after.pop("ownership_challenge", None)
    return Call("PUT", ONE, body, success(after) if answer is None else answer)


def run(check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module in a zone with a token and the job's name, unless told otherwise."""
    given = {"zone_id": ZONE, "api_token": TOKEN, "name": "http", **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_job.main, given, check_mode=check_mode, diff=diff)


# Creating


def test_creates_a_job_with_the_desired_state_and_nothing_else() -> None:
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
    output = {"field_names": ["RayID"], "sample_rate": 0.5, "record_suffix": "}\n"}
    body = {
        **described,
        "name": "http",
        "filter": json.dumps(FILTER),
        "output_options": {**output, "CVE-2021-44228": True},
        "ownership_challenge": CHALLENGE,
    }
    with network(listed(), created(body), listed(job())):
        result = run(
            **described,
            filter=FILTER,
            output_options={**output, "CVE-2021-44228": True},
            ownership_challenge=f" {CHALLENGE}\n",
        )
    assert not result.get("failed"), result
    assert (result["changed"], result["action"]) == (True, "created")
    assert result["changes"] == [
        "dataset",
        "destination_conf",
        "enabled",
        "filter",
        "frequency",
        "kind",
        "logpull_options",
        "max_upload_bytes",
        "max_upload_interval_seconds",
        "max_upload_records",
        "name",
        "output_options.cve_2021_44228",
        "output_options.field_names",
        "output_options.record_suffix",
        "output_options.sample_rate",
    ]
    assert result["job"]["id"] == 42
    assert result["job"]["filter"] == FILTER
    assert result["job"]["output_options"]["cve_2021_44228"] is True
    assert result["job"]["destination"]["bucket"] == "edge-logs"
    assert (result["ownership"], result["filename"]) == ("provided", None)
    assert result["response_lost"] is False
    assert "diff" not in result
    printed = json.dumps(result["job"]) + result.get("msg", "")
    assert CHALLENGE not in printed
    assert BUCKET not in printed


def test_check_mode_announces_the_creation_and_sends_nothing() -> None:
    with network(listed()):
        result = run(
            check_mode=True,
            diff=True,
            destination_conf=BUCKET,
            ownership_challenge=CHALLENGE,
            enabled=True,
        )
    assert (result["changed"], result["action"]) == (True, "created")
    assert result["ownership"] == "provided"
    assert result["job"]["id"] is None
    assert result["job"]["enabled"] is True
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"] == {
        "name": "http",
        "enabled": True,
        "destination_conf": {
            "scheme": "s3",
            "bucket": "edge-logs",
            "path": "/http/{DATE}",
            "parameter region": "us-east-1",
        },
    }


@pytest.mark.parametrize(("given", "sent"), [(None, True), (True, True), (False, False)])
def test_a_new_job_is_enabled_unless_the_task_says_otherwise(
    given: bool | None, sent: bool
) -> None:
    body = {**NEW, "enabled": sent}
    with network(listed()):
        planned = run(check_mode=True, destination_conf=R2 + SECRET, enabled=given)
    with network(listed(), created(body), listed(job(**body))):
        result = run(destination_conf=R2 + SECRET, enabled=given)
    for each in (planned, result):
        assert each["job"]["enabled"] is sent
        assert each["changes"] == ["destination_conf", "enabled", "name"]


def test_creating_needs_a_destination() -> None:
    with network(listed()):
        result = run()
    assert result["failed"] is True
    assert result["msg"] == (
        f"destination_conf: is required to create a job, and zone {ZONE} has no job 'http'"
    )


def test_after_a_creation_that_failed_the_jobs_are_not_listed_again() -> None:
    with network(listed(), created(NEW, failure(400, 1003, "bad request"))):
        assert run(destination_conf=R2 + SECRET)["error"]["codes"] == [1003]


def test_a_new_job_that_the_list_does_not_show_yet_is_no_failure() -> None:
    with network(listed(job(id=7, name="web")), created(NEW), listed(job(id=7, name="web"))):
        result = run(destination_conf=R2 + SECRET)
    assert (result["action"], result["job"]["id"]) == ("created", 42)


@pytest.mark.parametrize("response_lost", [False, True])
def test_a_second_job_of_the_name_that_appears_with_ours_is_a_failure(response_lost: bool) -> None:
    body = {**NEW, "dataset": "http_requests"}
    ours, other = job(**body), job(id=41, **{**body, "enabled": False})
    others = (job(id=7, name="web"), job(id=8, dataset="dns_logs"))
    lost = failure(500, 1000, "internal") if response_lost else None
    look = [listed(ours, *others)] if response_lost else []
    calls = (listed(*others), created(body, lost), *look, listed(ours, *others, other))
    with network(*calls):
        result = run(dataset="http_requests", destination_conf=R2 + SECRET, diff=True)
    assert (result["failed"], result["changed"], result["action"]) == (True, True, "created")
    assert (result["ids"], result["job"]["id"]) == ([41, 42], 42)
    assert (result["ownership"], result["filename"]) == ("not_required", None)
    assert result["msg"] == (
        f"2 jobs in zone {ZONE} are named 'http' (ids: 41, 42): this task created job 42, and "
        "something else, such as an overlapping run, created 41. Remove all but one (state: absent "
        "with its id), and do not let runs for the same zone or account overlap"
    )
    assert result["response_lost"] is response_lost
    assert len(result.get("warnings", [])) == response_lost
    assert result["diff"]["before"] == {}


def test_a_creation_that_cannot_be_verified_is_a_failure_that_changed() -> None:
    unlisted = Call("GET", JOBS, None, failure(403, 10000, "Authentication error"))
    with network(listed(), created(NEW), unlisted):
        result = run(destination_conf=R2 + SECRET)
    assert (result["failed"], result["changed"], result["job"]["id"]) == (True, True, 42)
    assert result["error"]["method"] == "GET"
    assert result["msg"] == (
        "job 42 was created, but whether it is the only one named 'http' could not be verified: "
        f"GET {JOBS} failed: Cloudflare answered HTTP 403: Authentication error (code 10000). "
        "Rerun the task"
    )


@pytest.mark.parametrize("options", [{"name": "x" * 512}, {"logpull_options": "x" * 4096}])
def test_the_maximum_length_is_accepted(options: dict[str, t.Any]) -> None:
    with network(listed()):
        result = run(check_mode=True, destination_conf=R2 + SECRET, **options)
    assert result["action"] == "created"


@pytest.mark.parametrize("answer", [None, [], "null"])
def test_an_empty_list_in_any_form(answer: object) -> None:
    empty = success(None if answer == "null" else answer)
    with network(Call("GET", JOBS, None, empty)):
        assert run(check_mode=True, destination_conf=R2 + SECRET)["action"] == "created"


# Ownership


def test_a_missing_token_fails_before_any_write() -> None:
    with network(listed()):
        result = run(destination_conf=BUCKET, prove_ownership=False)
    assert result["failed"] is True
    assert result.get("changed", False) is False
    assert (result["ownership"], result["filename"]) == ("missing", None)
    assert result["changes"] == ["destination_conf", "enabled", "name"]
    assert result["msg"] == (
        "this destination requires an ownership_challenge; set prove_ownership: true to have the "
        "module prove ownership, or pass the content of the challenge file that "
        "edgeops.cloudflare.logpush_ownership requests"
    )


def test_a_missing_token_is_no_failure_in_check_mode() -> None:
    with network(listed()):
        result = run(check_mode=True, destination_conf=BUCKET, prove_ownership=False)
    assert not result.get("failed")
    assert (result["changed"], result["ownership"]) == (True, "missing")


def test_a_new_destination_of_a_job_requires_a_token_as_well() -> None:
    moved = BUCKET.replace("http", "web")
    with network(listed(job())):
        result = run(destination_conf=moved, prove_ownership=False)
    assert (result["failed"], result["ownership"]) == (True, "missing")
    with network(listed(job())):
        planned = run(check_mode=True, destination_conf=moved, prove_ownership=False)
    assert (planned["changed"], planned["ownership"]) == (True, "missing")
    body = {"destination_conf": moved, "ownership_challenge": CHALLENGE}
    with network(listed(job()), put(body)):
        result = run(destination_conf=moved, ownership_challenge=CHALLENGE)
    assert result["changes"] == ["destination_conf"]
    assert result["ownership"] == "provided"


def test_a_token_is_not_sent_where_the_destination_is_in_sync() -> None:
    with network(listed(job()), put({"enabled": False})):
        result = run(destination_conf=BUCKET, ownership_challenge=CHALLENGE, enabled=False)
    assert (result["changes"], result["ownership"]) == (["enabled"], "not_required")


@pytest.mark.parametrize(
    "destination", [R2 + SECRET, f"{BUCKET}&access-key-id=A&secret-access-key={SECRET}"]
)
def test_destinations_with_keys_require_no_token(destination: str) -> None:
    body = {"name": "http", "destination_conf": destination}
    with network(listed(), created(body), listed(job(**body))):
        result = run(destination_conf=destination)
    assert result["ownership"] == "not_required"


def test_the_api_decides_if_it_is_unknown_whether_a_token_is_required() -> None:
    unknown = "kinesis://stream?region=us-east-1"
    body = {"name": "http", "destination_conf": unknown}
    with network(listed()):
        planned = run(check_mode=True, destination_conf=unknown)
    assert (planned["changed"], planned["ownership"]) == (True, "not_required")
    with network(listed(), created(body), listed(job(**body))):
        result = run(destination_conf=unknown)
    assert (result["action"], result["ownership"]) == ("created", "not_required")
    with network(listed(), created(body, failure(400, 1002, "incorrect ownership challenge"))):
        result = run(destination_conf=unknown, prove_ownership=False)
    assert (result["failed"], result["ownership"]) == (True, "missing")
    assert result["msg"].startswith("this destination requires an ownership_challenge; ")
    assert result["msg"].endswith("incorrect ownership challenge (code 1002)")
    assert result["error"]["codes"] == [1002]


def test_the_reason_for_a_rejected_token_is_returned() -> None:
    other = BUCKET.replace("{DATE}", "")
    body = {"name": "http", "destination_conf": other, "ownership_challenge": CHALLENGE}
    refusal = failure(400, 1002, "incorrect ownership challenge")
    with network(listed(), created(body, refusal)):
        result = run(destination_conf=other, ownership_challenge=CHALLENGE)
    assert (result["failed"], result["ownership"]) == (True, "rejected")
    assert "the path is '/http/{DATE}' in the token and '/http/'" in result["reasons"][0]
    assert result["msg"] == (
        "Cloudflare rejected the ownership token: Cloudflare answered HTTP 400: "
        f"incorrect ownership challenge (code 1002). {result['reasons'][0]}"
    )
    assert CHALLENGE not in json.dumps(result)


def test_a_destination_that_cannot_be_written_to_is_no_rejected_token() -> None:
    body = {"name": "http", "destination_conf": R2 + SECRET}
    said = failure(400, 1002, "error validating destination: error writing object: DNSError")
    with network(listed(), created(body, said)):
        result = run(destination_conf=R2 + SECRET)
    assert (result["failed"], result["ownership"]) == (True, "not_required")
    assert "reasons" not in result
    assert "DNSError" in result["msg"]


# Changing


@pytest.mark.parametrize(
    ("options", "before", "check_mode"),
    combined(
        [
            ({}, {}),
            ({"enabled": True}, {}),
            ({"enabled": False}, {"enabled": ...}),
            ({"filter": ""}, {"filter": None}),
            ({"filter": ""}, {"filter": ""}),
            ({"filter": {}}, {"filter": ""}),
            ({"filter": ""}, {"filter": ...}),
            ({"dataset": "http_requests"}, {"dataset": None}),
            ({"filter": FILTER}, {"filter": json.dumps(FILTER, indent=3)}),
            (
                {"filter": '{"where":{"value":500,"key":"EdgeResponseStatus","operator":"geq"}}'},
                {"filter": json.dumps(FILTER).replace("500", "500.0")},
            ),
            ({"frequency": "high"}, {"frequency": ...}),
            ({"max_upload_bytes": 0}, {"max_upload_bytes": None}),
            ({"max_upload_interval_seconds": 0}, {"max_upload_interval_seconds": ...}),
            ({"max_upload_records": 0}, {"max_upload_records": ...}),
            ({"logpull_options": ""}, {}),
            ({"dataset": "http_requests", "kind": ""}, {"kind": ...}),
            ({"output_options": {"field_names": ["RayID", "ClientIP", "RayID"]}}, {}),
            ({"output_options": {"field_names": "RayID, ClientIP\n"}}, {}),
            ({"additional_properties": {"new": {"a": 1}}}, {"new": {"a": 1.0}}),
            (
                {"output_options": {"record_suffix": "\n", "field_delimiter": ","}},
                {"output_options": {"output_type": "csv"}},
            ),
            ({"output_options": {"record_prefix": ""}}, {"output_options": {"output_type": "csv"}}),
            ({"output_options": {}}, {}),
            ({"output_options": {"sample_rate": 1.0, "cve_2021_44228": False}}, {}),
            ({"output_options": {"batch_suffix": "", "merge_subrequests": False}}, {}),
            # The order of columns matters, that of a JSON object's members does not.
            ({"output_options": {"field_names": ["RayID", "ClientIP"]}}, {}),
            ({"output_options": {"timestamp_format": "unixnano"}}, {"output_options": None}),
            # What encloses a record, where nothing says so: that of the usual output type.
            ({"output_options": {"record_prefix": "{"}}, {"output_options": None}),
            (
                {"output_options": {"output_type": "ndjson", "record_prefix": "{"}},
                {"output_options": None},
            ),
            # The same destination in other words.
            ({"destination_conf": BUCKET.replace("us-east", "us%2Deast")}, {}),
        ],
        [False, True],
    ),
)
def test_no_change_sends_no_put(
    options: dict[str, t.Any], before: dict[str, t.Any], check_mode: bool
) -> None:
    with network(listed(job(**before))):
        result = run(check_mode=check_mode, diff=True, **options)
    assert not result.get("failed"), result
    assert result["changed"] is False
    assert (result["action"], result["changes"]) == ("none", [])
    assert "diff" not in result


ALL_SHOWN = {name: value for name, value in OPTIONS.items() if value is not None}


@pytest.mark.parametrize(
    ("options", "body", "before"),
    [
        ({"enabled": False}, {"enabled": False}, {}),
        ({"filter": FILTER}, {"filter": json.dumps(FILTER)}, {}),
        ({"filter": ""}, {"filter": ""}, {"filter": json.dumps(FILTER)}),
        ({"filter": {}}, {"filter": ""}, {"filter": json.dumps(FILTER)}),
        (
            {"filter": '{"where": 9007199254740993}'},
            {"filter": '{"where": 9007199254740993}'},
            {"filter": '{"where": 9007199254740992}'},
        ),
        (
            {"output_options": {"sample_rate": 0.5}, "logpull_options": "fields=B"},
            {
                "logpull_options": "fields=B",
                "output_options": {"field_names": ["B"], "sample_rate": 0.5},
            },
            {"output_options": None, "logpull_options": "fields=A&sample=nan"},
        ),
        ({"enabled": False}, {"enabled": False}, {"output_options": "odd", "filter": 7}),
        ({"filter": '{"where": 1.5}'}, {"filter": '{"where": 1.5}'}, {"filter": '{"where": 1.2}'}),
        # What cannot be changed is compared, and what comes after it all the same.
        ({"dataset": "http_requests", "enabled": False}, {"enabled": False}, {}),
        ({"frequency": "low"}, {"frequency": "low"}, {}),
        ({"logpull_options": "fields=RayID"}, {"logpull_options": "fields=RayID"}, {}),
        ({"max_upload_bytes": 5_000_000}, {"max_upload_bytes": 5_000_000}, {}),
        ({"filter": FILTER}, {"filter": json.dumps(FILTER)}, {"filter": ...}),
        (
            {"max_upload_interval_seconds": 30},
            {"max_upload_interval_seconds": 30},
            {"max_upload_interval_seconds": ...},
        ),
        ({"max_upload_interval_seconds": 0}, {"max_upload_interval_seconds": 0}, {}),
        ({"max_upload_records": 0}, {"max_upload_records": 0}, {}),
        (
            {"output_options": {"sample_rate": 0.1}},
            {"output_options": {**ALL_SHOWN, "sample_rate": 0.1}},
            {},
        ),
        (
            {"output_options": {"CVE-2021-44228": True}},
            {"output_options": {**ALL_SHOWN, "CVE-2021-44228": True}},
            {},
        ),
        (
            {"output_options": {"field_names": ["B", "A"]}},
            {"output_options": {"output_type": "csv", "field_names": ["B", "A"], "new": 1}},
            {"output_options": {"output_type": "csv", "field_names": ["A", "B"], "new": 1}},
        ),
        # What encloses a record of another format by default is not known.
        (
            {"output_options": {"record_prefix": "{"}},
            {"output_options": {"output_type": "csv", "record_prefix": "{"}},
            {"output_options": {"output_type": "csv"}},
        ),
        (
            {"output_options": {"batch_prefix": "<"}},
            {"output_options": {"batch_prefix": "<"}},
            {"output_options": None, "logpull_options": 7},
        ),
        # Another format has other defaults for what encloses a record.
        (
            {"output_options": {"output_type": "csv"}},
            {
                "output_options": {
                    **{n: v for n, v in ALL_SHOWN.items() if not n.startswith("record_")},
                    "output_type": "csv",
                }
            },
            {},
        ),
        (
            {"output_options": {"sample_rate": 0.1}},
            {
                "output_options": {
                    "field_names": ["A", "B"],
                    "timestamp_format": "rfc3339",
                    "CVE-2021-44228": True,
                    "sample_rate": 0.1,
                }
            },
            {
                "output_options": None,
                "logpull_options": "fields=A,B&timestamps=rfc3339&CVE-2021-44228=true&sample=x",
            },
        ),
    ],
)
def test_a_change_is_one_put_of_what_differs(
    options: dict[str, t.Any], body: dict[str, t.Any], before: dict[str, t.Any]
) -> None:
    with network(listed(job(**before))):
        planned = run(check_mode=True, diff=True, **options)
    with network(listed(job(**before)), put(body, **before)):
        result = run(diff=True, **options)
    assert (result["changed"], result["action"]) == (True, "updated")
    assert not result.get("warnings")
    for name in ("changed", "action", "changes", "diff", "not_compared", "ownership"):
        assert planned[name] == result[name]
    assert planned["diff"]["before"] != planned["diff"]["after"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("0", {}),
        ("0.5", {"sample_rate": 0.5}),
        ("1", {"sample_rate": 1.0}),
        ("1.5", {}),
    ],
)
def test_the_sample_rate_of_the_older_options_is_kept(said: str, kept: dict[str, float]) -> None:
    before: dict[str, t.Any] = {"output_options": None, "logpull_options": f"sample={said}"}
    body = {"output_options": {**kept, "batch_prefix": "<"}}
    with network(listed(job(**before)), put(body, **before)):
        assert run(output_options={"batch_prefix": "<"})["action"] == "updated"


def test_several_changes_are_one_put() -> None:
    body = {
        "name": "web",
        "enabled": False,
        "max_upload_records": 5000,
        "output_options": {**ALL_SHOWN, "sample_rate": 0.1},
    }
    with network(listed(job(id=7, name="web"), job()), put(body)):
        result = run(
            id=42,
            name="web",
            enabled=False,
            max_upload_records=5000,
            output_options={"sample_rate": 0.1},
        )
    assert result["changes"] == [
        "name",
        "enabled",
        "max_upload_records",
        "output_options.sample_rate",
    ]
    assert result["job"]["name"] == "web"


def test_the_planned_job_is_returned_in_check_mode() -> None:
    with network(listed(job())):
        result = run(check_mode=True, enabled=False)
    assert (result["job"]["id"], result["job"]["enabled"]) == (42, False)


def test_contents_of_a_diff() -> None:
    text = json.dumps(FILTER)
    options = {"CVE-2021-44228": True, "merge_subrequests": None}
    before = job(destination_conf=R2 + SECRET, filter=text, output_options=options, new=1)
    answer = success({**before, "enabled": False})
    with network(listed(before), put({"enabled": False}, answer)):
        diff = run(diff=True, enabled=False)["diff"]
    label = f"zone {ZONE}: job 'http'"
    assert (diff["before_header"], diff["after_header"]) == (label, label)
    assert diff["before"] == {
        "name": "http",
        "dataset": "http_requests",
        "kind": "",
        "enabled": True,
        "frequency": "high",
        "filter": FILTER,
        "output_options": {"cve_2021_44228": True},
        "logpull_options": None,
        "max_upload_bytes": None,
        "max_upload_interval_seconds": 30,
        "max_upload_records": 100000,
        "destination_conf": {
            "scheme": "r2",
            "bucket": "edge-logs",
            "path": "/http",
            "parameter account-id": "a1",
            "parameter access-key-id": "(secret)",
            "parameter secret-access-key": "(secret)",
        },
    }
    assert diff["after"] == {**diff["before"], "enabled": False}


def test_contents_of_a_diff_of_a_job_without_a_name() -> None:
    before = job(name=None, destination_conf=...)
    answer = success({**before, "enabled": False})
    with network(listed(before), put({"enabled": False}, answer)):
        diff = run(name=None, id=42, diff=True, enabled=False)["diff"]
    label = f"zone {ZONE}: job '42'"
    assert (diff["before_header"], diff["after_header"]) == (label, label)
    assert diff["before"]["destination_conf"] == "(not shown by Cloudflare)"


def test_second_run_changes_nothing() -> None:
    with network(listed(job(enabled=False)), put({"enabled": True})):
        assert run(enabled=True)["changed"] is True
    with network(listed(job())):
        assert run(enabled=True)["changed"] is False


def test_values_that_cloudflare_did_not_apply_are_a_warning() -> None:
    described: dict[str, t.Any] = {"enabled": True, "frequency": "low"}
    answer = success(job(enabled=False))
    with network(listed(job(enabled=False)), put(described, answer)):
        result = run(**described)
    assert result["changed"] is True
    assert result["not_applied"] == ["enabled", "frequency"]
    assert result["warnings"] == [
        (
            "Cloudflare accepted the request for job 42, but its response shows other values for "
            "enabled, frequency; every run will send them again"
        )
    ]


def test_a_new_job_that_cloudflare_did_not_enable_is_a_warning() -> None:
    shown = job(**NEW, enabled=False)
    with network(listed(), created(NEW, success(shown)), listed(shown)):
        result = run(destination_conf=R2 + SECRET)
    assert result["job"]["enabled"] is False
    assert result["not_applied"] == ["enabled"]
    assert "shows other values for enabled;" in result["warnings"][0]


def test_values_that_cloudflare_did_not_apply_to_a_new_job_are_a_warning() -> None:
    body = {**NEW, "output_options": {"batch_prefix": "["}}
    shown = job(**{**body, "output_options": {}})
    with network(listed(), created(body, success(shown)), listed(shown)):
        result = run(destination_conf=R2 + SECRET, output_options={"batch_prefix": "["})
    assert (result["action"], result["not_applied"]) == ("created", ["output_options.batch_prefix"])
    assert "output_options.batch_prefix" in result["warnings"][0]


def test_dubious_values_are_sent_with_a_warning() -> None:
    destination = "r2://edge-logs/http"
    body = {"name": "http", "destination_conf": destination, "max_upload_bytes": 2_000_000}
    options = {"destination_conf": destination, "max_upload_bytes": 2_000_000}
    for calls in ([listed(), created(body), listed(job(**body))], [listed(job(**body))]):
        with network(*calls):
            result = run(**options)  # type: ignore[arg-type]
        assert not result.get("failed")
        first, second = result["warnings"]
        assert first.startswith("destination_conf lacks account-id")
        assert second.startswith("max_upload_bytes is 2000000; Cloudflare documents a minimum of")


@pytest.mark.parametrize(
    "options",
    [
        {"kind": None},
        {"frequency": None},
        {"output_options": {"timestamp_format": None, "output_type": None, "batch_prefix": None}},
        {"output_options": None, "filter": None, "max_upload_records": None},
    ],
)
def test_null_means_not_set(options: dict[str, t.Any]) -> None:
    given = {"zone_id": ZONE, "api_token": TOKEN, "name": "http", **options}
    with network(listed(job())):
        assert run_module(logpush_job.main, given)["changed"] is False
    with network(listed(), created(NEW), listed(job(**NEW))):
        result = run_module(logpush_job.main, {**given, "destination_conf": R2 + SECRET})
    assert result["action"] == "created"


# Secrets that Cloudflare hides


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        (R2 + "REDACTED", ["destination_conf: parameter secret-access-key"]),
        (R2 + "*" * 40, ["destination_conf: parameter secret-access-key"]),
        (R2 + "x" * 42, ["destination_conf: parameter secret-access-key"]),
        ("***", ["destination_conf"]),
        (R2.partition("secret")[0] + "***", ["destination_conf: parameter secret-access-key"]),
        (R2 + "-" * len(SECRET), ["destination_conf: parameter secret-access-key"]),
        ("r2://edge-logs/http?[REDACTED]", 3),
        ("r2://edge-logs/***", 4),
        ("r2://***/http?account-id=a1&access-key-id=***&secret-access-key=***", 3),
        # A job always has a destination.
        (..., ["destination_conf"]),
        (None, ["destination_conf"]),
        ("", ["destination_conf"]),
        (17, ["destination_conf"]),
    ],
)
def test_a_masked_secret_makes_no_change(shown: t.Any, hidden: t.Any) -> None:
    with network(listed(job(destination_conf=shown))):
        result = run(destination_conf=R2 + SECRET)
    assert result["changed"] is False
    assert not result.get("warnings")
    if isinstance(hidden, int):
        assert len(result["not_compared"]) == hidden
    else:
        assert result["not_compared"] == hidden


def test_masked_values_can_be_sent_again() -> None:
    masked = R2 + "REDACTED"
    before = job(destination_conf=masked)
    options = {"destination_conf": R2 + SECRET, "update_secrets": "always"}
    with network(listed(before), put({"destination_conf": R2 + SECRET}, success(before))):
        result = run(diff=True, **options)  # type: ignore[arg-type]
    assert (result["changes"], result["not_applied"]) == (["destination_conf"], [])
    assert not result.get("warnings")
    diff = result["diff"]
    name = "parameter secret-access-key"
    assert diff["before"]["destination_conf"][name] == "(secret)"
    assert diff["after"]["destination_conf"][name] == "(secret, sent)"
    # Nothing is masked here, so that all is compared.
    with network(listed(job(destination_conf=R2 + SECRET))):
        assert run(**options)["changed"] is False  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shown",
    [
        R2 + SECRET.replace("0123", "3210"),
        (R2 + SECRET).replace("/http", "/web"),
        (R2 + "REDACTED").replace("edge-logs", "other"),
        R2 + SECRET + "&header_x=another",
        # Secrets of another length, and a parameter that is not there yet.
        R2 + "0a" * 32,
        R2 + "",
        R2.partition("&secret")[0],
        "r2://edge-logs/http",
        # To a server, a plus sign is a space.
        (R2 + SECRET).replace("%2B", "+"),
        (R2 + SECRET).replace("account-id=a1", "account-id=a1&tag=a&tag=b"),
    ],
)
def test_a_shown_value_that_differs_is_a_change(shown: str) -> None:
    body = {"destination_conf": R2 + SECRET}
    with network(listed(job(destination_conf=shown)), put(body)):
        result = run(diff=True, destination_conf=R2 + SECRET)
    assert result["changes"] == ["destination_conf"]
    assert result["diff"]["before"] != result["diff"]["after"]
    printed = json.dumps(result)
    for secret in (SECRET, SECRET.replace("%2B", "+"), "AKIAEXAMPLEKEY01", shown):
        assert secret not in printed


def test_a_secret_that_cloudflare_shows_is_not_shown() -> None:
    shown = job(destination_conf=R2 + SECRET, error_message=f"denied for {SECRET}")
    with network(listed(shown)):
        result = run(diff=True)
    assert result["job"]["destination"]["bucket"] == "edge-logs"
    assert result["job"]["healthy"] is False
    assert SECRET not in json.dumps(result)


def test_the_unreadable_parts_of_a_destination_are_not_shown() -> None:
    shown = f"https://logs.example.com/x?header_Authorization=Bearer {SECRET}"
    with network(listed(job(destination_conf=shown, error_message=f"denied: {SECRET}"))):
        result = run()
    assert result["job"]["destination"] is None
    assert SECRET not in json.dumps(result)


# Finding


def test_two_of_a_name_are_an_error_with_their_ids() -> None:
    with network(listed(job(), job(id=43, dataset="dns_logs"))):
        result = run(enabled=True)
    assert result["failed"] is True
    assert result["ids"] == [42, 43]
    said = f"name: 2 jobs in zone {ZONE} have the name 'http' (ids: 42, 43); set id to the "
    assert result["msg"] == f"{said}intended one, or set dataset"
    with network(listed(job(), job(id=43))):
        result = run(enabled=True, dataset="http_requests")
    assert result["msg"] == f"{said}intended one"
    with network(listed(job(), job(id=43, dataset="dns_logs"))):
        assert run(enabled=True, dataset="http_requests")["job"]["id"] == 42


def test_the_same_name_in_another_dataset_is_another_job() -> None:
    with network(listed(job())):
        result = run(check_mode=True, dataset="dns_logs", destination_conf=R2 + SECRET)
    assert result["action"] == "created"


def test_an_id_that_does_not_exist() -> None:
    with network(listed(job(id=43))):
        result = run(id=42, destination_conf=R2 + SECRET)
    assert result["failed"] is True
    assert result["msg"] == (
        f"id: there is no job 42 in zone {ZONE}; Cloudflare assigns the id of a new job, so omit "
        "id and set name"
    )


def test_an_unknown_zone_is_no_missing_job() -> None:
    unknown = failure(404, 7003, "Could not route to /zones/x, perhaps your object identifier")
    with network(Call("GET", JOBS, None, unknown)):
        result = run(id=42, state="absent")
    assert result["failed"] is True
    assert result["error"]["status"] == 404


@pytest.mark.parametrize(
    ("options", "before", "says"),
    [
        ({"dataset": "dns_logs"}, {}, "dataset: job 42 ('http') has 'http_requests'"),
        ({"kind": "edge"}, {}, "kind: job 42 ('http') has ''"),
        ({"kind": ""}, {"kind": "edge"}, "kind: job 42 ('http') has 'edge'"),
        ({"dataset": "dns_logs", "state": "absent"}, {}, "dataset: job 42 has 'http_requests'"),
        ({"name": "web", "state": "absent"}, {}, "name: job 42 has 'http'; it was not removed"),
    ],
)
def test_a_change_of_an_immutable_property_is_an_error(
    options: dict[str, t.Any], before: dict[str, t.Any], says: str
) -> None:
    with network(listed(job(id=7, name="web"), job(**before))):
        result = run(id=42, **{"name": None, **options})
    assert result["failed"] is True
    assert result["msg"].startswith(says)


def test_options_by_the_api_s_own_name_in_any_form() -> None:
    body = {"output_options": {**ALL_SHOWN, "CVE-2021-44228": True}}
    for given in ({"CVE-2021-44228": True}, '{"CVE-2021-44228": true}'):
        with network(listed(job()), put(body)):
            assert run(output_options=given)["changes"] == ["output_options.cve_2021_44228"]


# Removing


@pytest.mark.parametrize("gone", [False, True])
def test_removes_a_job(gone: bool) -> None:
    answer = failure(404, 1002, "job not found") if gone else success({})
    with network(listed(job(), job(id=43, name="web")), Call("DELETE", ONE, None, answer)):
        result = run(state="absent", diff=True)
    assert (result["changed"], result["action"]) == (True, "deleted")
    assert result["job"]["id"] == 42
    assert result["diff"]["before"]["name"] == "http"
    assert result["diff"]["after"] == {}
    with network(listed(job())):
        planned = run(state="absent", diff=True, check_mode=True)
    for name in ("changed", "action", "diff", "job"):
        assert planned[name] == result[name]


def test_a_job_that_is_not_there_need_not_be_removed() -> None:
    with network(listed(job(name="web"))):
        assert run(state="absent")["changed"] is False
    with network(listed(job(id=43))):
        result = run(state="absent", id=42)
    assert (result["changed"], result["job"]) == (False, None)


def test_a_wrong_destination_or_proof_of_a_job_that_goes_does_not_matter() -> None:
    with network(listed()):
        result = run(state="absent", destination_conf="no URI", ownership_challenge="")
        assert result["changed"] is False


def test_removing_is_repeated_and_refusals_are_errors() -> None:
    with network(
        listed(job()),
        Call("DELETE", ONE, None, response(status=502, content=b"oops")),
        Call("DELETE", ONE, None, success({})),
    ):
        assert run(state="absent")["action"] == "deleted"
    with network(listed(job()), Call("DELETE", ONE, None, failure(403, 10000, "no"))):
        assert run(state="absent")["error"]["status"] == 403


# Lost responses

RUN_AGAIN = (
    "The request may still be in progress, so wait before rerunning the task, which looks for the "
    "job first"
)
NEW = {"name": "http", "destination_conf": R2 + SECRET}


def lost_answers() -> t.Iterator[tuple[t.Any, int]]:
    """Yield each kind of a lost answer, and how often the job is looked for then."""
    yield requests.exceptions.ConnectionError("broken"), 4
    yield response(status=504, content=b"<html>"), 4
    yield response(status=524, content=b"<html>"), 4
    yield response(content=b'{"success": tr'), 1
    yield success(None), 1
    yield failure(500, 1000, "internal"), 1


@pytest.mark.parametrize("number", range(6))
def test_a_creation_whose_answer_is_lost_is_looked_for(number: int) -> None:
    lost, looks = list(lost_answers())[number]
    other = job(id=7, name="web")
    late = [listed(other) for _look in range(looks - 1)]
    found = [listed(other, job(**NEW)) for _look in range(2)]
    with network(listed(other), created(NEW, lost), *late, *found):
        result = run(destination_conf=R2 + SECRET)
    assert not result.get("failed"), result
    assert (result["changed"], result["action"]) == (True, "created")
    assert result["response_lost"] is True
    assert result["job"]["id"] == 42
    assert len(result["warnings"]) == 1
    assert result["warnings"][0].endswith(", but it was applied: job 42 is in the desired state")


@pytest.mark.parametrize("number", range(6))
def test_a_creation_that_did_not_happen_fails_and_says_so(number: int) -> None:
    lost, looks = list(lost_answers())[number]
    with network(listed(), created(NEW, lost), *[listed() for _look in range(looks)]) as net:
        result = run(destination_conf=R2 + SECRET)
    assert result["failed"] is True
    assert (result["response_lost"], result["ids"]) == (True, [])
    assert result["msg"].partition("; ")[2] == (
        f"the job was not found afterwards, so it seems not to have been created. {RUN_AGAIN}"
    )
    assert (result["ownership"], result["changes"]) == (
        "not_required",
        ["destination_conf", "enabled", "name"],
    )
    assert net.pauses == [0, 1, 2, 4][:looks]


def test_a_new_job_that_is_another_s_is_not_taken_for_ours() -> None:
    lost = failure(500, 1000, "internal")
    other = job(id=99, destination_conf=BUCKET, enabled=False)
    with network(listed(), created(NEW, lost), listed(other)):
        result = run(destination_conf=R2 + SECRET)
    assert (result["failed"], result["ids"]) == (True, [99])
    assert result["msg"].partition("; ")[2] == (
        "afterwards there was a new job of that name, 99, but it differs in destination_conf, "
        "enabled, so something else may have created it"
    )


def test_a_secret_in_the_words_of_a_lost_answer_is_masked() -> None:
    lost = failure(500, 1000, f"could not write to {R2 + SECRET}")
    with network(listed(), created(NEW, lost), listed(job(**NEW)), listed(job(**NEW))):
        result = run(destination_conf=R2 + SECRET)
    assert "could not write to" in result["warnings"][0]
    assert SECRET not in json.dumps(result)


def test_a_new_job_of_another_name_is_not_taken_for_ours() -> None:
    lost = failure(500, 1000, "internal")
    found = [listed(job(id=7, name="web"), job(**NEW)) for _look in range(2)]
    with network(listed(), created(NEW, lost), *found):
        assert run(destination_conf=R2 + SECRET)["job"]["id"] == 42


@pytest.mark.parametrize("status", [300, 403, 413])
def test_a_refusal_in_html_is_no_lost_answer(status: int) -> None:
    refusal = response(status=status, content=b"<html>")
    with network(listed(), created(NEW, refusal)):
        result = run(destination_conf=R2 + SECRET)
    assert result["error"]["status"] == status
    assert "response_lost" not in result


def test_a_job_that_was_never_sent_is_not_looked_for() -> None:
    never = urllib3.exceptions.NewConnectionError(mock.Mock(), "refused")
    error = requests.exceptions.ConnectionError(
        urllib3.exceptions.MaxRetryError(mock.Mock(), "/", never)
    )
    with network(listed(), *[created(NEW, error)] * 4):
        result = run(destination_conf=R2 + SECRET)
    assert result["failed"] is True
    assert "response_lost" not in result


def test_a_creation_that_cannot_be_looked_for() -> None:
    look = Call("GET", JOBS, None, failure(403, 10000, "Authentication error"))
    with network(listed(), created(NEW, response(status=502, content=b"x")), look):
        result = run(destination_conf=R2 + SECRET)
    assert result["failed"] is True
    assert result["response_lost"] is True
    assert result["msg"].partition("; ")[2] == (
        "whether it was applied is unknown, since the check failed too: "
        f"GET {JOBS} failed: Cloudflare answered HTTP 403: Authentication error (code 10000). "
        f"{RUN_AGAIN}"
    )
    assert result["error"]["status"] == 502


def test_two_new_jobs_after_a_lost_answer() -> None:
    lost = response(status=502, content=b"x")
    with network(listed(), created(NEW, lost), listed(job(**NEW), job(id=43, **NEW))):
        result = run(destination_conf=R2 + SECRET)
    assert result["failed"] is True
    assert result["ids"] == [42, 43]
    assert result["msg"].partition("; ")[2] == (
        "afterwards there were 2 new jobs of that name (ids: 42, 43); remove all but one"
    )


def test_a_change_with_a_token_is_not_repeated_but_looked_for() -> None:
    moved = BUCKET.replace("http", "web")
    body = {"destination_conf": moved, "ownership_challenge": CHALLENGE}
    options: dict[str, t.Any] = dict(body)
    for after, looks in ((moved, 1), (BUCKET, 4)):
        lost = put(body, response(status=502, content=b"x"))
        look = [
            Call("GET", ONE, None, success(job(destination_conf=after))) for _look in range(looks)
        ]
        with network(listed(job()), lost, *look):
            result = run(**options)
        assert result["response_lost"] is True
        assert result.get("failed", False) is (after == BUCKET)
        if result.get("failed"):
            said = f"; job 42 is not in the desired state. {RUN_AGAIN}"
            assert result["msg"].endswith(said)


def test_a_lost_change_of_what_is_hidden_is_not_taken_for_done() -> None:
    masked = job(destination_conf=R2 + "REDACTED")
    lost = put({"destination_conf": R2 + SECRET}, failure(500, 1000, "internal"))
    with network(listed(masked), lost, Call("GET", ONE, None, success(masked))):
        result = run(destination_conf=R2 + SECRET, update_secrets="always")
    assert (result["failed"], result["response_lost"]) == (True, True)
    assert result["msg"].partition("; ")[2] == (
        "whether it was applied is unknown, since Cloudflare masks what was sent. Rerun the task"
    )


@pytest.mark.parametrize("gone", [False, True])
def test_a_removal_whose_answer_is_lost_is_looked_for(gone: bool) -> None:
    lost = Call("DELETE", ONE, None, failure(500, 1000, "internal"))
    answer = failure(404, 1002, "job not found") if gone else success(job())
    with network(listed(job()), lost, Call("GET", ONE, None, answer)):
        result = run(state="absent")
    assert result["response_lost"] is True
    said = f"DELETE {ONE} failed: Cloudflare answered HTTP 500: internal (code 1000)"
    if gone:
        assert result["warnings"] == [f"{said}, but job 42 no longer exists"]
    else:
        assert result["failed"] is True
        assert result["msg"] == f"{said}; job 42 still exists. {RUN_AGAIN}"


def test_a_change_without_a_token_is_repeated() -> None:
    with network(
        listed(job()),
        put({"enabled": False}, response(status=502, content=b"x")),
        put({"enabled": False}),
    ):
        result = run(enabled=False)
    assert (result["changed"], result["response_lost"]) == (True, False)


# Errors and options


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 1002, "filter is invalid"),
        (403, 1004, "creating a new job is not allowed: exceeded max jobs allowed"),
        (403, 10000, "Authentication error"),
        (409, 1000, "conflict"),
    ],
)
def test_refusals_of_each_request(status: int, code: int, message: str) -> None:
    def refusal() -> requests.Response:
        return failure(status, code, message)

    gone: dict[str, t.Any] = {"state": "absent"}
    for calls, options in (
        ([Call("GET", JOBS, None, refusal())], {}),
        ([Call("GET", JOBS, None, refusal())], {"id": 42}),
        ([listed(), created(NEW, refusal())], {"destination_conf": R2 + SECRET}),
        ([listed(job()), put({"enabled": False}, refusal())], {"enabled": False}),
        ([listed(job()), Call("DELETE", ONE, None, refusal())], gone),
    ):
        with network(*calls):
            result = run(**options)
        refused = calls[-1]
        assert result["msg"].startswith(f"{refused.method} {refused.path} failed: ")
        assert message in result["msg"]
        assert (result["error"]["status"], result["error"]["method"]) == (status, refused.method)
        assert "response_lost" not in result


def test_a_rate_limit_is_waited_out_also_when_creating() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "2"})
    with network(listed(), created(NEW, limited), created(NEW), listed(job(**NEW))) as net:
        assert run(destination_conf=R2 + SECRET)["action"] == "created"
    assert net.pauses == [2.0]


NO_LIST = "does not list jobs"
NO_JOB = "contains no job"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", NO_LIST),
        ('"x"', NO_LIST),
        ("[{}]", NO_JOB),
        ('[{"id": "42"}]', NO_JOB),
        ("[null]", NO_JOB),
    ],
)
def test_values_that_are_not_a_list_of_jobs(content: str, said: str) -> None:
    with network(Call("GET", JOBS, None, success(json.loads(content)))):
        result = run(destination_conf=R2 + SECRET)
    assert result["failed"] is True
    assert result["msg"] == f"GET {JOBS} failed: Cloudflare's response {said}"


@pytest.mark.parametrize(
    ("options", "says", "check_mode"),
    combined(
        [
            ({"name": None}, "one of the following is required: id, name"),
            ({"name": ""}, "name: is empty"),
            ({"name": "x" * 513}, "name: has 513 characters"),
            ({"id": 0}, "id: must be 1 or more"),
            ({"id": True}, "id: must be 1 or more"),
            ({"max_upload_bytes": False}, "max_upload_bytes: must be 0 or from 1 to"),
            ({"dataset": "../jobs"}, "dataset: must be a name"),
            ({"dataset": ""}, "dataset: must be a name"),
            ({"destination_conf": "edge-logs"}, "destination_conf: is not a URI"),
            ({"destination_conf": "s3://b/?region=\ud800"}, "destination_conf: contains an"),
            ({"ownership_challenge": "challenge.txt"}, "ownership_challenge: looks like the name"),
            ({"filter": "{"}, "filter: is not JSON"),
            ({"filter": "[]"}, 'filter: must be an object with "where"'),
            ({"filter": '{"where": NaN}'}, "filter: is not JSON: NaN"),
            ({"filter": '{"where":' * 200 + "1" + "}" * 200}, "filter: is not JSON: it is nested"),
            ({"filter": {"and": []}}, 'filter: must be an object with "where"'),
            ({"logpull_options": "x" * 4097}, "logpull_options: has 4097 characters"),
            ({"logpull_options": '{"fields": "RayID"}'}, "logpull_options: must be a query string"),
            ({"logpull_options": {"fields": "RayID"}}, "logpull_options: must be a query string"),
            ({"logpull_options": ["fields=RayID"]}, "logpull_options: must be a query string"),
            ({"update_secrets": "never"}, "value of update_secrets must be one of"),
            ({"max_upload_bytes": -1}, "max_upload_bytes: must be 0 or from 1 to"),
            ({"max_upload_bytes": 1_000_000_001}, "max_upload_bytes: must be 0 or"),
            ({"max_upload_interval_seconds": 29}, "max_upload_interval_seconds: must be 0 or"),
            ({"max_upload_interval_seconds": 301}, "max_upload_interval_seconds: must be 0 or"),
            ({"max_upload_records": 999}, "max_upload_records: must be 0 or from 1000"),
            ({"max_upload_records": -1}, "max_upload_records: must be 0 or"),
            ({"kind": "edge", "max_upload_bytes": 5_000_000}, "max_upload_bytes: cannot be set"),
            ({"output_options": {"sample_rate": 0}}, "output_options.sample_rate: must be above"),
            ({"output_options": {"sample_rate": 1.1}}, "output_options.sample_rate: must be above"),
            ({"output_options": {"sample_rate": "nan"}}, "output_options.sample_rate: must be"),
            (
                {"output_options": {"CVE-2021-4428": True}},
                'unsupported option "output_options.CVE-2021-4428"',
            ),
            (
                {"output_options": {"CVE-2021-44228": True, "cve_2021_44228": False}},
                'unsupported option "output_options.CVE-2021-44228"',
            ),
            (
                {"output_options": {"merge_subrequests": True}, "dataset": "dns_logs"},
                "output_options.merge_subrequests: is for http_requests only",
            ),
        ],
        [False, True],
    ),
)
def test_bad_options_are_rejected_before_any_request(
    options: dict[str, t.Any], says: str, check_mode: bool
) -> None:
    with network():
        result = run(check_mode=check_mode, **options)
    assert result["failed"] is True
    assert says in result["msg"]
    assert "Traceback" not in json.dumps(result)


def test_limits_apply_to_the_existing_job() -> None:
    with network(listed(job(kind="edge"))):
        result = run(max_upload_bytes=5_000_000)
    assert result["msg"].startswith("max_upload_bytes: cannot be set")
    with network(listed(job(dataset="dns_logs"))):
        result = run(output_options={"merge_subrequests": True})
    assert result["msg"].startswith("output_options.merge_subrequests: is for http_requests")


@pytest.mark.parametrize(
    ("destination", "advice"),
    [
        ("https://h/x?a=1?header_X-Key=S3CRET", 'write "&header_X-Key=…"'),
        ("splunk://?channel=c", "no host after splunk://; write splunk://HOST/path?…"),
        ("sumo://?x", "no host after sumo://; write sumo://HOST/"),
        ("s3://b?region=us-east-1&access-key-id=A", "add &secret-access-key=…"),
        ("azure://a/c?sig=S3CRET", "CONTAINER/path?sv=…&sig=…"),
    ],
)
def test_a_message_says_what_to_write_and_quotes_no_secret(destination: str, advice: str) -> None:
    with network():
        result = run(destination_conf=destination)
    assert advice in result["msg"]
    assert "S3CRET" not in result["msg"]


@pytest.mark.parametrize(
    ("options", "body", "before"),
    [
        ({"additional_properties": {"new": True}}, {"new": True}, {"new": 1}),
        (
            {"additional_properties": {"new": [{"a": 1}]}},
            {"new": [{"a": 1}]},
            {"new": [{"a": True}]},
        ),
        (
            {"output_options": {"additional_properties": {"new": 0}}},
            {"output_options": {"new": 0}},
            {"output_options": {"new": False}},
        ),
    ],
)
def test_a_boolean_is_no_number_though_it_is_to_python(
    options: dict[str, t.Any], body: dict[str, t.Any], before: dict[str, t.Any]
) -> None:
    with network(listed(job(**before)), put(body, **before)):
        result = run(**options)
    assert (result["changed"], result["not_applied"]) == (True, [])
