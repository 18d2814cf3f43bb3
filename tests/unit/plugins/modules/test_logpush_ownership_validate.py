# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_ownership_validate, from its options to what it sends and prints."""

from __future__ import annotations

import base64
import json
import typing as t
from unittest import mock

import pytest
from ansible.module_utils.ansible_release import __version__

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_ownership_validate
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
from ansible_collections.edgeops.cloudflare.tests.unit.samples import combined

# What a template of null makes: before ansible-core 2.19, an empty text.
NO_TOKEN = None if tuple(map(int, __version__.split(".")[:2])) >= (2, 19) else ""
DESTINATION = "s3://edge-logs/http/{DATE}?region=us-east-1"
PATH = f"/zones/{ZONE}/logpush/ownership/validate"
OTHER = "f" * 32


def claims(**changes: t.Any) -> dict[str, t.Any]:
    """Return claims that fit, with changes; None leaves a claim out."""
    fitting = {
        "obj_type": "zone",
        "obj_id": ZONE,
        "destination_conf": DESTINATION,
        # Far away: the tests must not depend on when they run.
        "exp": 4_102_444_800,
        "iss": "https://api.cloudflare.com",
        **changes,
    }
    return {name: value for name, value in fitting.items() if value is not None}


CHALLENGE = challenge_token(claims())
BODY = {"destination_conf": DESTINATION, "ownership_challenge": CHALLENGE}


