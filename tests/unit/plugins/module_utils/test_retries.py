# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent again, when, and until when: a clock that only pauses move, and no network."""

from __future__ import annotations

import typing as t
from unittest import mock

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import (
    LATE,
    NoResponse,
    Response,
    Sender,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import RateLimiter
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    RateLimited,
    Unreachable,
)

OK = Response(200, {}, b"{}")
NEVER_MADE = NoResponse("connection refused", sent=False)
BROKEN = NoResponse("connection reset")
TOO_LARGE = NoResponse("response larger than 16 MiB", retryable=False, retry_now=False)
UNTRUSTED = NoResponse("not trusted", retryable=False, retry_now=False, sent=False)
NO_PROXY = NoResponse("proxy connection failed", retry_now=False)


def limited(retry_after: str | None = None) -> Response:
    """Return a 429."""
    return Response(429, {} if retry_after is None else {"Retry-After": retry_after}, b"")


class Script:
    """Gives the answers of a list, each after some seconds."""

    def __init__(
        self, clock: Clock, outcomes: t.Sequence[Response | NoResponse], seconds: float
    ) -> None:
        self.clock = clock
        self.outcomes = list(outcomes)
        self.seconds = seconds
        self.allowed: list[float] = []
        self.reused: list[bool] = []

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        seconds: float,
        *,
        reuse: bool,
        decode: t.Any = None,
    ) -> Response:
        """Give the next answer."""
        assert (method, path, body) == ("POST", "/x", b"{}")
        self.allowed.append(seconds)
        self.reused.append(reuse)
        self.clock.now += self.seconds
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, NoResponse):
            raise outcome
        return outcome


class Clock:
    """A clock that only pauses and answers move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put the clock instead of the real one."""
    clock = Clock()
    utils = "ansible_collections.edgeops.cloudflare.plugins.module_utils"
    for where in (f"{utils}._api.http", f"{utils}._api.rate_limit"):
        monkeypatch.setattr(f"{where}.time", clock)
    # The longest pauses that chance allows.
    monkeypatch.setattr(f"{utils}._api.http.random.uniform", lambda low, high: high)
    return clock


def sender_of(script: Script, **options: t.Any) -> Sender:
    """Return a sender that meets what is in a script."""
    return Sender(t.cast(t.Any, script), **options)


def send(
    clock: Clock,
    *outcomes: Response | NoResponse,
    idempotent: bool = True,
    seconds: float = 0.0,
    timeout: float = 30.0,
    patience: float = 300.0,
) -> tuple[Response, Script]:
    """Send a request that meets these outcomes; every one of them has to be met."""
    script = Script(clock, outcomes, seconds)
    sender = sender_of(script, timeout=timeout, rate_limit_retry_timeout=patience)
    try:
        return sender.send("POST", "/x", b"{}", idempotent=idempotent), script
    finally:
        assert not script.outcomes


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_connection_that_was_never_made_is_tried_again(clock: Clock, idempotent: bool) -> None:
    answer, _script = send(clock, NEVER_MADE, NEVER_MADE, NEVER_MADE, OK, idempotent=idempotent)
    assert answer == OK
    assert clock.pauses == [1.0, 2.0]


def test_chance_makes_pauses_shorter_by_half_at_most(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low)
    send(clock, NEVER_MADE, NEVER_MADE, NEVER_MADE, OK)
    assert clock.pauses == [0.5, 1.0]


def test_repeats_have_an_end(clock: Clock) -> None:
    with pytest.raises(Unreachable, match="POST /x failed: connection refused") as caught:
        send(clock, *[NEVER_MADE] * 4)
    assert caught.value.values["error"]["retryable"] is True
    assert caught.value.values["error"]["status"] is None


def test_a_broken_connection_is_tried_again_where_that_is_safe(clock: Clock) -> None:
    assert send(clock, BROKEN, OK)[0] == OK


def test_a_request_that_may_have_been_executed_is_never_retried(clock: Clock) -> None:
    with pytest.raises(Unreachable, match="reset"):
        send(clock, BROKEN, idempotent=False)


