# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Control endpoints for the delivery of logs, and for the analytics of it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from . import analytics
from .control_body import an_object, body, refuse
from .delivery import Plan
from .job_store import Owner
from .views import world

blueprint = Blueprint("delivery", __name__)


@blueprint.get("/delivery")
def plan() -> Response:
    """Show how the logs of enabled jobs are delivered."""
    return jsonify(world().deliveries.shown())


@blueprint.put("/delivery")
def set_plan() -> Response:
    """Set how the logs of enabled jobs are delivered after each write of a job.

    ``outcome`` (none, push, fail), ``after`` (how many responses show the job before that, the
    modules' own reads included; 0: at once), ``error`` (message of a failure); ``jobs``: the same
    for single jobs, by name.
    """
    asked = an_object("a delivery")
    try:
        world().deliveries.set(Plan.parse(asked))
    except (TypeError, ValueError) as error:
        refuse(str(error))
    return plan()


@blueprint.post("/delivery")
def deliver() -> Response:
    """Deliver now, for all enabled jobs or for ``job`` (id); fails where ``outcome`` is fail."""
    asked = an_object("a delivery")
    known = [job["id"] for _owner, job in world().jobs.everything()]
    wanted = [asked["job"]] if "job" in asked else known
    delivered = [world().deliveries.deliver(job_id) for job_id in wanted if job_id in known]
    return jsonify([upload for upload in delivered if upload is not None])


@blueprint.get("/uploads")
def uploads() -> Response:
    """List all uploads; those of deliveries have a bucket and a key."""
    return jsonify([upload | {f"{kind}_id": id_} for (kind, id_), upload in _uploads()])


@blueprint.put("/uploads")
def set_uploads() -> Response:
    """Replace all uploads, which analytics count.

    Each with ``zone_id`` or ``account_id`` (default: the first zone), and any of ``jobId``,
    ``status``, ``destinationType``, ``final``, ``datetime``, ``bytes``, ``bytesCompressed``,
    ``records``, ``uploads``.
    """
    asked = body()
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        refuse("uploads are a list of objects")
    world().uploads.clear()
    try:
        for each in asked:
            owner = _owner(each)
            rest = {name: each[name] for name in each if name not in ("zone_id", "account_id")}
            world().uploads.add(owner, rest)
    except ValueError as error:
        refuse(str(error))
    return uploads()


@blueprint.get("/graphql_limits")
def limits() -> Response:
    """Show the limits of each GraphQL dataset."""
    return jsonify(world().limits)


@blueprint.patch("/graphql_limits")
def change_limits() -> Response:
    """Change limits, by dataset: ``maxPageSize``, ``maxDuration``, ``notOlderThan`` (seconds)."""
    try:
        world().limits = analytics.changed(world().limits, an_object("limits"))
    except ValueError as error:
        refuse(str(error))
    return limits()


def _uploads() -> list[tuple[Owner, dict[str, Any]]]:
    return world().uploads.everything()


def _owner(upload: dict[str, Any]) -> Owner:
    if "account_id" in upload:
        return "account", str(upload["account_id"])
    return "zone", str(upload.get("zone_id", world().zone_id))
