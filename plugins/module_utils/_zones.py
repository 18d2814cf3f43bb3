# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones that a credential may see. Knows Cloudflare's API, but not Ansible."""

from __future__ import annotations

import itertools
import re
import typing as t
from urllib.parse import urlencode

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    ApiResponse,
    Client,
    field,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

STATUSES = ("active", "initializing", "moved", "pending")
# The most that the API gives at once.
PER_PAGE = 50
# Half a million zones.
MOST_PAGES = 10000
# How often zones are listed while they keep changing.
LISTINGS = 3

_ID = re.compile(r"[0-9a-fA-F]{32}")
# Nothing that is more than a name: the API takes a colon for an operator (`contains:`), Ansible
# looks for files by a host's name, and takes some signs for a template.
_NAME = re.compile(r"(?!.*\.\.)[^\s:,{}#%]{1,253}")


class Zone(t.NamedTuple):
    """A zone as Cloudflare shows it; all but ``id`` and ``name`` may be missing."""

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
        """Take an entry of the API's list for a zone, or return None where it is none."""
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


class Selection(t.NamedTuple):
    """Which zones are wanted; what is empty selects nothing out."""

    account_ids: t.Sequence[str] = ()
    statuses: t.Sequence[str] = ()
    names: t.Sequence[str] = ()
    plans: t.Sequence[str] = ()

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any]) -> Selection:
        """Return what the options select, or raise ``InvalidInput``."""
        ids = _chosen(options, "account_ids")
        if not all(map(_ID.fullmatch, ids)):
            raise InvalidInput("account_ids", "has to be a list of ids of 32 hexadecimal digits")
        names = _chosen(options, "names")
        if not all(map(_NAME.fullmatch, names)):
            raise InvalidInput("names", "has to be a list of names of zones, such as example.com")
        return cls(ids, _chosen(options, "statuses"), names, _chosen(options, "plans"))

    def queries(self) -> t.Iterator[dict[str, str]]:
        """Yield what to ask the API for; together it is all that is wanted, and maybe more."""
        # By name there is hardly more to find than is wanted; the status is looked at here.
        statuses = [] if self.names else self.statuses
        for choice in itertools.product(
            _or_any(self.account_ids), _or_any(self.names), _or_any(statuses)
        ):
            parameters = zip(("account.id", "name", "status"), choice)
            yield {parameter: value for parameter, value in parameters if value is not None}

    def takes(self, zone: Zone) -> bool:
        """Tell whether a zone is wanted, also where the API gave more than was asked for."""
        plans = [plan.lower() for plan in (zone.plan_id, zone.plan) if plan]
        return (
            (not self.account_ids or str(zone.account_id).lower() in self.account_ids)
            and (not self.statuses or zone.status in self.statuses)
            and (not self.names or zone.name.lower() in self.names)
            and (not self.plans or any(plan in self.plans for plan in plans))
        )


class _Page(t.NamedTuple):
    """One page of a list: its zones, and how many pages and zones there are now."""

    zones: t.Sequence[Zone]
    pages: int
    total: int | None


class Zones:
    """The zones that a credential may see; ``warn`` is told what is worth knowing."""

    def __init__(self, client: Client, *, warn: t.Callable[[str], None]) -> None:
        self._client = client
        self._warn = warn

    def select(self, selection: Selection) -> list[Zone]:
        """Return the zones that are wanted, by name and id, each once."""
        found: dict[str, Zone] = {}
        for query in selection.queries():
            found.update(self._list(query))
        zones = [zone for zone in found.values() if selection.takes(zone)]
        seen = {zone.name.lower() for zone in zones}
        for name in selection.names:
            if name not in seen:
                self._warn(f"names: no zone {name} was found among those asked for")
        return sorted(zones, key=lambda zone: (zone.name, zone.id))

    def _list(self, query: dict[str, str]) -> dict[str, Zone]:
        """Return all zones of one query by id.

        Where one is added or removed in the meantime, the others move to other pages and one of
        them may be missed: then all are listed again.
        """
        for tries in itertools.count(1):
            found, settled = self._list_once(query)
            if settled or tries == LISTINGS:
                break
        if not settled:
            self._warn(
                f"zones were added or removed while they were listed, {LISTINGS} times: "
                "one of them may be missing"
            )
        return found

    def _list_once(self, query: dict[str, str]) -> tuple[dict[str, Zone], bool]:
        """Return what all pages hold, and whether nothing has moved in the meantime."""
        found: dict[str, Zone] = {}
        listed = 0
        first = page = self._page(query, 1)
        for number in itertools.count(2):
            found.update((zone.id, zone) for zone in page.zones)
            listed += len(page.zones)
            if number > page.pages or not page.zones:
                break
            page = self._page(query, number)
        settled = (
            first.total == page.total
            and len(found) == listed
            and page.total in (None, listed)
            and (bool(page.zones) or listed == 0)
        )
        return found, settled

    def _page(self, query: dict[str, str], number: int) -> _Page:
        parameters = urlencode({**query, "page": number, "per_page": PER_PAGE})

        return _read_page(self._client.read("GET", f"/zones?{parameters}"), number)


def _read_page(response: ApiResponse, number: int) -> _Page:
    # None is an empty list, as APIs that are written in Go tell it.
    entries = [] if response.result is None else response.result
    info = response.result_info
    if not isinstance(entries, list):
        raise response.malformed("does not list zones")
    zones = [zone for zone in map(Zone.of, entries) if zone is not None]
    if len(zones) < len(entries):
        raise response.malformed("holds an entry that is no zone")
    pages, page = _number(info, "total_pages"), _number(info, "page")
    if pages is None or not 0 <= pages <= MOST_PAGES:
        raise response.malformed(
            "does not say how many pages of zones there are, or no sane number"
        )
    if page not in (None, number):
        raise response.malformed(f"is page {page} of the zones, not page {number}")
    return _Page(zones, pages, _number(info, "total_count"))


def _number(info: t.Any, name: str) -> int | None:
    """Return a number; to Python, true and false are some too."""
    number = field(info, name, int)
    return None if isinstance(number, bool) else number


def _chosen(options: t.Mapping[str, t.Any], name: str) -> list[str]:
    """Return the values of an option once each, in lower case, as the API compares them."""
    values = options[name]
    if values is None:
        return []
    if not values:
        raise InvalidInput(name, "is an empty list; leave it out if all are meant")
    return list(dict.fromkeys(value.lower() for value in values))


def _or_any(values: t.Sequence[str]) -> t.Sequence[str | None]:
    return values or [None]
