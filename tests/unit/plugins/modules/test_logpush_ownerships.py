# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_ownerships, from its options to the requests it sends and what it prints."""

from __future__ import annotations

import json
import threading
import typing as t
from unittest import mock

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.module_utils._arguments import MOST_AT_ONCE
from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_ownerships
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
from ansible_collections.edgeops.cloudflare.tests.unit.samples import EXPLORE

ZONES = [f"{number:032x}" for number in range(1, 41)]
DESTINATION = "s3://edge-logs/http/{DATE}?region=us-east-1"
KEYS = "&access-key-id=AKIASECRETKEY{0:03}&secret-access-key=sl%2FaSh%2BsEcReT{0:03}"
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


def target(zone: str = ZONE, **options: t.Any) -> dict[str, t.Any]:
    """Return a target; an option of None is left out."""
    given = {"zone_id": zone, "destination_conf": DESTINATION, **options}
    return {name: value for name, value in given.items() if value is not None}


def requested(
    zone: str = ZONE,
    answer: requests.Response | Exception | None = None,
    destination: str = DESTINATION,
) -> Call:
    """Expect a challenge to be requested."""
    path, body = f"/zones/{zone}/logpush/ownership", {"destination_conf": destination}
    return Call("POST", path, body, success(WRITTEN) if answer is None else answer)


def run(
    *targets: t.Any, check_mode: bool = False, diff: bool = False, **options: t.Any
) -> dict[str, t.Any]:
    """Run the module with a token, and one request at a time unless told otherwise."""
    given = {"api_token": TOKEN, "concurrency": 1, "targets": list(targets), **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_ownerships.main, given, check_mode=check_mode, diff=diff)


def test_requests_a_challenge_for_each_and_returns_what_the_next_task_needs() -> None:
    in_account = Call(
        "POST",
        f"/accounts/{ACCOUNT}/logpush/ownership",
        {"destination_conf": "gs://b/p"},
        success({**WRITTEN, "filename": "p/c.txt"}),
    )
    with network(requested(), in_account):
        result = run(target(), {"account_id": ACCOUNT, "destination_conf": "gs://b/p"}, diff=True)
    assert not result.get("failed"), result
    assert result["changed"] is True
    assert result["results"][0] == {
        "changed": True,
        "failed": False,
        "filename": FILENAME,
        "message": "",
        "valid": True,
        "destination": PARTS,
        "item": {"zone_id": ZONE},
        "msg": "",
    }
    assert result["results"][1]["item"] == {"account_id": ACCOUNT}
    assert result["results"][1]["filename"] == "p/c.txt"
    assert not {"diff", "warnings", "msg"} & set(result)


def test_an_empty_list_is_no_change_and_no_request() -> None:
    for check_mode in (False, True):
        with network():
            result = run(check_mode=check_mode, diff=True)
        assert (result["changed"], result["results"]) == (False, [])
        assert not result.get("failed")


def test_check_mode_requests_no_challenge() -> None:
    with network():
        result = run(target(), target(ZONES[0]), check_mode=True, diff=True)
    assert result["changed"] is True
    for one in result["results"]:
        assert (one["changed"], one["filename"], one["valid"]) == (True, None, None)
        assert one["destination"] == PARTS
    assert "diff" not in result


def test_each_run_requests_new_challenges() -> None:
    with network(requested(), requested()):
        assert run(target())["changed"] is True
        assert run(target())["changed"] is True


def test_the_same_target_twice_is_requested_twice() -> None:
    with network(requested(), requested()):
        assert len(run(target(), target())["results"]) == 2


@pytest.mark.parametrize("concurrency", [None, 2, pytest.param(MOST_AT_ONCE, marks=EXPLORE)])
def test_concurrently_each_is_requested_once_and_results_are_in_order(
    concurrency: int | None,
) -> None:
    answers = [success({**WRITTEN, "filename": f"{zone}.txt"}) for zone in ZONES]
    calls = [requested(zone, answer) for zone, answer in zip(ZONES, answers)]
    with network(*calls, concurrent=True):
        result = run(*map(target, ZONES), concurrency=concurrency)
    assert [each["filename"] for each in result["results"]] == [f"{zone}.txt" for zone in ZONES]


