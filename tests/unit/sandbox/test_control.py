# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test can ask of the sandbox: requests, faults, settings."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.faults import Fault, Faults, parse
from sandbox.world import DESTINATION


def test_requests_are_recorded_without_credentials(api: Any) -> None:
    api.ask(DESTINATION)
    api.validate("wrong", DESTINATION)
    first, second = api.requests()
    assert (first["method"], first["path"]) == ("POST", api.path())
    assert first["body"] == {"destination_conf": DESTINATION}
    assert (first["credential"], first["authenticated"]) == ("token", True)
    assert (first["status"], first["writes"]) == (200, True)
    assert (second["status"], second["writes"]) == (400, False)
    assert (first["index"], second["index"]) == (0, 1)
    assert first["headers"]["Authorization"] == "***"
    assert api.world.credentials.token not in str(first)


def test_the_index_goes_on_after_a_clear(api: Any) -> None:
    api.ask(DESTINATION)
    assert api.client.delete("/sandbox/requests").status_code == 204
    assert api.requests() == []
    api.client.get("/client/v4/zones?name=a", headers={"X-Auth-Key": "k"})
    (entry,) = api.requests()
    assert (entry["index"], entry["query"], entry["status"]) == (1, {"name": "a"}, 400)
    assert (entry["credential"], entry["headers"]["X-Auth-Key"]) == ("key", "***")


def test_a_body_that_is_no_json_is_recorded_as_text(api: Any) -> None:
    api.client.post(api.path(), data=b"{half", headers=api.headers)
    assert api.requests()[0]["body"] == "{half"


def test_a_refused_write_is_no_write(api: Any) -> None:
    api.ask("s3://nowhere/p")
    assert api.requests()[0]["writes"] is False


def test_control_requests_are_not_recorded(api: Any) -> None:
    api.client.get("/sandbox/faults")
    assert api.requests() == []


def test_reset_forgets_all_but_who_is_who(api: Any) -> None:
    paths = ("settings", "delivery", "uploads", "graphql_limits")
    before = [api.client.get(f"/sandbox/{path}").get_json() for path in paths]
    api.client.put("/sandbox/delivery", json={"outcome": "fail"})
    api.client.put("/sandbox/uploads", json=[{}])
    limits = {"logpushUsageAdaptiveGroups": {"maxPageSize": 1}}
    api.client.patch("/sandbox/graphql_limits", json=limits)
    api.ask(DESTINATION)
    api.fault({"status": 503})
    api.settings(wrong_token="valid_false", redaction="masked")
    api.client.post("/sandbox/jobs", json={})
    assert api.client.post("/sandbox/reset").status_code == 204
    assert api.requests() == []
    assert api.client.get("/sandbox/faults").get_json() == []
    assert api.jobs() == []
    assert before[0]["wrong_token"] == "error"
    assert [api.client.get(f"/sandbox/{path}").get_json() for path in paths] == before
    assert api.ask(DESTINATION).status_code == 200


@pytest.mark.parametrize("settings", [{"wrong_token": "x"}, {"unknown": "error"}, []])
def test_a_wrong_setting_is_refused(api: Any, settings: Any) -> None:
    assert api.client.patch("/sandbox/settings", json=settings).status_code == 400


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"times": 1},
        {"unknown": 1},
        {"status": "503"},
        {"reset": "sometimes"},
        {"status": 503, "times": 0},
        {"status": 503, "path": "("},
        {"status": 503, "path": 1},
        {"status": 503, "method": 1},
        "text",
    ],
    ids=str,
)
def test_a_wrong_fault_is_refused_and_no_other_is_added(api: Any, fault: Any) -> None:
    response = api.client.post("/sandbox/faults", json=[{"status": 503}, fault])
    assert response.status_code == 400
    assert response.get_json()["error"]
    assert api.client.get("/sandbox/faults").get_json() == []


def test_faults_come_in_order_and_are_counted() -> None:
    faults = Faults()
    faults.add(
        [Fault({"status": 1}, times=2), Fault({"status": 2}), Fault({"status": 3}, times=-1)]
    )
    taken = [faults.take("GET", "/")["status"] for _turn in range(5)]
    assert taken == [1, 1, 2, 3, 3]


def test_a_fault_waits_for_its_method_and_path() -> None:
    faults = Faults()
    faults.add([parse({"method": "post", "path": "ownership$", "status": 503})])
    assert faults.take("GET", "/logpush/ownership") == {}
    assert faults.take("POST", "/logpush/jobs") == {}
    assert faults.take("POST", "/logpush/ownership") == {"status": 503}


def test_a_fault_about_the_file_waits_for_a_challenge() -> None:
    fault = parse({"file": "late", "seconds": 1})
    assert not fault.hits("POST", "/zones/1/logpush/ownership/validate")
    assert fault.hits("POST", "/zones/1/logpush/ownership")


