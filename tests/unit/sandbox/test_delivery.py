# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logs are delivered when the control endpoint says so, in the format that the job asks for."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime
from typing import Any

import pytest

# With keys, for which no token is needed.
KEYS = "&access-key-id=AKIAEXAMPLEKEY01&secret-access-key=S3CRET"
S3 = f"s3://edge-logs/http/{{DATE}}?region=us-east-1{KEYS}"
HTTPS = "https://logs.example.com/x"
FIELDS = ["ClientIP", "EdgeStartTimestamp", "RayID"]
NAME = r"http/\d{8}/(\d{8}T\d{6}Z)_(\d{8}T\d{6}Z)_[0-9a-f]{8}\.log\.gz"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def plan(api: Any, **wanted: Any) -> None:
    """Set what becomes of enabled jobs."""
    assert api.client.put("/sandbox/delivery", json=wanted).status_code == 200


def state(api: Any) -> tuple[Any, ...]:
    """What the first job's answer says of its pushes."""
    job = api.result(api.call("GET", "jobs/1"))
    return tuple(job[name] for name in ("last_complete", "last_error", "error_message"))


def pushed(api: Any) -> str:
    """The text of the one batch."""
    (body,) = [body for key, body in api.objects().items() if key.endswith(".log.gz")]
    return gzip.decompress(body).decode()


def test_nothing_is_pushed_unless_it_is_wanted(api: Any) -> None:
    api.create(S3, enabled=True)
    assert state(api) == (None, None, None)
    plan(api, outcome="push")
    api.create(S3)
    assert [upload["key"] for upload in api.client.get("/sandbox/uploads").get_json()] == []


def test_a_batch_is_pushed_when_the_job_was_written(api: Any) -> None:
    plan(api, outcome="push")
    assert api.create(S3, enabled=True)["last_complete"] is None
    (upload,) = api.client.get("/sandbox/uploads").get_json()
    name = re.fullmatch(NAME, upload["key"])
    assert name
    end = datetime.strptime(name[2], "%Y%m%dT%H%M%SZ")
    assert state(api) == (f"{end:%Y-%m-%dT%H:%M:%SZ}", None, None)
    records = [json.loads(line) for line in pushed(api).splitlines()]
    assert len(records) == upload["records"] == 3
    assert records[0]["ClientRequestHost"] == "www.example.com"
    assert len(records[0]) == 9
    # A later one is seen to be later, however soon it comes.
    api.call("PUT", "jobs/1", {"name": "n"})
    assert state(api)[0] > f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_answers_can_come_before_it(api: Any) -> None:
    plan(api, outcome="push", after=2)
    api.create(HTTPS, enabled=True)
    assert [state(api)[0] is not None for _read in range(4)] == [False, False, True, True]
    api.call("PUT", "jobs/1", {"enabled": False})
    plan(api, outcome="fail", after=1, error="no")
    api.call("PUT", "jobs/1", {"enabled": True})
    api.call("GET", "jobs")
    complete, error, message = state(api)
    assert re.fullmatch(TIME, complete)
    assert re.fullmatch(TIME, error)
    assert message == "no"


def test_single_jobs_can_end_otherwise(api: Any) -> None:
    plan(api, outcome="push", jobs={"b": {"outcome": "fail"}, "c": {}})
    for name in "abc":
        api.create(HTTPS, enabled=True, name=name)
    jobs = api.result(api.call("GET", "jobs"))
    shown = [(bool(job["last_complete"]), bool(job["last_error"])) for job in jobs]
    assert shown == [(True, False), (False, True), (False, False)]


def test_what_the_store_refuses_is_an_error_of_the_job(api: Any) -> None:
    api.create(S3, enabled=True)
    buckets = api.store.buckets.copy()
    api.store.buckets.clear()
    (upload,) = api.client.post("/sandbox/delivery", json={"job": 1}).get_json()
    assert (upload["status"], upload["key"]) == (403, "")
    assert state(api)[2] == "error writing object: NoSuchBucket"
    api.store.buckets |= buckets
    assert len(api.client.post("/sandbox/delivery").get_json()) == 1
    assert state(api)[1:] == (None, None)


# The examples of Cloudflare's documentation, with the times of the first record.
@pytest.mark.parametrize(
    ("options", "begins", "ends"),
    [
        ({}, r'{"ClientIP":"192.0.2.1","EdgeStartTimestamp":\d{19},"RayID":"\w{16}"}\n', ""),
        (
            {"timestamp_format": "rfc3339ms"},
            r'{"ClientIP":"192.0.2.1","EdgeStartTimestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"',
            "}\n",
        ),
        (
            {
                "record_template": '"ip":{{ .ClientIP }},{{/* none */}}"no":{{.No}}',
                "CVE-2021-44228": True,
                "record_suffix": "}${\n",
            },
            r'{"ip":"192.0.2.1","no":null}x{\n{"ip"',
            "x{\n",
        ),
        ({"output_type": "csv"}, r'"192.0.2.1",\d{19},"\w{16}"\n"192.0.2.2",', '"\n'),
        (
            {
                "output_type": "csv",
                "batch_prefix": "ClientIP\tEdgeStartTimestamp\tRayID\n",
                "field_delimiter": "\t",
                "timestamp_format": "unix",
            },
            r'ClientIP\tEdgeStartTimestamp\tRayID\n"192.0.2.1"\t\d{10}\t"\w{16}"\n',
            '"\n',
        ),
    ],
)
def test_a_batch_has_the_format_of_the_job(
    api: Any, options: dict[str, Any], begins: str, ends: str
) -> None:
    plan(api, outcome="push")
    api.create(S3, enabled=True, output_options={"field_names": FIELDS} | options)
    text = pushed(api)
    assert re.match(begins, text), text
    assert text.endswith(ends)


def test_a_batch_can_be_one_object(api: Any) -> None:
    plan(api, outcome="push")
    options = {
        "field_names": FIELDS,
        "batch_prefix": '{"events":[',
        "batch_suffix": "\n]}\n",
        "record_prefix": '\n  {"info":{',
        "record_suffix": "}}",
        "record_delimiter": ",",
    }
    api.create(S3, enabled=True, output_options=options)
    events = json.loads(pushed(api))["events"]
    assert [event["info"]["ClientIP"] for event in events] == [f"192.0.2.{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "wrong",
    [{"outcome": "soon"}, {"after": -1}, {"error": ""}, {"x": 1}, {"jobs": {"a": {"after": "1"}}}],
)
def test_a_wrong_plan_is_refused(api: Any, wrong: dict[str, Any]) -> None:
    assert api.client.put("/sandbox/delivery", json=wrong).status_code == 400
    assert api.client.get("/sandbox/delivery").get_json()["outcome"] == "none"
