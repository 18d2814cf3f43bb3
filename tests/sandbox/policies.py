# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notification policies of an account. No notification is ever sent.

The shapes are those of the published schema. Error texts and codes are inferred, except 17106,
which users report for an invalid value.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from typing import Any

from flask import Blueprint, request

from . import views
from .envelope import ApiError, success
from .schema import Schema

blueprint = Blueprint("policies", __name__)

_TEXT = {"type": "string"}
_NAME = {"type": "string", "minLength": 1}


def _mechanism(form: str) -> dict[str, Any]:
    """One or several of a mechanism, by ids of this form."""
    one = {"type": "object", "properties": {"id": {"pattern": form}}, "required": ["id"]}
    return {"if": {"type": "array"}, "then": {"items": one}, "else": one}


# Which alert types exist depends on the account.
_PROPERTIES: dict[str, Any] = {
    "name": _NAME,
    "alert_type": _NAME,
    "enabled": {"type": "boolean"},
    "mechanisms": {
        "type": "object",
        "properties": {
            "email": _mechanism(r"^[^@\s]+@[^@\s]+$"),
            "pagerduty": _mechanism("^[0-9a-f]{32}$"),
            "webhooks": _mechanism("^[0-9a-f]{32}$"),
        },
        "additionalProperties": False,
    },
    "description": _TEXT,
    "alert_interval": _TEXT,
    "filters": {"type": "object"},
}
_CHANGED = Schema(properties=_PROPERTIES)
_CREATED = Schema(properties=_PROPERTIES, required=["name", "alert_type", "enabled", "mechanisms"])


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
    given = _checked(_CREATED)
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
    changes = _checked(_CHANGED) | {"modified": _now()}
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


def _checked(schema: Schema) -> dict[str, Any]:
    """The known properties of the body; ``ApiError`` names an invalid one."""
    given = views.body()
    known = {name: given[name] for name in _PROPERTIES if given.get(name) is not None}
    try:
        schema.check(known)
    except ValueError as error:
        raise ApiError(400, 17106, f"invalid policy: {error}") from error
    if "mechanisms" in known and not any(known["mechanisms"].values()):
        raise ApiError(400, 17106, "invalid mechanisms: at least one must be given")
    return known


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"
