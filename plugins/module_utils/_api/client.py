# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloudflare's API: authentication, the envelope of each response, check mode.

Knows neither Logpush nor Ansible.
"""

from __future__ import annotations

import json
import os
import re
import sys
import typing as t
from urllib.parse import urlsplit

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import RateLimiter
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    InvalidInput,
    MalformedResponse,
)

# For the User-Agent. A module is run without galaxy.yml, so the number stands here again.
VERSION = "0.4.0"

# A later run may succeed.
_RETRYABLE = (http.RATE_LIMITED, 500, *http.GATEWAY_ERRORS)
# Cloudflare is known to refuse valid credentials now and then, in the first of these words; the
# others are GraphQL's, whose errors may come with HTTP 200.
_TRANSIENT_WORDS = ("unable to authenticate request", "try again", "please repeat your request")

DEEPEST = 100  # levels of a response
_LONGEST_NUMBER = 4300  # digits, as newer versions of Python have it

# Characters. What is shown of a text is redacted before it is cut, so that no half of a secret is
# left; and before that, it is cut to what can be redacted in little time, at whose end there may
# be half of a secret, so that as much as the longest one has is left out again.
_SHOWN = 1000
_SHOWN_OF_PAGE = 200
_REDACTED = 16 * 1024
_LONGEST_SECRET = 8 * 1024
_REDACTED_IN_ALL = 128 * 1024

_T = t.TypeVar("_T")
Redact = t.Callable[[str], str]


class TokenAuth(http.AuthBase):
    """Authenticates with an API token. Raise ``InvalidInput`` where it cannot be one."""

    def __init__(self, api_token: str) -> None:
        self._token = _header_value("api_token", api_token)

    def __call__(self, request: http.requests.PreparedRequest) -> http.requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class KeyAuth(http.AuthBase):
    """Authenticates with an e-mail address and the global API key, the older way."""

    def __init__(self, api_email: str, api_key: str) -> None:
        self._email = _header_value("api_email", api_email)
        self._key = _header_value("api_key", api_key)

    def __call__(self, request: http.requests.PreparedRequest) -> http.requests.PreparedRequest:
        request.headers["X-Auth-Email"] = self._email
        request.headers["X-Auth-Key"] = self._key
        return request


def _header_value(option: str, value: str) -> str:
    """Return ``value`` if a header can carry it as it is; else name the option, not the value."""
    # A vaulted value often ends with a line break, which is never a part of a credential.
    value = value.strip()
    if any(not "!" <= character <= "~" for character in value):
        raise InvalidInput(option, "contains white space or a character that is not ASCII")
    return value


class ApiResponse:
    """A successful response: ``result``, and ``result_info`` of a list in pages."""

    def __init__(self, envelope: t.Mapping[str, t.Any], context: t.Mapping[str, t.Any]) -> None:
        self.result: t.Any = envelope.get("result")
        self.result_info: t.Any = envelope.get("result_info")
        self._context = context

    def field(self, name: str, kind: type[_T]) -> _T | None:
        """Return a member of ``result`` if it is there and of this type."""
        return field(self.result, name, kind)

    def malformed(self, problem: str) -> MalformedResponse:
        """Return an error to be raised; ``problem`` follows "Cloudflare's response"."""
        return MalformedResponse(f"Cloudflare's response {problem}", **self._context)


def field(value: t.Any, name: str, kind: type[_T]) -> _T | None:
    """Return a member of what may be no dictionary, if it is there and of this type.

    A boolean is no number, as in JSON.
    """
    member = value.get(name) if isinstance(value, dict) else None
    if isinstance(member, bool) and kind is not bool:
        return None
    return member if isinstance(member, kind) else None


class Client:
    """Sends requests to Cloudflare and returns responses, or raises a ``RequestError``.

    ``redact`` takes the secrets out of a text. In ``check_mode`` no request that writes is sent:
    this is the one place that decides it.
    """

    def __init__(self, sender: http.Sender, *, redact: Redact, check_mode: bool = False) -> None:
        self._sender = sender
        self._redact = redact
        self.check_mode = check_mode

    @classmethod
    def from_options(
        cls, options: t.Mapping[str, t.Any], *, redact: Redact, check_mode: bool = False
    ) -> Client:
        """Return a client; raise ``InvalidInput`` where an option is invalid.

        ``options`` are those of ``_arguments.CONNECTION``, and of ``CONCURRENCY`` if there are
        any.
        """
        given = dict(options)
        patience = _arguments.seconds(given, "rate_limit_retry_timeout", least=0)
        server = http.Server.of(
            base_url=given["base_url"],
            auth=_authentication(given),
            user_agent=f"ansible-edgeops.cloudflare/{VERSION}",
            verify=_arguments.verification(given),
        )
        transport = http.Transport(
            server, decode=decode_envelope, connections=_arguments.concurrency(given)
        )
        sender = http.Sender(
            transport,
            timeout=_arguments.seconds(given, "timeout", least=0.1),
            rate_limit_retry_timeout=patience,
            rate_limiter=RateLimiter(_arguments.share(given), patience=patience),
        )
        return cls(sender, redact=redact, check_mode=check_mode)

    @property
    def rate_limiter(self) -> RateLimiter:
        """What all requests wait for."""
        return self._sender.rate_limiter

    def read(self, method: str, path: str, body: t.Any = None) -> ApiResponse:
        """Send a request that changes nothing, so that it may be retried."""
        return self._send(method, path, body, idempotent=True)

    def write(
        self, method: str, path: str, body: t.Any = None, *, idempotent: bool
    ) -> ApiResponse | None:
        """Send a request that changes something; None in check mode, where it is not sent.

        ``idempotent``: sending it twice has the same effect as sending it once.
        """
        if self.check_mode:
            return None
        return self._send(method, path, body, idempotent=idempotent)

    def query(self, query: str, variables: t.Mapping[str, t.Any]) -> ApiResponse:
        """Send a GraphQL query, which changes nothing; ``result`` of the response is its ``data``.

        Errors are an ``ApiError``, whatever the HTTP status, even where there is data beside them:
        it is incomplete.
        """
        body = {"query": query, "variables": dict(variables)}
        return self._send("POST", "/graphql", body, idempotent=True, form=_GRAPHQL)

    def _send(
        self,
        method: str,
        path: str,
        body: t.Any,
        *,
        idempotent: bool,
        form: _Form | None = None,
    ) -> ApiResponse:
        content = None if body is None else json.dumps(body).encode()
        form = form or _ENVELOPE
        response = self._sender.send(
            method, path, content, idempotent=idempotent, decode=form.decode
        )
        context = {
            "status": response.status,
            "method": method,
            "path": path,
            "ray_id": (response.headers.get("cf-ray") or "")[:_SHOWN_OF_PAGE] or None,
        }
        if response.status < 300 and response.value and response.value["success"]:
            return ApiResponse(response.value, context)
        if response.status < 400 and (response.status >= 300 or response.value is None):
            raise self._malformed(response, form, context)
        if response.value is None and response.status != http.RATE_LIMITED:
            raise self._malformed(response, form, context)
        raise self._api_error(response, context)

    def _malformed(
        self, response: http.Response, form: _Form, context: dict[str, t.Any]
    ) -> MalformedResponse:
        status = response.status
        return MalformedResponse(
            f"malformed response (HTTP {status}): {_problem(response, form, self._redact)}",
            **context,
            retryable=status in _RETRYABLE,
        )

    def _api_error(self, response: http.Response, context: dict[str, t.Any]) -> ApiError:
        status = response.status
        given = (response.value or {}).get("errors")
        errors = _Shown(self._redact).value(given) if isinstance(given, list) else []
        reason = "; ".join(map(_sentence, errors)) or "no reason given"
        cause = f"Cloudflare answered HTTP {status}: {_shortened(reason)}"
        if response.note:
            cause += f"; {response.note}"
        return ApiError(
            cause,
            **context,
            errors=errors,
            retryable=status in _RETRYABLE
            or any(words in reason.lower() for words in _TRANSIENT_WORDS),
        )


def decode_envelope(content: bytes) -> dict[str, t.Any] | None:
    """Return Cloudflare's envelope, or None where a body is none or too deep."""
    envelope = _decoded(content)
    return envelope if envelope and isinstance(envelope.get("success"), bool) else None


