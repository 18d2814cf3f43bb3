# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan one job: find it among the jobs of its scope, and decide what to send. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
    REQUIRED,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    DesiredJob,
    Job,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import (
    Changes,
    find_changes,
    names_of,
    shown_creation,
    shown_job,
    shown_update,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    check_combination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope

Result = dict[str, t.Any]


class Plan(t.NamedTuple):
    """The planned action for one job.

    ``action`` is ``created``, ``updated``, ``deleted`` or ``none``, ``body`` what to send, without
    a token, ``job`` the job as it is, and ``known_ids`` are the jobs that the scope has already.
    """

    action: str
    desired: DesiredJob
    scope: Scope
    job: Job | None = None
    changes: Changes = Changes()
    known_ids: frozenset[int] = frozenset()

    @property
    def body(self) -> t.Mapping[str, t.Any]:
        """The properties to send."""
        return self.changes.body

    @property
    def writes_destination(self) -> bool:
        """Whether the destination is sent, which may require an ownership token."""
        return DESTINATION_CONF in self.body

    @property
    def requires_token(self) -> bool:
        """Whether Cloudflare is known to require a token, and none is given."""
        destination = self.desired.destination
        required = destination is not None and destination.ownership == REQUIRED
        return self.writes_destination and required and self.desired.token is None

    def is_twin(self, job: Job) -> bool:
        """Whether a job has the name and dataset of the planned one."""
        return _matches(self.desired, job)

    def result(self) -> Result:
        """Return what a module returns; it is complete where nothing is to be written."""
        job = self.job
        if self.body:
            job = Job({**(job.properties if job else {}), **self.body})
        result: Result = {
            "changed": self.action != "none",
            "action": self.action,
            "changes": list(self.changes.names),
            "not_compared": list(self.changes.not_compared),
            "not_applied": [],
            "ownership": self._expected_ownership(),
            "filename": None,
            "response_lost": False,
            "push": None,
            "job": job.describe() if job else None,
            "warnings": self.desired.warnings() if self.desired.state == "present" else [],
        }
        if self.action != "none":
            label = self.scope.diff_header("job", self.desired.name or self.desired.id)
            before, after = self._diff()
            header = {"before_header": label, "after_header": label}
            result["diff"] = {"before": before, "after": after, **header}
        return result

    def _expected_ownership(self) -> str:
        if self.writes_destination and self.desired.token is not None:
            return "provided"
        if not self.requires_token:
            return "not_required"
        return "would_prove" if self.desired.prove_ownership else "missing"

    def _diff(self) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
        if self.job is None:
            return {}, shown_creation(self.body)
        if self.action == "deleted":
            return shown_job(self.job), {}
        return shown_job(self.job, self.changes), shown_update(self.job, self.changes)


def make_plan(desired: DesiredJob, scope: Scope, jobs: t.Sequence[Job]) -> Plan:
    """Plan a job, given all ``jobs`` of its scope. Raise ``CloudflareError`` where it cannot be.

    What is planned is the same in check mode.
    """
    job = _find(desired, scope, jobs)
    if desired.state == "absent":
        return Plan("deleted" if job else "none", desired, scope, job)
    if job is None:
        known = frozenset(each.id for each in jobs)
        # Cloudflare's own default is a job that pushes nothing.
        desired = desired._replace(properties={"enabled": True, **desired.properties})
        return Plan("created", desired, scope, None, _creation(desired, scope), known)
    changes = find_changes(desired, job)
    return Plan("updated" if changes.body else "none", desired, scope, job, changes)


def _find(desired: DesiredJob, scope: Scope, jobs: t.Sequence[Job]) -> Job | None:
    if desired.id is None:
        job = _find_by_name(desired, scope, jobs)
    else:
        job = next((each for each in jobs if each.id == desired.id), None)
        if job is None and desired.state == "present":
            raise InvalidInput(
                "id",
                f"there is no job {desired.id} in {scope}; Cloudflare assigns the id of a "
                "new job, so omit id and set name",
            )
    if job is not None:
        _check_unchangeable(desired, job)
    return job


def _find_by_name(desired: DesiredJob, scope: Scope, jobs: t.Sequence[Job]) -> Job | None:
    found = [job for job in jobs if _matches(desired, job)]
    if len(found) > 1:
        ids = [job.id for job in found]
        raise CloudflareError(
            f"name: {len(found)} jobs in {scope} have the name '{desired.name}' "
            f"(ids: {', '.join(map(str, ids))}); set id to the intended one"
            + ("" if desired.dataset else ", or set dataset"),
            {"ids": ids},
        )
    return found[0] if found else None


def _matches(desired: DesiredJob, job: Job) -> bool:
    return job.name == desired.name and _agree(desired.dataset, job.dataset)


def _agree(given: str | None, actual: str | None) -> bool:
    """Whether two agree; what is not given, or not shown, cannot be compared."""
    return None in (given, actual) or given == actual


def _check_unchangeable(desired: DesiredJob, job: Job) -> None:
    """Raise where the job cannot become what is desired."""
    if desired.state == "absent":
        _check_removable(desired, job)
        return
    if not _agree(desired.dataset, job.dataset):
        raise _unchangeable("dataset", job, job.dataset)
    kind = job.properties.get("kind") or ""
    if desired.properties.get("kind", kind) != kind:
        raise _unchangeable("kind", job, kind)
    check_combination(desired.properties, dataset=job.dataset, kind=kind)


def _check_removable(desired: DesiredJob, job: Job) -> None:
    """Raise where the job found by its id is not the one that the options name."""
    for option, given, actual in (
        ("name", desired.name, job.name),
        ("dataset", desired.dataset, job.dataset),
    ):
        if not _agree(given, actual):
            raise InvalidInput(option, f"job {job.id} has '{actual}'; it was not removed")


def _unchangeable(option: str, job: Job, actual: str | None) -> InvalidInput:
    return InvalidInput(
        option,
        f"job {job.id} ('{job.name}') has '{actual or ''}', which Cloudflare cannot change; "
        f"remove that job (state: absent, id: {job.id}) and create another, or use another name",
    )


def _creation(desired: DesiredJob, scope: Scope) -> Changes:
    if desired.destination is None:
        raise InvalidInput(
            DESTINATION_CONF,
            f"is required to create a job, and {scope} has no job '{desired.name}'",
        )
    body = {**desired.properties, DESTINATION_CONF: desired.destination.raw}
    return Changes(body, names_of(body))
