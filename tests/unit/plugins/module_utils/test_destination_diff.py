# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where two destinations differ, as far as an API shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_diff import (
    compare,
    differences,
)


def test_differences_name_every_part() -> None:
    ours = Destination.parse("s3://b/p?region=r&access-key-id=1234")
    theirs = Destination.parse("s3://b/q?region=s&access-key-id=5678&sse=AES256")
    assert differences(ours, theirs) == [
        "the path is '/q' in the token and '/p' in destination_conf",
        "the parameter region is 's' in the token and 'r' in destination_conf",
        "the parameter access-key-id differs (sensitive, so not shown)",
        "the parameter sse is 'AES256' in the token and missing in destination_conf",
    ]


def test_the_same_parts_in_another_order_are_a_difference_too() -> None:
    ours, theirs = map(Destination.parse, ("s3://b?region=r&sse=A", "s3://b?sse=A&region=r"))
    assert differences(ours, theirs) == [
        "the parts are equal, but written or ordered differently; use the identical string"
    ]


def test_a_word_alone_is_never_named() -> None:
    ours, theirs = (Destination.parse(f"https://h/in?{word}") for word in ("OURS", "THEIRS="))
    assert differences(ours, theirs) == [
        "the parameter without a value differs (sensitive, so not shown)"
    ]


def test_no_differences_to_itself() -> None:
    ours = Destination.parse("s3://b/p")
    assert differences(ours, Destination.parse("s3://b/p")) == []


@given(
    st.text(alphabet="abcX019+/=%&?#:.-_*", max_size=60), st.sampled_from(["s3", "sumo", "azure"])
)
def test_a_destination_is_the_same_as_itself(rest: str, scheme: str) -> None:
    try:
        ours = Destination.parse(f"{scheme}://host/bucket/{rest}")
    except CloudflareError:
        return
    assert compare(ours, ours.raw) == ((), ())


AWS = "s3://b/p?region=r&sse=AES256"
KEYS = "s3://b/p?region=r&access-key-id=AKIAEXAMPLE&secret-access-key=a%2Fb+c%2Bd"
HTTP = "https://user:word@h:8080/in/1?header_Authorization=Bearer%20abcdefgh&x=y"
SUMO = "sumo://h.sumologic.com/receiver/v1/http/ZaVnC4dh/aV3=="
SECRET = "parameter secret-access-key"
AUTHORIZATION = "parameter header_Authorization"


@pytest.mark.parametrize(
    ("ours", "shown"),
    [
        (AWS, "s3://b/p?sse=AES256&region=r"),
        ("s3://b/p-q?region=us-east-1", "s3://b/p%2Dq?region=us%2deast-1"),
        (KEYS, KEYS.replace("%2F", "%2f")),
    ],
)
def test_order_and_needless_encoding_are_no_difference(ours: str, shown: str) -> None:
    found = compare(Destination.parse(ours), shown)
    assert (list(found.different), list(found.masked)) == ([], [])


