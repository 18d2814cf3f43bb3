# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Logpush resources of one zone or account. Knows Cloudflare's API, but not Ansible."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._client import (
    NOT_SENT,
    Client,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._destination import Destination
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    BadAnswer,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._job import Job, dataset_name

_ID = re.compile(r"[0-9a-fA-F]{32}")
# 1002 is a code for anything invalid, a bucket that cannot be written to included: the words tell.
_REJECTED_CODE = 1002
_REJECTED_WORDS = "ownership challenge"
_UNKNOWN_JOB_WORDS = "job not found"


class Scope(t.NamedTuple):
    """What a destination belongs to: ``kind`` is ``zone`` or ``account``, ``id`` 32 hex digits."""

    kind: str
    id: str

    @classmethod
    def of(cls, zone_id: str | None, account_id: str | None) -> Scope:
        """Return the scope of the one id that is given, or raise ``InvalidInput``."""
        kind, given = ("zone", zone_id) if zone_id is not None else ("account", account_id)
        if not _ID.fullmatch(given or ""):
            raise InvalidInput(f"{kind}_id", "has to be 32 hexadecimal digits")
        return cls(kind, t.cast(str, given))


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
    """Whether Cloudflare takes what was asked; if not, what it said, and by which error."""

    valid: bool
    message: str | None = None
    error: dict[str, t.Any] | None = None


class Logpush:
    """The Logpush API of one scope.

    ``conceal`` is told the secrets in whatever is read, before anybody sees it.
    """

    def __init__(
        self,
        client: Client,
        scope: Scope,
        *,
        conceal: t.Callable[[t.Iterable[str]], None],
    ) -> None:
        self._client = client
        self._conceal = conceal
        self.scope = scope
        self._base = f"/{scope.kind}s/{scope.id}/logpush"

    @property
    def dry_run(self) -> bool:
        """Whether requests that write are left out; they return None then."""
        return self._client.dry_run

    def request_challenge(self, destination: Destination) -> Challenge | None:
        """Have Cloudflare write a challenge file into the destination; None in a dry run.

        Asking twice is harmless: it writes another file, or the same one anew.
        """
        result = self._client.write(
            "POST",
            f"{self._base}/ownership",
            {"destination_conf": destination.raw},
            repeatable=True,
        )
        if result is NOT_SENT:
            return None
        return Challenge(
            filename=_field(result, "filename", str),
            message=_field(result, "message", str),
            valid=_field(result, "valid", bool),
        )

    def validate_challenge(self, destination: Destination, token: str) -> Verdict:
        """Ask whether Cloudflare takes ``token`` as the proof for ``destination``."""
        path = f"{self._base}/ownership/validate"
        body = {"destination_conf": destination.raw, "ownership_challenge": token}
        try:
            result = self._client.read("POST", path, body)
        except ApiError as error:
            if is_rejection(error):
                return Verdict(False, error.cause, error.values["error"])
            raise
        valid = _field(result, "valid", bool)
        if valid is None:
            raise _unusable("does not say whether the token is valid", "POST", path)
        return Verdict(valid)

    def validate_destination(self, destination: Destination) -> Verdict | None:
        """Have Cloudflare write a test object into the destination; None in a dry run."""
        path = f"{self._base}/validate/destination"
        body = {"destination_conf": destination.raw}
        result = self._client.write("POST", path, body, repeatable=True)
        if result is NOT_SENT:
            return None
        valid = _field(result, "valid", bool)
        if valid is None:
            raise _unusable("does not say whether the destination is valid", "POST", path)
        return Verdict(valid, _field(result, "message", str))

    def destination_exists(self, destination: Destination) -> bool:
        """Ask whether there is a job with this destination."""
        path = f"{self._base}/validate/destination/exists"
        result = self._client.read("POST", path, {"destination_conf": destination.raw})
        exists = _field(result, "exists", bool)
        if exists is None:
            raise _unusable("does not say whether there is such a job", "POST", path)
        return exists

    def dataset_fields(self, dataset: str) -> dict[str, str]:
        """Return the fields of a dataset by name, each with its description."""
        path = f"{self._base}/datasets/{dataset_name(dataset)}/fields"
        result = self._client.read("GET", path)
        if not isinstance(result, dict):
            raise _unusable("does not list the dataset's fields", "GET", path)
        return {str(name): str(text or "") for name, text in result.items()}

    def jobs(self) -> list[Job]:
        """Return all jobs of the scope."""
        path = f"{self._base}/jobs"
        result = self._client.read("GET", path)
        if result is None:
            # An empty list, as APIs that are written in Go tell it.
            return []
        if not isinstance(result, list):
            raise _unusable("does not list jobs", "GET", path)
        return [self._job(each, "GET", path) for each in result]

    def job(self, job_id: int) -> Job | None:
        """Return one job, or None where there is no such job."""
        path = self._job_path(job_id)
        try:
            return self._job(self._client.read("GET", path), "GET", path)
        except ApiError as error:
            if _is_unknown_job(error):
                return None
            raise

    def create_job(self, properties: t.Mapping[str, t.Any]) -> Job | None:
        """Create a job; None in a dry run. Asking twice would make two jobs."""
        path = f"{self._base}/jobs"
        result = self._client.write("POST", path, properties, repeatable=False)
        return None if result is NOT_SENT else self._job(result, "POST", path)

    def update_job(self, job_id: int, properties: t.Mapping[str, t.Any]) -> Job | None:
        """Change these properties of a job and leave the others; None in a dry run.

        ``output_options`` is replaced whole. With a token it is not repeated, since nobody knows
        whether a token may be used twice.
        """
        path = self._job_path(job_id)
        repeatable = "ownership_challenge" not in properties
        result = self._client.write("PUT", path, properties, repeatable=repeatable)
        return None if result is NOT_SENT else self._job(result, "PUT", path)

    def delete_job(self, job_id: int) -> None:
        """Delete a job, or find that it is gone already."""
        try:
            self._client.write("DELETE", self._job_path(job_id), repeatable=True)
        except ApiError as error:
            if not _is_unknown_job(error):
                raise

    def _job_path(self, job_id: int) -> str:
        return f"{self._base}/jobs/{job_id}"

    def _job(self, result: t.Any, method: str, path: str) -> Job:
        job = Job.of(result)
        if job is None:
            raise _unusable("holds no job", method, path)
        self._conceal(job.secrets())
        return job


def is_rejection(error: ApiError) -> bool:
    """Tell "the token is wrong" and "a token is needed" from every other error."""
    return (
        error.status == 400
        and _REJECTED_CODE in error.codes
        and _REJECTED_WORDS in error.cause.lower()
    )


def _is_unknown_job(error: ApiError) -> bool:
    # An unknown zone is a 404 as well, in other words.
    return error.status == 404 and _UNKNOWN_JOB_WORDS in error.cause.lower()


def _unusable(problem: str, method: str, path: str) -> BadAnswer:
    return BadAnswer(f"Cloudflare's answer {problem}", method=method, path=path, status=200)


_T = t.TypeVar("_T")


def _field(result: t.Any, name: str, kind: type[_T]) -> _T | None:
    """Return a field of a result that may be null, or of another shape than documented."""
    value = result.get(name) if isinstance(result, dict) else None
    return value if isinstance(value, kind) else None
