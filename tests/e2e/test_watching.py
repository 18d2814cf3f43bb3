# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Uploads, usage and notifications against the sandbox, on a real socket."""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import (
    logpush_health_info,
    logpush_notification,
    logpush_usage_info,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import run_module
from e2e.playbooks import World

HEALTH, USAGE = "logpushHealthAdaptiveGroups", "logpushUsageAdaptiveGroups"
DAY = 86400
MAIL = "operators@example.com"
HOOK = "b115d5ec15c641ee8b7692c449b5227b"


class Watched:
    """A sandbox whose uploads are set, and modules that run against it in this process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone, self.other_zone, self.account = (
            world.environment[f"SANDBOX_{name}_ID"] for name in ("ZONE", "OTHER_ZONE", "ACCOUNT")
        )
        self.now = int(time.time())

    def ago(self, seconds: int) -> str:
        """Return a time before the test began."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now - seconds))

    def set_uploads(self, *uploads: dict[str, t.Any]) -> None:
        """Set all uploads, each an hour ago unless it says otherwise."""
        found = [{"datetime": self.ago(3600), **upload} for upload in uploads]
        self.world.control("PUT", "uploads", found)

    def run(self, module: t.Any, *, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run a module."""
        given = {
            "base_url": self.world.environment["CLOUDFLARE_BASE_URL"],
            "api_token": self.world.environment["CLOUDFLARE_API_TOKEN"],
            "timeout": 60.0,
            **options,
        }
        return run_module(module.main, given, check_mode=check_mode)

    def health(self, **options: t.Any) -> dict[str, t.Any]:
        """Report the uploads of the zone, unless there are scopes."""
        scope = {} if "scopes" in options or "account_id" in options else {"zone_id": self.zone}
        return self.run(logpush_health_info, **scope, **options)

    def notify(self, **options: t.Any) -> dict[str, t.Any]:
        """Manage the notification of the account."""
        given = {"account_id": self.account, "name": "disabled jobs", **options}
        return self.run(logpush_notification, **given)

    def policies(self) -> list[dict[str, t.Any]]:
        """Return the requests for notifications that wrote."""
        return [
            {"method": each["method"], "body": each["body"]}
            for each in self.world.requests()
            if each["writes"]
        ]


@pytest.fixture(name="watched")
def fixture_watched(world: World) -> Watched:
    """Return a sandbox without uploads and notifications."""
    return Watched(world)


def upload(job: int = 42, status: int = 200, **more: t.Any) -> dict[str, t.Any]:
    """Return an upload of ten records."""
    sizes = {"records": 10, "bytes": 1000, "bytesCompressed": 100}
    return {"jobId": job, "status": status, **sizes, **more}


@pytest.mark.parametrize("errors", ["http_200", "http_status"])
def test_known_uploads_are_counted(watched: Watched, errors: str) -> None:
    watched.world.control("PATCH", "settings", {"graphql_errors": errors})
    watched.set_uploads(
        *(upload() for _number in range(5)),
        *(upload(status=503, final=0) for _number in range(2)),
        upload(status=503, final=1),
        upload(43, destinationType="r2", uploads=4),
        # Before and after the period, and elsewhere.
        upload(datetime=watched.ago(7201)),
        upload(datetime=watched.ago(0)),
        upload(zone_id=watched.other_zone),
        upload(account_id=watched.account),
    )
    result = watched.health(since=watched.ago(7200), until=watched.ago(0))
    assert [(job["id"], job["destination_types"]) for job in result["jobs"]] == [
        (42, ["s3"]),
        (43, ["r2"]),
    ]
    first, second = result["jobs"]
    assert (first["uploads_succeeded"], first["uploads_failed"], first["records"]) == (5, 3, 50)
    assert [(each["status"], each["final"], each["uploads"]) for each in first["by_status"]] == [
        (200, True, 5),
        (503, False, 2),
        (503, True, 1),
    ]
    assert (second["uploads_succeeded"], second["bytes"]) == (4, 1000)
    totals = result["totals"]
    assert (totals["uploads_succeeded"], totals["uploads_failed"]) == (9, 3)
    assert (totals["bytes"], totals["bytes_compressed"]) == (6000, 600)
    assert len(watched.world.requests()) == 1


@pytest.mark.parametrize("errors", ["http_200", "http_status"])
def test_a_longer_period_and_more_groups_than_allowed_take_more_queries(
    watched: Watched, errors: str
) -> None:
    watched.world.control("PATCH", "settings", {"graphql_errors": errors})
    limits = {"maxDuration": 2 * DAY, "maxPageSize": 4}
    watched.world.control("PATCH", "graphql_limits", {HEALTH: limits})
    watched.set_uploads(
        *(
            upload(job, datetime=watched.ago(day * DAY + 60))
            for day in range(6)
            for job in range(2)
        ),
        # Each day has fewer groups than allowed, but not both of them together.
        *(upload(10 + day, datetime=watched.ago(day * DAY + 60)) for day in (2, 3)),
    )
    result = watched.health(since=watched.ago(6 * DAY), until=watched.ago(0))
    sums = {job["id"]: job["uploads_succeeded"] for job in result["jobs"]}
    assert sums == {0: 6, 1: 6, 12: 1, 13: 1}
    # One that fails, one for the settings, three parts, and two halves of the full one.
    assert len(watched.world.requests()) == 7


def test_zones_and_accounts_are_read_in_one_task(watched: Watched) -> None:
    watched.set_uploads(
        upload(), upload(43, zone_id=watched.other_zone), upload(44, account_id=watched.account)
    )
    scopes = [
        {"zone_id": watched.zone, "host": "first"},
        {"zone_id": watched.other_zone},
        {"account_id": watched.account},
        {"zone_id": "0" * 32, "host": "unknown"},
    ]
    result = watched.health(scopes=scopes)
    assert result["failed"]
    assert result["msg"].startswith("1 of 4 scopes failed: unknown (zone 0")
    assert result["msg"].endswith("needs the permission Analytics Read for this zone")
    assert [job["id"] for job in result["jobs"]] == [42, 43, 44]
    assert result["totals"]["uploads_succeeded"] == 3
    assert watched.health(scopes=scopes[:3])["totals"] == result["totals"]


def test_a_period_before_the_oldest_numbers_is_an_error(watched: Watched) -> None:
    result = watched.health(period=30 * DAY)
    assert result["msg"].startswith(
        f"since or period: Cloudflare keeps {HEALTH} of this zone for 604800"
    )
    assert "cannot request data older than" in result["error"]["errors"][0]["message"]


def test_billable_bytes_are_those_delivered(watched: Watched) -> None:
    today = watched.ago(0)
    watched.set_uploads(
        upload(datetime=today),
        upload(zone_id=watched.other_zone, datetime=today),
        upload(account_id=watched.account, datetime=today),
        upload(status=503, datetime=today),
        upload(datetime=watched.ago(40 * DAY)),
    )
    # Both at once, or midnight might be between them.
    result = watched.run(
        logpush_usage_info, account_id=watched.account, since=watched.ago(40 * DAY)[:10]
    )
    assert result["days"] == [
        {"date": watched.ago(40 * DAY)[:10], "billable_bytes": 1000},
        {"date": today[:10], "billable_bytes": 3000},
    ]
    assert result["billable_bytes"] == 4000
    assert result["month_to_date"]["since"] == f"{result['until'][:8]}01"


def test_a_token_without_permission_is_reported_so(watched: Watched) -> None:
    watched.world.control("PATCH", "settings", {"analytics": "denied"})
    for result, name in (
        (watched.health(), "Analytics Read for this zone"),
        (watched.health(account_id=watched.account), "Account Analytics Read for this account"),
        (
            watched.run(logpush_usage_info, account_id=watched.account),
            "Account Analytics Read for this account",
        ),
    ):
        assert result["msg"].endswith(f"The API token needs the permission {name}")


def test_a_notification_is_created_updated_and_removed(watched: Watched) -> None:
    planned = watched.notify(emails=[MAIL], check_mode=True)
    assert (planned["action"], watched.policies()) == ("created", [])
    created = watched.notify(emails=[MAIL])
    assert (created["action"], created["notification"]["enabled"]) == ("created", True)
    assert watched.notify(emails=[MAIL])["changed"] is False
    changed = watched.notify(webhook_ids=[HOOK], description="for the night shift")
    assert changed["changes"] == ["description", "webhook_ids"]
    assert watched.notify(webhook_ids=[HOOK], emails=[MAIL])["changed"] is False
    renamed = watched.notify(id=created["notification"]["id"], name="other", emails=[])
    assert renamed["changes"] == ["emails", "name"]
    assert watched.notify(name="other", emails=[])["notification"]["webhook_ids"] == [HOOK]
    assert watched.notify(name="other", state="absent")["action"] == "deleted"
    assert watched.notify(name="other", state="absent")["changed"] is False
    assert [each["method"] for each in watched.policies()] == ["POST", "PUT", "PUT", "DELETE"]


@pytest.mark.parametrize(
    "fault",
    [{"reset": "after"}, {"status": 502, "carry_out": True}, {"half": True}, {"result": None}],
    ids=str,
)
def test_a_lost_response_creates_one_notification(watched: Watched, fault: t.Any) -> None:
    if "result" in fault:
        body = {"success": True, "errors": [], "messages": [], "result": None}
        fault = {"status": 200, "body": body, "carry_out": True}
    watched.world.control("POST", "faults", {"method": "POST", "path": "policies$", **fault})
    result = watched.notify(emails=[MAIL])
    assert (result["action"], result["response_lost"]) == ("created", True)
    assert [each["method"] for each in watched.policies()] == ["POST"]
    assert watched.notify(emails=[MAIL])["notification"] == result["notification"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_lost_response_to_a_change_is_no_failure(watched: Watched, method: str) -> None:
    watched.notify(emails=[MAIL])
    fault = {"method": method, "path": "policies", "status": 500, "carry_out": True}
    watched.world.control("POST", "faults", fault)
    options = {"enabled": False} if method == "PUT" else {"state": "absent"}
    result = watched.notify(**options)
    assert (result["changed"], result["response_lost"]) == (True, True)


def test_a_token_that_may_only_read_notifications_plans_but_does_not_write(
    watched: Watched,
) -> None:
    watched.world.control("PATCH", "settings", {"notifications": "read"})
    assert watched.notify(emails=[MAIL], check_mode=True)["action"] == "created"
    result = watched.notify(emails=[MAIL])
    assert (result["error"]["status"], result["changes"]) == (403, ["emails", "name"])
