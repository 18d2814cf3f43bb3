# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox's own endpoints: requests, faults, tokens, settings. Never part of the real API."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Blueprint, Response, abort, current_app, jsonify, make_response, request

from .challenge import LIFETIME
from .faults import Fault, parse
from .world import DESTINATION, World

blueprint = Blueprint("control", __name__)


@blueprint.before_request
def _loopback_only() -> None:
    if not (request.remote_addr or "127.0.0.1").startswith("127."):
        abort(403)


@blueprint.get("/requests")
def requests() -> Response:
    """All requests to the API, in order."""
    return jsonify(_world().recorder.shown())


@blueprint.delete("/requests")
def forget_requests() -> tuple[str, int]:
    """Forget the requests so far."""
    _world().recorder.clear()
    return "", 204


@blueprint.get("/faults")
def faults() -> Response:
    """The faults still to come."""
    return jsonify(_world().faults.shown())


@blueprint.post("/faults")
def add_faults() -> Response:
    """Add a fault or a list of them: all, or with HTTP 400 none."""
    body = _body()
    entries = body if isinstance(body, list) else [body]
    _world().faults.add([_parsed(entry) for entry in entries])
    return jsonify(_world().faults.shown())


@blueprint.delete("/faults")
def forget_faults() -> tuple[str, int]:
    """Forget the faults still to come."""
    _world().faults.clear()
    return "", 204


@blueprint.post("/tokens")
def tokens() -> Response:
    """Mint a token: right by default, wrong as asked.

    ``scope`` (zone, account), ``id``, ``destination_conf``, ``expires_in`` (seconds, may be
    negative), ``claims`` (replace single claims; null removes one), ``forged`` (signed with
    another key).
    """
    asked = _body()
    if not isinstance(asked, dict):
        _refuse("a token is asked for with an object")
    world = _world()
    kind = asked.get("scope", "zone")
    object_id = asked.get("id", world.zone_id if kind == "zone" else world.account_id)
    claims = world.issuer.claims(kind, object_id, asked.get("destination_conf", DESTINATION))
    claims["exp"] += int(asked.get("expires_in", LIFETIME)) - LIFETIME
    claims |= asked.get("claims", {})
    claims = {name: value for name, value in claims.items() if value is not None}
    token = world.issuer.mint(claims, forged=bool(asked.get("forged", False)))
    return jsonify({"token": token, "claims": claims})


@blueprint.get("/settings")
def settings() -> Response:
    """How the API answers where sources leave it open."""
    return jsonify(_world().settings)


@blueprint.patch("/settings")
def change_settings() -> Response:
    """Change the settings that are named."""
    try:
        _world().change_settings(_body())
    except ValueError as error:
        _refuse(str(error))
    return jsonify(_world().settings)


@blueprint.post("/reset")
def reset() -> tuple[str, int]:
    """Forget requests, faults and settings."""
    _world().reset()
    return "", 204


def _world() -> World:
    world: World = current_app.config["WORLD"]
    return world


def _body() -> Any:
    body = request.get_json(force=True, silent=True)
    return {} if body is None else body


def _parsed(entry: Any) -> Fault:
    try:
        return parse(entry)
    except ValueError as error:
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    abort(make_response(jsonify({"error": message}), 400))
