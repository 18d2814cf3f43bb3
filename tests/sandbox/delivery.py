# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivering logs: what becomes of an enabled job after it was written."""

from __future__ import annotations

import gzip
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
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
    """What becomes of an enabled job that was created, changed or enabled.

    ``outcome``: ``none`` (nothing is ever pushed), ``push`` (one batch; an object where a store
    serves the destination) or ``fail`` (with ``error``). ``after`` is how many answers still show
    the job as it was before; with 0 it happens as soon as the job was written.
    """

    outcome: str = "none"
    after: int = 0
    error: str = "error writing object: AccessDenied"

    def __post_init__(self) -> None:
        """Check the values; ``ValueError`` says what is wrong."""
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome: one of {', '.join(OUTCOMES)}")
        if type(self.after) is not int or self.after < 0:
            raise ValueError("after: 0 or more answers")
        if not isinstance(self.error, str) or not self.error:
            raise ValueError("error: a text")


class Deliveries:
    """Delivers by the plan, once for each write of a job; safe to use from several threads."""

    def __init__(
        self, jobs: Jobs, uploads: Uploads, stores: Mapping[str, Store], plan: Plan
    ) -> None:
        """``plan`` is also what ``clear`` goes back to."""
        self._jobs, self._uploads, self._stores = jobs, uploads, stores
        self._default = self._plan = plan
        self._lock = threading.Lock()
        self._waiting: dict[int, int] = {}  # how many answers are left, by the job

    def shown(self) -> dict[str, Any]:
        """The plan as JSON."""
        return asdict(self._plan)

    def set(self, plan: Plan) -> None:
        """Follow another plan from now on; what was to come does not."""
        with self._lock:
            self._plan = plan
            self._waiting.clear()

    def clear(self) -> None:
        """Go back to the first plan."""
        self.set(self._default)

    def written(self, job_id: int) -> None:
        """Note that a job was written, after its answer was made."""
        with self._lock:
            plan = self._plan
            if plan.outcome == "none":
                return
            self._waiting[job_id] = plan.after
        self._deliver_due([job_id], answers=0)

    def answered(self, job_ids: Iterable[int]) -> None:
        """Note that an answer showed these jobs."""
        if self._waiting:
            self._deliver_due(job_ids, answers=1)

    def deliver(self, job_id: int) -> dict[str, Any] | None:
        """Push now, or fail if that is the plan; the upload, or None if the job is not enabled."""
        found = self._jobs.find(job_id)
        if found is None or not found[1]["enabled"]:
            return None
        owner, job = found
        end = _end(job["last_complete"])
        text = batch.text(job, end - _RANGE)
        body = gzip.compress(text.encode())
        error, location = self._put(job["destination_conf"], _name(end), body)
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

    def _put(self, destination: str, name: str, body: bytes) -> tuple[str | None, Location]:
        """Why the object could not be written, or None; and where it lies, if it is one."""
        nowhere = Location("", "")
        if self._plan.outcome == "fail":
            return self._plan.error, nowhere
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
    """The end of the logs' range: the next full second, and later than that of the last batch."""
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=1)
    if before is None:
        return end
    last = datetime.fromisoformat(before.replace("Z", "+00:00")).replace(microsecond=0)
    return max(end, last + timedelta(seconds=1))


def _name(end: datetime) -> str:
    form = "%Y%m%dT%H%M%SZ"
    return f"{end - _RANGE:{form}}_{end:{form}}_{secrets.token_hex(4)}.log.gz"
