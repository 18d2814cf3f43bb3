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
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_diff import (
    Comparison,
    compare,
    differences,
)


def test_differences_name_every_part() -> None:
    ours = Destination.parse("s3://b/p?region=r&access-key-id=1234")
    theirs = Destination.parse("s3://b/q?region=s&access-key-id=5678&sse=AES256")
    assert differences(ours, theirs) == [
        "the path is '/q' in the token and '/p' in destination_conf",
        "the parameter region is 's' in the token and 'r' in destination_conf",
        "the parameter access-key-id is another one (it is secret and not shown)",
        "the parameter sse is 'AES256' in the token and not there in destination_conf",
    ]


def test_the_same_parts_in_another_order_are_a_difference_too() -> None:
    ours, theirs = map(Destination.parse, ("s3://b?region=r&sse=A", "s3://b?sse=A&region=r"))
    assert differences(ours, theirs) == [
        "the same parts are written in another way or order; it has to be the same string"
    ]


def test_a_word_alone_is_never_named() -> None:
    ours, theirs = (Destination.parse(f"https://h/in?{word}") for word in ("OURS", "THEIRS="))
    assert differences(ours, theirs) == [
        "the parameter without a value is another one (it is secret and not shown)"
    ]


def test_no_differences_to_itself() -> None:
    ours = Destination.parse("s3://b/p")
    assert differences(ours, Destination.parse("s3://b/p")) == []


@given(
    st.text(alphabet="abcX019+/=%&?#:.-_*", max_size=60), st.sampled_from(["s3", "sumo", "azure"])
)
def test_a_destination_is_the_same_as_itself_and_any_mask_of_it_is_no_change(
    rest: str, scheme: str
) -> None:
    try:
        ours = Destination.parse(f"{scheme}://host/bucket/{rest}")
    except CloudflareError:
        return
    assert compare(ours, ours.raw) == ((), (), ())
    assert not compare(ours, without_secrets(ours.raw)).different


AWS = "s3://b/p?region=r&sse=AES256"


@pytest.mark.parametrize(
    ("ours", "shown", "expected"),
    [
        # Something that is no secret is gone, and nothing is masked.
        (AWS, "s3://b/p?region=r", Comparison(different=["parameter sse"])),
        (AWS, "s3://b/p", Comparison(missing=["parameter region", "parameter sse"])),
        # The mask of another parameter says nothing of it.
        (
            "s3://b/p?region=r&sse=AES256&access-key-id=A&secret-access-key=B",
            "s3://b/p?region=r&access-key-id=***",
            Comparison(
                masked=["parameter access-key-id", "parameter secret-access-key"],
                missing=["parameter sse"],
            ),
        ),
        (AWS, "s3://b/p?***", Comparison(masked=["parameter region", "parameter sse"])),
        # A plus sign is a space in a query only.
        ("s3://b/p+q?region=a+b", "s3://b/p%20q?region=a%20b", Comparison(different=["path"])),
        # Names that are masks themselves.
        (AWS, AWS + "&redacted=1&***=x&***=y", Comparison()),
        (AWS, AWS + "&not-redacted=1", Comparison(different=["parameter not-redacted"])),
    ],
)
def test_what_an_api_shows_is_compared_by_its_parts(
    ours: str, shown: str, expected: Comparison
) -> None:
    found = compare(Destination.parse(ours), shown)
    assert tuple(map(list, found)) == tuple(map(list, expected))
