# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the jobs of a zone or account that no entry of a list describes."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    Outcome,
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    DesiredJob,
    Job,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_writer import (
    JobWriter,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.plan import Plan
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush

Params = t.Mapping[str, t.Any]
Result = dict[str, t.Any]


class Prune:
    """Removals of jobs, of ``datasets`` alone where they are given."""

    def __init__(self, datasets: t.Sequence[str] | None) -> None:
        self._datasets = datasets
        self._removals: list[tuple[Params, JobWriter]] = []

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

    def apply(self, concurrency: int) -> list[tuple[Params, Outcome[Result]]]:
        """Remove them concurrently; return what was removed, or would be in check mode."""

        def remove(removal: tuple[Params, JobWriter]) -> Result:
            return removal[1].apply()

        outcomes = run_concurrently(remove, self._removals, concurrency)
        return [(item, outcome) for (item, _writer), outcome in zip(self._removals, outcomes)]


def _label(job: Job, logpush: Logpush, host: str | None) -> Params:
    names = {"host": host, f"{logpush.scope.kind}_id": logpush.scope.id, "id": job.id}
    names.update(name=job.name or None, dataset=job.dataset)
    return {name: value for name, value in names.items() if value is not None}
