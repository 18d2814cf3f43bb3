# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the project believes of Cloudflare's Logpush API: each belief with its source, as a test."""

from __future__ import annotations

import json
import re
import secrets
import time
import typing as t

import pytest

from . import sources
from .api import Api
from .settings import ACCOUNT, BUCKET, DESTINATION
from .test_questions import claims

_NO_JOB = 999_999_999
_FILTER = json.dumps(
    {"where": {"and": [{"key": "ClientRequestHost", "operator": "!eq", "value": "a.example"}]}}
)
_OPTIONS = {"field_names": ["RayID", "ClientIP"], "timestamp_format": "rfc3339", "sample_rate": 0.5}
_CSV = {"field_names": ["RayID", "ClientIP"], "output_type": "csv"}
_LIMITS = {
    "max_upload_bytes": 5_000_000,
    "max_upload_records": 1_000,
    "max_upload_interval_seconds": 60,
}
_PAGE = ("page", "per_page", "count")
_LEFT_OUT_IF_EMPTY = ("filter", "frequency", "logpull_options", *_LIMITS)

# Where it is from, and what it needs beside a zone.
belief = pytest.mark.belief


def _unwritable() -> dict[str, str]:
    bucket = f"edgeops-contract-test-{secrets.token_hex(12)}"
    return {"destination_conf": f"s3://{bucket}/logs?region=us-east-1"}


# What a zone is enough for


@belief(f"{sources.JOBS}/list/")
def test_responses_have_an_envelope(api: Api) -> None:
    """Each response has success, errors, messages and result; an error has success: false, a code
    of 1000 or more, a message and no result."""
    for path in ("jobs", f"jobs/{_NO_JOB}"):
        body = api.call("GET", path).body
        lists = [isinstance(body.get(name), (list, type(None))) for name in ("errors", "messages")]
        assert {"success", "errors", "messages", "result"} <= set(body), sorted(body)
        assert all(lists), sorted(body)
    first = (body.get("errors") or [{}])[0]
    assert body["success"] is False, body
    assert body["result"] is None, body
    assert isinstance(first.get("code"), int), body
    assert first["code"] >= 1000, body


@belief(sources.RAY_ID)
def test_responses_have_a_ray_id(api: Api) -> None:
    """Each response has a cf-ray header of its own, errors too."""
    rays = [api.call("GET", path).headers.get("cf-ray") for path in ("jobs", f"jobs/{_NO_JOB}")]
    assert all(rays), rays
    assert len(set(rays)) == 2, rays


@belief(sources.RATE_LIMITS)
def test_responses_have_rate_limit_headers(api: Api) -> None:
    """Each response says in Ratelimit how many requests are left and when the window ends, and in
    Ratelimit-Policy how many there are."""
    headers = api.call("GET", "jobs").headers
    for name, form in (
        ("Ratelimit", r'"[^"]+";r=\d+;t=\d+'),
        ("Ratelimit-Policy", r'"[^"]+";q=\d+;w=\d+'),
    ):
        value = headers.get(name, "")
        assert re.match(form, value), value


@belief(sources.AUTHENTICATION)
def test_a_wrong_api_token_is_rejected(api: Api) -> None:
    """A well-formed API token that is none is refused with 401 or 403."""
    error = api.call("GET", "jobs", api_token=secrets.token_hex(20)).error
    assert error["status"] in (401, 403), error


@belief(f"{sources.PROVIDER}/issues/2035")
def test_an_unknown_job_is_not_found(api: Api) -> None:
    """An id that no job has is answered with 404 and "job not found"."""
    error = api.call("GET", f"jobs/{_NO_JOB}").error
    assert error["status"] == 404, error
    assert "job not found" in error["message"].lower(), error


@belief(sources.FIELDS)
def test_fields_map_names_to_descriptions(api: Api) -> None:
    """The fields of a dataset are an object of names and descriptions."""
    fields = api.call("GET", "datasets/http_requests/fields").mapping
    assert "RayID" in fields, fields
    assert all(isinstance(each, str) for each in fields.values()), fields


@belief(f"{sources.JOBS}/create/")
def test_an_unknown_dataset_is_rejected(api: Api) -> None:
    """A dataset that does not exist is refused."""
    response = api.call("GET", "datasets/edgeops_no_dataset/fields")
    assert response.refused


@belief(sources.FAQ)
def test_an_account_dataset_is_rejected_on_a_zone(api: Api) -> None:
    """The jobs of an account's dataset cannot be read on a zone: 403, code 1004, "not allowed"."""
    response = api.call("GET", "datasets/audit_logs/jobs")
    assert response.refused_with(403, 1004, "not allowed")


