# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on the wire, over a real connection on loopback."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.http_server import Server
from sandbox.world import DESTINATION


class Line:
    """A server, and raw requests to it."""

    def __init__(self, api: Any, port: int) -> None:
        self.api = api
        self.port = port

    def send(self, tail: str = "ownership", destination: str = DESTINATION) -> socket.socket:
        """Ask for a challenge, or for a job; the answer is still to be read."""
        body = json.dumps({"destination_conf": destination}).encode()
        head = [
            f"POST {self.api.path(tail)} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Authorization: {self.api.headers['Authorization']}",
            f"Content-Length: {len(body)}",
            # An answer ends where the connection does, faults or none.
            "Connection: close",
        ]
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        return connection

    def ask(self, fault: dict[str, Any], *what: str) -> tuple[bytes, bytes]:
        """Head and body of the answer under a fault; to a challenge unless told otherwise."""
        self.api.fault(fault)
        with self.send(*what) as connection:
            data = b""
            while block := connection.recv(65536):
                data += block
        head, _empty, body = data.partition(b"\r\n\r\n")
        return head, body


@pytest.fixture
def line(api: Any) -> Iterator[Line]:
    server = Server("127.0.0.1", 0, api.client.application)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Line(api, server.port)
    api.world.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join()


def promised(head: bytes) -> int:
    """The length that an answer announces."""
    (value,) = [
        text.partition(b":")[2] for text in head.lower().split(b"\r\n") if b"content-length" in text
    ]
    return int(value)


@pytest.mark.parametrize(("when", "objects"), [("before", 0), ("after", 1)])
def test_a_reset_before_any_answer(line: Line, when: str, objects: int) -> None:
    with pytest.raises(ConnectionResetError):
        line.ask({"reset": when})
    (entry,) = line.api.requests()
    assert entry["status"] is None
    assert entry["writes"] is bool(objects)
    assert len(line.api.objects()) == objects


def test_a_request_is_held_until_the_faults_are_cleared(line: Line) -> None:
    line.api.fault({"hold": True})
    with line.send() as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        (entry,) = line.api.requests()
        assert entry["status"] is None
        assert not line.api.objects()
        line.api.client.delete("/sandbox/faults")
        connection.settimeout(60)
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert len(line.api.objects()) == 1


@pytest.mark.parametrize(("when", "jobs"), [("before", 0), ("after", 1)])
def test_the_answer_to_a_new_job_can_be_lost(line: Line, when: str, jobs: int) -> None:
    fault = {"method": "POST", "path": "/logpush/jobs$", "reset": when}
    with pytest.raises(ConnectionResetError):
        line.ask(fault, "jobs", "https://logs.example.com/")
    (entry,) = line.api.requests()
    assert (entry["status"], entry["writes"]) == (None, bool(jobs))
    assert len(line.api.jobs()) == jobs


def test_half_an_answer_to_a_new_job_comes_after_it_was_made(line: Line) -> None:
    _head, body = line.ask({"half": True}, "jobs", "https://logs.example.com/")
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert len(line.api.jobs()) == 1


def test_a_reset_in_the_middle_of_the_answer(line: Line) -> None:
    with pytest.raises(ConnectionResetError):
        line.ask({"reset": "middle"})
    assert line.api.requests()[0]["status"] == 200


def test_half_an_answer_is_no_json(line: Line) -> None:
    head, body = line.ask({"half": True})
    assert head.startswith(b"HTTP/1.1 200")
    assert promised(head) == len(body)
    assert body.startswith(b"{")
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_half_an_answer_may_announce_the_whole(line: Line) -> None:
    head, body = line.ask({"half": "short"})
    assert promised(head) // 2 == len(body)


def test_a_hanging_server_says_nothing(line: Line) -> None:
    line.api.fault({"hang": True})
    with line.send() as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert line.api.requests()[0]["status"] is None


def test_what_hangs_can_be_carried_out_when_the_client_has_gone(line: Line) -> None:
    line.api.fault({"hang": True, "carry_out": True})
    with line.send("jobs", "https://logs.example.com/") as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert line.api.jobs() == []
    deadline = time.monotonic() + 5
    while not line.api.jobs() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(line.api.jobs()) == 1
    (entry,) = line.api.requests()
    assert (entry["status"], entry["writes"]) == (None, True)


def test_a_hang_ends_with_the_sandbox(line: Line) -> None:
    line.api.fault({"hang": True})
    with line.send() as connection:
        threading.Timer(0.2, line.api.world.stopping.set).start()
        assert connection.recv(1) == b""


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_dripping_answer_is_right_in_the_end(line: Line, part: str) -> None:
    began = time.monotonic()
    _head, body = line.ask({"drip": 0.001, "part": part})
    assert time.monotonic() - began > 0.1
    assert json.loads(body)["success"] is True


def test_a_delayed_answer_is_right(line: Line) -> None:
    began = time.monotonic()
    _head, body = line.ask({"delay": 0.3})
    assert time.monotonic() - began > 0.3
    assert json.loads(body)["success"] is True


def test_the_next_request_is_answered_as_ever(line: Line) -> None:
    for fault in ({"reset": "before"}, {"reset": "middle"}):
        with pytest.raises(ConnectionResetError):
            line.ask(fault)
    _head, body = line.ask({"delay": 0})
    assert json.loads(body)["success"] is True
