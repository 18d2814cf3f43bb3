# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of faults and of the requests that each of them hits, and how each cell has to end.

A cell ends well where the request may be repeated and the fault passes, or where the fault took
nothing but the answer, and looking shows that a job is as described. All others end with an error.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.edgeops.cloudflare.plugins.modules import (
    logpush_dataset_info,
    logpush_destination_validate,
    logpush_job,
    logpush_job_info,
    logpush_ownership,
    logpush_ownership_validate,
)
from e2e.hostile import ways

# In seconds, for each request: where it has to expire, which is no shorter than a busy machine
# needs for a request that nothing hits; and where it must not.
TIMEOUT = 6.0
UNLIMITED = 120.0
PATIENCE = 5.0  # seconds that a rate limit is waited out
JOB = "watched"

NO_ENVELOPE = "not a Cloudflare envelope but "
NO_TRUST = "certificate verification failed"
NO_PROXY = "proxy connection failed"
LATE = r"no complete response within [0-9.]+ s \(timeout\)|connection timed out"
RESET = "connection (reset|closed) before the complete response"
ONCE = 1


@dataclass(frozen=True)
class Request:
    """A request, and the module that sends it.

    ``after`` is how many requests the module sends before it. ``repeatable``: carrying it out
    twice does no harm. ``writes_job``: where its answer is lost, the job can be looked at.
    """

    name: str
    module: t.Any
    method: str
    path: str
    options: t.Mapping[str, t.Any]
    after: int = 0
    repeatable: bool = True
    writes_job: bool = False


# Placeholders of options for values that only a running sandbox has.
DESTINATION, TOKEN, JOB_ID = "{destination}", "{token}", "{job_id}"
_WITH_DESTINATION = {"destination_conf": DESTINATION}
_JOB = {"name": JOB, **_WITH_DESTINATION, "ownership_challenge": TOKEN, "enabled": True}

REQUESTS = (
    Request("request a challenge", logpush_ownership, "POST", "/ownership", _WITH_DESTINATION),
    Request(
        "validate a token",
        logpush_ownership_validate,
        "POST",
        "/ownership/validate",
        {**_WITH_DESTINATION, "ownership_challenge": TOKEN},
    ),
    Request(
        "look for a destination",
        logpush_destination_validate,
        "POST",
        "/validate/destination/exists",
        _WITH_DESTINATION,
    ),
    Request(
        "validate a destination",
        logpush_destination_validate,
        "POST",
        "/validate/destination",
        _WITH_DESTINATION,
        after=1,
    ),
    Request("list the jobs", logpush_job_info, "GET", "/jobs", {}),
    Request("look at a job", logpush_job_info, "GET", "/jobs/{job_id}", {"id": JOB_ID}),
    Request(
        "list the fields of a dataset",
        logpush_dataset_info,
        "GET",
        "/datasets/http_requests/fields",
        {"dataset": "http_requests"},
    ),
    Request(
        "create a job", logpush_job, "POST", "/jobs", _JOB, 1, repeatable=False, writes_job=True
    ),
    Request(
        "change a job",
        logpush_job,
        "PUT",
        "/jobs/{job_id}",
        {"name": JOB, "max_upload_interval_seconds": 77},
        1,
        writes_job=True,
    ),
    Request(
        "remove a job",
        logpush_job,
        "DELETE",
        "/jobs/{job_id}",
        {"name": JOB, "state": "absent"},
        1,
        writes_job=True,
    ),
)


@dataclass(frozen=True)
class Fault:
    """A fault, and what is said of it.

    ``play`` is for the sandbox; ``way`` says what breaks below HTTP, ``via`` where.
    ``repeated``: the request is sent again where it is repeatable; ``unsent``: it is known not to
    have arrived, so any request is sent again. ``carried_out``: only the answer is lost.
    ``retryable`` is what the error says of itself.
    """

    group: str
    name: str
    says: str
    play: t.Mapping[str, t.Any] = field(default_factory=dict)
    via: str = "sandbox"
    way: ways.Way | None = None
    certificate: str | None = None
    times: int = ways.FOR_EVER
    status: int | None = None
    repeated: bool = False
    unsent: bool = False
    carried_out: bool = False
    retryable: bool | None = None
    good_for: t.Container[str] = ()

    @property
    def timeout(self) -> float:
        """The module's timeout, in seconds."""
        return TIMEOUT if self.says == LATE else UNLIMITED

    @property
    def never_arrives(self) -> bool:
        """Whether the request is known not to have arrived."""
        return self.via in ("shut", "dns") or self.certificate is not None

    def ends_well(self, request: Request) -> bool:
        """Tell whether the module succeeds in spite of the fault."""
        if request.name in self.good_for:
            return True
        again = self.unsent or (self.repeated and request.repeatable)
        return (again and self.times == ONCE) or (self.carried_out and request.writes_job)


