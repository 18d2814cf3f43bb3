# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logpush of one zone or account: its jobs. Knows Cloudflare's API, but not Ansible."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import NOT_SENT
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    UnusableResult,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import Job, dataset_name
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush

_UNKNOWN_JOB_WORDS = "job not found"


class LogpushJobs(Logpush):
    """The jobs of one scope, and what they push."""

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
            "POST", path, properties, repeatable=False, reads=self._read_job
        )
        return None if job is NOT_SENT else job

    def update_job(self, job_id: int, properties: t.Mapping[str, t.Any]) -> Job | None:
        """Change these properties of a job and leave the others; None in a dry run.

        ``output_options`` is replaced whole. With a token it is not repeated, since nobody knows
        whether a token may be used twice.
        """
        path = self._job_path(job_id)
        repeatable = "ownership_challenge" not in properties
        job: Job = self._client.write(
            "PUT", path, properties, repeatable=repeatable, reads=self._read_job
        )
        return None if job is NOT_SENT else job

    def delete_job(self, job_id: int) -> None:
        """Delete a job, or find that it is gone already."""
        try:
            self._client.write("DELETE", self._job_path(job_id), repeatable=True)
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
            raise UnusableResult("does not list jobs")
        return [self._read_job(each) for each in result]

    def _read_job(self, result: t.Any) -> Job:
        job = Job.of(result)
        if job is None:
            raise UnusableResult("holds no job")
        self._conceal(job.secrets())
        return job


def _is_unknown_job(error: ApiError) -> bool:
    # An unknown zone is a 404 as well, in other words.
    return error.status == 404 and _UNKNOWN_JOB_WORDS in error.cause.lower()


def _fields(result: t.Any) -> dict[str, str]:
    if not isinstance(result, dict):
        raise UnusableResult("does not list the dataset's fields")
    return {str(name): str(text or "") for name, text in result.items()}
