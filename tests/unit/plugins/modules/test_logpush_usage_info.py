# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_usage_info, from its options to what it sends and prints."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from unittest import mock

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_usage_info
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    Call,
    network,
    response,
    run_module,
)

NOW = datetime(2026, 11, 22, 23, 59, 59, tzinfo=timezone.utc).timestamp()
GROUPS_QUERY = (
    "query ($tag: String!, $since: Date!, $until: Date!, $limit: Int!) { viewer { "
    "accounts(filter: {accountTag: $tag}) { logpushUsageAdaptiveGroups("
    "filter: {date_geq: $since, date_leq: $until}, limit: $limit) "
    "{ sum { billableBytes } dimensions { date } } } } }"
)
SETTINGS_QUERY = (
    "query ($tag: String!) { viewer { accounts(filter: {accountTag: $tag}) { settings { "
    "logpushUsageAdaptiveGroups { enabled maxDuration maxPageSize notOlderThan } } } } }"
)
FIRST, TODAY = "2026-11-01", "2026-11-22"


def data(found: dict[str, t.Any]) -> requests.Response:
    """Return a response with the data of the account."""
    return response({"data": {"viewer": {"accounts": [found]}}, "errors": None})


def days(**bytes_of: int) -> requests.Response:
    """Return a response with the bytes of days of November, named such as d22."""
    found = [
        {"sum": {"billableBytes": count}, "dimensions": {"date": f"2026-11-{name[1:]}"}}
        for name, count in bytes_of.items()
    ]
    return data({"logpushUsageAdaptiveGroups": found})


def queried(answer: requests.Response, since: str = FIRST, until: str = TODAY) -> Call:
    """Expect a query for the usage of some days."""
    variables = {"tag": ACCOUNT, "since": since, "until": until, "limit": 10_000}
    return Call("POST", "/graphql", {"query": GROUPS_QUERY, "variables": variables}, answer)


def settings(**limits: int) -> Call:
    """Expect a query for the limits."""
    body = {"query": SETTINGS_QUERY, "variables": {"tag": ACCOUNT}}
    answer = data({"settings": {"logpushUsageAdaptiveGroups": limits}})
    return Call("POST", "/graphql", body, answer)


