# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_challenge_info, from its options to what it reads and prints."""

from __future__ import annotations

import json
import sys
import typing as t
from unittest import mock

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_challenge_info
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import challenge_token, run_module
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import (
    Clock,
    Response,
    StoreServer,
)

KEY = "http/20261122/ownership-challenge-9a2e7c51.txt"
WRITE_SIGNATURE = "WriteSeCrEt%2BSeCrEt%3D"
READ_SIGNATURE = "ReadSeCrEt%2BSeCrEt%3D"
ACCOUNT = "azure://edgelogs.blob.core.windows.net"
DESTINATION = f"{ACCOUNT}/edge-logs/http/{{DATE}}?sv=2022-11-02&sp=cw&sig={WRITE_SIGNATURE}"
# As Cloudflare's, it quotes the destination with its secrets.
TOKEN = challenge_token({"obj_type": "zone", "destination_conf": DESTINATION})
SAS = f"sv=2022-11-02&sp=r&sig={READ_SIGNATURE}"
GCS_KEY = "edge-logs/ownership-challenge-9a2e7c51.txt"
PATH = f"/edgelogs/edge-logs/{KEY}"


def run(store: StoreServer, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module for a file in the store."""
    azure = {"sas_token": SAS, "endpoint_url": f"{store.url}/edgelogs"}
    given = {
        "filename": KEY,
        "destination_conf": DESTINATION,
        "challenge_file": {"azure": azure},
        **options,
    }
    return run_module(logpush_challenge_info.main, given, check_mode=check_mode)


def private_key() -> str:
    """Return a new private key, as a service account has it; a short one is made faster."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    from cryptography.hazmat.primitives import serialization

    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    encoded: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return encoded.decode()


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_token_is_returned_as_it_is(store: StoreServer, clock: Clock, check_mode: bool) -> None:
    store.on("GET", PATH, Response(200, f"{TOKEN}\n".encode(), {"Content-Encoding": "gzip"}))
    result = run(store, check_mode)
    assert result["ownership_challenge"] == TOKEN
    assert result["key"] == KEY
    assert result["changed"] is False
    assert "failed" not in result
    assert TOKEN not in json.dumps({**result, "ownership_challenge": None})


def test_the_key_is_the_one_that_was_found(store: StoreServer, clock: Clock) -> None:
    store.on("GET", PATH, Response(200, TOKEN.encode()))
    assert run(store, filename=f"edge-logs/{KEY}")["key"] == KEY


@pytest.mark.parametrize("filename", [None, "", " "])
def test_without_a_name_nothing_is_read(store: StoreServer, filename: str | None) -> None:
    result = run(store, check_mode=True, filename=filename)
    assert (result["ownership_challenge"], result["key"]) == (None, None)
    assert result["changed"] is False
    assert store.requests == []


def test_a_file_that_does_not_appear(store: StoreServer, clock: Clock) -> None:
    result = run(store)
    assert result["failed"] is True
    assert f"challenge file {KEY} could not be read from {ACCOUNT}" in result["msg"]
    assert "timed out after 60 s" in result["msg"]
    assert clock.pauses == [2.0] * 29


@pytest.mark.parametrize("code", ["AuthenticationFailed", "AuthorizationPermissionMismatch"])
def test_no_secret_is_shown(store: StoreServer, clock: Clock, code: str) -> None:
    store.default = Response(403, headers={"x-ms-error-code": code})
    result = run(store)
    assert result["failed"] is True
    assert code in result["msg"]
    shown = json.dumps(result)
    assert "ReadSeCrEt" not in shown
    assert "WriteSeCrEt" not in shown


@pytest.mark.parametrize("filename", [KEY, None])
def test_a_missing_library_is_reported_in_check_mode(
    store: StoreServer, filename: str | None
) -> None:
    with mock.patch.dict(sys.modules, {"boto3": None}):
        result = run(
            store,
            check_mode=True,
            filename=filename,
            destination_conf="s3://edge-logs/http?region=us-east-1",
        )
    assert result["failed"] is True
    assert "Failed to import the required Python library (boto3)" in result["msg"]
    assert store.requests == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"destination_conf": "s3:///http"}, "destination_conf"),
        ({"destination_conf": "sumo://h.example/receiver/v1/http/SeCrEt00"}, "open Live Tail"),
        ({"challenge_file": {"timeout": 0}}, "challenge_file.timeout"),
        ({"challenge_file": {"remove": True}}, "remove"),
        (
            {"challenge_file": {"azure": {"sas_token": "nonsense"}}},
            "challenge_file.azure.sas_token",
        ),
    ],
)
def test_wrong_options_are_reported(
    store: StoreServer, options: dict[str, t.Any], said: str
) -> None:
    result = run(store, **options)
    assert result["failed"] is True
    assert said in result["msg"]
    assert store.requests == []


def test_no_ordinary_word_of_a_service_account_is_redacted(
    store: StoreServer, clock: Clock
) -> None:
    pytest.importorskip("google.cloud.storage")
    contents = {
        "type": "service_account",
        "project_id": "edge-logs",
        "client_email": "edge-logs@x.iam.gserviceaccount.com",
        "token_uri": f"{store.url}/token",
        "private_key": private_key(),
    }
    store.on("POST", "/token", Response(200, b'{"access_token": "a", "expires_in": 3600}'))
    store.on("GET", f"/download/storage/v1/b/edge-logs/o/{GCS_KEY}", Response(200, TOKEN.encode()))
    result = run(
        store,
        filename=GCS_KEY,
        destination_conf="gs://edge-logs/edge-logs",
        challenge_file={"gcs": {"service_account_contents": contents, "endpoint_url": store.url}},
    )
    assert result["key"] == GCS_KEY
    assert result["ownership_challenge"] == TOKEN
    assert "BEGIN PRIVATE KEY" not in json.dumps(result)


def test_a_line_break_behind_a_credential_is_removed(store: StoreServer, clock: Clock) -> None:
    pytest.importorskip("google.cloud.storage")
    store.on("GET", f"/download/storage/v1/b/edge-logs/o/{GCS_KEY}", Response(200, TOKEN.encode()))
    gcs = {"access_token": "ya29.SeCrEt\n", "endpoint_url": f"{store.url}\n"}
    result = run(
        store,
        filename=GCS_KEY,
        destination_conf="gs://edge-logs/edge-logs",
        challenge_file={"gcs": gcs},
    )
    assert result["ownership_challenge"] == TOKEN
    assert store.requests[0].headers["authorization"] == "Bearer ya29.SeCrEt"
