# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of one zone or account, and the fields of its datasets."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import ApiResponse
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import ApiError
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    Job,
    dataset_name,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush

_UNKNOWN_JOB_WORDS = "job not found"


class Jobs:
    """The jobs that ``logpush`` leads to. What writes returns None in check mode."""

    def __init__(self, logpush: Logpush) -> None:
        self._logpush = logpush

    def dataset_fields(self, dataset: str) -> dict[str, str]:
        """Return the fields of a dataset by name, each with its description."""
        path = f"{self._logpush.base}/datasets/{dataset_name(dataset)}/fields"
        response = self._logpush.client.read("GET", path)
        if not isinstance(response.result, dict):
            raise response.malformed("does not list the dataset's fields")
        return {str(name): str(text or "") for name, text in response.result.items()}

    def jobs(self) -> list[Job]:
        """Return all jobs of the scope."""
        response = self._logpush.client.read("GET", f"{self._logpush.base}/jobs")
        # None is an empty list, as APIs that are written in Go have it.
        results = [] if response.result is None else response.result
        if not isinstance(results, list):
            raise response.malformed("does not list jobs")
        return [self._job(response, each) for each in results]

    def job(self, job_id: int) -> Job | None:
        """Return one job, or None where there is no such job."""
        try:
            response = self._logpush.client.read("GET", self._job_path(job_id))
        except ApiError as error:
            if _is_unknown_job(error):
                return None
            raise
        return self._job(response, response.result, job_id)

    def create_job(self, properties: t.Mapping[str, t.Any]) -> Job | None:
        """Create a job. Not idempotent: a second request creates a second job."""
        response = self._logpush.client.write(
            "POST", f"{self._logpush.base}/jobs", properties, idempotent=False
        )
        return None if response is None else self._job(response, response.result)

    def update_job(self, job_id: int, properties: t.Mapping[str, t.Any]) -> Job | None:
        """Change these properties of a job and leave the others; ``output_options`` as a whole.

        Not retried with a token, since it is not documented whether a token may be used twice.
        """
        idempotent = "ownership_challenge" not in properties
        path = self._job_path(job_id)
        response = self._logpush.client.write("PUT", path, properties, idempotent=idempotent)
        return None if response is None else self._job(response, response.result, job_id)

    def delete_job(self, job_id: int) -> None:
        """Delete a job, or find that it is gone already."""
        try:
            response = self._logpush.client.write("DELETE", self._job_path(job_id), idempotent=True)
        except ApiError as error:
            if not _is_unknown_job(error):
                raise
            return
        if response is not None and response.field("id", int) not in (None, job_id):
            raise response.malformed(f"is about another job than {job_id}")

    def _job_path(self, job_id: int) -> str:
        return f"{self._logpush.base}/jobs/{job_id}"

    def _job(self, response: ApiResponse, result: t.Any, job_id: int | None = None) -> Job:
        """Return a job that a response holds; raise ``MalformedResponse`` where it holds none.

        ``job_id`` is the one that was asked for: a response that went astray shows.
        """
        job = Job.of(result)
        if job is None:
            raise response.malformed("contains no job")
        self._logpush.register_secrets(job.secrets())
        if job_id not in (None, job.id):
            raise response.malformed(f"is about another job than {job_id}")
        return job


def _is_unknown_job(error: ApiError) -> bool:
    # An unknown zone is a 404 as well, in other words.
    return error.status == 404 and _UNKNOWN_JOB_WORDS in error.cause.lower()
