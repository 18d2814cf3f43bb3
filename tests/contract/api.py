# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to the Logpush API of one zone and one account, as they are; and their removal."""

from __future__ import annotations

import json
import re
import time
import typing as t
from dataclasses import dataclass

import requests

from . import names
from .folder import Folder, FolderError, r2_client, s3_client
from .interruption import Interruption
from .settings import Settings

_TIMEOUT = 60  # seconds
_FILE_TIMEOUT = 60.0  # seconds until a challenge file must be readable
_LONGEST_WAIT = 310  # seconds, a little more than a block of the rate limit
_STILL_RUNNING = 5  # seconds in which a request that got no response may still be carried out


class Disagreement(Exception):
    """The API does otherwise than believed."""

    def __init__(self, what: str, expected: t.Any, seen: t.Any) -> None:
        super().__init__(what)
        self.what, self.expected, self.seen = what, expected, seen


class NotTested(Exception):
    """It cannot be tested here; the text says why."""


class Undetermined(Exception):
    """The API could not be reached, or was overloaded."""


@dataclass
class Response:
    """One response: HTTP status, headers and the envelope."""

    status: int
    headers: t.Mapping[str, str]
    body: dict[str, t.Any]

    @property
    def result(self) -> t.Any:
        """The result, whatever it is."""
        return self.body.get("result")

    @property
    def mapping(self) -> dict[str, t.Any]:
        """The result of a successful response, which must be an object."""
        self.expect_success()
        if not isinstance(self.result, dict):
            raise Disagreement("the result", "an object", self.result)
        return self.result

    @property
    def items(self) -> list[t.Any]:
        """The result of a successful response, which must be a list."""
        self.expect_success()
        if not isinstance(self.result, list):
            raise Disagreement("the result", "a list", self.result)
        return self.result

    @property
    def error(self) -> dict[str, t.Any]:
        """Status, code and message of the first error."""
        errors = self.body.get("errors") or [{}]
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
        message = str(first.get("message", ""))
        return {"status": self.status, "code": first.get("code"), "message": message}

    def expect_success(self) -> None:
        """``Disagreement`` if it is an error."""
        if self.status != 200 or self.body.get("success") is not True:
            raise Disagreement("the response", "HTTP 200 with success: true", self.error)


