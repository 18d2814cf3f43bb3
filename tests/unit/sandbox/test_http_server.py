# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that are kept, many at once, and how long an answer takes."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.http_server import Server
from sandbox.world import DESTINATION

MANY = 64


class Place:
    """A server, and what leads to it."""

    def __init__(self, api: Any, server: Server) -> None:
        self.api = api
        self.server = server

    def connect(self) -> http.client.HTTPConnection:
        """One connection, made when it is first used."""
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)

    def raw(self, text: str) -> bytes:
        """All that comes back for a raw request, until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as connection:
            connection.sendall(text.replace("\n", "\r\n").encode())
            data = b""
            while block := connection.recv(65536):
                data += block
        return data

    def ask(self, connection: http.client.HTTPConnection) -> int:
        """Ask for the jobs; the status."""
        connection.request("GET", self.api.path("jobs"), headers=self.api.headers)
        response = connection.getresponse()
        json.loads(response.read())
        return response.status


@pytest.fixture(name="place")
def fixture_place(api: Any) -> Iterator[Place]:
    server = Server("127.0.0.1", 0, api.client.application)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Place(api, server)
    api.world.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_connection_serves_one_request_after_another(place: Place) -> None:
    connection = place.connect()
    body = json.dumps({"destination_conf": DESTINATION})
    asked = [
        ("GET", place.api.path("jobs"), None, 200),
        ("POST", place.api.path(), body, 200),
        # Nobody looks at these two bodies; they must not be taken for the next request.
        ("POST", "/sandbox/nothing", body, 404),
        ("DELETE", "/sandbox/requests", body, 204),
        ("HEAD", place.api.path("jobs"), None, 200),
        ("GET", place.api.path("nothing"), None, 404),
        ("GET", place.api.path("jobs"), None, 200),
    ]
    used = set()
    for method, path, given, status in asked:
        connection.request(method, path, given, headers=place.api.headers)
        used.add(connection.sock.getsockname())
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert response.getheader("Connection") is None
    assert len(used) == 1
    connection.close()


def test_a_body_in_chunks_is_read(place: Place) -> None:
    connection = place.connect()
    parts = [b'{"destination_conf":', json.dumps(DESTINATION).encode(), b"}"]
    for _turn in range(2):
        connection.request(
            "POST", place.api.path(), iter(parts), headers=place.api.headers, encode_chunked=True
        )
        assert json.loads(connection.getresponse().read())["result"]["valid"] is True
    assert place.api.requests()[0]["body"] == {"destination_conf": DESTINATION}
    connection.close()


@pytest.mark.parametrize(
    "request_line",
    ["GET /sandbox/faults HTTP/1.0\n", "GET /sandbox/faults HTTP/1.1\nConnection: close\n"],
)
def test_who_wants_the_connection_closed_gets_it(place: Place, request_line: str) -> None:
    head, _empty, body = place.raw(f"{request_line}Host: a\n\n").partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert json.loads(body) == []


@pytest.mark.parametrize("length", ["-1", "many"])
def test_a_wrong_length_is_refused(place: Place, length: str) -> None:
    answer = place.raw(f"POST /sandbox/reset HTTP/1.1\nContent-Length: {length}\n\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_half_a_request_does_nothing(place: Place) -> None:
    head = f"POST {place.api.path()} HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf"
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=10) as connection:
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert place.api.requests() == []


def test_what_breaks_below_the_api_is_answered_too(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.api.world, "recorder", None)
    answer = place.raw("GET /client/v4/zones HTTP/1.1\n\n")
    assert answer.startswith(b"HTTP/1.1 500 ")


def test_an_answer_of_any_size_keeps_the_connection(place: Place) -> None:
    connection = place.connect()
    place.api.fault({"huge": 1_000_000})
    assert place.ask(connection) == 200
    before = connection.sock
    assert place.ask(connection) == 200
    assert connection.sock is before
    connection.close()


def test_a_fault_ends_the_connection_that_it_hits(place: Place) -> None:
    connection = place.connect()
    assert place.ask(connection) == 200
    place.api.fault({"reset": "before"})
    with pytest.raises(ConnectionResetError):
        place.ask(connection)
    connection.close()
    place.api.fault({"half": True})
    with pytest.raises(json.JSONDecodeError):
        place.ask(connection)
    # It was told that this one is closed, and so takes another.
    assert place.ask(connection) == 200
    connection.close()


def test_a_closed_server_closes_the_connections_that_wait(place: Place) -> None:
    connection = place.connect()
    assert place.ask(connection) == 200
    place.server.shutdown()
    place.server.server_close()
    with pytest.raises(ConnectionError):
        place.ask(connection)
    connection.close()


def test_many_connections_wait_at_the_same_time(place: Place) -> None:
    place.api.client.put("/sandbox/latency", json={"seconds": 0.2})
    together = threading.Barrier(MANY)

    def client(_number: int) -> list[int]:
        connection = place.connect()
        together.wait()
        statuses = [place.ask(connection) for _turn in range(2)]
        connection.close()
        return statuses

    began = time.monotonic()
    with ThreadPoolExecutor(MANY) as pool:
        statuses = list(pool.map(client, range(MANY)))
    taken = time.monotonic() - began
    assert statuses == [[200, 200]] * MANY
    # One after another they would take 25 seconds.
    assert 0.4 <= taken < 5
    assert len(place.api.requests()) == 2 * MANY


def test_latency_is_for_the_api_alone_and_ends_with_a_reset(api: Any) -> None:
    assert api.client.put("/sandbox/latency", json={"seconds": 0.2}).get_json() == {"seconds": 0.2}
    began = time.monotonic()
    api.client.get("/sandbox/faults")
    assert time.monotonic() - began < 0.2
    api.client.get("/client/v4/nothing")
    assert time.monotonic() - began >= 0.2
    assert api.client.post("/sandbox/reset").status_code == 204
    assert api.client.get("/sandbox/latency").get_json() == {"seconds": 0}


@pytest.mark.parametrize(
    "given",
    [{}, [], {"seconds": "1"}, {"seconds": True}, {"seconds": -1}, {"seconds": 61}],
    ids=str,
)
def test_a_wrong_latency_is_refused(api: Any, given: Any) -> None:
    response = api.client.put("/sandbox/latency", json=given)
    assert response.status_code == 400
    assert response.get_json()["error"]
    assert api.world.latency == 0
