# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cloudflare adds to jobs reaches them, is compared, and survives adoption and copying."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import (
    logpush_job,
    logpush_job_info,
    logpush_jobs,
)
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
from ansible_collections.edgeops.cloudflare.tests.unit.samples import combined

OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
PATH = f"/zones/{ZONE}/logpush/jobs"
OTHER_PATH = f"/zones/{OTHER_ZONE}/logpush/jobs"
SECRET = "SeCrEt0123456789SeCrEt"
R2 = f"r2://edge-logs/http?account-id=a1&access-key-id=AKIA0123456789AB&secret-access-key={SECRET}"


def job(job_id: int = 42, **properties: t.Any) -> dict[str, t.Any]:
    """Return a job as the API shows it: what is empty is left out."""
    return {
        "id": job_id,
        "name": "http",
        "dataset": "http_requests",
        "enabled": True,
        "destination_conf": R2,
        "output_options": None,
        "last_complete": None,
        "last_error": None,
        "error_message": None,
        **properties,
    }


def run(check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run ``logpush_job`` in a zone for the job above, unless told otherwise."""
    given = {"zone_id": ZONE, "api_token": TOKEN, "name": "http", **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_job.main, given, check_mode=check_mode)


def run_jobs(*entries: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Run ``logpush_jobs``."""
    given = {"api_token": TOKEN, "jobs": list(entries), **options}
    return run_module(logpush_jobs.main, given)


def listed(*jobs: dict[str, t.Any], path: str = PATH) -> Call:
    """Expect the list of jobs."""
    return Call("GET", path, None, success(list(jobs)))


def put(body: dict[str, t.Any], **before: t.Any) -> Call:
    """Expect a change of the job."""
    return Call("PUT", f"{PATH}/42", body, success({**job(**before), **body}))


# What is sent

KNOWN: list[tuple[str, t.Any]] = [
    ("filter_attack_traffic", True),
    ("transformer_id", 7),
    ("output_options", {"stringify_object": True}),
]
UNKNOWN: list[tuple[str, t.Any]] = [
    ("of_tomorrow", "x"),
    ("of_tomorrow", 7),
    ("of_tomorrow", True),
    ("of_tomorrow", [1, {"a": None}]),
    ("of-tomorrow.1", {"deep": {"er": 1.5}}),
    # One page of Cloudflare's documentation has it here, not in the output options.
    ("merge_subrequests", True),
]


def as_option(name: str, value: t.Any) -> dict[str, t.Any]:
    """Return the option that sets a property, known or unknown."""
    known = (name, value) in KNOWN
    return {name: value} if known else {"additional_properties": {name: value}}


@pytest.mark.parametrize(("name", "value"), [*KNOWN, *UNKNOWN])
def test_property_is_sent_and_then_compared(name: str, value: t.Any) -> None:
    option = as_option(name, value)
    with network(listed(job()), put({name: value})):
        first = run(**option)
    assert first["changed"] is True
    assert first["not_applied"] == []
    assert "warnings" not in first
    names = [f"output_options.{each}" for each in value] if name == "output_options" else [name]
    assert first["changes"] == names
    with network(listed(job(**{name: value}))):
        assert run(**option)["changed"] is False


@pytest.mark.parametrize(("name", "value"), [*KNOWN, *UNKNOWN])
def test_property_is_sent_with_a_new_job(name: str, value: t.Any) -> None:
    body = {"name": "http", "enabled": True, "destination_conf": R2, name: value}
    calls = [
        listed(),
        Call("POST", PATH, body, success(job(**{name: value}))),
        listed(job(**{name: value})),
    ]
    with network(*calls):
        assert run(destination_conf=R2, **as_option(name, value))["action"] == "created"


@pytest.mark.parametrize(("name", "value"), [*KNOWN[:2], *UNKNOWN])
def test_check_mode_shows_what_would_be_sent(name: str, value: t.Any) -> None:
    with network(listed(job())):
        result = run(check_mode=True, **as_option(name, value))
    assert result["changes"] == [name]
    shown = result["job"]
    assert (shown["additional_properties"] or shown)[name] == value


@pytest.mark.parametrize(
    ("shown", "option"),
    combined(
        [(None,), ("",), (0,), (False,), ([],), ({},), (...,)],
        [
            {"filter_attack_traffic": False},
            {"transformer_id": 0},
            *({"additional_properties": {"of_tomorrow": empty}} for empty in (None, "", 0, False)),
        ],
    ),
)
def test_all_empty_values_are_equal(shown: t.Any, option: dict[str, t.Any]) -> None:
    (name,) = option.get("additional_properties", option)
    present = {} if shown is ... else {name: shown}
    with network(listed(job(**present))):
        assert run(**option)["changed"] is False


def test_property_is_removed_by_an_empty_value() -> None:
    before = {"transformer_id": 7, "of_tomorrow": "x"}
    body = {"transformer_id": 0, "of_tomorrow": None}
    with network(listed(job(**before)), put(body, **before)):  # type: ignore[arg-type]
        result = run(transformer_id=0, additional_properties={"of_tomorrow": None})
    assert result["changes"] == ["transformer_id", "of_tomorrow"]


@pytest.mark.parametrize("value", [False, 0, "", [], "x"])
def test_an_unknown_output_option_that_is_not_shown_differs(value: t.Any) -> None:
    options = {"additional_properties": {"of_tomorrow": value}}
    shown = {"field_names": ["ClientIP"]}
    body = {"output_options": {**shown, "of_tomorrow": value}}
    with network(listed(job(output_options=shown)), put(body)):
        result = run(output_options=options)
    assert result["changes"] == ["output_options.of_tomorrow"]
    assert result["job"]["output_options"] == {**shown, **options}
    with network(listed(job(**body))):  # type: ignore[arg-type]
        assert run(output_options=options)["changed"] is False


def test_unknown_output_options_are_kept_when_another_one_is_set() -> None:
    shown = {"of_tomorrow": {"a": [1]}, "CVE-2021-44228": True, "sample_rate": 0.5}
    body = {"output_options": {**shown, "sample_rate": 1.0}}
    with network(listed(job(output_options=shown)), put(body)):
        result = run(output_options={"sample_rate": 1})
    assert result["changes"] == ["output_options.sample_rate"]


def test_a_property_that_cloudflare_drops_is_reported() -> None:
    answer = Call("PUT", f"{PATH}/42", {"of_tomorow": 1}, success(job()))
    with network(listed(job()), answer):
        result = run(additional_properties={"of_tomorow": 1})
    assert result["not_applied"] == ["of_tomorow"]


# What is refused

REFUSED: list[tuple[dict[str, t.Any], str]] = [
    (
        {"additional_properties": {"filter": "x"}},
        "additional_properties.filter: this property has an option of its own; set filter instead",
    ),
    (
        {"output_options": {"additional_properties": {"CVE-2021-44228": True}}},
        "output_options.additional_properties.CVE-2021-44228: this property has an option",
    ),
    (
        {"output_options": {"additional_properties": {"sample_rate": 1}}},
        "output_options.additional_properties.sample_rate: this property has an option of its own",
    ),
    (
        {"additional_properties": {"last_error": None}},
        "additional_properties.last_error: is read-only; remove it",
    ),
    ({"transformer_id": -1}, "transformer_id: must be the id of a transformer"),
    ({"transformer_id": True}, "transformer_id: must be the id of a transformer"),
]
REFUSED += [
    (
        {"additional_properties": {name: None}},
        f"additional_properties.{name}: this property has an option of its own",
    )
    for name in ("id", "destination_conf", "ownership_challenge", "transformer_id", "zone_id")
]


@pytest.mark.parametrize(("options", "problem", "check_mode"), combined(REFUSED, [False, True]))
def test_invalid_additional_properties_are_rejected(
    options: dict[str, t.Any], problem: str, check_mode: bool
) -> None:
    with network():
        result = run(check_mode=check_mode, **options)
    assert result["failed"] is True
    assert result["msg"].startswith(problem)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"of_tomorrow": 1}, '"of_tomorrow"'),
        ({"output_options": {"of_tomorrow": 1}}, '"output_options.of_tomorrow"'),
        ({"additional_propertys": {}}, "did you mean additional_properties?"),
    ],
)
def test_an_unknown_option_stays_an_error(options: dict[str, t.Any], place: str) -> None:
    with network():
        results = [run(**options), run_jobs({"zone_id": ZONE, "name": "http", **options})]
    for result in results:
        assert result["failed"] is True
        assert place in result["msg"]


