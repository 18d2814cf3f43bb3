# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Beliefs and open questions: how they are declared, and what comes of each."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .api import Api, Disagreement, NotTested, Response, Undetermined
from .settings import ZONE

AGREED, DISAGREED = "agreed", "disagreed"
NOT_TESTED, UNDETERMINED = "not tested", "undetermined"
ANSWERED = "answered"


@dataclass(frozen=True)
class Belief:
    """One thing that is believed of the API, and where that is from."""

    name: str
    text: str
    source: str
    needs: tuple[str, ...]
    check: t.Callable[[Api], t.Any]


@dataclass(frozen=True)
class Outcome:
    """What came of a belief or a question; ``expected`` and ``seen`` belong to a disagreement."""

    belief: Belief
    state: str
    reason: str = ""
    expected: t.Any = None
    seen: t.Any = None
    exchange: str = ""


Check = t.TypeVar("Check", bound=t.Callable[[Api], t.Any])


def declare(into: list[Belief], source: str, needs: tuple[str, ...]) -> t.Callable[[Check], Check]:
    """Declare a function as a belief; the first paragraph of its docstring is its text."""

    def add(check: Check) -> Check:
        text = " ".join((check.__doc__ or "").partition("\n\n")[0].split())
        into.append(Belief(check.__name__, text, source, (ZONE, *needs), check))
        return check

    return add


def try_one(api: Api, belief: Belief) -> Outcome:
    """Test one belief, or answer one question, and remove the jobs made for it."""
    missing = api.settings.missing(belief.needs)
    if missing:
        return Outcome(belief, NOT_TESTED, f"it needs {' and '.join(missing)}")
    api.exchange = ""
    outcome = _checked(api, belief)
    # A zone may have few jobs: make room for the next belief. What remains is seen to at the end.
    api.remove_jobs()
    return outcome


def _checked(api: Api, belief: Belief) -> Outcome:
    try:
        answer = belief.check(api)
    except Disagreement as error:
        values = (str(error), error.expected, error.seen, api.exchange)
        return Outcome(belief, DISAGREED, *values)
    except NotTested as error:
        return Outcome(belief, NOT_TESTED, str(error))
    except Undetermined as error:
        return Outcome(belief, UNDETERMINED, str(error), exchange=api.exchange)
    except Exception as error:  # an answer in a shape that a check did not foresee
        reason = f"the check failed: {type(error).__name__}: {error}"
        return Outcome(belief, UNDETERMINED, reason, exchange=api.exchange)
    if answer is None:
        return Outcome(belief, AGREED)
    return Outcome(belief, ANSWERED, seen=answer, exchange=api.exchange)


def expect(what: str, expected: t.Any, seen: t.Any) -> None:
    """``Disagreement`` unless they are equal."""
    if expected != seen:
        raise Disagreement(what, expected, seen)


def expect_that(holds: bool, what: str, expected: str, seen: t.Any) -> None:
    """``Disagreement`` unless it holds; ``expected`` says in words what should."""
    if not holds:
        raise Disagreement(what, expected, seen)


def expect_refusal(what: str, seen: Response, status: int, code: int, words: str) -> None:
    """Expect an error of this status and code, with these words in its message."""
    error = seen.error
    holds = (error["status"], error["code"]) == (status, code) and words in error["message"].lower()
    expect_that(holds, what, f'HTTP {status}, code {code}, "{words}"', error)


def expect_client_error(what: str, seen: Response) -> None:
    """Expect any error that blames the request."""
    holds = 400 <= seen.status < 500 and seen.body["success"] is False
    expect_that(holds, what, "an HTTP status from 400 to 499 with success: false", seen.error)
