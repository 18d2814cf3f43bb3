# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones: how the API lists them, and how a test makes them."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

ACCOUNT = {"id": "a" * 32, "name": "Another"}
HTTPS = "https://logs.example.com/"


def ask(api: Any, tail: str = "", **query: Any) -> Any:
    """Ask for zones, or for one."""
    path = f"/client/v4/zones{tail}?{urlencode(query)}"
    return api.client.get(path, headers=api.headers)


def names(api: Any, **query: Any) -> list[str]:
    """The names on a page."""
    return [zone["name"] for zone in api.result(ask(api, **query))]


def make(api: Any, body: Any) -> Any:
    """Make zones; the zones made."""
    response = api.client.post("/sandbox/zones", json=body)
    assert response.status_code == 200, response.get_json()
    return response.get_json()


def test_the_zones_that_are_there_from_the_start_are_listed(api: Any) -> None:
    answer = ask(api).get_json()
    assert {zone["id"] for zone in answer["result"]} == {api.world.zone_id, api.world.other_zone_id}
    assert {zone["account"]["id"] for zone in answer["result"]} == {api.world.account_id}
    assert {(zone["status"], zone["plan"]["legacy_id"]) for zone in answer["result"]} == {
        ("active", "enterprise")
    }
    assert answer["result_info"] == {
        "page": 1,
        "per_page": 20,
        "count": 2,
        "total_count": 2,
        "total_pages": 1,
    }


def test_a_zone_has_all_that_is_documented(api: Any) -> None:
    zone = api.result(ask(api, f"/{api.world.zone_id}"))
    assert zone in api.result(ask(api))
    assert set(zone) >= set(
        "id name status paused type development_mode name_servers original_name_servers"
        " original_registrar original_dnshost created_on modified_on activated_on account owner"
        " plan permissions meta vanity_name_servers tenant tenant_unit".split()
    )
    assert set(zone["account"]) == {"id", "name"}
    assert set(zone["plan"]) >= set(
        "id name price currency frequency legacy_id is_subscribed can_subscribe".split()
    )


def test_pages_hold_each_zone_once(api: Any) -> None:
    made = make(api, {"count": 203})
    seen: list[str] = []
    for page in range(1, 6):
        answer = ask(api, page=page, per_page=50).get_json()
        info = answer["result_info"]
        assert (info["page"], info["count"]) == (page, len(answer["result"]))
        assert (info["total_count"], info["total_pages"]) == (205, 5)
        seen += [zone["id"] for zone in answer["result"]]
    assert sorted(seen) == sorted(
        [zone["id"] for zone in made] + [api.world.zone_id, api.world.other_zone_id]
    )
    assert info["count"] == 5
    after = ask(api, page=6, per_page=50).get_json()
    assert (after["result"], after["result_info"]["count"]) == ([], 0)


def test_zones_are_ordered_as_requested(api: Any) -> None:
    make(api, [{"name": "b.example"}, {"name": "a.example", "status": "pending"}])
    assert names(api) == ["a.example", "b.example", "other.sandbox.example", "sandbox.example"]
    assert names(api, direction="desc") == names(api)[::-1]
    assert names(api, order="status")[-1] == "a.example"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "moved"}, ["b.example"]),
        ({"status": "initializing"}, []),
        ({"account.id": "a" * 32}, ["b.example", "c.example"]),
        ({"account.id": "b" * 32}, []),
        ({"account.id": "a" * 32, "status": "active"}, ["c.example"]),
        ({"name": "b.example"}, ["b.example"]),
        ({"name": "B.Example"}, ["b.example"]),
        ({"name": "example"}, []),
        ({"name": "contains:sand"}, ["other.sandbox.example", "sandbox.example"]),
        ({"name": "starts_with:sand"}, ["sandbox.example"]),
        ({"name": "starts_with_case_sensitive:Sand"}, []),
        ({"name": "unknown:sand"}, []),
        ({"account.name": "not_equal:sandbox"}, ["b.example", "c.example"]),
        ({"name": "sandbox.example", "status": "moved", "match": "all", "type": "full"}, []),
        ({"type": "partial,secondary"}, []),
    ],
    ids=str,
)
def test_zones_are_filtered(api: Any, query: dict[str, str], expected: list[str]) -> None:
    make(
        api,
        [
            {"name": "b.example", "status": "moved", "account": ACCOUNT},
            {"name": "c.example", "account": ACCOUNT},
        ],
    )
    assert names(api, **query) == expected
    assert ask(api, **query).get_json()["result_info"]["total_count"] == len(expected)


def test_one_filter_of_several_can_be_enough(api: Any) -> None:
    make(api, [{"name": "b.example", "status": "moved"}])
    query = {"name": "sandbox.example", "status": "moved", "type": "partial", "match": "any"}
    assert names(api, **query) == ["b.example", "sandbox.example"]


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page": -1},
        {"page": "1.5"},
        {"page": "one"},
        {"page": ""},
        {"per_page": 4},
        {"per_page": 51},
        {"per_page": 5000},
        {"status": "deleted"},
        {"status": ""},
        {"account.id": "1"},
        {"account.id": ""},
        {"name": ""},
        {"name": "contains:"},
        {"order": "id"},
        {"direction": "up"},
        {"match": "none"},
        {"type": "half"},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(api: Any, query: dict[str, Any]) -> None:
    status, code, message = api.error(ask(api, **query))
    assert (status, code) == (400, 1002)
    assert message.startswith(f"{next(iter(query))} must be ")


