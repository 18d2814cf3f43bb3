# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs against the sandbox, on a real socket: what is sent, and what users of other tools met."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import (
    logpush_dataset_info,
    logpush_destination_validate,
    logpush_job,
    logpush_job_info,
    logpush_ownership,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import run_module
from e2e.playbooks import World

R2 = "r2://edge-logs/{DATE}?account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key="
SECRET = "SeCrEt0123456789SeCrEt%2B123456789SeCrEt"
DATADOG = (
    "datadog://http-intake.logs.datadoghq.com/api/v2/logs?header_DD-API-KEY="
    "0123456789abcdef0123456789abcdef&ddsource=cloudflare"
)
FILTER = {"where": {"and": [{"key": "EdgeResponseStatus", "operator": "geq", "value": 500}]}}
CSV = {"output_type": "csv", "record_suffix": "\n", "field_delimiter": ",", "record_prefix": ""}


class Zone:
    """One zone of the sandbox, whose jobs are kept by modules that run in this process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.id = world.zone_id

    def run(
        self, module: t.Any, *, check_mode: bool = False, diff: bool = False, **options: t.Any
    ) -> dict[str, t.Any]:
        """Run a module in the zone."""
        given = {
            "base_url": self.world.environment["CLOUDFLARE_BASE_URL"],
            "api_token": self.world.environment["CLOUDFLARE_API_TOKEN"],
            "zone_id": self.id,
            "timeout": 60.0,
            **options,
        }
        return run_module(module.main, given, check_mode=check_mode, diff=diff)

    def keep(self, **options: t.Any) -> dict[str, t.Any]:
        """Keep a job, by default the one that ``has_job`` made."""
        given = {"name": "http", **options}
        if given["name"] is None:
            del given["name"]
        return self.run(logpush_job, **given)

    def has_job(self, **properties: t.Any) -> dict[str, t.Any]:
        """Have a job there, and nothing else."""
        self.world.control("POST", "reset")
        shown = {"name": "http", "destination_conf": R2 + SECRET, **properties}
        job: dict[str, t.Any] = self.world.control("POST", "jobs", shown)
        self.world.control("DELETE", "requests")
        return job

    def sent(self, method: str) -> list[t.Any]:
        """Return the bodies of the requests of a method."""
        recorded = self.world.requests()
        return [request["body"] for request in recorded if request["method"] == method]

    def token(self, destination: str) -> str:
        """Return a good proof for a destination."""
        return str(self.world.control("POST", "tokens", {"destination_conf": destination})["token"])


@pytest.fixture(name="zone")
def fixture_zone(world: World) -> Zone:
    """Return a zone without jobs."""
    return Zone(world)


PROPERTIES: dict[str, t.Any] = {
    "name": "web",
    "enabled": True,
    "filter": json.dumps(FILTER),
    "logpull_options": "fields=RayID",
    "frequency": "low",
    "max_upload_bytes": 5_000_000,
    "max_upload_interval_seconds": 300,
    "max_upload_records": 1000,
    "destination_conf": R2.replace("{DATE}", "web/{DATE}") + SECRET,
}
OUTPUT_OPTIONS: dict[str, t.Any] = {
    "field_names": ["RayID", "ClientIP"],
    "timestamp_format": "rfc3339",
    "sample_rate": 0.25,
    "CVE-2021-44228": True,
    "merge_subrequests": True,
    "batch_prefix": "[",
    "batch_suffix": "]",
    "record_prefix": '{"a":1,',
    "record_suffix": "}\r\n",
    "record_template": "{{.RayID}}",
    "record_delimiter": ",",
    "field_delimiter": ";",
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_each_property_is_one_put_of_that_property(zone: Zone, name: str) -> None:
    job = zone.has_job()
    options = {"name": None, "id": job["id"], name: PROPERTIES[name]}
    first = zone.keep(**options)
    assert first["changes"] == [name]
    assert zone.sent("PUT") == [{name: PROPERTIES[name]}]
    stored = zone.world.jobs()[0]
    assert stored == {**job, name: PROPERTIES[name], "last_complete": stored["last_complete"]}
    assert zone.keep(**options)["changed"] is False
    assert len(zone.sent("PUT")) == 1


@pytest.mark.parametrize("name", OUTPUT_OPTIONS)
def test_each_output_option_is_one_put_of_all_of_them(zone: Zone, name: str) -> None:
    others = {"field_names": ["ClientIP"], "sample_rate": 0.5, "batch_suffix": "x"}
    job = zone.has_job(output_options=others)
    options = {"output_options": {name: OUTPUT_OPTIONS[name]}}
    assert zone.keep(**options)["changed"] is True
    (body,) = zone.sent("PUT")
    assert list(body) == ["output_options"]
    stored = zone.world.jobs()[0]
    assert stored["output_options"] == {**job["output_options"], name: OUTPUT_OPTIONS[name]}
    assert zone.keep(**options)["changed"] is False
    assert len(zone.sent("PUT")) == 1


# What users of other tools met, one test each.


def test_a_challenge_without_the_date_of_the_job_says_which_part_differs(zone: Zone) -> None:
    plain, dated = (
        "s3://edge-logs/http?region=us-east-1",
        "s3://edge-logs/http/{DATE}?region=us-east-1",
    )
    result = zone.keep(destination_conf=dated, ownership_challenge=zone.token(plain))
    assert result["failed"] is True
    assert "the path is '/http' in the token and '/http/{DATE}'" in result["msg"]
    assert zone.world.jobs() == []


def test_an_account_s_challenge_for_a_zone_s_job_says_so(zone: Zone) -> None:
    destination = "s3://edge-logs/http?region=us-east-1"
    account_id = zone.world.environment["SANDBOX_ACCOUNT_ID"]
    asked = {"account_id": account_id, "destination_conf": destination}
    token = zone.world.control("POST", "tokens", asked)["token"]
    result = zone.keep(destination_conf=destination, ownership_challenge=token)
    assert result["failed"] is True
    assert "The token was issued for account" in result["msg"]


def test_valid_false_is_a_failure_with_cloudflares_words(zone: Zone) -> None:
    destination = "s3://no-such-bucket/http?region=us-east-1"
    asked = zone.run(logpush_ownership, destination_conf=destination)
    assert asked["failed"] is True
    assert "NoSuchBucket" in asked["msg"]
    tried = zone.run(logpush_destination_validate, destination_conf=destination)
    assert (tried["failed"], tried["valid"], tried["changed"]) == (True, False, False)
    assert "NoSuchBucket" in tried["msg"]


@pytest.mark.parametrize("redaction", ["plain", "masked", "stars", "whole", "omitted"])
@pytest.mark.parametrize(
    "destination", [R2 + SECRET, DATADOG, "sumo://e.sumologic.com/receiver/v1/http/CODECODECODE"]
)
def test_no_plan_shows_changes_in_every_run(zone: Zone, redaction: str, destination: str) -> None:
    zone.has_job()
    zone.world.control("PATCH", "settings", {"redaction": redaction})
    described = {
        "name": "new",
        "destination_conf": destination,
        "filter": FILTER,
        "output_options": {"sample_rate": 1, "field_names": ["RayID", "ClientIP"]},
        "ownership_challenge": zone.token(destination),
    }
    created = zone.keep(**described)
    assert created["action"] == "created", created
    for check_mode in (True, False):
        again = zone.keep(check_mode=check_mode, diff=True, **described)
        assert (again["changed"], again["changes"]) == (False, [])
        secrets = [
            SECRET,
            SECRET.replace("%2B", "+"),
            "0123456789abcdef0123456789abcdef",
            "CODECODECODE",
        ]
        assert not [secret for secret in secrets if secret in json.dumps(again)]
    assert zone.sent("PUT") == []


def test_a_filter_is_added_changed_and_removed(zone: Zone) -> None:
    zone.has_job()
    other = {"where": {"key": "ClientIP", "operator": "eq", "value": "192.0.2.1"}}
    for text in (FILTER, other, ""):
        for check_mode in (True, False):
            assert zone.keep(filter=text, check_mode=check_mode)["changes"] == ["filter"]
        assert zone.keep(filter=text)["changed"] is False
    assert len(zone.sent("PUT")) == 3


@pytest.mark.parametrize(
    "settings", [{"filter_in_answers": "left_out"}, {"redaction": "removed"}], ids=str
)
def test_values_that_are_not_shown_after_they_were_sent_are_named(
    zone: Zone, settings: dict[str, str]
) -> None:
    zone.has_job(destination_conf=R2 + "another")
    zone.world.control("PATCH", "settings", settings)
    name = "filter" if "filter_in_answers" in settings else "destination_conf"
    options = {"filter": FILTER} if name == "filter" else {"destination_conf": R2 + SECRET}
    result = zone.keep(**options)
    assert (result["changes"], result["not_applied"]) == ([name], [name])
    assert f"other values for {name};" in result["warnings"][0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # A server that wants another content type answers 415.
        (DATADOG, f"{DATADOG}&header_Content-Type=application/json"),
        (f"{DATADOG}&ddtags=env:prod", DATADOG),
        (R2 + SECRET, R2 + "AnotherSecretOfAnotherLength"),
        (R2 + SECRET, R2 + SECRET.replace("0123", "3210")),
    ],
)
def test_an_edited_destination_is_sent_once(zone: Zone, before: str, after: str) -> None:
    zone.has_job(destination_conf=before)
    assert zone.keep(destination_conf=before)["changed"] is False
    assert zone.keep(destination_conf=after)["changes"] == ["destination_conf"]
    assert zone.keep(destination_conf=after)["changed"] is False
    assert zone.sent("PUT") == [{"destination_conf": after}]


@pytest.mark.parametrize(
    ("before", "options"),
    [
        (
            {},
            {
                "max_upload_bytes": 0,
                "max_upload_records": 0,
                "max_upload_interval_seconds": 0,
                "frequency": "high",
                "filter": "",
                "logpull_options": "",
            },
        ),
        ({"output_options": {"output_type": "csv"}}, {"output_options": CSV}),
        ({}, {"output_options": {"output_type": "ndjson", "record_suffix": "}\n"}}),
        (
            {"output_options": {"field_names": ["ClientIP", "RayID"]}},
            {"output_options": {"field_names": ["ClientIP", "RayID", "ClientIP"]}},
        ),
    ],
)
def test_an_equivalent_of_the_default_is_not_a_change(
    zone: Zone, before: dict[str, t.Any], options: dict[str, t.Any]
) -> None:
    zone.has_job(**before)
    assert zone.keep(**options)["changed"] is False
    assert zone.keep(name="new", destination_conf=R2 + SECRET, **options)["action"] == "created"
    again = zone.keep(name="new", destination_conf=R2 + SECRET, **options)
    assert (again["changed"], zone.sent("PUT")) == (False, [])


def test_a_bad_value_of_the_older_options_is_not_carried_over(zone: Zone) -> None:
    zone.has_job(logpull_options="fields=RayID&timestamps=rfc3339,Something")
    assert zone.keep(output_options={"sample_rate": 0.5})["changed"] is True
    body = {"field_names": ["RayID"], "sample_rate": 0.5}
    assert zone.sent("PUT") == [{"output_options": body}]


def test_a_limit_that_one_destination_needs_is_sent(zone: Zone) -> None:
    destination = "ibmcl://h.logs.cloud.ibm.com/logs/v1/singles?ibm_api_key=" + SECRET
    options = {"name": "new", "destination_conf": destination, "max_upload_bytes": 2_000_000}
    assert zone.keep(**options)["action"] == "created"
    assert zone.keep(**options)["changed"] is False


def test_keys_are_in_no_plan_and_no_result(zone: Zone) -> None:
    zone.has_job(destination_conf=DATADOG, error_message="cannot write to " + DATADOG)
    zone.world.control("PATCH", "settings", {"redaction": "plain"})
    rotated = DATADOG.replace("0123", "3210")
    results = [
        zone.run(logpush_job_info),
        zone.keep(destination_conf=rotated, check_mode=True, diff=True),
        zone.keep(destination_conf=rotated, diff=True),
        zone.keep(state="absent", diff=True),
    ]
    assert [result.get("changed") for result in results] == [False, True, True, True]
    for secret in (DATADOG, rotated, DATADOG[60:92], rotated[60:92]):
        assert secret not in json.dumps(results)


def test_nothing_is_put_while_the_destination_is_down_unless_it_changes(zone: Zone) -> None:
    zone.has_job(enabled=True, destination_conf="s3://no-such-bucket/x?region=us-east-1")
    assert zone.keep(enabled=True)["changed"] is False
    result = zone.keep(enabled=False)
    assert result["failed"] is True
    assert "error validating destination" in result["msg"]


def test_a_misspelled_cve_option_is_an_error(zone: Zone) -> None:
    result = zone.keep(output_options={"CVE-2021-4428": True})
    assert result["failed"] is True
    assert "CVE-2021-4428" in result["msg"]
    assert zone.world.requests() == []


def test_the_filename_is_no_token(zone: Zone) -> None:
    destination = "s3://edge-logs/http?region=us-east-1"
    asked = zone.run(logpush_ownership, destination_conf=destination)
    result = zone.keep(destination_conf=destination, ownership_challenge=asked["filename"])
    assert result["failed"] is True
    assert "looks like the name of the challenge file" in result["msg"]
    assert zone.world.jobs() == []


def test_which_fields_a_dataset_has(zone: Zone) -> None:
    fields = zone.run(logpush_dataset_info, dataset="http_requests")["fields"]
    assert fields["ClientIP"]
    assert list(fields) == sorted(fields)
    unknown = zone.run(logpush_dataset_info, dataset="no_such_dataset")
    assert (unknown["failed"], unknown["error"]["status"]) == (True, 404)


@pytest.mark.parametrize(
    "how", [{"reset": "after"}, {"half": "short"}, {"status": 504, "body": "x", "carry_out": True}]
)
def test_a_lost_answer_leaves_one_job_not_two(zone: Zone, how: dict[str, t.Any]) -> None:
    fault = {"method": "POST", "path": "/logpush/jobs$", **how}
    zone.world.control("POST", "faults", fault)
    result = zone.keep(destination_conf=R2 + SECRET)
    assert (result["changed"], result["response_lost"]) == (True, True)
    assert [job["id"] for job in zone.world.jobs()] == [result["job"]["id"]]
    assert len(zone.sent("POST")) == 1


def test_a_lost_request_leaves_no_job_and_says_so(zone: Zone) -> None:
    fault = {"method": "POST", "path": "/logpush/jobs$", "reset": "before"}
    zone.world.control("POST", "faults", fault)
    result = zone.keep(destination_conf=R2 + SECRET)
    assert (result["failed"], result["response_lost"], result["ids"]) == (True, True, [])
    assert zone.world.jobs() == []
    assert zone.keep(destination_conf=R2 + SECRET)["action"] == "created"


def test_the_health_of_jobs(zone: Zone) -> None:
    zone.has_job(name="ok", enabled=True, last_complete="2026-11-22T14:05:00Z")
    for job in (
        {"name": "ill", "enabled": True, "last_error": "2026-11-22T14:05:00Z"},
        {"name": "new", "enabled": True},
    ):
        zone.world.control("POST", "jobs", job)
    jobs = zone.run(logpush_job_info, stale_after=1e6)["jobs"]
    assert {job["name"]: job["healthy"] for job in jobs} == {"ok": True, "ill": False, "new": None}


def test_whether_a_destination_is_used_and_can_be_written_to(zone: Zone) -> None:
    destination = "s3://edge-logs/http?region=us-east-1"
    zone.has_job(destination_conf=destination)
    looked = zone.run(logpush_destination_validate, destination_conf=destination, check_mode=True)
    assert (looked["valid"], looked["exists"], looked["changed"]) == (None, True, True)
    assert [request["writes"] for request in zone.world.requests()] == [False]
    tried = zone.run(logpush_destination_validate, destination_conf=destination + "&sse=AES256x")
    assert tried["exists"] is False
