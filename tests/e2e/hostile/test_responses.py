# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses that HTTP does not expect: none is ever taken for that of another request.

``make explore`` searches longer.
"""

from __future__ import annotations

import concurrent.futures
import gzip
import resource
import ssl
import time
import typing as t
from collections import Counter

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import RequestError
from e2e.conftest import EXPLORED
from e2e.hostile.raw_server import (
    DELAY,
    Proxy,
    RawServer,
    Reply,
    body_of,
    chunked,
    head,
    now,
    whole,
)

EXAMPLES = EXPLORED or 16
# In seconds: what needs no longer, on however busy a machine; and when something surely hangs.
TIMEOUT = 30.0
LONGEST = 60.0
TOKEN = "Vn3kQ8xYpB5tLw7RzJ2mHc4sDf6gKa9eUo1iXy0N"
MEBIBYTE = 1024 * 1024


def client_of(server: RawServer, **options: t.Any) -> Client:
    """Return a client of a server."""
    given_options = {
        "api_token": TOKEN,
        "api_email": None,
        "api_key": None,
        "base_url": server.base_url,
        "timeout": TIMEOUT,
        "rate_limit_retry_timeout": 0.0,
        "rate_limit_share": 1.0,
        "validate_certs": True,
        "ca_path": None,
        "concurrency": 4,
    }
    return Client.from_options({**given_options, **options}, redact=str)


Ways = t.Mapping[str, t.Callable[[int], Reply]]


def late(first: bytes, second: bytes) -> Reply:
    """Return a reply in two pieces."""
    return Reply([(0, first), (DELAY, second)])


def _informational() -> Ways:
    """Informational responses before and behind the final one, at once and later."""
    ways: dict[str, t.Callable[[int], Reply]] = {}
    for status in (100, 101, 102, 103, 199):
        early = head(status, "Link: </x>; rel=preload")
        ways[f"{status} before"] = lambda n, e=early: now(e + whole(n))  # type: ignore[misc]
        ways[f"{status} long before"] = lambda n, e=early: late(e, whole(n))  # type: ignore[misc]
        ways[f"{status} behind"] = lambda n, e=early: now(whole(n) + e)  # type: ignore[misc]
        ways[f"{status} long behind"] = lambda n, e=early: late(whole(n), e)  # type: ignore[misc]
    return ways


def _bodies_that_are_not_due() -> Ways:
    ways: dict[str, t.Callable[[int], Reply]] = {}
    for status in (204, 304):
        empty = head(status)
        ways[f"{status} with a body"] = lambda n, e=empty: now(e + body_of(n))  # type: ignore[misc]
        ways[f"{status} with a late body"] = lambda n, e=empty: late(  # type: ignore[misc]
            e, body_of(n)
        )
        ways[f"{status} with a late response"] = lambda n, e=empty: late(  # type: ignore[misc]
            e, whole(n)
        )
    return ways


REFUSED: Ways = {
    **{
        f"Content-Length {length!r}": lambda n, v=length: now(  # type: ignore[misc]
            head(200, f"Content-Length: {v}") + body_of(n)
        )
        for length in ("-1", "+5", "5, 6", "0x20", "many", "")
    },
    "two Content-Lengths": lambda n: now(whole(n, "Content-Length: 5")),
    "Content-Length and chunks": lambda n: now(
        chunked(n).replace(b"chunked", b"chunked\r\nContent-Length: 5")
    ),
    "unknown Transfer-Encoding": lambda n: now(chunked(n).replace(b"chunked", b"identity")),
    "a line that is not a header": lambda n: now(
        whole(n).replace(b"\r\n", b"\r\nno header\r\n", 1)
    ),
    "a chunk without a size": lambda n: now(chunked(n, " ")),
    "a chunk of negative size": lambda n: now(chunked(n, "-1")),
    "a body cut short": lambda n: now(whole(n)[:-5], ends=True),
    "chunks cut short": lambda n: now(chunked(n)[:-12], ends=True),
    "no status line": lambda n: now(b"garbage\r\n" + whole(n)),
    "no envelope": lambda n: now(head(200, "Content-Length: 6") + b"<html>" + whole(n + 1)),
    "compressed": lambda n: now(head(200, "Content-Encoding: gzip", "Content-Length: 3") + b"abc"),
    "closed at once": lambda n: now(b"", ends=True),
}
WHOLE: Ways = {
    "whole": lambda n: now(whole(n)),
    "slow": lambda n: Reply([(0.02, whole(n))]),
    "in chunks": lambda n: now(chunked(n)),
    "HTTP/1.0": lambda n: now(whole(n).replace(b"HTTP/1.1", b"HTTP/1.0", 1), ends=True),
    "until the end": lambda n: now(head(200) + body_of(n), ends=True),
    "Connection: close": lambda n: now(whole(n, "Connection: close"), ends=True),
}
FOLLOWED: Ways = {
    "doubled": lambda n: now(whole(n) * 2),
    "doubled later": lambda n: late(whole(n), whole(n)),
    "doubled in chunks": lambda n: now(chunked(n) * 2),
    "followed by that of another request": lambda n: now(whole(n) + whole(n + 1)),
    "followed by a part": lambda n: now(whole(n) + whole(n + 1)[:30]),
    "followed by garbage, and later by that of another request": lambda n: late(
        whole(n) + b"\0", whole(n + 1)
    ),
    "followed by garbage": lambda n: now(whole(n) + b"\0\r\n"),
    "followed by garbage later": lambda n: late(whole(n), b"\0\r\n"),
    "closed and followed": lambda n: now(whole(n, "Connection: close") + whole(n + 1), ends=True),
    "a body that is too long": lambda n: now(whole(n) + b" " * 7),
}
WAYS: Ways = {**WHOLE, **REFUSED, **FOLLOWED, **_informational(), **_bodies_that_are_not_due()}


def exchange(client: Client, number: int, method: str) -> int | None:
    """Send one request; return the number that its response is for, None where it failed."""
    try:
        if method == "GET":
            response = client.read("GET", f"/{number}")
        else:
            written = client.write("POST", f"/{number}", {"n": number}, idempotent=False)
            assert written is not None
            response = written
    except RequestError:
        return None
    return t.cast(int, response.field("id", int))


class Step(t.NamedTuple):
    """One request: its method, how it is replied to, and for how long its thread pauses first."""

    way: str
    method: str = "GET"
    pause: float = 0.0


Outcomes = t.Sequence[t.Sequence[bool]]


def check(threads: t.Sequence[t.Sequence[Step]], **options: t.Any) -> tuple[Outcomes, RawServer]:
    """Send the requests of several threads; return which of them succeeded.

    Fail where one gets the response of another, or where a POST arrives twice.
    """
    steps = {100 * i + j: step for i, row in enumerate(threads) for j, step in enumerate(row)}
    server = RawServer(lambda number: WAYS[steps[number].way](number), tls=options.pop("tls", None))
    started = options.pop("started", None)
    with server:
        if started is not None:
            started(server.port)
        client = client_of(server, concurrency=len(threads), **options)

        def work(row: int) -> list[tuple[int, int | None]]:
            done = []
            for number in range(100 * row, 100 * row + len(threads[row])):
                time.sleep(steps[number].pause)
                done.append((number, exchange(client, number, steps[number].method)))
            return done

        with concurrent.futures.ThreadPoolExecutor(len(threads)) as pool:
            rows = list(pool.map(work, range(len(threads))))
    wrong = [(n, got, steps[n]) for row in rows for n, got in row if got not in (None, n)]
    assert not wrong, f"responses of other requests: {wrong} of {steps}"
    twice = [n for (method, n), times in server.arrived.items() if method == "POST" and times > 1]
    assert not twice, f"sent twice: {twice}"
    return [[got is not None for _n, got in row] for row in rows], server


def around(way: str, method: str = "GET") -> list[Step]:
    """Return requests of which the second one gets such a response."""
    return [Step("whole"), Step(way, method), Step("slow"), Step("whole", "POST"), Step("slow")]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unexpected_response_spoils_no_other_request(method: str) -> None:
    outcomes, _server = check([around(way, method) for way in WAYS])
    for way, (first, second, *others) in zip(WAYS, outcomes):
        assert all([first, *others]), f"{way}: {outcomes}"
        assert second or way not in {*WHOLE, *FOLLOWED}, way


def test_a_broken_response_is_an_error() -> None:
    outcomes, _server = check([[Step(way)] for way in REFUSED])
    assert outcomes == [[False]] * len(REFUSED)


TLS_WAYS = ("doubled later", "doubled", "103 long before", "204 with a late response")


class Tls(t.NamedTuple):
    """A server's certificate, and who is to be trusted for it."""

    context: ssl.SSLContext
    ca_path: str


