# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes in a destination_conf: each is told in a sentence, and nothing that is right is."""

from __future__ import annotations

import contextlib
import datetime
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
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
    # Not close enough to datadog, and too short to be sure of.
    "dataflow://x/y?z=1",
    "s4://x/y?z=1",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_passes_and_stays_as_it_is(text: str) -> None:
    assert checked_destination(text).raw == text


NO_REGION = "the parameter region is missing; s3:// needs it, as ?region=… or &region=…"
HEADER = "that is not percent-encoded; encode the value (the filter urlencode does)"


def server(host: str, scheme: str) -> str:
    """Return what is said of a server in the place of a bucket."""
    return (
        f"names the server {host} where the bucket belongs; write {scheme}://, the name of the "
        "bucket alone, and then the path"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("s3://bucket/dir", NO_REGION),
        ("s3://bucket/dir?region=", NO_REGION),
        ("kinesis://stream", NO_REGION.replace("s3", "kinesis")),
        (
            f"r2://bucket/dir?{KEYS}",
            (
                "the parameter account-id is missing; r2:// needs it, as ?account-id=… or "
                "&account-id=…"
            ),
        ),
        (
            "r2://bucket/dir?account-id=A",
            (
                "the parameter access-key-id is missing; r2:// needs it, as ?access-key-id=… or "
                "&access-key-id=…"
            ),
        ),
        (
            "s3://b/d?region=us-east-1&access-key-id=A",
            "the parameter secret-access-key is missing; access-key-id alone is no credential",
        ),
        (
            "s3://b/d?region=us-east-1&secret-access-key=A",
            "the parameter access-key-id is missing; secret-access-key alone is no credential",
        ),
        (
            "s3://b/d?region=auto&endpoint=minio.example.com",
            (
                "has an endpoint, and no access-key-id with secret-access-key, which a server that "
                "is "
                "not Amazon's needs"
            ),
        ),
        (
            f"s3://b/d?region=auto&{KEYS}",
            (
                "has keys and the region auto, which is none of Amazon's, but no endpoint; add "
                "&endpoint=… with the host of the server"
            ),
        ),
        *(
            (
                f"s3://b/d?region=auto&{KEYS}&endpoint={endpoint}",
                (
                    "names the bucket twice, in s3:// and in endpoint; endpoint is the server's "
                    "host "
                    "alone"
                ),
            )
            for endpoint in (
                "b.s3.example.com",
                "B.s3-eu-west.example.com",
                "b.ams3.digitaloceanspaces.com",
            )
        ),
        (
            "s3://b.s3.us-east-1.Amazonaws.com/d?region=us-east-1",
            server("b.s3.us-east-1.amazonaws.com", "s3"),
        ),
        (
            f"r2://a.r2.cloudflarestorage.com/b?account-id=A&{KEYS}",
            server("a.r2.cloudflarestorage.com", "r2"),
        ),
        ("gs://storage.googleapis.com/b", server("storage.googleapis.com", "gs")),
        (
            "azure://acc/logs",
            "names no server; write azure://ACCOUNT.blob.core.windows.net/CONTAINER/path?SAS",
        ),
        ("S3A://bucket/dir", "Logpush knows no s3a://; write s3://"),
        ("gcs://bucket/dir", "Logpush knows no gcs://; write gs://"),
        (
            "wasbs://c@acc.blob.core.windows.net/d",
            "Logpush knows no wasbs://; write azure://",
        ),
        ("http://logs.example.com/x", "Logpush knows no http://; write https://"),
        ("datadgo://x/y", "Logpush knows no datadgo://; write datadog://"),
        ("azuer://x/y", "Logpush knows no azuer://; write azure://"),
        ('splunk://h/x?header_A="Splunk%20a"', f"the value of header_A has a '\"' {HEADER}"),
        ("https://h/x?header_A=50%", f"the value of header_A has a '%' {HEADER}"),
        ("https://h/x?a=ä&header_A=ü", f"the value of header_A has a 'ü' {HEADER}"),
        (
            "https://h/x?header_Authorization=Bearer abc",
            (
                "has white space or a control character at position 40; write it percent-encoded "
                "(a "
                "space is %20), or remove it"
            ),
        ),
        (
            "https://h/x?header_A=a#b",
            "has a # in it, behind which all would be lost; write it as %23",
        ),
        (AZURE, "has no shared access signature (SAS): the parameter sig is missing"),
        (
            f"{AZURE}?{SAS}&sr=c",
            (
                "has a SAS of the wrong kind: sr=c is for one container or blob; Logpush needs an "
                "account SAS for objects (srt=o)"
            ),
        ),
        (
            f"{AZURE}?{SAS.replace('srt=o', 'srt=sco')}",
            "has a SAS for the resource types srt=sco; Logpush needs objects only, srt=o",
        ),
        (
            f"{AZURE}?{SAS.replace('ss=b', 'ss=q')}",
            "has a SAS for the services ss=q; Logpush needs b, for blobs",
        ),
        (
            f"{AZURE}?{SAS.replace('sp=wc', 'sp=rl')}",
            "has a SAS with the permissions sp=rl; Logpush needs w, to write",
        ),
        (f"{AZURE}?{SAS}&se=2020-01-01", "has a SAS that expired at 2020-01-01 00:00 UTC"),
        (
            f"{AZURE}?{SAS}&se=2020-01-01T10%3A30Z",
            "has a SAS that expired at 2020-01-01 10:30 UTC",
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_destination(text)
    assert caught.value.message == f"destination_conf: {problem}"


@pytest.mark.parametrize(("second", "expired"), [(0, False), (1, True)])
def test_a_signature_has_expired_once_its_time_has_passed(
    monkeypatch: pytest.MonkeyPatch, second: int, expired: bool
) -> None:
    class Clock(datetime.datetime):
        """Stands still."""

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> t.Self:
            """Return the time."""
            return cls(2026, 11, 22, 14, 5, second, tzinfo=tz)

    monkeypatch.setattr(datetime, "datetime", Clock)
    text = f"{AZURE}?{SAS}&se=2026-11-22T14:05:00Z"
    if not expired:
        assert checked_destination(text).raw == text
        return
    with pytest.raises(InvalidInput, match="expired at 2026-11-22 14:05 UTC"):
        checked_destination(text)


@given(st.text(max_size=40), st.sampled_from([*(text.split("?")[0] for text in RIGHT), *RIGHT]))
def test_nothing_raises_but_the_collection_s_own_error(rest: str, start: str) -> None:
    with contextlib.suppress(CloudflareError):
        assert checked_destination(start + rest).raw == start + rest
