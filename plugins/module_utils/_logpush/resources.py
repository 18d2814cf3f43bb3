# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logpush of one zone or account: its destinations. Knows Cloudflare's API, but not Ansible."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._results import field
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import NOT_SENT, Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    InvalidInput,
    UnexpectedResult,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    Job,
    dataset_name,
)

_ID = re.compile(r"[0-9a-fA-F]{32}")
# 1002 is a code for anything invalid, a bucket that cannot be written to included: the words tell.
_REJECTED_CODE = 1002
_REJECTED_WORDS = "ownership challenge"


class Scope(t.NamedTuple):
    """What a destination belongs to: ``kind`` is ``zone`` or ``account``, ``id`` 32 hex digits."""

    kind: str
    id: str

    @classmethod
    def of(cls, zone_id: str | None, account_id: str | None) -> Scope:
        """Return the scope of the one id that is given, or raise ``InvalidInput``."""
        if zone_id is None and account_id is None:
            # Ansible takes a null for a value.
            raise InvalidInput("zone_id", "is missing: give it, or account_id")
        kind, given = ("zone", zone_id) if zone_id is not None else ("account", account_id)
        if given is None or not _ID.fullmatch(given):
            raise InvalidInput(f"{kind}_id", "has to be 32 hexadecimal digits")
        return cls(kind, given)

    @property
    def canonical(self) -> Scope:
        """The same one in small letters; Cloudflare takes capitals too."""
        return self._replace(id=self.id.lower())


class Challenge(t.NamedTuple):
    """Cloudflare's answer to a request for a challenge. Any part may be missing."""

    filename: str | None = None
    message: str | None = None
    valid: bool | None = None

    @property
    def written(self) -> bool:
        """Whether there is a challenge file, and a name to find it by."""
        return self.valid is not False and bool((self.filename or "").strip())


class Verdict(t.NamedTuple):
    """Whether Cloudflare accepts a token or destination; if not, its message and its error.

    ``valid`` is None where nothing was sent.
    """

    valid: bool | None
    message: str | None = None
    error: dict[str, t.Any] | None = None


