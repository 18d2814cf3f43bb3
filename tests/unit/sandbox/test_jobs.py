# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs: made, listed, changed, deleted."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

HTTPS = "https://logs.example.com/in"
# With keys, so it needs no token; the store of these tests takes any.
S3 = "s3://edge-logs/p?region=r&access-key-id=AKIAEXAMPLE&secret-access-key=top+secret"
NOWHERE = S3.replace("edge-logs", "nowhere")


def test_a_job_needs_a_destination_only_and_what_is_empty_is_not_shown(api: Any) -> None:
    shown = {
        "id": 1,
        "dataset": "http_requests",
        "destination_conf": HTTPS,
        "enabled": False,
        "name": "",
        "output_options": None,
        "error_message": None,
        "last_error": None,
        "last_complete": None,
    }
    assert api.create(HTTPS) == shown
    assert api.result(api.call("GET", "jobs")) == [shown]
    empty = {
        "kind": "",
        "filter": "",
        "logpull_options": "",
        "max_upload_bytes": 0,
        "max_upload_interval_seconds": 0,
        "max_upload_records": 0,
    }
    assert api.result(api.call("PUT", "jobs/1", empty)) == shown
    assert api.requests()[0]["writes"] is True


def test_what_is_given_is_kept_and_shown(api: Any) -> None:
    given = {
        "dataset": "firewall_events",
        "enabled": True,
        "name": "a name",
        "filter": '{"where":{"key":"A","operator":"eq","value":1}}',
        "logpull_options": "fields=RayID",
        "frequency": "high",
        "max_upload_bytes": 5_000_000,
        "max_upload_interval_seconds": 30,
        "max_upload_records": 100_000,
        "filter_attack_traffic": True,
    }
    job = api.create(HTTPS, **given)
    assert {name: job[name] for name in given} == given
    assert api.result(api.call("GET", f"jobs/{job['id']}")) == job
    assert api.result(api.call("GET", "jobs")) == [job]


def test_each_post_makes_another_job(api: Any) -> None:
    first, second = (api.create(HTTPS, name="same") for _turn in range(2))
    assert (first["id"], second["id"]) == (1, 2)
    assert [job["name"] for job in api.jobs()] == ["same", "same"]


def test_an_id_is_not_given_twice(api: Any) -> None:
    api.create(HTTPS)
    api.result(api.call("DELETE", "jobs/1"))
    assert api.create(HTTPS)["id"] == 2


def test_jobs_made_at_once_have_different_ids(api: Any) -> None:
    api.settings(jobs_per_zone="unlimited")

    def make() -> None:
        for _turn in range(20):
            api.client.application.test_client().post(
                api.path("jobs"), json={"destination_conf": HTTPS}, headers=api.headers
            )

    threads = [threading.Thread(target=make) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job["id"] for job in api.jobs()) == list(range(1, 81))


def test_what_the_api_does_not_know_or_not_take_is_dropped(api: Any) -> None:
    more = {"unknown": 1, "id": 77, "last_error": "x", "ownership_challenge": "token"}
    options = {"CVE-2021-4428": True, "field_names": ["RayID"]}
    job = api.create(HTTPS, output_options=options, **more)
    assert not {"unknown", "ownership_challenge"} & job.keys()
    assert (job["id"], job["last_error"]) == (1, None)
    assert job["output_options"] == {"field_names": ["RayID"]}
    assert "token" not in str(api.jobs())


def test_output_options_are_shown_as_they_were_sent(api: Any) -> None:
    asked = {"CVE-2021-44228": True, "sample_rate": 1, "batch_prefix": "", "output_type": "csv"}
    sent = asked | {"field_delimiter": None}
    assert api.create(HTTPS, output_options=sent)["output_options"] == asked
    assert api.create(HTTPS, output_options={})["output_options"] == {}
    assert api.create(HTTPS, output_options=None)["output_options"] is None


def test_merge_subrequests_belongs_to_one_dataset(api: Any) -> None:
    asked = {"merge_subrequests": True}
    job = api.create(HTTPS, output_options=asked)
    assert job["output_options"]["merge_subrequests"] is True
    job = api.create(HTTPS, output_options=asked, dataset="dns_logs")
    assert "merge_subrequests" not in job["output_options"]


def test_a_zone_sees_its_own_jobs_alone(api: Any) -> None:
    scopes = [f"zones/{api.world.other_zone_id}", f"accounts/{api.world.account_id}"]
    mine = api.create(HTTPS)
    theirs = [
        api.create(HTTPS, scope, dataset=dataset)
        for scope, dataset in zip(scopes, ("dns_logs", "audit_logs"), strict=True)
    ]
    assert api.result(api.call("GET", "jobs")) == [mine]
    for scope, job in zip(scopes, theirs, strict=True):
        assert api.result(api.call("GET", "jobs", scope=scope)) == [job]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("job_id", ["2", "0", "-1", "one", "1x", "01", "9" * 5000])
