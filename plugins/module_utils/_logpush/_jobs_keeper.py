# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps many jobs as they are described: all are planned before any of them is written."""

from __future__ import annotations

import threading
import typing as t
from collections import Counter, defaultdict

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import Job
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.reconcile import JobKeeper
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush._job_options import Wanted
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush._logpush_jobs import LogpushJobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    Label,
    Outcome,
    Result,
    side_by_side,
)

Params = t.Mapping[str, t.Any]
_Key = tuple[t.Any, ...]


def label_of(entry: Params) -> Label:
    """Return how an entry is called."""
    names = ("zone_id", "account_id", "id", "name", "dataset")
    item = {name: entry[name] for name in names if entry.get(name) is not None}
    scope = f"zone {item['zone_id']}" if "zone_id" in item else f"account {item.get('account_id')}"
    # In a sentence, which is a line.
    name = " ".join(str(item.get("name") or item.get("id")).split())
    return Label(item, f"job '{name}' in {scope}")


def keep_jobs(
    entries: t.Sequence[Params], logpush_of: t.Callable[[Params], LogpushJobs], concurrency: int
) -> list[Outcome[Result]]:
    """Make each job what its entry says; return what came of each.

    ``logpush_of`` returns the API of an entry's zone or account. Raise ``InvalidInput`` where two
    entries describe one job, which would change it to and fro.
    """
    _check_unique(entries)
    lists = _Lists()

    def plan(entry: Params) -> JobKeeper:
        logpush = logpush_of(entry)
        keeper = JobKeeper(Wanted.of(entry), logpush, lambda: lists.of(logpush))
        keeper.plan()
        return keeper

    planned = _without_doubles(side_by_side(plan, entries, concurrency))

    def carry_out(each: Outcome[JobKeeper]) -> Result:
        if isinstance(each, CloudflareError):
            raise each
        return each.carry_out()

    return side_by_side(carry_out, planned, concurrency)


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
                        f"entries {other} and {number} both describe the {label_of(entry).text}",
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


def _without_doubles(planned: t.Sequence[Outcome[JobKeeper]]) -> list[Outcome[JobKeeper]]:
    """Put an error in the place of each plan for a job that another entry is for as well."""
    entries_of = Counter(each.job for each in planned if isinstance(each, JobKeeper) and each.job)
    return [
        CloudflareError(f"job {each.job[1]} is described by several entries")
        if isinstance(each, JobKeeper) and each.job and entries_of[each.job] > 1
        else each
        for each in planned
    ]
