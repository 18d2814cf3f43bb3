# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Google Cloud Storage: what is written into the emulator, and read back by plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

requests = pytest.importorskip("requests", reason="the sandbox needs requests")

from sandbox import gcs
from sandbox.gcs import GcsServer, GcsStore
from sandbox.processes import StartError
from sandbox.store import Location, StoreRefusal

BUCKET = "edge-logs"


@pytest.fixture(scope="module", name="server")
def fixture_server() -> Iterator[GcsServer]:
    """Start one for all tests."""
    pytest.importorskip("gcp_storage_emulator", reason="the sandbox needs gcp-storage-emulator")
    server = GcsServer(BUCKET)
    yield server
    server.stop()


def read(server: GcsServer, key: str, query: str = "") -> Any:
    """What the JSON API says of an object; its content with ``alt=media``."""
    url = f"{server.endpoint}/storage/v1/b/{BUCKET}/o/{quote(key, safe='')}"
    return requests.get(f"{url}?{query}", timeout=5)


@pytest.mark.parametrize(
    "body", [b"token", b" token\r\n", b"a\n\n", b"\x00\xff\r", b"--boundary--"], ids=repr
)
@pytest.mark.parametrize("folder", ["", "zone/{DATE}", "a b+c%20d"])
def test_an_object_holds_exactly_what_was_written(
    server: GcsServer, body: bytes, folder: str
) -> None:
    store = GcsStore(server.endpoint)
    location = store.locate(f"gs://{BUCKET}/{folder}", "f.txt")
    store.put(location, body)
    assert read(server, location.key, "alt=media").content == body


def test_an_object_claims_to_be_compressed(server: GcsServer) -> None:
    store = GcsStore(server.endpoint)
    store.put(store.locate(f"gs://{BUCKET}/p", "claim.txt"), b"token")
    assert read(server, "p/claim.txt").json()["contentEncoding"] == "compress"


@pytest.mark.parametrize("bucket", ["nowhere", "edge-log", "edge-logs2"])
def test_a_bucket_that_is_not_there_refuses(server: GcsServer, bucket: str) -> None:
    store = GcsStore(server.endpoint)
    with pytest.raises(StoreRefusal, match=r"^error writing object: NoSuchBucket$"):
        store.put(store.locate(f"gs://{bucket}/p", "f.txt"), b"token")


def test_a_bucket_of_an_impossible_name_refuses(server: GcsServer) -> None:
    store = GcsStore(server.endpoint)
    with pytest.raises(StoreRefusal, match=r"^error writing object: HTTP \d+$"):
        store.put(Location("a b/c", "f.txt"), b"token")


def test_a_challenge_is_written_and_read_back(api: Any, server: GcsServer) -> None:
    api.world.stores["gs"] = GcsStore(server.endpoint)
    destination = f"gs://{BUCKET}/logs"
    filename = api.result(api.ask(destination))["filename"]
    token = read(server, filename, "alt=media").text
    assert api.result(api.validate(token, destination)) == {"valid": True}
    refusal = api.result(api.ask("gs://nowhere/logs"))
    assert (refusal["valid"], refusal["filename"]) == (False, "")
    assert refusal["message"] == "error writing object: NoSuchBucket"


def test_a_server_that_is_gone_is_a_refusal_too() -> None:
    pytest.importorskip("gcp_storage_emulator", reason="the sandbox needs gcp-storage-emulator")
    server = GcsServer(BUCKET)
    server.stop()
    store = GcsStore(server.endpoint)
    with pytest.raises(StoreRefusal, match=r"^error writing object: ConnectionError$"):
        store.put(store.locate(f"gs://{BUCKET}/p", "f.txt"), b"token")


def test_a_request_that_the_emulator_fails_at_is_no_word_in_the_terminal(
    server: GcsServer, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"{server.endpoint}/upload/storage/v1/b/{BUCKET}/o?uploadType=multipart"
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json=["nonsense"], timeout=5)
    assert requests.get(server.endpoint, timeout=5).ok
    assert capfd.readouterr() == ("", "")


def test_without_the_emulator_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gcs, "_PACKAGE", "no_such_package")
    with pytest.raises(StartError, match=r"no_such_package .* tests/sandbox/requirements\.txt"):
        GcsServer(BUCKET)