@pytest.mark.parametrize("failure", [TOO_LARGE, UNTRUSTED, NO_PROXY])
def test_errors_that_a_retry_cannot_change_are_not_retried(
    clock: Clock, failure: NoResponse
) -> None:
    with pytest.raises(Unreachable, match=failure.reason) as caught:
        send(clock, failure)
    assert caught.value.values["error"]["retryable"] is failure.retryable


def test_only_the_first_try_of_an_idempotent_request_reuses_a_connection(clock: Clock) -> None:
    assert send(clock, BROKEN, limited("1"), OK)[1].reused == [True, False, False]
    assert send(clock, limited("1"), OK)[1].reused == [True, True]
    assert send(clock, NEVER_MADE, limited("1"), OK, idempotent=False)[1].reused == [False] * 3


@pytest.mark.parametrize("status", [502, 503, 504])
def test_transient_statuses(clock: Clock, status: int) -> None:
    fault = Response(status, {}, b"")
    assert send(clock, fault, OK)[0] == OK
    assert send(clock, fault, idempotent=False)[0] == fault
    assert send(clock, fault, fault, fault, fault)[0] == fault


def test_a_transient_status_with_retry_after(clock: Clock) -> None:
    assert send(clock, Response(503, {"Retry-After": "5"}, b""), OK)[0] == OK
    assert clock.pauses == [5.0]


@pytest.mark.parametrize("status", [200, 204, 301, 400, 403, 404, 409, 500, 501, 520])
def test_every_other_status_is_returned_unchanged(clock: Clock, status: int) -> None:
    answer = Response(status, {"Retry-After": "1"}, b"")
    assert send(clock, answer)[0] == answer
    assert not clock.pauses


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_rate_limit_is_waited_out_as_the_response_requires(
    clock: Clock, idempotent: bool
) -> None:
    answer, _script = send(clock, limited("7"), limited("100"), OK, idempotent=idempotent)
    assert answer == OK
    assert clock.pauses == [7.0, 100.0]


@pytest.mark.parametrize("header", [None, "soon", "-", "Tue, 99 Foo 2026 99:99:99 GMT"])
def test_a_rate_limit_that_does_not_say_how_long(clock: Clock, header: str | None) -> None:
    assert send(clock, *[limited(header)] * 4, OK)[0] == OK
    assert clock.pauses == [1.0, 2.0, 4.0, 8.0]


def test_waits_of_zero_come_to_an_end(clock: Clock) -> None:
    answer, _script = send(clock, *[limited("0")] * 5, patience=2.0)
    assert answer.status == 429
    assert clock.pauses == [0.5, 0.5, 0.5, 0.5]


def test_a_wait_is_not_cut_short(clock: Clock) -> None:
    assert send(clock, limited("80000"), OK, patience=86400.0)[0] == OK
    assert clock.pauses == [80000.0]


@pytest.mark.parametrize(
    "header",
    ["301", "3600", "999999999999", "9" * 400, f"Fri, 31 Dec {'9' * 20} 23:59:59 GMT"],
)
def test_a_wait_longer_than_the_limit_is_not_started(clock: Clock, header: str) -> None:
    answer, _script = send(clock, limited(header))
    assert answer.status == 429
    assert not clock.pauses


def test_the_limit_is_for_all_waits_together(clock: Clock) -> None:
    answer, _script = send(clock, limited("200"), limited("101"))
    assert answer.status == 429
    assert clock.pauses == [200.0]


def test_a_rate_limit_does_not_use_up_the_timeout(clock: Clock) -> None:
    _answer, script = send(clock, limited("100"), OK, seconds=10.0)
    assert script.allowed == [30.0, 30.0]


def test_repeats_share_one_timeout(clock: Clock) -> None:
    _answer, script = send(clock, NEVER_MADE, NEVER_MADE, OK, seconds=10.0)
    assert script.allowed == [30.0, 20.0, 9.0]


def test_no_repeat_after_the_timeout(clock: Clock) -> None:
    with pytest.raises(
        Unreachable, match=r"within 30 s \(timeout\); last error: connection refused"
    ):
        send(clock, NEVER_MADE, NEVER_MADE, seconds=15.0)


