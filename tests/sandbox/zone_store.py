# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones of one sandbox: what they look like, and how one is asked for.

An entry is a JSON object: ``name``, and if wanted ``status``, ``plan`` (free, pro, business,
enterprise), ``paused``, ``account`` (``id``, and ``name`` if it is new) and ``id``.
"""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import Any

from .schema import Schema

STATUSES = ("active", "pending", "initializing", "moved")
IDENTIFIER = r"^[0-9a-f]{32}$"
# Ids, names and prices in dollars, by the names that the API calls legacy_id.
_PLANS = {
    "free": ("0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "Free Website", 0),
    "pro": ("a577b510288e82b26486fd1df47000ec", "Pro Website", 20),
    "business": ("1ac039f6c29b691475c3d74fe588d1ae", "Business Website", 200),
    "enterprise": ("94f3b7b768b0458b56d2cac4fe5ec0f9", "Enterprise Website", 0),
}
# When it happened says nothing here, and so it is the same each time.
_CREATED = "2026-01-01T00:00:00.000000Z"
_ACTIVATED = "2026-01-01T01:00:00.000000Z"

# Of twenty zones, by their numbers, some are not as the others are.
_ODD: dict[int, dict[str, Any]] = {
    0: {"plan": "free"},
    3: {"paused": True},
    5: {"plan": "pro"},
    7: {"status": "pending"},
    8: {"plan": "business"},
    10: {"plan": "free"},
    13: {"status": "moved"},
    15: {"plan": "pro"},
    17: {"status": "initializing"},
    18: {"plan": "business"},
}


_ID = {"type": "string", "pattern": IDENTIFIER}
_ACCOUNT = {
    "type": "object",
    "properties": {"id": _ID, "name": {"type": "string", "minLength": 1}},
    "required": ["id"],
    "additionalProperties": False,
}
SCHEMA = Schema(
    properties={
        "name": {"type": "string", "pattern": r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"},
        "status": {"enum": list(STATUSES)},
        "plan": {"enum": list(_PLANS)},
        "paused": {"type": "boolean"},
        "id": _ID,
        "account": _ACCOUNT,
    },
    required=["name"],
    additionalProperties=False,
)
MANY = Schema(
    properties={
        "count": {"type": "integer", "minimum": 1, "maximum": 100_000},
        "account": _ACCOUNT,
    },
    additionalProperties=False,
)


def _shown(entry: dict[str, Any], owner: dict[str, str]) -> dict[str, Any]:
    """The zone of a checked entry, as the API shows it."""
    name, status = entry["name"], entry.get("status", "active")
    return {
        "id": entry.get("id") or sha256(f"{owner['id']}/{name}".encode()).hexdigest()[:32],
        "name": name,
        "status": status,
        "paused": entry.get("paused", False),
        "type": "full",
        "development_mode": 0,
        "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
        "original_name_servers": [f"ns1.{name}", f"ns2.{name}"],
        "original_registrar": None,
        "original_dnshost": None,
        "created_on": _CREATED,
        "modified_on": _CREATED,
        "activated_on": _ACTIVATED if status in ("active", "moved") else None,
        "vanity_name_servers": [],
        "meta": {
            "step": 2,
            "custom_certificate_quota": 0,
            "page_rule_quota": 3,
            "phishing_detected": False,
            "cdn_only": False,
            "dns_only": False,
            "foundation_dns": False,
        },
        # As the API shows the owner of a zone that an account holds.
        "owner": {"id": None, "type": "user", "email": None},
        "account": owner,
        "tenant": {"id": None, "name": None},
        "tenant_unit": {"id": None},
        "permissions": ["#logs:edit", "#logs:read", "#zone:read"],
        "plan": _plan(entry.get("plan", "enterprise")),
    }


def _plan(legacy_id: str) -> dict[str, Any]:
    plan_id, name, price = _PLANS[legacy_id]
    paid = legacy_id != "free"
    return {
        "id": plan_id,
        "name": name,
        "price": price,
        "currency": "USD",
        "frequency": "monthly" if paid else "",
        "is_subscribed": paid,
        "can_subscribe": False,
        "legacy_id": legacy_id,
        "legacy_discount": False,
        "externally_managed": False,
    }


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
            SCHEMA.check(entry)
        with self._lock:
            return self._make(entries)

    def make_many(self, count: int, **account: Any) -> list[dict[str, Any]]:
        """Make as many zones, numbered on from those before, the same each time."""
        with self._lock:
            numbers = range(self._last + 1, self._last + count + 1)
            self._last += count
            named = [(number, f"zone-{number:04}.example") for number in numbers]
            return self._make([{"name": n, **_ODD.get(i % 20, {}), **account} for i, n in named])

    def clear(self) -> None:
        """Forget all that was made."""
        with self._lock:
            self._zones = self._own
            self._accounts = {self._account["id"]: self._account}
            self._last = 0

    def _make(self, entries: list[Any]) -> list[dict[str, Any]]:
        accounts, zones = dict(self._accounts), dict(self._zones)
        made = []
        for entry in entries:
            owner = entry.get("account", self._account)
            # One object for all the zones of an account.
            owner = accounts.setdefault(
                owner["id"], {"name": f"Account {owner['id'][:8]}", **owner}
            )
            zone = _shown(entry, owner)
            if zone["id"] in zones:
                raise ValueError(f"there is a zone {zone['name']} already, {zone['id']}")
            zones[zone["id"]] = zone
            made.append(zone)
        self._zones, self._accounts = zones, accounts
        return made