def run(check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module in a zone with a token and a challenge that fits, unless told otherwise."""
    given = {
        "zone_id": ZONE,
        "destination_conf": DESTINATION,
        "api_token": TOKEN,
        "ownership_challenge": CHALLENGE,
        **options,
    }
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_ownership_validate.main, given, check_mode=check_mode, diff=diff)


def rejected(challenge: str = CHALLENGE, destination: str = DESTINATION) -> Call:
    """Expect a token, and answer as Cloudflare does to a wrong one."""
    body = {"destination_conf": destination, "ownership_challenge": challenge}
    return Call("POST", PATH, body, failure(400, 1002, "incorrect ownership challenge"))


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("diff", [False, True])
def test_a_good_token_in_every_mode(check_mode: bool, diff: bool) -> None:
    with network(Call("POST", PATH, BODY, success({"valid": True}))):
        result = run(check_mode=check_mode, diff=diff)
    assert not result.get("failed")
    assert result["changed"] is False
    assert result["valid"] is True
    assert result["reasons"] == []
    assert result["destination"]["bucket"] == "edge-logs"
    assert "diff" not in result


def test_second_run_changes_nothing_either() -> None:
    with network(*[Call("POST", PATH, BODY, success({"valid": True})) for _run in range(2)]):
        assert run() == run()


def test_white_space_around_the_token_is_removed() -> None:
    with network(Call("POST", PATH, BODY, success({"valid": True}))):
        assert run(ownership_challenge=f"\n  {CHALLENGE} \r\n")["valid"] is True


@pytest.mark.parametrize("result", [{"valid": None}, {"valid": "no"}, {}, None, [], "yes"])
def test_an_answer_without_a_verdict_is_an_error(result: object) -> None:
    with network(Call("POST", PATH, BODY, success(result))):
        answer = run(fail_on_invalid=False)
    assert answer["failed"] is True
    assert "valid" not in answer
    assert "does not report whether the token is valid" in answer["msg"]


def test_valid_false_is_a_no() -> None:
    with network(Call("POST", PATH, BODY, success({"valid": False}))):
        answer = run()
    assert answer["failed"] is True
    assert answer["valid"] is False
    assert answer["changed"] is False
    assert answer["msg"] == (
        "Cloudflare rejected the ownership token: valid: false, no reason given."
    )


def test_rejection_is_a_no_with_cloudflares_words() -> None:
    with network(rejected()):
        answer = run()
    assert answer["failed"] is True
    assert answer["valid"] is False
    assert answer["message"] == (
        "Cloudflare answered HTTP 400: incorrect ownership challenge (code 1002)"
    )
    assert answer["reasons"] == []
    assert (answer["error"]["status"], answer["error"]["codes"]) == (400, [1002])
    assert answer["msg"] == (
        "Cloudflare rejected the ownership token: Cloudflare answered HTTP 400: "
        "incorrect ownership challenge (code 1002)."
    )


def test_a_token_that_comes_back_is_masked() -> None:
    said = failure(400, 1001, f"bad token {CHALLENGE}")
    with network(Call("POST", PATH, BODY, said)):
        answer = run(ownership_challenge=CHALLENGE + "\n")
    assert "bad token ***" in answer["msg"]
    assert CHALLENGE not in json.dumps(answer)


def test_a_no_can_be_a_normal_result() -> None:
    challenge = challenge_token(claims(obj_id=OTHER))
    with network(rejected(challenge)):
        answer = run(ownership_challenge=challenge, fail_on_invalid=False)
    assert not answer.get("failed")
    assert answer["changed"] is False
    assert answer["valid"] is False
    assert answer["reasons"] == [f"The token was issued for zone {OTHER}, not for zone {ZONE}."]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"obj_id": OTHER}, f"issued for zone {OTHER}, not for zone {ZONE}"),
        (
            {"obj_type": "account", "obj_id": ACCOUNT},
            f"issued for account {ACCOUNT}, not for zone {ZONE}",
        ),
        ({"obj_type": "account"}, f"an object of type account, not for zone {ZONE}"),
        ({"obj_type": None, "obj_id": OTHER}, f"zone or account {OTHER}"),
        ({"dest_hash": "e" * 32, "obj_id": OTHER}, f"issued for zone {OTHER}"),
        ({"one": "e" * 32, "obj_id": OTHER}, f"issued for another zone, not for zone {ZONE}"),
        (
            {"destination_conf": "s3://edge-logs/http?region=us-east-1"},
            "the path is '/http' in the token and '/http/{DATE}' in destination_conf",
        ),
        (
            {"destination_conf": "s3://other/http/{DATE}?region=us-east-1"},
            "the bucket is 'other' in the token and 'edge-logs' in destination_conf",
        ),
        (
            {"destination_conf": "s3://edge-logs/http/{DATE}"},
            "the parameter region is missing in the token and 'us-east-1' in destination_conf",
        ),
        (
            {"destination_conf": DESTINATION + "&"},
            "the parts are equal, but written or ordered differently",
        ),
        ({"exp": 1_600_000_000}, "expired at 2020-09-13 12:26:40 UTC"),
        (
            {"destination_conf": None, "inner": {"conf": "gs://bucket/http"}},
            "the scheme is 'gs' in the token and 's3' in destination_conf",
        ),
    ],
)
def test_reasons_say_what_the_claims_disagree_about(changes: dict[str, t.Any], reason: str) -> None:
    challenge = challenge_token(claims(**changes))
    with network(rejected(challenge)):
        answer = run(ownership_challenge=challenge)
    assert len(answer["reasons"]) == 1
    assert reason in answer["reasons"][0]
    assert reason in answer["msg"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_claim_that_names_a_web_page_is_no_other_destination(scheme: str) -> None:
    challenge = challenge_token(claims(destination_conf=None, iss=f"{scheme}://issuer.example"))
    with network(rejected(challenge)):
        assert run(ownership_challenge=challenge)["reasons"] == []


def test_the_closest_destination_in_the_claims_speaks() -> None:
    far, close = (f"s3://{path}?region=us-east-1" for path in ("a/b", "edge-logs/b"))
    challenge = challenge_token(claims(destination_conf=far, inner={"conf": close}))
    with network(rejected(challenge)):
        assert run(ownership_challenge=challenge)["reasons"] == [
            (
                "The token was issued for another destination: the path is '/b' in the token and "
                "'/http/{DATE}' in destination_conf."
            )
        ]


def test_each_difference_to_a_web_server_is_reported() -> None:
    ours, theirs = "https://logs.example/in", "https://other.example/out"
    challenge = challenge_token(claims(destination_conf=theirs, iss=None))
    with network(rejected(challenge, ours)):
        answer = run(destination_conf=ours, ownership_challenge=challenge)
    assert answer["reasons"] == [
        (
            "The token was issued for another destination: the host is 'other.example' in the "
            "token and 'logs.example' in destination_conf; the path is '/out' in the token and "
            "'/in' in destination_conf."
        )
    ]


def test_a_fingerprint_is_no_other_zone() -> None:
    challenge = challenge_token(claims(obj_id=None, fingerprint=OTHER))
    with network(rejected(challenge)):
        assert run(ownership_challenge=challenge)["reasons"] == []


def test_all_reasons_are_reported() -> None:
    wrong = claims(obj_id=OTHER, destination_conf="gs://b", exp=1_600_000_000)
    challenge = challenge_token(wrong)
    with network(rejected(challenge)):
        answer = run(ownership_challenge=challenge)
    assert len(answer["reasons"]) == 3
    assert answer["msg"] == " ".join([f"{answer['msg'].partition('. ')[0]}.", *answer["reasons"]])


def test_a_secret_that_differs_is_not_shown() -> None:
    ours = "azure://acc.blob.core.windows.net/logs/http?sv=2022&sig=OurSignature%3D"
    theirs = "azure://acc.blob.core.windows.net/logs/http?sv=2022&sig=TheirSignature"
    challenge = challenge_token(claims(destination_conf=theirs))
    with network(rejected(challenge, ours)):
        answer = run(destination_conf=ours, ownership_challenge=challenge)
    assert "the parameter sig differs" in answer["reasons"][0]
    for secret in ("OurSignature", "TheirSignature", challenge):
        assert secret not in json.dumps(answer)


@pytest.mark.parametrize(
    "challenge",
    [
        "not-a-jwt-at-all",
        "X-not-a-jwt",
        "x" * 4096,
        # Decoded without a look at what is no base64, it would be one.
        "-" + base64.b64encode(CHALLENGE.encode()).decode(),
        "a.b.c",
        "e30." + base64.urlsafe_b64encode(b"[1]").decode().rstrip("=") + ".x",
        "e30." + base64.urlsafe_b64encode(b"{" * 900).decode().rstrip("=") + ".x",
        "e30.____.x",
    ],
)
def test_a_token_without_readable_claims_is_left_to_cloudflare(challenge: str) -> None:
    with network(rejected(challenge)):
        answer = run(ownership_challenge=challenge)
    assert answer["reasons"] == [
        "The token is not a JWT with readable claims, as Cloudflare's tokens are."
    ]


@pytest.mark.parametrize("exp", [True, "soon", float("inf"), None])
def test_odd_expiries_do_no_harm(exp: object) -> None:
    challenge = challenge_token(claims(exp=exp))
    with network(rejected(challenge)):
        assert run(ownership_challenge=challenge)["reasons"] == []


def test_an_expiry_that_no_calendar_has_is_reported_as_it_is() -> None:
    challenge = challenge_token(claims(exp=-1e300))
    with network(rejected(challenge)):
        assert run(ownership_challenge=challenge)["reasons"] == [
            "The token expired at -1e+300, by this machine's clock; request a new challenge."
        ]


@pytest.mark.parametrize(("now", "expired"), [(1_699_999_999.5, False), (1_700_000_000.0, True)])
def test_a_token_has_expired_as_soon_as_its_time_has_come(now: float, expired: bool) -> None:
    challenge = challenge_token(claims(exp=1_700_000_000))
    with network(rejected(challenge)), mock.patch("time.time", return_value=now):
        assert bool(run(ownership_challenge=challenge)["reasons"]) is expired


FILE = "looks like the name of the challenge file; pass the content of the file"
LIKE_JSON = "looks like JSON, not like a token; pass only the content of the challenge file"
ENCODED = "looks like a token encoded as base64; decode it first (ansible.builtin.b64decode)"


@pytest.mark.parametrize(
    ("challenge", "problem", "check_mode"),
    combined(
        [
            (
                "x" * 4097,
                (
                    "has 4097 characters; Cloudflare accepts at most 4096, so this is not the "
                    "content of a challenge file"
                ),
            ),
            ("http/20261122/ownership-challenge-9a2e7c51.txt", FILE),
            ("ownership-challenge.txt", FILE),
            ("ownership-challenge-9a2e7c51", FILE),
            ("ownership-challenge.2026.txt", FILE),
            ("the-challenge", FILE),
            ("logs/20261122", FILE),
            ("PROOF.TXT", FILE),
            (
                "s3://edge-logs/http/ownership-challenge.txt",
                "looks like a URI; pass the content of the challenge file, not its location",
            ),
            (
                "<?xml version='1.0'?><Error/>",
                (
                    "looks like an HTML or XML document, such as a store's error page, not like "
                    "a token"
                ),
            ),
            ('{"token": "x"}', LIKE_JSON),
            ('["x"]', LIKE_JSON),
            (
                "two words",
                "contains white space, so it is not the token from a challenge file",
            ),
            (base64.b64encode(CHALLENGE.encode()).decode(), ENCODED),
            (base64.b64encode(CHALLENGE.encode() + b"\n").decode(), ENCODED),
        ],
        [False, True],
    ),
)
def test_a_value_that_is_not_a_token_is_rejected_before_any_request(
    challenge: str, problem: str, check_mode: bool
) -> None:
    with network():
        answer = run(ownership_challenge=challenge, check_mode=check_mode)
    assert answer["failed"] is True
    assert answer["msg"] == f"ownership_challenge: {problem}"


@pytest.mark.parametrize("challenge", ["", " \n\t "])
def test_an_empty_token_is_an_error(challenge: str) -> None:
    with network():
        answer = run(ownership_challenge=challenge)
    assert answer["failed"] is True
    assert answer["msg"] == (
        "ownership_challenge: is empty; pass the content of the challenge file"
    )


def run_without_token(check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module with a token of null, as a step that was skipped leaves it."""
    given = {
        "zone_id": ZONE,
        "destination_conf": DESTINATION,
        "api_token": TOKEN,
        "ownership_challenge": NO_TOKEN,
        **options,
    }
    return run_module(logpush_ownership_validate.main, given, check_mode=check_mode)


@pytest.mark.parametrize("challenge", [NO_TOKEN, "", " \n\t "])
@pytest.mark.parametrize("fail_on_invalid", [False, True])
def test_check_mode_accepts_that_the_steps_before_returned_no_token(
    challenge: str | None, fail_on_invalid: bool
) -> None:
    with network():
        answer = run_without_token(
            check_mode=True, ownership_challenge=challenge, fail_on_invalid=fail_on_invalid
        )
    assert not answer.get("failed"), answer
    assert answer["changed"] is False
    assert (answer["valid"], answer["message"], answer["reasons"]) == (None, None, [])
    assert answer["destination"]["bucket"] == "edge-logs"
    assert "error" not in answer


def test_check_mode_without_a_token_still_validates_the_other_options() -> None:
    for option, value in (("zone_id", "zone"), ("destination_conf", "edge-logs")):
        with network():
            answer = run_without_token(check_mode=True, **{option: value})
        assert answer["failed"] is True
        assert answer["msg"].startswith(f"{option}: ")


def test_a_token_of_null_is_an_error() -> None:
    with network():
        answer = run_without_token()
    assert answer["failed"] is True
    assert "ownership_challenge" in answer["msg"]


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 1002, "error validating destination: error writing object: DNSError"),
        (400, 1001, "incorrect ownership challenge"),
        (403, 1002, "incorrect ownership challenge"),
        (403, 10000, "Authentication error"),
        (404, 7003, "Could not route"),
        (500, 1001, "internal"),
    ],
)
@pytest.mark.parametrize("fail_on_invalid", [False, True])
def test_other_errors_stay_errors(
    status: int, code: int, message: str, fail_on_invalid: bool
) -> None:
    with network(Call("POST", PATH, BODY, failure(status, code, message))):
        answer = run(fail_on_invalid=fail_on_invalid)
    assert answer["failed"] is True
    assert "valid" not in answer
    assert answer["error"]["status"] == status
    assert (answer["error"]["method"], answer["error"]["path"]) == ("POST", PATH)


def test_rate_limit_is_waited_out() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "2"})
    with network(
        Call("POST", PATH, BODY, limited), Call("POST", PATH, BODY, success({"valid": True}))
    ) as net:
        assert run()["valid"] is True
    assert net.pauses == [2.0]


def test_bad_json() -> None:
    with network(Call("POST", PATH, BODY, response(content=b'{"success": tr'))):
        assert "not a Cloudflare envelope" in run()["msg"]
