# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Blob Storage: how a destination names it, and the tokens (SAS) that open it."""

from __future__ import annotations

import base64
import re
import secrets
import shutil
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from urllib.parse import quote

from .janitor import Janitor
from .processes import HOST, Child, StartError
from .store import CLAIMED_ENCODING, Location, StoreRefusal, is_batch, locate, send

_DOMAIN = "blob.core.windows.net"
_VERSION = "2022-11-02"  # of the service, and of the form of a SAS
_BLOB = {
    "x-ms-version": _VERSION,
    "x-ms-blob-type": "BlockBlob",
    "Content-Type": "text/plain",
}
_LIFETIME = timedelta(days=7)


class AzureStore:
    """One account, at an endpoint on loopback. Each request is opened by a SAS alone."""

    def __init__(self, account: str, key: str, endpoint: str) -> None:
        """``endpoint`` includes the account; ``key`` signs, it is never sent."""
        self._account = account
        self._key = key
        self.endpoint = endpoint
        self.host = f"{account}.{_DOMAIN}"

    def locate(self, destination: str, name: str) -> Location:
        """Container and blob; also refuse another account, and a SAS that opens too much."""
        place = locate(destination, name)
        if place.bucket.lower() != self.host:
            raise StoreRefusal(f"account {place.bucket} is not served by the sandbox")
        container, _slash, blob = place.key.partition("/")
        if not blob:
            raise StoreRefusal("error parsing destination: no container name")
        if place.options.get("srt", "o") != "o":
            raise StoreRefusal("signedResourceTypes must be Object only (srt=o)")
        # As it was given: what a server makes of it is part of what is tried.
        return Location(container, blob, {"sas": destination.partition("?")[2]})

    def put(self, location: Location, body: bytes) -> None:
        """Write a blob with the destination's own SAS."""
        place = f"{quote(location.bucket)}/{quote(location.key)}"
        encoding = {} if is_batch(location) else {"x-ms-blob-content-encoding": CLAIMED_ENCODING}
        self._put(f"{place}?{location.options['sas']}", body, _BLOB | encoding)

    def create_container(self, container: str) -> None:
        """Make a container, or raise ``StoreRefusal``."""
        query = f"restype=container&{self.sas('c', resource_types='c')}"
        self._put(f"{container}?{query}", b"", {"x-ms-version": _VERSION})

    def sas(self, permissions: str, *, resource_types: str = "o") -> str:
        """An account SAS for blobs, as a query: for ``permissions`` (r, w, c, d ...)."""
        # Imported late: it takes a while, in which the servers start.
        from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

        query: str = generate_account_sas(
            self._account,
            self._key,
            ResourceTypes.from_string(resource_types),
            AccountSasPermissions.from_string(permissions),
            datetime.now(timezone.utc) + _LIFETIME,
            protocol="https,http",
        )
        return query

    def _put(self, place: str, body: bytes, headers: dict[str, str]) -> None:
        answer = send("PUT", f"{self.endpoint}/{place}", body, headers)
        if not answer.ok:
            code = answer.headers.get("x-ms-error-code", f"HTTP {answer.status_code}")
            raise StoreRefusal(f"error writing object: {code}")


_LISTENS = re.compile(r"listen\w* (?:on|at) (http://\S+)")


def start(directory: Path, janitor: Janitor, container: str) -> tuple[Child, AzureStore]:
    """Start it with an account of its own, and make a container in it.

    It keeps everything in memory. ``StartError`` says why it does not run.
    """
    node, program = _find()
    account, key = f"sandbox{secrets.token_hex(4)}", secrets.token_bytes(32)
    encoded = base64.b64encode(key).decode()
    directory.mkdir()
    # It takes a free port itself, and tells which.
    command = [node, str(program), "--blobHost", HOST, "--blobPort", "0", "--silent"]
    command += ["--inMemoryPersistence", "--disableTelemetry", "--disableProductStyleUrl"]
    process = Child(command, directory, {"AZURITE_ACCOUNTS": f"{account}:{encoded}"}, janitor)
    origin = process.wait_until(partial(_origin, process.log))
    store = AzureStore(account, encoded, f"{origin}/{account}")
    process.wait_until(partial(store.create_container, container))
    return process, store


def _find() -> tuple[str, Path]:
    """Node.js, and the program that it is to run."""
    program, node = shutil.which("azurite-blob"), shutil.which("node")
    if program is None:
        raise StartError("Azurite is not installed: npm install --global azurite")
    if node is None:
        raise StartError("Azurite is installed, but Node.js is not")
    # What is on the path is a link to it.
    return node, Path(program).resolve()


def _origin(log: Path) -> str:
    match = _LISTENS.search(log.read_text(encoding="utf-8", errors="replace"))
    if match is None:
        raise ValueError("it does not listen yet")
    return match[1]
