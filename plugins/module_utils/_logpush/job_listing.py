# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the jobs of zones and accounts concurrently, each with its scope, status and config."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_diff import (
    shows_mask,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    ADDITIONAL,
    Job,
    as_options,
    dataset_name,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_health import (
    HealthRules,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    checked_id,
    parsed_filter,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)
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
        count = Counter(map(_key, found))
        return [
            _shown(job, logpush, rules, scope, by_id=not job.name or count[_key(job)] > 1)
            for job in selection.of_jobs(found)
        ]

    found, scopes = read_scopes(params, logpush_of, read)
    whole = {"changed": False, "jobs": found, "scopes": scopes}
    raise_failures(whole)
    return whole


def _key(job: Job) -> tuple[str, str]:
    # Of an unusual job they may be anything.
    return (str(job.name), str(job.dataset))


def _shown(job: Job, logpush: Logpush, rules: HealthRules, scope: Params, *, by_id: bool) -> Result:
    config = config_of(job, logpush.scope)
    if by_id:
        # By its name alone it would not be found again.
        config["id"] = job.id
    return {**job.describe(rules), "scope": dict(scope), "config": config}


# What is empty is not set.
_BEFORE = ("name", "dataset", "kind")
_AFTER = (
    "logpull_options",
    "frequency",
    "max_upload_bytes",
    "max_upload_interval_seconds",
    "max_upload_records",
    "filter_attack_traffic",
    "transformer_id",
)


def config_of(job: Job, scope: Scope) -> dict[str, t.Any]:
    """Return the entry that changes nothing for a job, and creates its like in another scope.

    Only what is set is in it, under the names of the options. ``destination_conf`` is left out
    where anything in it is sensitive or masked.
    """
    properties = job.properties
    config: dict[str, t.Any] = {f"{scope.kind}_id": scope.id}
    config.update({name: properties[name] for name in _BEFORE if properties.get(name)})
    if properties.get("enabled") is not None:
        config["enabled"] = properties["enabled"]
    config["filter"] = parsed_filter(properties.get("filter"))
    config["output_options"] = as_options(job.output_options)
    config.update({name: properties[name] for name in _AFTER if properties.get(name)})
    config[ADDITIONAL] = job.additional_properties
    config[DESTINATION_CONF] = _public_destination(job)
    return {name: value for name, value in config.items() if value not in (None, {})}


def _public_destination(job: Job) -> str | None:
    destination = job.destination
    if destination is None or destination.secrets() or shows_mask(destination.raw):
        return None
    sensitive = any(sensitive for _value, sensitive in destination.parts().values())
    return None if sensitive else destination.raw
