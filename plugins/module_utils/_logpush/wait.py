# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait until jobs that were written have pushed logs, or have failed to."""

from __future__ import annotations

import itertools
import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    Outcome,
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    MalformedResponse,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import Job
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_health import (
    is_failing,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)

WAIT: dict[str, dict[str, t.Any]] = {
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "float", "default": 600.0},
}
# What waiting for a job came to.
SUCCEEDED, FAILED, TIMED_OUT = "succeeded", "failed", "timed_out"

# In seconds. Cloudflare pushes every 30 s at most often; the last pause repeats.
_PAUSES = (2.0, 5.0, 10.0, 20.0, 30.0)
# With many scopes, half of Cloudflare's rate limit of 4 requests a second is left to others.
_PAUSE_PER_SCOPE = 0.5
_SHORTEST_TIMEOUT, _LONGEST_TIMEOUT = 1, 86400

Result = dict[str, t.Any]


class _Written(t.NamedTuple):
    """A job after it was written: the API of its scope, and what the module returns.

    ``before`` is the job as it was listed before, None for a new one.
    """

    logpush: Logpush
    result: Result
    before: Job | None = None

    @property
    def id(self) -> int:
        """The id of the job."""
        number: int = self.result["job"]["id"]
        return number

    @property
    def scope(self) -> Scope:
        """The scope of the job."""
        return self.logpush.scope.canonical


def timeout_of(params: t.Mapping[str, t.Any]) -> float | None:
    """Return how long to wait in seconds, None for not at all, or raise ``InvalidInput``."""
    timeout: float = params["wait_timeout"]
    # Written so that NaN, which compares with nothing, is refused too.
    if not _SHORTEST_TIMEOUT <= timeout <= _LONGEST_TIMEOUT:
        raise InvalidInput(
            "wait_timeout", f"must be from {_SHORTEST_TIMEOUT} to {_LONGEST_TIMEOUT} seconds"
        )
    return timeout if params["wait"] else None


def wait_for_pushes(
    before: t.Sequence[tuple[Logpush, Job | None]],
    outcomes: t.Sequence[Outcome[Result]],
    timeout: float,
    concurrency: int,
) -> list[Outcome[Result]]:
    """Wait for the next push of each enabled job that was written, up to ``timeout`` seconds.

    ``before`` has the API of the scope of each job, and the job as it was before the write. Return
    the outcomes in order: a result gets ``push`` and the job as it is then, as does the error for a
    job whose push failed or did not come in time. The jobs of a scope are listed once for all that
    it has.
    """
    written = {
        number: _Written(logpush, outcome, job)
        for number, ((logpush, job), outcome) in enumerate(zip(before, outcomes))
        if isinstance(outcome, dict) and _may_push(outcome)
    }
    found = dict(zip(written, _Waiting([*written.values()], concurrency).run(timeout)))
    return [found.get(number, outcome) for number, outcome in enumerate(outcomes)]


def _may_push(result: Result) -> bool:
    """Whether an enabled job was written."""
    written = result["action"] in ("created", "updated")
    return written and bool((result["job"] or {}).get("enabled"))


