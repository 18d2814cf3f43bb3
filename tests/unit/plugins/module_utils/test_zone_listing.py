# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones that a credential may see: what is asked for, and what is made of the answers."""

from __future__ import annotations

import contextlib
import itertools
import threading
import typing as t
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    MalformedResponse,
    RequestError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._zones import (
    LISTINGS,
    Selection,
    Zones,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    Call,
    failure,
    network,
    response,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.zone_pages import (
    CUT_SHORT,
    CUT_SHORT_IS_TOLD,
    OTHER_ACCOUNT,
    listing,
    page,
    pages_of,
    zone,
    zone_id,
)

CONNECTION = {
    **{name: argument.get("default") for name, argument in _arguments.CONNECTION.items()},
    "api_token": TOKEN,
}
# Seconds; only a test that fails waits for so long.
WAIT = 30
FILTERS = ("account_ids", "statuses", "names", "plans")


class Listed(t.NamedTuple):
    """The names of the zones that were listed, and what was warned of."""

    names: list[str]
    warnings: list[str]


def select(*, concurrency: int = 1, **options: t.Any) -> Listed:
    """List the zones that options select."""
    warnings: list[str] = []
    client = Client.from_options(CONNECTION, redact=lambda text: text.replace(TOKEN, "***"))
    given = {**dict.fromkeys(FILTERS), **options}
    zones = Zones(client, warn=warnings.append, concurrency=concurrency)
    found = zones.select(Selection.of(given))
    return Listed([each.name for each in found], warnings)


def named(*numbers: int) -> list[str]:
    """Return the names of zones by their numbers."""
    return [f"zone-{number}.example" for number in numbers]


def test_variables_of_a_zone() -> None:
    client = Client.from_options(CONNECTION, redact=str)
    with network(listing(page(zone()))):
        (found,) = Zones(client, warn=pytest.fail).select(Selection())
    assert found._asdict() == {
        "id": zone_id(1),
        "name": "zone-1.example",
        "status": "active",
        "paused": False,
        "type": "full",
        "plan": "Enterprise Website",
        "plan_id": "enterprise",
        "account_id": ACCOUNT,
        "account_name": "Edge Ops, Inc.",
        "name_servers": ["bob.ns.cloudflare.com", "lola.ns.cloudflare.com"],
    }


def test_fields_of_another_kind_are_left_out() -> None:
    odd = zone(
        status=1, paused="no", type={}, plan="x", account=[], name_servers=[None, "a.example"]
    )
    client = Client.from_options(CONNECTION, redact=str)
    with network(listing(page(odd))):
        (found,) = Zones(client, warn=pytest.fail).select(Selection())
    assert found[2:] == (None, None, None, None, None, None, None, ["a.example"])


def test_zones_are_in_the_order_of_their_names() -> None:
    twins = [zone(3, name="b.example"), zone(2, name="b.example")]
    client = Client.from_options(CONNECTION, redact=str)
    with network(listing(page(*twins, zone(4, name="a.example")))):
        found = Zones(client, warn=pytest.fail).select(Selection())
    assert [each.id for each in found] == [zone_id(4), zone_id(2), zone_id(3)]


@pytest.mark.parametrize(
    ("second", "totals"),
    [
        # One was added, so one that was seen moved to the next page; or to a page of its own.
        ([2, 3], [3, 4]),
        ([2, 3], [4, 4]),
        ([2, 3], [..., ...]),
        # One was removed, so that one moved to the page that had been read.
        ([4], [4, 3]),
        # As many were removed as added.
        ([4], [4, 4]),
        # So many were removed that there is no second page any more.
        ([], [..., ...]),
        ([], [4, 2]),
    ],
)
def test_zones_that_move_while_they_are_listed(second: list[int], totals: list[t.Any]) -> None:
    with network(*pages_of([1, 2], second, totals=totals), *pages_of([1, 2], [3, 4])):
        listed = select()
    assert listed.names == named(1, 2, 3, 4)
    assert listed.warnings == []


def test_zones_that_keep_moving() -> None:
    moving = [pages_of([1, 2], [2, number], totals=[3, 4]) for number in (3, 4, 5)]
    with network(*moving[0], *moving[1], *moving[2]):
        listed = select()
    # None twice, none that was not listed in the end.
    assert listed.names == named(1, 2, 5)
    assert listed.warnings == [
        "zones were added or removed during each of 3 listings; a zone may be missing, run again"
    ]


def test_zones_are_listed_again_when_there_are_fewer_pages() -> None:
    first = listing(page(zone(1), pages=3, total=2))
    second = listing(page(zone(2), number=2, pages=2, total=2), 2)
    third = listing(page(number=3, pages=2, total=2), 3)
    with network(first, second, third, *pages_of([1], [2])):
        assert select() == (named(1, 2), [])


def test_pages_after_an_empty_one_are_not_requested() -> None:
    def calls() -> list[Call]:
        first = listing(page(zone(1), pages=10000, total=1))
        return [first, listing(page(number=2, pages=10000, total=1), 2)]

    again = [call for _listing in range(LISTINGS) for call in calls()]
    with network(*again):
        listed = select()
    assert listed.names == named(1)
    assert [warning.partition(";")[0] for warning in listed.warnings] == [
        "zones were added or removed during each of 3 listings"
    ]


@contextlib.contextmanager
def server(respond: t.Callable[[dict[str, str]], requests.Response]) -> t.Iterator[None]:
    """Answer each request by its query, in as many threads as there are requests."""

    def send(_adapter: object, request: requests.PreparedRequest, **_: t.Any) -> requests.Response:
        answer = respond(dict(parse_qsl(urlsplit(str(request.url)).query)))
        answer.request, answer.url = request, str(request.url)
        return answer

    with mock.patch("requests.adapters.HTTPAdapter.send", autospec=True, side_effect=send):
        yield


@pytest.mark.parametrize("order", list(itertools.permutations((2, 3, 4))))
def test_zones_are_the_same_whatever_order_their_pages_arrive_in(order: tuple[int, ...]) -> None:
    arrived = [threading.Event() for _number in order]

    def respond(query: dict[str, str]) -> requests.Response:
        number = int(query["page"])
        if number > 1:
            position = order.index(number)
            assert position == 0 or arrived[position - 1].wait(WAIT)
            arrived[position].set()
        zones = zone(number), zone(number + 10)
        return page(*zones, number=number, pages=4, total=8)

    with server(respond):
        assert select(concurrency=3) == (sorted(named(1, 2, 3, 4, 11, 12, 13, 14)), [])


def test_pages_are_requested_concurrently() -> None:
    # No page arrives before three are requested.
    barrier = threading.Barrier(3, timeout=WAIT)
    lock = threading.Lock()
    under_way: list[int] = []
    most = 0

    def respond(query: dict[str, str]) -> requests.Response:
        nonlocal most
        number = int(query["page"])
        with lock:
            under_way.append(number)
            most = max(most, len(under_way))
        if number > 1:
            barrier.wait()
        with lock:
            under_way.remove(number)
        return page(zone(number), number=number, pages=7, total=7)

    with server(respond):
        assert select(concurrency=3) == (named(*range(1, 8)), [])
    assert most == 3


def test_names_are_requested_concurrently() -> None:
    barrier = threading.Barrier(2, timeout=WAIT)

    def respond(query: dict[str, str]) -> requests.Response:
        barrier.wait()
        return page(zone(int(query["name"][5])))

    with server(respond):
        assert select(concurrency=10, names=named(1, 2)) == (named(1, 2), [])


def test_no_more_pages_are_requested_after_an_error() -> None:
    first = listing(page(zone(1), pages=400, total=20000))
    refused = listing(failure(403, 9109, "Invalid access token"), 2)
    with network(first, refused), pytest.raises(RequestError, match="HTTP 403"):
        select()


SELECTED = f"account.id={ACCOUNT}&"


@pytest.mark.parametrize(
    ("options", "queries"),
    [
        ({"account_ids": [ACCOUNT]}, [SELECTED]),
        ({"account_ids": [ACCOUNT.upper()]}, [SELECTED]),
        (
            {"account_ids": [ACCOUNT, OTHER_ACCOUNT, ACCOUNT]},
            [SELECTED, f"account.id={OTHER_ACCOUNT}&"],
        ),
        ({"statuses": ["active"]}, ["status=active&"]),
        ({"statuses": ["pending", "active"]}, ["status=pending&", "status=active&"]),
        (
            {"account_ids": [ACCOUNT], "statuses": ["active"]},
            [f"{SELECTED}status=active&"],
        ),
        ({"names": ["Zone-1.example"]}, ["name=zone-1.example&"]),
        # By name there is one zone to find: its status is looked at here.
        (
            {"names": ["zone-1.example"], "statuses": ["active", "pending"]},
            ["name=zone-1.example&"],
        ),
        (
            {"account_ids": [ACCOUNT], "names": ["zone-1.example"]},
            [f"{SELECTED}name=zone-1.example&"],
        ),
        (
            {"names": ["zone-1.example", "z\u00f6ne.example"]},
            ["name=zone-1.example&", "name=z%C3%B6ne.example&"],
        ),
        ({"plans": ["enterprise"]}, [""]),
        ({"plans": ["Enterprise Website"]}, [""]),
        ({"account_ids": None, "names": None, "plans": None, "statuses": None}, [""]),
    ],
)
def test_filters(options: dict[str, t.Any], queries: list[str]) -> None:
    # What is wanted, and what is not: an API that knows no such filter would give it.
    others = {"status": "moved", "name": "b.example", "plan": {"name": "Free"}}
    found = page(zone(1), zone(2, account={"id": "0" * 32}, **others))
    answers = [found, *(page() for _query in queries[1:])]
    with network(*[listing(answer, query=query) for answer, query in zip(answers, queries)]):
        listed = select(**options)
    assert listed.names == (named(1) if any(options.values()) else ["b.example", *named(1)])


@pytest.mark.parametrize("option", FILTERS)
def test_an_empty_list_does_not_mean_all(option: str) -> None:
    with network(), pytest.raises(InvalidInput) as caught:
        select(**{option: []})  # type: ignore[arg-type]
    assert str(caught.value) == f"{option}: must not be an empty list; omit it to select all"


IDS = "account_ids: must be a list of ids of 32 hexadecimal digits"
NAMES = "names: must be a list of zone names, such as example.com"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"account_ids": ["1234"]}, IDS),
        ({"account_ids": [ACCOUNT, f"{ACCOUNT}&x=1"]}, IDS),
        ({"account_ids": [""]}, IDS),
        ({"names": ["contains:example"]}, NAMES),
        ({"names": ["a.example,b.example"]}, NAMES),
        ({"names": ["zone-1.example", "two words"]}, NAMES),
        ({"names": ["a..example"]}, NAMES),
        ({"names": ["a" * 254]}, NAMES),
    ],
)
def test_invalid_selections_are_rejected(options: dict[str, t.Any], said: str) -> None:
    with network(), pytest.raises(InvalidInput) as caught:
        select(**options)
    assert str(caught.value) == said


