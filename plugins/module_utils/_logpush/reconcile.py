# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps a job as it is described: looks, plans, and has written only what the plan holds.

The plan is the same in check mode; what a dry run leaves out is decided below, in the client.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    Refused,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import Job
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import (
    Changes,
    find_changes,
    names_of,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush._job_diff import (
    shown_creation,
    shown_job,
    shown_update,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush._job_options import (
    Wanted,
    check_combination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_writer import (
    JobWriter,
    Written,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush._logpush_jobs import LogpushJobs

Result = dict[str, t.Any]


def keep_job(wanted: Wanted, logpush: LogpushJobs) -> Result:
    """Make a job what ``wanted`` says and return what a module returns.

    ``warnings`` and ``diff`` in it are Ansible's own. Raise ``CloudflareError`` where it fails.
    """
    keeper = JobKeeper(wanted, logpush, logpush.jobs)
    keeper.plan()
    return keeper.carry_out()


class JobKeeper:
    """One job being kept: first planned, then carried out.

    ``list_jobs`` returns all jobs of the scope as they are before anything is done.
    """

    def __init__(
        self, wanted: Wanted, logpush: LogpushJobs, list_jobs: t.Callable[[], list[Job]]
    ) -> None:
        self._wanted = wanted
        self._logpush = logpush
        self._list_jobs = list_jobs
        self._writer = JobWriter(wanted, logpush)
        self._known: set[int] = set()
        self._carry_out: t.Callable[[], Result] | None = None
        # The job that there is, once it was looked for: its scope and number.
        self.job: tuple[Scope, int] | None = None

    def plan(self) -> None:
        """Find the job and see what is to be done; write nothing."""
        job = self._find()
        self.job = (self._logpush.scope.canonical, job.id) if job else None
        if self._wanted.state == "absent":
            self._carry_out = self._plan_removal(job)
        elif job is None:
            self._carry_out = self._plan_creation()
        else:
            self._carry_out = self._plan_update(job)

    def carry_out(self) -> Result:
        """Do what was planned and return what a module returns."""
        work = self._carry_out
        work = t.cast("t.Callable[[], Result]", work)
        return work()

    def _find(self) -> Job | None:
        wanted = self._wanted
        if wanted.id is None:
            job = self._find_by_name()
        else:
            job = self._logpush.job(wanted.id)
            if job is None and wanted.state == "present":
                raise InvalidInput(
                    "id",
                    f"there is no job {wanted.id} in {self._where}; a job to be created gets its "
                    "id from Cloudflare, so leave id out and give a name",
                )
        if job is not None:
            self._check_unchangeable(job)
        return job

    def _find_by_name(self) -> Job | None:
        jobs = self._list_jobs()
        self._known = {job.id for job in jobs}
        found = [job for job in jobs if self._matches(job)]
        if len(found) > 1:
            ids = [job.id for job in found]
            raise CloudflareError(
                f"name: {len(found)} jobs in {self._where} have the name '{self._wanted.name}' "
                f"(their ids: {', '.join(map(str, ids))}); give the id of the one that is meant"
                + ("" if self._wanted.dataset else ", or its dataset"),
                {"ids": ids},
            )
        return found[0] if found else None

    def _matches(self, job: Job) -> bool:
        return job.name == self._wanted.name and _agree(self._wanted.dataset, job.dataset)

    def _is_new(self, job: Job) -> bool:
        return job.id not in self._known and self._matches(job)

    @property
    def _where(self) -> str:
        return f"{self._logpush.scope.kind} {self._logpush.scope.id}"

    def _check_unchangeable(self, job: Job) -> None:
        """Raise where the job cannot become what is described."""
        wanted = self._wanted
        if wanted.state == "absent":
            self._check_removable(job)
            return
        if not _agree(wanted.dataset, job.dataset):
            raise _unchangeable("dataset", job, job.dataset)
        kind = job.properties.get("kind") or ""
        if wanted.properties.get("kind", kind) != kind:
            raise _unchangeable("kind", job, kind)
        check_combination(wanted.properties, dataset=job.dataset, kind=kind)

    def _check_removable(self, job: Job) -> None:
        """Raise where the job is not the one that is described."""
        for option, given, present in (
            ("name", self._wanted.name, job.name),
            ("dataset", self._wanted.dataset, job.dataset),
        ):
            if not _agree(given, present):
                raise InvalidInput(option, f"job {job.id} has '{present}'; it was not removed")

    def _plan_removal(self, job: Job | None) -> t.Callable[[], Result]:
        if job is None:
            result = self._result("none", None)
            return lambda: result
        result = self._result("deleted", job, diff=(shown_job(job), {}))
        return lambda: self._remove(job, result)

    def _remove(self, job: Job, result: Result) -> Result:
        lost = self._writer.delete(job.id)
        if lost is not None:
            result["answer_lost"] = True
            result["warnings"].append(f"{lost.message}, but job {job.id} is gone")
        return result

    def _plan_creation(self) -> t.Callable[[], Result]:
        wanted = self._wanted
        if wanted.destination is None:
            raise InvalidInput(
                DESTINATION_CONF,
                f"is missing: there is no job '{wanted.name}' in {self._where} yet, and creating "
                "it needs a destination",
            )
        body = {**wanted.properties, DESTINATION_CONF: wanted.destination.raw}
        result = self._result(
            "created",
            Job(body),
            changes=Changes(body, names_of(body)),
            diff=({}, shown_creation(body)),
        )
        return lambda: self._complete(result, lambda: self._writer.create(body, self._is_new))

    def _plan_update(self, job: Job) -> t.Callable[[], Result]:
        changes = find_changes(self._wanted, job)
        if not changes.body:
            unchanged = self._result("none", job, changes=changes)
            return lambda: unchanged
        result = self._result(
            "updated",
            Job({**job.properties, **changes.body}),
            changes=changes,
            diff=(shown_job(job), shown_update(job, changes)),
        )
        return lambda: self._complete(result, lambda: self._writer.update(job, changes.body))

    def _complete(self, result: Result, write: t.Callable[[], Written]) -> Result:
        """Write, and add to the plan what came of it."""
        try:
            job, lost = write()
        except Refused as refusal:
            refusal.values.setdefault("changes", result["changes"])
            raise
        if job is None:
            return result
        result["job"] = job.describe()
        if lost is not None:
            result["answer_lost"] = True
            result["warnings"].append(
                f"{lost.message}, but it was carried out: job {job.id} is as described"
            )
        else:
            result["warnings"] += self._say_what_did_not_last(job)
        return result

    def _say_what_did_not_last(self, job: Job) -> list[str]:
        names = ", ".join(self._writer.differences(job))
        said = (
            f"Cloudflare took what was sent for job {job.id}, but shows something else for "
            f"{names}; if it goes on to do so, each run changes it again"
        )
        return [said] if names else []

    def _result(
        self,
        action: str,
        job: Job | None,
        *,
        changes: Changes | None = None,
        diff: tuple[t.Any, t.Any] | None = None,
    ) -> Result:
        changes = changes or Changes()
        moved = DESTINATION_CONF in changes.body
        result: Result = {
            "changed": action != "none",
            "action": action,
            "changes": list(changes.names),
            "not_compared": [*changes.masked, *changes.missing],
            "ownership_required": moved and self._writer.needs_token(),
            "answer_lost": False,
            "job": job.describe() if job else None,
            "warnings": [],
        }
        if diff is not None:
            label = f"{self._where}: job '{self._wanted.name or self._wanted.id}'"
            header = {"before_header": label, "after_header": label}
            result["diff"] = {"before": diff[0], "after": diff[1], **header}
        if job is not None and changes.missing and not self._wanted.resend_hidden:
            result["warnings"].append(_say_missing(job, changes.missing))
        return result


def _agree(given: str | None, present: str | None) -> bool:
    """Tell whether two agree; what is not given, or not shown, cannot be compared."""
    return None in (given, present) or given == present


def _unchangeable(option: str, job: Job, present: str | None) -> InvalidInput:
    return InvalidInput(
        option,
        f"job {job.id} ('{job.name}') has '{present or ''}', which Cloudflare cannot change; "
        f"remove that job (state: absent, id: {job.id}) and create another, or give another name",
    )


def _say_missing(job: Job, missing: t.Sequence[str]) -> str:
    return (
        f"Cloudflare does not show these of job {job.id}: {', '.join(missing)}. So they were not "
        "compared: either the job has none, or they are hidden. Set resend_hidden: true once to "
        "send them"
    )
