# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps a job as it is described: looks, plans, and has written only what the plan holds.

The plan is the same in check mode; what a dry run leaves out is decided below, in the client.
"""

from __future__ import annotations

import threading
import typing as t
from collections import Counter, defaultdict

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    Outcome,
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    Rejected,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    DesiredJob,
    Job,
    check_combination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import (
    Changes,
    find_changes,
    names_of,
    shown_creation,
    shown_job,
    shown_update,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_writer import (
    JobWriter,
    Written,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    LogpushJobs,
    Scope,
)

Result = dict[str, t.Any]


def reconcile_job(desired: DesiredJob, logpush: LogpushJobs) -> Result:
    """Make a job what ``desired`` says and return what a module returns.

    ``warnings`` and ``diff`` in it are Ansible's own. Raise ``CloudflareError`` where it fails.
    """
    keeper = JobReconciler(desired, logpush, logpush.jobs)
    keeper.plan()
    return keeper.apply()


class JobReconciler:
    """One job being kept: first planned, then carried out.

    ``list_jobs`` returns all jobs of the scope as they are before anything is done.
    """

    def __init__(
        self, desired: DesiredJob, logpush: LogpushJobs, list_jobs: t.Callable[[], list[Job]]
    ) -> None:
        self._desired = desired
        self._logpush = logpush
        self._list_jobs = list_jobs
        self._writer = JobWriter(desired, logpush)
        self._known: set[int] = set()
        self._apply: t.Callable[[], Result] | None = None
        # The job that there is, once it was looked for: its scope and number.
        self.job: tuple[Scope, int] | None = None

    def plan(self) -> None:
        """Find the job and see what is to be done; write nothing."""
        job = self._find()
        self.job = (self._logpush.scope.canonical, job.id) if job else None
        if self._desired.state == "absent":
            self._apply = self._plan_removal(job)
        elif job is None:
            self._apply = self._plan_creation()
        else:
            self._apply = self._plan_update(job)

    def apply(self) -> Result:
        """Do what was planned and return what a module returns."""
        work = self._apply
        work = t.cast("t.Callable[[], Result]", work)
        return work()

    def _find(self) -> Job | None:
        desired = self._desired
        if desired.id is None:
            job = self._find_by_name()
        else:
            job = self._logpush.job(desired.id)
            if job is None and desired.state == "present":
                raise InvalidInput(
                    "id",
                    f"there is no job {desired.id} in {self._where}; a job to be created gets its "
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
                f"name: {len(found)} jobs in {self._where} have the name '{self._desired.name}' "
                f"(their ids: {', '.join(map(str, ids))}); give the id of the one that is meant"
                + ("" if self._desired.dataset else ", or its dataset"),
                {"ids": ids},
            )
        return found[0] if found else None

    def _matches(self, job: Job) -> bool:
        return job.name == self._desired.name and _agree(self._desired.dataset, job.dataset)

    def _is_new(self, job: Job) -> bool:
        return job.id not in self._known and self._matches(job)

    @property
    def _where(self) -> str:
        return f"{self._logpush.scope.kind} {self._logpush.scope.id}"

    def _check_unchangeable(self, job: Job) -> None:
        """Raise where the job cannot become what is described."""
        desired = self._desired
        if desired.state == "absent":
            self._check_removable(job)
            return
        if not _agree(desired.dataset, job.dataset):
            raise _unchangeable("dataset", job, job.dataset)
        kind = job.properties.get("kind") or ""
        if desired.properties.get("kind", kind) != kind:
            raise _unchangeable("kind", job, kind)
        check_combination(desired.properties, dataset=job.dataset, kind=kind)

    def _check_removable(self, job: Job) -> None:
        """Raise where the job is not the one that is described."""
        for option, given, present in (
            ("name", self._desired.name, job.name),
            ("dataset", self._desired.dataset, job.dataset),
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
            result["response_lost"] = True
            result["warnings"].append(f"{lost.message}, but job {job.id} is gone")
        return result

    def _plan_creation(self) -> t.Callable[[], Result]:
        desired = self._desired
        if desired.destination is None:
            raise InvalidInput(
                DESTINATION_CONF,
                f"is missing: there is no job '{desired.name}' in {self._where} yet, and creating "
                "it needs a destination",
            )
        body = {**desired.properties, DESTINATION_CONF: desired.destination.raw}
        result = self._result(
            "created",
            Job(body),
            changes=Changes(body, names_of(body)),
            diff=({}, shown_creation(body)),
        )
        return lambda: self._complete(result, lambda: self._writer.create(body, self._is_new))

    def _plan_update(self, job: Job) -> t.Callable[[], Result]:
        changes = find_changes(self._desired, job)
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
        except Rejected as refusal:
            refusal.values.setdefault("changes", result["changes"])
            raise
        if job is None:
            return result
        result["job"] = job.describe()
        if lost is not None:
            result["response_lost"] = True
            result["warnings"].append(
                f"{lost.message}, but it was carried out: job {job.id} is as described"
            )
        else:
            result["warnings"] += self._warn_not_applied(job)
        return result

    def _warn_not_applied(self, job: Job) -> list[str]:
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
            "response_lost": False,
            "job": job.describe() if job else None,
            "warnings": [],
        }
        if diff is not None:
            label = f"{self._where}: job '{self._desired.name or self._desired.id}'"
            header = {"before_header": label, "after_header": label}
            result["diff"] = {"before": diff[0], "after": diff[1], **header}
        if job is not None and changes.missing and not self._desired.resend_hidden:
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


Params = t.Mapping[str, t.Any]
_Key = tuple[t.Any, ...]


def label_of(entry: Params) -> tuple[Result, str]:
    """Return what identifies an entry: its options, and a text for messages."""
    names = ("zone_id", "account_id", "id", "name", "dataset")
    item = {name: entry[name] for name in names if entry.get(name) is not None}
    scope = f"zone {item['zone_id']}" if "zone_id" in item else f"account {item.get('account_id')}"
    # In a sentence, which is a line.
    name = " ".join(str(item.get("name") or item.get("id")).split())
    return item, f"job '{name}' in {scope}"


def reconcile_jobs(
    entries: t.Sequence[Params], logpush_of: t.Callable[[Params], LogpushJobs], concurrency: int
) -> list[Outcome[Result]]:
    """Make each job what its entry says; return what came of each.

    ``logpush_of`` returns the API of an entry's zone or account. Raise ``InvalidInput`` where two
    entries describe one job, which would change it to and fro.
    """
    _check_unique(entries)
    lists = _Lists()

    def plan(entry: Params) -> JobReconciler:
        logpush = logpush_of(entry)
        keeper = JobReconciler(DesiredJob.of(entry), logpush, lambda: lists.of(logpush))
        keeper.plan()
        return keeper

    planned = _without_doubles(run_concurrently(plan, entries, concurrency))

    def apply(each: Outcome[JobReconciler]) -> Result:
        if isinstance(each, CloudflareError):
            raise each
        return each.apply()

    return run_concurrently(apply, planned, concurrency)


class _Lists:
    """The jobs of each zone and account, asked for once, however many entries want to know."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Scope, threading.Lock] = defaultdict(threading.Lock)
        self._found: dict[Scope, list[Job] | CloudflareError] = {}

    def of(self, logpush: LogpushJobs) -> list[Job]:
        """Return the jobs of one; raise what was raised the first time."""
        scope = logpush.scope.canonical
        with self._lock:
            lock = self._locks[scope]
        with lock:
            if scope not in self._found:
                self._found[scope] = self._ask(logpush)
            found = self._found[scope]
        if isinstance(found, CloudflareError):
            raise found
        return found

    @staticmethod
    def _ask(logpush: LogpushJobs) -> list[Job] | CloudflareError:
        try:
            return logpush.jobs()
        except CloudflareError as error:
            return error


