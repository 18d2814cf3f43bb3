# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API of one zone and one account, and everything that the tests make in it."""

from __future__ import annotations

import itertools
import re
import secrets
import time
import typing as t
from dataclasses import dataclass, field

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from .folder import FOLDER, Folder
from .settings import Settings

_TIMEOUT = 60  # seconds
_FILE_TIMEOUT = 60.0  # seconds until a challenge file must be readable
_STILL_RUNNING = 5  # seconds in which a request that got no response may still be carried out
_LONGEST_WAIT = 310  # seconds, a little more than a block of the rate limit


class _RateLimitRetry(Retry):
    """After a 429 a request is sent once more, when the API says, or a minute later."""

    def get_backoff_time(self) -> float:
        """Return how long to wait where the API does not say."""
        return 60.0


ONCE_MORE = _RateLimitRetry(
    1,
    connect=0,
    read=0,
    status_forcelist=[429],
    allowed_methods=None,
    raise_on_status=False,
    retry_after_max=_LONGEST_WAIT,
)
_JOB = re.compile(rf"{FOLDER}-[0-9a-f]{{8}}-[0-9]+")


@dataclass
class Response:
    """One response: HTTP status, headers and the envelope."""

    status: int
    headers: t.Mapping[str, str] = field(repr=False)
    body: dict[str, t.Any]

    @property
    def result(self) -> t.Any:
        """The result, whatever it is."""
        return self.body.get("result")

    @property
    def mapping(self) -> dict[str, t.Any]:
        """The result of a successful response, which must be an object."""
        assert self.ok, self
        assert isinstance(self.result, dict), self
        return self.result

    @property
    def items(self) -> list[t.Any]:
        """The result of a successful response, which must be a list."""
        assert self.ok, self
        assert isinstance(self.result, list), self
        return self.result

    @property
    def error(self) -> dict[str, t.Any]:
        """Status, code and message of the first error."""
        errors = self.body.get("errors") or [{}]
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
        message = str(first.get("message", ""))
        return {"status": self.status, "code": first.get("code"), "message": message}

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.status == 200 and self.body["success"] is True

    @property
    def refused(self) -> bool:
        """Whether it is any error that blames the request."""
        return 400 <= self.status < 500 and self.body["success"] is False

    def refused_with(self, status: int, code: int, words: str) -> bool:
        """Whether it is an error of this status and code, with these words in its message."""
        error = self.error
        return (self.status, error["code"]) == (status, code) and words in error["message"].lower()


