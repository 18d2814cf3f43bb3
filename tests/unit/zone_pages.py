# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones, and pages of them, as Cloudflare's API answers."""

from __future__ import annotations

import typing as t

import requests

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ACCOUNT, Call, response

OTHER_ACCOUNT = "f" * 32
# An answer that breaks off, and what is said of it.
CUT_SHORT = b'{"result": [{"id": "0'
CUT_SHORT_IS_TOLD = (
    "malformed response (HTTP 200): not a Cloudflare envelope but application/json: JSON that is "
    "incomplete, nested too deeply or of another structure"
)


def zone_id(number: int) -> str:
    """Return the id of a zone."""
    return f"{number:032x}"


def zone(number: int = 1, **changes: t.Any) -> dict[str, t.Any]:
    """Return a zone as the API shows it, with changes; an ellipsis leaves a property out."""
    properties = {
        "id": zone_id(number),
        "name": f"zone-{number}.example",
        "status": "active",
        "paused": False,
        "type": "full",
        "development_mode": 0,
        "name_servers": ["bob.ns.cloudflare.com", "lola.ns.cloudflare.com"],
        "account": {"id": ACCOUNT, "name": "Edge Ops, Inc."},
        "plan": {
            "id": "94f3b7b768b0458b56d2cac4fe5ec0f9",
            "name": "Enterprise Website",
            "legacy_id": "enterprise",
        },
        **changes,
    }
    return {name: value for name, value in properties.items() if value is not ...}


def page(
    *zones: t.Any, number: int = 1, pages: int = 1, total: int | None = None, **info: t.Any
) -> requests.Response:
    """Return the API's answer to a request for a page."""
    told = {
        "page": number,
        "per_page": 50,
        "count": len(zones),
        "total_count": len(zones) if total is None else total,
        "total_pages": pages,
        **info,
    }
    told = {name: value for name, value in told.items() if value is not ...}
    body = {"success": True, "errors": [], "messages": [], "result": list(zones)}
    return response({**body, "result_info": told})


def listing(answer: requests.Response | Exception, number: int = 1, query: str = "") -> Call:
    """Return the request for a page, and its answer."""
    return Call("GET", f"/zones?{query}page={number}&per_page=50", None, answer)


def pages_of(*pages: list[int], totals: list[t.Any] | None = None) -> list[Call]:
    """Return the requests of a listing; each page is given by the numbers of its zones."""
    count = sum(map(len, pages))
    totals = totals or [count] * len(pages)
    return [
        listing(
            page(*map(zone, numbers), number=number, pages=len(pages), total_count=total), number
        )
        for number, (numbers, total) in enumerate(zip(pages, totals), 1)
    ]
