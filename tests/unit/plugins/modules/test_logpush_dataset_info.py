# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_dataset_info, from its options to what it sends and prints."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_dataset_info
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

PATH = f"/zones/{ZONE}/logpush/datasets/http_requests/fields"
FIELDS = {"RayID": "string; id of the request", "ClientIP": "string; IP address of the client"}


def run(check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Ask for the dataset http_requests of a zone with a token, unless told otherwise."""
    given = {"zone_id": ZONE, "dataset": "http_requests", "api_token": TOKEN, **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_dataset_info.main, given, check_mode=check_mode, diff=diff)


def answered(result: object) -> Call:
    """Expect that the fields are asked for, and answer with this."""
    return Call("GET", PATH, None, success(result))


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("diff", [False, True])
def test_fields_in_every_mode(check_mode: bool, diff: bool) -> None:
    with network(answered(FIELDS)):
        answer = run(check_mode=check_mode, diff=diff)
    assert not answer.get("failed")
    assert answer["changed"] is False
    assert answer["fields"] == FIELDS
    assert list(answer["fields"]) == ["ClientIP", "RayID"]
    assert "diff" not in answer


def test_second_run_finds_the_same() -> None:
    with network(answered(FIELDS), answered(FIELDS)):
        assert run() == run()


def test_dataset_of_an_account() -> None:
    path = f"/accounts/{ACCOUNT}/logpush/datasets/audit_logs/fields"
    with network(Call("GET", path, None, success({"When": "int or string"}))):
        answer = run(zone_id=None, account_id=ACCOUNT, dataset="audit_logs")
    assert answer["fields"] == {"When": "int or string"}


@pytest.mark.parametrize("dataset", ["audit_logs_v2", "new-one", "A1", "x" * 128])
def test_a_dataset_that_is_new_is_requested(dataset: str) -> None:
    path = f"/zones/{ZONE}/logpush/datasets/{dataset}/fields"
    with network(Call("GET", path, None, success({}))):
        answer = run(dataset=dataset)
    assert not answer.get("failed")
    assert answer["fields"] == {}


@pytest.mark.parametrize("text", [None, "", 0, False])
def test_a_field_without_a_description(text: object) -> None:
    with network(answered({"ClientIP": text})):
        assert run()["fields"] == {"ClientIP": ""}


@pytest.mark.parametrize("result", [None, [], ["ClientIP"], "ClientIP", 7, True])
def test_an_answer_without_fields_is_an_error(result: object) -> None:
    with network(answered(result)):
        answer = run()
    assert answer["failed"] is True
    assert "fields" not in answer
    assert answer["msg"] == (
        f"GET {PATH} failed: Cloudflare's response does not list the dataset's fields"
    )
    assert answer["error"]["path"] == PATH


@pytest.mark.parametrize(
    ("options", "said", "check_mode"),
    combined(
        [
            ({"dataset": ""}, "dataset: must be a name"),
            ({"dataset": "../jobs"}, "dataset: must be a name"),
            ({"dataset": "http requests"}, "dataset: must be a name"),
            ({"dataset": "http_requests\nx"}, "dataset: must be a name"),
            ({"dataset": "http_requests?x=y"}, "dataset: must be a name"),
            ({"dataset": "x" * 129}, "dataset: must be a name"),
            ({"dataset": "données"}, "dataset: must be a name"),
            ({"dataset": None}, "missing required arguments: dataset"),
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


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 1002, "unknown dataset"),
        (403, 10000, "Authentication error"),
        (404, 1002, "unknown dataset 'http_requests'"),
        (500, 1001, "internal"),
        (200, 1001, "no, under HTTP 200"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_errors_fail_the_task(status: int, code: int, message: str, check_mode: bool) -> None:
    with network(Call("GET", PATH, None, failure(status, code, message))):
        answer = run(check_mode=check_mode)
    assert answer["failed"] is True
    assert "fields" not in answer
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
    with network(Call("GET", PATH, None, limited), answered(FIELDS)) as net:
        assert run()["fields"] == FIELDS
    assert net.pauses == [2.0]


def test_bad_json() -> None:
    with network(Call("GET", PATH, None, response(content=b'{"success": tr'))):
        answer = run()
    assert answer["failed"] is True
    assert "not a Cloudflare envelope" in answer["msg"]
