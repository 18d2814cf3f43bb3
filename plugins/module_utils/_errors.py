# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of this collection: each knows what a failed task shows.

Pure. Everything below ``_module.py`` fails by raising one of these and nothing else.
"""

from __future__ import annotations

import typing as t


class CloudflareError(Exception):
    """A failure: ``message``, and what the failed task returns beside it, ``values``.

    Neither needs to be free of secrets: the one place that exits redacts them.
    """

    def __init__(self, message: str, values: dict[str, t.Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.values = values or {}


class InvalidInput(CloudflareError):
    """An option is invalid; nothing was sent. The message begins with the option's name."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")


class Rejected(CloudflareError):
    """Cloudflare processed the request and rejected its subject (``valid: false``)."""


class RequestError(CloudflareError):
    """A request failed. ``error`` in ``values`` is the structure that modules document."""

    def __init__(
        self,
        cause: str,
        *,
        method: str,
        path: str,
        status: int | None = None,
        errors: t.Sequence[t.Any] = (),
        ray_id: str | None = None,
        retryable: bool = False,
    ) -> None:
        self.cause = cause
        self.status = status
        self.errors = list(errors)
        self.codes = [
            entry["code"] for entry in self.errors if isinstance(entry, dict) and "code" in entry
        ]
        super().__init__(
            f"{method} {path} failed: {cause}",
            {
                "error": {
                    "status": status,
                    "method": method,
                    "path": path,
                    "codes": self.codes,
                    "errors": self.errors,
                    "ray_id": ray_id,
                    "retryable": retryable,
                }
            },
        )


class Unreachable(RequestError):
    """No complete response came: no connection, a broken one, or a deadline that passed.

    ``sent``: whether the request may have arrived.
    """

    sent = True


class RateLimited(RequestError):
    """The request was not sent: the rate limit allows none within ``rate_limit_retry_timeout``."""


class MalformedResponse(RequestError):
    """The response is no envelope of Cloudflare's, or its result is not of the documented shape."""


class ApiError(RequestError):
    """Cloudflare's own error: ``success: false``, or an HTTP status of 400 and above."""


class StoreError(CloudflareError):
    """An object store did not return or delete an object.

    ``pending``: it may be readable later (not there yet, access denied, store unavailable).
    """

    def __init__(self, message: str, *, pending: bool = False) -> None:
        super().__init__(message)
        self.pending = pending


class MissingLibrary(CloudflareError):
    """A Python library that a destination needs is not installed.

    ``library`` is its name on PyPI, ``traceback`` that of the failed import.
    """

    def __init__(self, library: str, traceback: str) -> None:
        super().__init__(f"the Python library {library} is not installed")
        self.library = library
        self.traceback = traceback
