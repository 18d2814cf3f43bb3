# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the real store is asked to write."""

from __future__ import annotations

from typing import Any

import pytest

exceptions = pytest.importorskip("botocore.exceptions", reason="the sandbox needs boto3")

from sandbox import store
from sandbox.store import S3Store, StoreRefusal

ENDPOINT = "http://127.0.0.1:9"


class Clients:
    """Takes the place of boto3: keeps what is asked, and may refuse."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, str]] = []
        self.written: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def __call__(self, service: str, endpoint: str, access_key: str, secret_key: str) -> Clients:
        """Make a client."""
        assert (service, endpoint) == ("s3", ENDPOINT)
        self.keys.append((access_key, secret_key))
        return self

    def put_object(self, **asked: Any) -> None:
        """Write, or fail as told."""
        if self.error is not None:
            raise self.error
        self.written.append(asked)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    made = Clients()
    monkeypatch.setattr(store, "client", made)
    return made


def put(destination: str) -> None:
    """Write a file to a destination."""
    s3 = S3Store(ENDPOINT, "access", "secret")
    s3.put(s3.locate(destination, "f.txt"), b"token")


def test_a_file_is_written_as_cloudflare_writes_it(clients: Clients) -> None:
    put("s3://b/p?region=r&sse=AES256")
    assert clients.keys == [("access", "secret")]
    assert clients.written == [
        {
            "Bucket": "b",
            "Key": "p/f.txt",
            "Body": b"token",
            "ContentEncoding": "compress",
            "ServerSideEncryption": "AES256",
        }
    ]


def test_a_destination_may_bring_its_own_keys(clients: Clients) -> None:
    put("s3://b/p?access-key-id=own&secret-access-key=a+b&endpoint=127.0.0.1:9")
    assert clients.keys[-1] == ("own", "a+b")


def test_a_destination_elsewhere_is_not_written_here(clients: Clients) -> None:
    with pytest.raises(StoreRefusal, match=r"endpoint s3\.example\.com is not served"):
        put("s3://b/p?endpoint=s3.example.com")
    assert clients.written == []


def test_a_refusal_names_the_stores_own_code(clients: Clients) -> None:
    clients.error = exceptions.ClientError({"Error": {"Code": "NoSuchBucket"}}, "PutObject")
    with pytest.raises(StoreRefusal, match="error writing object: NoSuchBucket"):
        put("s3://b/p")


def test_a_store_out_of_reach_is_a_refusal_too(clients: Clients) -> None:
    clients.error = exceptions.EndpointConnectionError(endpoint_url=ENDPOINT)
    with pytest.raises(StoreRefusal, match="EndpointConnectionError"):
        put("s3://b/p")
