# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is asking: an API token, or an e-mail address with the global API key."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field

from werkzeug.datastructures import Headers

from .envelope import ApiError


def kind(headers: Headers) -> str | None:
    """Which credential a request carries: ``token``, ``key`` or None. A token goes first."""
    if "Authorization" in headers:
        return "token"
    return "key" if "X-Auth-Key" in headers or "X-Auth-Email" in headers else None


@dataclass(frozen=True)
class Credentials:
    """The credentials that are right; new ones for each sandbox."""

    token: str = field(default_factory=lambda: secrets.token_hex(20))
    email: str = "sandbox@example.com"
    # The form of a global key: 37 hexadecimal digits.
    key: str = field(default_factory=lambda: secrets.token_hex(19)[:37])

    def check(self, headers: Headers) -> None:
        """Refuse wrong credentials with ``ApiError``.

        Codes and texts of the refusals are those that users of the real API report.
        """
        carried = kind(headers)
        if carried is None:
            message = "Missing X-Auth-Key, X-Auth-Email or Authorization headers"
            raise ApiError(400, 9106, message)
        if carried == "key":
            self._check_key(headers.get("X-Auth-Email", ""), headers.get("X-Auth-Key", ""))
            return
        match = re.fullmatch(r"Bearer ([\x21-\x7e]+)", headers["Authorization"])
        if match is None:
            raise _bad_header(6111, "Authorization")
        if not hmac.compare_digest(match[1], self.token):
            raise _denied()

    def accepts(self, headers: Headers) -> bool:
        """Whether these headers carry the right credentials."""
        try:
            self.check(headers)
        except ApiError:
            return False
        return True

    def _check_key(self, email: str, key: str) -> None:
        if not email:
            raise ApiError(400, 9106, "Missing X-Auth-Email header")
        if re.fullmatch(r"[0-9a-f]{37}", key) is None:
            raise _bad_header(6103, "X-Auth-Key")
        if email != self.email or not hmac.compare_digest(key, self.key):
            raise _denied()


def _denied() -> ApiError:
    return ApiError(403, 10000, "Authentication error")


def _bad_header(code: int, name: str) -> ApiError:
    chain = [{"code": code, "message": f"Invalid format for {name} header"}]
    return ApiError(400, 6003, "Invalid request headers", error_chain=chain)
