# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Google Cloud Storage by google-cloud-storage, as it talks to a server on loopback."""

from __future__ import annotations

import json
import sys
import threading
import typing as t
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("google.cloud.storage")

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    MissingLibrary,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores import gcs
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import Response, StoreServer

ACCESS_TOKEN = "ya29.SeCrEtSeCrEtSeCrEt"
KEY = "http/20261122/ownership-challenge-9a2e7c51.txt"
PATH = f"/download/storage/v1/b/edge-logs/o/{KEY}"
OBJECT_PATH = f"/storage/v1/b/edge-logs/o/{KEY}"


def connect(store: StoreServer, **options: t.Any) -> gcs.GcsStore:
    """Return a client of the store."""
    return gcs.GcsStore({"endpoint_url": store.url, "access_token": ACCESS_TOKEN, **options})


def fetch(store: StoreServer, **options: t.Any) -> bytes:
    """Fetch the object."""
    return connect(store, **options).fetch("edge-logs", KEY, limit=4096, timeout=30)


def error(status: int, message: str) -> Response:
    """Return an error response as downloads have it."""
    return Response(status, message.encode(), {"Content-Type": "text/html; charset=UTF-8"})


@pytest.mark.parametrize("encoding", ["compress", "gzip", "br", "deflate"])
@pytest.mark.parametrize("status", [200, 206])
def test_content_is_not_decoded(store: StoreServer, encoding: str, status: int) -> None:
    headers = {"Content-Encoding": encoding, "Content-Range": "bytes 0-8/9"}
    store.on("GET", PATH, Response(status, b"the token", headers))
    assert fetch(store) == b"the token"
    (request,) = store.requests
    sent = request.headers
    assert sent["authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert sent["range"] == "bytes=0-4096"


def test_nothing_else_is_requested(store: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", raising=False)
    before = threading.enumerate()
    store.on("GET", PATH, Response(200, b"the token"))
    fetch(store)
    # Newer versions would ask for the bucket as well, in the background.
    for thread in threading.enumerate():
        if "_fetch_background" in thread.name and thread not in before:
            thread.join()
    assert store.paths() == [PATH]


def test_an_empty_object_has_no_range(store: StoreServer) -> None:
    store.on("GET", PATH, Response(416, b"", {"Content-Range": "bytes */0"}))
    assert fetch(store) == b""


@pytest.mark.parametrize("size", [4097, 5_000_000])
def test_an_object_that_is_too_large_is_rejected(store: StoreServer, size: int) -> None:
    # A server need not keep to the range.
    store.on("GET", PATH, Response(200, b"x" * size))
    with pytest.raises(StoreError, match="larger than 4096 bytes") as caught:
        fetch(store)
    assert not caught.value.pending


def test_the_largest_object_is_read(store: StoreServer) -> None:
    store.on("GET", PATH, Response(206, b"x" * 4096, {"Content-Range": "bytes 0-4095/4096"}))
    assert fetch(store) == b"x" * 4096


@pytest.mark.parametrize(
    ("response", "pending", "said"),
    [
        (error(404, f"No such object: edge-logs/{KEY}"), True, f"the object {KEY} does not exist"),
        (error(404, "The specified bucket does not exist."), False, "check destination_conf"),
        (
            error(403, "reader@x.iam.gserviceaccount.com does not have storage.objects.get"),
            True,
            "grant storage.objects.get on the bucket edge-logs",
        ),
        (error(401, "Invalid Credentials"), False, "have expired; check them"),
        (error(429, "slow down"), True, "HTTP 429: slow down"),
        (error(503, "backend"), True, "HTTP 503: backend"),
        (
            Response(400, json.dumps({"error": {"message": "user project"}}).encode()),
            False,
            "HTTP 400: user project",
        ),
    ],
)
def test_errors_are_distinguished(
    store: StoreServer, response: Response, pending: bool, said: str
) -> None:
    store.default = response
    with pytest.raises(StoreError) as caught:
        fetch(store)
    assert said in caught.value.message
    assert caught.value.pending is pending
    assert ACCESS_TOKEN not in caught.value.message
    # 401: once more, after the token could not be renewed.
    assert store.paths().count(PATH) <= 2


def test_a_store_that_cannot_be_reached_may_be_later(store: StoreServer) -> None:
    with (
        store.unreachable(),
        pytest.raises(StoreError, match="no response from Google Cloud Storage") as caught,
    ):
        fetch(store)
    assert caught.value.pending


def test_no_credentials(store: StoreServer) -> None:
    with pytest.raises(StoreError, match="no Google credentials were found; set") as caught:
        fetch(store, access_token=None)
    assert not caught.value.pending


def test_an_emulator_needs_no_credentials(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
    store.on("GET", PATH, Response(200, b"the token"))
    assert fetch(store, access_token=None, endpoint_url=None) == b"the token"


def test_an_object_is_deleted(store: StoreServer) -> None:
    store.on("DELETE", OBJECT_PATH, Response(204))
    connect(store).delete("edge-logs", KEY, timeout=30)
    assert store.paths("DELETE") == [OBJECT_PATH]


def test_an_object_that_is_not_there_counts_as_deleted(store: StoreServer) -> None:
    connect(store).delete("edge-logs", KEY, timeout=30)
    assert store.paths("DELETE") == [OBJECT_PATH]


def test_an_object_that_may_not_be_deleted(store: StoreServer) -> None:
    store.on("DELETE", OBJECT_PATH, error(403, "no"))
    with pytest.raises(StoreError, match=r"grant storage\.objects\.delete"):
        connect(store).delete("edge-logs", KEY, timeout=30)


def test_a_missing_library_is_named() -> None:
    hidden = mock.patch.dict(sys.modules, {"google.cloud.storage": None})
    with hidden, pytest.raises(MissingLibrary) as caught:
        gcs.check({})
    assert caught.value.library == "google-cloud-storage"
    assert "ModuleNotFoundError" in caught.value.traceback


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"service_account_file": "a", "access_token": "b"}, "mutually exclusive"),
        ({"service_account_contents": "{}", "access_token": "b"}, "mutually exclusive"),
        ({"service_account_file": "/no/such/file"}, "service_account_file.*must be an existing"),
        ({"service_account_contents": "SeCrEt"}, "service_account_contents.*as JSON"),
        ({"service_account_contents": '{"private_key": "SeCrEt"}'}, "must be the key of a"),
        ({"service_account_contents": '["SeCrEt"]'}, "must be the key of a service account"),
        ({"endpoint_url": "http://gcs.example.com"}, "gcs.endpoint_url.*must be https"),
        ({"endpoint_url": "gcs.example.com"}, "gcs.endpoint_url.*must be a URL"),
    ],
)
def test_wrong_options(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        gcs.check(options)
    assert "SeCrEt" not in caught.value.message


def test_a_file_that_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text("SeCrEt", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"service_account_file.*as JSON"):
        gcs.check({"service_account_file": str(path)})
