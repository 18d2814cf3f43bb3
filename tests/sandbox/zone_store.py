# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones of one sandbox, and the accounts that they belong to."""

from __future__ import annotations

import threading
from typing import Any

from . import zone_rules


class Zones:
    """Zones by their ids; safe to use from several threads.

    A zone is never changed, and what is looked at is replaced as a whole. So only making needs
    the lock.
    """

    def __init__(self, account: dict[str, str], own: list[dict[str, Any]]) -> None:
        """``own`` are the entries of those zones that stay for ever; ``account`` has them."""
        self._lock = threading.Lock()
        self._account = account
        self._zones: dict[str, dict[str, Any]] = {}
        self._accounts = {account["id"]: account}
        self._last = 0
        self.make(own)
        self._own = self._zones

    def knows(self, kind: str, object_id: str) -> bool:
        """Whether there is such a zone or account."""
        kinds = {"zone": self._zones, "account": self._accounts}
        return object_id in kinds.get(kind, {})

    def find(self, zone_id: str) -> dict[str, Any] | None:
        """A zone as the API shows it, or None."""
        return self._zones.get(zone_id)

    def everything(self) -> list[dict[str, Any]]:
        """All zones in the order in which they were made."""
        return list(self._zones.values())

    def make(self, entries: list[Any]) -> list[dict[str, Any]]:
        """Make the zones of these entries; ``ValueError`` says why none is made."""
        for entry in entries:
            zone_rules.SCHEMA.check(entry)
        with self._lock:
            return self._make(entries)

    def make_many(self, count: int, **account: Any) -> list[dict[str, Any]]:
        """Make as many zones, numbered on from those before."""
        with self._lock:
            numbers = range(self._last + 1, self._last + count + 1)
            made = self._make([zone_rules.numbered(number) | account for number in numbers])
            self._last += count
        return made

    def clear(self) -> None:
        """Forget all that was made."""
        with self._lock:
            self._zones = self._own
            self._accounts = {self._account["id"]: self._account}
            self._last = 0

    def _make(self, entries: list[Any]) -> list[dict[str, Any]]:
        accounts = dict(self._accounts)
        zones = dict(self._zones)
        names = {(zone["account"]["id"], zone["name"]) for zone in zones.values()}
        made = []
        for entry in entries:
            owner = zone_rules.account(entry.get("account", self._account), accounts)
            # One object for all the zones of an account.
            owner = accounts.setdefault(owner["id"], owner)
            zone = zone_rules.zone(entry, owner)
            name = (owner["id"], zone["name"])
            if name in names or zone["id"] in zones:
                raise ValueError(f"there is a zone {zone['name']} or {zone['id']} already")
            names.add(name)
            zones[zone["id"]] = zone
            made.append(zone)
        self._zones, self._accounts = zones, accounts
        return made
