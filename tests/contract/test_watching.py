# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is believed and what is not known of analytics and notifications. Nothing is changed."""

from __future__ import annotations

import time
import typing as t

from . import sources
from .api import Api
from .settings import ACCOUNT
from .test_beliefs import belief
from .test_questions import question

HEALTH, USAGE = "logpushHealthAdaptiveGroups", "logpushUsageAdaptiveGroups"
ALERT_TYPE = "failing_logpush_job_disabled_alert"
_LIMITS = ("enabled", "maxDuration", "maxPageSize", "notOlderThan")
_HEALTH_SUMS = ("bytes", "bytesCompressed", "records", "uploads")
_HEALTH_DIMENSIONS = ("destinationType", "final", "jobId", "status")
_HEALTH = (
    f"{HEALTH}(limit: $limit, filter: {{datetime_geq: $since, datetime_lt: $until}}) "
    f"{{ sum {{ {' '.join(_HEALTH_SUMS)} }} dimensions {{ {' '.join(_HEALTH_DIMENSIONS)} }} }}"
)


@belief(sources.ALERTS)
def test_uploads_are_groups_of_jobs_and_statuses(api: Api) -> None:
    """The uploads of a zone in a period are groups, each with uploads, records, bytes,
    bytesCompressed, jobId, status, destinationType and final; a zone without uploads has none."""
    for group in _health(api):
        assert sorted(group.get("sum") or {}) == list(_HEALTH_SUMS), group
        assert sorted(group.get("dimensions") or {}) == list(_HEALTH_DIMENSIONS), group


@belief(f"{sources.GRAPHQL}/errors/")
def test_an_unknown_field_of_a_query_is_an_error(api: Api) -> None:
    """A query for a field that does not exist has errors with a message, and no data."""
    answer = _query(api, "zones", "edgeopsNoSuchField")
    errors = answer.get("errors")
    assert isinstance(errors, list), answer
    assert errors, answer
    assert not answer.get("data"), answer
    assert isinstance(errors[0].get("message"), str), answer


@belief(f"{sources.GRAPHQL}/features/discovery/settings/")
def test_the_limits_of_uploads_are_settings(api: Api) -> None:
    """The settings of a zone say for the uploads how long a query's period may be, how many groups
    it returns at most, and how far back it may reach."""
    selection = f"settings {{ {HEALTH} {{ {' '.join(_LIMITS)} }} }}"
    data = _data(_query(api, "zones", selection), "zones")
    settings = (data.get("settings") or {}).get(HEALTH) or {}
    assert settings.get("enabled") is True
    numbers = [settings.get(name) for name in _LIMITS[1:]]
    assert all(isinstance(each, int) and each > 0 for each in numbers), settings


@belief(f"{sources.GRAPHQL}/errors/")
def test_a_query_above_the_limits_is_an_error(api: Api) -> None:
    """A query for more groups than the settings allow has errors, and no data."""
    answer = _query(api, "zones", _HEALTH, **_last_hour(2_000_000_000))
    assert answer.get("errors"), answer
    assert not answer.get("data"), answer


