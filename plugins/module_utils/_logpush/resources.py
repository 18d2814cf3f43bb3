# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Logpush API of one zone or account: ownership and destinations."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    ApiResponse,
    Client,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    InvalidInput,
    Rejected,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)

_ID = re.compile(r"[0-9a-fA-F]{32}")
# 1002 is a code for anything invalid, a bucket that cannot be written to included: the words tell.
_REJECTED_CODE = 1002
_REJECTED_WORDS = "ownership challenge"


class Scope(t.NamedTuple):
    """What a job belongs to: ``kind`` is ``zone`` or ``account``, ``id`` 32 hex digits."""

    kind: str
    id: str

    @classmethod
    def of(cls, zone_id: str | None, account_id: str | None) -> Scope:
        """Return the scope of the one id that is given, or raise ``InvalidInput``."""
        if zone_id is None and account_id is None:
            # Ansible takes a null for a value.
            raise InvalidInput("zone_id", "is missing: set it, or account_id")
        kind, given = ("zone", zone_id) if zone_id is not None else ("account", account_id)
        if given is None or not _ID.fullmatch(given):
            raise InvalidInput(f"{kind}_id", "must be 32 hexadecimal digits")
        return cls(kind, given)

    @property
    def canonical(self) -> Scope:
        """The same one in lower case; Cloudflare accepts upper case too."""
        return self._replace(id=self.id.lower())

    def __str__(self) -> str:
        """Return it as it is called in sentences."""
        return f"{self.kind} {self.id}"

    def diff_header(self, noun: str, name: object) -> str:
        """Return the header of a diff, which Ansible prints without escaping anything."""
        printable = "".join(each if each.isprintable() else "?" for each in str(name))
        return f"{self}: {noun} '{printable}'"


class Challenge(t.NamedTuple):
    """The response to the request for an ownership challenge. Any part may be missing."""

    filename: str | None = None
    message: str | None = None
    valid: bool | None = None

    @property
    def written(self) -> bool:
        """Whether there is a challenge file, and a name to find it by."""
        return self.valid is not False and bool((self.filename or "").strip())


class Verdict(t.NamedTuple):
    """Whether Cloudflare accepts a token or a destination; if not, its message and error.

    ``valid`` is None where nothing was sent.
    """

    valid: bool | None
    message: str | None = None
    error: dict[str, t.Any] | None = None


class Logpush:
    """The Logpush API of one scope.

    ``register_secrets`` gets the secrets in whatever is read, before anything else does. What
    writes returns None in check mode.
    """

    def __init__(
        self,
        client: Client,
        scope: Scope,
        *,
        register_secrets: t.Callable[[t.Iterable[str]], None],
    ) -> None:
        self.client = client
        self._register_secrets = register_secrets
        self.scope = scope
        self.base = f"/{scope.kind}s/{scope.id}/logpush"

    def register_secrets(self, secrets: t.Iterable[str]) -> None:
        """Register sensitive values, so that no output shows them."""
        self._register_secrets(secrets)

    @property
    def check_mode(self) -> bool:
        """Whether requests that write are not sent."""
        return self.client.check_mode

    def expect(self, requests: int) -> None:
        """Let the rate limiter know how many more requests are going to be sent."""
        self.client.rate_limiter.expect(requests)

    def request_challenge(self, destination: Destination) -> Challenge | None:
        """Have Cloudflare write a challenge file into the destination.

        Raise ``Rejected`` where it wrote none. Idempotent: a second request writes another file,
        or the same one again.
        """
        path = f"{self.base}/ownership"
        body = {"destination_conf": destination.raw}
        response = self.client.write("POST", path, body, idempotent=True)
        if response is None:
            return None
        challenge = Challenge(
            filename=response.field("filename", str),
            message=response.field("message", str),
            valid=response.field("valid", bool),
        )
        if not challenge.written:
            raise Rejected(
                "Cloudflare wrote no challenge file to destination_conf: "
                f"{challenge.message or 'no reason given'}",
                {"changed": False, "destination": destination.describe(), **challenge._asdict()},
            )
        return challenge

    def validate_challenge(self, destination: Destination, token: str) -> Verdict:
        """Return whether Cloudflare accepts ``token`` for ``destination``."""
        path = f"{self.base}/ownership/validate"
        body = {"destination_conf": destination.raw, "ownership_challenge": token}
        try:
            response = self.client.read("POST", path, body)
        except ApiError as error:
            if is_token_rejected(error):
                return Verdict(False, error.cause, error.values["error"])
            raise
        return _verdict(response, "whether the token is valid")

    def validate_destination(self, destination: Destination) -> Verdict | None:
        """Have Cloudflare write a test object into the destination."""
        path = f"{self.base}/validate/destination"
        body = {"destination_conf": destination.raw}
        response = self.client.write("POST", path, body, idempotent=True)
        return None if response is None else _verdict(response, "whether the destination is valid")

    def destination_exists(self, destination: Destination) -> bool:
        """Return whether there is a job with this destination."""
        path = f"{self.base}/validate/destination/exists"
        body = {"destination_conf": destination.raw}
        response = self.client.read("POST", path, body)
        return _flag(response, "exists", "whether there is such a job")


def is_token_rejected(error: ApiError) -> bool:
    """Whether the error is that the token is wrong or missing."""
    return (
        error.status == 400
        and _REJECTED_CODE in error.codes
        and _REJECTED_WORDS in error.cause.lower()
    )


def _verdict(response: ApiResponse, question: str) -> Verdict:
    return Verdict(_flag(response, "valid", question), response.field("message", str))


def _flag(response: ApiResponse, name: str, question: str) -> bool:
    value = response.field(name, bool)
    if value is None:
        raise response.malformed(f"does not report {question}")
    return value
