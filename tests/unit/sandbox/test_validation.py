# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of a destination, and the fields of a dataset."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.world import DESTINATION

HTTPS = "https://logs.example.com/in"


def ask(api: Any, destination: Any, tail: str = "", scope: str | None = None) -> Any:
    """Have a destination checked."""
    body = {"destination_conf": destination}
    return api.call("POST", f"validate/destination{tail}", body, scope)


def test_a_destination_is_checked_by_writing_to_it(api: Any) -> None:
    assert api.result(ask(api, DESTINATION)) == {"message": "", "valid": True}
    assert len(api.objects()) == 1
    assert api.requests()[0]["writes"] is True


def test_a_bucket_that_is_not_there_is_no_http_error(api: Any) -> None:
    answer = {"message": "error writing object: NoSuchBucket", "valid": False}
    assert api.result(ask(api, "s3://nowhere/p")) == answer
    assert api.requests()[0]["writes"] is False


def test_a_scheme_without_a_store_is_taken_as_it_is(api: Any) -> None:
    assert api.result(ask(api, HTTPS)) == {"message": "", "valid": True}
    assert api.objects() == {}
    assert api.requests()[0]["writes"] is False


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"valid": False, "message": "no"}, {"message": "no", "valid": False}),
        ({"valid": False}, {"message": "error writing object", "valid": False}),
        ({"result": None}, None),
        ({"result": {}}, {}),
    ],
    ids=str,
)
def test_an_answer_can_be_bent_and_then_nothing_is_written(
    api: Any, fault: Any, expected: Any
) -> None:
    api.fault(fault)
    assert api.result(ask(api, DESTINATION)) == expected
    assert api.objects() == {}
    assert api.requests()[0]["writes"] is False


def test_whether_a_job_has_exactly_this_destination(api: Any) -> None:
    assert api.result(ask(api, HTTPS, "/exists")) == {"exists": False}
    api.create(HTTPS)
    assert api.result(ask(api, HTTPS, "/exists")) == {"exists": True}
    for other in (HTTPS + "/", HTTPS[:-1]):
        assert api.result(ask(api, other, "/exists")) == {"exists": False}
    for scope in (f"zones/{api.world.other_zone_id}", f"accounts/{api.world.account_id}"):
        assert api.result(ask(api, HTTPS, "/exists", scope)) == {"exists": False}
    api.fault({"result": None}, {"result": {}})
    assert [api.result(ask(api, HTTPS, "/exists")) for _turn in range(2)] == [None, {}]
    assert [entry["writes"] for entry in api.requests()].count(True) == 1


@pytest.mark.parametrize("tail", ["", "/exists"])
@pytest.mark.parametrize("value", [None, 7, "", "no-scheme", "s3://b/" + "x" * 4096])
def test_a_destination_must_be_a_short_uri(api: Any, tail: str, value: Any) -> None:
    assert api.error(ask(api, value, tail))[:2] == (400, 1002)


@pytest.mark.parametrize(
    ("scope", "dataset", "field"),
    [
        ("zone", "http_requests", "RayID"),
        ("zone", "firewall_events", "Action"),
        ("zone", "dns_logs", "QueryName"),
        ("account", "audit_logs", "ActorEmail"),
        ("account", "gateway_dns", "PolicyID"),
    ],
)
def test_the_fields_of_a_dataset(api: Any, scope: str, dataset: str, field: str) -> None:
    paths = {"zone": f"zones/{api.world.zone_id}", "account": f"accounts/{api.world.account_id}"}
    fields = api.result(api.call("GET", f"datasets/{dataset}/fields", scope=paths.pop(scope)))
    assert len(fields) >= 8
    assert all(fields.values())
    assert field in fields
    other = next(iter(paths.values()))
    refusal = (403, 1004, f"reading job for product '{dataset}' is not allowed")
    for tail in ("fields", "jobs"):
        assert api.error(api.call("GET", f"datasets/{dataset}/{tail}", scope=other)) == refusal


def test_a_dataset_that_is_not_known_has_no_fields(api: Any) -> None:
    refusal = (404, 1002, "unknown dataset 'none'")
    assert api.error(api.call("GET", "datasets/none/fields")) == refusal
    assert api.error(api.call("GET", "datasets/none/jobs")) == refusal


def test_of_some_datasets_no_field_is_known(api: Any) -> None:
    assert api.result(api.call("GET", "datasets/nel_reports/fields")) == {}
