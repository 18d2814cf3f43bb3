# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox's own endpoints: requests, faults, tokens, zones, jobs, messages, settings.

They are no part of the real API.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify

from . import control_delivery, job_rules, rate, zone_store
from .challenge import LIFETIME
from .control_body import an_object, body, refuse
from .faults import parse
from .job_store import Owner
from .schema import Schema
from .store import SumoStore
from .views import world
from .world import DESTINATION

blueprint = Blueprint("control", __name__)
blueprint.register_blueprint(control_delivery.blueprint)

_LATENCY = Schema(
    properties={"seconds": {"type": "number", "minimum": 0, "maximum": 60}},
    required=["seconds"],
    additionalProperties=False,
)


@blueprint.errorhandler(ValueError)
def _wrong(error: ValueError) -> tuple[dict[str, str], int]:
    return {"error": str(error)}, 400


@blueprint.get("", strict_slashes=False)
def paths() -> Response:
    """What the sandbox itself can be asked for."""
    listed = []
    for rule in current_app.url_map.iter_rules():
        words = (current_app.view_functions[rule.endpoint].__doc__ or "").partition("\n")[0]
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            listed.append({"path": rule.rule, "method": method, "description": words})
    own = [each for each in listed if each["path"].startswith("/sandbox")]
    return jsonify(sorted(own, key=lambda each: (each["path"], each["method"])))


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
    world().faults.add([parse(entry) for entry in entries])
    return jsonify(world().faults.shown())


@blueprint.delete("/faults")
def forget_faults() -> tuple[str, int]:
    """Forget the faults still to come."""
    world().faults.clear()
    return "", 204


@blueprint.post("/tokens")
def tokens() -> Response:
    """Mint a token for ``scope`` (zone, account), ``id`` and ``destination_conf``.

    ``expires_in``: seconds, may be negative.
    """
    asked = an_object("a token")
    issuer = world().issuer
    claims = issuer.claims(*_owner(asked), asked.get("destination_conf", DESTINATION))
    claims["exp"] += int(asked.get("expires_in", LIFETIME)) - LIFETIME
    return jsonify({"token": issuer.mint(claims), "claims": claims})


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
    if not world().zones.knows(*map(str, owner)):
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
    world().change_settings(body())
    return jsonify(world().settings)


@blueprint.get("/zones")
def zones() -> Response:
    """All zones, those that are there from the start first."""
    return jsonify(world().zones.everything())


@blueprint.post("/zones")
def make_zones() -> Response:
    """Make zones: all, or with HTTP 400 none. The answer shows those that were made.

    ``count`` makes as many, numbered, of different plans and statuses, which depend on the number
    alone; ``account`` (``id``, ``name``) says whose they are. Without ``count``, a zone or a
    list of them, each as zone_store.py reads it.
    """
    asked = body()
    if isinstance(asked, dict) and "count" in asked:
        zone_store.MANY.check(asked)
        return jsonify(world().zones.make_many(**asked))
    return jsonify(world().zones.make(asked if isinstance(asked, list) else [asked]))


@blueprint.get("/rate_policy")
def rate_policy() -> Response:
    """The rate limit, and what each credential (token, key) has used of it."""
    return jsonify(world().rates.shown())


@blueprint.put("/rate_policy")
def set_rate_policy() -> Response:
    """Set the rate limit, and restart the count.

    ``quota`` (requests; null for no limit), ``window`` and ``block`` (seconds; a block lasts one
    window unless it is given).
    """
    world().rates.set(rate.parse(body()))
    return rate_policy()


@blueprint.get("/latency")
def latency() -> Response:
    """How long each request to the API takes on its way."""
    return jsonify({"seconds": world().latency})


@blueprint.put("/latency")
def set_latency() -> Response:
    """Let each request wait ``seconds`` before it is looked at, beside those of others."""
    _LATENCY.check(body())
    world().latency = body()["seconds"]
    return latency()


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
