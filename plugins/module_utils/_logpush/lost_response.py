# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a write whose response was lost was applied."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import GATEWAY_ERRORS
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    MalformedResponse,
    RequestError,
    Unreachable,
)

# Seconds before each look after a lost response.
_PAUSES = (0, 1, 2, 4)

_T = t.TypeVar("_T")


def may_be_applied(error: RequestError) -> bool:
    """Return whether a write may have been applied though no response said so."""
    if isinstance(error, Unreachable):
        return error.sent
    status = error.status or 0
    return status >= 500 or (status < 300 and isinstance(error, MalformedResponse))


def look_for(lost: RequestError, find: t.Callable[[], _T | None], advice: str) -> _T | None:
    """Call ``find`` until it finds something or the time is over; ``lost`` is the lost write.

    Where no response came, the request may be in progress for some time yet. Raise
    ``CloudflareError`` where ``find`` fails; ``advice`` ends its message.
    """
    for pause in _PAUSES if _may_be_in_progress(lost) else _PAUSES[:1]:
        time.sleep(pause)
        try:
            found = find()
        except RequestError as error:
            raise lost_error(
                lost,
                "whether it was applied is unknown, since the check failed too: "
                f"{error.message}. {advice}",
            ) from error
        if found:
            return found
    return None


def lost_error(lost: RequestError, found: str, **values: t.Any) -> CloudflareError:
    """Return the error for a lost response, with what was found afterwards."""
    return CloudflareError(
        f"{lost.message}; {found}", {**lost.values, "response_lost": True, **values}
    )


def _may_be_in_progress(error: RequestError) -> bool:
    return isinstance(error, Unreachable) or error.status in GATEWAY_ERRORS
