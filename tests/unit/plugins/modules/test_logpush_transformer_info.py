# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_transformer_info, from its options to what it sends and prints."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_transformer_info
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    ZONE,
    Call,
    failure,
    network,
    run_module,
    success,
)

PATH = f"/accounts/{ACCOUNT}/logpush/transformers"
JOB = {"id": 42, "name": "http-to-s3", "object_type": "zone", "object_tag": ZONE}
FIRST = {"id": 7, "name": "short", "dataset": "http_requests", "associated_jobs": [JOB]}
SECOND = {"id": 8, "name": "long"}
VERSIONS = [
    {"id": 31, "version": 2, "created_at": "2026-11-22T14:05:00Z"},
    {"id": 30, "version": 1, "created_at": "2026-11-21T14:05:00Z"},
]


def listed(*transformers: t.Any) -> Call:
    """Expect that the transformers are listed."""
    return Call("GET", PATH, None, success(list(transformers)))


def content(transformer_id: int, query: str, code: str) -> Call:
    """Expect that SQL is read."""
    path = f"{PATH}/{transformer_id}/content{query}"
    return Call("GET", path, None, success({"content": code}))


def versions(transformer_id: int, result: t.Any) -> Call:
    """Expect that the versions are listed."""
    return Call("GET", f"{PATH}/{transformer_id}/versions?limit=10", None, success(result))


def run(check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module for the account."""
    given = {"account_id": ACCOUNT, "api_token": TOKEN, **options}
    return run_module(logpush_transformer_info.main, given, check_mode=check_mode)


def ids(result: dict[str, t.Any]) -> list[int]:
    """Return the ids of the transformers in a result that is no failure."""
    assert not result.get("failed"), result
    return [each["id"] for each in result["transformers"]]


@pytest.mark.parametrize("check_mode", [False, True])
def test_all_transformers_are_listed_by_id_with_their_jobs(check_mode: bool) -> None:
    with network(listed(SECOND, FIRST)):
        result = run(check_mode)
    assert result["changed"] is False
    nothing = dict.fromkeys(("dataset", "created_at", "updated_at"))
    assert result["transformers"] == [
        {**nothing, **FIRST, "description": ""},
        {**nothing, **SECOND, "description": "", "associated_jobs": []},
    ]


@pytest.mark.parametrize("result", [None, []])
def test_no_transformers_are_an_empty_list(result: t.Any) -> None:
    with network(Call("GET", PATH, None, success(result))):
        assert ids(run()) == []


@pytest.mark.parametrize(("name", "found"), [("short", [7]), ("Short", []), ("", [])])
def test_a_name_narrows_the_list(name: str, found: list[int]) -> None:
    with network(listed(FIRST, SECOND)):
        assert ids(run(name=name)) == found


@pytest.mark.parametrize(("options", "found"), [({}, [7]), ({"name": "long"}, [])])
def test_one_transformer_is_read_by_its_id(options: dict[str, t.Any], found: list[int]) -> None:
    with network(Call("GET", f"{PATH}/7", None, success(FIRST))):
        assert ids(run(id=7, **options)) == found


@pytest.mark.parametrize("status", [400, 404])
def test_an_unknown_id_is_an_empty_list(status: int) -> None:
    unknown = failure(status, 1002, "transformer 9 not found for this account")
    with network(Call("GET", f"{PATH}/9", None, unknown)):
        assert ids(run(id=9)) == []


def test_an_unknown_account_is_no_empty_list() -> None:
    text = f"Could not route to {PATH}/9, perhaps your object identifier is invalid?"
    with network(Call("GET", f"{PATH}/9", None, failure(404, 7003, text))):
        assert run(id=9)["error"]["status"] == 404


def test_sql_is_read_on_request() -> None:
    with network(listed(FIRST, SECOND), content(7, "", "SELECT 1"), content(8, "", "SELECT 2")):
        result = run(include_code=True)
    assert [each["code"] for each in result["transformers"]] == ["SELECT 1", "SELECT 2"]


def test_versions_are_read_on_request_with_their_sql_if_it_is_requested_too() -> None:
    with network(listed(FIRST), versions(7, VERSIONS)):
        (shown,) = run(include_versions=True)["transformers"]
    assert shown["versions"] == VERSIONS
    assert "code" not in shown
    calls = (
        content(7, "", "new"),
        versions(7, VERSIONS),
        content(7, "?version_id=31", "new"),
        content(7, "?version_id=30", "old"),
    )
    with network(listed(FIRST), *calls):
        (shown,) = run(include_versions=True, include_code=True)["transformers"]
    assert [each["code"] for each in (shown, *shown["versions"])] == ["new", "new", "old"]


@pytest.mark.parametrize("result", [{}, [1], [{"version": 1}]])
def test_versions_of_another_shape_are_malformed(result: t.Any) -> None:
    with network(listed(FIRST), versions(7, result)):
        assert "does not list versions" in run(include_versions=True)["msg"]


def test_content_of_another_shape_is_malformed() -> None:
    with network(listed(FIRST), Call("GET", f"{PATH}/7/content", None, success({"content": None}))):
        assert "contains no content" in run(include_code=True)["msg"]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"id": 0}, "id: must be 1 or more"), ({"zone_id": ZONE}, 'unsupported option "zone_id"')],
)
def test_an_invalid_option_is_named(options: dict[str, t.Any], said: str) -> None:
    with network():
        assert said in run(**options)["msg"]