def decode_graphql(content: bytes) -> dict[str, t.Any] | None:
    """Return a GraphQL response as an envelope, or None where a body is none or too deep.

    A request that does not get as far as GraphQL, as one with a wrong credential, may be refused
    with an envelope.
    """
    response = _decoded(content)
    if not response or response.get("success") is True:
        return None
    errors, data = response.get("errors"), response.get("data")
    if response.get("success") is False or (errors and isinstance(errors, list)):
        return {"success": False, "errors": errors, "result": None}
    if errors in (None, []) and isinstance(data, dict):
        return {"success": True, "errors": [], "result": data}
    return None


def _decoded(content: bytes) -> dict[str, t.Any] | None:
    try:
        value = json.loads(content, parse_int=_PARSE_INT)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or _is_too_deep(value):
        return None
    return _encodable(value) if _HALF_CHARACTER.search(content) else value


# Half of a surrogate pair, escaped or not. JSON allows for it, but it cannot be encoded, so that
# Ansible would refuse the result of the task. In UTF-16 there may be any.
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|\A.{0,3}\0", re.DOTALL)


def _encodable(value: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a value with a question mark instead of each unpaired surrogate."""
    text = json.dumps(value, ensure_ascii=False).encode(errors="replace")
    return t.cast(dict[str, t.Any], json.loads(text, parse_int=_PARSE_INT))


class _Form(t.NamedTuple):
    """What the server is expected to send: its ``name`` in messages, and how it is decoded."""

    name: str
    decode: http.Decode


_ENVELOPE = _Form("Cloudflare envelope", decode_envelope)
_GRAPHQL = _Form("GraphQL response", decode_graphql)


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("a number too long")
    return int(digits)


# Older versions of Python take quadratic time for a number; only there is it worth looking.
_PARSE_INT = None if hasattr(sys, "get_int_max_str_digits") else _integer


def _is_too_deep(value: dict[str, t.Any]) -> bool:
    # Level by level, since recursion has its own limit.
    level: list[t.Any] = [value]
    for _depth in range(DEEPEST):
        members = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for some in members for each in some if isinstance(each, (dict, list))]
        if not level:
            return False
    return True


def _problem(response: http.Response, form: _Form, redact: Redact) -> str:
    """Return what is wrong with a response of another form, as far as it may be shown."""
    if 300 <= response.status < 400:
        return f"redirect to {_redirect_host(response)} not followed; check base_url"
    coding = response.headers.get("Content-Encoding")
    if coding and not response.content:
        return f"unexpected Content-Encoding {_shown(coding, redact, _SHOWN_OF_PAGE)}"
    kind = response.headers.get("Content-Type") or "no content type"
    text = response.content[: 2 * _REDACTED].decode(errors="replace")
    if text.lstrip()[:1] in ("{", "["):
        # It may be half of a list of jobs, with secrets that cannot be recognized.
        excerpt = "JSON that is incomplete, nested too deeply or of another structure"
    else:
        excerpt = repr(_shown(text, redact, _SHOWN_OF_PAGE))
    return f"not a {form.name} but {_shown(kind, redact, _SHOWN_OF_PAGE)}: {excerpt}"


def _redirect_host(response: http.Response) -> str:
    # The host alone: the rest of a location may be sensitive.
    try:
        host = urlsplit(response.headers.get("Location") or "").hostname
    except ValueError:
        return "an invalid URL"
    return (host or "another path")[:_SHOWN_OF_PAGE]


def _shown(text: str, redact: Redact, length: int = _SHOWN) -> str:
    """Return a text redacted, and not longer than ``length`` characters."""
    redacted = redact(text[:_REDACTED])
    if len(text) > _REDACTED:
        redacted = redacted[: max(0, len(redacted) - _LONGEST_SECRET)]
    return _shortened(redacted, length)


def _shortened(text: str, length: int = _SHOWN) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


class _Shown:
    """What is shown of the errors in a response: redacted, and only so much of them."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact
        self._left = _REDACTED_IN_ALL

    def value(self, value: t.Any, depth: int = 0) -> t.Any:
        """Return a value with its texts, and the names of its members, redacted and cut."""
        if isinstance(value, str):
            self._left -= min(len(value), _REDACTED)
            return _shown(value, self._redact)
        if not isinstance(value, (dict, list)):
            return value
        if depth == 20:
            return "..."
        if isinstance(value, list):
            return [self.value(each, depth + 1) for each in self._some(value)]
        return {
            self.value(name, depth): self.value(value[name], depth + 1)
            for name in self._some(value)
        }

    def _some(self, members: t.Iterable[_T]) -> t.Iterator[_T]:
        for each in members:
            # Each takes some time, even an empty one.
            self._left -= 64
            if self._left < 0:
                return
            yield each


def _sentence(entry: t.Any) -> str:
    """Return one entry of an envelope's ``errors`` as a text, whatever its shape."""
    if not isinstance(entry, dict):
        return str(entry)
    code = entry.get("code")
    message = str(entry.get("message") or "no message")
    return message if code is None else f"{message} (code {code})"


def _authentication(options: dict[str, t.Any]) -> TokenAuth | KeyAuth:
    """Return how to authenticate; raise ``InvalidInput`` where no credential is complete.

    A token wins over a stray e-mail address in the environment, and an e-mail address with its
    key, both given as options, win over a token that only the environment holds.
    """
    token, email, key = options["api_token"], options["api_email"], options["api_key"]
    if token and not (_in_environment(token, _arguments.TOKEN_NAMES) and _are_given(email, key)):
        return TokenAuth(token)
    if email and key:
        return KeyAuth(email, key)
    if email or key:
        option, other = ("api_key", "api_email") if email else ("api_email", "api_key")
        raise InvalidInput(option, f"is required by {other}")
    raise InvalidInput(
        "api_token",
        "is missing: set it, or CLOUDFLARE_API_TOKEN in the environment that Ansible is started "
        "in, or api_email with api_key",
    )


def _are_given(email: str | None, key: str | None) -> bool:
    """Whether both were given as options rather than found in the environment."""
    return bool(
        email
        and key
        and not _in_environment(email, _arguments.EMAIL_NAMES)
        and not _in_environment(key, _arguments.KEY_NAMES)
    )


def _in_environment(value: str, names: t.Sequence[str]) -> bool:
    return value in (os.environ.get(name) for name in names)
