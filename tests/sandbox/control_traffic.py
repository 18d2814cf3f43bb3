# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control endpoints of how the API takes requests: how many, and how fast."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from . import rate
from .control_body import an_object, body, refuse
from .views import world

blueprint = Blueprint("traffic", __name__)

_LONGEST = 60  # seconds


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


@blueprint.get("/latency")
def latency() -> Response:
    """How long each request to the API takes on its way."""
    return jsonify({"seconds": world().latency})


@blueprint.put("/latency")
def set_latency() -> Response:
    """Let each request wait ``seconds`` before it is looked at, beside those of others."""
    asked = an_object("a latency")
    seconds = asked.get("seconds")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        refuse("a latency is an object with seconds, a number")
    if not 0 <= seconds <= _LONGEST or len(asked) > 1:
        refuse(f"seconds, alone: from 0 to {_LONGEST}")
    world().latency = float(seconds)
    return latency()