@belief(sources.PRICING, ACCOUNT)
def test_usage_is_billable_bytes_by_date(api: Api) -> None:
    """The usage of an account is groups, each with billableBytes and a date."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    selection = (
        f"{USAGE}(limit: 10, filter: {{date_geq: $since, date_leq: $until}}) "
        "{ sum { billableBytes } dimensions { date } }"
    )
    dates = {"since": ("Date!", today), "until": ("Date!", today)}
    answer = _query(api, "accounts", selection, **dates)
    groups = _list(_data(answer, "accounts"), USAGE)
    for group in groups:
        assert isinstance(group["sum"]["billableBytes"], int), group
        assert group["dimensions"]["date"] == today


@belief(f"{sources.SDK}/alerting/policy.py", ACCOUNT)
def test_notifications_are_a_list(api: Api) -> None:
    """The notifications of an account are a list, each with an id and an alert_type."""
    for policy in _policies(api):
        kinds = [type(policy.get(name)) for name in ("id", "alert_type")]
        assert kinds == [str, str], sorted(policy)


@question()
def test_limits_of_uploads(api: Api) -> t.Any:
    """What are the limits and the fields of the dataset of uploads?"""
    return _settings(api, "zones", HEALTH)


@question(ACCOUNT)
def test_limits_of_usage(api: Api) -> t.Any:
    """What are the limits and the fields of the dataset of usage? (Whether it tells destinations
    and transformers apart shows in its fields.)"""
    return _settings(api, "accounts", USAGE)


@question()
def test_statuses_and_final(api: Api) -> t.Any:
    """Which values of status and final do uploads have?"""
    seen = {(g["dimensions"]["status"], g["dimensions"]["final"]) for g in _health(api)}
    return [{"status": status, "final": final} for status, final in sorted(seen, key=str)]


@question(ACCOUNT)
def test_uploads_of_an_account(api: Api) -> t.Any:
    """Do the uploads of an account include those of its zones?"""
    of_zone = {group["dimensions"]["jobId"] for group in _health(api)}
    of_account = {group["dimensions"]["jobId"] for group in _health(api, "accounts")}
    return {
        "jobs of the zone with uploads": len(of_zone),
        "of these among the uploads of the account": len(of_zone & of_account),
    }


@question(ACCOUNT)
def test_members_of_notifications(api: Api) -> t.Any:
    """Which members do notifications have, and does the account have one about disabled jobs?"""
    policies = _policies(api)
    return {
        "members": sorted({name for policy in policies for name in policy}),
        "mechanisms": sorted({name for each in policies for name in each.get("mechanisms") or {}}),
        "about disabled jobs": sum(each.get("alert_type") == ALERT_TYPE for each in policies),
    }


def _query(api: Api, scopes: str, selection: str, **variables: t.Any) -> dict[str, t.Any]:
    """Data and errors of a query for the zone or the account; variables have a type and a value."""
    names = {"zones": ("zoneTag", "zone_id"), "accounts": ("accountTag", "account_id")}
    tag, name = names[scopes]
    types = "".join(f", ${each}: {kind}" for each, (kind, _value) in variables.items())
    scope = f"{scopes}(filter: {{{tag}: $tag}}) {{ {selection} }}"
    values = {each: value for each, (_kind, value) in variables.items()}
    return api.query(
        f"query ($tag: String!{types}) {{ viewer {{ {scope} }} }}",
        tag=getattr(api.settings, name),
        **values,
    )


def _health(api: Api, scopes: str = "zones") -> list[dict[str, t.Any]]:
    return _list(_data(_query(api, scopes, _HEALTH, **_last_hour(100)), scopes), HEALTH)


def _last_hour(limit: int) -> dict[str, tuple[str, t.Any]]:
    """Variables for the uploads of the last hour."""
    since, until = (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago)) for ago in (3600, 0)
    )
    return {"since": ("Time!", since), "until": ("Time!", until), "limit": ("Int!", limit)}


def _settings(api: Api, scopes: str, dataset: str) -> t.Any:
    selection = f"settings {{ {dataset} {{ {' '.join(_LIMITS)} availableFields }} }}"
    answer = _query(api, scopes, selection)
    return answer.get("errors") or _data(answer, scopes).get("settings")


def _data(answer: dict[str, t.Any], scopes: str) -> dict[str, t.Any]:
    """Return the data of the one zone or account; errors must not be there."""
    found = ((answer.get("data") or {}).get("viewer") or {}).get(scopes)
    assert not answer.get("errors"), answer
    assert isinstance(found, list), answer
    assert len(found) == 1, answer
    one: dict[str, t.Any] = found[0]
    return one


def _list(data: dict[str, t.Any], name: str) -> list[dict[str, t.Any]]:
    groups = data.get(name)
    assert isinstance(groups, list), groups
    return groups


def _policies(api: Api) -> list[dict[str, t.Any]]:
    path = f"/accounts/{api.settings.account_id}/alerting/v3/policies"
    response = api.call("GET", path)
    if response.status == 403:
        api.not_tested(f"the API token may not read notifications: {response.error['message']}")
    return response.items
