# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test can ask of the sandbox about jobs."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.world import DESTINATION

HTTPS = "https://logs.example.com/in?header_X=secret"


def make(api: Any, body: Any) -> Any:
    """Make a job without any check."""
    return api.client.post("/sandbox/jobs", json=body)


def test_jobs_are_shown_as_stored_with_their_owners(api: Any) -> None:
    api.settings(redaction="omitted", filter_in_answers="left_out")
    api.create(HTTPS)
    api.create(HTTPS, f"accounts/{api.world.account_id}", dataset="audit_logs")
    zone, account = api.jobs()
    assert (zone["zone_id"], account["account_id"]) == (api.world.zone_id, api.world.account_id)
    assert "account_id" not in zone
    assert "zone_id" not in account
    assert (zone["destination_conf"], zone["filter"]) == (HTTPS, None)


def test_a_job_can_be_made_unchecked(api: Any) -> None:
    body = {"kind": "instant-logs", "max_upload_records": 7, "filter": "{", "from_the_future": 1}
    job = make(api, body).get_json()
    assert job == api.jobs()[0]
    assert {name: job[name] for name in body} == body
    assert (job["id"], job["destination_conf"], job["enabled"]) == (1, DESTINATION, False)
    assert job["zone_id"] == api.world.zone_id
    assert api.result(api.call("GET", "jobs/1"))["from_the_future"] == 1
    assert (api.objects(), len(api.requests())) == ({}, 1)


def test_a_job_can_be_made_for_anybody(api: Any) -> None:
    other = {"id": api.world.other_zone_id}
    assert make(api, other).get_json()["zone_id"] == api.world.other_zone_id
    assert make(api, {"scope": "account"}).get_json()["account_id"] == api.world.account_id
    assert api.result(api.call("GET", "jobs")) == []
    scope = f"zones/{api.world.other_zone_id}"
    assert [job["id"] for job in api.result(api.call("GET", "jobs", scope=scope))] == [1]


@pytest.mark.parametrize(
    "body", [[], {"id": "0" * 32}, {"scope": "account", "id": "0"}, {"scope": "x"}], ids=str
)
def test_a_job_without_a_scope_is_rejected(api: Any, body: Any) -> None:
    response = make(api, body)
    assert response.status_code == 400
    assert response.get_json()["error"]
    assert api.jobs() == []


def test_options_are_neither_completed_nor_checked(api: Any) -> None:
    options = {"sample_rate": 7, "new_option": 1, "merge_subrequests": True}
    made = make(api, {"output_options": options, "dataset": "dns_logs"}).get_json()
    assert made["output_options"] == options
    changes = {"output_options": {"sample_rate": 8, "record_prefix": None}}
    changed = api.client.patch("/sandbox/jobs/1", json=changes).get_json()
    assert changed["output_options"] == changes["output_options"]


def test_any_property_can_be_set(api: Any) -> None:
    api.create(HTTPS)
    changes = {
        "error_message": "cannot write",
        "last_error": "2026-01-01T00:00:00Z",
        "last_complete": "2025-12-31T00:00:00Z",
        "kind": "instant-logs",
        "name": "changed by somebody else",
    }
    answer = api.client.patch("/sandbox/jobs/1", json=changes).get_json()
    assert answer == api.jobs()[0]
    assert api.result(api.call("GET", "jobs/1")).items() >= changes.items()


def test_an_unknown_job_or_another_id_is_refused(api: Any) -> None:
    assert api.client.patch("/sandbox/jobs/1", json={}).status_code == 404
    api.create(HTTPS)
    assert api.client.patch("/sandbox/jobs/1", json={"id": 2}).status_code == 400
    assert api.client.patch("/sandbox/jobs/1", json=[]).status_code == 400
    assert [job["id"] for job in api.jobs()] == [1]


def test_all_jobs_can_be_forgotten(api: Any) -> None:
    api.create(HTTPS)
    api.create(HTTPS, f"accounts/{api.world.account_id}", dataset="audit_logs")
    assert api.client.delete("/sandbox/jobs").status_code == 204
    assert api.jobs() == []
    assert api.error(api.call("GET", "jobs/1"))[0] == 404
    assert api.create(HTTPS)["id"] == 3
