# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GraphQL is answered as the Analytics API does: data or errors, grouped and limited."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

pytest.importorskip("graphql", reason="the sandbox needs graphql-core for this")

NOW = datetime.now(timezone.utc).replace(microsecond=0)
QUERY = """
query ($tag: string!, $limit: uint64!, $filter: ZoneLogpushHealthAdaptiveGroupsFilter_InputObject) {
  viewer {
    zones(filter: {zoneTag: $tag}) {
      health: logpushHealthAdaptiveGroups(limit: $limit, filter: $filter, orderBy: [jobId_ASC]) {
        count
        sum { bytes records uploads }
        dimensions { jobId ...state }
      }
    }
  }
}
fragment state on ZoneLogpushHealthAdaptiveGroupsDimensions { status }
"""
NODE = (
    '{ viewer { zones(filter: {zoneTag_in: "ZONE"}) { logpushHealthAdaptiveGroups%s { count } } } }'
)


def ago(**span: int) -> str:
    """A time in the past."""
    return f"{NOW - timedelta(**span):%Y-%m-%dT%H:%M:%SZ}"


def ask(api: Any, query: str, status: int = 200, **variables: Any) -> tuple[Any, Any]:
    """Data and errors of a query's answer."""
    body = {"query": query, "variables": {"tag": api.world.zone_id, "limit": 100} | variables}
    answer = api.client.post("/client/v4/graphql", json=body, headers=api.headers)
    assert answer.status_code == status
    assert set(answer.get_json()) == {"data", "errors"}
    return answer.get_json()["data"], answer.get_json()["errors"]


def message(api: Any, query: str, **variables: Any) -> str:
    """The message of the one error, whose form is checked."""
    data, (error,) = ask(api, query, **variables)
    assert data is None
    assert set(error["extensions"]) <= {"code", "timestamp"}
    return str(error["message"])


def upload(api: Any, *uploads: dict[str, Any]) -> None:
    """Set what was uploaded."""
    assert api.client.put("/sandbox/uploads", json=list(uploads)).status_code == 200


@pytest.fixture(autouse=True)
def uploads(api: Any) -> None:
    """Three uploads of two jobs of the first zone, one of the account."""
    upload(
        api,
        {"jobId": 1, "datetime": ago(minutes=10), "bytes": 5_000_000_000, "records": 7},
        {"jobId": 1, "datetime": ago(hours=2), "bytes": 100},
        {"jobId": 2, "datetime": ago(hours=2), "bytes": 30, "status": 403, "final": 0},
        {"account_id": api.world.account_id, "datetime": ago(hours=1), "bytes": 8},
        {"zone_id": api.world.other_zone_id, "datetime": ago(days=2), "bytes": 16},
    )


def test_uploads_are_grouped_by_the_dimensions_of_the_query(api: Any) -> None:
    data, errors = ask(api, QUERY, filter={"datetime_geq": ago(hours=3)})
    assert errors is None
    assert data["viewer"]["zones"][0]["health"] == [
        {
            "count": 2,
            "sum": {"bytes": 5_000_000_100, "records": 7, "uploads": 2},
            "dimensions": {"jobId": 1, "status": 200},
        },
        {
            "count": 1,
            "sum": {"bytes": 30, "records": 0, "uploads": 1},
            "dimensions": {"jobId": 2, "status": 403},
        },
    ]


@pytest.mark.parametrize(
    ("filtered", "jobs"),
    [
        ({"status_neq": 200}, [2]),
        ({"destinationType": "s3", "jobId_in": [1, 3]}, [1]),
        ({"destinationType": "gs"}, []),
        ({"datetime_lt": ago(hours=1), "datetimeMinute_leq": ago(hours=1)}, [1, 2]),
    ],
)
def test_filters_hold_for_each_upload(api: Any, filtered: Any, jobs: list[int]) -> None:
    data, _errors = ask(api, QUERY, filter={"datetime_geq": ago(hours=3)} | filtered)
    groups = data["viewer"]["zones"][0]["health"]
    assert [group["dimensions"]["jobId"] for group in groups] == jobs


