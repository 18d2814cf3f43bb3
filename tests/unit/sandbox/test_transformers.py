# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transformers: made, changed, previewed, deleted, and named by jobs."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

HTTPS = "https://logs.example.com/in"
SQL = "SELECT RayID, ClientIP\nFROM http_requests"
PATH = "transformers"


def scope(api: Any) -> str:
    """The account of the sandbox."""
    return f"accounts/{api.world.account_id}"


def call(api: Any, method: str, tail: str = "", body: Any = None) -> Any:
    """Ask for something about transformers."""
    return api.call(method, PATH + tail, body, scope(api))


def make(api: Any, **changes: Any) -> Any:
    """Make a transformer; the answer's result."""
    response = call(api, "POST", "", {"name": "short", "code": SQL, **changes})
    assert response.status_code == 201
    return response.get_json()["result"]


def test_a_transformer_is_made_and_shown_without_what_is_empty(api: Any) -> None:
    made = make(api)
    assert {name: made[name] for name in made if not name.endswith("_at")} == {
        "id": 1,
        "name": "short",
        "dataset": "http_requests",
    }
    assert api.result(call(api, "GET")) == [made]
    assert api.result(call(api, "GET", "/1")) == made
    assert api.result(call(api, "GET", "/1/content")) == {"content": SQL}
    assert [entry["writes"] for entry in api.requests()] == [True, False, False, False]


def test_each_post_makes_another_transformer(api: Any) -> None:
    assert [make(api)["id"], make(api)["id"]] == [1, 2]


def test_only_sql_makes_a_version_and_a_description_left_out_is_cleared(api: Any) -> None:
    make(api, description="first")
    assert "description" not in api.result(call(api, "PUT", "/1", {"name": "other"}))
    changed = api.result(call(api, "PUT", "/1", {"name": "other", "code": SQL + " "}))
    assert changed["name"] == "other"
    newest, first = api.result(call(api, "GET", "/1/versions?limit=10"))
    assert (newest["version"], first["version"]) == (2, 1)
    assert api.result(call(api, "GET", f"/1/content?version_id={first['id']}"))["content"] == SQL
    assert api.result(call(api, "GET", "/1/versions?limit=1")) == [newest]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"code": SQL}, "missing required field: name"),
        ({"name": "a"}, "missing required field: code"),
        ({"name": "a" * 256, "code": SQL}, "name must be a string of at most 255 bytes"),
        ({"name": "a", "code": "SELECT 1"}, "a FROM clause at line 1, column 1"),
        ({"name": "a", "code": "SELECT a\nFROM nowhere"}, "'nowhere' at line 2, column 6"),
        ({"name": "a", "code": "SELECT RayID,\n Foo FROM http_requests"}, "'Foo' at line 2, col"),
    ],
)
def test_what_does_not_hold_is_refused(api: Any, body: Any, message: str) -> None:
    status, code, said = api.error(call(api, "POST", "", body))
    assert (status, code) == (400, 1002)
    assert message in said
    assert api.result(call(api, "GET")) == []


def test_sql_of_more_than_ten_kilobytes_is_too_large(api: Any) -> None:
    body = {"name": "a", "code": SQL.ljust(10 * 1024 + 1)}
    assert api.error(call(api, "POST", "", body))[0] == 413


@pytest.mark.parametrize(
    ("sql", "output"),
    [
        (SQL, {"RayID": "r", "ClientIP": None}),
        ("select * from http_requests", {"RayID": "r", "ZoneName": "z"}),
        ("SELECT UPPER(RayID) AS r FROM http_requests", {"RayID": "r", "ZoneName": "z"}),
        (
            "SELECT extract(epoch FROM to_timestamp(When)) AS t FROM audit_logs",
            {"RayID": "r", "ZoneName": "z"},
        ),
    ],
)
def test_a_preview_runs_only_plain_queries_and_keeps_nothing(
    api: Any, sql: str, output: Any
) -> None:
    body = {"sql": sql, "input": {"RayID": "r", "ZoneName": "z"}}
    assert api.result(call(api, "POST", "/preview", body)) == output
    assert api.result(call(api, "GET")) == []
    assert not any(entry["writes"] for entry in api.requests())


@pytest.mark.parametrize("body", [{"sql": SQL}, {"input": {}}, {"sql": SQL, "input": []}])
def test_a_preview_needs_a_query_and_a_record(api: Any, body: Any) -> None:
    assert "missing required field" in api.error(call(api, "POST", "/preview", body))[2]


@pytest.mark.parametrize("tail", ["/7", "/x", "/0", "/7/content", "/7/versions"])
def test_an_unknown_transformer_is_not_found(api: Any, tail: str) -> None:
    status, _code, message = api.error(call(api, "GET", tail))
    assert status == 404
    assert message.endswith("not found for this account")


def test_zones_have_no_transformers(api: Any) -> None:
    assert api.error(api.call("GET", PATH))[:2] == (404, 7003)


def test_a_job_names_a_transformer_of_its_account_and_dataset(api: Any) -> None:
    make(api)
    job = api.create(HTTPS, name="http", transformer_id=1)
    assert job["transformer_id"] == 1
    owner = {"object_type": "zone", "object_tag": api.world.zone_id}
    jobs = [{"id": job["id"], "name": "http", **owner}]
    assert api.result(call(api, "GET", "/1"))["associated_jobs"] == jobs

    assert api.error(call(api, "DELETE", "/1"))[0] == 409
    api.result(api.call("PUT", f"jobs/{job['id']}", {"transformer_id": 0}))
    assert api.result(call(api, "DELETE", "/1")) == {"id": 1}
    assert api.error(call(api, "DELETE", "/1"))[0] == 404


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"transformer_id": 2}, "transformer 2 not found for this account"),
        (
            {"transformer_id": 1, "dataset": "dns_logs"},
            'transformer 1 dataset "http_requests" does not match job dataset "dns_logs"',
        ),
        (
            {"transformer_id": 1, "output_options": {"output_type": "csv"}},
            "transformers are only available for ndjson jobs",
        ),
    ],
)
def test_a_transformer_that_does_not_fit_a_job_is_refused(api: Any, job: Any, message: str) -> None:
    make(api)
    body = {"destination_conf": HTTPS, **job}
    assert api.error(api.call("POST", "jobs", body)) == (400, 1002, message)
    fitting = api.create(HTTPS, dataset=job.pop("dataset", "http_requests"))
    assert api.error(api.call("PUT", f"jobs/{fitting['id']}", job)) == (400, 1002, message)


def test_a_transformer_of_another_account_is_not_found(api: Any) -> None:
    make(api)
    account = {"id": "b" * 32, "name": "Other"}
    (zone,) = api.client.post("/sandbox/zones", json={"count": 1, "account": account}).get_json()
    body = {"destination_conf": HTTPS, "transformer_id": 1}
    response = api.call("POST", "jobs", body, f"zones/{zone['id']}")
    assert api.error(response)[2] == "transformer 1 not found for this account"


def test_an_account_may_lack_transformers(api: Any) -> None:
    api.settings(transformers="unavailable")
    message = "transformer feature is not available for this account"
    assert api.error(call(api, "GET")) == (403, 1004, message)


def test_a_reset_forgets_transformers(api: Any) -> None:
    make(api)
    api.client.post("/sandbox/reset")
    assert api.result(call(api, "GET")) == []
