# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one request travels, and the clock that nothing outlasts."""

from __future__ import annotations

import queue
import threading
import typing as t
from unittest import mock

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    TokenAuth,
    decode_envelope,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import (
    LATE,
    NoResponse,
    Server,
    Transport,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    API,
    TOKEN,
    Call,
    Network,
    network,
    response,
    success,
)


@pytest.fixture(autouse=True)
def no_certificates_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def transport(base_url: str = API) -> Transport:
    """Return a transport with nothing but what it needs."""
    server = Server.of(base_url=base_url, auth=TokenAuth(TOKEN), user_agent="agent/1.0")
    return Transport(server, decode=decode_envelope)


def exchanged(method: str, body: bytes | None, seconds: float) -> Network:
    """Send one request, and return what saw it."""
    with network(Call(method, "/X/zones", body and {}, success({}))) as net:
        answer = transport(f"{API}/X//").exchange(method, "/zones", body, seconds, reuse=True)
    assert answer.status == 200
    return net


def test_how_a_request_is_sent() -> None:
    net = exchanged("POST", b"{}", 5.0)
    expected = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "User-Agent": "agent/1.0",
    }
    sent = dict(net.sent[0].headers)
    assert {name: sent.get(name) for name in expected} == expected
    settings = net.settings[0]
    assert (settings["stream"], settings["verify"], settings["timeout"]) == (True, True, (5.0, 5.0))


def test_how_a_request_without_a_body_is_sent() -> None:
    net = exchanged("GET", None, 30.0)
    assert net.sent[0].body is None
    assert "Content-Type" not in net.sent[0].headers
    # A connection that is not made by then is better tried anew.
    assert net.settings[0]["timeout"] == (10.0, 30.0)


def test_a_response_after_the_timeout() -> None:
    begun: queue.Queue[bool] = queue.Queue()
    ended = threading.Event()

    def send(*_args: object, **_settings: t.Any) -> requests.Response:
        begun.put(threading.current_thread().daemon)
        ended.wait(5)
        return success({})

    with mock.patch("requests.adapters.HTTPAdapter.send", side_effect=send):
        with pytest.raises(NoResponse, match=LATE) as caught:
            transport().exchange("GET", "/x", None, 0.01, reuse=True)
        daemon = begun.get(timeout=5)
    ended.set()
    late = caught.value
    assert (late.reason, late.retryable, late.sent) == (LATE, True, True)
    # What is not waited for must not hold up the end of the module either.
    assert daemon is True


def test_without_another_thread_a_request_is_still_sent() -> None:
    refused = RuntimeError("can't start new thread")
    with (
        mock.patch("requests.adapters.HTTPAdapter.send", return_value=success({})),
        mock.patch("threading.Thread.start", side_effect=refused) as start,
    ):
        assert transport().exchange("GET", "/x", None, 30.0, reuse=True).status == 200
    start.assert_called_once_with()


@pytest.mark.parametrize(
    ("headers", "content"),
    [({}, b'{"success": true}'), ({"Content-Encoding": "identity"}, b'{"success": true}')],
)
def test_an_uncompressed_response_is_read(headers: dict[str, str], content: bytes) -> None:
    with network(Call("GET", "/x", None, response(content=content, headers=headers))):
        answer = transport().exchange("GET", "/x", None, 30.0, reuse=True)
    assert (answer.content, answer.value) == (content, {"success": True})


@pytest.mark.parametrize("coding", ["gzip", "GZIP, gzip", "br", "deflate"])
def test_a_compressed_response_is_not_read(coding: str) -> None:
    body = response(content=b"x", headers={"Content-Encoding": coding})
    with network(Call("GET", "/x", None, body)):
        answer = transport().exchange("GET", "/x", None, 30.0, reuse=True)
    assert (answer.status, answer.content, answer.value) == (200, b"", None)
