# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON that comes from outside: checked by a JSON schema."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match


class Schema:
    """A schema of an object, unless it says otherwise."""

    def __init__(self, **schema: Any) -> None:
        self._validator = Draft202012Validator({"type": "object", **schema})

    def check(self, value: Any) -> Any:
        """Return the value; ``ValueError`` names the member, and says what is wrong with it."""
        error = best_match(self._validator.iter_errors(value))
        if error is not None:
            raise ValueError(": ".join([*map(str, error.absolute_path), error.message]))
        return value
