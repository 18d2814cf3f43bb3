# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Cloudflare and an Azure container that keep state, instead of the network.

Small on purpose: just what a job with ownership proved takes. The sandbox is the whole double.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
import typing as t
from urllib.parse import unquote, urlsplit

import requests

from .doubles import challenge_token, failure, response, standing_in, success

CONTAINER = "acme.blob.core.windows.net"
CHALLENGE_FILE = "http/ownership-challenge.txt"
# What happens to one request: it never arrives, its response is lost, or the process is stopped
# before or after it had its effect.
UNREACHED, LOST, STOPPED_BEFORE, STOPPED_AFTER = "unreached", "lost", "before", "after"


class Stopped(Exception):
    """The process ends, as by a kill. Nothing in the collection catches it."""


class Delivery(t.NamedTuple):
    """What the enabled job of a name shows from a time on; None: it is removed."""

    at: float
    name: str
    shown: dict[str, t.Any] | None


class Outage(t.NamedTuple):
    """The list of a zone's jobs fails from one time to another."""

    zone: str
    begin: float
    end: float
    answer: t.Callable[[], requests.Response]


class World:
    """The state, and a clock that only pauses move.

    ``single_use``: a token is accepted for one job only; ``late``: so many looks at the challenge
    file find nothing. ``deliveries`` are what jobs come to show, ``outage`` when the jobs of a zone
    cannot be listed, ``unshown`` what responses to writes leave out.
    """

    def __init__(self, *, single_use: bool = False, late: int = 0) -> None:
        self.jobs: dict[str, list[dict[str, t.Any]]] = {}
        self.requests: list[str] = []
        self.deliveries: list[Delivery] = []
        self.outage: Outage | None = None
        self.unshown: tuple[str, ...] = ()
        self.now = 0.0
        self._single_use = single_use
        self._late = late
        self._file: str | None = None
        self._used: set[str] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def reached(self, fault: str | None = None, at: int = 0) -> t.Iterator[World]:
        """Stand in for the network; ``fault`` happens to the request number ``at``, from 1."""
        count = itertools.count(1)

        def pass_by(seconds: float) -> None:
            self.now += seconds

        def send(
            _adapter: object, request: requests.PreparedRequest, **_settings: t.Any
        ) -> requests.Response:
            with self._lock:
                mine = fault if next(count) == at else None
                return self._send(request, mine)

        with standing_in(send, pass_by, lambda: self.now):
            yield self

    def _send(self, request: requests.PreparedRequest, fault: str | None) -> requests.Response:
        url = urlsplit(str(request.url))
        self.requests.append(f"{request.method} {url.path}")
        if fault == UNREACHED:
            raise requests.ConnectionError("connection refused")
        if fault == STOPPED_BEFORE:
            raise Stopped
        answer = self._store(url.path) if url.hostname == CONTAINER else self._api(request)
        if fault == LOST:
            raise requests.exceptions.ChunkedEncodingError("the connection was reset")
        if fault == STOPPED_AFTER:
            raise Stopped
        answer.request, answer.url = request, str(request.url)
        return answer

    def _store(self, path: str) -> requests.Response:
        if self._late > 0 or self._file is None or not unquote(path).endswith(CHALLENGE_FILE):
            self._late -= 1
            return response(status=404, content=b"<Error/>")
        return response(content=self._file.encode())

    def _api(self, request: requests.PreparedRequest) -> requests.Response:
        path = urlsplit(str(request.url)).path
        zone, action, number = re.findall(r"zones/(\w+)/logpush/(\w+)/?(\d*)$", path)[0]
        body = json.loads(request.body or "null")
        jobs = self.jobs.setdefault(zone, [])
        if action == "ownership":
            claims = {"type": "zone", "id": zone, "jti": str(next(self._numbers))}
            self._file = challenge_token({**claims, "exp": 4102444800})
            return success({"filename": CHALLENGE_FILE, "message": "", "valid": True})
        if request.method == "GET":
            outage = self.outage
            if outage and outage.zone == zone and outage.begin <= self.now < outage.end:
                return outage.answer()
            self._deliver(jobs)
            found = [job for job in jobs if not number or str(job["id"]) == number]
            return success(found[0] if number and found else found)
        if request.method == "DELETE":
            jobs[:] = [job for job in jobs if str(job["id"]) != number]
            return success({"id": int(number)})
        return self._write(jobs, number, body)

    def _deliver(self, jobs: list[dict[str, t.Any]]) -> None:
        due = [each for each in self.deliveries if each.at <= self.now]
        for _at, name, shown in due:
            for job in [each for each in jobs if each["name"] == name and each["enabled"]]:
                if shown is None:
                    jobs.remove(job)
                else:
                    job.update(shown)

    def _write(
        self, jobs: list[dict[str, t.Any]], number: str, body: dict[str, t.Any]
    ) -> requests.Response:
        if "destination_conf" in body:
            token = body.pop("ownership_challenge", None)
            if token is None or token in self._used:
                return failure(400, 1002, "incorrect ownership challenge")
            if self._single_use:
                self._used.add(token)
        if number:
            job = next(each for each in jobs if str(each["id"]) == number)
            job.update(body)
        else:
            job = {"id": next(self._numbers), **body}
            jobs.append(job)
        return success({name: job[name] for name in job if name not in self.unshown})
