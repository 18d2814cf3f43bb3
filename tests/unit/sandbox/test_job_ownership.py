# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which jobs need a token, and which token will do."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.world import DESTINATION

OTHER = DESTINATION.replace("zone/", "other/")
KEYS = "&access-key-id=AKIAEXAMPLE&secret-access-key=secret"
HTTPS = "https://logs.example.com/in"
REFUSAL = (400, 1002, "incorrect ownership challenge")
UNKNOWN = ["ibmcl://host/?ibm_api_key=k", "kinesis://stream?region=r", "new://host/"]


def post(api: Any, destination: str, token: Any, scope: str | None = None) -> Any:
    """Ask for a job."""
    body = {"destination_conf": destination, "ownership_challenge": token}
    return api.call("POST", "jobs", body, scope)


@pytest.mark.parametrize(
    "destination",
    [
        DESTINATION,
        "S3://edge-logs/p",
        "s3://edge-logs/p?access-key-id=a",
        "gs://bucket/dir",
        "azure://a.blob.core.windows.net/c?sig=s",
        "sumo://host/receiver/v1/http/code",
    ],
)
def test_some_destinations_need_a_token(api: Any, destination: str) -> None:
    assert api.error(api.call("POST", "jobs", {"destination_conf": destination})) == REFUSAL
    for token in (None, "", "wrong"):
        assert api.error(post(api, destination, token)) == REFUSAL
    assert (api.jobs(), api.objects()) == ([], {})
    assert api.result(post(api, destination, api.token(destination)))["id"] == 1


@pytest.mark.parametrize(
    "destination",
    [
        DESTINATION + KEYS,
        "r2://bucket/p?account-id=a&access-key-id=k&secret-access-key=s",
        "datadog://host?header_DD-API-KEY=k",
        "splunk://host/services/collector/raw?channel=c",
        HTTPS,
        "bq://projects/P/datasets/D/tables/T?credentials=c",
        "sentinelone://host/?header_Authorization=h",
    ],
)
def test_others_do_not_and_ignore_one(api: Any, destination: str) -> None:
    api.settings(unknown_challenge="required")
    assert api.result(api.call("POST", "jobs", {"destination_conf": destination}))["id"] == 1
    assert api.result(post(api, destination, "wrong"))["id"] == 2


@pytest.mark.parametrize("destination", UNKNOWN)
def test_a_setting_decides_where_it_is_not_known(api: Any, destination: str) -> None:
    assert api.result(post(api, destination, None))["id"] == 1
    api.settings(unknown_challenge="required")
    assert api.error(post(api, destination, None)) == REFUSAL
    assert api.result(post(api, destination, api.token(destination)))["id"] == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"expires_in": -1},
        {"scope": "account"},
        {"destination_conf": DESTINATION.replace("{DATE}", "20260101")},
        {"forged": True},
    ],
    ids=str,
)
def test_a_token_for_anything_else_is_refused(api: Any, asked: dict[str, Any]) -> None:
    token = api.token(**({"destination": DESTINATION} | asked))
    assert api.error(post(api, DESTINATION, token)) == REFUSAL


def test_the_token_from_the_bucket_makes_a_job(api: Any) -> None:
    name = api.result(api.ask(DESTINATION))["filename"]
    job = api.result(post(api, DESTINATION, api.objects()[name].decode()))
    assert "ownership_challenge" not in job
    assert api.jobs()[0]["destination_conf"] == DESTINATION


def test_an_account_needs_a_token_of_its_own(api: Any) -> None:
    scope = f"accounts/{api.world.account_id}"
    body = {"destination_conf": DESTINATION, "dataset": "audit_logs"}
    for owner in ("zone", "account"):
        body["ownership_challenge"] = api.token(DESTINATION, scope=owner)
        response = api.call("POST", "jobs", body, scope)
        if owner == "zone":
            assert api.error(response) == REFUSAL
        else:
            assert api.result(response)["id"] == 1


