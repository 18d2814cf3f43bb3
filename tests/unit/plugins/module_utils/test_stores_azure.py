# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Blob Storage by requests and by its own libraries, as they talk to a server on loopback."""

from __future__ import annotations

import sys
import time
import typing as t
from unittest import mock

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    MissingLibrary,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores import azure
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import Response, StoreServer

HOST = "edgelogs.blob.core.windows.net"
SIGNATURE = "SeCrEt%2BSeCrEt%3D"
SAS = f"sv=2022-11-02&sp=r&srt=o&sig={SIGNATURE}"
KEY = "http/2026 11/ownership-challenge-9a2e7c51.txt"
PATH = f"/edgelogs/logs/{KEY}"
SECRET = "client-SeCrEt"
PRINCIPAL = {"client_id": "an-id", "secret": SECRET, "tenant": "a-tenant"}


class Credential:
    """Stands in for those of azure-identity."""

    made: t.ClassVar[list[tuple[t.Any, ...]]] = []
    problem: t.ClassVar[Exception | None] = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.made.append((*args, kwargs))

    def get_token(self, *_scopes: str, **_kwargs: object) -> t.Any:
        """Return an access token."""
        from azure.core.credentials import AccessToken

        if self.problem:
            raise self.problem
        return AccessToken("access-SeCrEt", int(time.time()) + 3600)


