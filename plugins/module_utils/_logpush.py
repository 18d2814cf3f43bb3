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

_ID = re.compile(r"[0-9a-fA-F]{32}")
# 1002 is a code for anything invalid, a bucket that cannot be written to included: the words tell.
_REJECTED_CODE = 1002
_REJECTED_WORDS = "incorrect ownership challenge"


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
    """Whether Cloudflare takes a token; if not, what it said, and the error that it said it by."""

    valid: bool
    message: str | None = None
    error: dict[str, t.Any] | None = None


class Logpush:
    """The Logpush API of one scope."""

    def __init__(self, client: Client, scope: Scope) -> None:
        self._client = client
        self.scope = scope
        self._base = f"/{scope.kind}s/{scope.id}/logpush"

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
            if _is_rejection(error):
                return Verdict(False, error.cause, error.values["error"])
            raise
        valid = _field(result, "valid", bool)
        if valid is None:
            raise BadAnswer(
                "Cloudflare's answer does not say whether the token is valid",
                method="POST",
                path=path,
                status=200,
            )
        return Verdict(valid)


def _is_rejection(error: ApiError) -> bool:
    """Tell "this token is wrong" from every other error."""
    return (
        error.status == 400
        and _REJECTED_CODE in error.codes
        and _REJECTED_WORDS in error.cause.lower()
    )


_T = t.TypeVar("_T")


def _field(result: t.Any, name: str, kind: type[_T]) -> _T | None:
    """Return a field of a result that may be null, or of another shape than documented."""
    value = result.get(name) if isinstance(result, dict) else None
    return value if isinstance(value, kind) else None
