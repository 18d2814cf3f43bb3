# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading results that may be of another shape than documented. Pure."""

from __future__ import annotations

import typing as t

_T = t.TypeVar("_T")


def field(result: t.Any, name: str, kind: type[_T]) -> _T | None:
    """Return a field of a result that may be null, or of another shape than documented."""
    value = result.get(name) if isinstance(result, dict) else None
    return value if isinstance(value, kind) else None
