# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones that a credential can read. Knows Cloudflare's API, but not Ansible."""

from __future__ import annotations

import itertools
import re
import threading
import typing as t
from urllib.parse import urlencode

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    ApiResponse,
    Client,
    field,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)

STATUSES = ("active", "initializing", "moved", "pending")
# The maximum that the API returns at once.
PER_PAGE = 50
# Half a million zones.
MOST_PAGES = 10000
# How many times zones are listed while they keep changing.
LISTINGS = 3

_ID = re.compile(r"[0-9a-fA-F]{32}")
# A domain name becomes a host name, which Ansible uses in paths and in its own trusted variable
# `inventory_hostname`. So of ASCII only what cannot form a call in an expression, a path or an
# operator of the API (`contains:`), and beyond it no white space, control or bidi characters.
_NAME = re.compile(r"(?!.*\.\.)(?:[\w.-]|[^\x00-\x9f\s\u202a-\u202e\u2066-\u2069]){1,253}")


class Zone(t.NamedTuple):
    """A zone as Cloudflare returns it; only ``id`` and ``name`` are always there."""

    id: str
    name: str
    status: str | None = None
    paused: bool | None = None
    type: str | None = None
    plan: str | None = None
    plan_id: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    name_servers: t.Sequence[str] = ()

    @classmethod
    def of(cls, result: t.Any) -> Zone | None:
        """Return the zone that an entry of the API's list describes, or None if it does not."""
        name, zone_id = field(result, "name", str), field(result, "id", str)
        if not (name and zone_id and _NAME.fullmatch(name) and _ID.fullmatch(zone_id)):
            return None
        plan, account = field(result, "plan", dict), field(result, "account", dict)
        servers = field(result, "name_servers", list) or []
        return cls(
            id=zone_id,
            name=name,
            status=field(result, "status", str),
            paused=field(result, "paused", bool),
            type=field(result, "type", str),
            plan=field(plan, "name", str),
            plan_id=field(plan, "legacy_id", str),
            account_id=field(account, "id", str),
            account_name=field(account, "name", str),
            name_servers=[each for each in servers if isinstance(each, str)],
        )

    @classmethod
    def of_dict(cls, values: t.Any) -> Zone | None:
        """Return the zone that ``_asdict`` made these values of, or None if it did not."""
        if not isinstance(values, dict) or set(values) != set(cls._fields):
            return None
        plan = {"name": values["plan"], "legacy_id": values["plan_id"]}
        account = {"name": values["account_name"], "id": values["account_id"]}
        return cls.of({**values, "plan": plan, "account": account})


class Selection(t.NamedTuple):
    """Which zones to list; an empty filter excludes none."""

    account_ids: t.Sequence[str] = ()
    statuses: t.Sequence[str] = ()
    names: t.Sequence[str] = ()
    plans: t.Sequence[str] = ()

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any]) -> Selection:
        """Return the filters of the options, or raise ``InvalidInput``."""
        ids = _chosen(options, "account_ids")
        if not all(map(_ID.fullmatch, ids)):
            raise InvalidInput("account_ids", "must be a list of ids of 32 hexadecimal digits")
        names = _chosen(options, "names")
        if not all(map(_NAME.fullmatch, names)):
            raise InvalidInput("names", "must be a list of zone names, such as example.com")
        return cls(ids, _chosen(options, "statuses"), names, _chosen(options, "plans"))

    def queries(self) -> t.Iterator[dict[str, str]]:
        """Yield the queries that together return all selected zones, and maybe others."""
        # A name has very few zones, so `takes` filters by status.
        statuses = [] if self.names else self.statuses
        for choice in itertools.product(
            _or_any(self.account_ids), _or_any(self.names), _or_any(statuses)
        ):
            parameters = zip(("account.id", "name", "status"), choice)
            yield {parameter: value for parameter, value in parameters if value is not None}

    def takes(self, zone: Zone) -> bool:
        """Return whether a zone is selected; the API may return others too."""
        plans = [plan.lower() for plan in (zone.plan_id, zone.plan) if plan]
        return (
            (not self.account_ids or str(zone.account_id).lower() in self.account_ids)
            and (not self.statuses or zone.status in self.statuses)
            and (not self.names or zone.name.lower() in self.names)
            and (not self.plans or any(plan in self.plans for plan in plans))
        )


class _Page(t.NamedTuple):
    """One page of a list: its zones, and the numbers of pages and zones at that moment."""

    zones: t.Sequence[Zone]
    pages: int
    total: int | None