def test_a_put_needs_a_token_for_a_new_destination_only(api: Any) -> None:
    api.result(post(api, DESTINATION, api.token(DESTINATION)))
    body: dict[str, Any]
    for body in ({"name": "n"}, {"destination_conf": DESTINATION}):
        assert api.result(api.call("PUT", "jobs/1", body))["id"] == 1
    for token in (None, api.token(DESTINATION)):
        body = {"destination_conf": OTHER, "ownership_challenge": token}
        assert api.error(api.call("PUT", "jobs/1", body)) == REFUSAL
    assert api.jobs()[0]["destination_conf"] == DESTINATION
    body = {"destination_conf": OTHER, "ownership_challenge": api.token(OTHER)}
    assert api.result(api.call("PUT", "jobs/1", body))["destination_conf"] == OTHER
    assert "ownership_challenge" not in api.jobs()[0]


def test_ownership_is_looked_at_before_the_test(api: Any) -> None:
    assert api.error(post(api, "s3://nowhere/p", "wrong")) == REFUSAL


def test_a_token_may_be_used_many_times(api: Any) -> None:
    token = api.token(DESTINATION)
    assert [api.result(post(api, DESTINATION, token))["id"] for _turn in range(2)] == [1, 2]


def test_a_token_may_be_used_once(api: Any) -> None:
    api.settings(token_use="once")
    token = api.token(DESTINATION)
    assert api.result(api.validate(token, DESTINATION)) == {"valid": True}
    assert api.result(post(api, DESTINATION, token))["id"] == 1
    assert api.error(post(api, DESTINATION, token)) == REFUSAL
    assert (len(api.jobs()), len(api.objects())) == (1, 1)
    api.create(HTTPS)
    body = {"destination_conf": DESTINATION, "ownership_challenge": token}
    assert api.error(api.call("PUT", "jobs/2", body)) == REFUSAL


def test_a_put_uses_a_token_up(api: Any) -> None:
    api.settings(token_use="once")
    api.create(HTTPS)
    token = api.token(DESTINATION)
    body = {"destination_conf": DESTINATION, "ownership_challenge": token}
    # Again with the destination that it has by now: no token is looked at.
    for _turn in range(2):
        assert api.result(api.call("PUT", "jobs/1", body))["id"] == 1
    assert api.error(post(api, DESTINATION, token)) == REFUSAL


def test_a_token_is_not_used_up_by_a_refusal(api: Any) -> None:
    api.settings(token_use="once")
    token = api.token(DESTINATION)
    bucket = api.store.buckets.pop("edge-logs")
    assert "NoSuchBucket" in api.error(post(api, DESTINATION, token))[2]
    api.store.buckets["edge-logs"] = bucket
    assert api.result(post(api, DESTINATION, token))["id"] == 1


def test_a_token_is_not_used_up_where_none_is_needed(api: Any) -> None:
    api.settings(token_use="once")
    token = api.token("new://host/")
    assert api.result(post(api, "new://host/", token))["id"] == 1
    api.settings(unknown_challenge="required")
    assert api.result(post(api, "new://host/", token))["id"] == 2


def test_a_token_cannot_be_used_by_two_at_once(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api.settings(token_use="once")
    token = api.token(DESTINATION)
    write = api.store.put

    def overtaken(location: Any, body: bytes) -> None:
        # While the first one tests the destination, a second one does all.
        monkeypatch.setattr(api.store, "put", write)
        assert api.result(post(api, DESTINATION, token))["id"] == 1
        write(location, body)

    monkeypatch.setattr(api.store, "put", overtaken)
    assert api.error(post(api, DESTINATION, token)) == REFUSAL
    assert len(api.jobs()) == 1
    # The one that was refused has written its test object all the same.
    assert [entry["writes"] for entry in api.requests()] == [True, True]


@pytest.mark.parametrize("how", ["reset", "jobs"])
def test_used_tokens_are_forgotten_with_the_jobs(api: Any, how: str) -> None:
    token = api.token(DESTINATION)
    api.result(post(api, DESTINATION, token))
    if how == "reset":
        api.client.post("/sandbox/reset")
    else:
        api.client.delete("/sandbox/jobs")
    api.settings(token_use="once")
    assert api.result(post(api, DESTINATION, token))["id"] == 2
