# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API answers, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.world import DESTINATION


def test_every_answer_names_its_request_and_the_rate_limit(api: Any) -> None:
    for response in (api.ask(DESTINATION), api.client.get("/client/v4/nothing")):
        assert response.headers["cf-ray"]
        assert response.headers["Ratelimit"].startswith('"default";r=')
        assert response.headers["Ratelimit-Policy"].startswith('"default";q=')
        assert response.content_type == "application/json"


def test_email_and_key_are_as_good_as_a_token(api: Any) -> None:
    right = api.world.credentials
    headers = {"X-Auth-Email": right.email, "X-Auth-Key": right.key}
    assert api.result(api.ask(DESTINATION, headers=headers))["valid"] is True


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, (400, 9106)),
        ({"Authorization": "Bearer wrong"}, (403, 10000)),
        ({"Authorization": "Basic d3Jvbmc6d3Jvbmc="}, (400, 6003)),
        ({"X-Auth-Email": "sandbox@example.com", "X-Auth-Key": "0" * 37}, (403, 10000)),
        ({"X-Auth-Email": "sandbox@example.com", "X-Auth-Key": "short"}, (400, 6003)),
        ({"X-Auth-Key": "0" * 37}, (400, 9106)),
    ],
)
def test_wrong_credentials_are_refused(api: Any, headers: Any, refusal: tuple[int, int]) -> None:
    assert api.error(api.ask(DESTINATION, headers=headers))[:2] == refusal
    assert api.objects() == {}
    assert api.requests()[0]["authenticated"] is False


def test_a_stranger_learns_nothing_about_zones(api: Any) -> None:
    unknown = "zones/" + "0" * 32
    assert api.error(api.ask(DESTINATION, unknown, headers={}))[:2] == (400, 9106)


@pytest.mark.parametrize("scope", ["zones/" + "0" * 32, "accounts/" + "0" * 32, "users/me"])
def test_an_unknown_zone_or_account_is_not_found(api: Any, scope: str) -> None:
    status, code, message = api.error(api.ask(DESTINATION, scope))
    assert (status, code) == (404, 7003)
    assert message.startswith(f"Could not route to /client/v4/{scope}/logpush/ownership,")


def test_a_zone_is_no_account(api: Any) -> None:
    assert api.error(api.ask(DESTINATION, f"accounts/{api.world.zone_id}"))[0] == 404


def test_only_post_is_allowed(api: Any) -> None:
    response = api.client.get(api.path(), headers=api.headers)
    assert api.error(response)[:2] == (405, 7001)
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
def test_a_malformed_body_is_refused(api: Any, body: bytes) -> None:
    response = api.client.post(api.path(), data=body, headers=api.headers)
    assert api.error(response)[:2] == (400, 6007)


@pytest.mark.parametrize("value", [None, 7, "", "no-scheme", "s3://b/" + "x" * 4096])
def test_a_destination_must_be_a_short_uri(api: Any, value: Any) -> None:
    assert api.error(api.ask(value))[:2] == (400, 1002)


@pytest.mark.parametrize("tail", ["ownership", "ownership/validate"])
def test_what_the_sandbox_breaks_on_is_an_error_of_its_own(
    api: Any, monkeypatch: pytest.MonkeyPatch, tail: str
) -> None:
    monkeypatch.setattr(api.world, "issuer", None)
    body = {"destination_conf": DESTINATION, "ownership_challenge": "a"}
    response = api.client.post(api.path(tail), json=body, headers=api.headers)
    assert api.error(response)[:2] == (500, 1000)
