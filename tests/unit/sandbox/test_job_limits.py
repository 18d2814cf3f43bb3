# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job may look like, and how the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

HTTPS = "https://logs.example.com/in"
WRONG = [
    ("dataset", 7),
    ("dataset", "x" * 257),
    ("enabled", "true"),
    ("enabled", 1),
    ("enabled", None),
    ("name", 7),
    ("name", "x" * 513),
    ("kind", "instant-logs"),
    ("kind", False),
    ("filter", {"where": {}}),
    ("filter", "{"),
    ("filter", "[]"),
    ("filter", '{"were":{}}'),
    ("filter", '{"where":"' + "x" * 1000 + '"}'),
    ("filter", "[" * 999),
    ("logpull_options", 7),
    ("logpull_options", "x" * 4097),
    ("frequency", "medium"),
    ("frequency", ["high"]),
    ("max_upload_bytes", 4_999_999),
    ("max_upload_bytes", 1_000_000_001),
    ("max_upload_bytes", "5000000"),
    ("max_upload_bytes", 5_000_000.0),
    ("max_upload_interval_seconds", 29),
    ("max_upload_interval_seconds", 301),
    ("max_upload_interval_seconds", False),
    ("max_upload_records", 999),
    ("max_upload_records", 1_000_001),
    ("max_upload_records", -1),
    ("output_options", "text"),
    ("output_options", []),
    ("ownership_challenge", 7),
    ("ownership_challenge", "x" * 4097),
]
WRONG_OPTIONS = [
    ("field_names", "RayID"),
    ("field_names", [1]),
    ("output_type", "json"),
    ("timestamp_format", "iso"),
    ("sample_rate", 0),
    ("sample_rate", 1.1),
    ("sample_rate", True),
    ("sample_rate", "1"),
    ("CVE-2021-44228", "yes"),
    ("merge_subrequests", 1),
    ("batch_prefix", 1),
    ("batch_suffix", 1),
    ("record_prefix", 1),
    ("record_suffix", 1),
    ("record_template", 1),
    ("record_delimiter", 1),
    ("field_delimiter", 1),
]
RIGHT = [
    ("name", "x" * 512),
    ("max_upload_bytes", 0),
    ("max_upload_bytes", 5_000_000),
    ("max_upload_bytes", 1_000_000_000),
    ("max_upload_interval_seconds", 0),
    ("max_upload_interval_seconds", 300),
    ("max_upload_records", 0),
    ("max_upload_records", 1_000_000),
    ("filter", '{"where":{"and":[]}}'),
    ("filter", '{"where":"' + "x" * 988 + '"}'),
    ("logpull_options", "x" * 4096),
]


def refused(api: Any, name: str, response: Any) -> bool:
    """Whether a limit was broken, by a field that the message names."""
    status, code, message = api.error(response)
    return (status, code) == (400, 1002) and message.startswith(f"{name} must be ")


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_makes_no_job(api: Any, name: str, value: Any) -> None:
    response = api.call("POST", "jobs", {"destination_conf": HTTPS, name: value})
    assert refused(api, name, response)
    assert api.jobs() == []
    assert api.requests()[0]["writes"] is False


@pytest.mark.parametrize(
    ("name", "value"), [entry for entry in WRONG if entry[0] not in ("dataset", "kind")]
)
def test_a_wrong_value_changes_no_job(api: Any, name: str, value: Any) -> None:
    api.create(HTTPS)
    before = api.jobs()
    assert refused(api, name, api.call("PUT", "jobs/1", {name: value}))
    assert api.jobs() == before


@pytest.mark.parametrize(("name", "value"), WRONG_OPTIONS)
def test_a_wrong_option_is_refused(api: Any, name: str, value: Any) -> None:
    options = {"output_options": {name: value}}
    response = api.call("POST", "jobs", {"destination_conf": HTTPS} | options)
    assert refused(api, f"output_options.{name}", response)
    api.create(HTTPS)
    assert refused(api, f"output_options.{name}", api.call("PUT", "jobs/1", options))


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_value_at_the_limit_is_kept(api: Any, name: str, value: Any) -> None:
    job = api.create(HTTPS, **{name: value})
    assert job.get(name) == (value or None)
    assert api.jobs()[0][name] == value


def test_batches_for_one_destination_may_be_smaller(api: Any) -> None:
    body = {"destination_conf": HTTPS, "max_upload_bytes": 2_000_000}
    assert refused(api, "max_upload_bytes", api.call("POST", "jobs", body))
    destination = "ibmcl://h.logs.cloud.ibm.com/logs/v1/singles?ibm_api_key=k"
    assert api.create(destination, max_upload_bytes=2_000_000)["max_upload_bytes"] == 2_000_000
    assert api.result(api.call("PUT", "jobs/1", {"max_upload_bytes": 2_000_001}))


@pytest.mark.parametrize("value", [None, 7, "", "no-scheme", "https://b/" + "x" * 4096])
def test_a_destination_must_be_a_short_uri(api: Any, value: Any) -> None:
    assert api.error(api.call("POST", "jobs", {"destination_conf": value}))[:2] == (400, 1002)
    api.create(HTTPS)
    assert api.error(api.call("PUT", "jobs/1", {"destination_conf": value}))[:2] == (400, 1002)
    assert api.jobs()[0]["destination_conf"] == HTTPS


