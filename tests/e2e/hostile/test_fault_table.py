# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each fault hits each request, on a real socket: it ends in time and as the table says."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import time
import typing as t
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import lost_response
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import run_module
from e2e.conftest import EXPLORED
from e2e.control import Control
from e2e.hostile import ways
from e2e.hostile.conftest import Count
from e2e.hostile.fault_table import (
    CELLS,
    DESTINATION,
    FAULTS,
    JOB,
    JOB_ID,
    PATIENCE,
    REQUESTS,
    TIMEOUT,
    TOKEN,
    Fault,
    Request,
    rows,
    sample,
)
from sandbox.server import Sandbox

# What a lost answer is looked for, and what a busy machine may add to all of it, in seconds. Much
# less than what drips would take.
LOOKING = 7.0
SLACK = 60.0

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
BEGIN, END = "<!-- The table of faults, written by `make faults`. -->", "<!-- End of the table. -->"

Result = dict[str, t.Any]


@pytest.fixture(scope="module", name="certificates")
def fixture_certificates(tmp_path_factory: pytest.TempPathFactory) -> ways.Certificates:
    """Return the right certificate, and wrong ones."""
    return ways.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", name="light_sandbox")
def fixture_light_sandbox() -> t.Iterator[Sandbox]:
    """Start a sandbox without the stores that are processes, which none of the faults concerns."""
    sandbox = Sandbox(store_processes=False)
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.stop()


@pytest.fixture(name="elsewhere")
def fixture_elsewhere() -> t.Iterator[socket.socket]:
    """Listen at another host, to which no credential may be sent."""
    with socket.create_server(("127.0.0.2", 0)) as listener:
        listener.setblocking(False)
        yield listener


class Place(t.NamedTuple):
    """Where a cell is played."""

    sandbox: Sandbox
    certificates: ways.Certificates
    elsewhere: socket.socket


@pytest.fixture(name="place")
def fixture_place(
    light_sandbox: Sandbox, certificates: ways.Certificates, elsewhere: socket.socket
) -> Place:
    """Return all that a cell needs."""
    return Place(light_sandbox, certificates, elsewhere)


class Cell:
    """One fault and one request, in a sandbox in which nothing has happened yet."""

    def __init__(self, fault: Fault, request: Request, sandbox: Sandbox) -> None:
        self.fault = fault
        self.request = request
        self.world = Control(sandbox.environment)
        self.world.control("POST", "reset")
        self._destination = sandbox.environment["SANDBOX_SUMO_DESTINATION_CONF"]
        self._job_id: int | None = None
        if request.name != "create a job":
            job = {"name": JOB, "destination_conf": self._destination}
            self._job_id = self.world.control("POST", "jobs", job)["id"]
        asked = {"destination_conf": self._destination}
        self._token = self.world.control("POST", "tokens", asked)["token"]
        path = request.path.format(job_id=self._job_id)
        self.path = f"/zones/{self.world.zone_id}/logpush{path}"

    def run(self, **connection: t.Any) -> Result:
        """Run the module."""
        values = {DESTINATION: self._destination, TOKEN: self._token, JOB_ID: self._job_id}
        options = {
            name: values.get(value, value) if isinstance(value, str) else value
            for name, value in self.request.options.items()
        }
        environment = self.world.environment
        given = {
            "base_url": environment["CLOUDFLARE_BASE_URL"],
            "api_token": environment["CLOUDFLARE_API_TOKEN"],
            "zone_id": self.world.zone_id,
            "timeout": self.fault.timeout,
            "rate_limit_retry_timeout": PATIENCE,
            **options,
            **connection,
        }
        return run_module(self.request.module.main, given)

    def jobs(self) -> list[dict[str, t.Any]]:
        """Return the jobs as they are now."""
        return self.world.jobs()

    def secrets(self) -> list[str]:
        """Return what no result may show."""
        code = self._destination.rpartition("/")[2]
        return [self.world.environment["CLOUDFLARE_API_TOKEN"], self._token, code]


class Ways:
    """The ways by which a fault comes."""

    def __init__(self, place: Place, stack: ExitStack) -> None:
        self._certificates = place.certificates
        self._elsewhere = place.elsewhere
        self._stack = stack

    def lead_to(self, cell: Cell) -> dict[str, t.Any]:
        """Have the fault played, and return the options of the connection that meet it."""
        fault = cell.fault
        if fault.via == "sandbox":
            self._tell_sandbox(cell)
            return {}
        port = int(cell.world.environment["CLOUDFLARE_BASE_URL"].split(":")[2].split("/")[0])
        usual = ways.relay(port, self._certificates.right)
        front = self._stack.enter_context(ways.Listener(usual))
        self._plan_front(front, cell, port)
        authority = f"localhost:{front.port}"
        if fault.via.startswith("proxy"):
            authority = ways.PROXIED_HOST
            self._plan_proxy(front, cell)
        elif fault.via == "dns":
            authority = self._plan_names(authority, cell.request.after)
        base_url = f"https://{authority}/client/v4"
        return {"base_url": base_url, "ca_path": str(self._certificates.bundle)}

    def _tell_sandbox(self, cell: Cell) -> None:
        host, port = self._elsewhere.getsockname()
        play = dict(cell.fault.play)
        if "redirect" in play:
            play["redirect"] = f"http://{host}:{port}{cell.path}"
        fault = {"method": cell.request.method, "path": f"{cell.path}$", "times": cell.fault.times}
        cell.world.control("POST", "faults", {**fault, **play})

    def _plan_front(self, front: ways.Listener, cell: Cell, port: int) -> None:
        fault, after = cell.fault, cell.request.after
        if fault.via == "shut":
            front.shut(after=after, times=fault.times)
        elif fault.via == "front":
            way = fault.way
            if fault.certificate:
                way = ways.relay(port, self._certificates.wrong[fault.certificate])
            front.play(t.cast(ways.Way, way), after=after, times=fault.times)

    def _plan_proxy(self, front: ways.Listener, cell: Cell) -> None:
        fault, after = cell.fault, cell.request.after
        proxy = self._stack.enter_context(ways.Listener(ways.connect(front.port)))
        if fault.way is None:
            proxy.shut(after=after, times=fault.times)
        else:
            proxy.play(fault.way, after=after, times=fault.times)
        proxies = {"https_proxy": f"http://127.0.0.1:{proxy.port}"}
        self._stack.enter_context(mock.patch.dict("os.environ", proxies))

    def _plan_names(self, authority: str, after: int) -> str:
        if after == 0:
            return "no-such-host.invalid"
        # No real name can be had that is known at first and is not known then.
        known = socket.getaddrinfo
        asked = iter(range(after))

        def look_up(host: str, *more: t.Any, **named: t.Any) -> t.Any:
            if host == "localhost" and next(asked, None) is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return known(host, *more, **named)

        self._stack.enter_context(mock.patch("socket.getaddrinfo", look_up))
        return authority


