# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes in a destination_conf: each is told in a sentence, and nothing that is right is."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._destination_rules import (
    checked_destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)

KEYS = "access-key-id=AK&secret-access-key=SK"
AZURE = "azure://acc.blob.core.windows.net/logs/http"
SAS = "sv=2022-11-02&ss=b&srt=o&sp=wc&sig=S%3D"

# Each destination of Cloudflare's documentation, and one that is not in it.
RIGHT = [
    "s3://bucket?region=us-east-1",
    "s3://bucket/dir/{DATE}?region=us-gov-west-1&sse=AES256",
    f"s3://bucket/dir?region=eu-central-1&{KEYS}",
    f"s3://bucket/dir?region=auto&{KEYS}&endpoint=minio.example.com:9000",
    f"s3://minio/dir?region=auto&{KEYS}&endpoint=minio.example.com",
    f"r2://bucket/{{DATE}}?account-id=A&{KEYS}",
    "gs://bucket/dir/{DATE}",
    f"{AZURE}/{{DATE}}?{SAS}",
    f"{AZURE}?{SAS}&se=2999-01-01T00:00:00Z",
    f"{AZURE}?{SAS}&se=soon",
    "sumo://endpoint1.collection.sumologic.com/receiver/v1/http/CODE",
    "datadog://http-intake.logs.datadoghq.com/api/v2/logs?header_DD-API-KEY=abc&ddsource=x",
    "splunk://h:8088/services/collector/raw?channel=c&header_Authorization=Splunk%20abc-d",
    "https://log-api.newrelic.com/log/v1?Api-Key=abc&format=cloudflare",
    "https://logs.example.com/path?header_Authorization=Basic%20dXNlcjpwYXNz&header_X=a:b==",
    "bq://projects/p/datasets/d/tables/t?credentials=abc",
    "sentinelone://h/services/collector/raw?header_Authorization=Bearer%20abc",
    "ibmcl://h/v1/logs?ibm_api_key=abc",
    "kinesis://stream?region=us-east-1&sts-assume-role-arn=arn:aws:iam::1:role/r",
    "newthing://x/y?z=1",
    "s4://x/y?z=1",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_passes_and_stays_as_it_is(text: str) -> None:
    assert checked_destination(text).raw == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("s3://bucket/dir", "the parameter region is missing"),
        ("s3://bucket/dir?region=", "the parameter region is missing"),
        ("kinesis://stream", "the parameter region is missing"),
        (f"r2://bucket/dir?{KEYS}", "the parameter account-id is missing"),
        ("r2://bucket/dir?account-id=A", "the parameter access-key-id is missing"),
        ("s3://b/d?region=us-east-1&access-key-id=A", "secret-access-key is missing"),
        ("s3://b/d?region=us-east-1&secret-access-key=A", "access-key-id is missing"),
        ("s3://b/d?region=auto&endpoint=minio.example.com", "has an endpoint, and no access-key"),
        (f"s3://b/d?region=auto&{KEYS}", "none of Amazon's, but no endpoint"),
        (f"s3://b/d?region=auto&{KEYS}&endpoint=b.s3.example.com", "names the bucket twice"),
        ("s3://b.s3.us-east-1.amazonaws.com/d?region=us-east-1", "names the server"),
        (f"r2://a.r2.cloudflarestorage.com/b?account-id=A&{KEYS}", "names the server"),
        ("gs://storage.googleapis.com/b", "names the server"),
        ("azure://acc/logs", "names no server"),
        ("S3A://bucket/dir", "write s3://"),
        ("gcs://bucket/dir", "write gs://"),
        ("wasbs://c@acc.blob.core.windows.net/d", "write azure://"),
        ("http://logs.example.com/x", "write https://"),
        ("datadgo://x/y", "write datadog://"),
        ("splnuk://x/y", "write splunk://"),
        ('splunk://h/x?header_Authorization="Splunk%20a"', "has a '\"' that is not percent"),
        ("https://h/x?header_A=50%", "has a '%' that is not percent-encoded"),
        ("https://h/x?header_A=ü", "has a 'ü' that is not percent-encoded"),
        ("https://h/x?header_Authorization=Bearer abc", "has white space"),
        ("https://h/x?header_A=a#b", "has a # in it"),
        (AZURE, "has no shared access signature"),
        (f"{AZURE}?{SAS}&sr=c", "sr=c is for one container or blob"),
        (f"{AZURE}?{SAS.replace('srt=o', 'srt=sco')}", "needs objects only, srt=o"),
        (f"{AZURE}?{SAS.replace('ss=b', 'ss=q')}", "needs b, for blobs"),
        (f"{AZURE}?{SAS.replace('sp=wc', 'sp=rl')}", "needs w, to write"),
        (f"{AZURE}?{SAS}&se=2020-01-01", "expired at 2020-01-01 00:00 UTC"),
        (f"{AZURE}?{SAS}&se=2020-01-01T10%3A30Z", "expired at 2020-01-01 10:30 UTC"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_destination(text)
    assert caught.value.message.startswith("destination_conf: ")
    assert says in caught.value.message


@given(st.text(max_size=40), st.sampled_from([*(text.split("?")[0] for text in RIGHT), *RIGHT]))
def test_nothing_raises_but_the_collection_s_own_error(rest: str, start: str) -> None:
    with contextlib.suppress(CloudflareError):
        assert checked_destination(start + rest).raw == start + rest