@belief(f"{sources.SDK}/logpush/job_create_params.py")
def test_a_job_requires_a_destination(api: Api) -> None:
    """A new job without destination_conf is refused."""
    body = {"name": api.new_name(), "dataset": "http_requests"}
    assert api.post(body).refused


@belief(f"{sources.PROVIDER}/issues/6675")
def test_a_challenge_that_cannot_be_written_is_invalid(api: Api) -> None:
    """A challenge for a bucket that cannot be written to is HTTP 200 with success: true,
    valid: false, a message and no filename."""
    result = api.call("POST", "ownership", _unwritable()).mapping
    assert result.get("valid") is False, result
    assert not result.get("filename"), result
    assert result.get("message"), result


@belief(f"{sources.SDK}/logpush/validate_destination_response.py")
def test_a_destination_that_cannot_be_written_is_invalid(api: Api) -> None:
    """validate/destination says of such a bucket valid: false, with a message."""
    result = api.call("POST", "validate/destination", _unwritable()).mapping
    assert result.get("valid") is False, result
    assert result.get("message"), result


@belief(f"{sources.SDK}/logpush/ownership_validation.py")
def test_a_wrong_token_does_not_validate(api: Api) -> None:
    """ownership/validate rejects a token that is none: by valid: false, or by 400, code 1002."""
    body = {**_unwritable(), "ownership_challenge": "edgeops-contract-test"}
    response = api.call("POST", "ownership/validate", body)
    if response.status == 200:
        assert response.mapping.get("valid") is False
    else:
        assert response.refused_with(400, 1002, "incorrect ownership challenge")


@belief(f"{sources.JOBS}/create/")
def test_a_body_that_is_no_object_is_rejected(api: Api) -> None:
    """A body that is JSON but no object is refused."""
    assert api.call("POST", "jobs", []).refused


@belief(f"{sources.SDK}/logpush/ownership_validation.py")
def test_a_validation_requires_a_token(api: Api) -> None:
    """ownership/validate without ownership_challenge is refused."""
    assert api.call("POST", "ownership/validate", _unwritable()).refused


@belief(sources.CONFIGURATION)
def test_a_destination_requires_a_scheme(api: Api) -> None:
    """A destination_conf without a scheme is refused."""
    for path in ("ownership", "validate/destination"):
        body = {"destination_conf": "edgeops-contract-test"}
        assert api.call("POST", path, body).refused


