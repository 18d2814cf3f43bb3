# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_destination_validate, from its options to what it sends and prints."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_destination_validate
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

DESTINATION = "s3://edge-logs/http/{DATE}?region=us-east-1"
DESCRIBED = {
    "scheme": "s3",
    "bucket": "edge-logs",
    "prefix": "http/{DATE}",
    "region": "us-east-1",
    "endpoint": None,
    "ownership": "required",
}
PATH = f"/zones/{ZONE}/logpush/validate/destination"
EXISTS_PATH = f"{PATH}/exists"
BODY = {"destination_conf": DESTINATION}
SECRET = "SeCrEtSeCrEtSeCrEt+1"
SECRET_AS_GIVEN = "SeCrEtSeCrEtSeCrEt%2B1"
KEY_ID = "AKIAEXAMPLEKEY00"
WITH_SECRETS = f"r2://b/p?account-id=a&access-key-id={KEY_ID}&secret-access-key={SECRET_AS_GIVEN}"
RESULTS = ("valid", "message", "exists", "destination")


def run(check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module in a zone with a token and a destination, unless told otherwise."""
    given = {"zone_id": ZONE, "destination_conf": DESTINATION, "api_token": TOKEN, **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_destination_validate.main, given, check_mode=check_mode, diff=diff)


def looked(exists: bool = False, destination: str = DESTINATION) -> Call:
    """Expect the question whether there is such a job, and answer it."""
    body = {"destination_conf": destination}
    return Call("POST", EXISTS_PATH, body, success({"exists": exists}))


def tried(result: object, destination: str = DESTINATION) -> Call:
    """Expect that a test object is asked for, and answer with this."""
    return Call("POST", PATH, {"destination_conf": destination}, success(result))


@pytest.mark.parametrize("diff", [False, True])
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("fail_on_invalid", [False, True])
def test_a_good_destination(diff: bool, exists: bool, fail_on_invalid: bool) -> None:
    with network(looked(exists), tried({"valid": True, "message": ""})):
        answer = run(diff=diff, fail_on_invalid=fail_on_invalid)
    assert not answer.get("failed")
    assert answer["changed"] is True
    assert answer["valid"] is True
    assert answer["message"] == ""
    assert answer["exists"] is exists
    assert answer["destination"] == DESCRIBED
    assert "diff" not in answer


@pytest.mark.parametrize("diff", [False, True])
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("fail_on_invalid", [False, True])
def test_check_mode_only_looks(diff: bool, exists: bool, fail_on_invalid: bool) -> None:
    with network(looked(exists)):
        answer = run(check_mode=True, diff=diff, fail_on_invalid=fail_on_invalid)
    assert not answer.get("failed")
    assert answer["changed"] is True
    assert answer["valid"] is None
    assert "not validated" in answer["message"]
    assert "write a test object" in answer["message"]
    assert answer["exists"] is exists
    assert answer["destination"] == DESCRIBED
    assert "diff" not in answer


def test_second_run_writes_again() -> None:
    with network(*[call for _run in range(2) for call in (looked(), tried({"valid": True}))]):
        assert run() == run()


def test_destination_of_an_account() -> None:
    path = f"/accounts/{ACCOUNT}/logpush/validate/destination"
    with network(
        Call("POST", f"{path}/exists", BODY, success({"exists": True})),
        Call("POST", path, BODY, success({"valid": True})),
    ):
        answer = run(zone_id=None, account_id=ACCOUNT)
    assert (answer["valid"], answer["exists"]) == (True, True)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("error writing object: AccessDenied", "error writing object: AccessDenied"),
        ("", "without a reason"),
        (None, "without a reason"),
        (["odd"], "without a reason"),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_valid_false_fails_with_the_message_of_cloudflare(
    message: object, said: str, exists: bool
) -> None:
    with network(looked(exists), tried({"valid": False, "message": message})):
        answer = run()
    assert answer["failed"] is True
    assert answer["changed"] is False
    assert answer["valid"] is False
    assert answer["message"] == (message if isinstance(message, str) else None)
    assert answer["exists"] is exists
    assert answer["destination"] == DESCRIBED
    assert answer["msg"].startswith("Cloudflare cannot write to the destination: ")
    assert answer["msg"].endswith(said)
    assert "error" not in answer


def test_valid_false_can_be_a_normal_result() -> None:
    with network(looked(), tried({"valid": False, "message": "no such bucket"})):
        answer = run(fail_on_invalid=False)
    assert not answer.get("failed")
    assert answer["changed"] is False
    assert answer["valid"] is False
    assert answer["message"] == "no such bucket"
    assert answer["exists"] is False
    assert answer["destination"] == DESCRIBED


@pytest.mark.parametrize("message", [None, ..., 7])
def test_a_good_destination_without_a_message(message: object) -> None:
    result = {"valid": True, **({} if message is ... else {"message": message})}
    with network(looked(), tried(result)):
        answer = run()
    assert answer["valid"] is True
    assert answer["message"] is None


@pytest.mark.parametrize("result", [{"valid": None}, {"valid": "no"}, {}, None, [], "yes"])
def test_an_answer_without_a_verdict_is_an_error(result: object) -> None:
    with network(looked(), tried(result)):
        answer = run(fail_on_invalid=False)
    assert answer["failed"] is True
    assert not set(RESULTS) & set(answer)
    assert "does not report whether the destination is valid" in answer["msg"]
    assert answer["error"]["path"] == PATH


@pytest.mark.parametrize(
    ("result", "check_mode"),
    combined(list(zip([{"exists": None}, {"exists": "no"}, {}, None, [], "yes"])), [False, True]),
)
def test_nothing_is_written_where_the_first_answer_is_odd(result: object, check_mode: bool) -> None:
    with network(Call("POST", EXISTS_PATH, BODY, success(result))):
        answer = run(check_mode=check_mode, fail_on_invalid=False)
    assert answer["failed"] is True
    assert not set(RESULTS) & set(answer)
    assert "does not report whether there is such a job" in answer["msg"]
    assert answer["error"]["path"] == EXISTS_PATH


@pytest.mark.parametrize(
    ("options", "said", "check_mode"),
    combined(
        [
            ({"destination_conf": ""}, "destination_conf: is empty"),
            ({"destination_conf": "edge-logs/http"}, "destination_conf: is not a URI"),
            ({"destination_conf": "s3:///http"}, "destination_conf: contains no bucket"),
            ({"destination_conf": "s3://edge-logs/two words"}, "destination_conf: has white space"),
            ({"destination_conf": f"s3://edge-logs/{'x' * 4096}"}, "destination_conf: has 4111"),
            ({"destination_conf": None}, "missing required arguments: destination_conf"),
            ({"zone_id": "not-an-id"}, "zone_id: must be 32"),
            ({"zone_id": None}, "one of the following is required"),
            ({"account_id": ACCOUNT}, "mutually exclusive"),
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


ERRORS = [
    (400, 1002, "error validating destination: error writing object: DNSError"),
    (403, 10000, "Authentication error"),
    (404, 7003, "Could not route"),
    (500, 1001, "internal"),
    (200, 1001, "no, under HTTP 200"),
]


def assert_error(answer: dict[str, t.Any], path: str, status: int, code: int, said: str) -> None:
    """Fail unless the answer is this error and nothing else."""
    assert answer["failed"] is True
    assert not set(RESULTS) & set(answer)
    assert said in answer["msg"]
    assert answer["error"] == {
        "status": status,
        "method": "POST",
        "path": path,
        "codes": [code],
        "errors": [{"code": code, "message": said}],
        "ray_id": "8f2c1d7e4a9b0c3d-FRA",
        "retryable": status == 500,
    }


@pytest.mark.parametrize(("status", "code", "said"), ERRORS)
@pytest.mark.parametrize("check_mode", [False, True])
def test_an_error_of_the_first_request_ends_it(
    status: int, code: int, said: str, check_mode: bool
) -> None:
    with network(Call("POST", EXISTS_PATH, BODY, failure(status, code, said))):
        answer = run(check_mode=check_mode, fail_on_invalid=False)
    assert_error(answer, EXISTS_PATH, status, code, said)


@pytest.mark.parametrize(("status", "code", "said"), ERRORS)
@pytest.mark.parametrize("fail_on_invalid", [False, True])
def test_an_error_of_the_second_request_stays_an_error(
    status: int, code: int, said: str, fail_on_invalid: bool
) -> None:
    with network(looked(), Call("POST", PATH, BODY, failure(status, code, said))):
        answer = run(fail_on_invalid=fail_on_invalid)
    assert_error(answer, PATH, status, code, said)


def test_rate_limit_is_waited_out() -> None:
    def limited() -> t.Any:
        return failure(429, 971, "slow down", {"Retry-After": "2"})

    with network(
        Call("POST", EXISTS_PATH, BODY, limited()),
        looked(),
        Call("POST", PATH, BODY, limited()),
        tried({"valid": True}),
    ) as net:
        assert run()["valid"] is True
    assert net.pauses == [2.0, 2.0]


def test_each_request_is_repeated() -> None:
    def broken() -> t.Any:
        return response(status=502, content=b"oops")

    with network(
        Call("POST", EXISTS_PATH, BODY, broken()),
        looked(),
        Call("POST", PATH, BODY, broken()),
        tried({"valid": True}),
    ):
        assert run()["valid"] is True


@pytest.mark.parametrize("second", [False, True])
def test_bad_json(second: bool) -> None:
    bad = response(content=b'{"success": tr')
    calls = [looked(), Call("POST", PATH, BODY, bad)]
    with network(*(calls if second else [Call("POST", EXISTS_PATH, BODY, bad)])):
        answer = run()
    assert answer["failed"] is True
    assert "not a Cloudflare envelope" in answer["msg"]


@pytest.mark.parametrize("spelling", [SECRET, SECRET_AS_GIVEN, KEY_ID, WITH_SECRETS])
@pytest.mark.parametrize("fail_on_invalid", [False, True])
def test_secrets_in_cloudflares_words_are_masked(spelling: str, fail_on_invalid: bool) -> None:
    refused = tried({"valid": False, "message": f"cannot use {spelling}"}, WITH_SECRETS)
    with network(looked(destination=WITH_SECRETS), refused):
        answer = run(destination_conf=WITH_SECRETS, fail_on_invalid=fail_on_invalid)
    assert answer["message"].startswith("cannot use ")
    assert "***" in answer["message"]
    assert answer["destination"]["bucket"] == "b"
    for secret in (SECRET, SECRET_AS_GIVEN, KEY_ID, WITH_SECRETS):
        assert secret not in json.dumps(answer)


@pytest.mark.parametrize("spelling", [SECRET, SECRET_AS_GIVEN, KEY_ID, WITH_SECRETS])
def test_secrets_in_errors_are_masked(spelling: str) -> None:
    body = {"destination_conf": WITH_SECRETS}
    refused = failure(400, 1002, f"cannot use {spelling}")
    with network(looked(destination=WITH_SECRETS), Call("POST", PATH, body, refused)):
        answer = run(destination_conf=WITH_SECRETS)
    # The whole or its parts: in which order Ansible masks is not fixed.
    assert "cannot use " in answer["msg"]
    assert "***" in answer["msg"]
    for secret in (SECRET, SECRET_AS_GIVEN, KEY_ID, WITH_SECRETS):
        assert secret not in json.dumps(answer)
