# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox's own endpoints: requests, faults, tokens, zones, jobs, messages, settings.

They are no part of the real API.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request

from . import control_delivery, control_traffic, control_zones, job_rules
from .challenge import LIFETIME
from .control_body import an_object, body, refuse
from .faults import Fault, parse
from .job_store import Owner
from .sumo import SumoStore
from .views import world
from .world import DESTINATION

blueprint = Blueprint("control", __name__)
blueprint.register_blueprint(control_delivery.blueprint)
blueprint.register_blueprint(control_traffic.blueprint)
blueprint.register_blueprint(control_zones.blueprint, url_prefix="/zones")


@blueprint.before_request
def _loopback_only() -> None:
    if not (request.remote_addr or "127.0.0.1").startswith("127."):
        abort(403)


@blueprint.get("", strict_slashes=False)
def paths() -> Response:
    """What the sandbox itself can be asked for."""
    rules = [rule for rule in current_app.url_map.iter_rules() if rule.rule.startswith("/sandbox")]
    listed = [
        {
            "path": rule.rule,
            "method": method,
            "description": (current_app.view_functions[rule.endpoint].__doc__ or "").partition(
                "\n"
            )[0],
        }
        for rule in rules
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return jsonify(sorted(listed, key=lambda each: (each["path"], each["method"])))


@blueprint.get("/requests")
def requests() -> Response:
    """All requests to the API, in order."""
    return jsonify(world().recorder.shown())


@blueprint.delete("/requests")
def forget_requests() -> tuple[str, int]:
    """Forget the requests so far."""
    world().recorder.clear()
    return "", 204


@blueprint.get("/faults")
def faults() -> Response:
    """The faults still to come."""
    return jsonify(world().faults.shown())


@blueprint.post("/faults")
def add_faults() -> Response:
    """Add a fault or a list of them: all, or with HTTP 400 none."""
    asked = body()
    entries = asked if isinstance(asked, list) else [asked]
    world().faults.add([_parsed(entry) for entry in entries])
    return jsonify(world().faults.shown())


@blueprint.delete("/faults")
def forget_faults() -> tuple[str, int]:
    """Forget the faults still to come."""
    world().faults.clear()
    return "", 204


@blueprint.post("/tokens")
def tokens() -> Response:
    """Mint a token: right by default, wrong as asked.

    ``scope`` (zone, account), ``id``, ``destination_conf``, ``expires_in`` (seconds, may be
    negative), ``claims`` (replace single claims; null removes one), ``forged`` (signed with
    another key).
    """
    asked = an_object("a token")
    issuer = world().issuer
    claims = issuer.claims(*_owner(asked), asked.get("destination_conf", DESTINATION))
    claims["exp"] += int(asked.get("expires_in", LIFETIME)) - LIFETIME
    claims |= asked.get("claims", {})
    claims = {name: value for name, value in claims.items() if value is not None}
    token = issuer.mint(claims, forged=bool(asked.get("forged", False)))
    return jsonify({"token": token, "claims": claims})


@blueprint.get("/jobs")
def jobs() -> Response:
    """The jobs of all zones and accounts as they are stored, secrets included."""
    return jsonify([_with_owner(*entry) for entry in world().jobs.everything()])


@blueprint.post("/jobs")
def add_job() -> Response:
    """Make a job of these properties, unchecked; what is left out is not set.

    ``scope`` (zone, account) and ``id`` say whose it is.
    """
    asked = an_object("a job")
    owner = _owner(asked)
    if not world().knows(*map(str, owner)):
        refuse(f"there is no {owner[0]} {owner[1]}")
    given = {name: value for name, value in asked.items() if name not in ("scope", "id")}
    properties = job_rules.defaults() | {"destination_conf": DESTINATION} | given
    return jsonify(_with_owner(owner, world().jobs.add(owner, properties) or {}))


@blueprint.patch("/jobs/<int:job_id>")
def change_job(job_id: int) -> Response:
    """Set any property of a job, unchecked, those that the API alone sets among them."""
    changes = an_object("a change of a job")
    found = world().jobs.find(job_id)
    if found is None:
        refuse(f"there is no job {job_id}", 404)
    if "id" in changes:
        refuse("the id of a job stays")
    owner, job = found
    return jsonify(_with_owner(owner, world().jobs.update(job_id, changes) or job))


@blueprint.delete("/jobs")
def forget_jobs() -> tuple[str, int]:
    """Forget all jobs and which tokens were used."""
    world().jobs.clear()
    return "", 204


@blueprint.get("/sumo")
def sumo() -> Response:
    """The log messages that came to Sumo Logic, in order: ``host``, ``code``, ``message``."""
    store = world().stores.get("sumo")
    return jsonify(store.messages() if isinstance(store, SumoStore) else [])


@blueprint.get("/settings")
def settings() -> Response:
    """How the API answers where sources leave it open."""
    return jsonify(world().settings)


@blueprint.patch("/settings")
def change_settings() -> Response:
    """Change the settings that are named."""
    try:
        world().change_settings(body())
    except ValueError as error:
        refuse(str(error))
    return jsonify(world().settings)


@blueprint.post("/reset")
def reset() -> tuple[str, int]:
    """Forget requests and all that was made, used up or set since the start."""
    world().reset()
    return "", 204


def _owner(asked: dict[str, Any]) -> Owner:
    kind = asked.get("scope", "zone")
    return kind, asked.get("id", world().zone_id if kind == "zone" else world().account_id)


def _with_owner(owner: Owner, job: dict[str, Any]) -> dict[str, Any]:
    kind, object_id = owner
    return job | {f"{kind}_id": object_id}


def _parsed(entry: Any) -> Fault:
    try:
        return parse(entry)
    except ValueError as error:
        refuse(str(error))