def test_the_longest_name_is_requested() -> None:
    name = "a" * 253
    with network(listing(page(zone(name=name)), query=f"name={name}&")):
        assert select(names=[name]).names == [name]


def test_a_name_that_is_not_found_is_warned_of() -> None:
    wanted = ["zone-1.example", "missing.example"]
    with network(
        listing(page(zone(1)), query="name=zone-1.example&"),
        listing(page(), query="name=missing.example&"),
    ):
        listed = select(names=wanted)
    assert listed.names == named(1)
    assert listed.warnings == ["names: zone missing.example was not found"]


QUERY = "GET /zones?page=1&per_page=50"
# Names that could be evaluated as an expression where a play uses `inventory_hostname`, and
# names that a terminal does not show as they are.
EXPRESSIONS = (
    r"lookup(*'pipe~id'.split('~'))",
    "x|list",
    "a[0]",
    "'a'",
    '"a"',
    "a/b",
    "a\\b",
    "a~b",
    "a=b",
    "$(id)",
    "`id`",
    "a;b",
    "a\u009bb",
    "a\u202eb",
)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            lambda: failure(403, 9109, "Invalid access token"),
            "Cloudflare answered HTTP 403: Invalid access token (code 9109)",
        ),
        (
            lambda: failure(400, 6003, "Invalid request headers"),
            "Cloudflare answered HTTP 400: Invalid request headers (code 6003)",
        ),
        (
            lambda: failure(200, 7003, "Could not route"),
            "Cloudflare answered HTTP 200: Could not route (code 7003)",
        ),
        (
            lambda: failure(404, 7003, "Could not route"),
            "Cloudflare answered HTTP 404: Could not route (code 7003)",
        ),
        (
            lambda: failure(500, 1000, "internal"),
            "Cloudflare answered HTTP 500: internal (code 1000)",
        ),
        (
            lambda: response(content=b"<html>", headers={"Content-Type": "text/html"}),
            "malformed response (HTTP 200): not a Cloudflare envelope but text/html: '<html>'",
        ),
        (lambda: response(content=CUT_SHORT), CUT_SHORT_IS_TOLD),
        (
            lambda: response(status=302, headers={"Location": "https://login.example/x"}),
            (
                "malformed response (HTTP 302): redirect to login.example not followed; check "
                "base_url"
            ),
        ),
        (lambda: success({"id": "x"}), "Cloudflare's response has no list of zones"),
        (lambda: success("zones"), "Cloudflare's response has no list of zones"),
        (lambda: page("zone"), "Cloudflare's response contains an entry that is not a zone"),
        (
            lambda: page(zone(), zone(id="1/../2")),
            "Cloudflare's response contains an entry that is not a zone",
        ),
        (lambda: page(zone(id=...)), "Cloudflare's response contains an entry that is not a zone"),
        (
            lambda: page(zone(name=None)),
            "Cloudflare's response contains an entry that is not a zone",
        ),
        (
            lambda: page(zone(name="../../x")),
            "Cloudflare's response contains an entry that is not a zone",
        ),
        (
            lambda: page(zone(name="{{ x }}")),
            "Cloudflare's response contains an entry that is not a zone",
        ),
        (
            lambda: page(zone(name="a{{x}}")),
            "Cloudflare's response contains an entry that is not a zone",
        ),
        *[
            (
                lambda name=name: page(zone(name=name)),
                "Cloudflare's response contains an entry that is not a zone",
            )
            for name in EXPRESSIONS
        ],
        (
            lambda: page(zone(name="a\nb")),
            "Cloudflare's response contains an entry that is not a zone",
        ),
        (lambda: page(page=2), "Cloudflare's response is page 2, but page 1 was requested"),
    ],
)
def test_errors_are_reported(answer: t.Callable[[], requests.Response], said: str) -> None:
    with network(listing(answer())), pytest.raises(RequestError) as caught:
        select()
    assert str(caught.value) == f"{QUERY} failed: {said}"
    assert caught.value.values["error"]["ray_id"] == "8f2c1d7e4a9b0c3d-FRA"
    assert caught.value.values["error"]["method"] == "GET"