def run(check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module for the account."""
    given = {"account_id": ACCOUNT, "api_token": TOKEN, **options}
    with mock.patch("time.time", return_value=NOW):
        return run_module(logpush_usage_info.main, given, check_mode=check_mode)


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_bytes_of_this_month_are_reported_by_day(check_mode: bool) -> None:
    with network(queried(days(d22=5, d01=20, d03=1))):
        result = run(check_mode)
    assert result["changed"] is False
    assert (result["since"], result["until"]) == (FIRST, TODAY)
    assert result["days"] == [
        {"date": "2026-11-01", "billable_bytes": 20},
        {"date": "2026-11-03", "billable_bytes": 1},
        {"date": "2026-11-22", "billable_bytes": 5},
    ]
    assert result["billable_bytes"] == 26
    assert result["month_to_date"] == {"since": FIRST, "billable_bytes": 26}


def test_without_usage_there_are_no_days() -> None:
    with network(queried(days())):
        result = run()
    assert (result["days"], result["billable_bytes"]) == ([], 0)
    assert result["month_to_date"]["billable_bytes"] == 0


def test_a_time_counts_for_its_day() -> None:
    group = {"sum": {"billableBytes": 3}, "dimensions": {"date": "2026-11-22T00:00:00Z"}}
    with network(queried(data({"logpushUsageAdaptiveGroups": [group]}))):
        assert run()["days"] == [{"date": "2026-11-22", "billable_bytes": 3}]


def test_a_day_may_have_several_groups() -> None:
    group = {"sum": {"billableBytes": 3}, "dimensions": {"date": "2026-11-22"}}
    with network(queried(data({"logpushUsageAdaptiveGroups": [group, group]}))):
        assert run()["days"] == [{"date": "2026-11-22", "billable_bytes": 6}]


@pytest.mark.parametrize(
    ("options", "since", "until", "listed", "total"),
    [
        ({"since": "2026-11-02", "until": "2026-11-03"}, FIRST, TODAY, ["02", "03"], 6),
        ({"since": "2026-10-31", "until": "2026-11-01"}, "2026-10-31", TODAY, ["01"], 1),
        ({"until": "2026-11-02"}, FIRST, TODAY, ["01", "02"], 3),
        ({"since": "2026-11-22"}, FIRST, TODAY, ["22"], 8),
        ({"since": "2026-11-22", "until": "9998-01-01"}, FIRST, TODAY, ["22"], 8),
    ],
)
def test_a_period_is_days_and_the_month_so_far_does_not_depend_on_it(
    options: dict[str, t.Any], since: str, until: str, listed: list[str], total: int
) -> None:
    with network(queried(days(d01=1, d02=2, d03=4, d22=8), since, until)):
        result = run(**options)
    assert result["until"] <= TODAY
    assert [each["date"][-2:] for each in result["days"]] == listed
    assert result["billable_bytes"] == total
    assert result["month_to_date"] == {"since": FIRST, "billable_bytes": 15}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"since": "2026-11-22T00:00:00Z"}, "since: must be a date such as 2026-11-22"),
        ({"until": "2026-13-01"}, "until: must be a time in ISO 8601"),
        ({"since": "2026-11-23"}, "since: must be earlier than until"),
        ({"account_id": "x"}, "account_id: must be 32 hexadecimal digits"),
    ],
)
def test_an_invalid_option_is_named_and_nothing_is_sent(
    options: dict[str, t.Any], said: str
) -> None:
    with network():
        assert run(**options)["msg"].startswith(said)


def test_only_the_period_is_read_if_the_month_is_no_longer_kept() -> None:
    error = {"data": None, "errors": [{"message": "cannot request data older than 604800s"}]}
    calls = (
        queried(response(error)),
        settings(notOlderThan=604_800),
        queried(days(d21=1, d22=2), "2026-11-21"),
    )
    with network(*calls):
        result = run(since="2026-11-21")
    assert result["billable_bytes"] == 3
    assert result["month_to_date"] == {"since": FIRST, "billable_bytes": None}


@pytest.mark.parametrize("options", [{}, {"since": "2026-11-15"}])
def test_a_period_that_begins_too_early_names_the_first_whole_day(
    options: dict[str, t.Any],
) -> None:
    error = {"data": None, "errors": [{"message": "cannot request data older than 604800s"}]}
    with network(queried(response(error)), settings(notOlderThan=604_800)):
        message = run(**options)["msg"]
    assert message == (
        "since: Cloudflare keeps logpushUsageAdaptiveGroups of this account for 604800 seconds, so "
        "the period must begin at 2026-11-16 or later"
    )


@pytest.mark.parametrize("date", ["22 Nov 2026", "", 20261122])
def test_bytes_of_no_day_are_not_left_out(date: t.Any) -> None:
    group = {"sum": {"billableBytes": 3}, "dimensions": {"date": date}}
    with network(queried(data({"logpushUsageAdaptiveGroups": [group]}))):
        result = run()
    assert "logpushUsageAdaptiveGroups that is incomplete or invalid" in result["msg"]


def test_a_period_longer_than_a_query_covers_is_split_into_whole_days() -> None:
    error = {"data": None, "errors": [{"message": "query time range is too large"}]}
    calls = (
        queried(response(error)),
        # Ten days and a half.
        settings(maxDuration=907_200, maxPageSize=10_000, notOlderThan=2_678_400),
        queried(days(d01=1), FIRST, "2026-11-10"),
        queried(days(d11=2), "2026-11-11", "2026-11-20"),
        queried(days(d22=4), "2026-11-21", TODAY),
    )
    with network(*calls):
        result = run()
    assert [each["billable_bytes"] for each in result["days"]] == [1, 2, 4]


def test_an_account_that_is_not_shown_is_no_account_without_usage() -> None:
    nothing = response({"data": {"viewer": {"accounts": []}}, "errors": None})
    with network(queried(nothing)):
        message = run()["msg"]
    assert "contains no account" in message
    assert message.endswith("needs the permission Account Analytics Read for this account")
