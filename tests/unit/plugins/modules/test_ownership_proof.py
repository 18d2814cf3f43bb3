# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`logpush_job` and `logpush_jobs` prove ownership, verify creations, and prune.

The store is Azure with a SAS, which needs nothing but ``requests``, as Cloudflare does.
"""

from __future__ import annotations

import sys
import typing as t
from unittest import mock

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    ChallengeFiles,
)
from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_job, logpush_jobs
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

OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
WRITE_SAS = "sv=2022-11-02&ss=b&srt=o&sp=w&se=2032-01-01T00:00:00Z&sig=d3JpdGVPbmx5U2lnbmF0dXJl"
READ_SAS = "sv=2022-11-02&ss=b&srt=o&sp=r&se=2032-01-01T00:00:00Z&sig=cmVhZE9ubHlTaWduYXR1cmU"
DESTINATION = f"azure://acme.blob.core.windows.net/logs/http?{WRITE_SAS}"
FILE = "http/ownership-challenge.txt"
FILE_URL = f"https://acme.blob.core.windows.net/logs/{FILE}?{READ_SAS}"
REJECTED = (400, 1002, "incorrect ownership challenge")
OPTIONS = {
    "api_token": TOKEN,
    "zone_id": ZONE,
    "name": "http",
    "dataset": "http_requests",
    "destination_conf": DESTINATION,
    "challenge_file": {"azure": {"sas_token": READ_SAS}},
}


def token(number: int, zone: str = ZONE) -> str:
    """Return an ownership token, each number another one."""
    claims = {"type": "zone", "id": zone, "destination_conf": DESTINATION, "jti": str(number)}
    return challenge_token({**claims, "exp": 4102444800})


def jobs_path(zone: str = ZONE) -> str:
    return f"/zones/{zone}/logpush/jobs"


def listed(*jobs: dict[str, t.Any], zone: str = ZONE) -> Call:
    return Call("GET", jobs_path(zone), None, success(list(jobs)))


def job(number: int, name: str = "http", **more: t.Any) -> dict[str, t.Any]:
    shown = {"id": number, "name": name, "dataset": "http_requests", "enabled": True}
    return {**shown, "destination_conf": DESTINATION, **more}


def requested(zone: str = ZONE, filename: str = FILE) -> Call:
    body = {"destination_conf": DESTINATION}
    result = {"filename": filename, "message": "", "valid": True}
    return Call("POST", f"/zones/{zone}/logpush/ownership", body, success(result))


def read(content: str) -> Call:
    return Call("GET", FILE_URL, None, response(content=content.encode()))


def not_there() -> Call:
    return Call("GET", FILE_URL, None, response(status=404, content=b"<Error/>"))


def created(
    answer: t.Any, *, with_token: str | None, name: str = "http", conf: str = DESTINATION
) -> Call:
    body = {"enabled": True, "name": name, "dataset": "http_requests", "destination_conf": conf}
    if with_token is not None:
        body["ownership_challenge"] = with_token
    return Call("POST", jobs_path(), body, answer)


def run_one(*, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
    return run_module(logpush_job.main, {**OPTIONS, **more}, check_mode=check_mode)


def entry(**more: t.Any) -> dict[str, t.Any]:
    names = ("zone_id", "name", "dataset", "destination_conf")
    return {**{name: OPTIONS[name] for name in names}, **more}


def run_many(
    *entries: dict[str, t.Any], check_mode: bool = False, diff: bool = False, **more: t.Any
) -> dict[str, t.Any]:
    common = {name: OPTIONS[name] for name in ("api_token", "challenge_file")}
    options = {**common, "jobs": list(entries), "concurrency": 1, **more}
    return run_module(logpush_jobs.main, options, check_mode=check_mode, diff=diff)


def test_one_task_proves_ownership_and_creates_the_job() -> None:
    calls = (
        listed(),
        requested(),
        read(f"{token(1)}\n"),
        created(success(job(7)), with_token=token(1)),
        listed(job(7)),
    )
    with network(*calls):
        result = run_one()
    assert result["changed"] is True
    assert (result["action"], result["ownership"]) == ("created", "proved")
    assert (result["filename"], result["job"]["id"]) == (FILE, 7)
    assert token(1) not in str(result)


def test_a_job_in_sync_is_not_proved_again() -> None:
    with network(listed(job(7))):
        result = run_one()
    assert (result["changed"], result["ownership"]) == (False, "not_required")


def test_a_change_without_the_destination_needs_no_proof() -> None:
    body = {"enabled": False}
    answer = success(job(7, enabled=False))
    with network(listed(job(7)), Call("PUT", f"{jobs_path()}/7", body, answer)):
        result = run_one(enabled=False)
    assert (result["action"], result["ownership"]) == ("updated", "not_required")


def test_a_new_destination_is_proved_in_the_same_task() -> None:
    old = job(7, destination_conf=DESTINATION.replace("/http", "/old"))
    body = {"destination_conf": DESTINATION, "ownership_challenge": token(1)}
    update = Call("PUT", f"{jobs_path()}/7", body, success(job(7)))
    with network(listed(old), requested(), read(token(1)), update):
        result = run_one()
    assert (result["action"], result["ownership"]) == ("updated", "proved")


def test_a_late_file_is_waited_for() -> None:
    calls = (
        listed(),
        requested(),
        not_there(),
        not_there(),
        read(token(1)),
        created(success(job(7)), with_token=token(1)),
        listed(job(7)),
    )
    with network(*calls) as double:
        result = run_one()
    assert result["ownership"] == "proved"
    assert double.pauses == [2.0, 2.0]


def test_waiting_for_a_file_ends_and_nothing_is_written() -> None:
    challenge_file = {"timeout": 5, "delay": 2, "azure": {"sas_token": READ_SAS}}
    with network(listed(), requested(), not_there(), not_there(), not_there()):
        result = run_one(challenge_file=challenge_file)
    assert result["failed"] is True
    assert (result["ownership"], result["filename"]) == ("missing", FILE)
    assert READ_SAS not in str(result)


def test_check_mode_requests_no_challenge() -> None:
    with network(listed()):
        result = run_one(check_mode=True)
    assert (result["changed"], result["action"]) == (True, "created")
    assert (result["ownership"], result["filename"]) == ("would_prove", None)


@pytest.mark.parametrize("none", [None, ""])
def test_check_mode_accepts_that_the_steps_before_returned_no_token(none: str | None) -> None:
    with network(listed()):
        result = run_one(check_mode=True, ownership_challenge=none, prove_ownership=False)
    assert not result.get("failed")
    assert result["ownership"] == "missing"


def test_without_proof_a_missing_token_fails_before_anything_is_written() -> None:
    with network(listed()):
        result = run_one(prove_ownership=False)
    assert result["failed"] is True
    assert result["ownership"] == "missing"
    assert "requires an ownership_challenge" in result["msg"]


def test_a_token_that_is_given_is_sent_and_none_is_requested() -> None:
    with network(listed(), created(success(job(7)), with_token=token(9)), listed(job(7))):
        result = run_one(ownership_challenge=f" {token(9)}\n")
    assert result["ownership"] == "provided"


def test_a_token_that_is_given_and_rejected_is_not_replaced() -> None:
    with network(listed(), created(failure(*REJECTED), with_token=token(9))):
        result = run_one(ownership_challenge=token(9))
    assert (result["failed"], result["ownership"]) == (True, "rejected")


def test_a_new_token_that_is_rejected_fails_the_job() -> None:
    calls = (
        listed(),
        requested(),
        read(token(1)),
        created(failure(*REJECTED), with_token=token(1)),
    )
    with network(*calls):
        result = run_one()
    assert (result["failed"], result["ownership"]) == (True, "rejected")
    assert token(1) not in str(result)


def test_a_challenge_that_cloudflare_could_not_write_fails_with_its_message() -> None:
    answer = success({"filename": "", "message": "Access Denied", "valid": False})
    body = {"destination_conf": DESTINATION}
    with network(listed(), Call("POST", f"/zones/{ZONE}/logpush/ownership", body, answer)):
        result = run_one()
    assert (result["failed"], result["ownership"]) == (True, "missing")
    assert "Access Denied" in result["msg"]


@pytest.mark.parametrize("answer", [failure(500, 1000, "internal"), response(content=b"{")])
def test_a_challenge_whose_response_is_lost_is_no_lost_job(answer: t.Any) -> None:
    body = {"destination_conf": DESTINATION}
    path = f"/zones/{ZONE}/logpush/ownership"
    with network(listed(), Call("POST", path, body, answer)) as double:
        result = run_one()
    assert (result["failed"], result["ownership"]) == (True, "missing")
    assert (result["error"]["method"], result["error"]["path"]) == ("POST", path)
    assert not result.get("response_lost")
    assert not double.pauses


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_missing_library_fails_the_task_before_anything_is_written(check_mode: bool) -> None:
    bucket = entry(name="s3", destination_conf="s3://edge-logs/http?region=us-east-1")
    with mock.patch.dict(sys.modules, {"boto3": None}), network(listed()):
        result = run_many(entry(), bucket, check_mode=check_mode)
    assert (result["failed"], result.get("changed", False)) == (True, False)
    assert "boto3" in result["msg"]
    assert "results" not in result


@pytest.mark.parametrize("check_mode", [False, True])
def test_no_library_is_required_where_no_challenge_file_is_read(check_mode: bool) -> None:
    conf = "s3://edge-logs/http?region=us-east-1"
    calls = [listed(job(7, destination_conf=conf))]
    with mock.patch.dict(sys.modules, {"boto3": None}), network(*calls):
        result = run_one(destination_conf=conf, check_mode=check_mode)
    assert (result["changed"], result["ownership"]) == (False, "not_required")


@pytest.mark.parametrize("response_lost", [False, True])
def test_a_challenge_file_that_was_used_is_removed(response_lost: bool) -> None:
    answer = failure(500, 1000, "internal") if response_lost else success(job(7))
    look = [listed(job(7))] if response_lost else []
    calls = (
        listed(),
        requested(),
        read(token(1)),
        created(answer, with_token=token(1)),
        *look,
        Call("DELETE", FILE_URL, None, response(status=202, content=b"")),
        listed(job(7)),
    )
    with network(*calls):
        result = run_one(challenge_file={"remove": True, "azure": {"sas_token": READ_SAS}})
    assert (result["action"], result["ownership"]) == ("created", "proved")
    assert result["response_lost"] is response_lost


def test_each_job_has_its_own_changes_if_no_token_is_obtained() -> None:
    answer = success({"filename": "", "message": "Access Denied", "valid": False})
    body = {"destination_conf": DESTINATION}
    calls = (
        listed(job(7, "a", destination_conf=DESTINATION.replace("/http", "/old"))),
        Call("POST", f"/zones/{ZONE}/logpush/ownership", body, answer),
    )
    with network(*calls):
        result = run_many(entry(name="a"), entry(name="b", frequency="low"))
    first, second = result["results"]
    assert (first["failed"], second["failed"]) == (True, True)
    assert first["changes"] == ["destination_conf"]
    assert second["changes"] == ["dataset", "destination_conf", "enabled", "frequency", "name"]


@pytest.mark.parametrize("applied", [True, False])
def test_a_token_whose_response_was_lost_may_be_used_so_the_next_job_gets_another(
    applied: bool,
) -> None:
    lost = created(failure(500, 1000, "internal"), with_token=token(1), name="a")
    after = [job(7, "a")] if applied else []
    calls = (
        listed(),
        requested(),
        read(token(1)),
        lost,
        listed(*after),
        created(failure(*REJECTED), with_token=token(1), name="b"),
        requested(),
        read(token(2)),
        created(success(job(8, "b")), with_token=token(2), name="b"),
        listed(*after, job(8, "b")),
    )
    with network(*calls):
        result = run_many(entry(name="a"), entry(name="b"))
    assert [each["failed"] for each in result["results"]] == [not applied, False]
    assert [each["ownership"] for each in result["results"]] == ["proved", "proved"]


def test_jobs_of_one_scope_and_destination_share_a_token() -> None:
    calls = (
        listed(),
        requested(),
        read(token(1)),
        created(success(job(7, "a")), with_token=token(1), name="a"),
        created(success(job(8, "b")), with_token=token(1), name="b"),
        listed(job(7, "a"), job(8, "b")),
    )
    with network(*calls):
        result = run_many(entry(name="a"), entry(name="b"))
    assert [each["ownership"] for each in result["results"]] == ["proved", "proved"]
    assert result["summary"]["created"] == 2


@pytest.mark.parametrize("concurrency", [1, 10])
def test_if_a_token_is_accepted_once_the_next_job_gets_another(concurrency: int) -> None:
    calls = (
        listed(),
        requested(),
        read(token(1)),
        created(success(job(7, "a")), with_token=token(1), name="a"),
        created(failure(*REJECTED), with_token=token(1), name="b"),
        requested(),
        read(token(2)),
        created(success(job(8, "b")), with_token=token(2), name="b"),
        listed(job(7, "a"), job(8, "b")),
    )
    with network(*calls):
        result = run_many(entry(name="a"), entry(name="b"), concurrency=concurrency)
    assert [each["failed"] for each in result["results"]] == [False, False]


def test_an_unknown_destination_is_proved_only_where_cloudflare_asks_for_it() -> None:
    conf = "newstore://acme.blob.core.windows.net/logs"
    calls = (listed(), created(success(job(7)), with_token=None, conf=conf), listed(job(7)))
    with network(*calls):
        result = run_one(destination_conf=conf)
    assert result["ownership"] == "not_required"


def test_a_second_job_of_the_same_name_fails_with_both_ids() -> None:
    calls = (
        listed(),
        requested(),
        read(token(1)),
        created(success(job(7)), with_token=token(1)),
        listed(job(6), job(7)),
    )
    with network(*calls):
        result = run_one()
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["ids"] == [6, 7]
    assert "Remove all but one" in result["msg"]


def test_a_creation_that_cannot_be_verified_fails_and_says_that_it_changed() -> None:
    calls = (
        listed(),
        created(success(job(7)), with_token=token(9)),
        Call("GET", jobs_path(), None, failure(403, 10000, "Authentication error")),
    )
    with network(*calls):
        result = run_one(ownership_challenge=token(9))
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["job"]["id"] == 7


def test_an_invalid_entry_stops_all_before_anything_is_sent() -> None:
    with network():
        result = run_many(entry(name="a"), entry(name="b", max_upload_records=1))
    assert result["failed"] is True
    first, second = result["results"]
    assert "entry 2 (job 'b'" in first["msg"]
    assert second["msg"].startswith("max_upload_records")
    assert result["summary"]["failed"] == 2


def test_one_failure_does_not_stop_the_others() -> None:
    calls = (
        listed(),
        created(success(job(7, "a")), with_token=token(1), name="a"),
        created(failure(400, 1002, "bad"), with_token=token(1), name="b"),
        created(success(job(8, "c")), with_token=token(1), name="c"),
        listed(job(7, "a"), job(8, "c")),
    )
    given = {"ownership_challenge": token(1)}
    with network(*calls):
        result = run_many(*(entry(name=name, **given) for name in "abc"))
    assert result["failed"] is True
    assert [each["failed"] for each in result["results"]] == [False, True, False]
    assert result["msg"].startswith("1 of 3 jobs failed: job 'b' in zone ")
    assert result["summary"] == {
        "total": 3,
        "created": 2,
        "updated": 0,
        "deleted": 0,
        "unchanged": 0,
        "pruned": 0,
        "failed": 1,
    }
    assert len(result["table"]) == 4


def test_prune_removes_what_no_entry_describes() -> None:
    present = (job(7), job(8, "other"), job(9, "dns", dataset="dns_logs"))
    calls = (listed(*present), Call("DELETE", f"{jobs_path()}/8", None, success({"id": 8})))
    with network(*calls):
        result = run_many(entry(), prune=True, prune_datasets=["http_requests"])
    assert result["changed"] is True
    assert [(each["item"]["id"], each["action"]) for each in result["pruned"]] == [(8, "deleted")]
    assert (result["summary"]["pruned"], result["summary"]["unchanged"]) == (1, 1)


def test_prune_in_check_mode_shows_what_would_go() -> None:
    with network(listed(job(7), job(8, "other"))):
        result = run_many(entry(), prune=True, check_mode=True, diff=True)
    assert [each["item"]["name"] for each in result["pruned"]] == ["other"]
    assert result["diff"][0]["after"] == {}


def test_prune_leaves_a_scope_alone_in_which_an_entry_failed() -> None:
    calls = (
        listed(job(8, "other")),
        created(failure(400, 1002, "bad"), with_token=token(9)),
        listed(job(3), job(4, "gone"), zone=OTHER_ZONE),
        Call("DELETE", f"{jobs_path(OTHER_ZONE)}/4", None, success({"id": 4})),
    )
    with network(*calls, concurrent=True):
        result = run_many(
            entry(ownership_challenge=token(9)), entry(zone_id=OTHER_ZONE), prune=True
        )
    assert result["failed"] is True
    assert [each["item"]["id"] for each in result["pruned"]] == [4]


def test_without_prune_nothing_is_removed() -> None:
    with network(listed(job(7), job(8, "other"))):
        result = run_many(entry())
    assert (result["changed"], result["pruned"]) == (False, [])


def test_the_table_names_a_zone_by_its_host() -> None:
    with network(listed(job(7))):
        result = run_many(entry(host="example.com"))
    assert result["table"][0].split() == [
        "ZONE", "OR", "ACCOUNT", "JOB", "DATASET", "RESULT", "OWNERSHIP", "DETAILS"
    ]  # fmt: skip
    assert result["table"][1].startswith(f"example.com ({ZONE})  http  http_requests  unchanged")


def test_if_cloudflare_requires_proof_ownership_is_proved_and_the_next_job_sends_the_token() -> (
    None
):
    # Not known to require proof.
    keys = "access-key-id=AKIAIOSFODNN7EXAMPLE&secret-access-key=wJalrXUtnFEMIK7MDENGbPxRfiCY"
    conf = f"s3://edge-logs/http?region=us-east-1&{keys}"
    fetch = mock.patch.object(ChallengeFiles, "fetch", return_value=(token(1), FILE))
    check = mock.patch.object(ChallengeFiles, "check")
    body = {"destination_conf": conf}
    calls = (
        listed(),
        created(failure(*REJECTED), with_token=None, name="a", conf=conf),
        Call(
            "POST",
            f"/zones/{ZONE}/logpush/ownership",
            body,
            success({"filename": FILE, "message": "", "valid": True}),
        ),
        created(
            success(job(7, "a", destination_conf=conf)), with_token=token(1), name="a", conf=conf
        ),
        created(
            success(job(8, "b", destination_conf=conf)), with_token=token(1), name="b", conf=conf
        ),
        listed(job(7, "a"), job(8, "b")),
    )
    with fetch, check, network(*calls):
        result = run_many(*(entry(name=name, destination_conf=conf) for name in "ab"))
    assert [each["ownership"] for each in result["results"]] == ["proved", "proved"]