@pytest.mark.parametrize(
    "info",
    [
        {"total_pages": ...},
        {"total_pages": None},
        {"total_pages": "2"},
        {"total_pages": True},
        {"total_pages": -1},
        {"total_pages": 10001},
        {"total_pages": 1e300},
    ],
)
def test_an_invalid_number_of_pages(info: dict[str, t.Any]) -> None:
    with network(listing(page(zone(), **info))), pytest.raises(MalformedResponse) as caught:
        select()
    assert str(caught.value) == (
        f"{QUERY} failed: Cloudflare's response has no total_pages from 0 to 10000"
    )


def test_no_word_about_pages() -> None:
    with (
        network(listing(success([zone()]))),
        pytest.raises(MalformedResponse, match="has no total_pages"),
    ):
        select()


@pytest.mark.parametrize("total", [None, "2", True, -1])
def test_an_invalid_number_of_zones_is_ignored(total: t.Any) -> None:
    calls = pages_of([1], [2], totals=[total, total])
    tries = 3 if total == -1 else 1
    more = [call for _again in range(tries - 1) for call in pages_of([1], [2], totals=[-1, -1])]
    with network(*calls, *more):
        assert select().names == named(1, 2)


@pytest.mark.parametrize("number", [None, "2", True, 1.0])
def test_an_invalid_page_number_is_ignored(number: t.Any) -> None:
    with network(listing(page(zone(), page=number))):
        assert select() == (named(1), [])