@pytest.fixture(name="identity")
def fixture_identity(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> t.Iterator[type[Credential]]:
    """Replace azure-identity, and send what is meant for the account to the store."""
    pytest.importorskip("azure.storage.blob")
    identity = pytest.importorskip("azure.identity")
    send = requests.adapters.HTTPAdapter.send

    def redirected(self: t.Any, request: t.Any, **settings: t.Any) -> t.Any:
        request.url = request.url.replace(f"https://{HOST}", f"{store.url}/edgelogs")
        return send(self, request, **settings)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", redirected)
    made = type("Made", (Credential,), {"made": []})
    monkeypatch.setattr(identity, "ClientSecretCredential", made)
    monkeypatch.setattr(identity, "DefaultAzureCredential", made)
    with mock.patch("time.sleep"):
        yield made


def with_sas(store: StoreServer, **options: t.Any) -> t.Any:
    """Return a client that has a SAS."""
    given = {"sas_token": SAS, "endpoint_url": f"{store.url}/edgelogs", **options}
    return azure.store(given, HOST)


@pytest.fixture(name="connect", params=["sas", "identity"])
def fixture_connect(store: StoreServer, request: pytest.FixtureRequest) -> t.Callable[[], t.Any]:
    """Return what makes a client, of one kind or the other."""
    if request.param == "sas":
        return lambda: with_sas(store)
    request.getfixturevalue("identity")
    return lambda: azure.store(PRINCIPAL, HOST)


def fetch(client: t.Any) -> t.Any:
    """Fetch the blob."""
    return client.fetch("logs", KEY, limit=4096, timeout=30)


def found(content: bytes, **headers: str) -> Response:
    """Return the response to a GET of a blob of this content."""
    described = {
        "x-ms-blob-type": "BlockBlob",
        "ETag": '"0x1"',
        "Last-Modified": "Thu, 26 Nov 2026 20:00:00 GMT",
        "Content-Range": f"bytes 0-{min(len(content), 4097) - 1}/{len(content)}",
    }
    return Response(206, content[:4097], {**described, **headers})


def error(status: int, code: str) -> Response:
    """Return an error response of Azure."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code} if code else {}
    return Response(status, body.encode(), headers)


@pytest.mark.parametrize("encoding", ["compress", "gzip", "deflate"])
def test_content_is_not_decoded(
    store: StoreServer, connect: t.Callable[[], t.Any], encoding: str
) -> None:
    store.on("GET", PATH, found(b"the token", **{"Content-Encoding": encoding}))
    assert fetch(connect()) == b"the token"


def test_the_sas_is_sent_as_given(store: StoreServer) -> None:
    store.on("GET", PATH, found(b"the token"))
    assert fetch(with_sas(store, sas_token=f" ?{SAS}\n")) == b"the token"
    assert store.requests[-1].query == SAS
    assert "authorization" not in store.requests[-1].headers


def test_nothing_is_taken_from_netrc(
    store: StoreServer, tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    store.on("GET", PATH, found(b"the token"))
    fetch(with_sas(store))
    assert "authorization" not in store.requests[-1].headers


def test_a_blob_that_is_too_large_is_rejected(
    store: StoreServer, connect: t.Callable[[], t.Any]
) -> None:
    store.on("GET", PATH, found(b"x" * 5000))
    with pytest.raises(StoreError, match="larger than 4096 bytes") as caught:
        fetch(connect())
    assert not caught.value.pending


def test_a_blob_that_is_far_too_large_is_not_read(store: StoreServer) -> None:
    store.on("GET", PATH, Response(200, b"x", length=5_000_000_000))
    with pytest.raises(StoreError, match="larger than 4096 bytes"):
        fetch(with_sas(store))


def test_the_largest_blob_is_read(store: StoreServer, connect: t.Callable[[], t.Any]) -> None:
    store.on("GET", PATH, found(b"x" * 4096))
    assert fetch(connect()) == b"x" * 4096


@pytest.mark.parametrize(
    ("response", "pending", "said"),
    [
        (error(404, "BlobNotFound"), True, f"the blob {KEY} does not exist"),
        (error(404, "ResourceNotFound"), True, f"the blob {KEY} does not exist"),
        (error(404, "ContainerNotFound"), False, "the container logs does not exist; check"),
        (error(403, "AuthorizationPermissionMismatch"), True, "sp=r"),
        (error(403, "AuthorizationFailure"), True, "access denied"),
        (error(403, "AuthenticationFailed"), False, "whether it has expired"),
        (error(403, "AuthorizationResourceTypeMismatch"), False, "add srt=o"),
        (error(403, "AuthorizationSourceIPMismatch"), False, "check sip"),
        (error(401, "NoAuthenticationInformation"), False, "no credential was accepted"),
        (error(401, "InvalidAuthenticationInfo"), False, "the credential was rejected"),
        (error(409, "BlobArchived"), False, "Azure rejected the request (BlobArchived)"),
        (error(503, "ServerBusy"), True, "Azure rejected the request (ServerBusy)"),
    ],
)
def test_errors_are_distinguished(
    store: StoreServer,
    connect: t.Callable[[], t.Any],
    response: Response,
    pending: bool,
    said: str,
) -> None:
    store.default = response
    with pytest.raises(StoreError) as caught:
        fetch(connect())
    assert said in caught.value.message
    assert caught.value.pending is pending
    assert "SeCrEt" not in caught.value.message
    assert len(store.requests) <= 3


@pytest.mark.parametrize(("status", "pending"), [(302, False), (401, False), (500, True)])
def test_errors_without_a_code(store: StoreServer, status: int, pending: bool) -> None:
    store.default = Response(status, headers={"Location": "/elsewhere"})
    with pytest.raises(StoreError, match=f"HTTP {status}") as caught:
        fetch(with_sas(store))
    assert caught.value.pending is pending
    assert len(store.requests) == 1


def test_a_store_that_cannot_be_reached_may_be_later(
    store: StoreServer, connect: t.Callable[[], t.Any]
) -> None:
    with (
        store.unreachable(),
        pytest.raises(StoreError, match="no response from Azure") as caught,
    ):
        fetch(connect())
    assert caught.value.pending
    assert "SeCrEt" not in str(caught.value.__cause__)


def test_a_connection_that_breaks_off_shows_no_sas(store: StoreServer) -> None:
    store.on("GET", PATH, Response(200, b"x", length=100))
    with pytest.raises(StoreError) as caught:
        with_sas(store).fetch("logs", KEY, limit=4096, timeout=0.5)
    assert caught.value.pending
    assert "SeCrEt" not in caught.value.message


@pytest.mark.parametrize("response", [Response(202), error(404, "BlobNotFound")])
def test_a_blob_is_deleted(
    store: StoreServer, connect: t.Callable[[], t.Any], response: Response
) -> None:
    store.on("DELETE", PATH, response)
    connect().delete("logs", KEY, timeout=30)
    assert store.paths("DELETE") == [PATH]


def test_a_blob_that_may_not_be_deleted(store: StoreServer, connect: t.Callable[[], t.Any]) -> None:
    store.on("DELETE", PATH, error(403, "AuthorizationPermissionMismatch"))
    with pytest.raises(StoreError, match="d or Contributor to delete"):
        connect().delete("logs", KEY, timeout=30)


def test_a_service_principal_of_the_options(store: StoreServer, identity: type[Credential]) -> None:
    store.on("GET", PATH, found(b"the token"))
    assert fetch(azure.store(PRINCIPAL, HOST)) == b"the token"
    assert identity.made == [("a-tenant", "an-id", SECRET, {})]
    assert store.requests[-1].headers["authorization"] == "Bearer access-SeCrEt"


def test_a_service_principal_of_the_environment(
    store: StoreServer, identity: type[Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "other-id")
    monkeypatch.setenv("AZURE_SECRET", "other-secret")
    monkeypatch.setenv("AZURE_TENANT", "other-tenant")
    azure.check({})
    azure.store({}, HOST)
    assert identity.made == [("other-tenant", "other-id", "other-secret", {})]


@pytest.mark.parametrize(
    ("options", "made"),
    [({}, {}), ({"client_id": "mine"}, {"managed_identity_client_id": "mine"})],
)
def test_the_default_credentials(
    identity: type[Credential], options: dict[str, t.Any], made: dict[str, t.Any]
) -> None:
    azure.store(options, HOST)
    assert identity.made == [(made,)]


def test_no_credentials(identity: type[Credential]) -> None:
    from azure.core.exceptions import ClientAuthenticationError

    identity.problem = ClientAuthenticationError("DefaultAzureCredential failed\nin many ways")
    with pytest.raises(StoreError, match="none were found; set challenge_file") as caught:
        fetch(azure.store({}, HOST))
    assert not caught.value.pending
    assert "many ways" not in caught.value.message


@pytest.mark.parametrize(
    ("module", "library"),
    [("azure.storage.blob", "azure-storage-blob"), ("azure.identity", "azure-identity")],
)
def test_a_missing_library_is_named(identity: type[Credential], module: str, library: str) -> None:
    with mock.patch.dict(sys.modules, {module: None}), pytest.raises(MissingLibrary) as caught:
        azure.check({})
    assert caught.value.library == library


def test_a_sas_needs_no_library_of_azure() -> None:
    with mock.patch.dict(sys.modules, {"azure.storage.blob": None, "azure.identity": None}):
        azure.check({"sas_token": SAS})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sas_token": f"https://{HOST}/logs?{SAS}"}, "azure.sas_token.*must be a SAS"),
        ({"sas_token": "sv=2022-11-02"}, "azure.sas_token.*must be a SAS"),
        ({"secret": SECRET}, "azure.secret.*requires.*client_id and.*tenant"),
        ({"secret": SECRET, "tenant": "a"}, "azure.secret.*requires.*client_id"),
        ({"sas_token": SAS, "endpoint_url": "http://a.example.com"}, "must be https"),
        ({"endpoint_url": "http://127.0.0.1/a"}, "must be https without sas_token"),
    ],
)
def test_wrong_options(no_store_credentials: None, options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        azure.check(options)
    assert "SeCrEt" not in caught.value.message
