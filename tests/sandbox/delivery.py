# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliver logs of enabled jobs, once after each write of a job."""

from __future__ import annotations

import gzip
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from . import batch
from .job_store import Jobs
from .store import Location, Store, StoreRefusal, scheme_of
from .uploads import FORMAT, Uploads

OUTCOMES = ("none", "push", "fail")
_RANGE = timedelta(seconds=30)
# Its store takes messages, no objects.
_NO_OBJECTS = "sumo"


@dataclass(frozen=True)
class Plan:
    """How logs are delivered after an enabled job was created or changed.

    ``outcome``: ``none`` (nothing is pushed), ``push`` (one batch; an object where a store serves
    the destination) or ``fail`` (with the message ``error``). ``after``: how many responses show
    the job before that; 0 delivers as soon as the job is written. ``jobs``: plans of single jobs,
    by name.
    """

    outcome: str = "none"
    after: int = 0
    error: str = "error writing object: AccessDenied"
    jobs: dict[str, Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate the values; ``ValueError`` names an invalid one."""
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome: one of {', '.join(OUTCOMES)}")
        if type(self.after) is not int or self.after < 0:
            raise ValueError("after: 0 or more responses")
        if not isinstance(self.error, str) or not self.error:
            raise ValueError("error: a text")

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Plan:
        """Read a plan from JSON; ``ValueError`` or ``TypeError`` if it is invalid."""
        jobs = {name: cls(**plan) for name, plan in dict(given.get("jobs", {})).items()}
        return cls(**{**given, "jobs": jobs})

    def of(self, job: dict[str, Any]) -> Plan:
        """The plan for a job."""
        return self.jobs.get(job["name"], self)


class Deliveries:
    """Delivers according to the plan; safe to use from several threads."""

    def __init__(
        self, jobs: Jobs, uploads: Uploads, stores: Mapping[str, Store], plan: Plan
    ) -> None:
        """``clear`` restores ``plan``."""
        self._jobs, self._uploads, self._stores = jobs, uploads, stores
        self._default = self._plan = plan
        self._lock = threading.Lock()
        self._waiting: dict[int, int] = {}  # how many responses are left, by job id

    def shown(self) -> dict[str, Any]:
        """The plan as JSON."""
        return asdict(self._plan)

    def set(self, plan: Plan) -> None:
        """Set the plan, and drop pending deliveries."""
        with self._lock:
            self._plan = plan
            self._waiting.clear()

    def clear(self) -> None:
        """Restore the first plan."""
        self.set(self._default)

    def written(self, job: dict[str, Any]) -> None:
        """Deliver or schedule, after a job was written."""
        with self._lock:
            plan = self._plan.of(job)
            if plan.outcome == "none":
                return
            self._waiting[job["id"]] = plan.after
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
        nowhere, plan, destination = Location("", ""), self._plan.of(job), job["destination_conf"]
        if plan.outcome == "fail":
            return plan.error, nowhere
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
