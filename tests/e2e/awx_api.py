# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what the modules of awx.awx create, in the form of AWX's REST API.

It knows none of AWX's rules. So it shows that the modules accept their arguments, what they send,
and whether a second run sends anything; not whether AWX accepts it.
"""

from __future__ import annotations

import contextlib
import json
import re
import typing as t
from urllib.parse import parse_qsl, urlsplit

from e2e.json_server import JsonHandler, serving

Item = dict[str, t.Any]
Answer = tuple[int, Item | None]

_PATH = re.compile(r"/api/v2/(?P<endpoint>\w+)/(?:(?P<id>\d+)/(?:(?P<part>\w+)/)?)?$")
_UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
_ENCRYPTED = {"api_token", "password", "access_key_id", "secret_access_key"}


class Awx:
    """What was created, by endpoint; ``written`` are the requests that wrote."""

    def __init__(self) -> None:
        self.items: dict[str, dict[int, Item]] = {}
        self.parts: dict[tuple[str, int, str], t.Any] = {}
        self.written: list[str] = []
        self.secrets: list[Item] = []
        self._last_id = 0
        self.create("organizations", {"name": "Default"})
        self.create("credential_types", {"name": "Amazon Web Services"})

    def one(self, endpoint: str, name: str) -> Item:
        """Return the item of a name, or of an identifier."""
        items = self.items[endpoint].values()
        (found,) = [each for each in items if name in (each.get("name"), each.get("identifier"))]
        return found

    def linked(self, endpoint: str, name: str, part: str) -> list[str]:
        """Return the names of what is associated with an item."""
        key = (endpoint, self.one(endpoint, name)["id"], part)
        return [each.get("identifier", each.get("name")) for each in self.parts.get(key, [])]

    def create(self, endpoint: str, body: Item) -> Item:
        """Add an item."""
        self._last_id += 1
        url = f"/api/v2/{endpoint}/{self._last_id}/"
        related = {part: f"{url}{part}/" for part in ("survey_spec", "update")}
        item = {
            "id": self._last_id,
            "url": url,
            "type": _singular(endpoint),
            "related": related,
            "summary_fields": {},
            "scm_revision": "1",
            **body,
        }
        self.items.setdefault(endpoint, {})[self._last_id] = item
        return item

    def answer(self, method: str, url: str, body: Item) -> Answer:
        """Answer a request."""
        parsed = urlsplit(url)
        found = _PATH.match(parsed.path)
        assert found, url
        endpoint, number, part = found["endpoint"], int(found["id"] or 0), found["part"]
        if part == "update":
            # Of a project; it is no change.
            return 202, {"id": 1, "url": "/api/v2/project_updates/1/"}
        if endpoint == "project_updates":
            ended = {"finished": "2026-01-01T02:00:00Z", "failed": False, "status": "successful"}
            return 200, {**ended, "scm_revision": "1"}
        if method != "GET":
            self.written.append(f"{method} {parsed.path}")
        if part:
            return self._part(method, (endpoint, number, part), body)
        if method == "POST":
            return 201, self.create(endpoint, self._encrypted(endpoint, body))
        if number:
            self.items[endpoint][number].update(self._encrypted(endpoint, body))
            return 200, self.items[endpoint][number]
        return 200, self._list(endpoint, dict(parse_qsl(parsed.query)))

    def _part(self, method: str, key: tuple[str, int, str], body: Item) -> Answer:
        if key[2] == "survey_spec":
            if method == "POST":
                self.parts[key] = body
            return 200, self.parts.get(key, {})
        associated = self.parts.setdefault(key, [])
        if method == "GET":
            return 200, _page(associated)
        endpoint = key[2]
        if endpoint.startswith("notification_templates"):
            endpoint = "notification_templates"
        elif endpoint.endswith("_nodes"):
            endpoint = "workflow_job_template_nodes"
        associated.append(self.items[endpoint][body["id"]])
        return 204, None

    def _list(self, endpoint: str, filters: dict[str, str]) -> Item:
        filters.pop("page_size", None)
        sources = _UNIFIED if endpoint == "unified_job_templates" else [endpoint]
        items = [item for source in sources for item in self.items.get(source, {}).values()]
        return _page(
            [
                item
                for item in items
                if all(str(item.get(name)) == value for name, value in filters.items())
            ]
        )

    def _encrypted(self, endpoint: str, body: Item) -> Item:
        if endpoint != "credentials" or "inputs" not in body:
            return body
        self.secrets.append(body["inputs"])
        shown = {
            name: "$encrypted$" if name in _ENCRYPTED else value
            for name, value in body["inputs"].items()
        }
        return {**body, "inputs": shown}


def _singular(endpoint: str) -> str:
    """Return the type of an endpoint's items."""
    return re.sub("ies$", "y", endpoint).removesuffix("s")


def _page(results: list[Item]) -> Item:
    return {"count": len(results), "next": None, "results": results}


class _Handler(JsonHandler):
    awx: t.ClassVar[Awx]

    def do_GET(self) -> None:  # noqa: N802
        """Answer any request."""
        body = json.loads(self.read() or "{}")
        self.send(*self.awx.answer(self.command, self.path, body))

    def do_POST(self) -> None:  # noqa: N802
        """Answer any request."""
        self.do_GET()

    def do_PATCH(self) -> None:  # noqa: N802
        """Answer any request."""
        self.do_GET()


def serve(awx: Awx) -> contextlib.AbstractContextManager[str]:
    """Serve it on loopback; yields the URL."""
    return serving(_Handler, awx=awx)