def _answered(status: int, body: object, **more: t.Any) -> dict[str, t.Any]:
    return {"play": {"status": status, "body": body, **more}, "status": status}


def _envelope(code: int, message: str) -> dict[str, t.Any]:
    return {
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
        "result": None,
    }


def _null_result() -> dict[str, t.Any]:
    return {"success": True, "errors": None, "messages": None, "result": None}


_CONNECTION = "no connection"
_TLS = "TLS"
_PROXY = "proxy"
_SLOW = "slow or silent servers"
_BROKEN = "broken connections"
_SENSELESS = "malformed responses"
_REDIRECTS = "redirects to another host"
_REFUSALS = "rejected requests"
_LIMITS = "rate limits"
_SERVER = "server errors"

_REDIRECT = {"redirect": "{elsewhere}"}
_BUSY = "<html>busy</html>"

FAULTS = (
    Fault(_CONNECTION, "refused", "connection refused", via="shut", retryable=True),
    Fault(
        _CONNECTION,
        "refused, once",
        "connection refused",
        via="shut",
        times=ONCE,
        unsent=True,
    ),
    Fault(_CONNECTION, "no such host", "host name not resolved", via="dns", retryable=True),
    Fault(_TLS, "the name of another host", NO_TRUST, via="front", certificate="another name"),
    Fault(_TLS, "an expired certificate", NO_TRUST, via="front", certificate="expired"),
    Fault(_TLS, "an unknown authority", NO_TRUST, via="front", certificate="unknown authority"),
    Fault(_TLS, "a self-signed certificate", NO_TRUST, via="front", certificate="self-signed"),
    Fault(_TLS, "no TLS at all", "TLS failed", via="front", way=ways.no_tls),
    Fault(_PROXY, "refuses", NO_PROXY + ".*403", via="proxy", way=ways.refusing("403 Forbidden")),
    Fault(
        _PROXY,
        "requires authentication",
        NO_PROXY + ".*407",
        via="proxy",
        way=ways.refusing("407 Proxy Authentication Required"),
    ),
    Fault(_PROXY, "closes the connection", RESET, via="proxy", way=ways.closing),
    Fault(_PROXY, "is silent", LATE, via="proxy", way=ways.silent),
    Fault(_PROXY, "does not exist", NO_PROXY, via="proxy shut", retryable=True),
    Fault(_SLOW, "silence before TLS", LATE, via="front", way=ways.silent),
    Fault(_SLOW, "silence after the request", LATE, {"hang": True}, retryable=True),
    Fault(
        _SLOW,
        "a byte a second in the headers",
        LATE,
        {"drip": 1, "part": "headers"},
        carried_out=True,
        retryable=True,
    ),
    Fault(
        _SLOW,
        "a byte a second in the body",
        LATE,
        {"drip": 1, "part": "body"},
        carried_out=True,
        retryable=True,
    ),
    Fault(
        _BROKEN,
        "reset before it is processed",
        RESET,
        {"reset": "before"},
        repeated=True,
        retryable=True,
    ),
    Fault(
        _BROKEN,
        "reset before it is processed, once",
        RESET,
        {"reset": "before"},
        times=ONCE,
        repeated=True,
    ),
    Fault(
        _BROKEN,
        "reset in the middle of the response",
        RESET,
        {"reset": "middle"},
        repeated=True,
        carried_out=True,
        retryable=True,
    ),
    Fault(
        _BROKEN,
        "reset after it was processed",
        RESET,
        {"reset": "after"},
        repeated=True,
        carried_out=True,
        retryable=True,
    ),
    Fault(
        _BROKEN,
        "reset after it was processed, once",
        RESET,
        {"reset": "after"},
        times=ONCE,
        repeated=True,
        carried_out=True,
    ),
    Fault(
        _BROKEN,
        "half of the announced response",
        RESET,
        {"half": "short"},
        repeated=True,
        carried_out=True,
        retryable=True,
    ),
    Fault(_SENSELESS, "HTML", NO_ENVELOPE + "text/html", **_answered(200, "<html>Wait</html>")),
    Fault(
        _SENSELESS,
        "half a JSON",
        NO_ENVELOPE + "application/json",
        {"half": True},
        status=200,
        carried_out=True,
    ),
    Fault(_SENSELESS, "nothing", NO_ENVELOPE, **_answered(200, "")),
    Fault(_SENSELESS, "null", NO_ENVELOPE, **_answered(200, None)),
    Fault(_SENSELESS, "a list", NO_ENVELOPE, **_answered(200, [])),
    Fault(_SENSELESS, "success: false", "no reason given", **_answered(200, {"success": False})),
    Fault(
        _SENSELESS,
        "a result of null",
        "does not report|does not list|contains no job|wrote no challenge file",
        # An empty list, as APIs that are written in Go tell it.
        good_for=("list the jobs",),
        carried_out=True,
        **_answered(200, _null_result(), carry_out=True),
    ),
    Fault(
        _SENSELESS,
        "invalid compression",
        "unexpected Content-Encoding gzip",
        {"status": 200, "body": "{}", "headers": {"Content-Encoding": "gzip"}},
        status=200,
    ),
    Fault(_SENSELESS, "100 MB", "response larger than 16 MiB", {"huge": 100_000_000}),
    *(
        Fault(
            _REDIRECTS,
            str(status),
            "redirect to 127.0.0.2",
            {**_REDIRECT, "status": status},
            status=status,
        )
        for status in (301, 302, 307, 308)
    ),
    *(
        Fault(
            _REFUSALS,
            f"{status} {message}",
            rf"HTTP {status}: {message} \(code {code}\)",
            **_answered(status, _envelope(code, message)),
        )
        for status, code, message in (
            (400, 1001, "invalid request"),
            (401, 10000, "Authentication error"),
            (403, 1004, "exceeded max jobs allowed"),
            (404, 7003, "Could not route"),
            (409, 1005, "conflict"),
        )
    ),
    Fault(_LIMITS, "429 for a second, once", "", {"rate_limit": 1}, times=ONCE, unsent=True),
    Fault(
        _LIMITS, "429 without Retry-After, once", "", {"rate_limit": None}, times=ONCE, unsent=True
    ),
    Fault(
        _LIMITS,
        "429 with an invalid Retry-After, once",
        "",
        {"status": 429, "body": _BUSY, "headers": {"Retry-After": "soon"}},
        times=ONCE,
        unsent=True,
    ),
    Fault(
        _LIMITS,
        "429 each time",
        f"HTTP 429.*still rate limited after {PATIENCE:g} s",
        {"rate_limit": 1},
        status=429,
        retryable=True,
    ),
    Fault(
        _LIMITS,
        "429 for an hour",
        "HTTP 429.*rate limit resets in 3600 s",
        {"rate_limit": 3600},
        status=429,
        retryable=True,
    ),
    Fault(_SERVER, "500", "HTTP 500", retryable=True, **_answered(500, _envelope(10001, "oops"))),
    Fault(
        _SERVER,
        "500 although it was processed",
        "HTTP 500",
        carried_out=True,
        retryable=True,
        **_answered(500, _BUSY, carry_out=True),
    ),
    *(
        Fault(
            _SERVER,
            str(status),
            f"HTTP {status}",
            repeated=True,
            retryable=True,
            **_answered(status, _BUSY),
        )
        for status in (502, 503, 504)
    ),
    Fault(
        _SERVER,
        "502 although it was processed",
        "HTTP 502",
        repeated=True,
        carried_out=True,
        retryable=True,
        **_answered(502, _BUSY, carry_out=True),
    ),
    Fault(_SERVER, "503, once", "HTTP 503", times=ONCE, repeated=True, **_answered(503, _BUSY)),
    Fault(
        _SERVER,
        "504 although it was processed, once",
        "HTTP 504",
        times=ONCE,
        repeated=True,
        carried_out=True,
        **_answered(504, _BUSY, carry_out=True),
    ),
    Fault(_SERVER, "520, specific to Cloudflare", "HTTP 520", **_answered(520, _BUSY)),
)


def rows() -> list[list[str]]:
    """Return the table by groups: faults, cells, and how many end in which way."""
    table = []
    for group in dict.fromkeys(fault.group for fault in FAULTS):
        faults = [fault for fault in FAULTS if fault.group == group]
        ends = [fault.ends_well(request) for fault in faults for request in REQUESTS]
        names = "; ".join(fault.name for fault in faults)
        figures = (len(ends), ends.count(False), ends.count(True))
        table.append([f"**{group}**: {names}", *map(str, figures)])
    sums = [str(sum(int(row[column]) for row in table)) for column in (1, 2, 3)]
    return [*table, ["**all**", *sums]]


CELLS = tuple((fault, request) for fault in FAULTS for request in REQUESTS)


def sample() -> tuple[tuple[Fault, Request], ...]:
    """Return each fault at the creation of a job, which may not be sent twice, and at another one.

    So each request is hit by a few faults of each kind.
    """
    creation = [request for request in REQUESTS if not request.repeatable]
    others = [request for request in REQUESTS if request.repeatable]
    return tuple(
        (fault, request)
        for number, fault in enumerate(FAULTS)
        for request in [*creation, others[number % len(others)]]
    )