def test_an_answer_can_be_saturated(api: Any) -> None:
    limits = {"logpushHealthAdaptiveGroups": {"maxPageSize": 1}}
    assert api.client.patch("/sandbox/graphql_limits", json=limits).status_code == 200
    where = {"datetime_geq": ago(hours=3)}
    data, _errors = ask(api, QUERY, limit=1, filter=where)
    assert len(data["viewer"]["zones"][0]["health"]) == 1
    refused = "limit must be positive number and not greater than 1"
    assert message(api, QUERY, limit=2, filter=where) == refused


def test_a_query_can_reach_too_far(api: Any) -> None:
    _data, (error,) = ask(api, QUERY, filter={"datetime_geq": ago(days=2)})
    assert error["path"] == ["viewer", "zones", "0", "health"]
    assert error["extensions"]["code"] == "quota"
    begins = f'zone "{api.world.zone_id}" cannot request'
    assert error["message"].startswith(f"{begins} a time range wider than 1d, but your query")
    old = {"datetime_geq": ago(days=9), "datetime_lt": ago(days=8, hours=12)}
    assert message(api, QUERY, filter=old).startswith(f"{begins} data older than 1w, but")
    assert "wider than" in message(api, QUERY, filter={})


def test_usage_is_what_was_delivered_for_an_account_and_its_zones(api: Any) -> None:
    query = """query ($account: String!, $since: Date!) {
      viewer { accounts(filter: {accountTag: $account}) {
        settings { logpushUsageAdaptiveGroups { enabled maxDuration } }
        logpushUsageAdaptiveGroups(limit: 10, filter: {date_geq: $since}) { sum { billableBytes } }
      } }
    }"""
    start = f"{NOW - timedelta(days=3):%Y-%m-%d}"
    data, errors = ask(api, query, account=api.world.account_id, since=start)
    assert errors is None
    assert data["viewer"]["accounts"] == [
        {
            "settings": {
                "logpushUsageAdaptiveGroups": {"enabled": True, "maxDuration": 31 * 86_400}
            },
            "logpushUsageAdaptiveGroups": [{"sum": {"billableBytes": 5_000_000_124}}],
        }
    ]


def test_what_is_delivered_is_counted(api: Any) -> None:
    upload(api)
    assert api.client.put("/sandbox/delivery", json={"outcome": "push"}).status_code == 200
    api.create("https://logs.example.com/x", enabled=True)
    data, _errors = ask(api, QUERY, filter={"datetime_geq": ago(hours=1)})
    (group,) = data["viewer"]["zones"][0]["health"]
    assert (group["sum"]["records"], group["dimensions"]) == (3, {"jobId": 1, "status": 200})


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ viewer", "Syntax Error"),
        ("{ viewer { zones { nothing } } }", "Cannot query field 'nothing'"),
        (NODE % "", "of type 'uint64!' is required"),
        (NODE % '(limit: 1, filter: {datetime_geq: "yesterday"})', "error parsing args"),
        (NODE % "(limit: 1, orderBy: [jobId_ASC])", "cannot request a time range"),
        ("{ viewer { zones { zoneTag } } }", "are not authorized"),
        ('{ viewer { accounts(filter: {accountTag: "x"}) { accountTag } } }', "not authorized"),
        (NODE.replace('"ZONE"', str(["x"] * 11).replace("'", '"')) % "(limit: 1)", "too many"),
    ],
)
def test_a_wrong_query_is_an_error(api: Any, query: str, said: str) -> None:
    _data, errors = ask(api, query.replace("ZONE", api.world.zone_id))
    assert said in errors[0]["message"]


def test_permission_is_needed_and_statuses_may_be_those_documented(api: Any) -> None:
    api.settings(analytics="denied", graphql_errors="http_status")
    data, (error,) = ask(api, QUERY, 403)
    assert data is None
    assert error["message"] == f"zones [{api.world.zone_id}] are not authorized"
    assert error["extensions"]["code"] == "authz"
    stranger = api.client.post("/client/v4/graphql", json={"query": "{ viewer { budget } }"})
    assert api.error(stranger)[:2] == (400, 9106)
