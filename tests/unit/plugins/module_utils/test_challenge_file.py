# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Challenge files: waited for, read once for each set of options, and removed with care."""

from __future__ import annotations

import os
import sys
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    MissingLibrary,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import challenge_file
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    ChallengeFiles,
    merged,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores import azure, gcs, s3
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores import (
    store as stores,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import challenge_token
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import (
    Clock,
    Response,
    StoreServer,
)

TOKEN = challenge_token({"obj_type": "zone"})
KEY = "http/20261122/ownership-challenge-9a2e7c51.txt"
SIGNATURE = "SeCrEt%2BSeCrEt%3D"
S3 = "s3://edge-logs/http/{DATE}?region=us-east-1"
GCS = "gs://edge-logs/http/{DATE}"
HOST = "edgelogs.blob.core.windows.net"
AZURE = f"azure://{HOST}/edge-logs/http/{{DATE}}?sv=2022-11-02&sp=cw&sig={SIGNATURE}"
PATHS = {
    "s3": "/edge-logs/",
    "gs": "/download/storage/v1/b/edge-logs/o/",
    "azure": "/edgelogs/edge-logs/",
}
LIBRARIES = {"s3": "boto3", "gs": "google.cloud.storage"}
KEYS = {"access_key": "AKIAEXAMPLEKEY00", "secret_key": "SeCrEtSeCrEtSeCrEt"}


class Place(t.NamedTuple):
    """A destination in the store, and how it is read."""

    destination: Destination
    options: dict[str, t.Any]
    path: str


def place(store: StoreServer, scheme: str, **timing: t.Any) -> Place:
    """Return a destination of a scheme whose objects are in the store."""
    conf = {"s3": S3, "gs": GCS, "azure": AZURE}[scheme]
    sas = f"sv=2022-11-02&sp=r&sig={SIGNATURE}"
    options = {
        "s3": {"endpoint_url": store.url, **KEYS},
        "gcs": {"endpoint_url": store.url, "access_token": "ya29.SeCrEt"},
        "azure": {"endpoint_url": f"{store.url}/edgelogs", "sas_token": sas},
    }
    return Place(Destination.parse(conf), merged({**options, **timing}, None), PATHS[scheme])


@pytest.fixture(name="scheme", params=["s3", "gs", "azure"])
def fixture_scheme(request: pytest.FixtureRequest) -> str:
    """Return a scheme whose library is there."""
    if request.param in LIBRARIES:
        pytest.importorskip(LIBRARIES[request.param])
    return str(request.param)


def read(files: ChallengeFiles, where: Place, filename: str = KEY) -> tuple[str, str]:
    """Read a challenge file."""
    return files.read(filename, where.destination, where.options)


def written(token: str = TOKEN) -> Response:
    """Return the response to a GET of a challenge file as Cloudflare was seen to write it."""
    return Response(200, f"{token}\n".encode(), {"Content-Encoding": "compress"})


MISSING = Response(404)


def test_a_file_that_is_there_is_read_at_once(
    store: StoreServer, clock: Clock, scheme: str
) -> None:
    where = place(store, scheme)
    store.on("GET", where.path + KEY, written())
    assert read(ChallengeFiles(), where) == (TOKEN, KEY)
    assert clock.pauses == []


@pytest.mark.parametrize("first", [MISSING, Response(403), Response(200, b" \n")])
def test_a_late_file_is_waited_for(
    store: StoreServer, clock: Clock, scheme: str, first: Response
) -> None:
    where = place(store, scheme)
    store.on("GET", where.path + KEY, first, first, first, written())
    assert read(ChallengeFiles(), where) == (TOKEN, KEY)
    assert clock.pauses == [2.0, 2.0, 2.0]


def test_waiting_ends_with_the_timeout(store: StoreServer, clock: Clock, scheme: str) -> None:
    where = place(store, scheme, timeout=10.0, delay=3.0)
    with pytest.raises(StoreError) as caught:
        read(ChallengeFiles(), where)
    bucket = f"{HOST}/edge-logs" if scheme == "azure" else "edge-logs"
    said = f"challenge file {KEY} could not be read from {scheme}://{bucket}: "
    assert caught.value.message.startswith(said)
    assert "does not exist" in caught.value.message
    assert caught.value.pending
    assert clock.pauses == [3.0, 3.0, 3.0]


def test_permanent_errors_end_the_wait_immediately(
    store: StoreServer, clock: Clock, scheme: str
) -> None:
    where = place(store, scheme)
    body = {
        "s3": b"<Error><Code>NoSuchBucket</Code></Error>",
        "gs": b"The specified bucket does not exist.",
        "azure": b"",
    }[scheme]
    store.default = Response(404, body, {"x-ms-error-code": "ContainerNotFound"})
    with pytest.raises(StoreError, match="does not exist; check destination_conf") as caught:
        read(ChallengeFiles(), where)
    assert not caught.value.pending
    assert "timed out" not in caught.value.message
    assert clock.pauses == []


def test_a_name_that_begins_with_the_bucket(store: StoreServer, clock: Clock, scheme: str) -> None:
    where = place(store, scheme)
    store.on("GET", where.path + KEY, MISSING, written())
    assert read(ChallengeFiles(), where, f"edge-logs/{KEY}") == (TOKEN, KEY)
    assert clock.pauses == [2.0]


def test_a_name_is_the_key_first(store: StoreServer, clock: Clock, scheme: str) -> None:
    where = place(store, scheme)
    store.on("GET", where.path + KEY, written("another.one.x"))
    store.on("GET", f"{where.path}edge-logs/{KEY}", written())
    assert read(ChallengeFiles(), where, f"edge-logs/{KEY}") == (TOKEN, f"edge-logs/{KEY}")
    assert clock.pauses == []


@pytest.mark.parametrize("size", [4097, 3_000_000])
def test_a_file_that_is_too_large_is_rejected(
    store: StoreServer, clock: Clock, scheme: str, size: int
) -> None:
    where = place(store, scheme)
    store.on("GET", where.path + KEY, Response(200, b"x" * size))
    with pytest.raises(StoreError, match="larger than 4096 bytes"):
        read(ChallengeFiles(), where)
    assert clock.pauses == []


@pytest.mark.parametrize("content", [b"<html>", b'{"a": 1}', b"two words", b"\x1f\x8b \xff\x00"])
def test_a_file_without_a_token_is_rejected(
    store: StoreServer, clock: Clock, content: bytes
) -> None:
    where = place(store, "azure")
    store.on("GET", where.path + KEY, Response(200, content))
    with pytest.raises(StoreError, match="does not contain an ownership token") as caught:
        read(ChallengeFiles(), where)
    assert not caught.value.pending


def test_one_request_has_a_deadline_of_its_own(store: StoreServer) -> None:
    where = place(store, "azure", timeout=0.4, delay=0.1)
    release = threading.Event()
    answer = store.respond

    def late(request: t.Any) -> Response:
        release.wait(30)
        return answer(request)

    with mock.patch.object(store, "respond", late):
        with pytest.raises(
            StoreError, match=r"no response (within 0\.4 s|from Azure \(ReadTimeout\))"
        ) as caught:
            read(ChallengeFiles(), where)
        release.set()
    assert caught.value.pending


def test_a_request_may_take_30_seconds_or_what_is_left(store: StoreServer, clock: Clock) -> None:
    where = place(store, "azure", timeout=50.0, delay=15.0)
    spy = mock.patch.object(challenge_file, "within", wraps=challenge_file.within)  # type: ignore[attr-defined]
    with spy as within, pytest.raises(StoreError):
        read(ChallengeFiles(), where)
    assert [call.args[0] for call in within.call_args_list] == [30.0, 30.0, 20.0, 5.0]


def test_the_library_does_the_work_where_no_thread_can_be_started(
    store: StoreServer, clock: Clock
) -> None:
    where = place(store, "azure")
    store.on("GET", where.path + KEY, written())
    failure = RuntimeError("can't start new thread")
    with mock.patch.object(stores.threading.Thread, "start", side_effect=failure):  # type: ignore[attr-defined]
        assert stores.within(1, lambda: 5) == 5
    assert read(ChallengeFiles(), where) == (TOKEN, KEY)


def test_there_is_one_client_for_each_set_of_options(store: StoreServer, clock: Clock) -> None:
    first, second = place(store, "azure"), place(store, "azure")
    second.options["azure"]["sas_token"] += "0"
    for where in (first, second):
        store.on("GET", where.path + KEY, written())
    files = ChallengeFiles()
    spy = mock.patch.object(azure, "SasStore", wraps=azure.SasStore)
    with spy as made, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda where: read(files, where), [first, second] * 8))
    assert found == [(TOKEN, KEY)] * 16
    assert made.call_count == 2


