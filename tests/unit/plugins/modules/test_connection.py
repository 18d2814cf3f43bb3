# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection: which credential is used, where it goes, and what a broken way looks like."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import requests
import urllib3
from urllib3 import exceptions

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _requests, _transport
from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_ownership
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    TOKEN,
    ZONE,
    Call,
    network,
    response,
    run_module,
    success,
)

DESTINATION = "s3://edge-logs/http?region=us-east-1"
PATH = f"/zones/{ZONE}/logpush/ownership"
WRITTEN = {"filename": "f.txt", "message": "", "valid": True}
EMAIL = "edge@example.com"
KEY = "0123456789abcdef0123456789abcdef01234"


def call(answer: requests.Response | Exception | None = None) -> Call:
    """Expect the request for a challenge."""
    body = {"destination_conf": DESTINATION}
    return Call("POST", PATH, body, success(WRITTEN) if answer is None else answer)


def run(**options: t.Any) -> dict[str, t.Any]:
    """Run the module with no credential but those given."""
    return run_module(
        logpush_ownership.main, {"zone_id": ZONE, "destination_conf": DESTINATION, **options}
    )


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({"api_token": TOKEN}, {}, {"Authorization": f"Bearer {TOKEN}"}),
        ({}, {"CLOUDFLARE_API_TOKEN": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}),
        ({}, {"CLOUDFLARE_TOKEN": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}),
        (
            {},
            {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_TOKEN": "other"},
            {"Authorization": f"Bearer {TOKEN}"},
        ),
        # Credentials that nobody filled in arrive as empty variables.
        (
            {},
            {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_TOKEN": TOKEN},
            {"Authorization": f"Bearer {TOKEN}"},
        ),
        (
            {"api_token": TOKEN},
            {"CLOUDFLARE_API_TOKEN": "of-the-environment"},
            {"Authorization": f"Bearer {TOKEN}"},
        ),
        # A stray e-mail address does not disable the token.
        (
            {},
            {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_EMAIL": EMAIL},
            {"Authorization": f"Bearer {TOKEN}"},
        ),
        (
            {},
            {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY},
            {"Authorization": f"Bearer {TOKEN}"},
        ),
        (
            {"api_token": TOKEN, "api_email": EMAIL, "api_key": KEY},
            {},
            {"Authorization": f"Bearer {TOKEN}"},
        ),
        (
            {"api_email": EMAIL, "api_key": KEY},
            {},
            {"X-Auth-Email": EMAIL, "X-Auth-Key": KEY},
        ),
        (
            {},
            {"CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY},
            {"X-Auth-Email": EMAIL, "X-Auth-Key": KEY},
        ),
        # Options win over the environment, across the two ways of authentication too.
        (
            {"api_email": EMAIL, "api_key": KEY},
            {"CLOUDFLARE_API_TOKEN": TOKEN},
            {"X-Auth-Email": EMAIL, "X-Auth-Key": KEY},
        ),
        (
            {"api_email": EMAIL},
            {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_API_KEY": KEY},
            {"Authorization": f"Bearer {TOKEN}"},
        ),
    ],
)
def test_which_credential_is_used(
    options: dict[str, str],
    environment: dict[str, str],
    expected: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with network(call()) as net:
        run(**options)
    names = ("Authorization", "X-Auth-Email", "X-Auth-Key")
    sent = net.sent[0].headers
    assert {name: sent[name] for name in names if name in sent} == expected


@pytest.mark.parametrize(
    ("options", "environment", "missing"),
    [
        ({}, {}, "api_token"),
        ({"api_token": ""}, {}, "api_token"),
        ({"api_email": EMAIL}, {}, "api_key"),
        ({"api_key": KEY}, {}, "api_email"),
        ({}, {"CLOUDFLARE_EMAIL": EMAIL}, "api_key"),
    ],
)
def test_an_incomplete_credential_names_what_is_missing(
    options: dict[str, str],
    environment: dict[str, str],
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with network():
        result = run(**options)
    assert result["msg"].startswith(f"{missing}: is missing")


def test_netrc_does_not_replace_the_credential(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.cloudflare.com login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with network(call()) as net:
        run(api_token=TOKEN)
    assert net.sent[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("options", "verify"),
    [
        ({}, "/of/the/environment.pem"),
        ({"validate_certs": False}, False),
        ({"ca_path": __file__}, __file__),
        ({"ca_path": __file__, "validate_certs": False}, False),
    ],
)
def test_certificate_options_win_over_the_environment(
    options: dict[str, t.Any], verify: str | bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/of/the/environment.pem")
    with network(call()) as net:
        run(api_token=TOKEN, **options)
    assert net.settings[0]["verify"] == verify


def test_certificates_are_verified_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with network(call()) as net:
        run(api_token=TOKEN)
    assert net.settings[0]["verify"] is True


def test_a_ca_bundle_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    # On the real adapter: it looks for the bundle before it connects.
    result = run(api_token=TOKEN, base_url="https://127.0.0.1:1/client/v4", timeout=2)
    assert "/nowhere/ca.pem" in result["msg"]
    assert result["error"]["retryable"] is False


def test_a_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    with network(call()) as net:
        run(api_token=TOKEN)
    assert net.settings[0]["proxies"]["https"] == "http://proxy.example:3128"


def test_a_credential_for_this_machine_goes_through_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    seen: list[dict[str, t.Any]] = []

    def send(_adapter: object, _request: object, **settings: t.Any) -> requests.Response:
        seen.append(settings)
        return success(WRITTEN)

    with mock.patch("requests.adapters.HTTPAdapter.send", autospec=True, side_effect=send):
        run(api_token=TOKEN, base_url="http://127.0.0.1:9/client/v4/")
    assert seen[0]["proxies"] == {}


def test_user_agent_names_the_collection() -> None:
    with network(call()) as net:
        run(api_token=TOKEN)
    assert str(net.sent[0].headers["User-Agent"]).startswith("ansible-edgeops.cloudflare/")


def test_missing_requests_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_requests, "IMPORT_ERROR", "Traceback: No module named 'requests'")
    with network():
        result = run(api_token=TOKEN)
    assert result["failed"] is True
    assert "Failed to import the required Python library (requests)" in result["msg"]


def test_an_answer_larger_than_makes_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "LARGEST_ANSWER", 1024 * 1024)
    with network(call(response(content=b" " * (1024 * 1024 + 1)))):
        assert "the answer is larger than 1 MiB" in run(api_token=TOKEN)["msg"]


def wrapped(error: Exception) -> requests.ConnectionError:
    """Return an error as requests raises it: around urllib3's, around the system's."""
    return requests.ConnectionError(exceptions.MaxRetryError(mock.Mock(), "/x", error))


def raised_from(error: Exception, cause: Exception) -> Exception:
    """Return an error that another one caused."""
    error.__cause__ = cause
    return error


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
CERTIFICATE.verify_message = "certificate has expired"


@pytest.mark.parametrize(
    ("error", "tries", "said"),
    [
        (
            wrapped(
                raised_from(
                    exceptions.NewConnectionError(mock.Mock(), "x"), socket.gaierror(-2, "unknown")
                )
            ),
            4,
            "the host name cannot be resolved (unknown)",
        ),
        (
            wrapped(
                raised_from(
                    exceptions.NewConnectionError(mock.Mock(), "x"), ConnectionRefusedError()
                )
            ),
            4,
            "connection refused",
        ),
        (
            wrapped(
                raised_from(
                    exceptions.NewConnectionError(mock.Mock(), "x"), OSError(101, "unreachable")
                )
            ),
            4,
            "no connection (unreachable)",
        ),
        (
            requests.ConnectTimeout(
                exceptions.MaxRetryError(mock.Mock(), "/", exceptions.ConnectTimeoutError())
            ),
            4,
            "no connection in time",
        ),
        (
            wrapped(exceptions.ProxyError("x", OSError("Tunnel connection failed: 407"))),
            1,
            "the proxy did not connect: Tunnel connection failed: 407",
        ),
        (
            requests.exceptions.SSLError(
                exceptions.MaxRetryError(mock.Mock(), "/", exceptions.SSLError(CERTIFICATE))
            ),
            1,
            "the server's certificate is not trusted (certificate has expired)",
        ),
        (
            requests.exceptions.SSLError(exceptions.SSLError(ssl.SSLError("wrong version"))),
            1,
            "TLS failed (('wrong version',))",
        ),
        (
            requests.ConnectionError(
                exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
            ),
            4,
            "the connection was reset before the whole answer",
        ),
        (
            requests.ConnectionError(
                exceptions.ProtocolError(
                    "Connection aborted.", http.client.RemoteDisconnected("closed")
                )
            ),
            4,
            "the connection was reset before the whole answer",
        ),
        (
            requests.exceptions.ChunkedEncodingError(
                exceptions.ProtocolError("broken", http.client.IncompleteRead(b"x"))
            ),
            4,
            "the connection ended before the whole answer",
        ),
        (
            requests.exceptions.ContentDecodingError(exceptions.DecodeError("not gzip")),
            1,
            "the answer's compression is broken",
        ),
        (requests.exceptions.InvalidURL("odd"), 1, "InvalidURL: odd"),
    ],
)
def test_what_broke_is_told_in_plain_words(error: Exception, tries: int, said: str) -> None:
    with network(*[call(error)] * tries):
        result = run(api_token=TOKEN)
    assert result["msg"] == f"POST {PATH} failed: {said}"
    assert result["error"]["status"] is None
    # What is tried again may pass; of what is not, only a proxy's refusal may.
    assert result["error"]["retryable"] is (tries > 1 or "proxy" in said)
    assert TOKEN not in json.dumps(result)


def test_a_body_that_breaks_off_in_the_middle() -> None:
    class Broken:
        """A body that ends with a reset."""

        def stream(self, *_args: object, **_kwargs: object) -> t.Iterator[bytes]:
            """Give a part, then break."""
            yield b'{"success": true, '
            raise urllib3.exceptions.ProtocolError("broken", ConnectionResetError(104, "reset"))

        def release_conn(self) -> None:
            """Do nothing."""

        def close(self) -> None:
            """Do nothing."""

    answers = [response() for _try in range(4)]
    for answer in answers:
        answer.raw = Broken()
    with network(*[call(answer) for answer in answers]):
        result = run(api_token=TOKEN)
    assert "the connection was reset before the whole answer" in result["msg"]


def test_a_bug_is_not_taken_for_a_broken_connection() -> None:
    with pytest.raises(ZeroDivisionError), network(call(ZeroDivisionError())):
        run(api_token=TOKEN)
