# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a destination_conf says, and what of it is secret."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
    secrets_of,
    without_secrets,
)

PARTS = ("scheme", "bucket", "prefix", "region", "endpoint", "ownership")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "s3://edge-logs/http/{DATE}?region=us-east-1&sse=AES256",
            ("s3", "edge-logs", "http/{DATE}", "us-east-1", None, "required"),
        ),
        ("S3://edge-logs", ("s3", "edge-logs", "", None, None, "required")),
        (
            "s3://b/p?region=auto&access-key-id=A&secret-access-key=B&endpoint=minio.example:9000",
            ("s3", "b", "p", "auto", "minio.example:9000", "not_required"),
        ),
        ("r2://b/{DATE}?account-id=a", ("r2", "b", "{DATE}", None, None, "not_required")),
        ("gs://b/a/b/", ("gs", "b", "a/b/", None, None, "required")),
        (
            "azure://acc.blob.core.windows.net/logs/http/{DATE}?sv=1&sig=x",
            ("azure", "logs", "http/{DATE}", None, "acc.blob.core.windows.net", "required"),
        ),
        ("azure://acc.example//X/p", ("azure", "X", "p", None, "acc.example", "required")),
        (
            "sumo://endpoint1.collection.example/receiver/v1/http/CODE",
            ("sumo", None, None, None, "endpoint1.collection.example", "required"),
        ),
        (
            "datadog://intake.example/v1/input?header_DD-API-KEY=K&ddsource=cloudflare",
            ("datadog", None, None, None, "intake.example", "not_required"),
        ),
        ("splunk://h:8088/raw?channel=c", ("splunk", None, None, None, "h:8088", "not_required")),
        (
            "https://u:p@logs.example/in",
            ("https", None, None, None, "logs.example", "not_required"),
        ),
        ("bq://projects/P/datasets/D", ("bq", None, None, None, None, "not_required")),
        ("sentinelone://h/x", ("sentinelone", None, None, None, "h", "not_required")),
        ("ibmcl://h/x?ibm_api_key=k", ("ibmcl", None, None, None, "h", "unknown")),
        ("kinesis://s?region=eu-west-1", ("kinesis", None, None, "eu-west-1", None, "unknown")),
        ("new-thing://host/path?a=b", ("new-thing", None, None, None, None, "unknown")),
    ],
)
def test_parts(text: str, parts: tuple[str | None, ...]) -> None:
    assert Destination.parse(text).describe() == dict(zip(PARTS, parts))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty; set a URI such as s3://bucket/logs?region=…"),
        ("s3://b/" + "x" * 4090, "has 4097 characters; Cloudflare accepts at most 4096"),
        (
            "s3://b c",
            (
                "has white space or a control character at position 7; write it percent-encoded (a "
                "space is %20), or remove it"
            ),
        ),
        ("s3://b/\ud800", "contains an unpaired surrogate, which a URI cannot contain"),
        (
            "bucket/logs",
            "is not a URI with a scheme, such as s3://bucket/logs?region=us-east-1",
        ),
        ("S3:///logs", "contains no bucket; write s3://bucket/path"),
        *(
            (
                text,
                (
                    "has a sensitive parameter in its path, after an & without a ? before it; "
                    "write ? before the first parameter, and & before each other one"
                ),
            )
            for text in (
                "r2://b/logs&account-id=a&access-key-id=A&secret-access-key=S",
                "https://logs.example&header_Authorization=Bearer%20S",
                "s3://b&Secret%2DAccess-Key=S?region=us-east-1",
            )
        ),
    ],
)
def test_an_invalid_destination_is_reported_in_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Destination.parse(text)
    assert caught.value.message == f"destination_conf: {problem}"


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("&&a=1&&%61=%62&", [("a", "1"), ("a", "%62")]),
        ("p=X&q=b==", [("p", "X"), ("q", "b==")]),
        ("abc", [("", "abc")]),
        ("abc=", [("", "abc")]),
        # The padding of base64, not an equals sign with a value.
        ("abc==", [("", "abc==")]),
        ("sig=&header_%58=", [("sig", ""), ("header_X", "")]),
    ],
)
def test_a_query_is_split_into_names_and_values(
    query: str, parameters: list[tuple[str, str]]
) -> None:
    assert Destination.parse(f"https://h/in?{query}").parameters == parameters


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "s3://b/p?region=r&region=q",
            {
                "scheme": ("s3", False),
                "bucket": ("b", False),
                "path": ("/p", False),
                "parameter region": ("r", False),
                "parameter region (again)": ("q", False),
            },
        ),
        (
            "SUMO://u:p@h/x/CODE?a=1&word#end",
            {
                "scheme": ("sumo", False),
                "host": ("h", False),
                "path": ("/x/CODE", True),
                "user information": ("u:p", True),
                "parameter a": ("1", True),
                "parameter without a value": ("word", True),
                "part after the #": ("end", True),
            },
        ),
        (
            "https://h/receiver/v1/http/CODE",
            {
                "scheme": ("https", False),
                "host": ("h", False),
                "path": ("/receiver/v1/http/CODE", True),
            },
        ),
    ],
)
def test_each_part_has_a_name_and_may_be_secret(
    text: str, parts: dict[str, tuple[str, bool]]
) -> None:
    assert Destination.parse(text).parts() == parts


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("s3://b/p?region=us-east-1&sse=AES256", set()),
        ("s3://b?access-key-id=AK&secret-access-key=s%2Fk", {"AK", "s%2Fk", "s/k"}),
        ("azure://a.example/c?sv=2022&sp=w&se=2027&sig=a%2Bb", {"a%2Bb", "a+b"}),
        ("sumo://h/receiver/v1/http/CODE==", {"CODE=="}),
        (
            "splunk://h/raw?header_Authorization=Splunk%20TOKEN",
            {"Splunk%20TOKEN", "Splunk TOKEN", "Splunk", "TOKEN"},
        ),
        ("datadog://h/v1?header_DD-API-KEY=KEY&ddsource=cf&service=x", {"KEY"}),
        ("https://h/in?Api-Key=K&anything=V&flag", {"K"}),
        ("https://user:pa:ss@h/in", {"user:pa:ss", "pa:ss"}),
        ("https://token@h/in", {"token"}),
        ("bq://p?credentials=C", {"C"}),
        ("new-thing://h?p=V", set()),
        ("sumo://h/receiver/v1/http/CODEX/", {"CODEX"}),
        ("sumo://h/in/CODEX/", {"CODEX"}),
        ("https://h/receiver/v1/http/CODEX", {"CODEX"}),
        ("https://h/in/logs", set()),
        ("https://h/in?p=a#b", {"b", "a#b"}),
        # Words, though nobody documents the parameters.
        ("https://h/in?dataset=http_requests&source=cloudflare&env=production", set()),
        ("gs://acme-prod-123456-logs/x?project=acme-prod-123456", set()),
        ("https://h?header_Content-Type=application/json&header_X-Scope-OrgID=production", set()),
        # What looks like a secret is one, whatever the parameter is called.
        ("https://h/in?p=0123456789abcdef0123", {"0123456789abcdef0123"}),
        (
            "https://h/in?e6d94e8c-5792-4ad1-be3c-29bcaee0197d",
            {"e6d94e8c-5792-4ad1-be3c-29bcaee0197d"},
        ),
        ("datadog://h/v1/input/0123456789abcdef0123", {"0123456789abcdef0123"}),
        ("s3://b/v1/input/0123456789abcdef0123?region=us-east-1", set()),
        ("https://h/token/hunter2-x/v1", {"hunter2-x"}),
        ("https://h/event/acme/token!S3CRET/a", {"S3CRET"}),
        ("s3://b/token/hunter2-x?region=us-east-1", set()),
        # Behind a second question mark, and in a value that is a whole query.
        ("https://h?a=b?header_X=K", {"K"}),
        ("azure://a.example/c?sas=sv=1&sig=S", {"S"}),
        ("azure://a.example/c??sv=1&sig=S", {"S"}),
    ],
)
def test_which_values_are_sensitive(text: str, secrets: set[str]) -> None:
    assert Destination.parse(text).secrets() == secrets