def test_a_client_belongs_to_one_account(store: StoreServer, clock: Clock) -> None:
    files, options = ChallengeFiles(), merged({"azure": {"sas_token": "sp=r&sig=a"}}, None)
    made = []
    with mock.patch.object(azure, "SasStore", side_effect=lambda url, sas: made.append(url)):
        for host in ("one.blob.core.windows.net", "two.blob.core.windows.net"):
            with pytest.raises(AttributeError):
                files.read(KEY, Destination.parse(f"azure://{host}/c/p?sig=x"), options)
    assert made == ["https://one.blob.core.windows.net", "https://two.blob.core.windows.net"]


@pytest.mark.parametrize(
    ("given", "region"), [({}, "us-east-1"), ({"region": "eu-west-1"}, "eu-west-1")]
)
def test_the_region_is_that_of_the_options_or_of_the_destination(
    store: StoreServer, clock: Clock, given: dict[str, str], region: str
) -> None:
    pytest.importorskip("boto3")
    where = place(store, "s3")
    where.options["s3"].update(given)
    store.on("GET", where.path + KEY, written())
    read(ChallengeFiles(), where)
    assert f"/{region}/s3/" in store.requests[0].headers["authorization"]


def test_a_sas_of_the_destination_that_permits_reading_is_used(
    store: StoreServer, clock: Clock
) -> None:
    destination = Destination.parse(AZURE.replace("sp=cw", "sp=rcw"))
    options = merged({"azure": {"endpoint_url": f"{store.url}/edgelogs"}}, None)
    store.on("GET", PATHS["azure"] + KEY, written())
    assert ChallengeFiles().read(KEY, destination, options) == (TOKEN, KEY)
    assert f"sig={SIGNATURE}" in store.requests[0].query


