# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a job's desired and actual state differ; the requests are seen by the module's tests."""

from __future__ import annotations

import itertools
import json
import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import DesiredJob, Job
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import (
    Changes,
    find_changes,
    not_applied,
    shown_creation,
    shown_job,
    shown_update,
)
from ansible_collections.edgeops.cloudflare.tests.unit.samples import combined

HIDDEN = Destination.parse("https://h/in?header_X=S3CRET")
FILTER = '{"where":{"key":"EdgeResponseStatus","operator":"geq","value":500}}'


def desired(**changes: t.Any) -> DesiredJob:
    """Return a desired state that sets nothing else than what is given."""
    return DesiredJob(
        **{
            "state": "present",
            "id": 1,
            "name": None,
            "dataset": None,
            "destination": None,
            "token": None,
            "properties": {},
            "update_secrets": "on_change",
            **changes,
        }
    )


def changes_of(properties: dict[str, t.Any], shown: dict[str, t.Any]) -> t.Mapping[str, t.Any]:
    """Return what is sent to a job that is shown so."""
    return find_changes(desired(properties=properties), Job({"id": 1, **shown})).body


EMPTY: list[t.Any] = [0, "", None, False, ...]


NAMES = [
    "name",
    "filter",
    "logpull_options",
    "max_upload_bytes",
    "max_upload_records",
    "of_tomorrow",
]


@pytest.mark.parametrize(
    ("empty", "shown", "name"), combined(list(itertools.product(EMPTY[:-2], EMPTY)), NAMES)
)
def test_all_that_is_empty_is_one_value(empty: t.Any, shown: t.Any, name: str) -> None:
    present = {} if shown is ... else {name: shown}
    assert changes_of({name: empty}, present) == {}


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("name", "a", "b"),
        ("filter", FILTER, FILTER.replace("500", "400")),
        ("frequency", "low", "high"),
        ("max_upload_bytes", 5_000_000, 6_000_000),
        # What Cloudflare does where nothing is set is not the same as the number that it documents.
        ("max_upload_interval_seconds", 30, 300),
        ("max_upload_records", 100_000, 1000),
        ("of_tomorrow", True, "x"),
    ],
)
def test_each_edit_is_sent(name: str, value: t.Any, other: t.Any) -> None:
    for present in ({}, {name: None}, {name: other}):
        assert changes_of({name: value}, present) == {name: value}
        assert changes_of({name: present.get(name) or ""}, {name: value}) or name == "frequency"
    assert changes_of({name: value}, {name: value}) == {}


def test_the_usual_frequency_is_the_same_as_none() -> None:
    assert changes_of({"frequency": "high"}, {}) == {}
    assert changes_of({"frequency": "high"}, {"frequency": "low"}) == {"frequency": "high"}


CSV = {"record_suffix": "\n", "field_delimiter": ",", "record_prefix": ""}
NDJSON = {"record_prefix": "{", "record_suffix": "}\n", "field_delimiter": ","}


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (NDJSON, {"field_names": ["A"]}),
        (NDJSON, {"output_type": "ndjson"}),
        (CSV, {"output_type": "csv"}),
        ({**CSV, "output_type": "csv"}, {"output_type": "csv", "record_suffix": None}),
        ({"stringify_object": False, "batch_prefix": "", "sample_rate": 1.0}, {"field_names": []}),
        ({"field_names": ["A", "B", "A"]}, {"field_names": ["B", "A"]}),
        ({"field_names": ["A", "B", "A"]}, {"output_type": "csv", "field_names": ["A", "B"]}),
        ({"field_names": ["A", "B"]}, {"output_type": "csv", "field_names": ["A", "B", "B"]}),
    ],
)
def test_a_missing_output_option_is_the_default_of_the_type(
    options: dict[str, t.Any], shown: dict[str, t.Any]
) -> None:
    assert changes_of({"output_options": options}, {"output_options": shown}) == {}


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"record_prefix": ""}, {"field_names": ["A"]}),
        ({"record_suffix": ""}, {"output_type": "csv"}),
        ({"record_prefix": "{"}, {"output_type": "csv"}),
        ({"field_delimiter": ""}, {}),
        ({"batch_prefix": ""}, {"batch_prefix": "x"}),
        ({"record_suffix": "\n"}, {"output_type": "of_tomorrow"}),
        ({"field_names": ["A", "A"]}, {"field_names": ["A", "B"]}),
        ({"field_names": ["B", "A", "B"]}, {"output_type": "csv", "field_names": ["A", "B"]}),
        ({"stringify_object": True}, {}),
    ],
)
def test_another_output_option_is_sent_with_all_that_are_shown(
    options: dict[str, t.Any], shown: dict[str, t.Any]
) -> None:
    body = changes_of({"output_options": options}, {"output_options": shown})
    assert body == {"output_options": {**shown, **options}}


