# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write jobs as planned, so that nothing is done twice or lost: lost responses, tokens."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    Outcome,
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    Rejected,
    RequestError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    DesiredJob,
    Job,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import (
    not_applied,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.lost_response import (
    look_for,
    lost_error,
    may_be_applied,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.ownership import (
    TokenSource,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.plan import Plan
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    is_token_rejected,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    OWNERSHIP_CHALLENGE,
    disagreements,
)

_MISSING = (
    f"this destination requires an {OWNERSHIP_CHALLENGE}; set prove_ownership: true to have the "
    "module prove ownership, or pass the content of the challenge file that "
    "edgeops.cloudflare.logpush_ownership requests"
)
_RUN_AGAIN = (
    "The request may still be in progress, so wait before rerunning the task, which looks for the "
    "job first"
)

Result = dict[str, t.Any]
_Send = t.Callable[[t.Mapping[str, t.Any]], t.Optional[Job]]


class JobWriter:
    """Writes one planned job. ``source`` provides the ownership token where one is required."""

    def __init__(self, plan: Plan, logpush: Logpush, source: TokenSource | None = None) -> None:
        self._plan = plan
        self._logpush = logpush
        self._jobs = Jobs(logpush)
        self._source = source
        self._result = plan.result()

    def apply(self) -> Result:
        """Write and return what a module returns. Raise ``CloudflareError`` where it fails."""
        if self._plan.action == "none" or self._logpush.check_mode:
            return self._result
        if self._plan.action == "deleted":
            return self._delete()
        try:
            return self._write()
        except CloudflareError as error:
            for name in ("changes", "ownership", "filename", "warnings"):
                error.values.setdefault(name, self._result[name])
            raise

    def _delete(self) -> Result:
        job = t.cast(Job, self._plan.job)
        try:
            self._jobs.delete_job(job.id)
        except RequestError as error:
            if not may_be_applied(error):
                raise
            if not look_for(error, lambda: self._jobs.job(job.id) is None, _RUN_AGAIN):
                raise lost_error(error, f"job {job.id} still exists. {_RUN_AGAIN}") from error
            self._note_lost(error, f"job {job.id} no longer exists")
        return self._result

    def _write(self) -> Result:
        try:
            job = self._send_with_token()
        except RequestError as error:
            if not may_be_applied(error):
                raise
            if self._source is not None:
                # Where a token is accepted only once, the next job needs another.
                self._source.used = True
            job = self._find_after(error)
            self._note_lost(error, f"it was applied: job {job.id} is in the desired state")
        else:
            self._note_not_applied(job)
        if self._source is not None and self._result["ownership"] == "proved":
            self._result["warnings"] += self._source.accept()
        self._result["job"] = job.describe()
        return self._result

    def _send_with_token(self) -> Job:
        """Send the job, with a token where one is required; with a new one where it was used."""
        plan, source = self._plan, self._source
        token = plan.desired.token if plan.writes_destination else None
        if token is None and plan.requires_token:
            token = self._proved(renew=False)
        elif token is None and source is not None and source.used:
            # An earlier job has shown that Cloudflare requires one.
            token = self._proved(renew=False)
        try:
            return self._send(token)
        except ApiError as error:
            if not is_token_rejected(error):
                raise
            # Without a token, Cloudflare requires one; a token that another job has used may
            # be taken only once.
            may_prove = source is not None and plan.desired.token is None
            if not may_prove or (token is not None and not t.cast(TokenSource, source).used):
                raise self._rejected(error, token) from error
            return self._send_again(self._proved(renew=True))

    def _send_again(self, token: str) -> Job:
        try:
            return self._send(token)
        except ApiError as error:
            if is_token_rejected(error):
                raise self._rejected(error, token) from error
            raise

    def _proved(self, *, renew: bool) -> str:
        if self._source is None:
            raise Rejected(_MISSING, {"ownership": "missing"})
        self._result["ownership"] = "missing"
        try:
            token = self._source.renew() if renew else self._source.require()
        finally:
            self._result["filename"] = self._source.filename
        self._result["ownership"] = "proved"
        return token

    def _send(self, token: str | None) -> Job:
        body = dict(self._plan.body)
        if token is not None:
            body[OWNERSHIP_CHALLENGE] = token
        if self._plan.job is None:
            return t.cast(Job, self._jobs.create_job(body))
        return t.cast(Job, self._jobs.update_job(self._plan.job.id, body))

    def _rejected(self, error: ApiError, token: str | None) -> Rejected:
        destination = self._plan.desired.destination
        if token is None or destination is None:
            return Rejected(
                f"{_MISSING}. {error.message}", {**error.values, "ownership": "missing"}
            )
        kind, scope_id = self._logpush.scope
        reasons = disagreements(
            token, object_type=kind, object_id=scope_id, destination=destination
        )
        sentence = f"Cloudflare rejected the ownership token: {error.cause}."
        return Rejected(
            " ".join([sentence, *reasons]),
            {**error.values, "ownership": "rejected", "reasons": reasons},
        )

    def _note_lost(self, error: RequestError, found: str) -> None:
        self._result["response_lost"] = True
        self._result["warnings"].append(f"{error.message}, but {found}")

    def _note_not_applied(self, job: Job) -> None:
        names = self._result["not_applied"] = self._differences(job)
        if names:
            self._result["warnings"].append(
                f"Cloudflare accepted the request for job {job.id}, but its response shows other "
                f"values for {', '.join(names)}; every run will send them again"
            )

    def _differences(self, job: Job) -> list[str]:
        """Return by name what of a job, as far as it is shown, is not in the desired state."""
        return not_applied(self._plan.desired, job)

    def _find_after(self, lost: RequestError) -> Job:
        """Return the job after a lost response, or raise where it is not in the desired state."""
        if self._plan.job is None:
            return self._the_one(look_for(lost, self._new_jobs, _RUN_AGAIN) or [], lost)
        job = self._plan.job
        found: Job | None = look_for(lost, self._updated_job, _RUN_AGAIN)
        if found is None:
            raise lost_error(lost, f"job {job.id} is not in the desired state. {_RUN_AGAIN}")
        if not self._differences(job):
            # Nothing that is shown was to change.
            raise lost_error(
                lost,
                "whether it was applied is unknown, since Cloudflare masks what was sent. "
                "Rerun the task",
            )
        return found

    def _new_jobs(self) -> list[Job]:
        plan = self._plan
        jobs = self._jobs.jobs()
        return [job for job in jobs if job.id not in plan.known_ids and plan.is_twin(job)]

    def _updated_job(self) -> Job | None:
        job = self._jobs.job(t.cast(Job, self._plan.job).id)
        return None if job is None or self._differences(job) else job

    def _the_one(self, jobs: list[Job], lost: RequestError) -> Job:
        """Return the only new job if it is in the desired state, or raise."""
        ids = [job.id for job in jobs]
        if not ids:
            raise lost_error(
                lost,
                "the job was not found afterwards, so it seems not to have been created. "
                f"{_RUN_AGAIN}",
                ids=ids,
            )
        if len(ids) > 1:
            raise lost_error(
                lost,
                f"afterwards there were {len(ids)} new jobs of that name (ids: "
                f"{', '.join(map(str, ids))}); remove all but one",
                ids=ids,
            )
        names = self._differences(jobs[0])
        if names:
            raise lost_error(
                lost,
                f"afterwards there was a new job of that name, {ids[0]}, but it differs in "
                f"{', '.join(names)}, so something else may have created it",
                ids=ids,
            )
        return jobs[0]


class Prune:
    """Removals of jobs, of ``datasets`` alone where they are given."""

    def __init__(self, datasets: t.Sequence[str] | None) -> None:
        self._datasets = datasets
        self._removals: list[tuple[t.Mapping[str, t.Any], JobWriter]] = []

    def add(
        self, logpush: Logpush, jobs: t.Sequence[Job], kept: set[int | None], host: str | None
    ) -> None:
        """Plan to remove the ``jobs`` of a scope but for the ids ``kept``."""
        for job in jobs:
            # An empty list, perhaps of a variable that was not filled, allows no removal.
            if job.id in kept or (self._datasets is not None and job.dataset not in self._datasets):
                continue
            plan = Plan("deleted", DesiredJob.removal_of(job), logpush.scope, job)
            logpush.expect(1)
            self._removals.append((_label(job, logpush, host), JobWriter(plan, logpush)))

    def apply(self, concurrency: int) -> list[tuple[t.Mapping[str, t.Any], Outcome[Result]]]:
        """Remove them concurrently; return what was removed, or would be in check mode."""

        def remove(removal: tuple[t.Mapping[str, t.Any], JobWriter]) -> Result:
            return removal[1].apply()

        outcomes = run_concurrently(remove, self._removals, concurrency)
        return [(item, outcome) for (item, _writer), outcome in zip(self._removals, outcomes)]


def _label(job: Job, logpush: Logpush, host: str | None) -> t.Mapping[str, t.Any]:
    names = {"host": host, f"{logpush.scope.kind}_id": logpush.scope.id, "id": job.id}
    names.update(name=job.name or None, dataset=job.dataset)
    return {name: value for name, value in names.items() if value is not None}