def test_without_a_destination_there_is_no_job(api: Any) -> None:
    refusal = (400, 1002, "destination_conf is required")
    assert api.error(api.call("POST", "jobs", {"name": "n"})) == refusal


@pytest.mark.parametrize(
    ("name", "value"), [("max_upload_bytes", 5_000_000), ("max_upload_records", 1_000)]
)
def test_an_edge_job_has_no_size_of_batches(api: Any, name: str, value: int) -> None:
    body = {"destination_conf": HTTPS, "kind": "edge", name: value}
    message = f"{name} is not available for jobs of kind 'edge'"
    assert api.error(api.call("POST", "jobs", body)) == (400, 1002, message)
    assert name not in api.create(HTTPS, kind="edge")
    assert api.error(api.call("PUT", "jobs/1", {name: value})) == (400, 1002, message)
    assert name not in api.result(api.call("PUT", "jobs/1", {name: None}))


def test_a_limit_is_looked_at_before_ownership_and_before_the_test(api: Any) -> None:
    for destination in ("gs://bucket/", "s3://nowhere/?secret-access-key=k"):
        body = {"destination_conf": destination, "name": 7}
        assert refused(api, "name", api.call("POST", "jobs", body))


def test_without_a_dataset_there_is_a_usual_one(api: Any) -> None:
    for value in (None, ""):
        assert api.create(HTTPS, dataset=value)["dataset"] == "http_requests"


def test_a_dataset_must_be_known(api: Any) -> None:
    response = api.call("POST", "jobs", {"destination_conf": HTTPS, "dataset": "of_next_month"})
    assert api.error(response)[:2] == (400, 1002)
    assert api.jobs() == []


def test_a_dataset_belongs_to_zones_or_to_accounts(api: Any) -> None:
    account = f"accounts/{api.world.account_id}"
    for dataset, scope in (("audit_logs", None), ("http_requests", account), (None, account)):
        body = {"destination_conf": HTTPS, "dataset": dataset}
        status, code, message = api.error(api.call("POST", "jobs", body, scope))
        assert (status, code) == (403, 1004)
        name = dataset or "http_requests"
        assert message == f"creating a new job for product '{name}' is not allowed"
    assert api.create(HTTPS, account, dataset="audit_logs")["id"] == 1


def test_fields_must_be_of_the_dataset(api: Any) -> None:
    options = {"output_options": {"field_names": ["RayID", "ClientIp"]}}
    response = api.call("POST", "jobs", {"destination_conf": HTTPS} | options)
    assert api.error(response) == (
        400,
        1002,
        "unknown field 'ClientIp' for dataset 'http_requests'",
    )
    api.create(HTTPS, dataset="dns_logs", output_options={"field_names": ["QueryName"]})
    options["output_options"]["field_names"] = ["RayID"]
    assert api.error(api.call("PUT", "jobs/1", options))[:2] == (400, 1002)
    # Not all fields of each dataset are known here.
    api.create(HTTPS, dataset="nel_reports", output_options={"field_names": ["Any"]})


@pytest.mark.parametrize(
    "where",
    [
        {"key": "ClientIP", "operator": "equals", "value": "x"},
        {"and": [{"key": "A", "operator": "eq", "value": 1}, {"or": [{"operator": "=="}]}]},
        {"key": "A", "operator": None},
    ],
)
def test_an_unknown_operator_in_a_filter_is_refused(api: Any, where: Any) -> None:
    body = {"destination_conf": HTTPS, "filter": json.dumps({"where": where})}
    status, code, message = api.error(api.call("POST", "jobs", body))
    assert (status, code) == (403, 1004)
    assert message.startswith("bad predicate: failed to decode value")


def test_a_zone_has_four_jobs_at_most(api: Any) -> None:
    for _turn in range(4):
        api.create(HTTPS)
    response = api.call("POST", "jobs", {"destination_conf": HTTPS, "dataset": "dns_logs"})
    assert api.error(response) == (
        403,
        1004,
        "creating a new job for product 'dns_logs' is not allowed: exceeded max jobs allowed",
    )
    api.create(HTTPS, f"zones/{api.world.other_zone_id}")
    account = f"accounts/{api.world.account_id}"
    assert [api.create(HTTPS, account, dataset="audit_logs")["id"] for _turn in range(5)]
    api.settings(jobs_per_zone="unlimited")
    api.create(HTTPS)


def test_attacks_can_be_left_out_of_some_datasets(api: Any) -> None:
    assert api.create(HTTPS, filter_attack_traffic=True)["filter_attack_traffic"] is True
    assert "filter_attack_traffic" not in api.create(HTTPS, filter_attack_traffic=False)
    body = {"destination_conf": HTTPS, "dataset": "dns_logs", "filter_attack_traffic": True}
    assert api.error(api.call("POST", "jobs", body))[:2] == (400, 1002)
