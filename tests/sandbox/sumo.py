# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sumo Logic: a collector takes log messages, and so a challenge arrives as one."""

from __future__ import annotations

import re
import secrets

from .store import Location, StoreRefusal

_HOST = "endpoint1.collection.sumologic.com"
_FORM = re.compile(r"[^:]+://([^/?]+)/receiver/v1/http/([^/?]+)(?:\?.*)?")


class SumoStore:
    """All collectors of all hosts, in memory. It is no emulator: there is none."""

    def __init__(self) -> None:
        self._messages: list[dict[str, str]] = []
        # Of the form that Sumo Logic's own have.
        self.destination = f"sumo://{_HOST}/receiver/v1/http/{secrets.token_urlsafe(40)}=="

    def locate(self, destination: str, name: str) -> Location:
        """The host is the bucket. A message has no name, but the API's answer has one."""
        match = _FORM.fullmatch(destination)
        if match is None:
            form = "sumo://ENDPOINT/receiver/v1/http/CODE"
            raise StoreRefusal(f"error parsing destination: it must be of the form {form}")
        return Location(match[1], name, {"code": match[2]})

    def put(self, location: Location, body: bytes) -> None:
        """Keep a message."""
        message = body.decode("utf-8", "replace")
        entry = {"host": location.bucket, "code": location.options["code"], "message": message}
        self._messages.append(entry)

    def messages(self) -> list[dict[str, str]]:
        """All messages in order: ``host``, ``code`` and ``message``, as they were given."""
        return list(self._messages)
