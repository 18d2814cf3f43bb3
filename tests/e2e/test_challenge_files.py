# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Challenge files in real stores: SeaweedFS, an emulator of Google Cloud Storage, and Azurite."""

from __future__ import annotations

import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import StoreError
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import challenge_file
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    ChallengeFiles,
    merged,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import Clock
from sandbox import stores
from sandbox.janitor import Janitor
from sandbox.server import STRAY
from sandbox.store import Location, Store, client

TOKEN = "eyJhbGciOiJub25lIn0.eyJvYmpfdHlwZSI6InpvbmUifQ.c2lnbmF0dXJl"
NAMES = {"s3": "SANDBOX_", "gs": "SANDBOX_GCS_", "azure": "SANDBOX_AZURE_"}


class World(t.NamedTuple):
    """The stores that run, and what those who read need to know."""

    stores: dict[str, Store]
    environment: dict[str, str]


@pytest.fixture(scope="module", name="world")
def fixture_world(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[World]:
    """Start each store that is installed."""
    janitor = Janitor()
    parts: list[stores.Part] = []
    try:
        parts = stores.start(tmp_path_factory.mktemp("stores"), janitor)
        served = {scheme: store for part in parts for scheme, store in part.stores.items()}
        environment: dict[str, str] = {}
        for part in parts:
            environment.update(part.environment)
        yield World(served, environment)
    finally:
        for part in parts:
            part.stop()
        janitor.clean()


class Place:
    """A destination in a running store, with the options that read it."""

    def __init__(self, world: World, scheme: str) -> None:
        env = world.environment
        self.store = world.stores[scheme]
        self.conf = env[f"{NAMES[scheme]}DESTINATION_CONF"]
        self.destination = Destination.parse(self.conf)
        azure = {
            "sas_token": env.get("SANDBOX_AZURE_READ_SAS"),
            "endpoint_url": env.get("SANDBOX_AZURE_ENDPOINT"),
        }
        self.options = merged({"timeout": 60.0, "delay": 20.0, "azure": azure}, None)

    def locate(self, name: str) -> Location:
        """Return where a file belongs."""
        return self.store.locate(self.conf, name)

    def write(self, name: str, content: bytes = TOKEN.encode()) -> str:
        """Write a file as Cloudflare does; return its key."""
        location = self.locate(name)
        self.store.put(location, content)
        return location.key

    def read(self, filename: str, **options: t.Any) -> tuple[str, str]:
        """Read a file."""
        return ChallengeFiles().read(filename, self.destination, {**self.options, **options})


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let time pass only where it is waited, so that a busy machine has time for each request."""
    clock = Clock()
    monkeypatch.setattr(challenge_file, "time", clock)
    return clock


@pytest.fixture(name="place", params=["s3", "gs", "azure"])
def fixture_place(
    world: World, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Return a destination in each store; credentials are in the environment."""
    scheme = str(request.param)
    if scheme not in world.stores:
        pytest.skip(world.environment.get("SANDBOX_AZURE", f"no store for {scheme}"))
    for name in STRAY:
        monkeypatch.delenv(name, raising=False)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    return Place(world, scheme)


def test_a_file_is_read(place: Place) -> None:
    key = place.write("read.txt", f"{TOKEN}\n".encode())
    assert place.read(key) == (TOKEN, key)
    assert place.read(f"{place.destination.bucket}/{key}") == (TOKEN, key)


def test_a_late_file_is_waited_for(place: Place) -> None:
    late = threading.Timer(1.0, place.write, ["late.txt"])
    late.start()
    key = place.locate("late.txt").key
    # Generous, for a machine that is busy.
    assert place.read(key, delay=0.2) == (TOKEN, key)
    late.join()


@pytest.mark.usefixtures("clock")
def test_a_file_that_does_not_appear(place: Place) -> None:
    key = place.locate("missing.txt").key
    with pytest.raises(StoreError, match=r"(object|blob) .* does not exist.*timed out after 60 s"):
        place.read(key)


@pytest.mark.usefixtures("clock")
def test_an_empty_file_is_one_that_is_not_there_yet(place: Place) -> None:
    key = place.write("empty.txt", b"")
    with pytest.raises(StoreError, match=r"the object is empty .timed out after 60 s"):
        place.read(key)


@pytest.mark.parametrize("size", [4097, 1_000_000])
def test_a_file_that_is_too_large_is_rejected(place: Place, size: int) -> None:
    key = place.write("large.txt", b"x" * size)
    with pytest.raises(StoreError, match="larger than 4096 bytes"):
        place.read(key)


# The emulator of GCS does not tell it from a missing object.
@pytest.mark.parametrize("place", ["s3", "azure"], indirect=True)
def test_a_bucket_that_does_not_exist(place: Place) -> None:
    conf = place.conf.replace(str(place.destination.bucket), "no-such-bucket")
    place.destination = Destination.parse(conf)
    with pytest.raises(StoreError, match="no-such-bucket does not exist") as caught:
        place.read("zone/file.txt")
    assert not caught.value.pending


@pytest.mark.parametrize("place", ["s3"], indirect=True)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"access_key": "AKIAWRONGWRONGWRONG0"}, "check access_key"),
        ({"secret_key": "wrong"}, "check secret_key"),
    ],
)
def test_wrong_keys_are_reported_at_once(
    place: Place, world: World, wrong: dict[str, str], said: str
) -> None:
    env = world.environment
    keys = {
        "access_key": env["AWS_ACCESS_KEY_ID"],
        "secret_key": env["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": env["AWS_URL"],
    }
    key = place.write("keys.txt")
    assert place.read(key, s3=keys) == (TOKEN, key)
    with pytest.raises(StoreError, match=said) as caught:
        place.read(key, s3={**keys, **wrong})
    assert not caught.value.pending


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("place", ["azure"], indirect=True)
def test_a_sas_that_may_only_write(place: Place) -> None:
    key = place.write("sas.txt")
    given = place.options["azure"]
    write_only = {**given, "sas_token": place.conf.partition("?")[2]}
    with pytest.raises(StoreError, match="sp=r") as caught:
        place.read(key, azure=write_only)
    assert "sig=" not in caught.value.message


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("place", ["s3", "gs"], indirect=True)
def test_a_file_is_removed(place: Place) -> None:
    files = ChallengeFiles()
    key = place.write("removed.txt")
    files.remove(key, place.destination, place.options)
    with pytest.raises(StoreError, match="does not exist"):
        place.read(key)
    # Once more is no failure.
    files.remove(key, place.destination, place.options)


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_nothing_else_is_removed(place: Place, world: World) -> None:
    env = world.environment
    keys = (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    bucket = client("s3", env["AWS_URL"], *keys)
    bucket.put_object(Bucket=place.destination.bucket, Key="terraform.tfstate", Body=b"{}")
    for key in ("terraform.tfstate", "zone/../terraform.tfstate"):
        with pytest.raises(StoreError, match="not below the prefix"):
            ChallengeFiles().remove(key, place.destination, place.options)
    listed = bucket.list_objects_v2(Bucket=place.destination.bucket)["Contents"]
    assert "terraform.tfstate" in [each["Key"] for each in listed]


@pytest.mark.parametrize("place", ["azure"], indirect=True)
def test_a_sas_that_may_not_delete(place: Place) -> None:
    key = place.write("kept.txt")
    with pytest.raises(StoreError, match=r"kept\.txt was not deleted .*: access denied"):
        ChallengeFiles().remove(key, place.destination, place.options)


def test_many_files_are_read_concurrently(place: Place) -> None:
    keys = [place.write(f"many-{number}.txt") for number in range(200)]
    files = ChallengeFiles()
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda key: files.read(key, place.destination, place.options), keys))
    print(f"{place.destination.scheme}: {len(keys)} files in {time.monotonic() - began:.2f} s")
    assert found == [(TOKEN, key) for key in keys]
