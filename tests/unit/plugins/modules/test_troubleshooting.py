# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each message in the tables of the guides is one that a module really returns."""

from __future__ import annotations

import re
import sys
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.modules import (
    logpush_challenge_info,
    logpush_job,
    logpush_jobs,
    logpush_ownership_validate,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    TOKEN,
    ZONE,
    Call,
    challenge_token,
    failure,
    network,
    response,
    run_module,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import (
    Clock,
    Response,
    StoreServer,
)

ROOT = Path(__file__).parents[4]
GUIDES = [ROOT / "docs" / name for name in ("troubleshooting.md", "destinations.md")]
JOBS = f"/zones/{ZONE}/logpush/jobs"
OWNERSHIP = f"/zones/{ZONE}/logpush/ownership"
BUCKET = "s3://edge-logs/http/{DATE}?region=us-east-1"
KEYS = "access-key-id=AKIAEXAMPLEKEY01&secret-access-key=SeCrEt0123456789SeCrEt0123456789"
AZURE = "azure://logs.blob.core.windows.net/edge-logs/http"
SAS = "sv=2024-11-04&ss=b&srt=o&sp=w&se=2035-01-01T00:00:00Z&sig=c2lnbmF0dXJl"
DATADOG = "datadog://http-intake.logs.datadoghq.com/v1/input?ddsource=cloudflare"
# Each has one mistake.
DESTINATIONS = (
    "gcs://edge-logs/http",
    "newrelic://log-api.newrelic.com/log/v1?Api-Key=abc",
    "http://logs.example.com/logpush?header_Authorization=abc",
    "bigquery://projects/p/datasets/d/tables/t?credentials=base64:abc",
    "s3://edge-logs/http?region=us east-1",
    "s3://edge-logs/http?region=us-east-1#fragment",
    "s3://edge-logs/http??region=us-east-1",
    "s3://edge-logs/http?region=us-east-1?sse=AES256",
    "splunk://?channel=abc",
    "s3://edge-logs/http",
    "s3://edge-logs/http?region=us-east-1/",
    "s3://edge-logs.s3.amazonaws.com/http?region=us-east-1",
    "r2://abc.r2.cloudflarestorage.com/edge-logs?account-id=abc&access-key-id=d&secret-access-key=e",
    "gs://storage.googleapis.com/edge-logs",
    "s3://edge-logs/http?region=us-east-1&access-key-id=AKIAEXAMPLEKEY01",
    f"s3://edge-logs/http?region=auto&{KEYS}",
    "s3://edge-logs/http?region=auto&endpoint=minio.example.com",
    f"s3://edge-logs/http?region=auto&{KEYS}&endpoint=edge-logs.s3.example.com",
    "r2://edge-logs/http?access-key-id=d&secret-access-key=e",
    AZURE,
    f"{AZURE}?sas={SAS}",
    f"azure://logs/edge-logs?{SAS}",
    f"{AZURE}?{SAS.replace('srt=o', 'srt=sco')}",
    f"{AZURE}?{SAS.replace('ss=b&srt=o', 'sr=c')}",
    f"{AZURE}?{SAS.replace('sp=w', 'sp=r')}",
    f"{AZURE}?{SAS.replace('ss=b', 'ss=f')}",
    f"{AZURE}?{SAS.replace('2035', '2020')}",
    f"{DATADOG}&header_DD-API-KEY=100%",
    "https://logs.example.com/logpush?header_Authorization=100%",
    "splunk://http-inputs.example.com:8088/services/collector/raw?header_Authorization=Splunk abc",
    "kinesis://edge-logs?sts-assume-role-arn=arn:aws:iam::123456789012:role/logpush",
    "bq://projects/p/datasets/d/tables/t?credentials=base64:" + "a" * 5000,
)
# Cloudflare's own messages: the status, the code, and the words.
REJECTED = (
    (403, 10000, "Authentication error"),
    (403, 10000, "Unable to authenticate request"),
    (403, 1004, "creating a new job is not allowed: exceeded max jobs allowed"),
    (403, 1004, "reading job for product 'http_requests' is not allowed"),
    (403, 1004, "bad predicate: failed to decode value as a number"),
    (403, 1004, "transformer feature is not available for this account"),
    (403, 1004, 'transformer 1 dataset "dns_logs" does not match job dataset "http_requests"'),
    (400, 1002, "error validating destination: error writing object: DNSError"),
    (400, 1002, "error validating destination: error writing object: error uploading"),
    (400, 1002, "signedResourceTypes must be Object only (srt=o)"),
    (404, 7003, "Could not route"),
)
# Messages that need another process, a controller or a connection: the test that produces each.
ELSEWHERE = {
    "still rate limited after 300 s (rate_limit_retry_timeout)": (
        "unit/plugins/module_utils/test_retries"
    ),
    "rate limit exhausted, resets in": "unit/plugins/modules/test_logpush_ownerships",
    "no complete response within 30 s": "unit/plugins/module_utils/test_retries",
    "host name not resolved (": "unit/plugins/modules/test_connection",
    "connection refused": "unit/plugins/modules/test_connection",
    "certificate verification failed (": "unit/plugins/modules/test_connection",
    "proxy connection failed: ": "unit/plugins/modules/test_connection",
    "Failed to import the required Python library (requests)": (
        "unit/plugins/modules/test_connection"
    ),
    "no host matches logpush_hosts: ": "e2e/test_push_logs",
    "a template cannot be resolved": "unit/plugins/lookup/test_lookups",
    "is undefined": "unit/plugins/lookup/test_lookups",
    "was created, but nothing was pushed within ": "unit/plugins/modules/test_wait",
    "was created, but pushing failed: ": "unit/plugins/modules/test_wait",
    "names: zone ": "unit/plugins/inventory/test_zones",
}


def run(**options: t.Any) -> dict[str, t.Any]:
    """Run logpush_job; without the network, unless the caller provides one."""
    check_mode = options.pop("check_mode", False)
    given = {"zone_id": ZONE, "api_token": TOKEN, "name": "http", **options}
    return run_module(logpush_job.main, given, check_mode=check_mode)


def texts_of(result: dict[str, t.Any]) -> list[str]:
    """Return what a user reads of a result."""
    return [result.get("msg", ""), *result.get("warnings", ())]


def listed(*jobs: dict[str, t.Any]) -> Call:
    """Expect the list of the zone's jobs."""
    return Call("GET", JOBS, None, success(list(jobs)))


def about_destinations() -> t.Iterator[dict[str, t.Any]]:
    """Yield what is reported of each wrong destination, as an error or as a warning."""
    options = {"dataset": "http_requests", "prove_ownership": False, "check_mode": True}
    for destination in DESTINATIONS:
        with mock.patch("requests.adapters.HTTPAdapter.send", side_effect=no_jobs):
            yield run(destination_conf=destination, **options)


def no_jobs(request: requests.PreparedRequest, **_settings: t.Any) -> requests.Response:
    """Answer any request with an empty list."""
    answer = success([])
    answer.request, answer.url = request, str(request.url)
    return answer


def about_rejected_requests() -> t.Iterator[dict[str, t.Any]]:
    """Yield what is reported where Cloudflare or a proxy rejects the first request."""
    answers = [failure(*each) for each in REJECTED]
    answers.append(response(content=b"<html>sign in", headers={"Content-Type": "text/html"}))
    answers.append(response(status=302, headers={"Location": "https://login.example/"}))
    for answer in answers:
        with network(Call("GET", JOBS, None, answer)):
            yield run(state="absent")


def about_jobs() -> t.Iterator[dict[str, t.Any]]:
    """Yield what is reported of jobs that cannot be brought to the desired state."""
    shown = {
        "id": 42,
        "name": "http",
        "dataset": "http_requests",
        "enabled": True,
        "destination_conf": "datadog://http-intake.logs.datadoghq.com/v1/input?ddsource=a",
    }
    other = {**shown, "id": 43}
    to_datadog = {"destination_conf": shown["destination_conf"], "dataset": "http_requests"}
    body = {**to_datadog, "name": "http", "enabled": True}
    with network(listed()):
        yield run(enabled=True)
    with network(listed(shown, other)):
        yield run(enabled=False)
    with network(listed()):
        yield run(id=1, enabled=False)
    with network(listed(shown)):
        yield run(id=42, dataset="dns_logs")
    with network(listed(shown), Call("PUT", f"{JOBS}/42", {"enabled": False}, success(shown))):
        yield run(enabled=False)
    created = Call("POST", JOBS, body, success(other))
    with network(listed(), created, listed(shown, other)):
        yield run(**to_datadog)
    lost = Call("POST", JOBS, body, failure(500, 10000, "internal error"))
    with network(listed(), lost, listed()):
        yield run(**to_datadog)
    entries = [{"zone_id": ZONE, "id": number, "enabled": True} for number in (1, 2)]
    options = {"api_token": TOKEN, "jobs": entries}
    with network(listed()):
        yield run_module(logpush_jobs.main, options)
    entries[0]["zone_id"] = "x"  # not an identifier
    yield from run_module(logpush_jobs.main, options)["results"]


def about_ownership(store: StoreServer) -> t.Iterator[dict[str, t.Any]]:
    """Yield what is reported where ownership cannot be proved."""
    new = {"destination_conf": BUCKET, "dataset": "http_requests"}
    with network(listed()):
        yield run(**new, prove_ownership=False)
    refused = {"valid": False, "message": "Access Denied", "filename": ""}
    asked = Call("POST", OWNERSHIP, {"destination_conf": BUCKET}, success(refused))
    with network(listed(), asked):
        yield run(**new)
    yield run(**new, ownership_challenge="http/ownership-challenge-1.txt")
    yield run(**new, ownership_challenge="<?xml version='1.0'?><Error/>")
    token = challenge_token({"obj_type": "zone", "obj_id": "0" * 32})
    body = {"destination_conf": BUCKET, "ownership_challenge": token}
    given = {"zone_id": ZONE, "api_token": TOKEN, **body, "fail_on_invalid": True}
    with network(Call("POST", f"{OWNERSHIP}/validate", body, success({"valid": False}))):
        yield run_module(logpush_ownership_validate.main, given)
    yield from about_challenge_files(store)


def about_challenge_files(store: StoreServer) -> t.Iterator[dict[str, t.Any]]:
    """Yield what is reported where the challenge file cannot be read."""
    exceptions = pytest.importorskip("botocore.exceptions")
    pytest.importorskip("google.cloud.storage")
    keys = {"access_key": "AKIAEXAMPLEKEY01", "secret_key": "SeCrEt0123456789SeCrEt"}
    s3 = {"endpoint_url": store.url, **keys}
    denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    yield read_file(BUCKET, s3=s3)
    yield read_file(BUCKET, s3={"endpoint_url": store.url})
    store.default = Response(403, denied, {"Content-Type": "application/xml"})
    yield read_file(BUCKET, s3=s3)
    store.default = Response(403, headers={"x-ms-error-code": "AuthorizationFailure"})
    azure = {"sas_token": SAS.replace("sp=w", "sp=r"), "endpoint_url": f"{store.url}/logs"}
    yield read_file(f"{AZURE}?{SAS}", azure=azure)
    store.default = Response(403, headers={"x-ms-error-code": "AuthorizationResourceTypeMismatch"})
    yield read_file(f"{AZURE}?{SAS}", azure=azure)
    gcs = {"access_token": "token0123456789", "endpoint_url": store.url}
    yield read_file("gs://edge-logs/http", gcs=gcs)
    with mock.patch.dict(sys.modules, {"boto3": None}):
        yield read_file(BUCKET)
    untrusted = exceptions.SSLError(
        endpoint_url="https://s3.example", error="self-signed certificate"
    )
    with mock.patch("botocore.httpsession.URLLib3Session.send", side_effect=untrusted):
        yield read_file(BUCKET, s3=s3)
    for destination in (
        "ibmcl://a.ingress.eu-de.logs.cloud.ibm.com/logs/v1/singles?ibm_api_key=k",
        "kinesis://edge-logs?region=us-east-1",
        "sumo://h.example/receiver/v1/http/SeCrEt00",
    ):
        yield read_file(destination)


def read_file(destination: str, **stores: dict[str, str]) -> dict[str, t.Any]:
    """Run logpush_challenge_info."""
    options = {"filename": "http/ownership-challenge-1.txt", "destination_conf": destination}
    challenge_file = {"challenge_file": stores} if stores else {}
    return run_module(logpush_challenge_info.main, {**options, **challenge_file})


def rows() -> list[str]:
    """Return the messages in the first columns of the tables."""
    found: list[str] = []
    for guide in GUIDES:
        tables = re.findall(
            r"^\| Message \|.*\n\|[-| ]+\n((?:\|.*\n)+)", guide.read_text("utf-8"), re.M
        )
        cells = [line.split(" | ")[0] for table in tables for line in table.splitlines()]
        found += [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]
    return sorted(set(found))


def test_each_message_is_returned(store: StoreServer, clock: Clock) -> None:
    results = [
        *about_destinations(),
        *about_rejected_requests(),
        *about_jobs(),
        *about_ownership(store),
    ]
    texts = [text for result in results for text in texts_of(result)]
    missing = [row for row in rows() if not is_in(row, texts) and not is_elsewhere(row)]
    assert len(rows()) > 80
    assert "\n".join(missing) == ""


def is_in(row: str, texts: t.Iterable[str]) -> bool:
    """Whether a text has the message, whose ``…`` stand for any characters."""
    # Numbers in the guides are examples.
    row = re.sub(r"\b\d+(?= of | jobs | \()", "…", row)
    pattern = ".*".join(re.escape(part) for part in row.split("…"))
    return any(re.search(pattern, text, re.S) for text in texts)


def is_elsewhere(row: str) -> bool:
    """Whether another test expects the message."""
    for words, test in ELSEWHERE.items():
        if words in row:
            return words in (ROOT / "tests" / f"{test}.py").read_text("utf-8")
    return False