@pytest.mark.parametrize("result", [None, []])
def test_no_zone_at_all(result: t.Any) -> None:
    info = {"page": 1, "total_pages": 0, "total_count": 0}
    with network(listing(response({"success": True, "result": result, "result_info": info}))):
        assert select() == ([], [])


def test_quotes_in_an_error_are_masked() -> None:
    quoting = failure(403, 1, f"no {TOKEN}")
    with network(listing(quoting)), pytest.raises(RequestError) as caught:
        select()
    assert "HTTP 403: no *** (code 1)" in str(caught.value)


def test_a_page_is_requested_again_where_that_may_help() -> None:
    limited = failure(429, 10000, "slow down", {"Retry-After": "7"})
    with network(listing(limited), listing(response(status=503)), listing(page(zone()))) as net:
        assert select().names == named(1)
    assert net.pauses[0] == 7


def test_the_connection_is_as_the_options_say() -> None:
    options = {**CONNECTION, "ca_path": __file__, "timeout": 7.0, "rate_limit_retry_timeout": 6.0}
    client = Client.from_options(options, redact=str)
    limited = failure(429, 10000, "slow down", {"Retry-After": "7"})
    with network(listing(limited)) as net, pytest.raises(RequestError) as caught:
        Zones(client, warn=pytest.fail).select(Selection())
    assert "rate_limit_retry_timeout (6 s)" in str(caught.value)
    assert net.settings[0]["verify"] == __file__
    assert net.settings[0]["timeout"] == pytest.approx((7, 7), abs=1)
    headers = net.sent[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert str(headers["User-Agent"]).startswith("ansible-edgeops.cloudflare/")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("base_url", "http://api.example"),
        ("timeout", 0.09),
        ("rate_limit_retry_timeout", -0.1),
        ("ca_path", "/nowhere/ca.pem"),
        ("api_token", None),
    ],
)
def test_an_option_of_the_connection_that_cannot_be_right(option: str, value: t.Any) -> None:
    with pytest.raises(InvalidInput, match=f"^{option}: "):
        Client.from_options({**CONNECTION, option: value}, redact=str)


def test_the_minimum_times_are_accepted() -> None:
    Client.from_options({**CONNECTION, "timeout": 0.1, "rate_limit_retry_timeout": 0.0}, redact=str)


def test_a_client_of_a_dry_run_writes_nothing() -> None:
    with network():
        client = Client.from_options(CONNECTION, redact=str, check_mode=True)
        assert client.write("POST", "/zones", {}, idempotent=False) is None
    written = Call("POST", "/zones", {}, success("x"))
    with network(written):
        client = Client.from_options(CONNECTION, redact=str)
        response = client.write("POST", "/zones", {}, idempotent=False)
    assert response is not None
    assert response.result == "x"
