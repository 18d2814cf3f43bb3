# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transformers against the sandbox, on a real socket, and as Cloudflare's own SDK sees them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import (
    logpush_transformer,
    logpush_transformer_info,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import run_module
from e2e.playbooks import World

HTTPS = "https://logs.example.com/in"
SQL = "SELECT RayID, ClientIP\nFROM http_requests"
NEW_SQL = "SELECT RayID\nFROM http_requests"
RECORD = {"RayID": "8f2c", "ClientIP": "203.0.113.7", "EdgeResponseStatus": 502}


class Account:
    """The account of the sandbox, whose transformers are managed by modules in this process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.id = world.environment["SANDBOX_ACCOUNT_ID"]

    def run(self, module: t.Any, *, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run a module for the account."""
        given = {
            "base_url": self.world.environment["CLOUDFLARE_BASE_URL"],
            "api_token": self.world.environment["CLOUDFLARE_API_TOKEN"],
            "account_id": self.id,
            "timeout": 60.0,
            **options,
        }
        return run_module(module.main, given, check_mode=check_mode)

    def manage(self, *, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Manage the transformer "short"."""
        given = {"name": "short", **options}
        return self.run(logpush_transformer, check_mode=check_mode, **given)

    def read(self, **options: t.Any) -> list[dict[str, t.Any]]:
        """Return what the info module returns."""
        result = self.run(logpush_transformer_info, **options)
        assert not result.get("failed"), result
        return t.cast("list[dict[str, t.Any]]", result["transformers"])

    def writes(self) -> list[str]:
        """Return the methods of the requests that wrote."""
        return [request["method"] for request in self.world.requests() if request["writes"]]


@pytest.fixture(name="account")
def fixture_account(world: World) -> Account:
    """Return an account without transformers."""
    return Account(world)


def test_a_transformer_is_created_updated_and_removed(account: Account) -> None:
    planned = account.manage(check_mode=True, code=SQL, description="d")
    assert (planned["action"], account.read()) == ("created", [])
    first = account.manage(code=SQL, description="d")
    assert (first["action"], first["transformer"]["dataset"]) == ("created", "http_requests")
    assert account.manage(code=SQL + "\n", description="d")["changed"] is False
    assert account.manage(code=NEW_SQL)["changes"] == ["code"]
    assert account.manage(code=NEW_SQL)["changed"] is False
    assert account.manage(description="")["changes"] == ["description"]
    assert account.manage(id=first["transformer"]["id"], name="renamed")["changes"] == ["name"]
    (shown,) = account.read(name="renamed", include_code=True, include_versions=True)
    assert (shown["code"], shown["description"], shown["associated_jobs"]) == (NEW_SQL, "", [])
    assert [(each["version"], each["code"]) for each in shown["versions"]] == [
        (2, NEW_SQL),
        (1, SQL),
    ]
    assert account.manage(name="renamed", state="absent")["action"] == "deleted"
    assert account.manage(name="renamed", state="absent")["changed"] is False
    assert account.writes() == ["POST", "PUT", "PUT", "PUT", "DELETE"]


def test_a_preview_shows_the_output_and_what_cloudflare_rejects(account: Account) -> None:
    result = account.manage(check_mode=True, code=NEW_SQL, preview_input=RECORD)
    assert result["preview"] == {"RayID": "8f2c"}
    result = account.manage(code="SELECT RayID,\n  Foo\nFROM http_requests", preview_input=RECORD)
    assert "unknown column 'Foo' at line 2, column 3" in result["msg"]
    assert "Line 2 of code is: Foo" in result["msg"]
    assert account.writes() == []


def test_a_transformer_that_a_job_uses_is_not_removed(account: Account) -> None:
    transformer = account.manage(code=SQL)["transformer"]
    job = {"name": "http", "destination_conf": HTTPS, "transformer_id": transformer["id"]}
    made = account.world.control("POST", "jobs", job)
    result = account.manage(state="absent")
    used = f"used by 1 job: job {made['id']} ('http') of zone {account.world.zone_id}."
    assert used in result["msg"]
    (shown,) = account.read(id=transformer["id"])
    assert shown["associated_jobs"] == result["associated_jobs"]
    account.world.control("PATCH", f"jobs/{made['id']}", {"transformer_id": None})
    assert account.manage(state="absent")["action"] == "deleted"


@pytest.mark.parametrize(
    "fault",
    [{"reset": "after"}, {"status": 502, "carry_out": True}, {"half": True}, {"result": None}],
    ids=str,
)
def test_a_lost_response_creates_one_transformer(account: Account, fault: t.Any) -> None:
    if "result" in fault:
        body = {"success": True, "errors": [], "messages": [], "result": None}
        fault = {"status": 200, "body": body, "carry_out": True}
    account.world.control("POST", "faults", {"method": "POST", "path": "transformers$", **fault})
    result = account.manage(code=SQL)
    assert (result["action"], result["response_lost"]) == ("created", True)
    assert [each["id"] for each in account.read()] == [result["transformer"]["id"]]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_lost_response_to_a_change_is_no_failure(account: Account, method: str) -> None:
    account.manage(code=SQL)
    fault = {"method": method, "path": "transformers", "status": 500, "carry_out": True}
    account.world.control("POST", "faults", fault)
    more = {"code": NEW_SQL} if method == "PUT" else {"state": "absent"}
    result = account.manage(**more)  # type: ignore[arg-type]
    assert (result["changed"], result["response_lost"]) == (True, True)
    assert account.writes() == ["POST", method]


def test_an_account_without_transformers_is_reported_so(account: Account) -> None:
    account.world.control("PATCH", "settings", {"transformers": "unavailable"})
    message = account.manage(code=SQL)["msg"]
    assert "transformer feature is not available for this account" in message
    assert "usage-based Logpush" in message


def test_the_sdk_decodes_all_that_the_sandbox_says_of_transformers(account: Account) -> None:
    cloudflare = pytest.importorskip("cloudflare", reason="this test needs Cloudflare's SDK")
    env = account.world.environment
    client = cloudflare.Cloudflare(
        base_url=env["CLOUDFLARE_BASE_URL"],
        api_token=env["CLOUDFLARE_API_TOKEN"],
        max_retries=0,
        _strict_response_validation=True,
    )
    mine = {"account_id": account.id}
    with client:
        transformers = client.logpush.transformers
        made = transformers.create(name="short", code=SQL, description="d", **mine)
        with pytest.raises(cloudflare.BadRequestError, match="more than 255 bytes"):
            transformers.create(name="\u00e9" * 128, code=SQL, **mine)
        job = {"name": "http", "destination_conf": HTTPS, "transformer_id": made.id}
        account.world.control("POST", "jobs", job)
        changed = transformers.update(made.id, name="short", code=NEW_SQL, **mine)
        assert (changed.dataset, changed.description) == ("http_requests", None)
        assert [each.to_dict() for each in transformers.list(**mine)] == [changed.to_dict()]
        assert transformers.get(made.id, **mine).associated_jobs[0].object_type == "zone"
        assert transformers.content.get(made.id, **mine).content == NEW_SQL
        newest, first = transformers.versions.list(made.id, limit=10, **mine)
        assert (newest.version, first.version) == (2, 1)
        old = transformers.content.get(made.id, version_id=first.id, **mine)
        assert old.content == SQL
        # The documentation has one record, the SDK a list of them, so it is asked for the raw one.
        raw = transformers.with_raw_response.preview(sql=NEW_SQL, input=RECORD, **mine)
        assert raw.json()["result"] == {"RayID": "8f2c"}
        with pytest.raises(cloudflare.ConflictError):
            transformers.delete(made.id, **mine)
        account.world.control("DELETE", "jobs")
        assert transformers.delete(made.id, **mine).id == made.id
        with pytest.raises(cloudflare.NotFoundError, match="not found for this account"):
            transformers.get(made.id, **mine)