@pytest.mark.parametrize(
    ("given", "bound"), [(None, 10), (3, 3), pytest.param(1, 1, marks=EXPLORE)]
)
def test_no_more_are_in_progress_than_are_allowed(given: int | None, bound: int) -> None:
    lock, running, most = threading.Lock(), 0, 0
    barrier = threading.Barrier(bound)

    def send(*_arguments: object, **_settings: object) -> requests.Response:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            number = net.call_count
        if 1 < number <= 1 + bound:
            barrier.wait(10)
        with lock:
            running -= 1
        return success(WRITTEN)

    with mock.patch("requests.adapters.HTTPAdapter.send", side_effect=send) as net:
        result = run(*map(target, ZONES), concurrency=given)
    assert not result.get("failed"), result
    assert (net.call_count, most) == (40, bound)


@pytest.mark.parametrize("concurrency", [1, 10])
def test_one_failure_stops_no_other_and_is_counted(concurrency: int) -> None:
    denied = success({"filename": "", "message": "Access Denied", "valid": False})
    with network(
        requested(ZONES[0]),
        requested(ZONES[1], denied),
        requested(ZONES[2]),
        requested(ZONES[3], failure(403, 10000, "Authentication error")),
        requested(ZONES[4]),
        concurrent=concurrency > 1,
    ):
        result = run(*map(target, ZONES[:5]), concurrency=concurrency)
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"] == (
        f"2 of 5 targets failed; the first of them: zone {ZONES[1]}: Cloudflare wrote no challenge "
        "file to destination_conf: Access Denied"
    )
    each = result["results"]
    assert [one["failed"] for one in each] == [False, True, False, True, False]
    assert [one["changed"] for one in each] == [True, False, True, False, True]
    assert each[1]["msg"].endswith("destination_conf: Access Denied")
    assert (each[1]["valid"], each[1]["destination"]) == (False, PARTS)
    assert each[3]["error"]["codes"] == [10000]
    assert [one["item"] for one in each] == [{"zone_id": zone} for zone in ZONES[:5]]
    assert not any("ansible_loop_var" in one for one in each)
    assert each[0]["msg"] == ""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"filename": "", "message": "no bucket", "valid": False}, "no bucket"),
        ({"filename": "", "message": "", "valid": True}, "no reason given"),
        ({"filename": None, "message": None, "valid": None}, "no reason given"),
        (None, "no reason given"),
        (["a", "list"], "no reason given"),
    ],
)
def test_no_challenge_file_is_a_failure(answer: object, said: str) -> None:
    with network(requested(answer=success(answer))):
        result = run(target())
    assert (result["failed"], result["changed"]) == (True, False)
    assert said in result["msg"]
    assert result["msg"].startswith(f"1 of 1 targets failed: zone {ZONE}: ")


@pytest.mark.parametrize(
    ("status", "code", "message", "retryable"),
    [
        (400, 1003, "error validating destination: error writing object: DNSError", False),
        (401, 10001, "Unauthorized", False),
        (403, 10000, "Authentication error", False),
        (403, 10000, "Unable to authenticate request", True),
        (403, 1004, "not allowed", False),
        (404, 7003, "Could not route to that", False),
        (409, 1000, "conflict", False),
        (500, 1001, "internal", True),
        (200, 1001, "refused under 200", False),
    ],
)
def test_api_errors_are_reported_as_the_api_gave_them(
    status: int, code: int, message: str, retryable: bool
) -> None:
    call = requested(answer=failure(status, code, message))
    with network(call):
        result = run(target())
    (only,) = result["results"]
    sentence = (
        f"POST {call.path} failed: Cloudflare answered HTTP {status}: {message} (code {code})"
    )
    assert only["msg"] == sentence
    assert result["msg"] == f"1 of 1 targets failed: zone {ZONE}: {sentence}"
    assert only["error"] == {
        "status": status,
        "method": "POST",
        "path": call.path,
        "codes": [code],
        "errors": [{"code": code, "message": message}],
        "ray_id": "8f2c1d7e4a9b0c3d-FRA",
        "retryable": retryable,
    }


@pytest.mark.parametrize(
    "content", [b"", b"null", b"<html>Just a moment</html>", b'{"success": true, "resu']
)
def test_answer_that_is_no_envelope(content: bytes) -> None:
    with network(requested(answer=response(content=content)), requested(ZONES[0])):
        result = run(target(), target(ZONES[0]))
    assert [each["failed"] for each in result["results"]] == [True, False]
    assert "malformed response (HTTP 200): not a Cloudflare envelope" in result["msg"]


