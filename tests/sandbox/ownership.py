# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proof that a destination is one's own: the challenge, and its check."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from typing import Any

from flask import Blueprint, current_app, request

from .envelope import ApiError, success
from .gate import ACTION, ENTRY
from .store import Location, Store, StoreRefusal, scheme_of
from .world import World

blueprint = Blueprint("ownership", __name__)
_MAX_DESTINATION = 4096
# A generic code for what does not hold; which message goes with it is known only in part.
_INVALID = 1002


@blueprint.post("/ownership")
def challenge(kind: str, object_id: str) -> dict[str, Any]:
    """Write a challenge file to the destination and say where it is."""
    destination = _text(_body(), "destination_conf", _MAX_DESTINATION)
    action: dict[str, Any] = request.environ.get(ACTION, {})
    if "result" in action:
        return success(action["result"])
    if action.get("valid") is False:
        return _refused(action.get("message", "error writing object"))
    store = _world().stores.get(_scheme(destination))
    if store is None:
        scheme = _scheme(destination)
        return _refused(f"destination scheme {scheme} is not served by the sandbox yet")
    token = _world().issuer.mint(_world().issuer.claims(kind, object_id, destination))
    try:
        location = store.locate(destination, f"ownership-challenge-{secrets.token_hex(4)}.txt")
        _write(store, location, token, action)
    except StoreRefusal as refusal:
        # With HTTP 200 and success: that is how the API says that it could not write.
        return _refused(str(refusal))
    filename = _filename(location, action)
    return success({"filename": filename, "message": "", "valid": action.get("valid", True)})


@blueprint.post("/ownership/validate")
def validate(kind: str, object_id: str) -> dict[str, Any]:
    """Say whether a token is right for this zone or account and this destination."""
    body = _body()
    destination = _text(body, "destination_conf", _MAX_DESTINATION)
    token = body.get("ownership_challenge")
    if not isinstance(token, str):
        raise ApiError(400, _INVALID, "ownership_challenge is required")
    action: dict[str, Any] = request.environ.get(ACTION, {})
    if "result" in action:
        return success(action["result"])
    if "valid" in action:
        return success({"valid": action["valid"]})
    if _world().issuer.accepts(token, kind, object_id, destination):
        return success({"valid": True})
    if _world().settings["wrong_token"] == "valid_false":
        return success({"valid": False})
    raise ApiError(400, _INVALID, "incorrect ownership challenge")


def _world() -> World:
    world: World = current_app.config["WORLD"]
    return world


def _body() -> dict[str, Any]:
    try:
        body = request.get_json(force=True)
    except Exception as error:
        raise ApiError(400, 6007, "Malformed JSON in request body") from error
    if not isinstance(body, dict):
        raise ApiError(400, 6007, "Malformed JSON in request body")
    return body


def _text(body: dict[str, Any], name: str, limit: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(400, _INVALID, f"{name} is required")
    if len(value) > limit:
        raise ApiError(400, _INVALID, f"{name} is longer than {limit} characters")
    return value


def _scheme(destination: str) -> str:
    scheme = scheme_of(destination)
    if scheme is None:
        raise ApiError(400, _INVALID, "error validating destination: no scheme")
    return scheme


def _refused(message: str) -> dict[str, Any]:
    return success({"filename": "", "message": message, "valid": False})


def _filename(location: Location, action: dict[str, Any]) -> str:
    if action.get("filename") == "":
        return ""
    if action.get("filename") == "with_bucket":
        return f"{location.bucket}/{location.key}"
    return location.key


def _write(store: Store, location: Location, token: str, action: dict[str, Any]) -> None:
    how = action.get("file")
    body = f" {token}\r\n" if how == "padded" else token
    if how == "missing":
        return
    if how == "late":
        request.environ[ENTRY].writes = True
        timer = threading.Timer(
            action.get("seconds", 3), _write_late, (store, location, body.encode())
        )
        timer.daemon = True
        timer.start()
        return
    store.put(location, body.encode())
    request.environ[ENTRY].writes = True


def _write_late(store: Store, location: Location, body: bytes) -> None:
    # The answer is long gone, and so may be the store.
    with suppress(StoreRefusal):
        store.put(location, body)