def test_status_headers_and_body_are_given(api: Any) -> None:
    api.fault(
        {"status": 503, "headers": {"X-Mine": "1"}},
        {"status": 200, "body": "<html>", "content_type": "text/plain"},
        {"status": 200, "body": [1]},
        {"status": 502, "body": ""},
    )
    plain, text, other, empty = (api.ask(DESTINATION) for _turn in range(4))
    assert (plain.status_code, plain.headers["X-Mine"]) == (503, "1")
    assert plain.get_json()["success"] is False
    assert (text.get_data(as_text=True), text.content_type) == ("<html>", "text/plain")
    assert other.get_json() == [1]
    assert (empty.get_data(), empty.status_code) == (b"", 502)
    assert api.objects() == {}
    assert [entry["fault"]["status"] for entry in api.requests()] == [503, 200, 200, 502]


def test_a_request_can_fail_after_it_was_carried_out(api: Any) -> None:
    api.fault({"status": 504, "carry_out": True})
    assert api.ask(DESTINATION).status_code == 504
    assert len(api.objects()) == 1
    assert api.requests()[0]["writes"] is True


@pytest.mark.parametrize("seconds", [1, None])
def test_a_rate_limit_may_say_for_how_long(api: Any, seconds: int | None) -> None:
    api.fault({"rate_limit": seconds})
    response = api.ask(DESTINATION)
    assert response.status_code == 429
    assert response.headers.get("Retry-After") == (None if seconds is None else "1")
    assert (";r=0;" in response.headers["Ratelimit"]) is (seconds is not None)
    assert api.ask(DESTINATION).status_code == 200


def test_a_redirect_leads_elsewhere(api: Any) -> None:
    api.fault({"redirect": "http://127.0.0.1:1/"})
    response = api.ask(DESTINATION)
    assert (response.status_code, response.headers["Location"]) == (307, "http://127.0.0.1:1/")


def test_a_huge_answer_is_whole_json(api: Any) -> None:
    api.fault({"huge": 200_000})
    response = api.ask(DESTINATION)
    assert len(response.get_data()) == response.content_length == 200_000
    assert response.get_json()["success"] is True


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"valid": False, "message": "no"}, {"filename": "", "message": "no", "valid": False}),
        ({"result": None}, None),
        ({"result": {}}, {}),
    ],
    ids=str,
)
def test_an_answer_can_be_bent_and_then_nothing_is_written(
    api: Any, fault: Any, expected: Any
) -> None:
    api.fault(fault)
    response = api.ask(DESTINATION)
    assert (response.status_code, response.get_json()["result"]) == (200, expected)
    assert api.objects() == {}
    assert api.requests()[0]["writes"] is False


def test_a_filename_can_be_missing_or_begin_with_the_bucket(api: Any) -> None:
    api.fault({"filename": ""}, {"filename": "with_bucket"})
    first, second = (api.ask(DESTINATION).get_json()["result"] for _turn in range(2))
    assert first == {"filename": "", "message": "", "valid": True}
    assert second["filename"].removeprefix("edge-logs/") in api.objects()


def test_a_file_can_be_missing_or_padded(api: Any) -> None:
    api.fault({"file": "missing"})
    assert api.ask(DESTINATION).get_json()["result"]["valid"] is True
    assert api.objects() == {}
    api.fault({"file": "padded"})
    api.ask(DESTINATION)
    (body,) = api.objects().values()
    assert body.startswith(b" ey")
    assert body.endswith(b"\r\n")


def test_a_file_can_be_late(api: Any) -> None:
    api.fault({"file": "late", "seconds": 0.2})
    name = api.ask(DESTINATION).get_json()["result"]["filename"]
    assert name not in api.objects()
    deadline = api.world.stopping
    for _turn in range(40):
        if name in api.objects():
            break
        deadline.wait(0.05)
    assert name in api.objects()


def test_validate_can_be_bent(api: Any) -> None:
    api.fault({"path": "validate$", "valid": False}, {"path": "validate$", "result": None})
    token = api.client.post("/sandbox/tokens", json={}).get_json()["token"]
    assert api.validate(token, DESTINATION).get_json()["result"] == {"valid": False}
    assert api.validate(token, DESTINATION).get_json()["result"] is None


def test_the_control_endpoints_are_listed(api: Any) -> None:
    for path in ("/sandbox", "/sandbox/"):
        listed = api.client.get(path, follow_redirects=True).get_json()
        paths = {(entry["method"], entry["path"]) for entry in listed}
        assert {("GET", "/sandbox/requests"), ("PATCH", "/sandbox/settings")} <= paths
        assert all(entry["description"].endswith(".") for entry in listed)