def test_the_timeout_does_not_hide_what_used_up_the_time(clock: Clock) -> None:
    late = NoResponse(LATE)
    with pytest.raises(
        Unreachable, match=r"within 30 s \(timeout\); last error: connection refused$"
    ):
        send(clock, NEVER_MADE, late, seconds=15.0)


def test_an_error_just_before_the_timeout_is_reported_unchanged(clock: Clock) -> None:
    with pytest.raises(Unreachable, match=r"^POST /x failed: connection reset$"):
        send(clock, BROKEN, idempotent=False, seconds=29.5)


@pytest.mark.parametrize("header", ["30", "31"])
def test_no_pause_that_outlasts_the_timeout(clock: Clock, header: str) -> None:
    answer, _script = send(clock, Response(503, {"Retry-After": header}, b""))
    assert answer.status == 503
    assert not clock.pauses


def test_a_timeout_names_the_option(clock: Clock) -> None:
    late = NoResponse(LATE)
    with pytest.raises(Unreachable, match=r"no complete response within 30 s \(timeout\)$"):
        send(clock, late, seconds=30.0)


# The rate limit, before it is met


def release_429(rate_limiter: RateLimiter) -> None:
    """Let another thread meet the limit."""
    rate_limiter.release(rate_limiter.acquire(), 429, {"Retry-After": "400"})


def told(left: int, rest: int) -> dict[str, str]:
    """Return the headers of an answer."""
    return {"Ratelimit": f'"default";r={left};t={rest}', "Ratelimit-Policy": '"default";q=100'}


def test_a_request_that_is_held_back_for_too_long_is_not_sent(clock: Clock) -> None:
    used_up = Response(200, told(1, 300), b"")
    script = Script(clock, [used_up], 0.0)
    sender = sender_of(script, timeout=30, rate_limit_retry_timeout=299.5)
    assert sender.send("POST", "/x", b"{}", idempotent=True) == used_up
    with pytest.raises(RateLimited) as caught:
        sender.send("POST", "/x", b"{}", idempotent=True)
    assert caught.value.message == (
        "POST /x failed: rate limit exhausted, resets in 300 s; request not sent "
        "(rate_limit_retry_timeout is 299.5 s)"
    )
    assert caught.value.values["error"] == {
        "status": None,
        "method": "POST",
        "path": "/x",
        "codes": [],
        "errors": [],
        "ray_id": None,
        "retryable": True,
    }
    assert (clock.pauses, clock.now) == ([], 1000)


def test_a_request_that_is_held_back_has_its_time_yet(clock: Clock) -> None:
    ok = Response(200, told(1, 100), b"")
    script = Script(clock, [ok, NEVER_MADE, NEVER_MADE, OK], 5.0)
    sender = sender_of(script, timeout=30, rate_limit_retry_timeout=300)
    assert sender.send("POST", "/x", b"{}", idempotent=True) == ok
    assert sender.send("POST", "/x", b"{}", idempotent=True) == OK
    assert clock.pauses == [100.0, 1.0]
    assert script.allowed == [30.0, 30.0, 25.0, 19.0]
    assert sender.rate_limiter.waited == 100


def test_how_a_wait_for_the_rate_limit_ended_is_noted(clock: Clock) -> None:
    answer, _script = send(clock, limited("200"), limited("101"))
    assert answer.note == (
        "still rate limited after 300 s (rate_limit_retry_timeout); resets in 101 s"
    )
    answer, _script = send(clock, limited("900"))
    assert answer.note == "rate limit resets in 900 s, after rate_limit_retry_timeout (300 s)"


def test_the_limit_is_for_waits_before_and_after_a_429_together(clock: Clock) -> None:
    script = Script(clock, [Response(200, told(1, 200), b""), limited("60"), limited("41")], 0.0)
    sender = sender_of(script, timeout=30, rate_limit_retry_timeout=300)
    sender.send("POST", "/x", b"{}", idempotent=True)
    assert sender.send("POST", "/x", b"{}", idempotent=True).status == 429
    assert clock.pauses == [200.0, 60.0]