REMOVED = {
    "s3": "/edge-logs/",
    "gs": "/storage/v1/b/edge-logs/o/",
    "azure": "/edgelogs/edge-logs/",
}


def test_a_file_below_the_prefix_is_removed(store: StoreServer, clock: Clock, scheme: str) -> None:
    where = place(store, scheme)
    store.on("DELETE", REMOVED[scheme] + KEY, Response(204))
    ChallengeFiles().remove(KEY, where.destination, where.options)
    assert store.paths("DELETE") == [REMOVED[scheme] + KEY]


def test_a_file_that_cannot_be_removed_is_named(
    store: StoreServer, clock: Clock, scheme: str
) -> None:
    where = place(store, scheme)
    store.default = Response(403)
    with pytest.raises(StoreError, match=f"challenge file {KEY} was not deleted from {scheme}://"):
        ChallengeFiles().remove(KEY, where.destination, where.options)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/http/{DATE}", "http"),
        ("/http/{DATE}", "http/"),
        ("/http/{DATE}", "http-other/file.txt"),
        ("/http/{DATE}", "terraform.tfstate"),
        ("/http/{DATE}", "/http/file.txt"),
        ("/http/{DATE}", "http/../terraform.tfstate"),
        ("/http/{DATE}", "http/./file.txt"),
        ("/http/{DATE}", "http//file.txt"),
        ("/a/b/", "a/file.txt"),
        ("/a/b", "a/bc"),
        ("/a%20b", "a/file.txt"),
        ("", ""),
        ("/{DATE}", "../other/file.txt"),
    ],
)
def test_nothing_else_is_removed(store: StoreServer, path: str, key: str) -> None:
    where = place(store, "azure")
    conf = f"azure://{HOST}/edge-logs{path}?sp=cw&sig=a"
    with pytest.raises(StoreError, match="it is not below the prefix"):
        ChallengeFiles().remove(key, Destination.parse(conf), where.options)
    assert store.requests == []


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/http/{DATE}", "http/20261122/file.txt"),
        ("/http/{DATE}/x", "http/file.txt"),
        ("/http-{DATE}", "http-20261122/file.txt"),
        ("/a/b/", "a/b/file.txt"),
        ("", "file.txt"),
        ("/", "deep/er/file.txt"),
        ("/a%20b/{DATE}", "a b/20261122/file.txt"),
    ],
)
def test_each_key_below_the_prefix_is_removed(store: StoreServer, path: str, key: str) -> None:
    where = place(store, "azure")
    store.default = Response(202)
    conf = f"azure://{HOST}/edge-logs{path}?sp=cw&sig=a"
    ChallengeFiles().remove(key, Destination.parse(conf), where.options)
    assert store.paths("DELETE") == [f"/edgelogs/edge-logs/{key}"]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ("sumo://h/receiver/v1/http/SeCrEt", "open Live Tail .* pass it as ownership_challenge"),
        ("r2://b/p?secret-access-key=SeCrEt", "r2:// destinations require no ownership challenge"),
        ("datadog://h/v1?header_X=SeCrEt", "require no ownership challenge"),
        ("kinesis://s?sts-external-id=SeCrEt", "pass its content as ownership_challenge"),
    ],
)
def test_other_destinations_cannot_be_read(conf: str, said: str) -> None:
    files, destination = ChallengeFiles(), Destination.parse(conf)
    for call in (files.check, lambda *given: files.read("file.txt", *given)):
        with pytest.raises(CloudflareError, match=said) as caught:
            call(destination, merged(None, None))
        assert "SeCrEt" not in caught.value.message


