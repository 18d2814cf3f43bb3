# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transformers: SQL queries that Cloudflare runs on batches of logs; desired state, and their API.

Paths and shapes are those of the official SDKs (cloudflare 5.9.0 for Python, its ``resources`` and
``types/logpush``) and of https://developers.cloudflare.com/logs/logpush/transformers/. Where they
leave something open, a comment says what is inferred.
"""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    ApiResponse,
    Client,
    field,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    InvalidInput,
    RequestError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    checked_id,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope

# What a response may hold of a transformer, in the order in which people read it.
_SHOWN = ("id", "name", "description", "dataset", "created_at", "updated_at")
_SHOWN_OF_JOB = ("id", "name", "object_type", "object_tag")
# All in bytes.
_LONGEST_NAME = 255
_LONGEST_DESCRIPTION = 4096
DOCUMENTED_SIZE = 10 * 1024  # of the SQL, by the documentation
_LARGEST_SIZE = 32 * 1024  # of the SQL, by the API reference

TRANSFORMER: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "id": {"type": "int"},
    "name": {"type": "str"},
    "code": {"type": "str"},
    "description": {"type": "str"},
    "preview_input": {"type": "dict"},
}


class DesiredTransformer(t.NamedTuple):
    """The desired state of a transformer; None is what the task does not set."""

    state: str
    id: int | None
    name: str | None
    code: str | None
    description: str | None
    preview_input: dict[str, t.Any] | None

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> DesiredTransformer:
        """Read a module's options, or raise ``InvalidInput``."""
        desired = cls(**{option: params[option] for option in TRANSFORMER})
        if desired.id is not None:
            checked_id(desired.id)
        if desired.name == "" or (desired.name is None and desired.id is None):
            # Ansible takes a null for a value.
            raise InvalidInput("name", "is empty; set the name of the transformer, or id")
        _check_size("name", desired.name, _LONGEST_NAME)
        if desired.state == "present":
            _check_size("description", desired.description, _LONGEST_DESCRIPTION)
            _check_size("code", desired.code, _LARGEST_SIZE)
            if desired.code is not None and not desired.code.strip():
                raise InvalidInput("code", "is empty; set an SQL query")
        return desired

    def differences(self, actual: Transformer, code: str) -> dict[str, t.Any]:
        """Return what differs, by name; ``code`` is the actual SQL."""
        pairs = {
            "name": (self.name, self.name == actual.name),
            # White space at the end means nothing, and the lookup of a file strips it.
            "description": (self.description, _is_same(self.description, actual.description)),
            "code": (self.code, _is_same(self.code, code)),
        }
        return {
            name: value for name, (value, same) in pairs.items() if value is not None and not same
        }


def _is_same(desired: str | None, actual: str) -> bool:
    return (desired or "").rstrip() == actual.rstrip()


def _check_size(option: str, value: str | None, largest: int) -> None:
    if size_of(value or "") > largest:
        raise InvalidInput(
            option, f"has {size_of(value or '')} bytes; Cloudflare accepts at most {largest}"
        )


def size_of(text: str) -> int:
    """Return the size of a text in bytes, as Cloudflare counts it."""
    return len(text.encode("utf-8", "replace"))


class Transformer:
    """A transformer as Cloudflare shows it, without its SQL.

    Any property but ``id`` may be missing.
    """

    def __init__(self, properties: dict[str, t.Any]) -> None:
        self.properties = properties

    @classmethod
    def of(cls, result: t.Any) -> Transformer | None:
        """Take an API's result for a transformer, or return None where it is none."""
        return cls(result) if field(result, "id", int) is not None else None

    @property
    def id(self) -> int:
        """The number that alone identifies a transformer."""
        number: int = self.properties["id"]
        return number

    @property
    def name(self) -> str:
        """The name; no source says that it is unique."""
        return field(self.properties, "name", str) or ""

    @property
    def description(self) -> str:
        """The description; empty where there is none."""
        return field(self.properties, "description", str) or ""

    @property
    def associated_jobs(self) -> list[dict[str, t.Any]]:
        """The jobs that use the transformer, each with ``id``, ``name`` and whose it is."""
        jobs = field(self.properties, "associated_jobs", list) or []
        return [
            {name: job.get(name) for name in _SHOWN_OF_JOB} for job in jobs if isinstance(job, dict)
        ]

    def describe(self) -> dict[str, t.Any]:
        """Return what modules return, without the SQL."""
        described = {name: self.properties.get(name) for name in _SHOWN}
        described["description"] = self.description
        return {**described, "associated_jobs": self.associated_jobs}


_SHOWN_OF_VERSION = ("id", "version", "created_at")
# The most that the API reference allows; without it the API's own default would apply.
_MOST_VERSIONS = 10

_UNAVAILABLE_WORDS = "transformer feature is not available"
_IN_USE = 409
_TOO_LARGE = 413
# The documentation promises both numbers, but not how they are written.
_POSITION = re.compile(r"\bline:?\s{0,4}(\d{1,5})\b.{0,10}?\bcol(?:umn)?:?\s{0,4}\d", re.IGNORECASE)
_LONGEST_LINE = 200