def test_a_response_before_a_rate_limit_is_returned(clock: Clock) -> None:
    answer, _script = send(clock, Response(502, told(1, 400), b"busy"))
    assert (answer.status, answer.content) == (502, b"busy")


def test_an_error_before_a_rate_limit_is_reported(clock: Clock) -> None:
    script = Script(clock, [BROKEN], 0.0)
    sender = sender_of(script, timeout=30, rate_limit_retry_timeout=300)
    # Another thread met the limit meanwhile.
    block = clock.sleep
    clock.sleep = lambda seconds: (block(seconds), release_429(sender.rate_limiter))  # type: ignore
    script.outcomes.insert(0, NEVER_MADE)
    with pytest.raises(Unreachable, match="connection reset") as caught:
        sender.send("POST", "/x", b"{}", idempotent=True)
    assert caught.value.sent is True


@pytest.mark.parametrize(("asked", "waits"), [(None, 1.0), ("7", 7.0), ("0", 0.5)])
def test_a_429_holds_all_back(clock: Clock, asked: str | None, waits: float) -> None:
    rate_limiter = RateLimiter(patience=300)
    script = Script(clock, [OK, OK], 0.0)
    sender = sender_of(script, timeout=30, rate_limit_retry_timeout=300, rate_limiter=rate_limiter)
    rate_limiter.release(rate_limiter.acquire(), 429, limited(asked).headers)
    assert sender.send("POST", "/x", b"{}", idempotent=True) == OK
    assert sender.send("POST", "/x", b"{}", idempotent=True) == OK
    assert clock.pauses == [waits]


@pytest.mark.parametrize("asked", ["301", "9" * 400, f"Fri, 31 Dec {'9' * 20} 23:59:59 GMT"])
def test_a_429_that_asks_for_too_much_lets_no_other_go(clock: Clock, asked: str) -> None:
    script = Script(clock, [limited(asked)], 0.0)
    sender = sender_of(script, timeout=30, rate_limit_retry_timeout=300)
    assert sender.send("POST", "/x", b"{}", idempotent=True).status == 429
    with pytest.raises(RateLimited, match=r"rate limit exhausted, resets in .*; request not sent"):
        sender.send("POST", "/x", b"{}", idempotent=True)


def test_each_request_is_released_in_any_outcome(clock: Clock) -> None:
    rate_limiter = mock.create_autospec(RateLimiter, instance=True, spec_set=True)
    rate_limiter.acquire.return_value.held = 0.0
    outcomes: list[Response | NoResponse] = [
        NEVER_MADE,
        BROKEN,
        Response(503, {}, b""),
        Response(400, {"a": "b"}, b""),
    ]
    sender = sender_of(
        Script(clock, outcomes, 0.0),
        timeout=30,
        rate_limit_retry_timeout=300,
        rate_limiter=rate_limiter,
    )
    sender.send("POST", "/x", b"{}", idempotent=True)
    turn = rate_limiter.acquire.return_value
    assert rate_limiter.release.mock_calls == [
        mock.call(turn, status, headers)
        for status, headers in ((None, None), (None, None), (503, {}), (400, {"a": "b"}))
    ]
    for error in (KeyboardInterrupt, ZeroDivisionError):
        rate_limiter.release.reset_mock()
        with mock.patch.object(Script, "exchange", side_effect=error), pytest.raises(error):
            sender.send("POST", "/x", b"{}", idempotent=True)
        rate_limiter.release.assert_called_once_with(turn, None, None)


@pytest.mark.parametrize(
    ("first", "sent"), [(BROKEN, True), (Response(503, {}, b""), True), (NEVER_MADE, False)]
)
def test_a_request_counts_as_sent_if_one_attempt_was_sent(
    clock: Clock, first: Response | NoResponse, sent: bool
) -> None:
    with pytest.raises(Unreachable) as caught:
        send(clock, first, *[NEVER_MADE] * (4 if sent else 3))
    assert caught.value.sent is sent