class Api:
    """The API, with everything that was made in it."""

    def __init__(self, settings: Settings, interruption: Interruption | None = None) -> None:
        self.settings = settings
        self.run = names.new_run()
        self.exchange = ""
        self.requests = 0
        self._interruption = interruption or Interruption()
        self._session = requests.Session()
        # Credentials in a .netrc file would replace the token.
        self._session.trust_env = not settings.base_url.startswith("http://127.")
        self._session.auth = lambda request: request
        self._numbers = 0
        self._unanswered = False
        self.s3 = self._folder(settings.s3_destination, s3_client)
        endpoint = settings.r2_endpoint
        self.r2 = self._folder(settings.r2_destination, lambda given: r2_client(given, endpoint))

    def _folder(self, destination: str, client: t.Callable[[str], t.Any]) -> Folder | None:
        return Folder(destination, self.run, client(destination)) if destination else None

    # Requests

    def call(
        self,
        method: str,
        path: str,
        body: t.Any = None,
        *,
        on: str = "zone",
        below: str = "logpush",
        api_token: str | None = None,
    ) -> Response:
        """Send a request below /logpush of the zone or the account; the response must have the
        envelope.

        After a 429 it is sent once more, when the API says. ``Undetermined`` where there is no
        response, or one of a server that is overloaded.
        """
        object_id = self.settings.zone_id if on == "zone" else self.settings.account_id
        path = f"/{on}s/{object_id}/{below}/{path}"
        response, envelope = self._decoded(method, path, body, api_token)
        if not isinstance(envelope, dict) or not isinstance(envelope.get("success"), bool):
            raise Disagreement("the response", "an envelope with success", response.text[:200])
        return Response(response.status_code, response.headers, envelope)

    def query(self, text: str, **variables: t.Any) -> dict[str, t.Any]:
        """Send a GraphQL query; returns data and errors, one of which must be there.

        ``NotTested`` where the API token may not read analytics.
        """
        body = {"query": text, "variables": variables}
        response, answer = self._decoded("POST", "/graphql", body)
        if not isinstance(answer, dict) or not (answer.get("data") or answer.get("errors")):
            raise Disagreement("the response", "data or errors", response.text[:200])
        if "not authorized" in response.text or response.status_code in (401, 403):
            raise NotTested(f"the API token may not read analytics: {response.text[:200]}")
        return answer

    def _decoded(
        self, method: str, path: str, body: t.Any, api_token: str | None = None
    ) -> tuple[requests.Response, t.Any]:
        response = self._send(method, path, body, api_token)
        if response.status_code == 429:
            self._interruption.wait(_retry_after(response.headers))
            response = self._send(method, path, body, api_token)
        if response.status_code == 429 or response.status_code >= 500:
            raise Undetermined(f"HTTP {response.status_code}: {response.text[:200]}")
        try:
            return response, response.json()
        except ValueError:
            return response, None

    def _send(
        self, method: str, path: str, body: t.Any, api_token: str | None
    ) -> requests.Response:
        self._interruption.check()
        url = f"{self.settings.base_url}{path}"
        headers = {"Authorization": f"Bearer {api_token or self.settings.api_token}"}
        self.requests += 1
        self.exchange = f"{method} {path}"
        try:
            response = self._session.request(
                method, url, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            )
        except requests.RequestException as error:
            self._unanswered = self._unanswered or method == "POST"
            raise Undetermined(f"{type(error).__name__}: {error}") from error
        ray = response.headers.get("cf-ray", "none")
        self.exchange += f": HTTP {response.status_code}, cf-ray {ray}"
        return response

    # Jobs

    def destination(self, tail: str = "") -> str:
        """A destination that was not used before: of R2, which needs no challenge, or of S3."""
        folder = self.r2 or self.s3
        if folder is None:
            raise NotTested("no destination")
        return folder.destination(tail)

    def bucket_destination(self, tail: str = "") -> str:
        """The same in the S3 bucket, whose challenge files can be read."""
        if self.s3 is None:
            raise NotTested("no S3 bucket")
        return self.s3.destination(tail)

    def new_name(self) -> str:
        """The name of a new job, by which it is found again."""
        self._numbers += 1
        return names.job_name(self.run, self._numbers)

    def members(self, destination: str | None = None) -> dict[str, t.Any]:
        """What a new job needs: a name that is found again, a destination, and a token if it is
        S3. All else is left out, so the job is disabled."""
        destination = destination or self.destination()
        members = {"name": self.new_name(), "destination_conf": destination}
        if destination.startswith("s3://"):
            members["ownership_challenge"] = self.token(destination)
        return members

    def create(self, destination: str | None = None, /, **more: t.Any) -> dict[str, t.Any]:
        """Create a job, which must succeed; returns it as the response shows it."""
        job = self.post({**self.members(destination), **more}).mapping
        if not isinstance(job.get("id"), int):
            raise Disagreement("the id of a new job", "an integer", job.get("id"))
        return job

    def post(self, body: dict[str, t.Any]) -> Response:
        """Send a new job; ``NotTested`` where the zone has no room for it."""
        response = self.call("POST", "jobs", body)
        if "exceeded max jobs allowed" in response.error["message"]:
            raise NotTested("the zone has as many jobs as it may have")
        return response

    def put(self, job: dict[str, t.Any], body: dict[str, t.Any]) -> Response:
        """Change a job."""
        return self.call("PUT", f"jobs/{job['id']}", body)

    def get(self, job: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read a job."""
        return self.call("GET", f"jobs/{job['id']}").mapping

    def own_jobs(self, path: str = "jobs", on: str = "zone") -> list[dict[str, t.Any]]:
        """The jobs of these tests, and no other one."""
        jobs = self.call("GET", path, on=on).items
        return [job for job in jobs if isinstance(job, dict) and names.is_job_name(job.get("name"))]

    # Challenges

    def challenge(self, destination: str) -> tuple[str, str, str]:
        """Request a challenge and read its file; returns the file's name, its key and the text."""
        result = self.call("POST", "ownership", {"destination_conf": destination}).mapping
        filename = result.get("filename")
        if result.get("valid") is not True or not isinstance(filename, str) or not filename:
            expected = "valid: true and a filename"
            raise Disagreement(
                "the challenge for a bucket that can be written to", expected, result
            )
        key, content = self._read(filename)
        return filename, key, content.decode("utf-8", "replace")

    def token(self, destination: str) -> str:
        """A new ownership token."""
        return self.challenge(destination)[2].strip()

    def _read(self, filename: str) -> tuple[str, bytes]:
        if self.s3 is None:
            raise NotTested("no S3 bucket")
        deadline = time.monotonic() + _FILE_TIMEOUT
        while True:
            try:
                return self.s3.read(filename)
            except FolderError as error:
                if time.monotonic() > deadline:
                    raise Disagreement("the challenge file", filename, str(error)) from error
            self._interruption.wait(1)

    # Removal

    def remove_jobs(self, scopes: t.Iterable[str] = ("zone",)) -> list[str]:
        """Remove all jobs of these tests, of earlier runs too; returns what could not be done."""
        problems = []
        if self._unanswered:
            time.sleep(_STILL_RUNNING)
            self._unanswered = False
        for on in scopes:
            if on == "account" and not self.settings.account_id:
                continue
            try:
                jobs = self.own_jobs(on=on)
            except (Disagreement, Undetermined) as error:
                # A token of the zone alone has made nothing in the account.
                if on == "zone":
                    problems.append(f"the jobs of the {on} could not be listed: {error}")
                continue
            problems += [problem for job in jobs for problem in self._remove(job, on)]
        return problems

    def _remove(self, job: dict[str, t.Any], on: str) -> list[str]:
        try:
            self.call("DELETE", f"jobs/{job['id']}", on=on).expect_success()
        except (Disagreement, Undetermined) as error:
            return [f"job {job.get('id')} could not be removed: {error}"]
        return []

    def remove_everything(self) -> list[str]:
        """Remove jobs, then files; returns what could not be removed."""
        problems = self.remove_jobs(("zone", "account"))
        for folder in (self.s3, self.r2):
            if folder is not None:
                problems += folder.clear()
        return problems


def _retry_after(headers: t.Mapping[str, str]) -> float:
    given = headers.get("Retry-After", "")
    return min(float(given), _LONGEST_WAIT) if re.fullmatch(r"\d+", given) else 60.0


def as_json(value: t.Any) -> str:
    """How values are shown."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str)
