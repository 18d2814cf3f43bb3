# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile jobs: validate all, plan all, prove ownership, write, verify, wait, prune.

One job is a list of one. Nothing is sent where an entry is invalid, and nothing is written before
all entries are planned; what fails after that does not stop the other jobs.
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
    MissingLibrary,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import challenge_file
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    DesiredJob,
    Job,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_writer import (
    JobWriter,
    Prune,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.ownership import (
    TokenSource,
    location_of,
    obtain_tokens,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.plan import (
    Plan,
    make_plan,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.wait import (
    wait_for_pushes,
)

Params = t.Mapping[str, t.Any]
Result = dict[str, t.Any]
LogpushOf = t.Callable[[Params], Logpush]
_Key = tuple[t.Any, ...]


class Settings(t.NamedTuple):
    """What holds for all entries.

    ``challenge_file`` are the options of that name, ``concurrency`` is how many requests are under
    way at the same time; ``prune`` removes the jobs of a scope that no entry describes, of the
    ``prune_datasets`` alone where they are given. ``wait_timeout`` is how long to wait for the
    next push of each job, in seconds, None for not at all.
    """

    challenge_file: Params | None = None
    prove_ownership: bool = True
    concurrency: int = 1
    prune: bool = False
    prune_datasets: t.Sequence[str] | None = None
    wait_timeout: float | None = None


class Reconciled(t.NamedTuple):
    """One outcome for each entry, in input order, and those of pruned jobs with their labels."""

    outcomes: list[Outcome[Result]]
    pruned: list[tuple[Params, Outcome[Result]]]


def reconcile_job(params: Params, logpush: Logpush, settings: Settings) -> Result:
    """Bring one job into the desired state and return what a module returns."""
    (outcome,) = reconcile_jobs([params], lambda _entry: logpush, settings).outcomes
    if isinstance(outcome, CloudflareError):
        raise outcome
    return outcome


def reconcile_jobs(
    entries: t.Sequence[Params], logpush_of: LogpushOf, settings: Settings
) -> Reconciled:
    """Bring each job into the desired state.

    ``logpush_of`` returns the API of an entry's zone or account. Raise ``MissingLibrary`` where a
    challenge file has to be read and the library for it is missing; nothing is written then.
    """
    found = [_read(entry, logpush_of, settings) for entry in entries]
    invalid = [number for number, each in enumerate(found) if isinstance(each, CloudflareError)]
    if invalid:
        return Reconciled(_not_attempted(entries, found, invalid[0]), [])
    return _Reconciling(entries, t.cast("list[_Entry]", found), settings).run()


def label(entry: Params) -> Params:
    """Return what identifies an entry, without secrets, under the options' names."""
    names = ("host", "zone_id", "account_id", "id", "name", "dataset")
    return {name: entry[name] for name in names if entry.get(name) is not None}


def describe(item: Params) -> str:
    """Return how the job of a label is called in a sentence, on one line."""
    scope = f"zone {item['zone_id']}" if "zone_id" in item else f"account {item.get('account_id')}"
    if "host" in item:
        scope = f"{item['host']} ({scope})"
    return " ".join(f"job '{item.get('name') or item.get('id')}' in {scope}".split())


class _Entry(t.NamedTuple):
    desired: DesiredJob
    logpush: Logpush
    challenge_file: Params

    @property
    def scope(self) -> Scope:
        return self.logpush.scope.canonical

    @property
    def source_key(self) -> _Key:
        """What entries have in common that share a token, and read its file the same way."""
        destination = self.desired.destination
        return (self.scope, destination and destination.raw, repr(self.challenge_file))


def _read(entry: Params, logpush_of: LogpushOf, settings: Settings) -> Outcome[_Entry]:
    try:
        logpush = logpush_of(entry)
        if logpush.check_mode and not (entry["ownership_challenge"] or "").strip():
            # Where the steps before were skipped, there is no token.
            entry = {**entry, "ownership_challenge": None}
        desired = DesiredJob.of(entry)
        if desired.prove_ownership is None:
            desired = desired._replace(prove_ownership=settings.prove_ownership)
        own = entry.get("challenge_file")
        options = challenge_file.merged(settings.challenge_file, own)
        return _Entry(desired, logpush, options)
    except CloudflareError as error:
        return error


def _not_attempted(
    entries: t.Sequence[Params], found: t.Sequence[Outcome[t.Any]], first: int
) -> list[Outcome[Result]]:
    """Return the errors of invalid entries, and for the others that nothing was sent."""
    name = describe(label(entries[first]))
    reason = f"not attempted, since entry {first + 1} ({name}) is invalid"
    return [
        each if isinstance(each, CloudflareError) else CloudflareError(reason) for each in found
    ]


class _Reconciling:
    """One call of ``reconcile_jobs``, all of whose entries are valid by themselves."""

    def __init__(
        self, entries: t.Sequence[Params], valid: t.Sequence[_Entry], settings: Settings
    ) -> None:
        self._entries = entries
        self._valid = valid
        self._settings = settings
        self._files = challenge_file.ChallengeFiles()
        # The API of each scope, and its jobs, or why they could not be listed.
        self._apis: dict[Scope, Logpush] = {}
        for each in valid:
            self._apis.setdefault(each.scope, each.logpush)
        self._lists: dict[Scope, Outcome[list[Job]]] = {}
        self._sources: dict[_Key, TokenSource] = {}
        self._locations: dict[_Key, threading.Lock] = defaultdict(threading.Lock)
        self._check_mode = any(each.logpush.check_mode for each in valid)

    def run(self) -> Reconciled:
        _check_unique(self._entries)
        self._list(self._apis)
        plans = _without_doubles([self._plan(each) for each in self._valid])
        self._prepare_proofs(plans)
        self._expect(plans)
        self._obtain_tokens()
        outcomes = self._apply(plans)
        self._find_twins(plans, outcomes)
        self._wait(plans, outcomes)
        pruned = self._prune(plans, outcomes)
        return Reconciled(outcomes, pruned)

    def _list(self, scopes: t.Iterable[Scope]) -> None:
        """List the jobs of scopes, each once however many entries there are."""
        chosen = list(scopes)
        for scope in chosen:
            self._apis[scope].expect(1)
        listed = run_concurrently(
            lambda scope: Jobs(self._apis[scope]).jobs(), chosen, self._settings.concurrency
        )
        self._lists.update(zip(chosen, listed))

    def _plan(self, entry: _Entry) -> Outcome[Plan]:
        jobs = self._lists[entry.scope]
        if isinstance(jobs, CloudflareError):
            return jobs
        try:
            return make_plan(entry.desired, entry.logpush.scope, jobs)
        except CloudflareError as error:
            return error

    def _prepare_proofs(self, plans: list[Outcome[Plan]]) -> None:
        """Provide a source for each pair of scope and destination that may need one.

        Where a token is known to be required, check that the file can be read, in check mode too.
        """
        for index, (entry, plan) in enumerate(zip(self._valid, plans)):
            if isinstance(plan, CloudflareError) or not plan.writes_destination:
                continue
            if plan.desired.token is not None or not plan.desired.prove_ownership:
                continue
            source = self._source(entry)
            if not plan.requires_token:
                continue
            try:
                source.check()
            except MissingLibrary:
                raise
            except CloudflareError as error:
                plans[index] = error

    def _source(self, entry: _Entry) -> TokenSource:
        # It is written.
        destination = t.cast(Destination, entry.desired.destination)
        key = entry.source_key
        if key not in self._sources:
            self._sources[key] = TokenSource(
                entry.logpush,
                destination,
                self._files,
                entry.challenge_file,
                self._locations[location_of(destination)],
            )
        return self._sources[key]

    def _expect(self, plans: t.Sequence[Outcome[Plan]]) -> None:
        """Let the rate limiter know how many requests follow."""
        created = set()
        for entry, plan in zip(self._valid, plans):
            if isinstance(plan, Plan) and plan.action != "none":
                entry.logpush.expect(1)
                if plan.action == "created":
                    created.add(entry.scope)
        for scope in created:
            self._apis[scope].expect(1)

    def _obtain_tokens(self) -> None:
        """Request the challenges that are known to be required, and read their files."""
        sources = [source for source in self._sources.values() if source.required]
        if not sources or self._check_mode:
            return
        sources[0].expect(len(sources))
        obtain_tokens(sources, self._settings.concurrency)

    def _apply(self, plans: t.Sequence[Outcome[Plan]]) -> list[Outcome[Result]]:
        """Write the jobs concurrently; those that share a source one after another."""
        groups: dict[_Key, list[int]] = defaultdict(list)
        for index, (entry, plan) in enumerate(zip(self._valid, plans)):
            groups[self._group(index, entry, plan)].append(index)
        outcomes: list[Outcome[Result]] = [CloudflareError("not attempted")] * len(plans)

        def write(indices: t.Sequence[int]) -> None:
            for index in indices:
                outcomes[index] = self._write(self._valid[index], plans[index])

        run_concurrently(write, list(groups.values()), self._settings.concurrency)
        return outcomes

    def _group(self, index: int, entry: _Entry, plan: Outcome[Plan]) -> _Key:
        shares = isinstance(plan, Plan) and plan.writes_destination
        if shares and entry.source_key in self._sources:
            return entry.source_key[:2]
        return (index,)

    def _write(self, entry: _Entry, plan: Outcome[Plan]) -> Outcome[Result]:
        if isinstance(plan, CloudflareError):
            return plan
        source = None
        if plan.writes_destination and plan.desired.prove_ownership:
            source = self._sources.get(entry.source_key)
        try:
            return JobWriter(plan, entry.logpush, source).apply()
        except CloudflareError as error:
            return error

    def _find_twins(
        self, plans: t.Sequence[Outcome[Plan]], outcomes: list[Outcome[Result]]
    ) -> None:
        """List each scope again in which a job was created: another run may have done the same."""
        if self._check_mode:
            return
        created = {
            index: self._valid[index].scope
            for index, outcome in enumerate(outcomes)
            if isinstance(outcome, dict) and outcome["action"] == "created"
        }
        self._list(dict.fromkeys(created.values()))
        for index, scope in created.items():
            error = _twin_error(
                t.cast(Plan, plans[index]), t.cast(Result, outcomes[index]), self._lists[scope]
            )
            outcomes[index] = error or outcomes[index]

    def _wait(self, plans: t.Sequence[Outcome[Plan]], outcomes: list[Outcome[Result]]) -> None:
        """Wait for the pushes of all jobs that were written, where that is wanted."""
        timeout = self._settings.wait_timeout
        if timeout is not None and not self._check_mode:
            before = [
                (each.logpush, plan.job if isinstance(plan, Plan) else None)
                for each, plan in zip(self._valid, plans)
            ]
            outcomes[:] = wait_for_pushes(before, outcomes, timeout, self._settings.concurrency)

    def _prune(
        self, plans: t.Sequence[Outcome[Plan]], outcomes: t.Sequence[Outcome[Result]]
    ) -> list[tuple[Params, Outcome[Result]]]:
        if not self._settings.prune:
            return []
        prune = Prune(self._settings.prune_datasets)
        entries: dict[Scope, list[int]] = defaultdict(list)
        for index, each in enumerate(self._valid):
            entries[each.scope].append(index)
        for scope, mine in entries.items():
            logpush, jobs = self._apis[scope], self._lists[scope]
            failed = any(isinstance(outcomes[index], CloudflareError) for index in mine)
            if failed or isinstance(jobs, CloudflareError):
                continue
            kept = {_job_id(plans[index], outcomes[index]) for index in mine}
            host = next((h for h in (self._entries[i].get("host") for i in mine) if h), None)
            prune.add(logpush, jobs, kept, host)
        return prune.apply(self._settings.concurrency)


def _job_id(plan: Outcome[Plan], outcome: Outcome[Result]) -> int | None:
    if isinstance(plan, Plan) and plan.job is not None:
        return plan.job.id
    job = outcome.get("job") if isinstance(outcome, dict) else None
    return job.get("id") if job else None


def _twin_error(plan: Plan, result: Result, jobs: Outcome[list[Job]]) -> CloudflareError | None:
    """Return the error where a created job is not the only one of its name and dataset."""
    job_id, name = result["job"]["id"], plan.desired.name
    if isinstance(jobs, CloudflareError):
        return CloudflareError(
            f"job {job_id} was created, but whether it is the only one named '{name}' could not "
            f"be verified: {jobs.message}. Rerun the task",
            {**jobs.values, **result},
        )
    ids = sorted(job.id for job in jobs if plan.is_twin(job))
    if len(ids) <= 1:
        return None
    others = [each for each in ids if each != job_id]
    return CloudflareError(
        f"{len(ids)} jobs in {plan.scope} are named '{name}' (ids: "
        f"{', '.join(map(str, ids))}): this task created job {job_id}, and something else, such as "
        f"an overlapping run, created {', '.join(map(str, others))}. Remove all but one (state: "
        "absent with its id), and do not let runs for the same zone or account overlap",
        {**result, "ids": ids},
    )


def _check_unique(entries: t.Sequence[Params]) -> None:
    """Raise for two entries that describe one job, by its id or its name."""
    seen: dict[_Key, list[tuple[int, Params]]] = defaultdict(list)
    for number, entry in enumerate(entries, 1):
        for key in _keys(entry):
            for other, theirs in seen[key]:
                if _describe_one_job(entry, theirs):
                    raise InvalidInput(
                        "jobs",
                        f"entries {other} and {number} are both for the "
                        f"{describe(label(entry))}; remove one of them",
                    )
            seen[key].append((number, entry))


def _keys(entry: Params) -> list[_Key]:
    """Return what a job may be known by. Cloudflare accepts ids in capitals too."""
    scope = ((entry["zone_id"] or "").lower(), (entry["account_id"] or "").lower())
    return [(*scope, each, entry[each]) for each in ("id", "name") if entry[each] is not None]


def _describe_one_job(entry: Params, other: Params) -> bool:
    """Whether two entries with the same id or name do; without a dataset, one means any."""
    if None not in (entry["id"], other["id"]):
        return bool(entry["id"] == other["id"])
    datasets = (entry["dataset"], other["dataset"])
    return None in datasets or datasets[0] == datasets[1]


def _without_doubles(plans: t.Sequence[Outcome[Plan]]) -> list[Outcome[Plan]]:
    """Replace by an error each plan for a job that another entry is for as well."""
    keys = [_existing(plan) for plan in plans]
    count = Counter(key for key in keys if key is not None)
    return [
        CloudflareError(f"job {key[1]} is in several entries; remove all but one")
        if key is not None and count[key] > 1
        else plan
        for plan, key in zip(plans, keys)
    ]


def _existing(plan: Outcome[Plan]) -> _Key | None:
    if isinstance(plan, Plan) and plan.job is not None:
        return (plan.scope.canonical, plan.job.id)
    return None
