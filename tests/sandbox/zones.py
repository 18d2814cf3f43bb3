# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones as the API lists them: by pages, filtered, by their names."""

from __future__ import annotations

from math import ceil
from typing import Any

from flask import Blueprint, request

from . import views, zone_store
from .envelope import INVALID, ApiError, success
from .schema import Schema

blueprint = Blueprint("zones", __name__)

Zone = dict[str, Any]
# What a query may have, all of it text.
_SCHEMA = Schema(
    properties={
        "page": {"pattern": "^[1-9][0-9]{0,8}$"},
        "per_page": {"pattern": "^([5-9]|[1-4][0-9]|50)$"},
        "status": {"enum": list(zone_store.STATUSES)},
        "account.id": {"pattern": zone_store.IDENTIFIER},
        "name": {"minLength": 1},
    },
)


@blueprint.get("/zones")
def list_zones() -> dict[str, Any]:
    """One page of the zones."""
    query = request.args.to_dict()
    try:
        _SCHEMA.check(query)
    except ValueError as error:
        raise ApiError(400, INVALID, str(error)) from error
    page, per_page = int(query.get("page", "1")), int(query.get("per_page", "20"))
    zones = _wanted(views.world().zones.everything(), query)
    shown = zones[(page - 1) * per_page :][:per_page]
    return success(shown) | {
        "result_info": {
            "page": page,
            "per_page": per_page,
            "count": len(shown),
            "total_count": len(zones),
            "total_pages": ceil(len(zones) / per_page),
        }
    }


@blueprint.get("/zones/<zone_id>")
def get(zone_id: str) -> dict[str, Any]:
    """One zone."""
    zone = views.world().zones.find(zone_id)
    if zone is None:
        raise views.no_route()
    return success(zone)


def _wanted(zones: list[Zone], query: dict[str, str]) -> list[Zone]:
    for name in ("status", "account.id", "name"):
        if name in query:
            zones = [zone for zone in zones if _value(zone, name) == query[name].lower()]
    # Zones of different accounts may have one name: the id makes the order one for all pages.
    return sorted(zones, key=lambda zone: (zone["name"], zone["id"]))


def _value(zone: Zone, name: str) -> str:
    return str(zone["account"]["id"] if name == "account.id" else zone[name])