@pytest.mark.parametrize(
    "options",
    [
        {"output_options": {"merge_subrequests": True}},
        {"additional_properties": {"merge_subrequests": True}},
    ],
)
def test_merging_subrequests_is_for_zones(options: dict[str, t.Any]) -> None:
    entry = {"account_id": ACCOUNT, "name": "http", **options}
    with network():
        one = run(zone_id=None, **entry)
        many = run_jobs(entry)
    problem = "output_options.merge_subrequests: is for jobs of zones only, not of accounts"
    assert one["msg"] == problem
    assert many["results"][0]["msg"] == problem


def test_not_merging_subrequests_is_accepted_for_an_account() -> None:
    with network(listed(job(), path=f"/accounts/{ACCOUNT}/logpush/jobs")):
        options = {"merge_subrequests": False}
        assert not run(zone_id=None, account_id=ACCOUNT, output_options=options)["changed"]


# What may be misspelled

MISSPELLED = [
    ({"output_options": {"timestamp_format": "rfc3393"}}, "timestamp_format rfc3393", "rfc3339"),
    ({"output_options": {"timestamp_format": "RFC3339"}}, "timestamp_format RFC3339", "rfc3339"),
    ({"output_options": {"output_type": "cvs"}}, "output_type cvs", "csv"),
    ({"output_options": {"output_type": "json"}}, "output_type json", "ndjson"),
    ({"frequency": "hihg"}, "frequency hihg", "high"),
    ({"kind": "egde"}, "kind egde", "edge"),
    ({"dataset": "http_request"}, "dataset http_request", "http_requests"),
    ({"dataset": "firewal_events"}, "dataset firewal_events", "firewall_events"),
]


