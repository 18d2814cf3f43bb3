# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rate limiter reads in the headers of responses, malformed ones included."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import (
    RateLimiter,
    retry_after,
)
from ansible_collections.edgeops.cloudflare.tests.unit.rate_limits import (
    Headers,
    examples,
    reported,
    request,
    sent_at_once,
    virtual_time,
)
from ansible_collections.edgeops.cloudflare.tests.unit.samples import combined
from ansible_collections.edgeops.cloudflare.tests.unit.virtual_time import VirtualTime

INFINITE = float("inf")


@pytest.fixture(name="clock")
def fixture_clock() -> t.Iterator[VirtualTime]:
    """Have the rate limiter use virtual time."""
    with virtual_time() as time:
        yield time


@pytest.mark.parametrize(
    ("policy", "quota"),
    [
        ('"default";q=100;w=60', 100),
        # A single policy applies, whatever its name.
        ('"burst";q=100;w=60', 100),
        ("default;w=60;q=100", 100),
        ('"other";q=7;w=60, "default";q=100;w=60', 100),
        # Of several it is not known which.
        ('"other";q=70;w=60, "another";q=100;w=60', None),
        # Not this one: more requests are left than it has, or for longer.
        ('"burst";q=20;w=60', None),
        ('"burst";q=100;w=10', None),
        ("", None),
        ('"default"', None),
        ('"default";q=many;w=60', None),
    ],
)
def test_the_quota_is_that_of_the_policy(
    clock: VirtualTime, policy: str, quota: int | None
) -> None:
    headers = {"Ratelimit": '"default";r=50;t=30', "Ratelimit-Policy": policy}
    number = sent_at_once(RateLimiter(0.1, patience=0), headers, most=40)
    assert number == (40 if quota is None else (quota - 10) // 10)


GARBAGE = [
    *("", " ", ",", ";", "=", ";;;", ",,,", '"', '"default"', "default;r", "default;r=;t=", "\0"),
    *("limit=100, remaining=50, reset=30", "default;r=0", "default;t=9", "r=0;t=9"),
    *("default;r=-1;t=9", "default;r=0;t=-9", "default;r=nan;t=9", "default;r=0;t=nan"),
    *("default;r=inf;t=9", "default;r=0;t=inf", "default;r=0x0;t=9", "default;r=0;t=1e9"),
    *("default;r=\u0660;t=\u0669", "default;r=\uff10;t=\uff19", "default;r=0,t=9"),
    *("default;r=0;t=99999999", "default;r=0;t=" + "9" * 400, "default;r=0;t=9" + "9" * 50_000),
    *("default;r=0;t=9.", "default;r=.0;t=9", "default;r=1_0;t=9", "default;r=0 0;t=9"),
    *("a" * 100_000, "a;" * 50_000, ";" * 100_000, " " * 100_000, "a=" * 50_000, '"' * 100_000),
    *("a;b=" + " " * 100_000 + "c", ("a;r=" + "0" * 50) * 2_000, "a;" + "\t=" * 50_000),
]


@pytest.mark.parametrize(
    ("header", "name"),
    combined([(header,) for header in GARBAGE], ["Ratelimit", "Ratelimit-Policy"]),
    ids=lambda text: repr(text[:30]),
)
def test_a_malformed_header_is_no_limit(clock: VirtualTime, header: str, name: str) -> None:
    limiter = RateLimiter(0.5, patience=0)
    # A limit read from one of them would be smaller. A long header takes long to read.
    most = 60 if len(header) < 1000 else 5
    assert sent_at_once(limiter, {**reported(1000, 300), name: header}, most=most) == most


@examples(20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 429, 502]),
            st.fixed_dictionaries(
                {},
                optional={
                    "Retry-After": st.text(max_size=50) | st.integers(0, 100).map(str),
                    **dict.fromkeys(
                        ("Ratelimit", "Ratelimit-Policy"),
                        st.text(max_size=50)
                        | st.from_regex(
                            r'"?\w*"?(; ?[rtqw] ?= ?[-0-9.e]{0,12}){0,3}(, ?a;r=\d+;t=\d{1,4})?'
                        ),
                    ),
                },
            ),
        )
        | st.none(),
        max_size=8,
    ),
    st.floats(0.001, 1),
    st.integers(0, 20),
)
def test_all_requests_are_granted_with_any_headers(
    responses: list[tuple[int, Headers] | None], share: float, expected: int
) -> None:
    with virtual_time() as clock:
        limiter = RateLimiter(share, patience=86400 * 2)
        limiter.expect(expected)
        for response in responses:
            status, headers = response or (None, None)
            request(limiter, headers, status)
        assert clock.now - 1000 <= 86400.0 * len(responses)
        assert limiter.waited == pytest.approx(clock.now - 1000)


# Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("0", 0), ("7", 7), (" 300 ", 300), ("0.5", 0.5), ("007", 7), ("80000", 80000)),
        *(("9" * 400, INFINITE), ("9" * 100_000, INFINITE)),
        ("Thu, 01 Jan 1970 00:20:00 GMT", 200),
        # A zone is required; without one GMT is assumed.
        ("Thu, 01 Jan 1970 00:20:00", 200),
        ("Thu, 01 Jan 1970 01:20:00 +0100", 200),
        # The older formats of RFC 9110.
        ("Thursday, 01-Jan-70 00:20:00 GMT", 200),
        ("Thu Jan  1 00:20:00 1970", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", INFINITE),
        (f"Fri, 31 Dec {'9' * 20} 23:59:59 GMT", INFINITE),
        *((value, None) for value in ("", " ", "-", "-5", "soon", "1e3", "nan", "inf", "0x10")),
        *((value, None) for value in ("7 s", "7, 8", "\u0667", "\uff17", "\0", "1_0", ".5", "5.")),
        ("Tue, 99 Foo 2026 99:99:99 GMT", None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_retry_after(clock: VirtualTime, value: str, seconds: float | None) -> None:
    # In virtual time it is 1000 s after 1970 began.
    assert retry_after({"Retry-After": value}) == seconds


def test_no_retry_after() -> None:
    assert retry_after({}) is None


def test_retry_after_as_a_date_in_real_time() -> None:
    date = datetime.now(timezone.utc) + timedelta(seconds=1000)
    seconds = retry_after({"Retry-After": format_datetime(date, usegmt=True)})
    assert seconds is not None
    assert 0 < seconds <= 1000


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, ?\d* [A-Z][a-z]{2} \d* [0-9:]* ?\S*"))
def test_any_retry_after_is_read(value: str) -> None:
    seconds = retry_after({"Retry-After": value})
    assert seconds is None or seconds >= 0