class TransformerApi:
    """The API of the transformers of one account. What writes returns None in check mode."""

    def __init__(self, client: Client, account_id: str) -> None:
        self._client = client
        self.scope = Scope.of(None, account_id)
        self._base = f"/accounts/{self.scope.id}/logpush/transformers"

    @property
    def check_mode(self) -> bool:
        """Whether requests that write are not sent."""
        return self._client.check_mode

    def transformers(self) -> list[Transformer]:
        """Return all transformers of the account."""
        with _explained():
            response = self._client.read("GET", self._base)
        results = _list_in(response, "does not list transformers")
        return [self._transformer(response, each) for each in results]

    def transformer(self, transformer_id: int) -> Transformer | None:
        """Return one transformer, or None where there is no such transformer."""
        try:
            with _explained():
                response = self._client.read("GET", self._path(transformer_id))
        except ApiError as error:
            if _is_unknown(error):
                return None
            raise
        return self._transformer(response, response.result, transformer_id)

    def code(self, transformer_id: int, version_id: int | None = None) -> str:
        """Return the SQL of a transformer, of its latest version unless another one is named."""
        query = "" if version_id is None else f"?version_id={version_id}"
        with _explained():
            response = self._client.read("GET", f"{self._path(transformer_id)}/content{query}")
        content = response.field("content", str)
        if content is None:
            raise response.malformed("contains no content")
        return content

    def versions(self, transformer_id: int) -> list[dict[str, t.Any]]:
        """Return the latest versions of the SQL, ten at most, the newest first."""
        path = f"{self._path(transformer_id)}/versions?limit={_MOST_VERSIONS}"
        with _explained():
            response = self._client.read("GET", path)
        results = _list_in(response, "does not list versions")
        if any(field(each, "id", int) is None for each in results):
            raise response.malformed("does not list versions")
        return [{name: each.get(name) for name in _SHOWN_OF_VERSION} for each in results]

    def preview(self, code: str, record: t.Mapping[str, t.Any]) -> t.Any:
        """Return what the SQL makes of one record, None where it drops it. Stores nothing.

        By the documentation the result is the record or null. The SDKs for Python and TypeScript
        expect a list of records, so a list is returned as it came.
        """
        with _explained(code):
            body = {"input": record, "sql": code}
            response = self._client.read("POST", f"{self._base}/preview", body)
        records = response.result if isinstance(response.result, list) else [response.result]
        if not all(each is None or isinstance(each, dict) for each in records):
            raise response.malformed("contains no record")
        return response.result

    def create(self, properties: t.Mapping[str, t.Any]) -> Transformer | None:
        """Create a transformer. Not idempotent: a second request may create a second one."""
        with _explained(properties.get("code")):
            response = self._client.write("POST", self._base, properties, idempotent=False)
        return None if response is None else self._transformer(response, response.result)

    def update(self, transformer_id: int, properties: t.Mapping[str, t.Any]) -> Transformer | None:
        """Set name and description, and the SQL if it is given, which makes a version.

        ``name`` is required, and a description that is left out is cleared. With SQL the request is
        not repeated, since each makes a version.
        """
        idempotent = "code" not in properties
        path = self._path(transformer_id)
        with _explained(properties.get("code")):
            response = self._client.write("PUT", path, properties, idempotent=idempotent)
        if response is None:
            return None
        return self._transformer(response, response.result, transformer_id)

    def delete(self, transformer_id: int) -> None:
        """Delete a transformer, or find that it is gone already."""
        try:
            with _explained():
                response = self._client.write("DELETE", self._path(transformer_id), idempotent=True)
        except ApiError as error:
            if not _is_unknown(error):
                raise
            return
        if response is not None and response.field("id", int) not in (None, transformer_id):
            raise response.malformed(f"is about another transformer than {transformer_id}")

    def _path(self, transformer_id: int) -> str:
        return f"{self._base}/{transformer_id}"

    def _transformer(
        self, response: ApiResponse, result: t.Any, transformer_id: int | None = None
    ) -> Transformer:
        """Return a transformer that a response holds, or raise ``MalformedResponse``.

        ``transformer_id`` is the one that was asked for: a response that went astray shows.
        """
        transformer = Transformer.of(result)
        if transformer is None:
            raise response.malformed("contains no transformer")
        if transformer_id not in (None, transformer.id):
            raise response.malformed(f"is about another transformer than {transformer_id}")
        return transformer


def is_in_use(error: ApiError) -> bool:
    """Return whether the error is that jobs use the transformer."""
    return error.status == _IN_USE


def _list_in(response: ApiResponse, problem: str) -> list[t.Any]:
    # None is an empty list, as APIs that are written in Go have it.
    results = [] if response.result is None else response.result
    if not isinstance(results, list):
        raise response.malformed(problem)
    return results


def _is_unknown(error: ApiError) -> bool:
    # The text is documented with status 400, where a job names the transformer. That its own path
    # is answered with it too, or with 404, is inferred. An unknown account is a 404 in other words.
    cause = error.cause.lower()
    return error.status in (400, 404) and "transformer" in cause and "not found" in cause


@contextlib.contextmanager
def _explained(code: str | None = None) -> t.Iterator[None]:
    """Add to the message of an error what to do; ``code`` is the SQL that was sent."""
    try:
        yield
    except RequestError as error:
        advice = _advice(error, code)
        if advice:
            error.message = f"{error.message}. {advice}"
        raise


def _advice(error: RequestError, code: str | None) -> str | None:
    if error.status == 403 and _UNAVAILABLE_WORDS in error.cause.lower():
        # Since 2026-09-30 each plan has transformers, billed by use.
        return (
            "Check in the dashboard whether usage-based Logpush is enabled for the account, or "
            "contact Cloudflare"
        )
    if code is None:
        return None
    if error.status == _TOO_LARGE:
        return f"code has {size_of(code)} bytes; Cloudflare documents a limit of {DOCUMENTED_SIZE}"
    return _quoted_line(error, code) if error.status == 400 else None


def _quoted_line(error: RequestError, code: str) -> str | None:
    """Return the line of the SQL that an error is about, where its message names one."""
    position = _POSITION.search(error.cause)
    number = int(position[1]) if position else 0
    lines = code.split("\n")
    if not 1 <= number <= len(lines):
        return None
    line = lines[number - 1].strip()
    return f"Line {number} of code is: {line[:_LONGEST_LINE]}"
