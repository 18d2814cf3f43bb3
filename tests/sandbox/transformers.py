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

from . import datasets, views
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
    properties = _properties(views.body())
    properties |= _new_version(_text(views.body(), "code"), [])
    properties["created_at"] = properties["updated_at"]
    transformer = views.world().transformers.add((kind, object_id), properties)
    views.note_write()
    return success(_answer(transformer or {})), 201


@blueprint.post("/preview")
def preview(kind: str, object_id: str) -> dict[str, Any]:
    """Run a query on one record; nothing is kept."""
    code, record = _text(views.body(), "sql"), views.body().get("input")
    _dataset(code)
    if not isinstance(record, dict):
        raise ApiError(400, INVALID, "missing required field: input")
    return success(_run_query(code, record))


@blueprint.get("/<transformer_id>")
def get(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """One transformer."""
    return success(_answer(_find(object_id, transformer_id)))


@blueprint.put("/<transformer_id>")
def change(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """Set name and description, and the SQL where the body has it."""
    transformer = _find(object_id, transformer_id)
    changes = _properties(views.body()) | {"updated_at": _now()}
    if views.body().get("code") is not None:
        changes |= _new_version(_text(views.body(), "code"), transformer["versions"])
    changed = views.world().transformers.update(transformer["id"], changes)
    if changed is None:
        raise _unknown(transformer_id, 404)
    views.note_write()
    return success(_answer(changed))


@blueprint.delete("/<transformer_id>")
def delete(kind: str, object_id: str, transformer_id: str) -> dict[str, Any]:
    """Forget a transformer that no job names."""
    transformer = _find(object_id, transformer_id)
    if _jobs_of(transformer["id"]):
        raise ApiError(409, INVALID, f"transformer {transformer_id} is used by logpush jobs")
    if not views.world().transformers.remove(transformer["id"]):
        raise _unknown(transformer_id, 404)
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
    transformer = _of_account(account_id, transformer_id)
    if transformer is None:
        raise _unknown(transformer_id, 400)
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


def _new_version(code: str, before: list[dict[str, Any]]) -> dict[str, Any]:
    """What changes with the SQL of a transformer."""
    now, number = _now(), len(before) + 1
    version = {"id": number, "version": number, "created_at": now, "code": code}
    return {"dataset": _dataset(code), "updated_at": now, "versions": [*before, version]}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _of_account(account_id: str, transformer_id: int) -> dict[str, Any] | None:
    owner, transformer = views.world().transformers.find(transformer_id) or (None, None)
    return transformer if owner == ("account", account_id) else None


def _find(account_id: str, transformer_id: str) -> dict[str, Any]:
    known = re.fullmatch(r"[1-9][0-9]{0,17}", transformer_id)
    transformer = _of_account(account_id, int(transformer_id)) if known else None
    if transformer is None:
        # The text is documented for a job that names it, with 400. This status is inferred.
        raise _unknown(transformer_id, 404)
    return transformer


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


# Bytes. The documentation has 10 KB for the SQL, the API reference 32 KB.
_MOST = {"name": 255, "description": 4096, "code": 10 * 1024, "sql": 10 * 1024}
_FROM = re.compile(r"\bFROM\s+([A-Za-z_]\w*)", re.IGNORECASE)
_COLUMN = r"[A-Za-z_]\w*"
# The only kind of query that is run: columns by their names.
_PLAIN = re.compile(
    rf"\s*SELECT\s+(\*|{_COLUMN}(?:\s*,\s*{_COLUMN})*)\s+FROM\s+{_COLUMN}\s*;?\s*", re.IGNORECASE
)


def _properties(given: dict[str, Any]) -> dict[str, Any]:
    """Name and description of a body; a description that is left out is empty."""
    description = _text(given, "description") if given.get("description") else ""
    return {"name": _text(given, "name"), "description": description}


def _text(given: dict[str, Any], name: str) -> str:
    """A text that a body must have; its absence is refused in documented words."""
    value = given.get(name)
    if not value:
        raise ApiError(400, INVALID, f"missing required field: {name}")
    if not isinstance(value, str):
        raise _inferred(f"{name} must be a string")
    if len(value.encode("utf-8", "replace")) > _MOST[name]:
        if name in ("code", "sql"):
            raise ApiError(413, INVALID, "request entity too large")
        raise _inferred(f"{name} has more than {_MOST[name]} bytes")
    return value


def _dataset(code: str) -> str:
    """The dataset of a query, which is checked as far as the sandbox reads SQL.

    Documented: unknown fields and datasets and wrong syntax are refused with 400, with line and
    column. Inferred: the texts.
    """
    tables = list(_FROM.finditer(code))
    if not re.match(r"\s*(SELECT|WITH)\b", code, re.IGNORECASE) or not tables:
        raise _schema_error(code, 0, "expected a SELECT query with a FROM clause")
    # Such a name may also be a function, in extract(epoch FROM ...), or a common table expression.
    known = [table[1] for table in tables if table[1] in datasets.SCOPES]
    if not known:
        raise _schema_error(code, tables[-1].start(1), f"unknown dataset '{tables[-1][1]}'")
    plain = _PLAIN.fullmatch(code)
    for column in re.compile(_COLUMN).finditer(code, *plain.span(1)) if plain else ():
        if datasets.is_unknown(known[0], column[0]):
            raise _schema_error(code, column.start(), f"unknown column '{column[0]}'")
    return known[0]


def _run_query(code: str, record: dict[str, Any]) -> dict[str, Any]:
    """The columns of a record that a plain query names; of any other query, the record as it is."""
    plain = _PLAIN.fullmatch(code)
    if plain is None or plain[1] == "*":
        return record
    # Inferred: a field that the record lacks is null.
    return {name: record.get(name) for name in re.findall(_COLUMN, plain[1])}


def _schema_error(code: str, at: int, problem: str) -> ApiError:
    line = code.count("\n", 0, at) + 1
    column = at - (code.rfind("\n", 0, at) + 1) + 1
    return _inferred(f"schema validation error: {problem} at line {line}, column {column}")


def _inferred(message: str) -> ApiError:
    # That it is refused, and with this status, is documented; the code and the text are not.
    return ApiError(400, INVALID, message)