def _check_unique(entries: t.Sequence[Params]) -> None:
    """Raise for two entries that describe one job, by its number or its name."""
    seen: dict[_Key, list[tuple[int, Params]]] = defaultdict(list)
    for number, entry in enumerate(entries, 1):
        for key in _keys(entry):
            for other, theirs in seen[key]:
                if _describe_one_job(entry, theirs):
                    raise InvalidInput(
                        "jobs",
                        f"entries {other} and {number} both describe the {label_of(entry)[1]}",
                    )
            seen[key].append((number, entry))


def _keys(entry: Params) -> list[_Key]:
    """Return what a job may be known by. Cloudflare takes capitals in a zone's number too."""
    scope = ((entry["zone_id"] or "").lower(), (entry["account_id"] or "").lower())
    return [(*scope, each, entry[each]) for each in ("id", "name") if entry[each] is not None]


def _describe_one_job(entry: Params, other: Params) -> bool:
    """Tell whether two with the same id or name do; one without a dataset is for any dataset."""
    if None not in (entry["id"], other["id"]):
        return bool(entry["id"] == other["id"])
    datasets = (entry["dataset"], other["dataset"])
    return None in datasets or datasets[0] == datasets[1]


def _without_doubles(planned: t.Sequence[Outcome[JobReconciler]]) -> list[Outcome[JobReconciler]]:
    """Put an error in the place of each plan for a job that another entry is for as well."""
    entries_of = Counter(
        each.job for each in planned if isinstance(each, JobReconciler) and each.job
    )
    return [
        CloudflareError(f"job {each.job[1]} is described by several entries")
        if isinstance(each, JobReconciler) and each.job and entries_of[each.job] > 1
        else each
        for each in planned
    ]
