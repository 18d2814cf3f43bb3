# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The challenge and its check."""

from __future__ import annotations

import time
from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
jwt = pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.store import Location, StoreRefusal, locate, scheme_of
from sandbox.world import DESTINATION

WEEK = 7 * 24 * 3600


def written(api: Any) -> str:
    """The one token in the bucket."""
    (body,) = api.objects().values()
    return str(body.decode())


def test_a_challenge_is_a_file_with_a_token_in_the_bucket(api: Any) -> None:
    answer = api.ask(DESTINATION).get_json()["result"]
    today = time.strftime("%Y%m%d", time.gmtime())
    filename = f"zone/{today}/ownership-challenge.txt"
    assert answer == {"filename": filename, "message": "", "valid": True}
    assert list(api.objects()) == [answer["filename"]]


@pytest.mark.parametrize("kind", ["zone", "account"])
def test_a_token_says_what_it_is_for(api: Any, kind: str) -> None:
    object_id = api.world.zone_id if kind == "zone" else api.world.account_id
    api.ask(DESTINATION, f"{kind}s/{object_id}")
    claims = jwt.decode(written(api), options={"verify_signature": False})
    assert (claims["obj_type"], claims["obj_id"]) == (kind, object_id)
    assert claims["destination_conf"] == DESTINATION
    assert claims["exp"] - claims["iat"] == WEEK


def test_each_request_writes_another_token_into_the_same_file(api: Any) -> None:
    tokens = set()
    for _turn in range(3):
        api.ask(DESTINATION)
        tokens.add(written(api))
    assert (len(tokens), len(api.objects())) == (3, 1)


def test_each_request_can_write_another_file(api: Any) -> None:
    api.settings(challenge_file="unique")
    names = {api.ask(DESTINATION).get_json()["result"]["filename"] for _turn in range(3)}
    assert len(names) == len(api.objects()) == 3


def test_a_bucket_that_is_not_there_is_no_http_error(api: Any) -> None:
    response = api.ask("s3://nowhere/logs?region=us-east-1")
    answer = response.get_json()
    assert (response.status_code, answer["success"]) == (200, True)
    assert answer["result"]["valid"] is False
    assert answer["result"]["filename"] == ""
    assert "NoSuchBucket" in answer["result"]["message"]


@pytest.mark.parametrize("scheme", ["gs", "azure", "datadog", "https", "sumo", "splunk", "r2"])
def test_a_scheme_without_a_store_is_not_faked(api: Any, scheme: str) -> None:
    answer = api.ask(f"{scheme}://host/path").get_json()["result"]
    assert answer["valid"] is False
    assert f"scheme {scheme} is not served" in answer["message"]


def test_the_right_token_is_valid(api: Any) -> None:
    api.ask(DESTINATION)
    response = api.validate(written(api), DESTINATION)
    assert response.get_json()["result"] == {"valid": True}


def refused(response: Any) -> bool:
    """Whether a token was refused in the usual way."""
    entry = {"code": 1002, "message": "incorrect ownership challenge"}
    return (response.status_code, response.get_json()["errors"]) == (400, [entry])


@pytest.mark.parametrize(
    "asked",
    [
        {"expires_in": -1},
        {"scope": "account"},
        {"id": "0" * 32},
        {"destination_conf": DESTINATION.replace("{DATE}", "20260101")},
        {"claims": {"obj_type": "tenant"}},
        {"claims": {"exp": None}},
        {"claims": {"dest_hash": "0"}},
        {"forged": True},
    ],
    ids=str,
)
def test_a_token_for_anything_else_is_refused(api: Any, asked: dict[str, Any]) -> None:
    token = api.client.post("/sandbox/tokens", json=asked).get_json()["token"]
    assert refused(api.validate(token, DESTINATION))


def test_a_minted_token_is_right_by_default(api: Any) -> None:
    token = api.client.post("/sandbox/tokens", json={}).get_json()["token"]
    assert api.validate(token, DESTINATION).get_json()["result"] == {"valid": True}


@pytest.mark.parametrize("change", [" {}", "{}\n", "{}x", "x{}", "ownership-challenge-1.txt", ""])
def test_the_token_must_be_exact(api: Any, change: str) -> None:
    api.ask(DESTINATION)
    assert refused(api.validate(change.format(written(api)), DESTINATION))


def test_the_destination_must_be_identical(api: Any) -> None:
    api.ask(DESTINATION)
    for other in (DESTINATION + "&sse=AES256", DESTINATION.replace("us-east", "US-east")):
        assert refused(api.validate(written(api), other))


def test_another_zone_or_account_is_refused(api: Any) -> None:
    api.ask(DESTINATION)
    for scope in (f"zones/{api.world.other_zone_id}", f"accounts/{api.world.account_id}"):
        assert refused(api.validate(written(api), DESTINATION, scope))


def test_no_token_at_all_is_another_error(api: Any) -> None:
    response = api.validate(None, DESTINATION)
    assert response.status_code == 400
    assert "required" in response.get_json()["errors"][0]["message"]


def test_a_refusal_can_come_with_http_200(api: Any) -> None:
    assert api.client.patch("/sandbox/settings", json={"wrong_token": "valid_false"}).status_code
    response = api.validate("wrong", DESTINATION)
    assert (response.status_code, response.get_json()["result"]) == (200, {"valid": False})


@pytest.mark.parametrize(
    ("destination", "key"),
    [
        ("s3://b?region=r", "f.txt"),
        ("s3://b/?region=r", "f.txt"),
        ("s3://b/a/c/?region=r", "a/c/f.txt"),
        ("s3://b/a#1", "a#1/f.txt"),
    ],
)
def test_a_file_lies_below_the_prefix(destination: str, key: str) -> None:
    location = locate(destination, "f.txt")
    assert (location.bucket, location.key) == ("b", key)


def test_options_are_decoded_but_a_plus_stays() -> None:
    location = locate("s3://b/p?secret-access-key=a+b%2Fc&sse=AES256", "f")
    assert location == Location("b", "p/f", {"secret-access-key": "a+b/c", "sse": "AES256"})


@pytest.mark.parametrize("destination", ["s3:///p", "s3://?region=r", "s3://[x/p"])
def test_a_destination_without_bucket_is_refused(destination: str) -> None:
    with pytest.raises(StoreRefusal, match="error parsing destination"):
        locate(destination, "f")


def test_a_scheme_is_read_in_lower_case() -> None:
    assert [scheme_of(text) for text in ("S3://b", "://b", "b", "")] == ["s3", None, None, None]
