# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shared API helper: what Cloudflare's answers mean.

Knows the envelope that every answer comes in and how to authenticate, but neither Logpush nor
Ansible.
"""

from __future__ import annotations

import json
import typing as t
from urllib.parse import urlsplit

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._requests import (
    AuthBase,
    requests,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._retries import (
    GATEWAY_FAULTS,
    RATE_LIMITED,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import Response
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    InvalidInput,
    MalformedResponse,
    UnexpectedResult,
)

# What trying again later may mend.
_RETRYABLE = (RATE_LIMITED, 500, *GATEWAY_FAULTS)
# Cloudflare is known to refuse valid credentials now and then, in these words.
_PASSING_REFUSAL = "unable to authenticate request"
_SHOWN_CHARACTERS = 200
_LOOKED_AT_BYTES = 64 * 1024

# What a write returns in a dry run; a result can be anything else, None included.
NOT_SENT: t.Final = object()

# Makes of a result what a caller wants of it, or raises ``UnexpectedResult``.
Reads = t.Callable[[t.Any], t.Any]
# The same for a page of a list: gets the result, and what the answer says of it as a page.
ReadsPage = t.Callable[[t.Any, t.Any], t.Any]


def as_it_is(result: t.Any) -> t.Any:
    """Return a result whatever its shape."""
    return result


class TokenAuth(AuthBase):
    """Authenticates with an API token. Raise ``InvalidInput`` where it cannot be one."""

    def __init__(self, api_token: str) -> None:
        self._token = _header_value("api_token", api_token)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class KeyAuth(AuthBase):
    """Authenticates with an e-mail address and the global API key, the older way."""

    def __init__(self, api_email: str, api_key: str) -> None:
        self._email = _header_value("api_email", api_email)
        self._key = _header_value("api_key", api_key)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Auth-Email"] = self._email
        request.headers["X-Auth-Key"] = self._key
        return request


def _header_value(option: str, value: str) -> str:
    """Return ``value`` if a header can carry it as it is; else name the option, not the value."""
    if any(not "!" <= character <= "~" for character in value):
        raise InvalidInput(
            option, "holds white space, a line break or a character that is not ASCII"
        )
    return value


class Sends(t.Protocol):
    """What carries a request, repeats included: ``_retries.Sender``."""

    rate_limit_retry_timeout: float

    def send(self, method: str, path: str, body: bytes | None, *, idempotent: bool) -> Response:
        """Return the last answer, or raise ``Unreachable``."""


class Client:
    """Asks Cloudflare and returns results, or raises a ``RequestError`` that says what came.

    ``mask`` takes the secrets out of a text. With ``dry_run`` a request that writes is not sent:
    this is the one place that decides it.
    """

    def __init__(
        self, sender: Sends, *, mask: t.Callable[[str], str], dry_run: bool = False
    ) -> None:
        self._sender = sender
        self._mask = mask
        self.dry_run = dry_run

    def read(self, method: str, path: str, body: t.Any = None, *, reads: Reads) -> t.Any:
        """Send a request that changes nothing, so that it may be repeated.

        Return what ``reads`` makes of the result.
        """
        return self._call(method, path, body, idempotent=True, reads=reads)

    def read_page(self, path: str, *, reads: ReadsPage) -> t.Any:
        """Send a request for one page of a list.

        Return what ``reads`` makes of the result and of the envelope's ``result_info``.
        """
        return self._ask("GET", path, None, idempotent=True).page(reads)

    def write(
        self,
        method: str,
        path: str,
        body: t.Any = None,
        *,
        idempotent: bool,
        reads: Reads = as_it_is,
    ) -> t.Any:
        """Send a request that changes something; return ``NOT_SENT`` in a dry run.

        Return what ``reads`` makes of the result. ``idempotent`` says that carrying it out twice
        does no harm.
        """
        if self.dry_run:
            return NOT_SENT
        return self._call(method, path, body, idempotent=idempotent, reads=reads)

    def _call(
        self, method: str, path: str, body: t.Any, *, idempotent: bool, reads: Reads
    ) -> t.Any:
        return self._ask(method, path, body, idempotent=idempotent).result(reads)

    def _ask(self, method: str, path: str, body: t.Any, *, idempotent: bool) -> _Envelope:
        content = None if body is None else json.dumps(body).encode()
        answer = self._sender.send(method, path, content, idempotent=idempotent)
        patience = self._sender.rate_limit_retry_timeout
        return _Envelope(answer, method, path, patience, self._mask)


class _Envelope:
    """One answer being read."""

    def __init__(
        self,
        answer: Response,
        method: str,
        path: str,
        patience: float,
        mask: t.Callable[[str], str],
    ) -> None:
        self._answer = answer
        self._method = method
        self._path = path
        self._patience = patience
        self._mask = mask

    def result(self, reads: Reads) -> t.Any:
        """Return what ``reads`` makes of the envelope's ``result``, or raise."""
        return self._read(lambda envelope: reads(envelope.get("result")))

    def page(self, reads: ReadsPage) -> t.Any:
        """Return what ``reads`` makes of the result and its ``result_info``, or raise."""
        return self._read(
            lambda envelope: reads(envelope.get("result"), envelope.get("result_info"))
        )

    def _read(self, reads: t.Callable[[dict[str, t.Any]], t.Any]) -> t.Any:
        status = self._answer.status
        if 300 <= status < 400:
            raise self._malformed(
                f"redirected to {self._redirect_host()}, which is not followed; check base_url"
            )
        envelope = self._envelope()
        if status >= 400 or not envelope["success"]:
            raise self._api_error(envelope)
        try:
            return reads(envelope)
        except UnexpectedResult as error:
            raise MalformedResponse(f"Cloudflare's answer {error}", **self._context()) from error

    def _envelope(self) -> dict[str, t.Any]:
        try:
            envelope = json.loads(self._answer.content)
        except (ValueError, RecursionError):
            envelope = None
        if isinstance(envelope, dict) and isinstance(envelope.get("success"), bool):
            return envelope
        if self._answer.status == RATE_LIMITED:
            # The status says enough.
            return {}
        kind = self._answer.headers.get("Content-Type") or "no content type"
        raise self._malformed(f"not with Cloudflare's JSON but with {kind}: {self._excerpt()}")

    def _excerpt(self) -> str:
        """Return how the content begins, as far as it may be shown."""
        text = self._answer.content[:_LOOKED_AT_BYTES].decode(errors="replace")
        if text.lstrip()[:1] in ("{", "["):
            # It may be half a list of jobs, with secrets that nobody could recognise.
            return "JSON that is cut short, or has no envelope"
        # Masked before it is cut: half a secret would be recognised no more.
        return repr(self._mask(text)[:_SHOWN_CHARACTERS])

    def _redirect_host(self) -> str:
        # The host alone: the rest of a location may carry what nobody should see.
        try:
            host = urlsplit(self._answer.headers.get("Location") or "").hostname
        except ValueError:
            return "an address that is none"
        return host or "another path"

    def _malformed(self, problem: str) -> MalformedResponse:
        status = self._answer.status
        return MalformedResponse(
            f"the server answered HTTP {status}, {problem}",
            **self._context(),
            retryable=status in _RETRYABLE,
        )

    def _api_error(self, envelope: dict[str, t.Any]) -> ApiError:
        status = self._answer.status
        errors = self._without_secrets(envelope.get("errors"))
        if not isinstance(errors, list):
            errors = []
        said = "; ".join(map(_sentence, errors)) or "no reason given"
        cause = f"Cloudflare answered HTTP {status}: {said}"
        if status == RATE_LIMITED:
            cause += self._rate_limit_advice()
        return ApiError(
            cause,
            **self._context(),
            errors=errors,
            retryable=status in _RETRYABLE or _PASSING_REFUSAL in said.lower(),
        )

    def _without_secrets(self, said: t.Any) -> t.Any:
        """Mask what the texts in an answer quote, such as a destination."""
        if isinstance(said, dict):
            return {name: self._without_secrets(value) for name, value in said.items()}
        if isinstance(said, list):
            return [self._without_secrets(each) for each in said]
        return self._mask(said) if isinstance(said, str) else said

    def _rate_limit_advice(self) -> str:
        wait = self._answer.headers.get("Retry-After") or ""
        asks = "the rate limit holds on"
        if wait:
            asks = f"the rate limit asks to wait {wait}{' s more' if wait.isdigit() else ''}"
        return f"; {asks}, and rate_limit_retry_timeout allows {self._patience:g} s in all"

    def _context(self) -> dict[str, t.Any]:
        return {
            "status": self._answer.status,
            "method": self._method,
            "path": self._path,
            "ray_id": self._answer.headers.get("cf-ray"),
        }


def _sentence(entry: t.Any) -> str:
    """Return one entry of an envelope's ``errors`` as a text, whatever its shape."""
    if not isinstance(entry, dict):
        return str(entry)
    code = entry.get("code")
    message = str(entry.get("message") or "no message")
    return message if code is None else f"{message} (code {code})"
