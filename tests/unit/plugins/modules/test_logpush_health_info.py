# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_health_info, from its options to what it sends and prints."""

from __future__ import annotations

import json
import threading
import time
import typing as t
from datetime import datetime, timezone
from unittest import mock

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_health_info
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    ZONE,
    Call,
    failure,
    network,
    response,
    run_module,
)

NOW = datetime(2026, 11, 22, 14, 0, 0, 500_000, tzinfo=timezone.utc).timestamp()
OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
GROUPS_QUERY = (
    "query ($tag: String!, $since: Time!, $until: Time!, $limit: Int!) { viewer { "
    "zones(filter: {zoneTag: $tag}) { logpushHealthAdaptiveGroups("
    "filter: {datetime_geq: $since, datetime_lt: $until}, limit: $limit) "
    "{ sum { uploads records bytes bytesCompressed } "
    "dimensions { jobId status destinationType final } } } } }"
)
SETTINGS_QUERY = (
    "query ($tag: String!) { viewer { zones(filter: {zoneTag: $tag}) { settings { "
    "logpushHealthAdaptiveGroups { enabled maxDuration maxPageSize notOlderThan } } } } }"
)
DAY_BEFORE, THIS_HOUR = "2026-11-21T14:00:00Z", "2026-11-22T14:00:00Z"


def of_account(query: str) -> str:
    """Return the query for an account."""
    return query.replace("zones(filter: {zoneTag", "accounts(filter: {accountTag")


def group(job: t.Any = 42, status: t.Any = 200, uploads: t.Any = 1, **more: t.Any) -> t.Any:
    """Return a group as the API returns it: so many uploads of ten records each."""
    sums = {"records": uploads * 10, "bytes": uploads * 1000, "bytesCompressed": uploads * 100}
    dimensions = {"jobId": job, "status": status, "destinationType": "s3", "final": 1, **more}
    return {"sum": {"uploads": uploads, **sums}, "dimensions": dimensions}


def data(found: t.Any, kind: str = "zones") -> requests.Response:
    """Return a response with the data of one zone or account."""
    return response({"data": {"viewer": {kind: [found]}}, "errors": None})


def groups(*found: t.Any, kind: str = "zones") -> requests.Response:
    """Return a response with these groups."""
    return data({"logpushHealthAdaptiveGroups": list(found)}, kind)


def errors(*texts: str, status: int = 200, found: t.Any = None) -> requests.Response:
    """Return a response with errors."""
    body = {"data": found, "errors": [{"message": text} for text in texts]}
    return response(body, status=status)


def queried(
    answer: requests.Response | Exception,
    since: str = DAY_BEFORE,
    until: str = THIS_HOUR,
    *,
    tag: str = ZONE,
    limit: int = 10_000,
    query: str = GROUPS_QUERY,
) -> Call:
    """Expect a query for the groups of a period."""
    variables = {"tag": tag, "since": since, "until": until, "limit": limit}
    return Call("POST", "/graphql", {"query": query, "variables": variables}, answer)


def settings(answer: requests.Response | None = None, **limits: t.Any) -> Call:
    """Expect a query for the limits."""
    if answer is None:
        answer = data({"settings": {"logpushHealthAdaptiveGroups": {"enabled": True, **limits}}})
    body = {"query": SETTINGS_QUERY, "variables": {"tag": ZONE}}
    return Call("POST", "/graphql", body, answer)