def test_no_connection_is_reported_for_each() -> None:
    error = requests.exceptions.InvalidHeader("of no use")
    with network(requested(answer=error), requested(ZONES[0])):
        result = run(target(), target(ZONES[0]))
    assert result["results"][0]["error"]["status"] is None
    assert "of no use" in result["msg"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_passing_fault_is_tried_again(status: int) -> None:
    with network(requested(answer=failure(status, 1001, "bad gateway")), requested()):
        assert run(target())["changed"] is True


# The rate limit


def test_a_rate_limit_is_waited_out_and_reported() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "7"})
    with network(
        requested(), requested(ZONES[0], limited), requested(ZONES[0]), requested(ZONES[1])
    ) as net:
        result = run(target(), target(ZONES[0]), target(ZONES[1]))
    assert result["changed"] is True
    assert net.pauses == [7.0]
    assert result["rate_limit_waited"] == 7


def test_a_rate_limit_beyond_the_retry_timeout_fails_all_remaining_requests_immediately() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "3600"})
    with network(requested(), requested(ZONES[0], limited)) as net:
        result = run(target(), target(ZONES[0]), target(ZONES[1]))
    assert not net.pauses
    assert [each["failed"] for each in result["results"]] == [False, True, True]
    assert result["msg"].startswith(f"2 of 3 targets failed; the first of them: zone {ZONES[0]}: ")
    assert result["results"][1]["error"]["status"] == 429
    assert (
        "rate limit exhausted, resets in 3600 s; request not sent" in (result["results"][2]["msg"])
    )
    assert result["results"][2]["error"]["retryable"] is True
    assert result["rate_limit_waited"] == 0


def test_waits_are_reported_for_a_task_that_fails_too() -> None:
    limited = failure(429, 971, "slow down", {"Retry-After": "7"})
    with network(requested(answer=limited), requested(answer=failure(400, 1, "no"))):
        result = run(target())
    assert (result["failed"], result["rate_limit_waited"]) == (True, 7)


def test_the_rate_limit_is_kept_to_before_it_is_met() -> None:
    told = {"Ratelimit": '"default";r=1;t=30', "Ratelimit-Policy": '"default";q=100;w=60'}
    answer = success(WRITTEN)
    answer.headers.update(told)
    with network(requested(answer=answer), requested(ZONES[0])) as net:
        result = run(target(), target(ZONES[0]))
    assert net.pauses == [30.0]
    assert result["rate_limit_waited"] == 30


# Options that are wrong


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"account_id": ACCOUNT}, "mutually exclusive: zone_id|account_id"),
        ({"zone_id": None}, "one of the following is required: zone_id, account_id"),
        ({"destination_conf": None}, "missing required arguments: destination_conf"),
        ({"destination_cnf": "x"}, "unsupported option"),
        ({"ownership_challenge": "a-token"}, "unsupported option"),
    ],
)
def test_input_that_ansible_itself_rejects(options: dict[str, t.Any], said: str) -> None:
    with network():
        result = run(target(), {**target(**options)})
    assert result["failed"] is True
    assert said in result["msg"]
    assert "results" not in result


def test_targets_are_required() -> None:
    with network():
        result = run_module(logpush_ownerships.main, {"api_token": TOKEN})
    assert "missing required arguments: targets" in result["msg"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("zone_id", ""),
        ("zone_id", "zone"),
        ("zone_id", ZONE[:-1] + "\n"),
        ("destination_conf", ""),
        ("destination_conf", "edge-logs/http"),
        ("destination_conf", DESTINATION + "\nx"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_bad_entry_is_rejected_by_name_and_stops_no_other(
    option: str, value: str, check_mode: bool
) -> None:
    calls = [] if check_mode else [requested(ZONES[0])]
    with network(*calls):
        result = run(target(**{option: value}), target(ZONES[0]), check_mode=check_mode)
    first, second = result["results"]
    assert first["msg"].startswith(f"{option}: ")
    assert (first["failed"], second["failed"], second["changed"]) == (True, False, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("concurrency", value) for value in (0, -1, 101, 10**9)),
        *(("rate_limit_share", value) for value in (0, -0.1, 1.01, "nan", "inf")),
        ("rate_limit_retry_timeout", -1),
        ("timeout", 0),
        ("api_token", "two words"),
        ("base_url", "http://api.cloudflare.com/client/v4"),
        ("ca_path", "/nowhere/ca.pem"),
    ],
)
def test_a_bad_option_is_rejected_by_name_and_nothing_is_sent(option: str, value: t.Any) -> None:
    with network():
        result = run(target(), **{option: value})
    assert result["failed"] is True
    assert result["msg"].startswith(f"{option}: ")
    assert "results" not in result


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("concurrency", 0, "must be from 1 to 100"),
        ("rate_limit_share", 2, "must be above 0 and at most 1"),
    ],
)
def test_the_requirements_of_an_option_are_reported(
    option: str, value: t.Any, problem: str
) -> None:
    assert run(target(), **{option: value})["msg"] == f"{option}: {problem}"