@pytest.fixture(scope="session", name="tls")
def fixture_tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Make a certificate for this machine, and for a host that only a proxy knows."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    authority.issue_cert("127.0.0.1", "api.example").configure_cert(context)
    return Tls(context, str(path))


def test_the_same_with_tls(tls: Tls) -> None:
    rows = [around(way) for way in TLS_WAYS]
    outcomes, server = check(rows, tls=tls.context, ca_path=tls.ca_path)
    assert all(first and all(others) for first, _second, *others in outcomes)
    _outcomes, server = check([[Step("slow")] * 5], tls=tls.context, ca_path=tls.ca_path)
    assert server.connections == 1


def test_the_same_through_a_proxy(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    host = "https://api.example"
    for rows, most in (([around(way) for way in TLS_WAYS], 20), ([[Step("slow")] * 5], 1)):
        with Proxy() as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            outcomes, server = check(
                rows, tls=tls.context, ca_path=tls.ca_path, base_url=host, started=proxy.lead_to
            )
        assert all(first and all(others) for first, _second, *others in outcomes)
        assert server.connections <= most


def test_a_connection_is_reused_while_all_is_well() -> None:
    outcomes, server = check([[Step("whole"), Step("in chunks"), Step("slow")] * 3])
    assert outcomes == [[True] * 9]
    assert server.connections == 1


def test_a_request_that_is_not_idempotent_gets_a_connection_of_its_own() -> None:
    outcomes, server = check([[Step("whole"), Step("whole", "POST"), Step("whole", "POST")]])
    assert outcomes == [[True] * 3]
    assert server.connections == 3


STEPS = st.builds(
    Step,
    way=st.sampled_from([*WAYS, *["whole", "slow", "in chunks"] * 4]),
    method=st.sampled_from(["GET", "GET", "GET", "POST"]),
    pause=st.sampled_from([0.0, 0.0, 0.01, DELAY, 1.2 * DELAY]),
)


@settings(
    max_examples=EXAMPLES,
    derandomize=not EXPLORED,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.lists(STEPS, min_size=2, max_size=5), min_size=1, max_size=6))