@pytest.mark.parametrize(("per_page", "count"), [(5, 5), (50, 50)])
def test_the_limits_of_a_page_belong_to_it(api: Any, per_page: int, count: int) -> None:
    make(api, {"count": 60})
    assert len(names(api, per_page=per_page)) == count


def test_an_unknown_zone_is_not_found(api: Any) -> None:
    assert api.error(ask(api, "/" + "0" * 32))[:2] == (404, 7003)


def test_zones_are_for_those_who_may_ask(api: Any) -> None:
    assert api.error(api.client.get("/client/v4/zones"))[:2] == (400, 9106)
    assert api.error(api.client.get(f"/client/v4/zones/{api.world.zone_id}"))[:2] == (400, 9106)


def test_zones_are_only_looked_at(api: Any) -> None:
    response = api.client.post("/client/v4/zones", json={}, headers=api.headers)
    assert api.error(response)[:2] == (405, 7001)


def test_many_zones_are_the_same_each_time(api: Any) -> None:
    made = make(api, {"count": 2000})
    assert api.client.get("/sandbox/zones").get_json()[2:] == made
    assert [zone["name"] for zone in made[::1999]] == ["zone-0001.example", "zone-2000.example"]
    statuses = Counter(zone["status"] for zone in made)
    assert statuses == {"active": 1700, "pending": 100, "moved": 100, "initializing": 100}
    assert sum(zone["paused"] for zone in made) == 100
    plans = Counter(zone["plan"]["legacy_id"] for zone in made)
    assert plans == {"enterprise": 1400, "free": 200, "pro": 200, "business": 200}
    assert make(api, {"count": 1})[0]["name"] == "zone-2001.example"
    assert api.client.post("/sandbox/reset").status_code == 204
    assert make(api, {"count": 2000}) == made


def test_thousands_of_zones_have_jobs_of_their_own(api: Any) -> None:
    made = make(api, {"count": 5000, "account": ACCOUNT})
    for zone in (made[0], made[4999]):
        scope = f"zones/{zone['id']}"
        api.create(HTTPS, scope, name=zone["name"])
        assert [job["name"] for job in api.result(api.call("GET", "jobs", scope=scope))] == [
            zone["name"]
        ]
    scope = f"accounts/{ACCOUNT['id']}"
    assert api.result(api.call("GET", "jobs", scope=scope)) == []
    assert ask(api, **{"account.id": ACCOUNT["id"]}).get_json()["result_info"] == {
        "page": 1,
        "per_page": 20,
        "count": 20,
        "total_count": 5000,
        "total_pages": 250,
    }


def test_a_zone_is_created_as_requested(api: Any) -> None:
    asked = {
        "name": "mine.example",
        "id": "5" * 32,
        "status": "pending",
        "plan": "business",
        "paused": True,
        "account": ACCOUNT,
    }
    (zone,) = make(api, asked)
    assert api.result(ask(api, "/" + "5" * 32)) == zone
    assert (zone["name"], zone["status"], zone["paused"]) == ("mine.example", "pending", True)
    assert (zone["plan"]["legacy_id"], zone["account"]) == ("business", ACCOUNT)
    assert zone["activated_on"] is None


def test_the_same_name_may_be_in_two_accounts(api: Any) -> None:
    first, second = make(
        api, [{"name": "a.example"}, {"name": "a.example", "account": {"id": "a" * 32}}]
    )
    assert first["id"] != second["id"]
    assert second["account"] == {"id": "a" * 32, "name": "Account aaaaaaaa"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        7,
        [7],
        [{"name": "A.example"}],
        [{"name": "example"}],
        [{"name": "a..example"}],
        [{"name": "a" * 64 + ".example"}],
        [{"name": "a.example", "status": "deleted"}],
        [{"name": "a.example", "plan": "cheap"}],
        [{"name": "a.example", "paused": 1}],
        [{"name": "a.example", "id": "1"}],
        [{"name": "a.example", "size": 1}],
        [{"name": "a.example", "account": "a"}],
        [{"name": "a.example", "account": {"name": "A"}}],
        [{"name": "a.example", "account": {"id": "a" * 32, "name": 1}}],
        [{"name": "a.example"}, {"name": "a.example"}],
        [{"name": "a.example", "id": "5" * 32}, {"name": "b.example", "id": "5" * 32}],
        [
            {"name": "a.example", "account": ACCOUNT},
            {"name": "b.example", "account": ACCOUNT | {"name": "B"}},
        ],
        {"count": 0},
        {"count": True},
        {"count": "3"},
        {"count": 100_001},
        {"count": 3, "name": "a.example"},
    ],
    ids=str,
)
def test_zones_that_cannot_be_are_refused_and_no_other_is_made(api: Any, body: Any) -> None:
    response = api.client.post("/sandbox/zones", json=body)
    assert response.status_code == 400
    assert response.get_json()["error"]
    assert len(api.client.get("/sandbox/zones").get_json()) == 2
    assert api.world.knows("account", ACCOUNT["id"]) is False


def test_reset_forgets_the_zones_made_and_their_accounts(api: Any) -> None:
    (zone,) = make(api, {"name": "a.example", "account": ACCOUNT})
    scopes = (f"zones/{zone['id']}", f"accounts/{ACCOUNT['id']}")
    for scope in scopes:
        assert api.result(api.call("GET", "jobs", scope=scope)) == []
    assert api.client.post("/sandbox/reset").status_code == 204
    for scope in scopes:
        assert api.error(api.call("GET", "jobs", scope=scope))[:2] == (404, 7003)
    assert names(api) == ["other.sandbox.example", "sandbox.example"]
    assert api.result(api.call("GET", "jobs")) == []
