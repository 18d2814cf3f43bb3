# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliver logs of enabled jobs, once after each write of a job."""

from __future__ import annotations

import gzip
import secrets
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from . import batch
from .analytics import FORMAT, Uploads
from .job_store import Jobs
from .schema import Schema
from .store import Location, Store, StoreRefusal, scheme_of

_RANGE = timedelta(seconds=30)
# Its store takes messages, no objects.
_NO_OBJECTS = "sumo"
_DEFAULT = {"outcome": "none", "after": 0, "error": "error writing object: AccessDenied"}
_PLAN: dict[str, Any] = {
    "properties": {
        "outcome": {"enum": ["none", "push", "fail"]},
        "after": {"type": "integer", "minimum": 0},
        "error": {"type": "string", "minLength": 1},
    },
    "additionalProperties": False,
}
_JOBS = {"jobs": {"type": "object", "additionalProperties": _PLAN}}
_SCHEMA = Schema(**_PLAN | {"properties": _PLAN["properties"] | _JOBS})


class Deliveries:
    """Delivers according to a plan; safe to use from several threads.

    A plan is a JSON object. ``outcome``: ``none`` (nothing is pushed), ``push`` (one batch; an
    object where a store serves the destination) or ``fail`` (with the message ``error``).
    ``after``: how many responses show the job before that; 0 delivers as soon as the job is
    written. ``jobs``: plans of single jobs, by name.
    """

    def __init__(
        self, jobs: Jobs, uploads: Uploads, stores: Mapping[str, Store], *, deliver: bool
    ) -> None:
        """``deliver``: push at once, until another plan is set, and after a ``clear``."""
        self._jobs, self._uploads, self._stores = jobs, uploads, stores
        self._first = {"outcome": "push"} if deliver else {}
        self._lock = threading.Lock()
        self.clear()

    def set(self, plan: Any) -> None:
        """Set a plan, and drop pending deliveries; ``ValueError`` if it is invalid."""
        complete = {**_DEFAULT, "jobs": {}, **_SCHEMA.check(plan)}
        with self._lock:
            self.plan: dict[str, Any] = complete
            self._waiting: dict[int, int] = {}  # how many responses are left, by job id

    def clear(self) -> None:
        """Restore the first plan."""
        self.set(self._first)

    def written(self, job: dict[str, Any]) -> None:
        """Deliver or schedule, after a job was written."""
        with self._lock:
            plan = self._plan_of(job)
            if plan["outcome"] == "none":
                return
            self._waiting[job["id"]] = plan["after"]
        self._deliver_due([job["id"]], answers=0)

    def answered(self, job_ids: Iterable[int]) -> None:
        """Count a response that shows these jobs."""
        if self._waiting:
            self._deliver_due(job_ids, answers=1)

    def deliver(self, job_id: int) -> dict[str, Any] | None:
        """Deliver now; return the upload, or None if the job is not enabled."""
        found = self._jobs.find(job_id)
        if found is None or not found[1]["enabled"]:
            return None
        owner, job = found
        end = _end(job["last_complete"])
        text = batch.text(job, end - _RANGE)
        body = gzip.compress(text.encode())
        error, location = self._put(job, _name(end), body)
        if error is None:
            state = {"last_complete": f"{end:{FORMAT}}", "last_error": None, "error_message": None}
        else:
            state = {"last_error": f"{end:{FORMAT}}", "error_message": error}
        self._jobs.update(job_id, state)
        upload = {
            "jobId": job_id,
            "destinationType": scheme_of(job["destination_conf"]) or "",
            "status": 200 if error is None else 403,
            "bytes": len(text.encode()),
            "bytesCompressed": len(body),
            "records": batch.RECORDS,
            "bucket": location.bucket,
            "key": location.key,
        }
        return self._uploads.add(owner, upload)

    def _put(self, job: dict[str, Any], name: str, body: bytes) -> tuple[str | None, Location]:
        """Write the object; return the error or None, and the location of the object if any."""
        nowhere, plan, destination = Location("", ""), self._plan_of(job), job["destination_conf"]
        if plan["outcome"] == "fail":
            return plan["error"], nowhere
        scheme = scheme_of(destination) or ""
        store = self._stores.get(scheme)
        if store is None or scheme == _NO_OBJECTS:
            return None, nowhere
        try:
            location = store.locate(destination, name)
            store.put(location, body)
        except StoreRefusal as refusal:
            return str(refusal), nowhere
        return None, location

    def _plan_of(self, job: dict[str, Any]) -> dict[str, Any]:
        return {**self.plan, **self.plan["jobs"].get(job["name"], {})}

    def _deliver_due(self, job_ids: Iterable[int], answers: int) -> None:
        due = []
        with self._lock:
            for job_id in job_ids:
                left = self._waiting.get(job_id)
                if left is None:
                    continue
                self._waiting[job_id] = left - answers
                if left - answers <= 0:
                    del self._waiting[job_id]
                    due.append(job_id)
        for job_id in due:
            self.deliver(job_id)


def _end(before: str | None) -> datetime:
    """Return the end of the logs' range: the next full second, later than the previous end."""
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=1)
    if before is None:
        return end
    last = datetime.fromisoformat(before.replace("Z", "+00:00")).replace(microsecond=0)
    return max(end, last + timedelta(seconds=1))


def _name(end: datetime) -> str:
    form = "%Y%m%dT%H%M%SZ"
    return f"{end - _RANGE:{form}}_{end:{form}}_{secrets.token_hex(4)}.log.gz"
