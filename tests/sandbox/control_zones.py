# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control endpoints of zones."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from .control_body import body, refuse
from .views import world

blueprint = Blueprint("zones", __name__)


@blueprint.get("")
def zones() -> Response:
    """All zones, those that are there from the start first."""
    return jsonify(world().zones.everything())


@blueprint.post("")
def make_zones() -> Response:
    """Make zones: all, or with HTTP 400 none. The answer shows those that were made.

    ``count`` makes as many, numbered, of different plans and statuses, which depend on the number
    alone; ``account`` (``id``, ``name``) says whose they are. Without ``count``, a zone or a
    list of them, each as zone_rules.py reads it.
    """
    asked = body()
    try:
        return jsonify(_made(asked))
    except ValueError as error:
        refuse(str(error))


def _made(asked: Any) -> list[dict[str, Any]]:
    if not isinstance(asked, dict) or "count" not in asked:
        return world().zones.make(asked if isinstance(asked, list) else [asked])
    if not asked.keys() <= {"count", "account"}:
        raise ValueError("count: goes with account only")
    return world().zones.make_many(asked["count"], asked.get("account"))
