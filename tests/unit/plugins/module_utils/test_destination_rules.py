# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes in a destination_conf: which are errors, which are warnings, and what is neither."""

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
    destination_warnings,
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
def test_valid_values_are_sent_unchanged(text: str) -> None:
    destination = checked_destination(text)
    assert (destination.raw, destination_warnings(destination)) == (text, [])


NO_REGION = "lacks the parameter region, which s3:// requires; add ?region=… or &region=…"
UNESCAPED = "; percent-encode the value, for example with the filter urlencode"
SPLUNK = "splunk://h:8088/services/collector/raw?channel=c"


def server(host: str, scheme: str) -> str:
    """Return the problem of a server where the bucket belongs."""
    return (
        f"contains the server {host} where the bucket belongs; write {scheme}://, the name of the"
        " bucket alone, and then the path"
    )


def second(name: str) -> str:
    """Return the problem of a parameter behind a second question mark."""
    return (
        f'contains a second "?" before {name}, which makes it part of the parameter before; write '
        f'"&{name}=…"'
    )


def no_host(scheme: str) -> str:
    """Return the problem of a destination without a host."""
    return f"contains no host after {scheme}://; write {scheme}://HOST/path?…"


AZURE_EXAMPLE = "azure://ACCOUNT.blob.core.windows.net/CONTAINER/path?sv=…&sig=…"
AS_PARAMETER = (
    'contains the SAS as the value of a parameter sas; write the SAS itself after the "?", as in '
    f"{AZURE_EXAMPLE}"
)
TWO_MARKS = 'contains "??" before its parameters; write a single "?"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("s3://bucket/dir", NO_REGION),
        ("s3://bucket/dir?region=", NO_REGION),
        ("kinesis://stream", NO_REGION.replace("s3", "kinesis")),
        (
            "s3://b/d?region=us-west-2/",
            'contains "/" in the parameter region; write region=us-west-2',
        ),
        (
            "s3://b/d?region=us-west-2%20",
            'contains " " in the parameter region; write region=us-west-2',
        ),
        (
            "s3://b/d?region=us-west-2&sse=AES256/x",
            'contains "/x" in the parameter sse; write sse=AES256',
        ),
        (
            f"r2://b/d?account-id=a1/&{KEYS}",
            'contains "/" in the parameter account-id; write account-id=a1',
        ),
        (
            "s3://b/d?region='us-west-2'",
            "contains \"'us-west-2'\" in the parameter region; write region=…",
        ),
        *(
            (
                f"s3://b/d?region={region}",
                (
                    f'contains the region "{region}", which AWS does not have; write it in lower '
                    "case and with hyphens, as in region=us-east-1"
                ),
            )
            for region in ("US-WEST-2", "us_west_2")
        ),
        (
            "s3://b/d?region=us-east-1&access-key-id=A",
            "contains access-key-id without secret-access-key; add &secret-access-key=…",
        ),
        (
            "r2://b/d?account-id=a1&secret-access-key=A",
            "contains secret-access-key without access-key-id; add &access-key-id=…",
        ),
        (
            "s3://b/d?region=auto&endpoint=minio.example.com",
            (
                "contains an endpoint without keys, which a server that is not Amazon's requires; "
                "add &access-key-id=…&secret-access-key=…"
            ),
        ),
        (
            f"s3://b/d?region=auto&{KEYS}",
            (
                "contains keys and the region auto, which AWS does not have, but no endpoint; add "
                "&endpoint=… with the host of the server"
            ),
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
            f"contains no server; write {AZURE_EXAMPLE}",
        ),
        *(
            (
                text,
                f"contains the scheme {wrong}://, which Logpush does not support; write {meant}://",
            )
            for text, wrong, meant in (
                ("S3A://bucket/dir", "s3a", "s3"),
                ("gcs://bucket/dir", "gcs", "gs"),
                ("wasbs://c@acc.blob.core.windows.net/d", "wasbs", "azure"),
                ("http://logs.example.com/x", "http", "https"),
                ("datadgo://x/y", "datadgo", "datadog"),
                ("azuer://x/y", "azuer", "azure"),
            )
        ),
        ("datadog://?header_DD-API-KEY=abc", no_host("datadog")),
        ("splunk:///services/collector/raw?channel=c", no_host("splunk")),
        ("https://:443/in?header_X=y", no_host("https")),
        ("https://me@/in", no_host("https")),
        ("kinesis://?region=us-east-1", no_host("kinesis")),
        (f"{SPLUNK}?header_Authorization=Splunk%20a", second("header_Authorization")),
        ("https://h/x?dataset=a?header_Authorization=b", second("header_Authorization")),
        ("https://h/x?a?header_X-Key=b&c=d", second("header_X-Key")),
        ("datadog://h/v1?ddsource=a?ddtags=b", second("ddtags")),
        ("s3://b/d?region=us-east-1?sse=AES256", second("sse")),
        (f"{AZURE}?sas={SAS}", AS_PARAMETER),
        (f"{AZURE}?sas=?{SAS}", second("sv")),
        (f"{AZURE}?sas=x", AS_PARAMETER),
        (f"{AZURE}?SAS={SAS}", AS_PARAMETER.replace("sas;", "SAS;")),
        (f"{AZURE}?sas_token={SAS}", AS_PARAMETER.replace("sas;", "sas_token;")),
        (f"{AZURE}?token=ss%3Db%26sig%3DS", AS_PARAMETER.replace("sas;", "token;")),
        (
            f"azure://acc.blob.core.windows.net?{SAS}",
            f"contains no container; write {AZURE_EXAMPLE}",
        ),
        (f"{AZURE}??{SAS}", TWO_MARKS),
        ("https://h/x??header_A=b", TWO_MARKS),
        (
            'splunk://h/x?header_A="Splunk%20a"',
            f"contains an unescaped '\"' in the value of header_A{UNESCAPED}",
        ),
        (
            "https://h/x?header_A=50%",
            f"contains an unescaped '%' in the value of header_A{UNESCAPED}",
        ),
        (
            "https://h/x?a=ä&header_A=ü",
            f"contains an unescaped 'ü' in the value of header_A{UNESCAPED}",
        ),
        ("https://h/x?header_A=a#b", 'contains an unescaped "#"; encode it as %23'),
        (
            AZURE,
            (
                "contains no shared access signature (SAS), whose parameter sig is missing; write "
                'the SAS after the "?"'
            ),
        ),
        (
            f"{AZURE}?{SAS}&sr=b",
            "contains a SAS for one blob (sr=b); write one for the account or container",
        ),
        (
            f"{AZURE}?{SAS.replace('srt=o', 'srt=sco')}",
            "contains a SAS for the resource types srt=sco; create one for objects only, srt=o",
        ),
        (
            f"{AZURE}?{SAS.replace('ss=b', 'ss=q')}",
            "contains a SAS for the services ss=q; create one for blobs, ss=b",
        ),
        (
            f"{AZURE}?{SAS.replace('sp=wc', 'sp=rl')}",
            "contains a SAS with the permissions sp=rl; create one that may write, sp=w",
        ),
        (
            f"{AZURE}?{SAS}&se=2020-01-01",
            "contains a SAS that expired at 2020-01-01 00:00 UTC; create a new one",
        ),
        (
            f"{AZURE}?{SAS}&se=2020-01-01T10%3A30Z",
            "contains a SAS that expired at 2020-01-01 10:30 UTC; create a new one",
        ),
    ],
)
def test_a_certain_mistake_is_an_error_that_says_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_destination(text)
    assert caught.value.message == f"destination_conf: {problem}"