def test_no_sequence_of_responses_is_shifted(threads: list[list[Step]]) -> None:
    check(threads, timeout=0.8)


def test_informational_responses_without_end() -> None:
    with RawServer(lambda _n: now(head(100) * 100_000)) as server:
        began = time.monotonic()
        assert exchange(client_of(server), 1, "POST") is None
        assert time.monotonic() - began < LONGEST


@pytest.mark.parametrize(
    "content",
    [
        head(200) + b'{"success": true, "result": "' + b"x" * 40 * MEBIBYTE,
        head(200, f"Content-Length: {40 * MEBIBYTE}") + b" " * 40 * MEBIBYTE,
        head(200, "Transfer-Encoding: chunked") + b"-1\r\n" + b" " * 40 * MEBIBYTE,
        head(200, "Transfer-Encoding: chunked") + b"x" * 40 * MEBIBYTE,
        head(200) + b"[" * 15 * MEBIBYTE,
    ],
    ids=["endless", "Content-Length", "negative chunk", "endless chunk size", "nested"],
)
def test_memory_and_time_are_bounded(content: bytes) -> None:
    with RawServer(lambda _n: now(content, ends=True)) as server:
        client = client_of(server)
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        assert exchange(client, 1, "GET") is None
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert time.monotonic() - began < LONGEST
        assert grown < 64 * 1024


def test_a_doubly_compressed_response_is_not_unpacked() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 100 * MEBIBYTE))
    headers = ("Content-Encoding: gzip, gzip", f"Content-Length: {len(bomb)}")
    with RawServer(lambda _n: now(head(200, *headers) + bomb)) as server:
        client = client_of(server)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(RequestError, match="unexpected Content-Encoding gzip, gzip"):
            client.read("GET", "/1")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024


def test_a_response_that_drips_is_given_up_in_time() -> None:
    drip = Reply([(1, bytes([each])) for each in whole(1)])
    with RawServer(lambda _n: drip) as server:
        began = time.monotonic()
        assert exchange(client_of(server, timeout=3.0), 1, "GET") is None
        assert time.monotonic() - began < LONGEST
        assert server.arrived == Counter({("GET", 1): 1})
