# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection: which credential is used, where it goes, and what a broken way looks like."""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import requests
from ansible.module_utils.basic import AnsibleModule
from urllib3 import exceptions

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import connection
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http as api_http
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    TokenAuth,
    decode_envelope,
)
from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_ownership
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    API,
    TOKEN,
    ZONE,
    Call,
    network,
    raw_body,
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
        # The first and the last sign that a header can carry.
        ({"api_token": "!-token-~"}, {}, {"Authorization": "Bearer !-token-~"}),
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


NO_CREDENTIAL = (
    "api_token: is missing: set it, or CLOUDFLARE_API_TOKEN in the environment that Ansible is "
    "started in, or api_email with api_key"
)
NO_KEY = "api_key: is required by api_email"
NO_EMAIL = "api_email: is required by api_key"


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        ({}, {}, NO_CREDENTIAL),
        ({"api_token": ""}, {}, NO_CREDENTIAL),
        ({"api_email": EMAIL}, {}, NO_KEY),
        ({"api_key": KEY}, {}, NO_EMAIL),
        ({}, {"CLOUDFLARE_EMAIL": EMAIL}, NO_KEY),
    ],
)
def test_an_incomplete_credential_names_what_is_missing(
    options: dict[str, str],
    environment: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with network():
        result = run(**options)
    assert result["msg"] == said


NO_HEADER = "contains white space or a character that is not ASCII"
NO_URL = "base_url: is not a URL such as https://api.cloudflare.com/client/v4"
NO_EXTRAS = "base_url: must not contain a user, query or fragment; use the options instead"
IN_THE_CLEAR = "base_url: plain http would send the credential in the clear"
NO_HOST = "base_url: contains a space or another character that a URL cannot contain"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"api_token": "two words"}, f"api_token: {NO_HEADER}"),
        ({"api_email": f"{EMAIL}\n{EMAIL}", "api_key": KEY}, f"api_email: {NO_HEADER}"),
        ({"api_email": EMAIL, "api_key": "k\u00e9y"}, f"api_key: {NO_HEADER}"),
        ({"base_url": "ftp://api.cloudflare.com"}, NO_URL),
        ({"base_url": "https:///client/v4"}, NO_URL),
        ({"base_url": "https://someone@api.cloudflare.com"}, NO_EXTRAS),
        ({"base_url": "https://api.cloudflare.com/?x=1"}, NO_EXTRAS),
        ({"base_url": "https://api.cloudflare.com/#x"}, NO_EXTRAS),
        ({"base_url": "https://a..b"}, NO_HOST),
        ({"base_url": "https://api.cloudflare.com/a b"}, NO_HOST),
        (
            {"base_url": "http://api.cloudflare.com/client/v4"},
            f"{IN_THE_CLEAR} to api.cloudflare.com; use https",
        ),
        ({"timeout": 0.09}, "timeout: must be between 0.1 and 86400 seconds"),
        (
            {"rate_limit_retry_timeout": -0.1},
            "rate_limit_retry_timeout: must be between 0 and 86400 seconds",
        ),
        (
            {"ca_path": "/nowhere/ca.pem"},
            "ca_path: there is no /nowhere/ca.pem on the machine that runs the module",
        ),
    ],
)
def test_invalid_options_are_reported(options: dict[str, t.Any], said: str) -> None:
    credential = {} if "api_key" in options else {"api_token": TOKEN}
    with network():
        assert run(**{**credential, **options})["msg"] == said


@pytest.mark.parametrize(
    "base_url",
    ["https://api.cloudflare.com:port", "https://api.cloudflare.com:65536", "https://[1"],
)
def test_an_invalid_url_is_reported_and_not_quoted(base_url: str) -> None:
    with network():
        said = run(api_token=TOKEN, base_url=base_url)["msg"]
    assert said == "base_url: is not a URL: its host or port is invalid"


@pytest.mark.parametrize("waits", [0, 86400])
def test_the_shortest_and_the_longest_wait_are_taken(waits: int) -> None:
    with network(call()):
        assert run(api_token=TOKEN, timeout=86400, rate_limit_retry_timeout=waits)["valid"] is True


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


def test_a_ca_bundle_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
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
    traceback = "Traceback: No module named 'requests'"
    monkeypatch.setattr(api_http, "IMPORT_ERROR", traceback)
    real = AnsibleModule.fail_json
    # Newer versions of Ansible show a traceback only to who asks for it.
    with (
        network(),
        mock.patch.object(AnsibleModule, "fail_json", autospec=True, side_effect=real) as fail_json,
    ):
        result = run(api_token=TOKEN)
    assert result["failed"] is True
    assert "Failed to import the required Python library (requests)" in result["msg"]
    assert fail_json.call_args[1]["exception"] == traceback


MEBIBYTE = 1024 * 1024