def test_white_space_is_an_error_with_its_position() -> None:
    with pytest.raises(InvalidInput, match="position 40"):
        checked_destination("https://h/x?header_Authorization=Bearer abc")


CONTAINER_SAS = SAS.replace("ss=b&srt=o", "sr=c")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (f"{AZURE}?{CONTAINER_SAS}", "contains a service SAS (sr=c); some of Cloudflare's pages"),
        ("r2://b/d", "lacks account-id, access-key-id, secret-access-key; Cloudflare documents"),
        (f"r2://b/d?{KEYS}", "lacks account-id; Cloudflare documents r2:// with"),
        ("https://h/x?to=https://g/y?z=1", 'contains a second "?", so what follows it is part of'),
        (f"{AZURE}?{SAS}&amp;se=2999-01-01", 'contains "&amp;" between its parameters; write "&"'),
        (
            "s3://b/d?region=us-east-1&Access_Key_Id=AK",
            "contains the parameter Access_Key_Id; Cloudflare documents access-key-id",
        ),
        *(
            (
                f"https://h/x?{wrong}",
                (
                    f"contains {wrong.partition('S3')[0].rstrip('=:%')}; Cloudflare documents "
                    "header_X-Key=… for a header"
                ),
            )
            for wrong in (
                *("header-X-Key=S3CRET", "headers_X-Key=S3CRET", "Header_X-Key=S3CRET"),
                *("header_X-Key:S3CRET", "header_X-Key"),
            )
        ),
        *(
            (f"s3://b/d?region=auto&{KEYS}&endpoint={endpoint}", "contains the bucket twice, after")
            for endpoint in (
                "b.s3.example.com",
                "B.s3-eu-west.example.com",
                "b.ams3.digitaloceanspaces.com",
            )
        ),
    ],
)
def test_disputed_values_are_a_warning(text: str, warning: str) -> None:
    (found,) = destination_warnings(checked_destination(text))
    assert found.startswith(f"destination_conf {warning}")
    assert "S3CRET" not in found


def test_a_warning_quotes_no_value_that_is_taken_for_a_name() -> None:
    text = "https://h/x?header_Authorization%3DBearer%20S3CRET"
    (found,) = destination_warnings(checked_destination(text))
    assert "contains header_Authorization; " in found


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
        destination = checked_destination(start + rest)
        assert destination.raw == start + rest
        assert all(isinstance(each, str) for each in destination_warnings(destination))