@belief(sources.ZONES)
def test_zones_are_listed_by_pages(api: Api) -> None:
    """Zones are listed by pages of 5 to 50, each with result_info."""
    response = api.call("GET", "/zones?page=1&per_page=5")
    if response.status == 403:
        api.not_tested("the API token may not list zones")
    info, count = response.body.get("result_info") or {}, len(response.items)
    assert [info.get(each) for each in _PAGE] == [1, 5, count]
    total, pages = info.get("total_count"), info.get("total_pages")
    assert isinstance(total, int), info
    assert count == min(total, 5), info
    assert pages == -(-total // 5), info


@belief(sources.ZONES)
def test_zones_are_filtered(api: Api) -> None:
    """Zones are filtered by status."""
    response = api.call("GET", "/zones?status=active")
    if response.status == 403:
        api.not_tested("the API token may not list zones")
    seen = {zone["status"] for zone in response.items}
    assert seen <= {"active"}, sorted(seen)


# What a destination is needed for: jobs are created


@belief(f"{sources.SDK}/logpush/job_create_params.py", DESTINATION)
def test_a_job_requires_nothing_else(api: Api) -> None:
    """A job needs nothing but destination_conf, and a token where it is to be proved; its dataset
    is http_requests."""
    assert api.create().get("dataset") == "http_requests"


@belief(f"{sources.JOBS}/create/", DESTINATION)
def test_a_new_job_is_disabled(api: Api) -> None:
    """A job is disabled unless it is created with enabled: true."""
    assert api.create().get("enabled") is False


@belief(f"{sources.JOBS}/get/", DESTINATION)
def test_some_members_are_always_shown(api: Api) -> None:
    """A job is shown with id, dataset, enabled, name, destination_conf, last_complete, last_error
    and error_message, empty or not."""
    names = (
        "dataset destination_conf enabled error_message id last_complete last_error name".split()
    )
    job = api.get(api.create())
    assert [name for name in names if name in job] == names


@belief(f"{sources.PROVIDER}/pull/5771", DESTINATION)
def test_unset_members_are_left_out(api: Api) -> None:
    """filter, frequency, logpull_options and max_upload_* are not shown where they are not set."""
    for job in (created := api.create(), api.get(created)):
        assert {name: job[name] for name in _LEFT_OUT_IF_EMPTY if name in job} == {}


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_empty_members_are_left_out(api: Api) -> None:
    """Zero, "" and null at the top level are the same as not set."""
    empty = {**dict.fromkeys(_LIMITS, 0), "filter": "", "logpull_options": None}
    job = api.get(api.create(**empty))
    assert {name: job[name] for name in empty if name in job} == {}


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_members_are_shown_as_set(api: Api) -> None:
    """max_upload_* are shown as they were set."""
    job = api.get(api.create(**_LIMITS))
    assert {name: job.get(name) for name in _LIMITS} == _LIMITS


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_a_filter_is_shown(api: Api) -> None:
    """A filter is shown in the response to its creation, alone, and in both lists."""
    created = api.create(filter=_FILTER)
    _expect_filter(created)
    _expect_filter(api.get(created))
    for path in ("jobs", "datasets/http_requests/jobs"):
        jobs = api.own_jobs(path)
        assert len(jobs) == 1
        _expect_filter(jobs[0])


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_an_empty_filter_removes_it(api: Api) -> None:
    """A PUT with filter "" removes the filter."""
    job = api.create(filter=_FILTER)
    assert api.put(job, {"filter": ""}).ok
    assert api.get(job).get("filter") is None


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_output_options_are_shown_as_sent(api: Api) -> None:
    """output_options are shown as they were sent; no defaults are filled in."""
    created = api.create(output_options=_OPTIONS)
    for job in (created, api.get(created)):
        assert job.get("output_options") == _OPTIONS


@belief(sources.OUTPUT, DESTINATION)
def test_csv_defaults_are_not_filled_in(api: Api) -> None:
    """output_type csv does not make its delimiters, prefixes and suffixes show."""
    assert api.get(api.create(output_options=_CSV)).get("output_options") == _CSV


@belief(f"{sources.PROVIDER}/issues/5266", DESTINATION)
def test_an_unknown_output_option_is_dropped(api: Api) -> None:
    """A misspelt member of output_options (here of CVE-2021-44228) is dropped without an error."""
    job = api.create(output_options={**_OPTIONS, "cve20214428": True})
    assert api.get(job).get("output_options") == _OPTIONS


@belief(f"{sources.JOBS}/update/", DESTINATION)
def test_put_changes_only_what_is_named(api: Api) -> None:
    """At the top level a PUT changes only what it names."""
    more = {"filter": _FILTER, "output_options": _OPTIONS, **_LIMITS}
    job = api.create(**more)
    changed = api.put(job, {"max_upload_records": 2_000}).mapping
    wanted = {**more, "max_upload_records": 2_000, "destination_conf": job["destination_conf"]}
    for seen in (changed, api.get(job)):
        assert {name: seen.get(name) for name in wanted} == wanted


@belief(f"{sources.DOCS_ISSUES}/31523", DESTINATION)
def test_put_replaces_output_options(api: Api) -> None:
    """A PUT replaces output_options whole: what it leaves out is gone."""
    job = api.create(output_options=_OPTIONS)
    assert api.put(job, {"output_options": _CSV}).ok
    assert api.get(job).get("output_options") == _CSV


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_put_of_another_kind_is_rejected(api: Api) -> None:
    """The kind of a job cannot be changed: 400."""
    error = api.put(api.create(), {"kind": "edge"}).error
    assert error["status"] == 400, error


@belief(f"{sources.SDK}/logpush/job_update_params.py", DESTINATION)
def test_put_of_another_dataset_is_rejected(api: Api) -> None:
    """The dataset of a job cannot be changed."""
    job = api.create()
    assert api.put(job, {"dataset": "firewall_events"}).refused
    assert api.get(job).get("dataset") == "http_requests"


@belief(sources.CONFIGURATION, DESTINATION)
def test_names_and_destinations_may_be_shared(api: Api) -> None:
    """Two jobs may have the same name and the same destination; their ids differ."""
    destination = api.destination()
    jobs = [api.create(destination, name=f"edgeops-contract-test-{api.run}-0") for _each in "ab"]
    assert len({job["id"] for job in jobs}) == 2
    assert len({job.get("name") for job in jobs}) == 1


@belief(f"{sources.JOBS}/list/", DESTINATION)
def test_the_list_of_jobs_is_one_page(api: Api) -> None:
    """All jobs are listed at once; page and per_page change nothing."""
    ids = {api.create()["id"] for _each in "ab"}
    assert {job.get("id") for job in api.own_jobs("jobs?page=1&per_page=1")} == ids


@belief(f"{sources.JOBS}/delete/", DESTINATION)
def test_a_deleted_job_is_not_found(api: Api) -> None:
    """A deleted job is gone at once; deleting it again is 404."""
    job = api.create()
    statuses = [api.call("DELETE", f"jobs/{job['id']}").status for _each in "ab"]
    assert statuses == [200, 404]
    assert api.call("GET", f"jobs/{job['id']}").status == 404


@belief(sources.OUTPUT, DESTINATION)
def test_an_unknown_field_is_rejected(api: Api) -> None:
    """A field that the dataset does not have is refused."""
    options = {"field_names": ["RayID", "EdgeopsNoSuchField"]}
    body = {**api.members(), "output_options": options}
    assert api.post(body).refused


@belief(f"{sources.DOCS_ISSUES}/26491", DESTINATION)
def test_an_unknown_filter_operator_is_rejected(api: Api) -> None:
    """An operator that filters do not have is refused: 403, code 1004, "bad predicate"."""
    text = _FILTER.replace("!eq", "edgeops")
    response = api.post({**api.members(), "filter": text})
    assert response.refused_with(403, 1004, "bad predicate")


@belief(f"{sources.JOBS}/create/", DESTINATION)
@pytest.mark.parametrize(
    "wrong",
    [
        {"max_upload_bytes": 4_999_999},
        {"max_upload_bytes": 1_000_000_001},
        {"max_upload_records": 999},
        {"max_upload_records": 1_000_001},
        {"max_upload_interval_seconds": 29},
        {"max_upload_interval_seconds": 301},
        {"max_upload_records": 1_000, "kind": "edge"},
        {"name": f"edgeops-contract-test-{'0' * 8}-{'1' * 490}"},
        {"dataset": "edgeops_no_dataset"},
        {"frequency": "edgeops"},
        {"kind": "edgeops"},
        {"filter": "{"},
        {"filter": {"where": {}}},
        {"output_options": {"sample_rate": 1.1}},
        {"output_options": {"output_type": "edgeops"}},
        {"output_options": {"timestamp_format": "edgeops"}},
        {"output_options": {"field_names": "RayID"}},
    ],
    ids="-".join,
)
def test_a_value_beyond_its_limits_is_rejected(api: Api, wrong: dict[str, t.Any]) -> None:
    """A property of a job beyond its documented limits is refused."""
    assert api.post({**api.members(), **wrong}).refused


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_null_unsets_what_is_set(api: Api) -> None:
    """A PUT with null, or with 0, unsets filter, frequency and max_upload_*."""
    job = api.create(filter=_FILTER, frequency="low", **_LIMITS)
    unset = {"filter": None, "frequency": None, **dict.fromkeys(_LIMITS, 0)}
    assert api.put(job, unset).ok
    shown = api.get(job)
    assert {name: shown[name] for name in unset if shown.get(name)} == {}


@belief(sources.DATASETS, DESTINATION)
def test_a_job_for_an_account_dataset_is_rejected_on_a_zone(api: Api) -> None:
    """A job for an account's dataset cannot be created on a zone."""
    assert api.post({**api.members(), "dataset": "audit_logs"}).refused


@belief(f"{sources.SDK}/logpush/validate_destination_response.py", DESTINATION)
def test_a_destination_that_can_be_written_is_valid(api: Api) -> None:
    """validate/destination says valid: true of a destination that Cloudflare can write to."""
    body = {"destination_conf": api.destination()}
    assert api.call("POST", "validate/destination", body).mapping.get("valid") is True


@belief(f"{sources.SDK}/logpush/validate_destination_exists_response.py", DESTINATION)
def test_a_destination_exists_once_a_job_has_it(api: Api) -> None:
    """validate/destination/exists says whether a job has this destination."""
    body = {"destination_conf": api.destination()}
    seen = [api.call("POST", "validate/destination/exists", body).mapping.get("exists")]
    api.create(body["destination_conf"])
    seen += [api.call("POST", "validate/destination/exists", body).mapping.get("exists")]
    assert seen == [False, True]


@belief(sources.PROVIDER_TEST, DESTINATION)
def test_a_destination_is_shown_whole(api: Api) -> None:
    """destination_conf is shown as it was sent, secrets included."""
    destination = api.destination("/{DATE}")
    job = api.create(destination)
    assert api.get(job).get("destination_conf") == destination


# What a bucket is needed for: challenge files are read


@belief(sources.CHALLENGE, BUCKET)
def test_a_challenge_writes_a_text_file(api: Api) -> None:
    """A challenge file is called ownership-challenge*.txt; its filename is the object key, with
    the prefix and with or without the bucket."""
    destination = api.bucket_destination()
    prefix = destination.partition("://")[2].partition("?")[0].partition("/")[2]
    _filename, key, _text = api.challenge(destination)
    assert re.fullmatch(rf"{re.escape(prefix)}/ownership-challenge[^/]*\.txt", key)


@belief(sources.CHALLENGE, BUCKET)
def test_a_challenge_file_holds_a_token_of_seven_days(api: Api) -> None:
    """The file holds a JWT and nothing else; it expires after seven days."""
    text = api.token(api.bucket_destination())
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", text)
    days = (claims(text).get("exp", 0) - time.time()) / 86_400
    assert 6.9 < days < 7.1


@belief(f"{sources.SDK}/logpush/ownership_validation.py", BUCKET)
def test_a_new_token_validates(api: Api) -> None:
    """ownership/validate says valid: true of a new token."""
    destination = api.bucket_destination()
    body = {"destination_conf": destination, "ownership_challenge": api.token(destination)}
    assert api.call("POST", "ownership/validate", body).mapping.get("valid") is True


@belief(f"{sources.PROVIDER}/issues/1019", BUCKET)
def test_a_job_in_a_bucket_requires_a_token(api: Api) -> None:
    """A job for an S3 bucket without a token is 400, code 1002, "ownership challenge"."""
    body = api.members(api.bucket_destination())
    del body["ownership_challenge"]
    assert api.post(body).refused_with(400, 1002, "ownership challenge")


@belief(f"{sources.PROVIDER}/issues/1019", BUCKET)
def test_a_token_of_another_destination_is_rejected(api: Api) -> None:
    """A token serves one destination_conf: with {DATE} added it is 400, code 1002, "incorrect
    ownership challenge"."""
    body = api.members(api.bucket_destination())
    body["destination_conf"] = body["destination_conf"].replace("?", "/{DATE}?")
    assert api.post(body).refused_with(400, 1002, "incorrect ownership challenge")


@belief(f"{sources.SDK}/logpush/logpush_job.py", BUCKET)
def test_a_token_is_never_shown(api: Api) -> None:
    """A job is created with its token, which is not shown."""
    created = api.create(api.bucket_destination())
    for job in (created, api.get(created)):
        assert "ownership_challenge" not in job, job


@belief(sources.CHALLENGE, BUCKET)
def test_another_destination_requires_another_token(api: Api) -> None:
    """A PUT of another destination_conf needs a token for it, and is accepted with one."""
    job = api.create(api.bucket_destination())
    destination = api.bucket_destination()
    response = api.put(job, {"destination_conf": destination})
    assert response.refused_with(400, 1002, "ownership challenge")
    body = {"destination_conf": destination, "ownership_challenge": api.token(destination)}
    assert api.put(job, body).mapping.get("destination_conf") == destination


# What an account is needed for; nothing is created


@belief(sources.FAQ, ACCOUNT)
def test_a_zone_dataset_is_rejected_on_an_account(api: Api) -> None:
    """The jobs of a zone's dataset cannot be read on an account: 403, code 1004, "not allowed"."""
    response = api.call("GET", "datasets/http_requests/jobs", on="account")
    # As the API answers where a token has nothing to do with the account.
    if response.error["code"] in (9109, 10000):
        api.not_tested("the API token may not read the account")
    assert response.refused_with(403, 1004, "not allowed")


@belief(f"{sources.SDK}/logpush/transformer_list_response.py", ACCOUNT)
def test_transformers_are_a_list(api: Api) -> None:
    """The transformers of an account are a list."""
    response = api.call("GET", "transformers", on="account")
    if response.status == 403:
        api.not_tested(f"the account has no transformers: {response.error['message']}")
    assert isinstance(response.items, list)


@belief(f"{sources.SDK}/logpush/transformer_create_params.py", ACCOUNT)
def test_a_transformer_requires_sql(api: Api) -> None:
    """A transformer without code, or of a dataset that does not exist, is refused."""
    for code in ({}, {"code": "SELECT RayID FROM edgeops_no_dataset"}):
        body = {"name": "edgeops-contract-test", **code}
        assert api.call("POST", "transformers", body, on="account").refused
    unknown = api.call("GET", f"transformers/{_NO_JOB}", on="account")
    assert unknown.refused


def _expect_filter(job: dict[str, t.Any]) -> None:
    text = job.get("filter")
    assert (json.loads(text) if isinstance(text, str) else text) == json.loads(_FILTER)
