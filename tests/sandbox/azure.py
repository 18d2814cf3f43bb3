# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Blob Storage: how a destination names it, and the tokens (SAS) that open it."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlencode

from .loopback import send
from .store import CLAIMED_ENCODING, Location, StoreRefusal, is_batch, locate

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
        self._endpoint = endpoint
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

    def sas(
        self, permissions: str, *, resource_types: str = "o", lifetime: timedelta = _LIFETIME
    ) -> str:
        """An account SAS for blobs, as a query: for ``permissions`` (r, w, c, d ...) and a time."""
        expires = datetime.now(timezone.utc) + lifetime
        fields = {
            "sv": _VERSION,
            "ss": "b",
            "srt": resource_types,
            "sp": permissions,
            "se": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "spr": "https,http",
        }
        # Left empty: the time from when on, the addresses, the scope of encryption.
        signed = [self._account, fields["sp"], fields["ss"], fields["srt"], "", fields["se"], ""]
        signed += [fields["spr"], fields["sv"], "", ""]
        digest = hmac.digest(base64.b64decode(self._key), "\n".join(signed).encode(), "sha256")
        return urlencode(fields | {"sig": base64.b64encode(digest).decode()})

    def _put(self, place: str, body: bytes, headers: dict[str, str]) -> None:
        answer = send("PUT", f"{self._endpoint}/{place}", body, headers)
        if not answer.ok:
            code = answer.headers.get("x-ms-error-code", f"HTTP {answer.status_code}")
            raise StoreRefusal(f"error writing object: {code}")
