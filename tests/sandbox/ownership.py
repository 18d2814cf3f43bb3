# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proof that a destination is one's own: the challenge, and its check."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flask import Blueprint

from . import views
from .envelope import INVALID, ApiError, success
from .store import Location, Store, StoreRefusal, parameters, scheme_of

blueprint = Blueprint("ownership", __name__)

_WITH_CHALLENGE = {"gs", "azure", "sumo"}


@blueprint.post("/ownership")
def challenge(kind: str, object_id: str) -> dict[str, Any]:
    """Write a challenge file to the destination and say where it is."""
    destination = views.destination_in(views.body())
    world, scheme = views.world(), scheme_of(destination)
    store = world.stores.get(scheme or "")
    if store is None:
        return _refused(f"destination scheme {scheme} is not served by the sandbox yet")
    token = world.issuer.mint(world.issuer.claims(kind, object_id, destination))
    action = views.action()
    try:
        location = store.locate(destination, _file_name())
        _write(store, location, token, action)
    except StoreRefusal as refusal:
        # With HTTP 200 and success: that is how the API says that it could not write.
        return _refused(str(refusal))
    bucket = f"{location.bucket}/" if action.get("filename") == "with_bucket" else ""
    return success({"filename": bucket + location.key, "message": "", "valid": True})


@blueprint.post("/ownership/validate")
def validate(kind: str, object_id: str) -> dict[str, Any]:
    """Say whether a token is right for this zone or account and this destination."""
    body = views.body()
    destination = views.destination_in(body)
    token = body.get("ownership_challenge")
    if not isinstance(token, str):
        raise ApiError(400, INVALID, "ownership_challenge is required")
    if not views.world().issuer.accepts(token, kind, object_id, destination):
        raise views.incorrect_challenge()
    return success({"valid": True})


def _refused(message: str) -> dict[str, Any]:
    return success({"filename": "", "message": message, "valid": False})


def _file_name() -> str:
    if views.world().settings["challenge_file"] == "unique":
        return f"ownership-challenge-{secrets.token_hex(4)}.txt"
    return "ownership-challenge.txt"


def _write(store: Store, location: Location, token: str, action: dict[str, Any]) -> None:
    how = action.get("file")
    if how == "missing":
        return
    body = (f" {token}\r\n" if how == "padded" else token).encode()
    if how == "late":
        seconds = action.get("seconds", 3)
        timer = threading.Timer(seconds, _write_late, (store, location, body))
        timer.daemon = True
        timer.start()
    else:
        store.put(location, body)
    views.note_write()


def _write_late(store: Store, location: Location, body: bytes) -> None:
    # The answer is long gone, and so may be the store.
    with suppress(StoreRefusal):
        store.put(location, body)


def needs_challenge(destination: str) -> bool:
    """Whether a job needs a token for this destination; not where sources do not say."""
    scheme = scheme_of(destination)
    if scheme == "s3":
        return not parameters(destination.partition("?")[2]).get("secret-access-key")
    return scheme in _WITH_CHALLENGE


def write_test(stores: Mapping[str, Store], destination: str) -> bool:
    """Write a test object, if a store serves the scheme; whether it was written.

    ``StoreRefusal`` says why it could not be.
    """
    store = stores.get(scheme_of(destination) or "")
    if store is None:
        return False
    # Each has a name of its own, so that a test can count them.
    store.put(store.locate(destination, f"logpush-test-{secrets.token_hex(4)}.txt"), b"test\n")
    return True
