# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the jobs of zones and accounts concurrently, each with its scope, status and config."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    Job,
    checked_id,
    dataset_name,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_config import (
    config_of,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_health import (
    HealthRules,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.scopes import (
    LogpushOf,
    Params,
    Result,
    raise_failures,
    read_scopes,
)


class _Selection(t.NamedTuple):
    """Which jobs to return: those that match all that is set."""

    id: int | None
    name: str | None
    dataset: str | None

    @classmethod
    def of(cls, params: Params) -> _Selection:
        job_id, dataset = params["id"], params["dataset"]
        return cls(
            None if job_id is None else checked_id(job_id),
            params["name"],
            None if dataset is None else dataset_name(dataset),
        )

    def of_jobs(self, jobs: t.Iterable[Job]) -> list[Job]:
        """Return the jobs that match, by their ids."""
        found = [
            job
            for job in jobs
            if self.id in (None, job.id)
            and self.name in (None, job.name)
            and self.dataset in (None, job.dataset)
        ]
        return sorted(found, key=lambda job: job.id)


def list_jobs(params: Params, logpush_of: LogpushOf, now: float) -> Result:
    """Return ``jobs`` and ``scopes``, each scope with its error if its jobs could not be listed.

    ``now`` is in seconds since 1970. Raise ``CloudflareError`` with the whole result where a scope
    failed.
    """
    selection, rules = _Selection.of(params), HealthRules.of(params, now)

    def read(logpush: Logpush, scope: Result) -> list[Result]:
        jobs = Jobs(logpush)
        if selection.id is None or params["scopes"] is not None:
            found = jobs.jobs()
        else:
            job = jobs.job(selection.id)
            found = [] if job is None else [job]
        return [_shown(job, logpush, rules, scope) for job in selection.of_jobs(found)]

    found, scopes = read_scopes(params, logpush_of, read)
    whole = {"changed": False, "jobs": found, "scopes": scopes}
    raise_failures(whole)
    return whole


def _shown(job: Job, logpush: Logpush, rules: HealthRules, scope: Params) -> Result:
    config = config_of(job, logpush.scope)
    return {**job.describe(rules), "scope": dict(scope), "config": config}