def longest(fault: Fault, request: Request) -> float:
    """Return how long a cell may take, in seconds: its waits, each with its limit."""
    seconds = TIMEOUT
    if fault.group == "rate limits":
        seconds += PATIENCE
    if request.writes_job:
        # Where the way is broken, looking takes its time too.
        seconds += LOOKING + TIMEOUT
    return seconds + SLACK


def assert_clear(result: Result, cell: Cell) -> None:
    """Check that a failure says what happened, at which request, and what it was answered."""
    fault = cell.fault
    assert result["failed"] is True
    if fault.never_arrives:
        # So there is nothing to look for either.
        assert "response_lost" not in result
    assert re.search(fault.says, result["msg"]), result["msg"]
    if "error" not in result:
        # A refusal under HTTP 200, which is no error of a request.
        assert "wrote no challenge file" in result["msg"]
        return
    error = result["error"]
    assert result["msg"].startswith(f"{cell.request.method} {cell.path} failed: ")
    assert (error["method"], error["path"]) == (cell.request.method, cell.path)
    assert error["status"] == fault.status
    assert (error["ray_id"] or "").endswith("-SBX") == (fault.status is not None)
    assert fault.retryable in (None, error["retryable"])


def assert_done(cell: Cell) -> None:
    """Check that what was asked for is done, once."""
    jobs = cell.jobs()
    if cell.request.name == "remove a job":
        assert jobs == []
        return
    assert [job["name"] for job in jobs] == [JOB]
    if cell.request.name == "change a job":
        assert jobs[0]["max_upload_interval_seconds"] == 77
    if cell.request.name == "create a job":
        assert jobs[0]["enabled"] is True


# All of them are played by `make faults` and by `make explore`.
PLAYED = CELLS if EXPLORED else sample()


@pytest.fixture(name="quickly", autouse=not EXPLORED)
def fixture_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for a lost job at shorter intervals; `make explore` waits as long as users do."""
    monkeypatch.setattr(lost_response, "_PAUSES", (0, 0.1, 0.2, 0.4))


@pytest.mark.parametrize(
    ("fault", "request_hit"), PLAYED, ids=[f"{f.group}: {f.name} / {r.name}" for f, r in PLAYED]
)
def test_cell(
    fault: Fault,
    request_hit: Request,
    place: Place,
    count: Count,
    capfd: pytest.CaptureFixture[str],
) -> None:
    cell = Cell(fault, request_hit, place.sandbox)
    with ExitStack() as stack:
        connection = Ways(place, stack).lead_to(cell)
        began = time.monotonic()
        result = cell.run(**connection)
        took = time.monotonic() - began
    count("faults injected", 1)
    if fault.ends_well(request_hit):
        assert "failed" not in result, result
        assert_done(cell)
        count("faults after which a task succeeded", 1)
    else:
        assert_clear(result, cell)
        count("faults after which a task failed with a specific error", 1)
    assert took < longest(fault, request_hit)
    printed = json.dumps(result) + "".join(capfd.readouterr())
    assert "Traceback" not in printed
    assert not [secret for secret in cell.secrets() if secret in printed]
    # Nobody went to the other host, and nothing was done twice.
    with pytest.raises(BlockingIOError):
        place.elsewhere.accept()
    assert len(cell.jobs()) <= 1
    # When the fault is over, the same task does what it is for.
    cell.world.control("DELETE", "faults")
    assert "failed" not in cell.run()
    assert_done(cell)


def test_the_page_shows_the_table() -> None:
    """Where each cell ends as the table says, its sums are what was counted."""
    head = f"| Fault, injected into each of {len(REQUESTS)} requests | Cases | Fail | Succeed |"
    lines = [head, "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows())]
    before, inner, after = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    shown, end, rest = after.partition(END)
    assert inner
    assert end
    table = "\n\n{}\n\n".format("\n".join(lines))
    if os.environ.get("EDGEOPS_WRITE_README"):
        PAGE.write_text(before + BEGIN + table + END + rest, encoding="utf-8")
    else:
        assert shown == table, "docs/faults.md shows another table; `make faults` writes it"


@pytest.mark.parametrize("via", ["front", "proxy"])
def test_requests_succeed_without_the_fault(via: str, place: Place) -> None:
    """Or else a fault could be one of the test."""
    fault = next(fault for fault in FAULTS if fault.via == via)
    for request in REQUESTS:
        cell = Cell(fault, dataclasses.replace(request, after=1000), place.sandbox)
        with ExitStack() as stack:
            assert "failed" not in cell.run(**Ways(place, stack).lead_to(cell))
        assert_done(cell)