class _Waiting:
    def __init__(self, written: t.Sequence[_Written], concurrency: int) -> None:
        self._written = written
        self._concurrency = concurrency
        self._outcomes: dict[int, Outcome[Result]] = {}
        # As last listed, and why they could not be.
        self._jobs: dict[int, Job] = {}
        self._problems: dict[Scope, CloudflareError] = {}
        # Those that the last list did not have.
        self._missing: set[int] = set()

    def run(self, timeout: float) -> list[Outcome[Result]]:
        deadline = time.monotonic() + timeout
        for pause in itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1])):
            scopes = self._scopes()
            left = deadline - time.monotonic()
            if not scopes or left <= 0:
                break
            time.sleep(min(max(pause, _PAUSE_PER_SCOPE * len(scopes)), left))
            self._poll(scopes)
        for number in self._pending():
            self._outcomes[number] = self._timed_out(number, timeout)
        return [self._outcomes[number] for number in range(len(self._written))]

    def _pending(self) -> list[int]:
        return [number for number in range(len(self._written)) if number not in self._outcomes]

    def _scopes(self) -> dict[Scope, Logpush]:
        return {self._written[n].scope: self._written[n].logpush for n in self._pending()}

    def _poll(self, scopes: t.Mapping[Scope, Logpush]) -> None:
        """List the jobs of each scope once, and take what they show of those waited for."""
        for logpush in scopes.values():
            logpush.expect(1)
        lists = dict(
            zip(
                scopes,
                run_concurrently(
                    lambda logpush: Jobs(logpush).jobs(), [*scopes.values()], self._concurrency
                ),
            )
        )
        for number in self._pending():
            outcome = self._observe(number, lists[self._written[number].scope])
            if outcome is not None:
                self._outcomes[number] = outcome

    def _observe(self, number: int, listed: Outcome[list[Job]]) -> Outcome[Result] | None:
        written = self._written[number]
        if isinstance(listed, CloudflareError):
            self._problems[written.scope] = listed
            if _may_pass(listed):
                return None
            return _error(written, f"its jobs can no longer be listed: {listed.message}", listed)
        self._problems.pop(written.scope, None)
        job = next((job for job in listed if job.id == written.id), None)
        if job is None:
            # One list may have been older than the job.
            if number in self._missing:
                return _error(written, "was removed before it pushed anything", push=FAILED)
            self._missing.add(number)
            return None
        self._missing.discard(number)
        self._jobs[number] = job
        return _judge(written, job)

    def _timed_out(self, number: int, timeout: float) -> CloudflareError:
        written, job = self._written[number], self._jobs.get(number)
        reason = f"nothing was pushed within {timeout:g} s (wait_timeout)"
        problem = self._problems.get(written.scope)
        if problem is not None:
            return _error(written, f"{reason}; {problem.message}", problem, job, TIMED_OUT)
        if job is not None and is_failing(job.properties):
            # As before the write; a new error would have ended the wait.
            reason += f"; Cloudflare still shows the error: {_reason(job.describe())}"
        else:
            reason += "; where there are no events, there is nothing to push"
        return _error(written, reason, None, job, TIMED_OUT)


def _may_pass(error: CloudflareError) -> bool:
    """Whether a later list may succeed; a page instead of a response is mostly a proxy's."""
    is_malformed = isinstance(error, MalformedResponse)
    return is_malformed or bool((error.values.get("error") or {}).get("retryable"))


def _reason(shown: Result) -> str:
    return shown["error_message"] or "Cloudflare reports no reason"


def _judge(written: _Written, job: Job) -> Outcome[Result] | None:
    """Return what has come of a job since it was written, or None where nothing has."""
    after = job.describe()
    pushed = _is_new(written, after, "last_complete")
    if _is_new(written, after, "last_error") and (not pushed or is_failing(job.properties)):
        return _error(written, f"pushing failed: {_reason(after)}", None, job, FAILED)
    if pushed:
        return {**written.result, "job": after, "push": SUCCEEDED}
    if not after["enabled"]:
        reason = f": {after['error_message']}" if after["error_message"] else ""
        reason = f"was disabled before it pushed anything{reason}"
        return _error(written, reason, None, job, FAILED)
    return None


def _is_new(written: _Written, after: Result, name: str) -> bool:
    # The response to a write may leave out what the list before it showed.
    before = written.before.properties.get(name) if written.before else None
    return after[name] is not None and after[name] not in (before, written.result["job"][name])


def _error(
    written: _Written,
    reason: str,
    cause: CloudflareError | None = None,
    job: Job | None = None,
    push: str | None = None,
) -> CloudflareError:
    """Return the error for a job that was written, with what a successful task returns."""
    shown = job.describe() if job else written.result["job"]
    values = {**written.result, **(cause.values if cause else {}), "job": shown, "push": push}
    return CloudflareError(f"job {written.id} was {written.result['action']}, but {reason}", values)
