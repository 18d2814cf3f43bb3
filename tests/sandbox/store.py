# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where challenges are written: one store for each scheme of a destination."""

from __future__ import annotations

import os
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from requests import Response


class StoreRefusal(Exception):
    """The store did not take the object; the text says why, in words for the API's answer."""


@dataclass(frozen=True)
class Location:
    """An object's place: bucket, key, and the parameters of the destination."""

    bucket: str
    key: str
    options: dict[str, str] = field(default_factory=dict)


# Of challenge files: they were seen to claim it over plain text; readers must cope.
CLAIMED_ENCODING = "compress"


def is_batch(location: Location) -> bool:
    """Whether it is a batch of logs; anything else is text."""
    return location.key.endswith(".gz")


class Store(Protocol):
    """What the API asks of an object store."""

    def locate(self, destination: str, name: str) -> Location:
        """Where a file of this name belongs. ``StoreRefusal`` if the destination is unusable."""

    def put(self, location: Location, body: bytes) -> None:
        """Write an object, or raise ``StoreRefusal``."""


def locate(destination: str, name: str) -> Location:
    """Read ``scheme://bucket/prefix?option=value``; ``{DATE}`` becomes YYYYMMDD, as for logs."""
    try:
        parts = urlsplit(destination, allow_fragments=False)
    except ValueError as error:
        raise StoreRefusal(f"error parsing destination: {error}") from error
    if not parts.netloc:
        raise StoreRefusal("error parsing destination: no bucket name")
    prefix = parts.path.strip("/").replace("{DATE}", time.strftime("%Y%m%d", time.gmtime()))
    key = f"{prefix}/{name}" if prefix else name
    return Location(parts.netloc, key, parameters(parts.query))


def parameters(query: str) -> dict[str, str]:
    """The parameters of a destination's query, decoded."""
    # Not parse_qsl: a secret key may hold a plus sign, which that reads as a space.
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {unquote(name): unquote(value) for name, _equals, value in pairs}


class S3Store:
    """An S3 server on loopback."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str) -> None:
        """The keys are Cloudflare's; a destination may bring its own."""
        self.endpoint, self.access_key, self.secret_key = endpoint, access_key, secret_key
        self._client = client("s3", endpoint, access_key, secret_key)

    def locate(self, destination: str, name: str) -> Location:
        """Also refuse a destination that names another server."""
        location = locate(destination, name)
        host = location.options.get("endpoint")
        if host is not None and host != urlsplit(self.endpoint).netloc:
            raise StoreRefusal(f"endpoint {host} is not served by the sandbox")
        return location

    def put(self, location: Location, body: bytes) -> None:
        """Write with the destination's own keys if it has any, else as Cloudflare would."""
        from botocore.exceptions import BotoCoreError, ClientError

        more = {} if is_batch(location) else {"ContentEncoding": CLAIMED_ENCODING}
        if "sse" in location.options:
            more["ServerSideEncryption"] = location.options["sse"]
        try:
            self._client_for(location.options).put_object(
                Bucket=location.bucket, Key=location.key, Body=body, **more
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise StoreRefusal(f"error writing object: {code}") from error
        except (BotoCoreError, ValueError) as error:
            raise StoreRefusal(f"error writing object: {type(error).__name__}") from error

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; the server's or the client's own exception if that fails."""
        self._client.create_bucket(Bucket=bucket)

    def _client_for(self, options: dict[str, str]) -> Any:
        if "access-key-id" not in options:
            return self._client
        secret_key = options.get("secret-access-key", "")
        return client("s3", self.endpoint, options["access-key-id"], secret_key)


def client(service: str, endpoint: str, access_key: str, secret_key: str) -> Any:
    """A client of one of AWS's services, at an endpoint on loopback."""
    # Imported late: it takes a third of a second, in which the server starts.
    import botocore.config
    import botocore.session

    # Neither the user's files nor the user's profile nor a proxy may change what is asked.
    # Each entry: name in the file, name in the environment, default, conversion.
    own = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    session = botocore.session.Session(session_vars=own)
    config = botocore.config.Config(
        proxies={},
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=10,
        retries={"total_max_attempts": 1},
    )
    return session.create_client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    )


def send(method: str, url: str, body: bytes, headers: dict[str, str]) -> Response:
    """Send a plain request to an emulator; ``StoreRefusal`` if there is no answer to it."""
    # Imported late: it takes a while, in which the servers start.
    import requests

    with requests.Session() as session:
        # Neither a proxy nor a password file of the user's has a say here.
        session.trust_env = False
        try:
            return session.request(
                method,
                url,
                data=body,
                headers=headers,
                timeout=10,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise StoreRefusal(f"error writing object: {type(error).__name__}") from error


def scheme_of(destination: str) -> str | None:
    """The scheme of a URI in lower case, or None if there is none."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", destination)
    return match[1].lower() if match else None


_SUMO_HOST = "endpoint1.collection.sumologic.com"
_SUMO_FORM = re.compile(r"[^:]+://([^/?]+)/receiver/v1/http/([^/?]+)(?:\?.*)?")


class SumoStore:
    """Sumo Logic: a collector takes log messages, and so a challenge arrives as one.

    All collectors of all hosts, in memory. It is no emulator: there is none.
    """

    def __init__(self) -> None:
        # In order: host, code and message, as they were given.
        self.messages: list[dict[str, str]] = []
        # Of the form that Sumo Logic's own have.
        self.destination = f"sumo://{_SUMO_HOST}/receiver/v1/http/{secrets.token_urlsafe(40)}=="

    def locate(self, destination: str, name: str) -> Location:
        """The host is the bucket. A message has no name, but the API's answer has one."""
        match = _SUMO_FORM.fullmatch(destination)
        if match is None:
            form = "sumo://ENDPOINT/receiver/v1/http/CODE"
            raise StoreRefusal(f"error parsing destination: it must be of the form {form}")
        return Location(match[1], name, {"code": match[2]})

    def put(self, location: Location, body: bytes) -> None:
        """Keep a message."""
        message = body.decode("utf-8", "replace")
        entry = {"host": location.bucket, "code": location.options["code"], "message": message}
        self.messages.append(entry)