class Counted(io.BytesIO):
    """A body that counts what is read of it."""

    handed_out = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read, and count."""
        content = super().read(size)
        self.handed_out += len(content)
        return content


def test_a_response_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (connection, api_http):
        monkeypatch.setattr(module, "LARGEST_RESPONSE", MEBIBYTE)
    answer, body = response(), Counted(b" " * 3 * MEBIBYTE)
    answer.raw = raw_body(body)
    with network(call(answer)):
        result = run(api_token=TOKEN)
    assert result["msg"] == f"POST {PATH} failed: response larger than 1 MiB"
    assert result["error"]["retryable"] is False
    # That it is too large shows long before its end.
    assert body.handed_out < 2 * MEBIBYTE


def test_the_largest_accepted_response(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (connection, api_http):
        monkeypatch.setattr(module, "LARGEST_RESPONSE", MEBIBYTE)
    content = json.dumps({"success": True, "result": WRITTEN}).encode().ljust(MEBIBYTE)
    with network(call(response(content=content))):
        assert run(api_token=TOKEN)["valid"] is True


def wrapped(error: Exception) -> requests.ConnectionError:
    """Return an error as requests raises it: around urllib3's, around the system's."""
    return requests.ConnectionError(exceptions.MaxRetryError(mock.Mock(), "/x", error))


def raised_from(error: Exception, cause: Exception) -> Exception:
    """Return an error that another one caused."""
    error.__cause__ = cause
    return error


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
CERTIFICATE.verify_message = "certificate has expired"


# An error, how often the request is tried, whether it may have arrived, and what is told.
NO_PROXY = "invalid proxy URL in the environment (such as HTTPS_PROXY)"
BREAKS: list[tuple[Exception, int, bool, str]] = [
    (
        wrapped(
            raised_from(
                exceptions.NewConnectionError(mock.Mock(), "x"), socket.gaierror(-2, "unknown")
            )
        ),
        4,
        False,
        "host name not resolved (unknown)",
    ),
    (
        wrapped(
            raised_from(exceptions.NewConnectionError(mock.Mock(), "x"), ConnectionRefusedError())
        ),
        4,
        False,
        "connection refused",
    ),
    (
        wrapped(
            raised_from(
                exceptions.NewConnectionError(mock.Mock(), "x"), OSError(101, "unreachable")
            )
        ),
        4,
        False,
        "connection failed (unreachable)",
    ),
    (
        requests.ConnectTimeout(
            exceptions.MaxRetryError(mock.Mock(), "/", exceptions.ConnectTimeoutError())
        ),
        4,
        False,
        "connection timed out",
    ),
    (
        wrapped(exceptions.ProxyError("x", OSError("Tunnel connection failed: 407"))),
        1,
        True,
        "proxy connection failed: Tunnel connection failed: 407",
    ),
    (
        requests.exceptions.SSLError(
            exceptions.MaxRetryError(mock.Mock(), "/", exceptions.SSLError(CERTIFICATE))
        ),
        1,
        False,
        "certificate verification failed (certificate has expired)",
    ),
    (
        requests.exceptions.SSLError(exceptions.SSLError(ssl.SSLError("wrong version"))),
        1,
        True,
        "TLS failed (('wrong version',))",
    ),
    (
        requests.ConnectionError(
            exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
        ),
        4,
        True,
        "connection reset before the complete response",
    ),
    (
        requests.ConnectionError(
            exceptions.ProtocolError(
                "Connection aborted.", http.client.RemoteDisconnected("closed")
            )
        ),
        4,
        True,
        "connection reset before the complete response",
    ),
    (
        requests.exceptions.ChunkedEncodingError(
            exceptions.ProtocolError("broken", http.client.IncompleteRead(b"x"))
        ),
        4,
        True,
        "connection closed before the complete response",
    ),
    (
        wrapped(exceptions.NewConnectionError(mock.Mock(), "x")),
        4,
        False,
        "connection failed (unknown reason)",
    ),
    (requests.exceptions.InvalidURL(f"Failed: http://me:{TOKEN}@h:port"), 1, False, NO_PROXY),
    (exceptions.LocationParseError(f"me:{TOKEN}"), 1, False, NO_PROXY),
    (requests.exceptions.InvalidSchema("odd"), 1, True, "InvalidSchema: odd"),
]


@pytest.mark.parametrize(("error", "tries", "_sent", "said"), BREAKS)
def test_a_broken_connection_is_reported_in_plain_words(
    error: Exception, tries: int, _sent: bool, said: str
) -> None:
    with network(*[call(error)] * tries):
        result = run(api_token=TOKEN)
    assert result["msg"] == f"POST {PATH} failed: {said}"
    assert result["error"]["status"] is None
    # What is tried again may pass; of what is not, only a proxy's refusal may.
    assert result["error"]["retryable"] is (tries > 1 or "proxy connection" in said)
    assert TOKEN not in json.dumps(result)


LATE = requests.ReadTimeout(exceptions.ReadTimeoutError(mock.Mock(), "/x", "read timed out"))


@pytest.mark.parametrize(
    ("error", "_tries", "sent", "said"), [*BREAKS, (LATE, 4, True, "no complete response in time")]
)
def test_whether_the_request_may_have_arrived(
    error: Exception, _tries: int, sent: bool, said: str
) -> None:
    server = api_http.Server.of(base_url=API, auth=TokenAuth(TOKEN), user_agent="x")
    transport = api_http.Transport(server, decode=decode_envelope)
    with network(Call("GET", "/x", None, error)), pytest.raises(api_http.NoResponse) as caught:
        transport.exchange("GET", "/x", None, 30.0, reuse=True)
    assert caught.value.sent is sent
    assert caught.value.reason == str(caught.value) == said


def test_a_body_that_breaks_off_in_the_middle() -> None:
    class Broken(io.BytesIO):
        """A body that ends with a reset."""

        def read(self, _size: int | None = -1) -> bytes:
            """Give a part, then break."""
            part = super().read(5)
            if not part:
                raise ConnectionResetError(104, "reset")
            return part

    answers = [response() for _try in range(4)]
    for answer in answers:
        answer.raw = raw_body(Broken(b'{"success": true, '))
    with network(*[call(answer) for answer in answers]):
        result = run(api_token=TOKEN)
    assert "connection reset before the complete response" in result["msg"]


def test_a_bug_is_not_taken_for_a_broken_connection() -> None:
    with pytest.raises(ZeroDivisionError), network(call(ZeroDivisionError())):
        run(api_token=TOKEN)
