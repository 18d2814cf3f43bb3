# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloudflare's analytics of Logpush: uploads by job and status, and the bytes that are billed.

Datasets and fields are those of
https://developers.cloudflare.com/logs/logpush/alerts-and-analytics/ and of public exporters; the
limits of a query are those of https://developers.cloudflare.com/analytics/graphql-api/limits/.
"""

from __future__ import annotations

import re
import typing as t
from collections import defaultdict

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    ApiResponse,
    Client,
    field,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.period import (
    DATE,
    DAY,
    Period,
    check_order,
    date,
    day,
    health_period,
    in_utc,
    seconds,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.scopes import (
    Label,
    LogpushOf,
    Params,
    Result,
    raise_failures,
    read_scopes,
)

# By the documentation's examples the most groups that a query may return; the settings of the
# dataset are read where they turn out to be fewer.
_MOST_GROUPS = 10_000
# An hour of the rate limit for GraphQL, so more of them are a mistake.
_MOST_QUERIES = 3_600
_SUCCEEDED = 200
_LARGEST_SUM = 2**64
# The names of the sums in results, and in the API.
_SUMS = {
    "uploads": "uploads",
    "records": "records",
    "bytes": "bytes",
    "bytes_compressed": "bytesCompressed",
}


class Dataset(t.NamedTuple):
    """A dataset: what is queried, and how a query names a period of whole ``unit`` seconds."""

    name: str
    sums: tuple[str, ...]
    # Each with its type, or with how a text begins; None is any.
    dimensions: dict[str, type | re.Pattern[str] | None]
    time_type: str
    since: str
    until: str
    unit: int

    def query(self, scopes: str, tag: str) -> str:
        """Return the query for one zone or account."""
        return (
            f"query ($tag: String!, $since: {self.time_type}!, $until: {self.time_type}!, "
            f"$limit: Int!) {{ viewer {{ {scopes}(filter: {{{tag}: $tag}}) {{ {self.name}("
            f"filter: {{{self.since}: $since, {self.until}: $until}}, limit: $limit) "
            f"{{ sum {{ {' '.join(self.sums)} }} dimensions {{ {' '.join(self.dimensions)} }} }} "
            "} } }"
        )

    def settings_query(self, scopes: str, tag: str) -> str:
        """Return the query for the limits that one zone or account has."""
        return (
            f"query ($tag: String!) {{ viewer {{ {scopes}(filter: {{{tag}: $tag}}) {{ settings {{ "
            f"{self.name} {{ enabled maxDuration maxPageSize notOlderThan }} }} }} }} }}"
        )

    def variables(self, period: Period) -> dict[str, t.Any]:
        """Return the variables for a period."""
        if self.unit < DAY:
            return {"since": in_utc(period.since), "until": in_utc(period.until)}
        # The last day is in it.
        return {"since": day(period.since), "until": day(period.until - 1)}


HEALTH = Dataset(
    "logpushHealthAdaptiveGroups",
    tuple(_SUMS.values()),
    {"jobId": int, "status": int, "destinationType": str, "final": None},
    "Time",
    "datetime_geq",
    "datetime_lt",
    1,
)
USAGE = Dataset(
    "logpushUsageAdaptiveGroups",
    ("billableBytes",),
    {"date": DATE},
    "Date",
    "date_geq",
    "date_leq",
    DAY,
)


class Group(t.NamedTuple):
    """One group of a response: what it is of, and its sums."""

    dimensions: dict[str, t.Any]
    sums: dict[str, int]


class TooEarly(CloudflareError):
    """Cloudflare no longer keeps the beginning of a period, but all from ``oldest`` on."""

    def __init__(self, message: str, error: ApiError, oldest: int) -> None:
        super().__init__(message, error.values)
        self.oldest = oldest


class _Limits(t.NamedTuple):
    """The limits of a query; None where the API names none."""

    enabled: bool | None
    duration: int | None
    groups: int | None
    age: int | None


class GroupReader:
    """Reads the groups of a dataset for one zone or account; ``now`` is in seconds since 1970."""

    def __init__(self, client: Client, scope: Scope, dataset: Dataset, now: float) -> None:
        self._client = client
        self._scope = scope
        self._dataset = dataset
        self._now = int(now)
        self._limit = _MOST_GROUPS
        self._names = (f"{scope.kind}s", f"{scope.kind}Tag")

    def read(self, period: Period) -> list[Group]:
        """Return all groups of a period, in as many queries as its length and number take.

        Groups of the same dimensions may be there several times, once for each query.
        """
        try:
            return self._read(period)
        except ApiError as error:
            # The limits of a query show in its settings alone, which most runs need not read.
            longest = self._longest(error, period)
        count = -(-(period.until - period.since) // longest)
        if count > _MOST_QUERIES:
            raise CloudflareError(
                f"the period takes {count} queries of at most {longest} seconds each, more than "
                f"{_MOST_QUERIES}; set a shorter one"
            )
        return [group for part in period.parts(longest) for group in self._read(part)]

    def _read(self, period: Period) -> list[Group]:
        groups = self._query(period)
        if len(groups) < self._limit:
            return groups
        halves = period.halves(self._dataset.unit)
        if not halves:
            raise CloudflareError(
                f"Cloudflare returns at most {self._limit} groups of {self._dataset.name}, and "
                f"{in_utc(period.since)} alone has as many, so some may be missing"
            )
        return [group for half in halves for group in self._read(half)]

    def _query(self, period: Period) -> list[Group]:
        query = self._dataset.query(*self._names)
        variables = {**self._dataset.variables(period), "limit": self._limit}
        response = self._send(query, variables)
        groups = self._scope_in(response).get(self._dataset.name)
        if not isinstance(groups, list):
            raise response.malformed(f"contains no {self._dataset.name}")
        return [self._group(response, each) for each in groups]

    def _send(self, query: str, variables: dict[str, t.Any]) -> ApiResponse:
        try:
            # As the analytics have ids; a filter need not match them in capitals.
            return self._client.query(query, {"tag": self._scope.canonical.id, **variables})
        except ApiError as error:
            refused = "not authorized" in error.cause or "does not have access" in error.cause
            if refused or error.status in (401, 403):
                error.message = f"{error.message}. {self._permission}"
            raise

    @property
    def _permission(self) -> str:
        name = "Analytics Read" if self._scope.kind == "zone" else "Account Analytics Read"
        return f"The API token needs the permission {name} for this {self._scope.kind}"

    def _scope_in(self, response: ApiResponse) -> dict[str, t.Any]:
        """Return the one zone or account; an empty list must not be taken for no uploads."""
        scopes = field(response.field("viewer", dict), self._names[0], list)
        if not scopes:
            raise response.malformed(f"contains no {self._scope.kind}. {self._permission}")
        if len(scopes) != 1 or not isinstance(scopes[0], dict):
            raise response.malformed(f"contains another number of {self._names[0]} than one")
        return scopes[0]

    def _group(self, response: ApiResponse, group: t.Any) -> Group:
        dimensions, sums = field(group, "dimensions", dict) or {}, field(group, "sum", dict)
        numbers = {name: field(sums, name, int) for name in self._dataset.sums}
        are_valid = all(
            _is_valid(dimensions, name, kind) for name, kind in self._dataset.dimensions.items()
        ) and all(number is not None and 0 <= number < _LARGEST_SUM for number in numbers.values())
        if not are_valid:
            raise response.malformed(
                f"contains a group of {self._dataset.name} that is incomplete or invalid"
            )
        return Group(dimensions, t.cast(dict[str, int], numbers))

    def _longest(self, error: ApiError, period: Period) -> int:
        """Return the longest period of a query in seconds, or raise: its limits are not why."""
        if error.status not in (200, 400):
            raise error
        limits = self._limits(error)
        if limits.enabled is False:
            error.message += f". {self._dataset.name} is not available for this {self._scope.kind}"
            raise error
        oldest = self._now - (limits.age or self._now)
        if period.since < oldest:
            raise self._too_early(error, oldest, limits)
        length = period.until - period.since
        # Whole units, and at least one.
        duration = max((limits.duration or length) // self._dataset.unit, 1) * self._dataset.unit
        groups = limits.groups or self._limit
        if duration >= length and groups >= self._limit:
            raise error
        self._limit = min(groups, self._limit)
        return min(duration, length)

    def _too_early(self, error: ApiError, oldest: int, limits: _Limits) -> TooEarly:
        options, unit = "since or period", self._dataset.unit
        oldest = -(-oldest // unit) * unit
        earliest = in_utc(oldest)
        if unit == DAY:
            options, earliest = "since", day(oldest)
        return TooEarly(
            f"{options}: Cloudflare keeps {self._dataset.name} of this {self._scope.kind} for "
            f"{limits.age} seconds, so the period must begin at {earliest} or later",
            error,
            oldest,
        )

    def _limits(self, error: ApiError) -> _Limits:
        try:
            response = self._send(self._dataset.settings_query(*self._names), {})
            settings = field(self._scope_in(response).get("settings"), self._dataset.name, dict)
        except CloudflareError:
            # The first error is the one to be shown.
            raise error from None
        return _Limits(
            enabled=field(settings, "enabled", bool),
            duration=_positive(settings, "maxDuration"),
            groups=_positive(settings, "maxPageSize"),
            age=_positive(settings, "notOlderThan"),
        )


def _is_valid(dimensions: dict[str, t.Any], name: str, kind: type | re.Pattern[str] | None) -> bool:
    if isinstance(kind, re.Pattern):
        return bool(kind.match(field(dimensions, name, str) or ""))
    return name in dimensions if kind is None else field(dimensions, name, kind) is not None


def _positive(settings: t.Any, name: str) -> int | None:
    number = field(settings, name, int)
    return number if number is not None and number > 0 else None


def read_health(params: Params, logpush_of: LogpushOf, now: float) -> Result:
    """Return ``jobs`` with their uploads, ``totals`` and ``scopes``.

    ``now`` is in seconds since 1970. Raise ``CloudflareError`` with the whole result where a scope
    failed.
    """
    period = health_period(params, int(now))

    def read(logpush: Logpush, scope: Label) -> list[Result]:
        groups = GroupReader(logpush.client, logpush.scope, HEALTH, now).read(period)
        return [{**job, "scope": dict(scope)} for job in health_of_jobs(groups)]

    jobs, scopes = read_scopes(params, logpush_of, read)
    whole = {
        "changed": False,
        "since": in_utc(period.since),
        "until": in_utc(period.until),
        "jobs": jobs,
        "totals": _totals([status for job in _once(jobs) for status in job["by_status"]]),
        "scopes": scopes,
    }
    raise_failures(whole)
    return whole


def _once(jobs: t.Iterable[Result]) -> t.Iterable[Result]:
    """Return each job once, also where a zone or account is listed several times."""
    found: dict[t.Any, Result] = {}
    for job in jobs:
        scope = Scope.of(job["scope"].get("zone_id"), job["scope"].get("account_id"))
        found.setdefault((scope.canonical, job["id"]), job)
    return found.values()


def health_of_jobs(groups: t.Iterable[Group]) -> list[Result]:
    """Return the uploads of each job, by their ids."""
    found: dict[int, list[Group]] = defaultdict(list)
    for group in groups:
        found[group.dimensions["jobId"]].append(group)
    return [
        {
            "id": job_id,
            "destination_types": sorted({str(g.dimensions["destinationType"]) for g in of_job}),
            **_totals([_of_status(group) for group in of_job]),
        }
        for job_id, of_job in sorted(found.items())
    ]


def _of_status(group: Group) -> Result:
    final = group.dimensions["final"]
    sums = {name: group.sums[theirs] for name, theirs in _SUMS.items()}
    return {
        "status": group.dimensions["status"],
        # A number in public exporters.
        "final": bool(final) if isinstance(final, int) else None,
        **sums,
    }


def _totals(statuses: t.Iterable[Result]) -> Result:
    """Return the sums of uploads, and ``by_status`` with one entry for each kind of them."""
    merged: dict[t.Any, Result] = {}
    for each in statuses:
        key = (each["status"], each["final"])
        sums = merged.setdefault(
            key, {"status": key[0], "final": key[1], **dict.fromkeys(_SUMS, 0)}
        )
        for name in _SUMS:
            sums[name] += each[name]
    by_status = [merged[key] for key in sorted(merged, key=lambda key: (key[0], key[1] or False))]
    succeeded = [each for each in by_status if each["status"] == _SUCCEEDED]
    failed = [each for each in by_status if each["status"] != _SUCCEEDED]
    return {
        "uploads_succeeded": sum(each["uploads"] for each in succeeded),
        "uploads_failed": sum(each["uploads"] for each in failed),
        **{name: sum(each[name] for each in succeeded) for name in _SUMS if name != "uploads"},
        "by_status": by_status,
    }


def read_usage(params: Params, client: Client, now: float) -> Result:
    """Return the billable bytes of an account by day; ``now`` is in seconds since 1970."""
    scope = Scope.of(None, params["account_id"])
    today = int(now) // DAY * DAY
    month = seconds("since", f"{day(today)[:8]}01")
    since = month if params["since"] is None else date("since", params["since"])
    until = (today if params["until"] is None else min(date("until", params["until"]), today)) + DAY
    check_order(since, until)
    whole = Period(min(since, month), today + DAY)
    reader, knows_month = GroupReader(client, scope, USAGE, now), True
    try:
        groups = reader.read(whole)
    except TooEarly as error:
        # Of the month alone, which was not asked for.
        if since < error.oldest:
            raise
        groups, knows_month = reader.read(Period(since, until)), False
    bytes_of: dict[str, int] = defaultdict(int)
    for group in groups:
        bytes_of[group.dimensions["date"][:10]] += group.sums["billableBytes"]
    days = [
        {"date": each, "billable_bytes": bytes_of[each]}
        for each in sorted(bytes_of)
        if day(since) <= each < day(until)
    ]
    month_to_date = sum(
        count for each, count in bytes_of.items() if day(month) <= each <= day(today)
    )
    return {
        "changed": False,
        "since": day(since),
        "until": day(until - 1),
        "days": days,
        "billable_bytes": sum(each["billable_bytes"] for each in days),
        "month_to_date": {
            "since": day(month),
            "billable_bytes": month_to_date if knows_month else None,
        },
    }