@given(st.text())
def test_any_text_is_parsed_or_rejected_and_never_lost(text: str) -> None:
    try:
        destination = Destination.parse(text)
    except CloudflareError as error:
        refusal = error.message
    else:
        refusal = ""
    if refusal:
        assert refusal.startswith("destination_conf: ")
        return
    assert destination.raw == text
    destination.describe()
    destination.secrets()


@given(
    # A store needs a bucket; whatever else there is may be anything.
    st.from_regex(r"\A(?!(s3|r2|gs|azure):)[a-z][a-z0-9]{0,8}://[!-~]{0,60}\Z")
    | st.from_regex(r"\A(s3|r2|gs)://[a-z0-9][a-z0-9/?&=%._-]{0,60}\Z")
)
def test_any_uri_is_taken_as_it_is(text: str) -> None:
    assert Destination.parse(text).raw == text


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (None, set()),
        ("REDACTED bucket production", set()),
        ("***?key 0123456789abcdef0123", {"0123456789abcdef0123"}),
        ("https://h?header_X=Splunk TOKEN", {"Splunk TOKEN", "Splunk", "TOKEN"}),
        ("https://h?header_X=" + "x" * 5000, {"x" * 5000}),
        ("r2://b/p&account-id=a&secret-access-key=S%2B", {"S%2B", "S+"}),
        ("https://h&header_X=SeCrEt?format=x", {"SeCrEt"}),
    ],
)
def test_secrets_of_an_invalid_destination_are_found(text: t.Any, secrets: set[str]) -> None:
    assert secrets_of(text) == secrets


