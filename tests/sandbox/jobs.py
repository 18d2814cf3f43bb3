# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logpush jobs, what datasets hold, and whether a destination can be written to."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint

from . import datasets, job_rules, transformers, views
from .envelope import FORBIDDEN, INVALID, ApiError, success
from .job_store import Owner
from .ownership import needs_challenge, write_test
from .store import StoreRefusal

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/jobs")
def list_jobs(kind: str, object_id: str) -> dict[str, Any]:
    """All jobs of this zone or account."""
    return _listed(views.world().jobs.owned((kind, object_id)))


@blueprint.get("/datasets/<dataset>/jobs")
def list_jobs_of_dataset(kind: str, object_id: str, dataset: str) -> dict[str, Any]:
    """The jobs for one dataset."""
    _check_dataset(kind, dataset)
    jobs = views.world().jobs.owned((kind, object_id))
    return _listed([job for job in jobs if job["dataset"] == dataset])


@blueprint.get("/datasets/<dataset>/fields")
def list_fields(kind: str, object_id: str, dataset: str) -> dict[str, Any]:
    """The fields of a dataset, each with its description; none where they are not known here."""
    _check_dataset(kind, dataset)
    return success(datasets.fields(dataset))


@blueprint.post("/jobs")
def create(kind: str, object_id: str) -> dict[str, Any]:
    """Make a job, another one each time."""
    owner = (kind, object_id)
    given = views.body()
    properties = job_rules.created(given, kind)
    transformers.check_job(owner, properties)
    properties["destination_conf"] = destination = views.destination_in(given)
    _prove(owner, given, destination)
    _test(destination)
    allowed = views.world().settings["jobs_per_zone"]
    limit = int(allowed) if kind == "zone" and allowed.isdecimal() else None
    job = views.world().jobs.add(owner, properties, limit)
    if job is None:
        message = (
            f"creating a new job for product '{properties['dataset']}' is not allowed: exceeded "
            "max jobs allowed"
        )
        raise ApiError(403, FORBIDDEN, message)
    return _stored(job)


@blueprint.get("/jobs/<job_id>")
def get(kind: str, object_id: str, job_id: str) -> dict[str, Any]:
    """One job."""
    job = _find((kind, object_id), job_id)
    views.world().deliveries.answered([job["id"]])
    return success(_answer(job))


@blueprint.put("/jobs/<job_id>")
def change(kind: str, object_id: str, job_id: str) -> dict[str, Any]:
    """Change the properties that the body names, and test the destination in any case."""
    owner = (kind, object_id)
    job = _find(owner, job_id)
    given = views.body()
    changes = job_rules.changed(given, job)
    transformers.check_job(owner, job | changes)
    destination = job["destination_conf"]
    if "destination_conf" in given:
        changes["destination_conf"] = destination = views.destination_in(given)
    if destination != job["destination_conf"]:
        _prove(owner, given, destination)
    _test(destination)
    return _stored(views.world().jobs.update(job["id"], changes))


@blueprint.delete("/jobs/<job_id>")
def delete(kind: str, object_id: str, job_id: str) -> dict[str, Any]:
    """Forget a job."""
    job = _find((kind, object_id), job_id)
    if not views.world().jobs.remove(job["id"]):
        raise _not_found()
    views.note_write()
    return success({"id": job["id"]})


@blueprint.post("/validate/destination")
def validate_destination(kind: str, object_id: str) -> dict[str, Any]:
    """Say whether a destination can be written to, by writing to it."""
    destination = views.destination_in(views.body())
    try:
        if write_test(views.world().stores, destination):
            views.note_write()
    except StoreRefusal as refusal:
        return success({"message": str(refusal), "valid": False})
    return success({"message": "", "valid": True})


@blueprint.post("/validate/destination/exists")
def destination_exists(kind: str, object_id: str) -> dict[str, Any]:
    """Say whether a job of this zone or account has exactly this destination."""
    destination = views.destination_in(views.body())
    jobs = views.world().jobs.owned((kind, object_id))
    return success({"exists": any(job["destination_conf"] == destination for job in jobs)})


def _listed(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    views.world().deliveries.answered([job["id"] for job in jobs])
    return success([_answer(job) for job in jobs])


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    return job_rules.shown(job, views.world().settings)


def _check_dataset(kind: str, dataset: str) -> None:
    scope = datasets.SCOPES.get(dataset)
    if scope is None:
        # The status is inferred.
        raise ApiError(404, INVALID, f"unknown dataset '{dataset}'")
    if scope != kind:
        raise ApiError(403, FORBIDDEN, f"reading job for product '{dataset}' is not allowed")


def _stored(job: dict[str, Any] | None) -> dict[str, Any]:
    # None: deleted by another request in the meantime.
    if job is None:
        raise _not_found()
    views.note_write()
    # The answer shows the job as it was just written.
    views.world().deliveries.written(job)
    return success(_answer(job))


def _find(owner: Owner, job_id: str) -> dict[str, Any]:
    # Not an integer in the route: other text is a job that is not found, and no unknown path.
    if re.fullmatch(r"[1-9][0-9]{0,17}", job_id):
        found = views.world().jobs.find(int(job_id))
        if found is not None and found[0] == owner:
            return found[1]
    raise _not_found()


def _not_found() -> ApiError:
    return ApiError(404, INVALID, "job not found")


def _prove(owner: Owner, given: dict[str, Any], destination: str) -> None:
    """Refuse a body without a token that proves ownership, where proof is required."""
    state = views.world()
    if not needs_challenge(destination):
        return
    token = given.get("ownership_challenge") or ""
    accepted = state.issuer.accepts(token, *owner, destination)
    if not accepted or (not state.jobs.spend(token) and state.settings["token_use"] == "once"):
        raise views.incorrect_challenge()


def _test(destination: str) -> None:
    try:
        written = write_test(views.world().stores, destination)
    except StoreRefusal as refusal:
        raise ApiError(400, INVALID, f"error validating destination: {refusal}") from refusal
    if written:
        views.note_write()
