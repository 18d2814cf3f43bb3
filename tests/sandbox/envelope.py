# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The envelope that every answer of the API comes in."""

from __future__ import annotations

from typing import Any

# A generic code for what does not hold; which message goes with it is known only in part.
INVALID = 1002
# What is not allowed, which several messages go with.
FORBIDDEN = 1004


class ApiError(Exception):
    """An answer that says no.

    ``status`` is the HTTP status, ``code`` Cloudflare's own (1000 or more), ``extra`` further
    members of the entry in ``errors``.
    """

    def __init__(self, status: int, code: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.errors = [{"code": code, "message": message, **extra}]


def success(result: Any) -> dict[str, Any]:
    """Wrap a result."""
    return {"success": True, "errors": [], "messages": [], "result": result}


def failure(errors: list[dict[str, Any]]) -> dict[str, Any]:
    """Wrap a list of errors."""
    return {"success": False, "errors": errors, "messages": [], "result": None}
