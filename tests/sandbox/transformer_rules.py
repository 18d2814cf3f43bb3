# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transformer may look like, and what its SQL does, as far as the sandbox reads SQL."""

from __future__ import annotations

import re
from typing import Any

from . import datasets
from .envelope import INVALID, ApiError
from .schema import Schema

# Bytes. The documentation has 10 KB for the SQL, the API reference 32 KB.
_MAX_CODE = 10 * 1024

_FROM = re.compile(r"\bFROM\s+([A-Za-z_]\w*)", re.IGNORECASE)
_COLUMN = r"[A-Za-z_]\w*"
# The only kind of query that is run: columns by their names.
_PLAIN = re.compile(
    rf"\s*SELECT\s+(\*|{_COLUMN}(?:\s*,\s*{_COLUMN})*)\s+FROM\s+{_COLUMN}\s*;?\s*", re.IGNORECASE
)


_SCHEMA = Schema(
    properties={
        "name": {"type": "string", "maxLength": 255},
        "description": {"type": ["string", "null"], "maxLength": 4096},
    }
)


def properties(given: dict[str, Any]) -> dict[str, Any]:
    """Name and description of a body; a description that is left out is empty."""
    name = required(given, "name")
    try:
        _SCHEMA.check(given)
    except ValueError as error:
        raise _inferred(str(error)) from error
    return {"name": name, "description": given.get("description") or ""}


def required(given: dict[str, Any], field: str) -> Any:
    """A member that a body must have; its absence is refused in documented words."""
    if not given.get(field):
        raise ApiError(400, INVALID, f"missing required field: {field}")
    return given[field]


def dataset(code: Any) -> str:
    """The dataset of a query, which is checked as far as the sandbox reads SQL.

    Documented: unknown fields and datasets and wrong syntax are refused with 400, with line and
    column. Inferred: the texts.
    """
    if not isinstance(code, str):
        raise _inferred("code must be a string")
    if len(code.encode("utf-8", "replace")) > _MAX_CODE:
        raise ApiError(413, INVALID, "request entity too large")
    tables = list(_FROM.finditer(code))
    if not re.match(r"\s*(SELECT|WITH)\b", code, re.IGNORECASE) or not tables:
        raise _schema_error(code, 0, "expected a SELECT query with a FROM clause")
    # Such a name may also be a function, in extract(epoch FROM ...), or a common table expression.
    known = [table[1] for table in tables if table[1] in datasets.SCOPES]
    if not known:
        raise _schema_error(code, tables[-1].start(1), f"unknown dataset '{tables[-1][1]}'")
    plain = _PLAIN.fullmatch(code)
    for column in re.finditer(_COLUMN, plain[1]) if plain else ():
        if datasets.is_unknown(known[0], column[0]):
            at = (plain.start(1) if plain else 0) + column.start()
            raise _schema_error(code, at, f"unknown column '{column[0]}'")
    return known[0]


def run(code: str, record: dict[str, Any]) -> dict[str, Any]:
    """The columns of a record that a plain query names; of any other query, the record as it is."""
    plain = _PLAIN.fullmatch(code)
    if plain is None or plain[1] == "*":
        return record
    # Inferred: a field that the record lacks is null.
    return {name: record.get(name) for name in re.findall(_COLUMN, plain[1])}


def _schema_error(code: str, at: int, problem: str) -> ApiError:
    line = code.count("\n", 0, at) + 1
    column = at - (code.rfind("\n", 0, at) + 1) + 1
    return _inferred(f"schema validation error: {problem} at line {line}, column {column}")


def _inferred(message: str) -> ApiError:
    # That it is refused, and with this status, is documented; the code and the text are not.
    return ApiError(400, INVALID, message)