@pytest.mark.parametrize(
    ("ours", "shown", "different"),
    [
        # What is not shown does not exist, whether it is sensitive or not.
        (AWS, "s3://b/p?region=r", ["parameter sse"]),
        (AWS, "s3://b/p", ["parameter region", "parameter sse"]),
        (HTTP, HTTP.replace("user:word@", ""), ["user information"]),
        (HTTP + "&header_Content-Type=application/json", HTTP, ["parameter header_Content-Type"]),
        (HTTP + "&tag=1&tag=2", HTTP + "&tag=1", ["parameter tag (again)"]),
        (HTTP, HTTP + "&token=***", ["parameter token"]),
        (AWS, AWS + "&redacted=1", ["parameter redacted"]),
        # A secret of any length.
        (KEYS, KEYS + "longer", [SECRET]),
        (KEYS, KEYS[:-8], [SECRET]),
        (KEYS, KEYS.partition("a%2F")[0], [SECRET]),
        (SUMO, SUMO + "x", ["path"]),
        (SUMO, SUMO.partition("Za")[0], ["path"]),
        # A plus sign, a space and an encoded plus sign are three values.
        (KEYS, KEYS.replace("+", "%20"), [SECRET]),
        (KEYS, KEYS.replace("+", "%2B"), [SECRET]),
        ("s3://b/p+q?region=r", "s3://b/p%20q?region=r", ["path"]),
        # What only resembles a mask.
        (HTTP, HTTP.replace("abcdefgh", "xx-hidden-abxxxxcd"), [AUTHORIZATION]),
        (HTTP, HTTP.replace("abcdefgh", "not-redacted..."), [AUTHORIZATION]),
        (HTTP, HTTP.replace("/in/1", "/xxxx"), ["path"]),
        # A mask, and something beside it that is shown.
        (HTTP, HTTP.replace("Bearer%20abcdefgh", "Basic%20***"), [AUTHORIZATION]),
        (KEYS, KEYS.replace("AKIAEXAMPLE", "ASIA****"), ["parameter access-key-id"]),
        (HTTP, HTTP.replace("/in/1", "/out/***"), ["path"]),
        (HTTP, HTTP.replace("/in/1", "/in/1/***"), ["path"]),
        (HTTP, HTTP.replace("user:word", "***:other"), ["user information"]),
        # No URI, and no mask in it.
        (HTTP, HTTP.replace("%20", " "), ["destination_conf"]),
    ],
)
def test_shown_values_are_compared_exactly(ours: str, shown: str, different: list[str]) -> None:
    found = compare(Destination.parse(ours), shown)
    assert (list(found.different), list(found.masked)) == (different, [])


@pytest.mark.parametrize(
    ("ours", "shown", "masked"),
    [
        *(
            (KEYS, KEYS.partition("a%2F")[0] + mask, [SECRET])
            for mask in (
                *(
                    "***",
                    "********************",
                    "\u2022\u2022\u2022",
                    "%E2%80%A2%E2%80%A2%E2%80%A2",
                ),
                *(
                    "<redacted>",
                    "[REDACTED]",
                    "(masked)",
                    "{hidden}",
                    "REDACTED",
                    "xxxx",
                    "XXXXXXXX",
                ),
                *("---", "...", "a%2Fb****", "a/b****", "****d", "a****d"),
            )
        ),
        (HTTP, HTTP.replace("abcdefgh", "***"), [AUTHORIZATION]),
        (HTTP, HTTP.replace("Bearer%20abcdefgh", "[REDACTED]"), [AUTHORIZATION]),
        (HTTP, HTTP.replace("word", "***"), ["user information"]),
        (HTTP, HTTP.replace("user:word", "***"), ["user information"]),
        (HTTP, HTTP.replace("/in/1", "/in/***"), ["path"]),
        (SUMO, SUMO.partition("Za")[0] + "REDACTED", ["path"]),
        (SUMO, SUMO.partition("VnC")[0] + "****", ["path"]),
        # One mask for all parameters, or for all that follows the bucket.
        (AWS, "s3://b/p?***", ["parameter region", "parameter sse"]),
        (AWS, "s3://b/p?***=***", ["parameter region", "parameter sse"]),
        (AWS, "s3://b/***", ["path", "parameter region", "parameter sse"]),
        (AWS, "s3://***", ["bucket", "path", "parameter region", "parameter sse"]),
        (AWS, "***", ["destination_conf"]),
        (AWS, "[REDACTED]", ["destination_conf"]),
        (AWS, None, ["destination_conf"]),
        (AWS, "", ["destination_conf"]),
        (AWS, 17, ["destination_conf"]),
    ],
)
def test_only_a_visible_mask_is_not_compared(ours: str, shown: object, masked: list[str]) -> None:
    found = compare(Destination.parse(ours), shown)
    assert (list(found.different), list(found.masked)) == ([], masked)


def test_only_masked_values_are_not_compared() -> None:
    ours = Destination.parse(KEYS + "&sse=AES256")
    found = compare(ours, "s3://b/q?region=r&access-key-id=***")
    assert list(found.masked) == ["parameter access-key-id"]
    assert list(found.different) == ["path", SECRET, "parameter sse"]
    found = compare(Destination.parse(HTTP), "https://***@h:8080/in/1")
    assert list(found.masked) == ["user information"]
    assert list(found.different) == [AUTHORIZATION, "parameter x"]