def test_a_job_that_is_not_there(api: Any, method: str, job_id: str) -> None:
    api.create(HTTPS)
    response = api.call(method, f"jobs/{job_id}", {} if method == "PUT" else None)
    assert api.error(response) == (404, 1002, "job not found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_job_of_another_is_not_there(api: Any, method: str) -> None:
    api.create(HTTPS)
    before = api.jobs()
    for scope in (f"zones/{api.world.other_zone_id}", f"accounts/{api.world.account_id}"):
        response = api.call(method, "jobs/1", {"name": "mine now"}, scope)
        assert api.error(response) == (404, 1002, "job not found")
    assert api.jobs() == before


def test_the_jobs_of_a_dataset(api: Any) -> None:
    api.create(HTTPS)
    dns = api.create(HTTPS, dataset="dns_logs")
    assert api.result(api.call("GET", "datasets/dns_logs/jobs")) == [dns]
    assert api.result(api.call("GET", "datasets/firewall_events/jobs")) == []


def test_a_deleted_job_is_gone(api: Any) -> None:
    api.create(HTTPS)
    assert api.result(api.call("DELETE", "jobs/1")) == {}
    assert api.error(api.call("GET", "jobs/1"))[0] == 404
    assert api.error(api.call("DELETE", "jobs/1"))[0] == 404
    assert api.jobs() == []
    assert [entry["writes"] for entry in api.requests()] == [True, True, False, False]


def test_a_put_changes_what_it_names(api: Any) -> None:
    before = api.create(HTTPS, name="old", max_upload_records=1000)
    after = api.result(api.call("PUT", "jobs/1", {"enabled": True}))
    assert after == before | {"enabled": True}
    assert api.result(api.call("GET", "jobs/1")) == after
    assert api.requests()[1]["writes"] is True


def test_a_put_of_nothing_is_fine(api: Any) -> None:
    job = api.create(HTTPS, filter='{"where":{}}')
    assert api.result(api.call("PUT", "jobs/1", {})) == job
    assert api.error(api.call("PUT", "jobs/1"))[:2] == (400, 6007)


def test_a_put_leaves_what_is_not_taken_from_a_request(api: Any) -> None:
    job = api.create(HTTPS)
    body = {"dataset": "http_requests", "kind": "", "id": 9, "last_complete": "now"}
    assert api.result(api.call("PUT", "jobs/1", body)) == job


@pytest.mark.parametrize("body", [{"dataset": "dns_logs"}, {"kind": "edge"}, {"kind": 7}])
def test_a_put_of_another_dataset_or_kind_is_refused(api: Any, body: Any) -> None:
    api.create(HTTPS)
    before = api.jobs()
    assert api.error(api.call("PUT", "jobs/1", body | {"name": "new"}))[0] == 400
    assert api.jobs() == before


def test_a_put_replaces_output_options_whole(api: Any) -> None:
    api.create(
        HTTPS, output_options={"sample_rate": 0.1, "field_names": ["RayID"], "batch_prefix": "x"}
    )
    body = {"output_options": {"field_names": ["ClientIP"], "batch_prefix": None}}
    job = api.result(api.call("PUT", "jobs/1", body))
    assert job["output_options"] == {"field_names": ["ClientIP"]}
    assert (
        api.result(api.call("PUT", "jobs/1", {"enabled": True}))["output_options"]
        == (job["output_options"])
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filter", None),
        ("filter", ""),
        ("output_options", None),
        ("name", None),
        ("frequency", None),
        ("max_upload_bytes", None),
        ("max_upload_interval_seconds", None),
        ("max_upload_records", None),
    ],
)
def test_null_stands_for_not_set(api: Any, name: str, value: Any) -> None:
    api.client.post("/sandbox/jobs", json={"destination_conf": HTTPS, name: "something"})
    assert not api.result(api.call("PUT", "jobs/1", {name: value})).get(name)


def test_each_post_and_put_writes_a_test_object(api: Any) -> None:
    api.create(S3)
    (name,) = api.objects()
    assert re.fullmatch(r"p/logpush-test-[0-9a-f]{8}\.txt", name)
    api.result(api.call("PUT", "jobs/1", {}))
    assert len(api.objects()) == 2
    api.call("GET", "jobs/1")
    api.call("DELETE", "jobs/1")
    assert len(api.objects()) == 2


def test_a_destination_that_cannot_be_written_to_is_refused(api: Any) -> None:
    message = "error validating destination: error writing object: NoSuchBucket"
    assert api.error(api.call("POST", "jobs", {"destination_conf": NOWHERE})) == (
        400,
        1002,
        message,
    )
    assert api.jobs() == []
    api.create(S3)
    refused = api.call("PUT", "jobs/1", {"destination_conf": NOWHERE, "name": "new"})
    assert api.error(refused) == (400, 1002, message)
    assert (api.jobs()[0]["destination_conf"], api.jobs()[0]["name"]) == (S3, "")
    assert [entry["writes"] for entry in api.requests()] == [False, True, False]


def test_a_put_of_anything_fails_while_the_destination_is_down(api: Any) -> None:
    api.create(S3)
    del api.store.buckets["edge-logs"]
    assert api.error(api.call("PUT", "jobs/1", {"name": "new"}))[:2] == (400, 1002)
    assert api.jobs()[0]["name"] == ""


def test_a_job_can_be_made_behind_an_error(api: Any) -> None:
    api.fault({"method": "POST", "path": "/logpush/jobs$", "status": 502, "carry_out": True})
    assert api.call("POST", "jobs", {"destination_conf": HTTPS}).status_code == 502
    assert len(api.jobs()) == 1
    assert api.requests()[0]["writes"] is True


def test_an_error_instead_of_an_answer_makes_no_job(api: Any) -> None:
    api.fault({"method": "POST", "path": "/logpush/jobs$", "status": 502})
    assert api.call("POST", "jobs", {"destination_conf": HTTPS}).status_code == 502
    assert api.jobs() == []
