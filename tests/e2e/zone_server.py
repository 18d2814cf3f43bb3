# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that lists zones as they are given, hostile ones too, and runs of Ansible with it."""

from __future__ import annotations

import contextlib
import os
import typing as t
from urllib.parse import parse_qs, urlsplit

from e2e.json_server import JsonHandler, serving
from e2e.warm_ansible import Runner
from sandbox.server import STRAY

TOKEN = "Vn3kQ8xYpB5tLw7RzJ2mHc4sDf6gKa9eUo1iXy0N"
PER_PAGE = 50


class _Handler(JsonHandler):
    """Answers as Cloudflare does: lists zones, and calls a function for anything else."""

    zones: t.ClassVar[list[dict[str, t.Any]]]
    requested: t.ClassVar[list[t.Mapping[str, str]]]
    respond: t.ClassVar[t.Callable[[str], tuple[int, dict[str, t.Any]]]]

    def do_GET(self) -> None:  # noqa: N802
        """Answer with a page of zones."""
        self.requested.append(dict(self.headers))
        number = int(parse_qs(urlsplit(self.path).query)["page"][0])
        start = (number - 1) * PER_PAGE
        info = {
            "page": number,
            "per_page": PER_PAGE,
            "total_pages": -(-len(self.zones) // PER_PAGE),
            "total_count": len(self.zones),
        }
        found = self.zones[start : start + PER_PAGE]
        self._send(200, {"success": True, "result": found, "result_info": info})

    def do_POST(self) -> None:  # noqa: N802
        """Answer a request of a module."""
        self.read()
        self._send(*type(self).respond(self.path))

    def _send(self, status: int, body: dict[str, t.Any]) -> None:
        self.send(status, {"errors": [], "messages": [], **body})


class Server(t.NamedTuple):
    """Where a server is, and the headers of the requests for zones."""

    base_url: str
    requested: list[t.Mapping[str, str]]


@contextlib.contextmanager
def zone_server(
    zones: list[dict[str, t.Any]],
    respond: t.Callable[[str], tuple[int, dict[str, t.Any]]] | None = None,
) -> t.Iterator[Server]:
    """Serve zones on loopback; ``respond`` answers a path with a status and an envelope."""
    requested: list[t.Mapping[str, str]] = []
    function = staticmethod(respond)  # type: ignore[arg-type]
    with serving(_Handler, zones=zones, requested=requested, respond=function) as url:
        yield Server(f"{url}/client/v4", requested)


def run(ansible: Runner, command: t.Sequence[str], **environment: str) -> str:
    """Run a program of Ansible's and return what it prints; it may fail."""
    env = {name: value for name, value in os.environ.items() if name not in STRAY}
    env.update(
        ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true",
        ANSIBLE_FORKS="8",
        **environment,
    )
    _status, output = ansible(command, env)
    return output