class _Listing:
    """The pages of one query; they may arrive in any order."""

    def __init__(self, query: t.Mapping[str, str]) -> None:
        self._query = query
        self._pages: dict[int, _Page] = {}
        self._end = MOST_PAGES + 1

    def path(self, number: int) -> str:
        """Return the path of a page."""
        parameters = urlencode({**self._query, "page": number, "per_page": PER_PAGE})
        return f"/zones?{parameters}"

    def add(self, number: int, page: _Page) -> None:
        """Add a page that has arrived."""
        self._pages[number] = page
        if not page.zones:
            self._end = min(self._end, number)

    def needs(self, number: int) -> bool:
        """Return whether a page is still needed: not if an earlier one is empty."""
        return number < self._end

    def later_pages(self) -> range:
        """Return the numbers of the pages that follow the first one."""
        return range(2, self._pages[1].pages + 1)

    def zones(self) -> dict[str, Zone]:
        """Return the zones by id, whatever order their pages arrived in."""
        return {zone.id: zone for page in self._read() for zone in page.zones}

    def is_consistent(self) -> bool:
        """Return whether no zone was added, removed or moved while the pages were requested."""
        first, pages = self._pages[1], self._read()
        listed = sum(len(page.zones) for page in pages)
        return (
            all(page[1:] == first[1:] for page in pages)
            and len(self.zones()) == listed
            and first.total in (None, listed)
            and (bool(pages[-1].zones) or listed == 0)
        )

    def _read(self) -> list[_Page]:
        """Return the pages in order, up to the first empty one."""
        pages = []
        for number in sorted(self._pages):
            pages.append(self._pages[number])
            if not pages[-1].zones:
                break
        return pages


class Zones:
    """The zones that a credential can read. ``warn`` receives warnings.

    At most ``concurrency`` pages are requested at the same time.
    """

    def __init__(
        self, client: Client, *, warn: t.Callable[[str], None], concurrency: int = 1
    ) -> None:
        self._client = client
        self._warn = warn
        self._concurrency = concurrency

    def select(self, selection: Selection) -> list[Zone]:
        """Return the selected zones, each once, ordered by name and id."""
        found: dict[str, Zone] = {}
        for zones in self._list(list(selection.queries())):
            found.update(zones)
        selected = [zone for zone in found.values() if selection.takes(zone)]
        seen = {zone.name.lower() for zone in selected}
        for name in selection.names:
            if name not in seen:
                self._warn(f"names: zone {name} was not found")
        return sorted(selected, key=lambda zone: (zone.name, zone.id))

    def _list(self, queries: t.Sequence[dict[str, str]]) -> list[dict[str, Zone]]:
        """Return the zones of each query by id.

        When a zone is added or removed meanwhile, others move between pages and one of them may
        be missed. Such a query is listed again.
        """
        found: dict[int, dict[str, Zone]] = {}
        pending = list(range(len(queries)))
        for _attempt in range(LISTINGS):
            listings = {number: _Listing(queries[number]) for number in pending}
            self._fetch([(listing, 1) for listing in listings.values()])
            self._fetch([(each, page) for each in listings.values() for page in each.later_pages()])
            found.update({number: listing.zones() for number, listing in listings.items()})
            pending = [number for number in pending if not listings[number].is_consistent()]
            if not pending:
                break
        if pending:
            self._warn(
                f"zones were added or removed during each of {LISTINGS} listings; a zone may be "
                "missing, run again"
            )
        return [found[number] for number in range(len(queries))]

    def _fetch(self, pages: t.Sequence[tuple[_Listing, int]]) -> None:
        """Request pages concurrently. Raise the error of the first page that failed."""
        self._client.rate_limiter.expect(len(pages))
        failed = threading.Event()

        def fetch(wanted: tuple[_Listing, int]) -> None:
            listing, number = wanted
            if failed.is_set() or not listing.needs(number):
                return
            try:
                listing.add(number, self._page(listing.path(number), number))
            except CloudflareError:
                failed.set()
                raise

        threads = max(1, min(self._concurrency, len(pages)))
        for outcome in run_concurrently(fetch, pages, threads):
            if isinstance(outcome, CloudflareError):
                raise outcome

    def _page(self, path: str, number: int) -> _Page:
        return _read_page(self._client.read("GET", path), number)


def _read_page(response: ApiResponse, number: int) -> _Page:
    # An empty list may be null, as APIs written in Go return it.
    entries = [] if response.result is None else response.result
    info = response.result_info
    if not isinstance(entries, list):
        raise response.malformed("has no list of zones")
    zones = [zone for zone in map(Zone.of, entries) if zone is not None]
    if len(zones) < len(entries):
        raise response.malformed("contains an entry that is not a zone")
    pages, page = field(info, "total_pages", int), field(info, "page", int)
    if pages is None or not 0 <= pages <= MOST_PAGES:
        raise response.malformed(f"has no total_pages from 0 to {MOST_PAGES}")
    if page not in (None, number):
        raise response.malformed(f"is page {page}, but page {number} was requested")
    return _Page(zones, pages, field(info, "total_count", int))


def _chosen(options: t.Mapping[str, t.Any], name: str) -> list[str]:
    """Return the distinct values of an option in lower case, as the API compares them."""
    values = options[name]
    if values is None:
        return []
    if not values:
        raise InvalidInput(name, "must not be an empty list; omit it to select all")
    return list(dict.fromkeys(value.lower() for value in values))


def _or_any(values: t.Sequence[str]) -> t.Sequence[str | None]:
    return values or [None]