# Secrets


@pytest.mark.parametrize(("secret", "shown"), [("SeCrEt7", True), ("SeCrEt-8", False)])
def test_the_values_of_an_entry_are_redacted_if_another_option_is_invalid(
    secret: str, shown: bool
) -> None:
    # Ansible ends the module before it looks into the entries.
    result = run(target(destination_conf=secret), validate_certs=secret)
    assert "boolean" in result["msg"]
    assert (secret in result["msg"]) is shown


def test_no_secret_of_any_entry_is_shown_anywhere() -> None:
    destinations = [DESTINATION + KEYS.format(number) for number in range(3)]
    secrets = [
        secret.format(number)
        for number in range(3)
        for secret in ("AKIASECRETKEY{0:03}", "sl%2FaSh%2BsEcReT{0:03}", "sl/aSh+sEcReT{0:03}")
    ]
    # Each answer quotes what another entry has.
    said = "cannot write: " + " ".join([*secrets, *destinations, TOKEN])
    calls = [
        requested(zone, failure(400, 1, said), destination)
        for zone, destination in zip(ZONES, destinations)
    ]
    with network(*calls, requested(answer=failure(400, 1, said))):
        result = run(
            *(target(zone, destination_conf=d) for zone, d in zip(ZONES, destinations)),
            target(),
            diff=True,
        )
    assert len(result["results"]) == 4
    printed = json.dumps(result)
    for secret in [*secrets, *destinations, TOKEN]:
        assert secret not in printed
    for each in result["results"]:
        assert each["msg"].count("***") >= len(secrets)
    # Newer versions of Ansible show it only where they are asked to.
    if "invocation" in result:
        assert result["invocation"]["module_args"]["targets"] == "4 entries (not shown)"


SECRET = "SeCrEt0123456789SeCrEt"
LEAKY = f"{DESTINATION}&access-key-id=AKIA0123456789&secret-access-key={SECRET}"
WITHOUT_ZONE = {"destination_conf": LEAKY}


@pytest.mark.parametrize(
    "targets",
    [
        [{"zone_id": ZONE, "destination_cnf": LEAKY}],
        [target(), {"zone_id": ZONE, "destination_cnf": [LEAKY]}],
        [{"zone_id": ZONE, "destination_conf": DESTINATION, "more": {"of": [LEAKY]}}],
        [WITHOUT_ZONE],
        WITHOUT_ZONE,
        {"zone_id": ZONE, "destination_cnf": LEAKY},
        [[LEAKY]],
        [[WITHOUT_ZONE]],
        [LEAKY],
        LEAKY,
        f"{LEAKY},{LEAKY}",
        json.dumps([WITHOUT_ZONE]),
        [json.dumps({"zone_id": ZONE, "destination_cnf": LEAKY})],
        [f"zone_id={ZONE} destination_cnf={LEAKY}"],
        f"destination_conf={LEAKY}",
        # Ansible looks no further for what is secret then.
        *(5, True, [5], [None], [target(), "x"]),
    ],
)
def test_no_secret_is_shown_of_options_that_are_wrong(targets: t.Any) -> None:
    with network():
        result = run(targets=targets)
    assert result["failed"] is True
    assert SECRET not in json.dumps(result)
    assert TOKEN not in json.dumps(result)


def test_a_null_is_no_zone() -> None:
    with network():
        result = run({"zone_id": None, "destination_conf": DESTINATION})
    assert result["results"][0]["msg"] == "zone_id: is missing: set it, or account_id"


def test_entries_may_be_texts() -> None:
    with network(requested(), requested(ZONES[0])):
        result = run(json.dumps(target()), f"zone_id={ZONES[0]} destination_conf='{DESTINATION}'")
    assert [each["failed"] for each in result["results"]] == [False, False]
