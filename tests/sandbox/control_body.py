# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the control endpoints share: the body of a request, and how one is refused."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import abort, jsonify, make_response, request


def body() -> Any:
    """The request's body as JSON; an empty object if it has none."""
    given = request.get_json(force=True, silent=True)
    return {} if given is None else given


def an_object(what: str) -> dict[str, Any]:
    """The request's body, which must be an object."""
    given = body()
    if not isinstance(given, dict):
        refuse(f"{what} is asked for with an object")
    return given


def refuse(message: str, status: int = 400) -> NoReturn:
    """Say no."""
    abort(make_response(jsonify({"error": message}), status))
