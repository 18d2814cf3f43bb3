# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on a real socket: each ends in time, with a sentence that says why, or succeeds."""

from __future__ import annotations

import json
import time
import typing as t

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_ownership
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import run_module
from sandbox.server import Sandbox

TIMEOUT = 2.0
PATIENCE = 2.0
# What running a module costs beside its waits, generously.
SLACK = 1.5

LATE = "no whole answer within 2 s (timeout)"
RESET = "the connection was reset before the whole answer"
NO_ENVELOPE = "HTTP 200, not with Cloudflare's JSON but with "


class Fault(t.NamedTuple):
    """What is played, what the module says of it (None: it succeeds), and how often it asks."""

    name: str
    play: dict[str, t.Any]
    says: str | None
    status: int | None = None
    requests: t.Sequence[int] = (1,)


# How many repeats fit into two seconds depends on the jitter.
SOME = (2, 3, 4)

FAULTS = (
    Fault("silence", {"hang": True}, LATE),
    Fault("a byte a second in the headers", {"drip": 1, "part": "headers"}, LATE),
    Fault("a byte a second in the body", {"drip": 1, "part": "body"}, LATE),
    Fault("a reset before the answer", {"reset": "before"}, RESET, requests=SOME),
    Fault("a reset in the answer", {"reset": "middle"}, RESET, requests=SOME),
    Fault("a reset after carrying out", {"reset": "after"}, RESET, requests=SOME),
    Fault("one reset", {"reset": "before", "times": 1}, None, requests=(2,)),
    Fault("HTML", {"status": 200, "body": "<html>Wait</html>"}, NO_ENVELOPE + "text/html", 200),
    Fault("half a JSON", {"half": True}, NO_ENVELOPE + "application/json", 200),
    Fault(
        "half an answer",
        {"half": "short"},
        "the connection ended before the whole answer",
        requests=SOME,
    ),
    Fault("null", {"status": 200, "body": None}, NO_ENVELOPE, 200),
    Fault("a list", {"status": 200, "body": []}, NO_ENVELOPE, 200),
    Fault("100 MB", {"huge": 100_000_000}, "the answer is larger than 16 MiB"),
    Fault("a redirect", {"redirect": "http://127.0.0.2:9/"}, "redirected to 127.0.0.2", 307),
    Fault("false under 200", {"status": 200, "body": {"success": False}}, "no reason given", 200),
    Fault("a rate limit", {"rate_limit": 1, "times": 1}, None, requests=(2,)),
    Fault("a rate limit without a time", {"rate_limit": None, "times": 1}, None, requests=(2,)),
    Fault("a rate limit that stays", {"rate_limit": 1}, "the rate limit", 429, (3,)),
    Fault("a rate limit of an hour", {"rate_limit": 3600}, "to wait 3600 s more", 429),
    Fault("500", {"status": 500, "body": {"success": False}}, "answered HTTP 500", 500),
    Fault("503 once", {"status": 503, "body": "oops", "times": 1}, None, requests=(2,)),
    Fault("503 for ever", {"status": 503, "body": "oops"}, "answered HTTP 503", 503, SOME),
)


@pytest.fixture(name="environment")
def fixture_environment(sandbox: Sandbox) -> dict[str, str]:
    """Return how to reach the sandbox."""
    return dict(sandbox.environment)


def run(environment: dict[str, str], **options: t.Any) -> dict[str, t.Any]:
    """Ask the sandbox for a challenge."""
    given = {
        "base_url": environment["CLOUDFLARE_BASE_URL"],
        "api_token": environment["CLOUDFLARE_API_TOKEN"],
        "zone_id": environment["SANDBOX_ZONE_ID"],
        "destination_conf": environment["SANDBOX_DESTINATION_CONF"],
        "timeout": TIMEOUT,
        "rate_limit_retry_timeout": PATIENCE,
        **options,
    }
    return run_module(logpush_ownership.main, given)


def assert_plain_failure(result: dict[str, t.Any], says: str, environment: dict[str, str]) -> None:
    """Check that a failure names method, path and cause, and shows no secret or traceback."""
    path = f"/zones/{environment['SANDBOX_ZONE_ID']}/logpush/ownership"
    assert result["failed"] is True
    assert result["msg"].startswith(f"POST {path} failed: ")
    assert says in result["msg"]
    assert (result["error"]["method"], result["error"]["path"]) == ("POST", path)
    printed = json.dumps(result)
    assert "Traceback" not in printed
    assert environment["CLOUDFLARE_API_TOKEN"] not in printed


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_fault(fault: Fault, environment: dict[str, str]) -> None:
    control = environment["SANDBOX_CONTROL_URL"]
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{control}/reset").raise_for_status()
        session.post(f"{control}/faults", json={"times": -1, **fault.play}).raise_for_status()
        began = time.monotonic()
        result = run(environment)
        took = time.monotonic() - began
        recorded = session.get(f"{control}/requests").json()
    if fault.says is None:
        assert result["changed"] is True
    else:
        assert_plain_failure(result, fault.says, environment)
        assert result["error"]["status"] == fault.status
    assert len(recorded) in fault.requests
    assert took < TIMEOUT + PATIENCE + SLACK


@pytest.mark.parametrize(
    ("base_url", "says", "retryable"),
    [
        ("http://127.0.0.1:1/client/v4", "connection refused", True),
        ("https://no-such-host.invalid/client/v4", "the host name cannot be resolved", True),
        # The sandbox speaks no TLS.
        ("https://{netloc}/client/v4", "TLS failed", False),
    ],
)
def test_nobody_there(
    base_url: str, says: str, retryable: bool, environment: dict[str, str]
) -> None:
    netloc = environment["CLOUDFLARE_BASE_URL"].split("/")[2]
    result = run(environment, base_url=base_url.format(netloc=netloc))
    assert_plain_failure(result, says, environment)
    assert result["error"]["retryable"] is retryable