class Api:
    """The API; ``exchange`` describes the last request and its response."""

    def __init__(self, settings: Settings, *, skip: bool) -> None:
        """In a sandbox nothing is to be skipped: there it would be a failure."""
        self.settings = settings
        self.run = secrets.token_hex(4)
        self.exchange = ""
        self.requests = 0
        self._skip = skip
        self._session = requests.Session()
        # Credentials in a .netrc file would replace the token.
        self._session.trust_env = not settings.base_url.startswith("http://127.")
        self._session.auth = lambda request: request
        self._session.mount(settings.base_url, HTTPAdapter(max_retries=ONCE_MORE))
        self._numbers = itertools.count(1)
        self._unanswered = 0
        s3, r2, endpoint = settings.s3_destination, settings.r2_destination, settings.r2_endpoint
        self._s3 = Folder(s3, self.run) if s3 else None
        self._r2 = Folder(r2, self.run, endpoint) if r2 else None

    def not_tested(self, reason: str) -> t.NoReturn:
        """Leave a test, which is not possible here."""
        if self._skip:
            pytest.skip(reason)
        pytest.fail(reason)

    # Requests

    def call(self, method: str, path: str, body: t.Any = None, **more: t.Any) -> Response:
        """Send a request below /logpush of the zone, or ``on="account"``, or to a path that begins
        with a slash, maybe with another ``api_token``; the response must have the envelope.
        """
        response, envelope = self._send(method, path, body, **more)
        is_envelope = isinstance(envelope, dict) and isinstance(envelope.get("success"), bool)
        assert is_envelope, f"no envelope with success: {response.text[:200]}"
        return Response(response.status_code, response.headers, envelope)

    def query(self, text: str, **variables: t.Any) -> dict[str, t.Any]:
        """Send a GraphQL query; returns data and errors, one of which must be there."""
        body = {"query": text, "variables": variables}
        response, answer = self._send("POST", "/graphql", body)
        seen = response.text[:200]
        assert isinstance(answer, dict), f"no object: {seen}"
        assert answer.get("data") or answer.get("errors"), f"neither data nor errors: {seen}"
        if "not authorized" in response.text or response.status_code in (401, 403):
            self.not_tested(f"the API token may not read analytics: {seen}")
        return answer

    def _send(
        self, method: str, path: str, body: t.Any, on: str = "zone", api_token: str | None = None
    ) -> tuple[requests.Response, t.Any]:
        """The response and its JSON, if it is any; an error where the server is overloaded."""
        object_id = self.settings.zone_id if on == "zone" else self.settings.account_id
        place = path if path.startswith("/") else f"/{on}s/{object_id}/logpush/{path}"
        headers = {"Authorization": f"Bearer {api_token or self.settings.api_token}"}
        options = {"headers": headers, "json": body, "timeout": _TIMEOUT, "allow_redirects": False}
        self.requests += 1
        self.exchange = f"{method} {place}"
        # Whatever goes wrong from here on, Ctrl-C too: it may still be carried out.
        self._unanswered += 1
        response = self._session.request(method, self.settings.base_url + place, **options)
        self._unanswered -= 1
        ray = response.headers.get("cf-ray", "none")
        self.exchange += f": HTTP {response.status_code}, cf-ray {ray}"
        if response.status_code == 429 or response.status_code >= 500:
            response.raise_for_status()
        try:
            return response, response.json()
        except ValueError:
            return response, None

    # Jobs

    def destination(self, tail: str = "") -> str:
        """A destination that was not used before: of R2, which needs no challenge, or of S3."""
        return (self._r2 or self._bucket()).destination(tail)

    def bucket_destination(self, tail: str = "") -> str:
        """The same in the S3 bucket, whose challenge files can be read."""
        return self._bucket().destination(tail)

    def new_name(self) -> str:
        """The name of a new job, by which it is found again."""
        return f"{FOLDER}-{self.run}-{next(self._numbers)}"

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
        assert isinstance(job.get("id"), int), job
        return job

    def post(self, body: dict[str, t.Any]) -> Response:
        """Send a new job, never an enabled one; not tested where the zone has no room for it."""
        assert not body.get("enabled")
        assert _JOB.fullmatch(body.get("name", f"{FOLDER}-{self.run}-0"))
        response = self.call("POST", "jobs", body)
        if "exceeded max jobs allowed" in response.error["message"]:
            self.not_tested("the zone has as many jobs as it may have")
        return response

    def put(self, job: dict[str, t.Any], body: dict[str, t.Any]) -> Response:
        """Change a job."""
        return self.call("PUT", f"jobs/{job['id']}", body)

    def get(self, job: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read a job."""
        return self.call("GET", f"jobs/{job['id']}").mapping

    def own_jobs(self, path: str = "jobs") -> list[dict[str, t.Any]]:
        """The jobs of these tests, and no other one."""
        jobs = self.call("GET", path).items
        return [job for job in jobs if _JOB.fullmatch(str(job.get("name")))]

    # Challenges

    def challenge(self, destination: str) -> tuple[str, str, str]:
        """Request a challenge and read its file; returns the file's name, its key and the text."""
        result = self.call("POST", "ownership", {"destination_conf": destination}).mapping
        filename = str(result.get("filename") or "")
        assert result.get("valid") is True, result
        assert filename, result
        deadline = time.monotonic() + _FILE_TIMEOUT
        while True:
            try:
                return filename, *self._bucket().read(filename)
            except Exception as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{filename} cannot be read: {error}") from error
            time.sleep(1)

    def token(self, destination: str) -> str:
        """A new ownership token."""
        return self.challenge(destination)[2].strip()

    def _bucket(self) -> Folder:
        if self._s3 is None:
            self.not_tested("no S3 bucket")
        return self._s3

    # Removal

    def remove_jobs(self) -> list[str]:
        """Remove all jobs of these tests, of earlier runs too; returns what could not be done."""
        if self._unanswered:
            time.sleep(_STILL_RUNNING)
            self._unanswered = 0
        try:
            for job in self.own_jobs():
                response = self.call("DELETE", f"jobs/{job['id']}")
                # An interrupted deletion may have been carried out meanwhile.
                assert response.ok or response.status == 404, response
        except (AssertionError, requests.RequestException) as error:
            return [f"jobs named {FOLDER}-* could not be removed, remove them yourself: {error}"]
        return []

    def remove_everything(self) -> list[str]:
        """Remove jobs, then files; returns what could not be removed."""
        problems = self.remove_jobs()
        for folder in (self._s3, self._r2):
            problems += folder.clear() if folder is not None else []
        return problems
