# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a job so that nothing is done twice or lost: lost answers, and proofs of ownership."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._retries import GATEWAY_FAULTS
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    MalformedResponse,
    Rejected,
    RequestError,
    Unreachable,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import DesiredJob, Job
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import (
    not_applied,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    LogpushJobs,
    is_token_rejected,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    OWNERSHIP_CHALLENGE,
    disagreements,
)

_MISSING = (
    f"{OWNERSHIP_CHALLENGE}: is missing: Cloudflare wants proof that the destination is yours "
    "before a job may have it. Ask for a challenge with edgeops.cloudflare.logpush_ownership, read "
    "the file that it names, and give its content; or let the playbook "
    "edgeops.cloudflare.push_logs do all of it"
)
_RUN_AGAIN = (
    "It may be under way yet: wait a little before the task is run again, which looks for the job "
    "first"
)
# Seconds before each look for what was not answered.
_PAUSES = (0, 1, 2, 4)


class Written(t.NamedTuple):
    """A job after a write, None in a dry run; and the error that the answer was lost by."""

    job: Job | None
    lost: RequestError | None = None


class JobWriter:
    """Writes one job as it is described."""

    def __init__(self, desired: DesiredJob, logpush: LogpushJobs) -> None:
        self._desired = desired
        self._logpush = logpush

    def create(self, body: t.Mapping[str, t.Any], is_new: t.Callable[[Job], bool]) -> Written:
        """Create a job; where the answer is lost, look for one that ``is_new``.

        Raise ``Rejected`` with ``ownership_required`` where Cloudflare wants a proof.
        """

        def look(lost: RequestError) -> Job:
            def ask() -> list[Job]:
                return [job for job in self._logpush.jobs() if is_new(job)]

            return self._the_one(self._look(lost, ask) or [], lost)

        return self._write(body, self._logpush.create_job, look)

    def update(self, job: Job, body: t.Mapping[str, t.Any]) -> Written:
        """Change a job; where the answer is lost, look whether it is as described.

        Raise ``Rejected`` with ``ownership_required`` where Cloudflare wants a proof.
        """

        def send(content: t.Mapping[str, t.Any]) -> Job | None:
            return self._logpush.update_job(job.id, content)

        def look(lost: RequestError) -> Job:
            def ask() -> Job | None:
                present = self._logpush.job(job.id)
                return None if present is None or self.differences(present) else present

            found = self._look(lost, ask)
            if found is None:
                raise _lost(lost, f"job {job.id} is not as described. {_RUN_AGAIN}")
            if not self.differences(job):
                # Nothing that is shown was to change.
                raise _lost(
                    lost,
                    "whether it was carried out cannot be seen, since Cloudflare hides what was "
                    "sent. Run the task again",
                )
            return t.cast(Job, found)

        return self._write(body, send, look)

    def delete(self, job_id: int) -> RequestError | None:
        """Delete a job; return the error by which the answer was lost, where it is gone."""
        try:
            self._logpush.delete_job(job_id)
        except RequestError as error:
            if not _may_be_carried_out(error):
                raise
            if not self._look(error, lambda: self._logpush.job(job_id) is None):
                raise _lost(error, f"job {job_id} is still there. {_RUN_AGAIN}") from error
            return error
        return None

    def needs_token(self) -> bool:
        """Whether Cloudflare is known to want a token for the destination, and none is given."""
        destination = self._desired.destination
        needed = destination is not None and destination.challenge == "yes"
        return needed and self._desired.token is None

    def differences(self, job: Job) -> t.Sequence[str]:
        """Return by name what of a job, as far as it is shown, is not as described."""
        return not_applied(self._desired, job)

    def _write(
        self,
        body: t.Mapping[str, t.Any],
        send: t.Callable[[t.Mapping[str, t.Any]], Job | None],
        look: t.Callable[[RequestError], Job],
    ) -> Written:
        moved = DESTINATION_CONF in body
        if moved and self.needs_token() and not self._logpush.dry_run:
            raise Rejected(_MISSING, {"ownership_required": True})
        if moved and self._desired.token:
            body = {**body, OWNERSHIP_CHALLENGE: self._desired.token}
        try:
            return Written(send(body))
        except RequestError as error:
            if isinstance(error, ApiError) and is_token_rejected(error):
                raise self._refused(error) from error
            if not _may_be_carried_out(error):
                raise
            return Written(look(error), error)

    def _refused(self, error: ApiError) -> Rejected:
        values = {**error.values, "ownership_required": True}
        if self._desired.token is None or self._desired.destination is None:
            return Rejected(f"{_MISSING}. It said: {error.cause}", values)
        reasons = disagreements(
            self._desired.token,
            object_type=self._logpush.scope.kind,
            object_id=self._logpush.scope.id,
            destination=self._desired.destination,
        )
        sentence = (
            f"Cloudflare does not take {OWNERSHIP_CHALLENGE} as the proof: {error.cause}. Ask for "
            "a new challenge with edgeops.cloudflare.logpush_ownership."
        )
        return Rejected(" ".join([sentence, *reasons]), {**values, "reasons": reasons})

    def _look(self, lost: RequestError, ask: t.Callable[[], t.Any]) -> t.Any:
        """Look what became of a request until there is something, or there has been time enough.

        Where no answer came, the request may be under way for some time yet.
        """
        for pause in _PAUSES if _may_be_under_way(lost) else _PAUSES[:1]:
            time.sleep(pause)
            try:
                found = ask()
            except RequestError as error:
                raise _lost(
                    lost,
                    "whether it was carried out is not known, since looking failed too: "
                    f"{error.message}. {_RUN_AGAIN}",
                ) from error
            if found:
                return found
        return None

    def _the_one(self, jobs: list[Job], lost: RequestError) -> Job:
        """Return the only new job if it is as described, or raise."""
        ids = [job.id for job in jobs]
        if not ids:
            raise _lost(
                lost,
                f"the job is not there, so it seems not to have been created. {_RUN_AGAIN}",
                ids=ids,
            )
        if len(ids) > 1:
            raise _lost(
                lost,
                f"afterwards there were {len(ids)} new jobs of that name (their ids: "
                f"{', '.join(map(str, ids))}), of which all but one should be removed",
                ids=ids,
            )
        names = self.differences(jobs[0])
        if names:
            raise _lost(
                lost,
                f"afterwards there was a new job of that name, {ids[0]}, but it differs in "
                f"{', '.join(names)}, so somebody else may have made it",
                ids=ids,
            )
        return jobs[0]


def _lost(error: RequestError, found: str, **values: t.Any) -> CloudflareError:
    """Say that an answer was lost, and what was found afterwards."""
    return CloudflareError(
        f"{error.message}; {found}", {**error.values, "response_lost": True, **values}
    )


def _may_be_carried_out(error: RequestError) -> bool:
    """Tell whether a write may have happened though no answer said so."""
    if isinstance(error, Unreachable):
        return error.sent
    status = error.status or 0
    return status >= 500 or (status < 300 and isinstance(error, MalformedResponse))


def _may_be_under_way(error: RequestError) -> bool:
    return isinstance(error, Unreachable) or error.status in GATEWAY_FAULTS
