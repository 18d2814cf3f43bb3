# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Blob Storage: what Azurite takes and refuses, and what a destination may not say."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

requests = pytest.importorskip("requests", reason="the sandbox needs requests")

from sandbox import azurite
from sandbox.azure import AzureStore
from sandbox.azurite import Azurite
from sandbox.janitor import Janitor
from sandbox.processes import StartError
from sandbox.store import StoreRefusal

CONTAINER = "edge-logs"
ACCOUNT = "account1"
KEY = "a2V5"  # "key"


@pytest.fixture(scope="module", name="server")
def fixture_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Start one for all tests; skip them where it is not installed."""
    for program in ("node", "azurite-blob"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on the path")
    janitor = Janitor()
    server = azurite.start(tmp_path_factory.mktemp("azurite") / "azure", janitor, CONTAINER)
    yield server
    janitor.clean()
    assert server.process.wait(5) == -9


def destination(server: Azurite, sas: str, place: str = f"{CONTAINER}/zone") -> str:
    """A destination in this account."""
    return f"azure://{server.store.host}/{place}?{sas}"


def write(server: Azurite, sas: str, place: str = f"{CONTAINER}/zone") -> None:
    """Write a file as Logpush does, with the destination's own SAS."""
    location = server.store.locate(destination(server, sas, place), "f.txt")
    server.store.put(location, b"token")


def read(server: Azurite, blob: str, sas: str | None = None) -> Any:
    """Read a blob, by default with a SAS for reading."""
    sas = server.store.sas("r") if sas is None else sas
    return requests.get(f"{server.endpoint}/{CONTAINER}/{quote(blob)}?{sas}", timeout=5)


def refusal(server: Azurite, sas: str, place: str = f"{CONTAINER}/zone") -> str:
    """Why a file could not be written."""
    with pytest.raises(StoreRefusal) as caught:
        write(server, sas, place)
    return str(caught.value)


@pytest.mark.parametrize("body", [b"token", b" token\r\n", b"", b"\x00\xff"], ids=repr)
@pytest.mark.parametrize("folder", ["", "zone/{DATE}", "a b+c%20d"])
def test_a_blob_holds_exactly_what_was_written(server: Azurite, body: bytes, folder: str) -> None:
    place = destination(server, server.store.sas("cw"), f"{CONTAINER}/{folder}")
    location = server.store.locate(place, "f.txt")
    server.store.put(location, body)
    answer = read(server, location.key)
    assert answer.content == body
    assert answer.headers["Content-Encoding"] == "compress"


def test_a_challenge_is_written_and_read_back(api: Any, server: Azurite) -> None:
    api.world.stores["azure"] = server.store
    place = destination(server, server.store.sas("cw"), f"{CONTAINER}/logs/{{DATE}}")
    filename = api.result(api.ask(place))["filename"]
    assert filename.startswith(time.strftime("logs/20"))
    token = read(server, filename).text
    assert api.result(api.validate(token, place)) == {"valid": True}
    wrong = api.result(api.ask(destination(server, server.store.sas("r"))))
    message = "error writing object: AuthorizationPermissionMismatch"
    assert wrong == {"filename": "", "message": message, "valid": False}


def test_a_sas_that_may_only_read_does_not_write(server: Azurite) -> None:
    said = refusal(server, server.store.sas("r"))
    assert said == "error writing object: AuthorizationPermissionMismatch"


def test_a_sas_that_may_only_write_does_not_read(server: Azurite) -> None:
    sas = server.store.sas("cw")
    write(server, sas)
    answer = read(server, "zone/f.txt", sas)
    assert answer.headers["x-ms-error-code"] == "AuthorizationPermissionMismatch"