def run(check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module in a zone, unless there are scopes; an option that is None is left out."""
    given = {"zone_id": ZONE, "api_token": TOKEN, **options}
    given = {name: value for name, value in given.items() if value is not None}
    with mock.patch("time.time", return_value=NOW):
        return run_module(logpush_health_info.main, given, check_mode=check_mode)


@pytest.mark.parametrize("check_mode", [False, True])
def test_uploads_of_the_last_day_are_reported_by_job_and_status(check_mode: bool) -> None:
    found = [
        group(43, 200, 7, destinationType="r2"),
        group(42, 503, 3, final=0),
        group(42, 200, 120),
        group(42, 503, 1),
        group(42, 1105, 2, final=0),
    ]
    with network(queried(groups(*found))):
        result = run(check_mode)
    assert result["changed"] is False
    assert (result["since"], result["until"]) == (DAY_BEFORE, THIS_HOUR)
    first, second = result["jobs"]

    def status(code: int, final: bool, uploads: int) -> dict[str, t.Any]:
        sums = {"records": uploads * 10, "bytes": uploads * 1000, "bytes_compressed": uploads * 100}
        return {"status": code, "final": final, "uploads": uploads, **sums}

    assert first == {
        "id": 42,
        "destination_types": ["s3"],
        "uploads_succeeded": 120,
        "uploads_failed": 6,
        "records": 1200,
        "bytes": 120_000,
        "bytes_compressed": 12_000,
        "by_status": [
            status(200, True, 120),
            status(503, False, 3),
            status(503, True, 1),
            status(1105, False, 2),
        ],
        "scope": {"zone_id": ZONE},
    }
    assert (second["id"], second["destination_types"]) == (43, ["r2"])
    assert (second["uploads_succeeded"], second["uploads_failed"]) == (7, 0)
    totals = result["totals"]
    assert (totals["uploads_succeeded"], totals["uploads_failed"]) == (127, 6)
    assert (totals["records"], totals["bytes"], totals["bytes_compressed"]) == (1270, 127000, 12700)
    assert totals["by_status"][0] == status(200, True, 127)
    assert result["scopes"] == [{"zone_id": ZONE, "failed": False, "msg": ""}]


def test_without_uploads_there_are_no_jobs_and_the_totals_are_zero() -> None:
    with network(queried(groups())):
        result = run()
    assert result["jobs"] == []
    assert result["totals"] == {
        **dict.fromkeys(("uploads_succeeded", "uploads_failed"), 0),
        **dict.fromkeys(("records", "bytes", "bytes_compressed"), 0),
        "by_status": [],
    }


@pytest.mark.parametrize(("final", "shown"), [(True, True), (0, False), (None, None), ("1", None)])
def test_final_is_a_boolean_whatever_the_api_has(final: t.Any, shown: t.Any) -> None:
    with network(queried(groups(group(final=final)))):
        assert run()["jobs"][0]["by_status"][0]["final"] is shown


def test_uploads_are_in_the_order_of_their_status_and_the_final_ones_last() -> None:
    finals = (True, None, False)
    with network(queried(groups(*(group(final=final) for final in finals)))):
        by_status = run()["totals"]["by_status"]
    assert [each["final"] for each in by_status] == [None, False, True]


def test_a_time_without_an_offset_is_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        with network(queried(groups(), "2026-11-22T12:30:00Z")):
            assert run(since="2026-11-22T12:30:00")["since"] == "2026-11-22T12:30:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("options", "since", "until"),
    [
        ({"period": 3600}, "2026-11-22T13:00:00Z", THIS_HOUR),
        ({"period": 60, "until": "2026-11-22"}, "2026-11-21T23:59:00Z", "2026-11-22T00:00:00Z"),
        ({"since": "2026-11-22T12:30:00Z"}, "2026-11-22T12:30:00Z", THIS_HOUR),
        ({"since": "2026-11-22T12:30:00.9+01:00"}, "2026-11-22T11:30:00Z", THIS_HOUR),
        (
            {"since": "2026-11-20", "until": " 2026-11-21 06:00:00 "},
            "2026-11-20T00:00:00Z",
            "2026-11-21T06:00:00Z",
        ),
        # With the wrong year, it would be a query for each hour until then.
        ({"since": "2026-11-22", "until": "2062-11-23"}, "2026-11-22T00:00:00Z", THIS_HOUR),
        ({"period": 3600, "until": "2026-11-22T14:01:00Z"}, "2026-11-22T13:00:00Z", THIS_HOUR),
    ],
)
def test_a_period_is_given_by_its_ends_or_its_length(
    options: dict[str, t.Any], since: str, until: str
) -> None:
    with network(queried(groups(), since, until)):
        result = run(**options)
    assert (result["since"], result["until"]) == (since, until)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"since": "yesterday"}, "since: must be a time in ISO 8601"),
        ({"until": ""}, "until: must be a time in ISO 8601"),
        ({"until": "1969-01-01"}, "until: must be a time in ISO 8601"),
        ({"until": "9999-12-31"}, "until: must be a time in ISO 8601"),
        ({"since": "2026-11-22T14:00:00Z"}, "since: must be earlier than until"),
        ({"since": "2030-01-01", "until": "2030-01-02"}, "since: must be earlier than until"),
        ({"since": "2026-11-22", "until": "2026-11-22"}, "since: must be earlier than until"),
        ({"since": "2026-11-22", "period": 60}, "period: is mutually exclusive with since"),
        ({"period": 0}, "period: must be 1 second or more"),
        ({"period": 10**12}, "period: must be 1 second or more"),
        ({"zone_id": "x"}, "zone_id: must be 32 hexadecimal digits"),
        ({"zone_id": None, "scopes": []}, "scopes: is empty"),
    ],
)
def test_an_invalid_option_is_named_and_nothing_is_sent(
    options: dict[str, t.Any], said: str
) -> None:
    with network():
        assert run(**options)["msg"].startswith(said)


def test_scopes_are_zones_and_accounts_each_with_its_own_outcome() -> None:
    calls = (
        queried(groups(group(42, 200, 2))),
        queried(errors("unknown error"), tag=OTHER_ZONE),
        queried(
            groups(group(7, 500), kind="accounts"), tag=ACCOUNT, query=of_account(GROUPS_QUERY)
        ),
    )
    # Where a query is wrong, it is not a limit: its settings say so.
    refused = Call(
        "POST",
        "/graphql",
        {"query": SETTINGS_QUERY, "variables": {"tag": OTHER_ZONE}},
        errors("unknown error"),
    )
    scopes = [
        {"zone_id": ZONE, "host": "shop"},
        {"zone_id": OTHER_ZONE, "host": "blog"},
        {"account_id": ACCOUNT},
    ]
    with network(calls[0], calls[1], refused, calls[2]):
        result = run(zone_id=None, scopes=scopes, concurrency=1)
    assert result["failed"]
    assert result["msg"] == (
        f"1 of 3 scopes failed: blog (zone {OTHER_ZONE}): POST /graphql failed: "
        "Cloudflare answered HTTP 200: unknown error"
    )
    assert [each["failed"] for each in result["scopes"]] == [False, True, False]
    assert result["scopes"][1]["error"]["path"] == "/graphql"
    assert [(each["id"], each["scope"]) for each in result["jobs"]] == [
        (42, {"host": "shop", "zone_id": ZONE}),
        (7, {"account_id": ACCOUNT}),
    ]
    totals = result["totals"]
    assert (totals["uploads_succeeded"], totals["uploads_failed"]) == (2, 1)


def test_a_zone_that_is_listed_twice_counts_once_in_the_totals() -> None:
    # The analytics need not find an id in capitals.
    calls = [queried(groups(group(42, 200, 2), group(43, 200, 1))) for _scope in range(2)]
    with network(*calls):
        result = run(
            zone_id=None, scopes=[{"zone_id": ZONE}, {"zone_id": ZONE.upper()}], concurrency=1
        )
    assert [job["id"] for job in result["jobs"]] == [42, 43, 42, 43]
    assert result["totals"]["uploads_succeeded"] == 3


def test_scopes_are_read_concurrently() -> None:
    barrier = threading.Barrier(3, timeout=60)

    def send(_adapter: object, request: requests.PreparedRequest, **_more: t.Any) -> t.Any:
        # Passed only when three requests are under way at once.
        barrier.wait()
        tag = json.loads(request.body or "")["variables"]["tag"]
        answer = groups(group(int(tag[:4], 16)))
        answer.request, answer.url = request, str(request.url)
        return answer

    tags = [f"{number:04x}" + ZONE[4:] for number in range(6)]
    with mock.patch("requests.adapters.HTTPAdapter.send", autospec=True, side_effect=send):
        result = run(zone_id=None, scopes=[{"zone_id": tag} for tag in tags], concurrency=3)
    assert [job["id"] for job in result["jobs"]] == list(range(6))


def test_a_period_longer_than_a_query_covers_is_split() -> None:
    calls = (
        queried(errors("query time range is too large", status=400)),
        settings(maxDuration=43200, maxPageSize=10_000, notOlderThan=2_678_400),
        queried(groups(group(42, 200, 2)), DAY_BEFORE, "2026-11-22T02:00:00Z"),
        queried(groups(group(42, 200, 3), group(43)), "2026-11-22T02:00:00Z", THIS_HOUR),
    )
    with network(*calls):
        result = run()
    assert [(job["id"], job["uploads_succeeded"]) for job in result["jobs"]] == [(42, 5), (43, 1)]


def test_a_period_of_too_many_queries_is_an_error() -> None:
    refused = errors("query time range is too large", status=400)
    with network(queried(refused, "1971-01-01T00:00:00Z"), settings(maxDuration=3600)):
        message = run(since="1971-01-01")["msg"]
    assert message.startswith("the period takes 489950 queries of at most 3600 seconds each")
    assert message.endswith("set a shorter one")


def test_the_limit_of_groups_is_that_of_the_settings() -> None:
    calls = (
        queried(errors("limit must be positive number and not greater than 1000", status=400)),
        settings(maxDuration=604_800, maxPageSize=1000),
        queried(groups(group()), limit=1000),
    )
    with network(*calls):
        assert len(run()["jobs"]) == 1


def limited(most: int, since: str = DAY_BEFORE) -> tuple[Call, Call]:
    """Expect the queries after which the module knows how many groups there may be at most."""
    text = f"limit must be positive number and not greater than {most}"
    return queried(errors(text, status=400), since), settings(maxPageSize=most)


def test_a_saturated_response_is_split_by_time_until_none_is() -> None:
    full = [group(number) for number in range(3)]
    night, evening = "2026-11-22T02:00:00Z", "2026-11-21T20:00:00Z"
    calls = (
        queried(groups(*full), limit=3),
        queried(groups(*full), DAY_BEFORE, night, limit=3),
        queried(groups(*full[:2]), DAY_BEFORE, evening, limit=3),
        queried(groups(*full[1:]), evening, night, limit=3),
        queried(groups(full[0]), night, THIS_HOUR, limit=3),
    )
    with network(*limited(3), *calls):
        result = run()
    sums = [(job["id"], job["uploads_succeeded"]) for job in result["jobs"]]
    assert sums == [(0, 2), (1, 2), (2, 1)]


def test_a_saturated_second_is_an_error() -> None:
    last_seconds = "2026-11-22T13:59:58Z"
    calls = (
        queried(groups(group()), last_seconds, limit=1),
        queried(groups(group()), last_seconds, "2026-11-22T13:59:59Z", limit=1),
    )
    with network(*limited(1, last_seconds), *calls):
        message = run(period=2)["msg"]
    assert message.startswith("Cloudflare returns at most 1 groups of logpushHealthAdaptiveGroups")
    assert "2026-11-22T13:59:58Z alone has as many" in message


def test_a_period_that_begins_too_early_names_the_earliest_time() -> None:
    calls = (
        queried(errors("cannot request data older than 43200s")),
        settings(maxDuration=43200, maxPageSize=10_000, notOlderThan=43200),
    )
    with network(*calls):
        result = run()
    assert result["msg"] == (
        "since or period: Cloudflare keeps logpushHealthAdaptiveGroups of this zone for 43200 "
        "seconds, so the period must begin at 2026-11-22T02:00:00Z or later"
    )
    assert result["error"]["errors"] == [{"message": "cannot request data older than 43200s"}]


def test_a_dataset_that_is_not_available_is_named() -> None:
    with network(queried(errors("unknown error")), settings(enabled=False)):
        message = run()["msg"]
    assert message.endswith(
        "unknown error. logpushHealthAdaptiveGroups is not available for this zone"
    )


@pytest.mark.parametrize(
    "limits",
    [
        settings(maxDuration=86400, maxPageSize=10_000, notOlderThan=2_678_400),
        settings(),
        settings(errors("another error")),
        settings(data({"settings": None})),
        # A limit that is none; taken for one, it would lead to a query for each second.
        settings(maxDuration=-1, maxPageSize=-1, notOlderThan=-1),
        settings(response({"data": {"viewer": {"zones": []}}, "errors": None})),
    ],
)
def test_an_error_that_no_limit_explains_is_shown(limits: Call) -> None:
    with network(queried(errors("unknown field")), limits):
        result = run()
    assert result["msg"] == ("POST /graphql failed: Cloudflare answered HTTP 200: unknown field")


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize(
    "text", [f"zones [{ZONE}] are not authorized", "not authorized for that zone"]
)
def test_a_missing_permission_is_named(text: str, status: int) -> None:
    refused = errors(text, status=status)
    again = [settings(errors(text))] if status == 200 else []
    with network(queried(refused), *again):
        message = run()["msg"]
    assert message.endswith("The API token needs the permission Analytics Read for this zone")


def test_a_wrong_token_is_an_envelope() -> None:
    answer = failure(403, 10000, "Authentication error")
    query = of_account(GROUPS_QUERY)
    with network(queried(answer, tag=ACCOUNT, query=query)):
        result = run(zone_id=None, account_id=ACCOUNT)
    assert result["error"]["codes"] == [10000]
    assert result["msg"].endswith(
        "The API token needs the permission Account Analytics Read for this account"
    )


def test_data_beside_an_error_is_not_taken_for_all() -> None:
    partial = {"viewer": {"zones": [{"logpushHealthAdaptiveGroups": [group()]}]}}
    with network(queried(errors("internal server error", found=partial)), settings()):
        result = run()
    assert result["failed"]
    assert "jobs" not in result


def test_a_query_is_repeated_after_a_lost_response() -> None:
    lost = requests.ConnectionError(ConnectionResetError("reset"))
    busy = errors("too many queries in progress, please try again later", status=503)
    with network(queried(lost), queried(busy), queried(groups(group()))):
        assert len(run()["jobs"]) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response({"data": {}, "errors": None}), "contains no zone"),
        (response({"data": {"viewer": {"zones": []}}, "errors": None}), "contains no zone"),
        (response({"data": {"viewer": {"zones": [{}, {}]}}}), "another number of zones than one"),
        (data(None), "another number of zones than one"),
        (data({"logpushHealthAdaptiveGroups": None}), "contains no logpushHealthAdaptiveGroups"),
        (groups({"dimensions": {}}), "contains a group of logpushHealthAdaptiveGroups that is"),
        (groups(None), "that is incomplete"),
        (groups({**group(), "sum": {"uploads": 1}}), "that is incomplete"),
        (groups(group(job=None)), "that is incomplete"),
        (groups(group(status="200")), "that is incomplete"),
        (groups(group(uploads=1.5)), "that is incomplete"),
        (groups(group(uploads=-1)), "that is incomplete or invalid"),
        (groups(group(uploads=2**64)), "that is incomplete or invalid"),
        # No sum of two of these can be printed.
        (groups(group(uploads=10**4290), group(43, uploads=10**4290)), "incomplete or invalid"),
        (response({"success": True, "result": {}}), "not a GraphQL response"),
    ],
)
def test_a_response_of_another_shape_is_malformed(answer: requests.Response, said: str) -> None:
    with network(queried(answer)):
        result = run()
    assert said in result["msg"]
    assert "jobs" not in result


def test_secrets_in_an_error_are_redacted() -> None:
    text = f"bad token {TOKEN} in r2://b/p?secret-access-key=SeCrEtSeCrEtSeCrEt1"
    with network(queried(errors(text)), settings()):
        printed = json.dumps(run())
    assert TOKEN not in printed
    assert "SeCrEt" not in printed