@pytest.mark.parametrize("scheme", ["", "https://"])
def test_a_password_in_an_endpoint_is_shown_nowhere(scheme: str) -> None:
    text = f"s3://b/p?region=auto&endpoint={scheme}user:SeCrEt%2B8@minio.example:9000"
    destination = Destination.parse(text)
    assert destination.endpoint == "minio.example:9000"
    assert "SeCrEt+8" in destination.secrets()
    assert destination.parts()["parameter endpoint"][1]
    assert "SeCrEt" not in str(destination.public_names)


def test_no_public_name_is_sensitive() -> None:
    destination = Destination.parse("azure://acc.example/logs/http?region=eu&sig=x")
    assert destination.public_names == {"acc.example", "logs", "http", "eu"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("no URI at all: a?b=c", "no URI at all: a?b=c"),
        (
            "cannot write to s3://b/p?region=r&secret-access-key=S3CRET: denied",
            "cannot write to s3://b/p?region=r&secret-access-key=*** denied",
        ),
        ('"https://u:S3CRET@h/p?S3CRET&format=x#S3CRET"', '"https://h/p?***&format=x"'),
        ("sumo://h/receiver/v1/http/S3CRET", "sumo://h/receiver/v1/http/***"),
        ("at https://h/receiver/v1/http/S3CRET", "at https://h/receiver/v1/http/***"),
        ("SUMO://h/x/in/S3CRET", "SUMO://h/x/in/***"),
        ("sumo://h/x/X", "sumo://h/x/***"),
        ("sumo://h/x/in/S3CRET/ and sumo://h/S3CRET***", "sumo://h/x/in/*** and sumo://h/***"),
        ("gs://b/p and gs://c/q?x=S3CRET", "gs://b/p and gs://c/q?x=***"),
        (
            "s3://b/0123456789abcdef0123/receiver/v1/http/x",
            "s3://b/0123456789abcdef0123/receiver/v1/http/x",
        ),
        (
            "datadog://h/v1/input/0123456789abcdef0123?ddsource=x",
            "datadog://h/v1/input/***?ddsource=x",
        ),
    ],
)
def test_a_text_is_shown_without_the_secrets_in_its_uris(text: str, masked: str) -> None:
    assert without_secrets(text) == masked


NAMES = st.sampled_from(["sig", "header_Authorization", "Api-Key", "anything", "x y"])


@given(
    st.sampled_from(["datadog", "splunk", "ibmcl", "sumo", "https", "newthing"]),
    st.lists(st.tuples(NAMES, st.text(alphabet="QXZ%2B+/=~", min_size=1)), max_size=4),
    st.text(alphabet="QXZ", max_size=6),
    st.text(alphabet="QXZ", max_size=6),
)
def test_redaction_leaves_no_secret(
    scheme: str, secrets: list[tuple[str, str]], user: str, fragment: str
) -> None:
    query = "&".join(f"{name.replace(' ', '%20')}={value}" for name, value in secrets)
    text = f"{scheme}://{user and user + '@'}host/receiver/v1/http/QQQ?region=r&{query}"
    text += f"#{fragment}" if fragment else ""
    assert Destination.parse(text).raw == text
    shown = without_secrets(f"cannot write to {text}")
    assert not set("QXZ") & set(shown)
