# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon S3 by boto3, as it talks to a server on loopback."""

from __future__ import annotations

import functools
import sys
import typing as t
from unittest import mock

import pytest

pytest.importorskip("boto3")

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    MissingLibrary,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores import s3
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import Response, StoreServer

KEYS = {"access_key": "AKIAEXAMPLEKEY00", "secret_key": "SeCrEtSeCrEtSeCrEt"}
KEY = "http/20261122/ownership-challenge-9a2e7c51.txt"
PATH = f"/edge-logs/{KEY}"


def connect(url: str, **options: t.Any) -> s3.S3Store:
    """Return a client of the store."""
    return s3.S3Store({"endpoint_url": url, "region": "us-east-1", **KEYS, **options})


# It takes longer to make a client than to use it.
connect_once = functools.cache(connect)


def fetch(store: StoreServer, **options: t.Any) -> bytes:
    """Fetch the object."""
    client = connect(store.url, **options) if options else connect_once(store.url)
    return client.fetch("edge-logs", KEY, limit=4096, timeout=30)


def error(
    status: int, code: str, message: str = "no reason", inner: str = "", **headers: str
) -> Response:
    """Return an error response of S3."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message>{inner}</Error>"
    return Response(status, body.encode(), {"Content-Type": "application/xml", **headers})


@pytest.mark.parametrize("encoding", ["compress", "gzip", "br", "zstd"])
def test_content_is_not_decoded(store: StoreServer, encoding: str) -> None:
    store.on("GET", PATH, Response(200, b"the token", {"Content-Encoding": encoding}))
    assert fetch(store) == b"the token"


def test_the_region_and_the_keys_sign_the_request(store: StoreServer) -> None:
    store.on("GET", PATH, Response(200, b"the token"))
    fetch(store, region="eu-central-1", session_token="a session")
    headers = store.requests[-1].headers
    assert f"Credential={KEYS['access_key']}/" in headers["authorization"]
    assert "/eu-central-1/s3/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "a session"


def test_credentials_that_boto3_finds_are_used(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFROMENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store.on("GET", PATH, Response(200, b"the token"))
    assert fetch(store, access_key=None, secret_key="") == b"the token"
    assert "AKIAFROMENVIRONMENT" in store.requests[-1].headers["authorization"]


def test_an_object_that_is_too_large_is_not_read(store: StoreServer) -> None:
    # Reading it would fail, since there is less than claimed.
    store.on("GET", PATH, Response(200, b"x", length=5_000_000_000))
    with pytest.raises(StoreError, match="larger than 4096 bytes") as caught:
        fetch(store)
    assert not caught.value.pending


def test_the_largest_object_is_read(store: StoreServer) -> None:
    store.on("GET", PATH, Response(200, b"x" * 4096))
    assert fetch(store) == b"x" * 4096


@pytest.mark.parametrize(
    ("response", "pending", "said"),
    [
        (error(404, "NoSuchKey"), True, f"the object {KEY} does not exist"),
        (error(403, "AccessDenied"), True, f"allow s3:GetObject on arn:aws:s3:::edge-logs/{KEY}"),
        (error(404, "NoSuchBucket"), False, "the bucket edge-logs does not exist"),
        (error(403, "InvalidAccessKeyId"), False, "check access_key"),
        (error(403, "SignatureDoesNotMatch"), False, "check secret_key"),
        (error(400, "ExpiredToken"), False, "the credentials have expired; obtain new ones"),
        (error(400, "InvalidToken"), False, "check session_token"),
        (error(403, "RequestTimeTooSkewed"), False, "clock of this machine"),
        (
            error(
                *(301, "PermanentRedirect", "use the other endpoint"),
                **{"x-amz-bucket-region": "eu-west-1"},  # type: ignore[arg-type]
            ),
            False,
            "in another region; set the region to eu-west-1",
        ),
        (
            error(400, "AuthorizationHeaderMalformed", inner="<Region>eu-west-1</Region>"),
            False,
            "in another region; set the region to eu-west-1",
        ),
        (error(503, "SlowDown"), True, "S3 rejected the request"),
        (error(403, "InvalidObjectState", "it is archived"), True, "it is archived"),
        (error(405, "MethodNotAllowed"), False, "MethodNotAllowed: no reason"),
    ],
)
def test_errors_are_distinguished(
    store: StoreServer, response: Response, pending: bool, said: str
) -> None:
    store.default = response
    with mock.patch("time.sleep"), pytest.raises(StoreError) as caught:
        fetch(store)
    assert said in caught.value.message
    assert caught.value.pending is pending
    assert KEYS["secret_key"] not in caught.value.message
    assert len(store.paths()) <= 3


def test_a_store_that_cannot_be_reached_may_be_later(store: StoreServer) -> None:
    with (
        store.unreachable(),
        mock.patch("time.sleep"),
        pytest.raises(StoreError, match="endpoint URL") as caught,
    ):
        fetch(store)
    assert caught.value.pending


def test_no_credentials(store: StoreServer) -> None:
    with pytest.raises(StoreError, match="no complete AWS credentials were found") as caught:
        fetch(store, access_key=None, secret_key=None)
    assert not caught.value.pending
    assert store.requests == []


def test_an_unknown_profile(store: StoreServer) -> None:
    with pytest.raises(StoreError, match="logs") as caught:
        fetch(store, access_key=None, secret_key=None, profile="logs")
    assert not caught.value.pending


def test_an_object_is_deleted(store: StoreServer) -> None:
    store.on("DELETE", PATH, Response(204))
    connect_once(store.url).delete("edge-logs", KEY, timeout=30)
    assert store.paths("DELETE") == [PATH]


def test_an_object_that_may_not_be_deleted(store: StoreServer) -> None:
    store.on("DELETE", PATH, error(403, "AccessDenied"))
    with pytest.raises(StoreError, match="allow s3:DeleteObject on"):
        connect_once(store.url).delete("edge-logs", KEY, timeout=30)


@pytest.mark.parametrize("module", ["boto3", "botocore"])
def test_a_missing_library_is_named(module: str) -> None:
    with mock.patch.dict(sys.modules, {module: None}), pytest.raises(MissingLibrary) as caught:
        s3.check({})
    assert caught.value.library == "boto3"
    assert "ModuleNotFoundError" in caught.value.traceback


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"profile": "a", "access_key": "b", "secret_key": "c"}, "mutually exclusive"),
        ({"access_key": "b"}, "challenge_file.s3.access_key.*requires.*s3.secret_key"),
        ({"secret_key": "b"}, "challenge_file.s3.secret_key.*requires.*s3.access_key"),
        ({"session_token": "b"}, "challenge_file.s3.session_token.*requires.*s3.access_key"),
        ({"endpoint_url": "minio.example.com"}, "challenge_file.s3.endpoint_url.*must be a URL"),
        ({"endpoint_url": "https://u:p@minio.example.com"}, "must not contain a user"),
        ({"endpoint_url": "http://[x"}, "must be a URL"),
        ({"ca_path": "/no/such/file"}, "challenge_file.s3.ca_path.*must be an existing file"),
    ],
)
def test_wrong_options(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        s3.check(options)


@pytest.mark.parametrize("options", [{}, KEYS, {"profile": "a", "access_key": ""}])
def test_right_options(options: dict[str, t.Any]) -> None:
    s3.check({**options, "endpoint_url": "http://minio.example.com:9000"})


@pytest.mark.parametrize(
    ("options", "verify"),
    [({}, None), ({"validate_certs": False}, False), ({"ca_path": "/a/ca.pem"}, "/a/ca.pem")],
)
def test_certificates(no_store_credentials: None, options: dict[str, t.Any], verify: t.Any) -> None:
    with mock.patch("boto3.session.Session") as session:
        s3.S3Store({**KEYS, **options})
    assert session.return_value.client.call_args.kwargs["verify"] == verify
