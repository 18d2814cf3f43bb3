# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transformers: SQL queries of an account that its jobs name.

Shapes as in Cloudflare's SDKs: a creation is answered with 201, a PUT needs a name, clears a
description that it leaves out, and makes a version where it has ``code``; a transformer that jobs
name is not deleted (409). Inferred: all codes, that what is empty is left out as it is of jobs, and
the texts that the documentation does not list.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from flask import Blueprint, request

from . import transformer_rules, views
from .envelope import FORBIDDEN, INVALID, ApiError, success
from .job_store import Owner

blueprint = Blueprint("transformers", __name__)

_MOST_VERSIONS = 10


@blueprint.before_request
def _check_available() -> None:
    if views.world().settings["transformers"] == "unavailable":
        raise ApiError(403, FORBIDDEN, "transformer feature is not available for this account")


@blueprint.get("")
def list_transformers(kind: str, object_id: str) -> dict[str, Any]:
    """All transformers of this account."""
    return success([_answer(each) for each in views.world().transformers.owned((kind, object_id))])


@blueprint.post("")
def create(kind: str, object_id: str) -> tuple[dict[str, Any], int]:
    """Make a transformer, another one each time."""
    given = views.body()
    properties = transformer_rules.properties(given)
    code = transformer_rules.required(given, "code")
    properties["dataset"] = transformer_rules.dataset(code)
    now = _now()
    properties |= {"created_at": now, "updated_at": now, "versions": [_version(code, [])]}
    transformer = views.world().transformers.add((kind, object_id), properties)
    views.note_write()
    return success(_answer(transformer or {})), 201


@blueprint.post("/preview")
def preview(kind: str, object_id: str) -> dict[str, Any]:
    """Run a query on one record; nothing is kept."""
    given = views.body()
    code = transformer_rules.required(given, "sql")
    transformer_rules.dataset(code)
    record = given.get("input")
    if not isinstance(record, dict):
        raise ApiError(400, INVALID, "missing required field: input")
    return success(transformer_rules.run(code, record))


@blueprint.get("/<transformer_id>")
def get(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """One transformer."""
    return success(_answer(_find(object_id, transformer_id)))


@blueprint.put("/<transformer_id>")
def change(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """Set name and description, and the SQL where the body has it."""
    transformer = _find(object_id, transformer_id)
    given = views.body()
    changes = transformer_rules.properties(given) | {"updated_at": _now()}
    if given.get("code") is not None:
        code = transformer_rules.required(given, "code")
        changes["dataset"] = transformer_rules.dataset(code)
        changes["versions"] = [*transformer["versions"], _version(code, transformer["versions"])]
    changed = views.world().transformers.update(transformer["id"], changes)
    if changed is None:
        raise _not_found(transformer_id)
    views.note_write()
    return success(_answer(changed))


@blueprint.delete("/<transformer_id>")
def delete(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """Forget a transformer that no job names."""
    transformer = _find(object_id, transformer_id)
    if _jobs_of(transformer["id"]):
        raise ApiError(409, INVALID, f"transformer {transformer_id} is used by logpush jobs")
    if not views.world().transformers.remove(transformer["id"]):
        raise _not_found(transformer_id)
    views.note_write()
    return success({"id": transformer["id"]})


@blueprint.get("/<transformer_id>/content")
def content(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """The SQL of the latest version, or of ``version_id``."""
    versions = _find(object_id, transformer_id)["versions"]
    wanted = request.args.get("version_id", str(versions[-1]["id"]))
    for version in versions:
        if str(version["id"]) == wanted:
            return success({"content": version["code"]})
    raise ApiError(404, INVALID, f"version {wanted} not found for this transformer")


@blueprint.get("/<transformer_id>/versions")
def list_versions(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """The latest versions, the newest first."""
    versions = _find(object_id, transformer_id)["versions"]
    limit = request.args.get("limit", str(_MOST_VERSIONS))
    if not re.fullmatch(r"[1-9]|10", limit):
        raise ApiError(400, INVALID, f"limit must be from 1 to {_MOST_VERSIONS}")
    shown = ("id", "version", "created_at")
    latest = versions[::-1][: int(limit)]
    return success([{name: version[name] for name in shown} for version in latest])


def check_job(owner: Owner, job: dict[str, Any]) -> None:
    """Refuse a job that names a transformer which does not fit."""
    transformer_id = job.get("transformer_id")
    if not transformer_id:
        return
    kind, object_id = owner
    zone = views.world().zones.find(object_id) if kind == "zone" else None
    account_id = zone["account"]["id"] if zone else object_id
    found = views.world().transformers.find(transformer_id)
    if found is None or found[0] != ("account", account_id):
        raise _unknown(transformer_id, 400)
    transformer = found[1]
    if transformer["dataset"] != job["dataset"]:
        raise ApiError(
            400,
            INVALID,
            f'transformer {transformer_id} dataset "{transformer["dataset"]}" does not match job '
            f'dataset "{job["dataset"]}"',
        )
    if (job.get("output_options") or {}).get("output_type") == "csv":
        # That only NDJSON jobs have transformers is documented, the text is not.
        raise ApiError(400, INVALID, "transformers are only available for ndjson jobs")


def _version(code: str, before: list[dict[str, Any]]) -> dict[str, Any]:
    number = len(before) + 1
    return {"id": number, "version": number, "created_at": _now(), "code": code}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _find(account_id: str, transformer_id: str) -> dict[str, Any]:
    if re.fullmatch(r"[1-9][0-9]{0,17}", transformer_id):
        found = views.world().transformers.find(int(transformer_id))
        if found is not None and found[0] == ("account", account_id):
            return found[1]
    raise _not_found(transformer_id)


def _not_found(transformer_id: str) -> ApiError:
    # The text is documented for a job that names it, with 400. This status is inferred.
    return _unknown(transformer_id, 404)


def _unknown(transformer_id: object, status: int) -> ApiError:
    return ApiError(status, INVALID, f"transformer {transformer_id} not found for this account")


def _jobs_of(transformer_id: int) -> list[dict[str, Any]]:
    return [
        {"id": job["id"], "name": job["name"], "object_tag": object_id, "object_type": kind}
        for (kind, object_id), job in views.world().jobs.everything()
        if job.get("transformer_id") == transformer_id
    ]


def _answer(transformer: dict[str, Any]) -> dict[str, Any]:
    shown = transformer | {"associated_jobs": _jobs_of(transformer["id"])}
    return {name: value for name, value in shown.items() if value and name != "versions"}
