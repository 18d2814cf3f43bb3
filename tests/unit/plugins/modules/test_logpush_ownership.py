# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_ownership, from its options to the requests it sends and what it prints."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_ownership
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
PATH = f"/zones/{ZONE}/logpush/ownership"
BODY = {"destination_conf": DESTINATION}
FILENAME = "http/20261122/ownership-challenge-9a2e7c51.txt"
WRITTEN = {"filename": FILENAME, "message": "", "valid": True}
PARTS = {
    "scheme": "s3",
    "bucket": "edge-logs",
    "prefix": "http/{DATE}",
    "region": "us-east-1",
    "endpoint": None,
    "ownership": "required",
}


def run(*, check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module in a zone with a token; an option of None is left out."""
    given = {"zone_id": ZONE, "destination_conf": DESTINATION, "api_token": TOKEN, **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_ownership.main, given, check_mode=check_mode, diff=diff)


def test_returns_what_the_next_task_needs() -> None:
    with network(Call("POST", PATH, BODY, success(WRITTEN))) as net:
        result = run()
    assert result["changed"] is True
    assert not result.get("failed")
    assert (result["filename"], result["valid"], result["message"]) == (FILENAME, True, "")
    assert result["destination"] == PARTS
    assert net.sent[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert net.sent[0].headers["Content-Type"] == "application/json"


def test_asks_in_an_account() -> None:
    path = f"/accounts/{ACCOUNT}/logpush/ownership"
    with network(Call("POST", path, BODY, success(WRITTEN))):
        assert run(zone_id=None, account_id=ACCOUNT)["changed"] is True


def test_destination_is_sent_byte_for_byte() -> None:
    odd = "s3://edge-logs/a%2Fb//./c/../{DATE}?region=us-east-1&&sse=AES256&x=%c3%A4#"
    with network(Call("POST", PATH, {"destination_conf": odd}, success(WRITTEN))) as net:
        run(destination_conf=odd)
    assert json.loads(net.sent[0].body or "")["destination_conf"] == odd


@pytest.mark.parametrize("diff", [False, True])
def test_check_mode_sends_nothing(diff: bool) -> None:
    with network():
        result = run(check_mode=True, diff=diff)
    assert result["changed"] is True
    assert result["destination"] == PARTS
    assert result["filename"] is None
    assert result["valid"] is None


def test_diff_mode_adds_nothing() -> None:
    with network(Call("POST", PATH, BODY, success(WRITTEN))):
        assert "diff" not in run(diff=True)


def test_second_run_requests_another_challenge() -> None:
    with network(*[Call("POST", PATH, BODY, success(WRITTEN)) for _run in range(2)]):
        assert run()["changed"] is True
        assert run()["changed"] is True


@pytest.mark.parametrize(
    "destination",
    ["datadog://intake.example.com/v1?header_DD-API-KEY=abc", "newthing://x/y?z=1", "gs://b/p"],
)
def test_asks_whatever_the_destination(destination: str) -> None:
    with network(Call("POST", PATH, {"destination_conf": destination}, success(WRITTEN))):
        assert run(destination_conf=destination)["changed"] is True


@pytest.mark.parametrize(
    ("answer", "said", "valid", "filename"),
    [
        ({"filename": "", "message": "no bucket", "valid": False}, "no bucket", False, ""),
        ({"filename": "a.txt", "message": "denied", "valid": False}, "denied", False, "a.txt"),
        ({"filename": "", "message": "", "valid": True}, "no reason given", True, ""),
        ({"filename": None, "message": None, "valid": None}, "no reason given", None, None),
        ({}, "no reason given", None, None),
        (None, "no reason given", None, None),
        (["a", "list"], "no reason given", None, None),
        ({"filename": " ", "message": "denied"}, "denied", None, " "),
    ],
)
def test_no_challenge_file_is_a_failure(
    answer: object, said: str, valid: bool | None, filename: str | None
) -> None:
    with network(Call("POST", PATH, BODY, success(answer))):
        result = run()
    assert result["failed"] is True
    assert result["msg"] == f"Cloudflare wrote no challenge file to destination_conf: {said}"
    assert result["changed"] is False
    assert result["valid"] is valid
    assert result["filename"] == filename
    assert result["destination"] == PARTS


@pytest.mark.parametrize(
    ("status", "code", "message", "retryable"),
    [
        (400, 1002, "error validating destination: error writing object: DNSError", False),
        (401, 10001, "Unauthorized", False),
        (403, 10000, "Authentication error", False),
        (403, 10000, "Unable to authenticate request", True),
        (403, 1004, "creating a new job is not allowed: exceeded max jobs allowed", False),
        (404, 7003, "Could not route to that", False),
        (409, 1000, "conflict", False),
        (500, 1001, "internal", True),
        (200, 1001, "refused under 200", False),
    ],
)
def test_api_errors_are_reported_as_the_api_gave_them(
    status: int, code: int, message: str, retryable: bool
) -> None:
    with network(Call("POST", PATH, BODY, failure(status, code, message))):
        result = run()
    assert result["failed"] is True
    assert result["msg"] == (
        f"POST {PATH} failed: Cloudflare answered HTTP {status}: {message} (code {code})"
    )
    assert result["error"] == {
        "status": status,
        "method": "POST",
        "path": PATH,
        "codes": [code],
        "errors": [{"code": code, "message": message}],
        "ray_id": "8f2c1d7e4a9b0c3d-FRA",
        "retryable": retryable,
    }


def test_rate_limit_is_waited_out() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "7"})
    with network(
        Call("POST", PATH, BODY, limited), Call("POST", PATH, BODY, success(WRITTEN))
    ) as net:
        assert run()["changed"] is True
    assert net.pauses == [7.0]


def test_a_rate_limit_beyond_the_retry_timeout_fails_immediately() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "3600"})
    with network(Call("POST", PATH, BODY, limited)) as net:
        result = run()
    assert not net.pauses
    assert "3600 s" in result["msg"]
    assert "rate_limit_retry_timeout" in result["msg"]
    assert result["error"]["retryable"] is True


@pytest.mark.parametrize("status", [502, 503, 504])
def test_passing_fault_is_tried_again(status: int) -> None:
    bad = failure(status, 1001, "bad gateway")
    with network(Call("POST", PATH, BODY, bad), Call("POST", PATH, BODY, success(WRITTEN))):
        assert run()["changed"] is True


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"<html>Just a moment</html>",
        b'{"success": true, "resu',
        b'{"result": {}}',
        b'{"success": "yes"}',
        b"\xff\xfe",
        b"[" * 200_000,
    ],
)
def test_answer_that_is_no_envelope(content: bytes) -> None:
    html = {"Content-Type": "text/html"}
    with network(Call("POST", PATH, BODY, response(content=content, headers=html))):
        result = run()
    assert result["failed"] is True
    assert (
        f"POST {PATH} failed: malformed response (HTTP 200): not a Cloudflare envelope"
        in result["msg"]
    )
    assert "text/html" in result["msg"]
    assert len(result["msg"]) < 1000
    assert "exception" not in result or "Traceback" not in result["exception"]


def test_redirect_is_not_followed() -> None:
    elsewhere = response(
        status=301, content=b"", headers={"Location": "https://evil.example/x?token=1"}
    )
    with network(Call("POST", PATH, BODY, elsewhere)) as net:
        result = run()
    assert "redirect to evil.example not followed" in result["msg"]
    assert "token=1" not in json.dumps(result)
    assert net.settings[0].get("allow_redirects") is None  # the adapter never sees it
    assert len(net.sent) == 1


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://[bad/", "redirect to an invalid URL"),
        ("\xff\xfe", "redirect to another path"),
        ("/login", "redirect to another path"),
    ],
)
def test_odd_redirects(location: str, said: str) -> None:
    elsewhere = response(status=302, content=b"", headers={"Location": location})
    with network(Call("POST", PATH, BODY, elsewhere)):
        assert said in run()["msg"]


def test_rate_limit_that_names_a_date() -> None:
    date = "Fri, 31 Dec 2100 23:59:59 GMT"
    with network(Call("POST", PATH, BODY, failure(429, 971, "x", {"Retry-After": date}))):
        assert "rate limit resets in " in run()["msg"]


@pytest.mark.parametrize(
    ("option", "value", "check_mode"),
    combined(
        [
            ("zone_id", ""),
            ("zone_id", "zone"),
            ("zone_id", ZONE + "0"),
            ("zone_id", ZONE[:-1] + "g"),
            ("zone_id", "../" + ZONE[3:]),
            ("zone_id", ZONE[:-1] + "\n"),
            ("zone_id", ZONE[:-1] + "\u0663"),
            ("destination_conf", ""),
            ("destination_conf", "edge-logs/http"),
            ("destination_conf", "s3:/edge-logs"),
            ("destination_conf", "s3:///logs"),
            ("destination_conf", DESTINATION + "\nx"),
            ("destination_conf", "s3://edge logs/http"),
            ("destination_conf", "s3://edge-logs/" + "x" * 4082),
            ("api_token", "two words"),
            ("api_token", TOKEN + "\r\nX-Evil: 1"),
            ("api_token", "t\u00f6ken"),
            ("base_url", "http://api.cloudflare.com/client/v4"),
            ("base_url", "ftp://api.cloudflare.com"),
            ("base_url", "api.cloudflare.com"),
            ("base_url", "https://user:pass@api.cloudflare.com"),
            ("base_url", "https://api.cloudflare.com/?x=1"),
            ("base_url", "https://api.cloudflare.com/client/v4?"),
            ("base_url", "https://api.cloudflare.com/client/v4#"),
            ("base_url", "https://[::1"),
            ("base_url", "http://[::1]evil.com/"),
            ("base_url", "https://a..b"),
            ("base_url", "https://*.example.com"),
            ("base_url", "https://.example.com"),
            ("base_url", f"https://{'a' * 64}.example.com"),
            ("base_url", "https://api.cloudflare.com/\u00e4"),
            ("base_url", "https://api.cloudflare.com:port"),
            ("timeout", 0),
            ("timeout", -1),
            ("timeout", "nan"),
            ("timeout", 1e9),
            ("rate_limit_retry_timeout", -1),
            ("rate_limit_retry_timeout", "inf"),
            ("ca_path", "/nowhere/ca.pem"),
        ],
        [False, True],
    ),
)
def test_bad_option_is_rejected_by_name_and_nothing_is_sent(
    option: str, value: t.Any, check_mode: bool
) -> None:
    with network():
        result = run(check_mode=check_mode, **{option: value})
    assert result["failed"] is True
    assert result["msg"].startswith(f"{option}: ")


def test_longest_destination_is_taken() -> None:
    longest = "s3://edge-logs/?region=r&x=" + "x" * 4069
    assert len(longest) == 4096
    with network(Call("POST", PATH, {"destination_conf": longest}, success(WRITTEN))):
        assert run(destination_conf=longest)["changed"] is True


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"account_id": ACCOUNT}, "mutually exclusive: zone_id|account_id"),
        ({"zone_id": None}, "one of the following is required: zone_id, account_id"),
        ({"destination_conf": None}, "missing required arguments: destination_conf"),
    ],
)
def test_scope_and_destination_are_required(options: dict[str, t.Any], said: str) -> None:
    with network():
        result = run(**options)
    assert result["failed"] is True
    assert said in result["msg"]


def test_no_secret_in_the_result() -> None:
    destination = (
        "s3://edge-logs/http?region=us-east-1&access-key-id=AKIASECRETKEYID"
        "&secret-access-key=sl%2FaSh%2BsEcReT&sse=AES256"
    )
    secrets = ["AKIASECRETKEYID", "sl%2FaSh%2BsEcReT", "sl/aSh+sEcReT", destination, TOKEN]
    said = failure(400, 1002, "cannot write: " + " ".join(secrets))
    with network(Call("POST", PATH, {"destination_conf": destination}, said)):
        result = run(destination_conf=destination)
    assert result["msg"].count("***") >= len(secrets)
    for secret in secrets:
        assert secret not in json.dumps(result)
    assert result["error"]["status"] == 400


def test_a_secret_is_masked_before_the_answer_is_cut() -> None:
    destination = "https://logs.example.com/in?header_X=AVeryLongSecretIndeed"
    echo = b"x" * 185 + b"AVeryLongSecretIndeed" + b"x" * 200
    with network(Call("POST", PATH, {"destination_conf": destination}, response(content=echo))):
        result = run(destination_conf=destination)
    assert "AVery" not in json.dumps(result)


def test_a_short_parameter_is_not_redacted_elsewhere() -> None:
    destination = "splunk://splunk.example.com/raw?header_Authorization=true&channel=json"
    said = failure(400, 1002, "json is not true")
    with network(Call("POST", PATH, {"destination_conf": destination}, said)):
        assert "json is not true" in run(destination_conf=destination)["msg"]