def test_a_sas_that_has_expired_or_was_tampered_with_is_refused(server: Azurite) -> None:
    sas = server.store.sas("cw")
    expired = server.store.sas("cw", lifetime=timedelta(seconds=-5))
    longer = sas.replace("se=20", "se=30")
    more = server.store.sas("r").replace("sp=r", "sp=rcw")
    for wrong in (expired, longer, more, sas.replace("sig=", "sig=A"), ""):
        assert refusal(server, wrong) == "error writing object: AuthorizationFailure"
    assert read(server, "zone/f.txt", "").status_code == 403


def test_a_container_that_is_not_there_refuses(server: Azurite) -> None:
    said = refusal(server, server.store.sas("cw"), "nowhere/zone")
    assert said == "error writing object: ContainerNotFound"


def test_the_description_names_the_version(server: Azurite) -> None:
    assert server.description.removeprefix("Azurite ")[0].isdigit()


@pytest.fixture(name="store")
def fixture_store() -> AzureStore:
    """A store that nothing runs behind."""
    return AzureStore(ACCOUNT, KEY, "http://127.0.0.1:9/account1")


@pytest.mark.parametrize("types", ["s", "c", "co", "sco", ""])
def test_a_sas_must_be_for_objects_only(store: AzureStore, types: str) -> None:
    sas = store.sas("cw", resource_types=types)
    with pytest.raises(StoreRefusal, match=r"^signedResourceTypes must be Object only \(srt=o\)$"):
        store.locate(f"azure://{store.host}/c/d?{sas}", "f.txt")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("other.blob.core.windows.net/c/d", "account other.blob.core.windows.net is not served"),
        (f"{ACCOUNT}.example.com/c/d", f"account {ACCOUNT}.example.com is not served"),
        (f"{ACCOUNT}.blob.core.windows.net", "no container name"),
        (f"{ACCOUNT}.blob.core.windows.net/?srt=o", "no container name"),
        ("", "no bucket name"),
    ],
)
def test_a_destination_elsewhere_or_nowhere_is_refused(
    store: AzureStore, place: str, said: str
) -> None:
    with pytest.raises(StoreRefusal, match=said):
        store.locate(f"azure://{place}", "f.txt")


def test_the_sas_is_sent_as_it_was_given(store: AzureStore) -> None:
    host = store.host.upper()
    location = store.locate(f"azure://{host}/c?sig=a%2Bb+c/d%3d&srt=o", "f.txt")
    assert (location.bucket, location.key) == ("c", "f.txt")
    assert location.options == {"sas": "sig=a%2Bb+c/d%3d&srt=o"}


def test_a_sas_says_what_it_is_for(store: AzureStore) -> None:
    fields = {name: value for name, (value,) in parse_qs(store.sas("cw")).items()}
    assert set(fields) == {"sv", "ss", "srt", "sp", "se", "spr", "sig"}
    assert (fields["ss"], fields["srt"], fields["sp"]) == ("b", "o", "cw")
    assert KEY not in store.sas("cw")


def test_a_server_that_is_gone_is_a_refusal_too(store: AzureStore) -> None:
    location = store.locate(f"azure://{store.host}/c/d?srt=o", "f.txt")
    with pytest.raises(StoreRefusal, match=r"^error writing object: ConnectionError$"):
        store.put(location, b"token")


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Let the path lead to these shell scripts alone."""
    for name, text in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("scripts", "said"),
    [
        ({}, "^Azurite is not installed: npm install --global azurite$"),
        ({"node": ""}, "^Azurite is not installed"),
        ({"azurite_blob": ""}, "^Azurite is installed, but Node.js is not$"),
        (
            {"azurite_blob": "", "node": "echo too old; exit 3"},
            r"^Azurite did not start: the server ended with status 3 \(too old\)$",
        ),
    ],
    ids=["neither", "node", "azurite", "a node that fails"],
)
def test_where_it_does_not_run_the_error_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripts: dict[str, str], said: str
) -> None:
    programs(tmp_path, monkeypatch, **scripts)
    janitor = Janitor()
    with pytest.raises(StartError, match=said):
        azurite.start(tmp_path / "azure", janitor, CONTAINER)
    janitor.clean()
