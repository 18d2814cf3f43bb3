# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones as the API lists them: by pages, filtered and in an order."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from math import ceil
from typing import Any

from flask import Blueprint, request

from . import views, zone_rules
from .envelope import INVALID, ApiError, success

blueprint = Blueprint("zones", __name__)

_PER_PAGE = (5, 50)
_PER_PAGE_DEFAULT = 20
_NO_LIMIT = 10**9
_TYPES = ("full", "partial", "secondary", "internal")
_ORDERS = ("name", "status", "account.id", "account.name", "plan.id")

Zone = dict[str, Any]
Test = Callable[[Zone], bool]

# How a filter by name may begin, before a colon.
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": operator.contains,
}
_CASE = "_case_sensitive"


@blueprint.get("/zones")
def list_zones() -> dict[str, Any]:
    """One page of the zones."""
    page = _whole("page", 1, 1, _NO_LIMIT)
    per_page = _whole("per_page", _PER_PAGE_DEFAULT, *_PER_PAGE)
    zones = _wanted(views.world().zones.everything())
    start = (page - 1) * per_page
    shown = zones[start : start + per_page]
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


def _wanted(zones: list[Zone]) -> list[Zone]:
    order = _choice("order", _ORDERS) or "name"
    downwards = _choice("direction", ("asc", "desc")) == "desc"
    matches = any if _choice("match", ("any", "all")) == "any" else all
    tests = _tests()
    if tests:
        zones = [zone for zone in zones if matches(test(zone) for test in tests)]
    # Zones of different accounts may have one name: the id makes the order one for all pages.
    return sorted(zones, key=lambda zone: (_value(zone, order), zone["id"]), reverse=downwards)


def _tests() -> list[Test]:
    status = _choice("status", zone_rules.STATUSES)
    account_id = request.args.get("account.id")
    if account_id is not None and not zone_rules.is_identifier(account_id):
        raise _invalid("account.id", "32 hexadecimal digits")
    tests = [
        _is("status", (status,)) if status else None,
        _is("account.id", (account_id,)) if account_id else None,
        _compares("name"),
        _compares("account.name"),
        _is("type", _types()),
    ]
    return [test for test in tests if test is not None]


def _types() -> tuple[str, ...]:
    given = request.args.get("type")
    if given is None:
        # As the API does it: internal zones are shown only to those who ask for them.
        return _TYPES[:-1]
    types = tuple(given.split(","))
    if not set(types) <= set(_TYPES):
        raise _invalid("type", f"one or more of {', '.join(_TYPES)}")
    return types


def _is(name: str, values: tuple[str, ...]) -> Test:
    return lambda zone: _value(zone, name) in values


def _compares(name: str) -> Test | None:
    given = request.args.get(name)
    if given is None:
        return None
    how, colon, text = given.partition(":")
    case_matters = how.endswith(_CASE)
    compare = _COMPARISONS.get(how.removesuffix(_CASE)) if colon else None
    if compare is None:
        case_matters, compare, text = False, operator.eq, given
    if not text:
        raise _invalid(name, "a name")
    if case_matters:
        return lambda zone: compare(_value(zone, name), text)
    return lambda zone: compare(_value(zone, name).lower(), text.lower())


def _value(zone: Zone, name: str) -> str:
    """The value of a zone, or of an object in it: ``status``, ``account.id``."""
    value: Any = zone
    for part in name.split("."):
        value = value[part]
    return str(value)


def _whole(name: str, default: int, least: int, most: int) -> int:
    given = request.args.get(name)
    if given is None:
        return default
    if re.fullmatch(r"[0-9]{1,10}", given) is None or not least <= int(given) <= most:
        raise _invalid(name, f"a whole number from {least} to {most}")
    return int(given)


def _choice(name: str, choices: tuple[str, ...]) -> str | None:
    given = request.args.get(name)
    if given is not None and given not in choices:
        raise _invalid(name, f"one of {', '.join(choices)}")
    return given


def _invalid(name: str, wanted: str) -> ApiError:
    return ApiError(400, INVALID, f"{name} must be {wanted}")
