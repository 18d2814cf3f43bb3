# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the jobs of zones and accounts concurrently, each with its scope, status and config."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    Outcome,
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
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
    checked_id,
    dataset_name,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_health import (
    HealthRules,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    parsed_filter,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)

Params = t.Mapping[str, t.Any]
Result = dict[str, t.Any]
LogpushOf = t.Callable[[Params], Logpush]


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
    entries = params["scopes"]
    if entries is None:
        if params["zone_id"] is None and params["account_id"] is None:
            # Ansible takes a null for a value.
            raise InvalidInput("scopes", "is null; set zone_id, account_id or scopes")
        logpush = logpush_of(params)
        if selection.id is None:
            found = Jobs(logpush).jobs()
        else:
            job = Jobs(logpush).job(selection.id)
            found = [] if job is None else [job]
        scope = _label(params)
        jobs = [_shown(job, logpush, rules, scope) for job in selection.of_jobs(found)]
        return {"changed": False, "jobs": jobs, "scopes": [_scope(scope)]}
    outcomes = _read(_apis(entries, logpush_of), selection, rules, params["concurrency"])
    return _collected(entries, outcomes)


def _apis(entries: t.Sequence[Params], logpush_of: LogpushOf) -> list[tuple[Params, Logpush]]:
    if not entries:
        raise InvalidInput("scopes", "is empty; list at least one zone or account")
    apis = []
    for number, entry in enumerate(entries):
        try:
            apis.append((entry, logpush_of(entry)))
        except CloudflareError as error:
            raise CloudflareError(f"scopes[{number}]: {error.message}", error.values) from error
    return apis


def _read(
    apis: t.Sequence[tuple[Params, Logpush]],
    selection: _Selection,
    rules: HealthRules,
    concurrency: int,
) -> list[Outcome[list[Result]]]:
    apis[0][1].expect(len(apis))

    def read(api: tuple[Params, Logpush]) -> list[Result]:
        entry, logpush = api
        found = selection.of_jobs(Jobs(logpush).jobs())
        return [_shown(job, logpush, rules, _label(entry)) for job in found]

    return run_concurrently(read, apis, concurrency)


def _collected(entries: t.Sequence[Params], outcomes: t.Sequence[Outcome[list[Result]]]) -> Result:
    jobs: list[Result] = []
    scopes: list[Result] = []
    for entry, outcome in zip(entries, outcomes):
        if isinstance(outcome, CloudflareError):
            scopes.append({**_scope(_label(entry), outcome.message), **outcome.values})
        else:
            scopes.append(_scope(_label(entry)))
            jobs += outcome
    whole = {"changed": False, "jobs": jobs, "scopes": scopes}
    failed = [scope for scope in scopes if scope["failed"]]
    if failed:
        first = failed[0]
        sentence = f"{len(failed)} of {len(scopes)} scopes failed"
        sentence += "; the first of them: " if len(failed) > 1 else ": "
        raise CloudflareError(f"{sentence}{_named(first)}: {first['msg']}", whole)
    return whole


def _scope(label: Params, problem: str | None = None) -> Result:
    return {**label, "failed": problem is not None, "msg": problem or ""}


def _label(entry: Params) -> dict[str, t.Any]:
    """Return what identifies a scope, as far as it is set."""
    names = ("host", "zone_id", "account_id")
    return {name: entry[name] for name in names if entry.get(name) is not None}


def _named(label: Params) -> str:
    kind = "zone" if "zone_id" in label else "account"
    name = f"{kind} {label[f'{kind}_id']}"
    return f"{label['host']} ({name})" if "host" in label else name


def _shown(job: Job, logpush: Logpush, rules: HealthRules, scope: Params) -> Result:
    config = config_of(job, logpush.scope)
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
