# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control endpoints of how the API takes requests: how many."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from . import rate
from .control_body import body, refuse
from .views import world

blueprint = Blueprint("traffic", __name__)


@blueprint.get("/rate_policy")
def rate_policy() -> Response:
    """The rate limit, and what each credential (token, key) has used of it."""
    return jsonify(world().rates.shown())


@blueprint.put("/rate_policy")
def set_rate_policy() -> Response:
    """Set the rate limit, and begin to count anew.

    ``quota`` (requests; null for no limit), ``window`` and ``block`` (seconds; a block lasts one
    window unless it is given).
    """
    try:
        world().rates.set(rate.parse(body()))
    except ValueError as error:
        refuse(str(error))
    return rate_policy()