class Logpush:
    """The Logpush API of one scope.

    ``register_secrets`` is told the secrets in whatever is read, before anybody sees it.
    """

    def __init__(
        self,
        client: Client,
        scope: Scope,
        *,
        register_secrets: t.Callable[[t.Iterable[str]], None],
    ) -> None:
        self._client = client
        self._register_secrets = register_secrets
        self.scope = scope
        self._base = f"/{scope.kind}s/{scope.id}/logpush"

    @property
    def check_mode(self) -> bool:
        """Whether requests that write are left out; they return None then."""
        return self._client.dry_run

    def expect(self, requests: int) -> None:
        """Let the rate limiter know how many more requests are going to be sent."""

    def request_challenge(self, destination: Destination) -> Challenge | None:
        """Have Cloudflare write a challenge file into the destination; None in a dry run.

        Asking twice is harmless: it writes another file, or the same one anew.
        """
        path = f"{self._base}/ownership"
        body = {"destination_conf": destination.raw}
        challenge: Challenge = self._client.write(
            "POST", path, body, idempotent=True, reads=_challenge
        )
        return None if challenge is NOT_SENT else challenge

    def validate_challenge(self, destination: Destination, token: str) -> Verdict:
        """Ask whether Cloudflare takes ``token`` as the proof for ``destination``."""
        path = f"{self._base}/ownership/validate"
        body = {"destination_conf": destination.raw, "ownership_challenge": token}
        reads = _verdict("whether the token is valid")
        try:
            verdict: Verdict = self._client.read("POST", path, body, reads=reads)
        except ApiError as error:
            if is_token_rejected(error):
                return Verdict(False, error.cause, error.values["error"])
            raise
        return verdict

    def validate_destination(self, destination: Destination) -> Verdict | None:
        """Have Cloudflare write a test object into the destination; None in a dry run."""
        path = f"{self._base}/validate/destination"
        body = {"destination_conf": destination.raw}
        reads = _verdict("whether the destination is valid")
        verdict: Verdict = self._client.write("POST", path, body, idempotent=True, reads=reads)
        return None if verdict is NOT_SENT else verdict

    def destination_exists(self, destination: Destination) -> bool:
        """Ask whether there is a job with this destination."""
        path = f"{self._base}/validate/destination/exists"
        body = {"destination_conf": destination.raw}
        exists: bool = self._client.read("POST", path, body, reads=_existence)
        return exists

    def dataset_fields(self, dataset: str) -> dict[str, str]:
        """Return the fields of a dataset by name, each with its description."""
        path = f"{self._base}/datasets/{dataset_name(dataset)}/fields"
        fields: dict[str, str] = self._client.read("GET", path, reads=_fields)
        return fields

    def jobs(self) -> list[Job]:
        """Return all jobs of the scope."""
        jobs: list[Job] = self._client.read("GET", f"{self._base}/jobs", reads=self._read_jobs)
        return jobs

    def job(self, job_id: int) -> Job | None:
        """Return one job, or None where there is no such job."""
        try:
            job: Job = self._client.read("GET", self._job_path(job_id), reads=self._read_job)
        except ApiError as error:
            if _is_unknown_job(error):
                return None
            raise
        return job

    def create_job(self, properties: t.Mapping[str, t.Any]) -> Job | None:
        """Create a job; None in a dry run. Asking twice would make two jobs."""
        path = f"{self._base}/jobs"
        job: Job = self._client.write(
            "POST", path, properties, idempotent=False, reads=self._read_job
        )
        return None if job is NOT_SENT else job

    def update_job(self, job_id: int, properties: t.Mapping[str, t.Any]) -> Job | None:
        """Change these properties of a job and leave the others; None in a dry run.

        ``output_options`` is replaced whole. With a token it is not repeated, since nobody knows
        whether a token may be used twice.
        """
        path = self._job_path(job_id)
        idempotent = "ownership_challenge" not in properties
        job: Job = self._client.write(
            "PUT", path, properties, idempotent=idempotent, reads=self._read_job
        )
        return None if job is NOT_SENT else job

    def delete_job(self, job_id: int) -> None:
        """Delete a job, or find that it is gone already."""
        try:
            self._client.write("DELETE", self._job_path(job_id), idempotent=True)
        except ApiError as error:
            if not _is_unknown_job(error):
                raise

    def _job_path(self, job_id: int) -> str:
        return f"{self._base}/jobs/{job_id}"

    def _read_jobs(self, result: t.Any) -> list[Job]:
        if result is None:
            # An empty list, as APIs that are written in Go tell it.
            return []
        if not isinstance(result, list):
            raise UnexpectedResult("does not list jobs")
        return [self._read_job(each) for each in result]

    def _read_job(self, result: t.Any) -> Job:
        job = Job.of(result)
        if job is None:
            raise UnexpectedResult("holds no job")
        self._register_secrets(job.secrets())
        return job


def is_token_rejected(error: ApiError) -> bool:
    """Tell "the token is wrong" and "a token is needed" from every other error."""
    return (
        error.status == 400
        and _REJECTED_CODE in error.codes
        and _REJECTED_WORDS in error.cause.lower()
    )


def _challenge(result: t.Any) -> Challenge:
    return Challenge(
        filename=field(result, "filename", str),
        message=field(result, "message", str),
        valid=field(result, "valid", bool),
    )


def _verdict(question: str) -> t.Callable[[t.Any], Verdict]:
    """Return what reads the answer to a question that begins with "whether"."""

    def read(result: t.Any) -> Verdict:
        return Verdict(_told(result, "valid", question), field(result, "message", str))

    return read


def _existence(result: t.Any) -> bool:
    return _told(result, "exists", "whether there is such a job")


def _told(result: t.Any, name: str, question: str) -> bool:
    answer = field(result, name, bool)
    if answer is None:
        raise UnexpectedResult(f"does not say {question}")
    return answer


_UNKNOWN_JOB_WORDS = "job not found"


def _is_unknown_job(error: ApiError) -> bool:
    # An unknown zone is a 404 as well, in other words.
    return error.status == 404 and _UNKNOWN_JOB_WORDS in error.cause.lower()


def _fields(result: t.Any) -> dict[str, str]:
    if not isinstance(result, dict):
        raise UnexpectedResult("does not list the dataset's fields")
    return {str(name): str(text or "") for name, text in result.items()}
