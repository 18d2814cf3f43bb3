# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API's views share: the request's body and its fields, faults, refusals."""

from __future__ import annotations

from typing import Any

from flask import current_app, request

from .envelope import INVALID, ApiError
from .gate import ACTION, ENTRY
from .store import scheme_of
from .world import World

_MAX_DESTINATION = 4096


def world() -> World:
    """The sandbox's state."""
    state: World = current_app.config["WORLD"]
    return state


def body() -> dict[str, Any]:
    """The request's body, which must be a JSON object."""
    given = request.get_json(force=True, silent=True)
    if not isinstance(given, dict):
        raise ApiError(400, 6007, "Malformed JSON in request body")
    return given


def destination_in(given: dict[str, Any]) -> str:
    """The ``destination_conf`` of a body, a URI."""
    value = given.get("destination_conf")
    if not isinstance(value, str) or not value:
        raise ApiError(400, INVALID, "destination_conf is required")
    if len(value) > _MAX_DESTINATION:
        message = f"destination_conf is longer than {_MAX_DESTINATION} characters"
        raise ApiError(400, INVALID, message)
    if scheme_of(value) is None:
        raise ApiError(400, INVALID, "error validating destination: no scheme")
    return value


def no_route() -> ApiError:
    """How a path that leads nowhere is refused, as users of the real API report it."""
    return ApiError(
        404, 7003, f"Could not route to {request.path}, perhaps your object identifier is invalid?"
    )


def incorrect_challenge() -> ApiError:
    """How a wrong token is refused."""
    return ApiError(400, INVALID, "incorrect ownership challenge")


def action() -> dict[str, Any]:
    """What a fault asks of this view; empty if nothing."""
    asked: dict[str, Any] = request.environ.get(ACTION, {})
    return asked


def note_write() -> None:
    """Note that this request wrote into a store or changed the sandbox's state."""
    request.environ[ENTRY].writes = True
