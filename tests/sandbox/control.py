# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox's own endpoints, which are no part of the real API.

A body that names a job's owner has ``zone_id`` or ``account_id``; without them it is the first
zone.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from . import analytics, job_rules, rate, zone_store
from .challenge import LIFETIME
from .job_store import Owner
from .schema import Schema
from .store import SumoStore
from .views import world
from .world import DESTINATION, SCHEMA

blueprint = Blueprint("control", __name__)

_OBJECT = Schema()
_LATENCY = Schema(
    properties={"seconds": {"type": "number", "minimum": 0, "maximum": 60}},
    required=["seconds"],
    additionalProperties=False,
)
_TOKEN = Schema(
    properties={"destination_conf": {"type": "string"}, "expires_in": {"type": "integer"}},
    additionalProperties=False,
)


@blueprint.errorhandler(ValueError)
def _refuse(error: ValueError) -> tuple[dict[str, str], int]:
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


@blueprint.post("/faults")
def add_faults() -> tuple[str, int]:
    """Add a fault or a list of them: all, or with HTTP 400 none."""
    world().faults.add(_several())
    return "", 204


@blueprint.delete("/faults")
def forget_faults() -> tuple[str, int]:
    """Forget the faults still to come."""
    world().faults.clear()
    return "", 204


@blueprint.post("/tokens")
def tokens() -> Response:
    """Mint a token for an owner and a ``destination_conf``.

    ``expires_in``: seconds, may be negative.
    """
    owner, asked = _owner(_body())
    _TOKEN.check(asked)
    claims = world().issuer.claims(*owner, asked.get("destination_conf", DESTINATION))
    claims["exp"] += asked.get("expires_in", LIFETIME) - LIFETIME
    return jsonify({"token": world().issuer.mint(claims), "claims": claims})


@blueprint.get("/jobs")
def jobs() -> Response:
    """The jobs of all zones and accounts as they are stored, secrets included."""
    return jsonify([_with_owner(*entry) for entry in world().jobs.everything()])


@blueprint.post("/jobs")
def add_job() -> Response:
    """Make a job of an owner with these properties, unchecked; what is left out is not set."""
    owner, asked = _owner(_body())
    if not world().zones.knows(*owner):
        raise ValueError(f"there is no {owner[0]} {owner[1]}")
    properties = job_rules.defaults() | {"destination_conf": DESTINATION} | asked
    return jsonify(_with_owner(owner, world().jobs.add(owner, properties) or {}))


@blueprint.patch("/jobs/<int:job_id>")
def change_job(job_id: int) -> Response:
    """Set any property of a job, unchecked, those that the API alone sets among them."""
    found = world().jobs.find(job_id)
    if found is None:
        raise ValueError(f"there is no job {job_id}")
    owner, job = found
    return jsonify(_with_owner(owner, world().jobs.update(job_id, _body()) or job))


@blueprint.delete("/jobs")
def forget_jobs() -> tuple[str, int]:
    """Forget all jobs and which tokens were used."""
    world().jobs.clear()
    return "", 204


@blueprint.get("/delivery")
def plan() -> Response:
    """How the logs of enabled jobs are delivered."""
    return jsonify(world().deliveries.plan)


@blueprint.put("/delivery")
def set_plan() -> Response:
    """Set how the logs of enabled jobs are delivered after each write of a job.

    ``outcome`` (none, push, fail), ``after`` (how many responses show the job before that, the
    modules' own reads included; 0: at once), ``error`` (message of a failure); ``jobs``: the same
    for single jobs, by name.
    """
    world().deliveries.set(_body())
    return plan()


@blueprint.post("/delivery")
def deliver() -> Response:
    """Deliver now, for all enabled jobs or for ``job`` (id); fails where ``outcome`` is fail."""
    known = [job["id"] for _owner, job in world().jobs.everything()]
    wanted = [_body()["job"]] if "job" in _body() else known
    delivered = [world().deliveries.deliver(job_id) for job_id in wanted]
    return jsonify([upload for upload in delivered if upload is not None])


@blueprint.get("/uploads")
def uploads() -> Response:
    """All uploads; those of deliveries have a bucket and a key."""
    return jsonify([_with_owner(*entry) for entry in world().uploads.everything()])


@blueprint.put("/uploads")
def set_uploads() -> Response:
    """Replace all uploads, which analytics count.

    Each with an owner, and any of ``jobId``, ``status``, ``destinationType``, ``final``,
    ``datetime``, ``bytes``, ``bytesCompressed``, ``records``, ``uploads``.
    """
    world().uploads.clear()
    for each in _several():
        world().uploads.add(*_owner(each))
    return uploads()


@blueprint.get("/graphql_limits")
def limits() -> Response:
    """The limits of each GraphQL dataset."""
    return jsonify(world().limits)


@blueprint.patch("/graphql_limits")
def change_limits() -> Response:
    """Change limits, by dataset: ``maxPageSize``, ``maxDuration``, ``notOlderThan`` (seconds)."""
    world().limits = analytics.changed(world().limits, _body())
    return limits()


@blueprint.get("/sumo")
def sumo() -> Response:
    """The log messages that came to Sumo Logic, in order: ``host``, ``code``, ``message``."""
    store = world().stores.get("sumo")
    return jsonify(store.messages if isinstance(store, SumoStore) else [])


@blueprint.get("/settings")
def settings() -> Response:
    """How the API answers where sources leave it open."""
    return jsonify(world().settings)


@blueprint.patch("/settings")
def change_settings() -> Response:
    """Change the settings that are named."""
    world().settings.update(SCHEMA.check(_body()))
    return settings()


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
    asked = _several()
    if "count" in asked[0]:
        return jsonify(world().zones.make_many(**zone_store.MANY.check(asked[0])))
    return jsonify(world().zones.make(asked))


@blueprint.put("/rate_policy")
def set_rate_policy() -> Response:
    """Set the rate limit, and restart the count.

    ``quota`` (requests; null for no limit), ``window`` and ``block`` (seconds; a block lasts one
    window unless it is given).
    """
    policy = rate.parse(_body())
    world().rates.set(policy)
    return jsonify(policy)


@blueprint.put("/latency")
def set_latency() -> tuple[str, int]:
    """Let each request wait ``seconds`` before it is looked at, beside those of others."""
    world().latency = _LATENCY.check(_body())["seconds"]
    return "", 204


@blueprint.post("/reset")
def reset() -> tuple[str, int]:
    """Forget requests and all that was made, used up or set since the start."""
    world().reset()
    return "", 204


def _body() -> Any:
    """The request's body, which must be an object; an empty one if it has none."""
    return _OBJECT.check(request.get_json(force=True) if request.data else {})


def _several() -> list[Any]:
    """The objects of a body, which is one or a list of them."""
    given = request.get_json(force=True)
    return [_OBJECT.check(each) for each in (given if isinstance(given, list) else [given])]


def _owner(asked: dict[str, Any]) -> tuple[Owner, dict[str, Any]]:
    """The zone or account that a body names, and the rest of the body."""
    rest = {name: each for name, each in asked.items() if name not in ("zone_id", "account_id")}
    if "account_id" in asked:
        return ("account", str(asked["account_id"])), rest
    return ("zone", str(asked.get("zone_id", world().zone_id))), rest


def _with_owner(owner: Owner, properties: dict[str, Any]) -> dict[str, Any]:
    kind, object_id = owner
    return properties | {f"{kind}_id": object_id}
