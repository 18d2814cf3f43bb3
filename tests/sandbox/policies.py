# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notification policies of an account. No notification is ever sent.

The shapes are those of the published schema. Error texts and codes are inferred, except 17106,
which users report for an invalid value.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timezone
from typing import Any

from flask import Blueprint, request

from . import views
from .envelope import ApiError, success

blueprint = Blueprint("policies", __name__)

_INVALID = 17106
_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
# The form of the id of each mechanism.
_TARGETS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "pagerduty": _IDENTIFIER,
    "webhooks": _IDENTIFIER,
}
# The type of each property, and a description of those that cannot be empty. Which alert types
# exist depends on the account.
_RULES: dict[str, tuple[type, str]] = {
    "name": (str, "a string that is not empty"),
    "alert_type": (str, "an alert type"),
    "enabled": (bool, ""),
    "mechanisms": (dict, ""),
    "description": (str, ""),
    "alert_interval": (str, ""),
    "filters": (dict, ""),
}


@blueprint.before_request
def _may_write() -> None:
    if request.method != "GET" and views.world().settings["notifications"] == "read":
        raise ApiError(403, 10000, "Authentication error")


@blueprint.get("")
def list_policies(kind: str, object_id: str) -> dict[str, Any]:
    """List the policies of an account, on one page."""
    policies = list(_owned(object_id).values())
    info = {"page": 1, "per_page": max(len(policies), 1), "count": len(policies)}
    return success(policies) | {"result_info": info | {"total_count": len(policies)}}


@blueprint.post("")
def create(kind: str, object_id: str) -> dict[str, Any]:
    """Create a policy; the result is its id alone."""
    given = _checked(views.body())
    missing = [
        name for name in ("name", "alert_type", "enabled", "mechanisms") if name not in given
    ]
    if missing:
        raise _invalid(f"{missing[0]} is required")
    now = _now()
    policy = {"description": "", "filters": {}} | given
    policy |= {"id": secrets.token_hex(16), "created": now, "modified": now}
    _owned(object_id)[policy["id"]] = policy
    views.note_write()
    return success({"id": policy["id"]})


@blueprint.get("/<policy_id>")
def get(kind: str, object_id: str, policy_id: str) -> dict[str, Any]:
    """Return one policy."""
    return success(_find(object_id, policy_id))


@blueprint.put("/<policy_id>")
def change(kind: str, object_id: str, policy_id: str) -> dict[str, Any]:
    """Update the properties that the body names."""
    policy = _find(object_id, policy_id)
    changes = _checked(views.body()) | {"modified": _now()}
    _owned(object_id)[policy_id] = policy | changes
    views.note_write()
    return success({"id": policy_id})


@blueprint.delete("/<policy_id>")
def delete(kind: str, object_id: str, policy_id: str) -> dict[str, Any]:
    """Delete a policy."""
    _find(object_id, policy_id)
    del _owned(object_id)[policy_id]
    views.note_write()
    return success(None)


def _owned(account_id: str) -> dict[str, dict[str, Any]]:
    return views.world().policies.setdefault(account_id, {})


def _find(account_id: str, policy_id: str) -> dict[str, Any]:
    try:
        return _owned(account_id)[policy_id]
    except KeyError:
        raise ApiError(404, 17100, "policy not found") from None


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """Return the known properties; ``ApiError`` names an invalid one."""
    known = {name: value for name, value in given.items() if name in _RULES and value is not None}
    for name, value in known.items():
        kind, wanted = _RULES[name]
        if type(value) is not kind or (wanted and not value):
            raise _invalid(f"invalid {name}: must be {wanted or f'a {kind.__name__}'}")
    mechanisms = known.get("mechanisms")
    if mechanisms is not None and not any(mechanisms.values()):
        raise _invalid("invalid mechanisms: at least one must be given")
    for name, entries in (mechanisms or {}).items():
        if name not in _TARGETS:
            raise _invalid(f"invalid mechanism: {name}")
        listed = entries if isinstance(entries, list) else [entries]
        targets = [each.get("id") if isinstance(each, dict) else None for each in listed]
        if not all(_TARGETS[name].fullmatch(str(target)) for target in targets):
            raise _invalid(f"invalid {name} mechanism: each must have a valid id")
    return known


def _invalid(message: str) -> ApiError:
    return ApiError(400, _INVALID, message)


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"