@pytest.mark.parametrize(
    ("query", "carried"),
    [
        ("fields=RayID,ClientIP&timestamps=rfc3339", {"timestamp_format": "rfc3339"}),
        ("https://h/x?fields=RayID,ClientIP&timestamps=unix", {"timestamp_format": "unix"}),
        ("fields=RayID,ClientIP&timestamps=rfc3339,Something", {}),
        ("fields=RayID, ClientIP,{x}&timestamps=&sample=2&CVE-2021-44228=yes", {}),
        (
            "fields=RayID,ClientIP&sample=0.5&CVE-2021-44228=true",
            {"sample_rate": 0.5, "CVE-2021-44228": True},
        ),
    ],
)
def test_only_what_is_valid_in_old_options_is_carried_over(
    query: str, carried: dict[str, t.Any]
) -> None:
    body = changes_of({"output_options": {"batch_prefix": "["}}, {"logpull_options": query})
    expected = {"field_names": ["RayID", "ClientIP"], **carried, "batch_prefix": "["}
    assert body == {"output_options": expected}


def test_nothing_is_carried_over_from_old_options_without_meaning() -> None:
    for query in ("", "?", "fields=", "fields=,;", "timestamps=x", json.dumps({"fields": "A"}), 7):
        body = changes_of({"output_options": {"batch_prefix": "["}}, {"logpull_options": query})
        assert body == {"output_options": {"batch_prefix": "["}}


def test_masked_values_are_sent_on_request() -> None:
    shown = Job({"id": 1, "destination_conf": "https://h/in?header_X=***"})
    masked = ["destination_conf: parameter header_X"]
    state = desired(destination=HIDDEN)
    assert find_changes(state, shown) == Changes({}, [], masked)
    always = state._replace(update_secrets="always")
    body = {"destination_conf": HIDDEN.raw}
    assert find_changes(always, shown) == Changes(body, ["destination_conf"], masked)
    assert not_applied(always, shown) == []
    bare = Job({"id": 1, "destination_conf": HIDDEN.raw})
    assert find_changes(always, bare) == Changes({}, [], [])


def test_values_that_were_not_applied_are_named() -> None:
    wanted = {
        "kind": "edge",
        "enabled": True,
        "max_upload_records": 0,
        "output_options": {"CVE-2021-44228": True, "sample_rate": 1},
    }
    shown: dict[str, t.Any] = {"id": 1, "enabled": False, "output_options": {}}
    names = ["kind", "enabled", "output_options.cve_2021_44228"]
    assert not_applied(desired(properties=wanted), Job(shown)) == names
    shown = {"id": 1, "kind": "edge", "enabled": True, "output_options": wanted["output_options"]}
    assert not_applied(desired(properties=wanted), Job(shown)) == []


def test_a_diff_shows_what_is_sent_though_it_is_not_known_here() -> None:
    job = Job({"id": 1, "name": "http", "of_yesterday": 1})
    changes = find_changes(desired(properties={"of_tomorrow": True}), job)
    assert shown_job(job, changes)["of_tomorrow"] is None
    assert shown_update(job, changes)["of_tomorrow"] is True
    assert "of_tomorrow" not in shown_job(job)
    assert shown_creation({"name": "a", "of_tomorrow": 1}) == {"name": "a", "of_tomorrow": 1}