@pytest.mark.parametrize(
    ("conf", "hidden", "library"),
    [
        (S3, "boto3", "boto3"),
        (GCS, "google.cloud.storage", "google-cloud-storage"),
        (AZURE, "azure.storage.blob", "azure-storage-blob"),
    ],
)
def test_a_missing_library_is_found_without_a_request(
    no_store_credentials: None, conf: str, hidden: str, library: str
) -> None:
    with mock.patch.dict(sys.modules, {hidden: None}), pytest.raises(MissingLibrary) as caught:
        ChallengeFiles().check(Destination.parse(conf), merged(None, None))
    assert caught.value.library == library


def test_options_are_checked_without_a_request(
    store: StoreServer, clock: Clock, scheme: str
) -> None:
    where = place(store, scheme)
    ChallengeFiles().check(where.destination, where.options)
    assert store.requests == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": 0}, "challenge_file.timeout.*must be from 0.1 to 86400 seconds"),
        ({"timeout": float("nan")}, "challenge_file.timeout.*must be"),
        ({"delay": -1}, "challenge_file.delay.*must be from 0.1"),
        ({"delay": 1e9}, "challenge_file.delay.*must be"),
        ({"azure": {"sas_token": "no"}}, "challenge_file.azure.sas_token.*must be"),
    ],
)
def test_wrong_options_are_named(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        ChallengeFiles().check(Destination.parse(AZURE), merged(options, None))


@pytest.mark.parametrize(
    "filename", ["", "edge-logs/../other/file.txt", ".", "http/./file.txt", "http/\ud800"]
)
def test_a_name_that_is_no_key(store: StoreServer, filename: str) -> None:
    where = place(store, "azure")
    with pytest.raises(StoreError, match="not the key of an object"):
        read(ChallengeFiles(), where, filename)
    assert store.requests == []


def test_an_entry_replaces_the_options_of_a_store_as_a_whole() -> None:
    common = {"timeout": 10.0, "remove": True, "s3": {"profile": "a", "region": "b"}, "gcs": None}
    entry = {"timeout": None, "delay": 1.0, "remove": False, "s3": {"access_key": "c"}}
    assert merged(common, entry) == {
        "timeout": 10.0,
        "delay": 1.0,
        "remove": False,
        "s3": {"access_key": "c"},
    }
    assert merged(None, None) == {"timeout": 60.0, "delay": 2.0, "remove": False}


def test_ssl_cert_file_holds_for_stores(
    store: StoreServer, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # So that it is restored.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    path = tmp_path / "ca.pem"
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    where = place(store, "azure")
    store.on("GET", where.path + KEY, written())
    read(ChallengeFiles(), where)
    assert os.environ["REQUESTS_CA_BUNDLE"] == str(path)


def test_importing_the_modules_imports_no_library() -> None:
    for module in (s3, gcs, azure, stores):
        names = vars(module)
        assert not {"boto3", "botocore", "google", "requests", "storage"} & set(names)