@pytest.mark.parametrize(("options", "given", "meant"), MISSPELLED)
def test_a_misspelled_value_is_sent_with_a_warning(
    options: dict[str, t.Any], given: str, meant: str
) -> None:
    with network(listed()):
        result = run(check_mode=True, destination_conf=R2, **options)
    assert result["action"] == "created"
    assert result["warnings"] == [f"{given} is unknown; did you mean {meant}?"]


def test_the_warning_is_returned_if_cloudflare_rejects_the_value() -> None:
    refused = failure(400, 1002, "invalid timestamp_format")
    body = {"output_options": {"timestamp_format": "rfc3393"}}
    with network(listed(job()), Call("PUT", f"{PATH}/42", body, refused)):
        result = run(**body)  # type: ignore[arg-type]
    assert result["failed"] is True
    assert result["warnings"] == ["timestamp_format rfc3393 is unknown; did you mean rfc3339?"]


@pytest.mark.parametrize(
    "options",
    [
        {"output_options": {"timestamp_format": "iso8601", "output_type": "parquet"}},
        {"output_options": {"timestamp_format": "rfc3339ns", "output_type": "csv"}},
        {"frequency": "medium", "dataset": "quantum_logs"},
        {"frequency": "low", "kind": "", "dataset": "audit_logs_v2"},
        {"kind": "x" * 10_000},
    ],
)
def test_an_unknown_value_without_a_similar_known_one_is_sent_without_a_warning(
    options: dict[str, t.Any],
) -> None:
    with network(listed()):
        result = run(check_mode=True, destination_conf=R2, **options)
    assert result["action"] == "created"
    assert "warnings" not in result


# From one zone to another, and back

WHOLE: list[dict[str, t.Any]] = [
    {
        "filter": json.dumps({"where": {"key": "ClientIP", "operator": "eq", "value": "::1"}}),
        "output_options": {
            "field_names": ["ClientIP", "EdgeStartTimestamp"],
            "CVE-2021-44228": True,
            "sample_rate": 0.1,
            "merge_subrequests": True,
            "stringify_object": True,
            "record_template": "{{.ClientIP}}\n",
            "record_prefix": "",
            "of_tomorrow": {"deep": [1, {"er": None}], "key": 5},
            "new_flag": False,
        },
        "max_upload_bytes": 2_000_000,
        "max_upload_interval_seconds": 60,
        "max_upload_records": 5000,
        "filter_attack_traffic": True,
        "transformer_id": 7,
        "of_tomorrow": ["a", {"b": 1.5}],
        "new_name": "x",
        "new_flag": True,
    },
    {"logpull_options": "fields=RayID&timestamps=rfc3339", "frequency": "low", "enabled": False},
    {"kind": "edge", "max_upload_interval_seconds": 30, "output_options": {"output_type": "new"}},
    {"dataset": "of_tomorrow", "output_options": {"output_type": "csv", "field_delimiter": "|"}},
    {},
]


def config_of(shown: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the config of a job of a zone."""
    with network(listed(shown)):
        result = run_module(logpush_job_info.main, {"zone_id": ZONE, "api_token": TOKEN})
    (found,) = result["jobs"]
    return t.cast("dict[str, t.Any]", found["config"])


@pytest.mark.parametrize("properties", WHOLE)
def test_config_in_its_own_zone_is_a_no_op(properties: dict[str, t.Any]) -> None:
    shown = job(**properties)
    config = config_of(shown)
    for entry in (config, {**config, "destination_conf": R2}):
        with network(listed(shown)):
            result = run_jobs(entry)
        assert result["changed"] is False
        assert result["results"][0]["action"] == "none"


@pytest.mark.parametrize("properties", WHOLE)
def test_config_loses_nothing_in_another_zone(properties: dict[str, t.Any]) -> None:
    shown = job(**properties)
    read_only = ("id", "last_complete", "last_error", "error_message")
    body = {name: value for name, value in shown.items() if name not in read_only}
    if body["output_options"] is None:
        del body["output_options"]
    made = {**shown, "id": 1}
    calls = [
        listed(path=OTHER_PATH),
        Call("POST", OTHER_PATH, body, success(made)),
        listed(made, path=OTHER_PATH),
    ]
    entry = {**config_of(shown), "zone_id": OTHER_ZONE, "destination_conf": R2}
    with network(*calls):
        result = run_jobs(entry)
    assert result["results"][0]["action"] == "created"
    assert result["results"][0]["not_applied"] == []


@pytest.mark.parametrize("properties", WHOLE)
def test_config_has_options_of_an_entry_alone_and_no_secret(properties: dict[str, t.Any]) -> None:
    config = config_of(job(**properties))
    assert not {"id", "last_complete", "last_error", "error_message"} & set(config)
    assert "destination_conf" not in config
    assert SECRET not in json.dumps(config)
