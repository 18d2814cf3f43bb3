# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a job pushes logs: its status, from what Cloudflare shows and the time. Pure."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

PUSHING = "pushing"
FAILING = "failing"
STALE = "stale"
IDLE = "idle"
DISABLED = "disabled"
# What is not here is neither healthy nor unhealthy.
_HEALTHY = {PUSHING: True, FAILING: False, STALE: False}

# RFC 3339; the fraction, which may have nine digits, does not matter here.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))")


class HealthRules(t.NamedTuple):
    """When a job is stale: nothing was pushed for longer than ``stale_after`` hours.

    ``now`` is in seconds since 1970; without it, no job is stale. A job of one of the
    ``quiet_datasets``, which may have nothing to push for long, is not either.
    """

    now: float | None = None
    stale_after: float = 24.0
    quiet_datasets: t.Collection[str] = ()

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any], now: float) -> HealthRules:
        """Read a module's options, or raise ``InvalidInput``."""
        hours: float = params["stale_after"]
        # Written so that NaN, which compares with nothing, is refused too.
        if not hours > 0:
            raise InvalidInput("stale_after", f"must be more than 0 hours, and is {hours:g}")
        return cls(now, hours, frozenset(params["quiet_datasets"] or ()))

    def status(self, properties: t.Mapping[str, t.Any]) -> str:
        """Return the status of a job with these properties."""
        if not properties.get("enabled"):
            return DISABLED
        if is_failing(properties):
            return FAILING
        if not properties.get("last_complete"):
            return IDLE
        return STALE if self._is_stale(properties) else PUSHING

    def _is_stale(self, properties: t.Mapping[str, t.Any]) -> bool:
        pushed = _seconds(properties["last_complete"])
        if self.now is None or pushed is None or properties.get("dataset") in self.quiet_datasets:
            return False
        return self.now - pushed > self.stale_after * 3600


# Without a time, no job is stale.
WITHOUT_TIME = HealthRules()


def is_healthy(status: str) -> bool | None:
    """Return whether a status is a healthy one; None where it says neither."""
    return _HEALTHY.get(status)


def is_failing(properties: t.Mapping[str, t.Any]) -> bool:
    """Whether the last push failed; Cloudflare removes the error after the next that succeeds."""
    if properties.get("error_message"):
        return True
    failed, pushed = properties.get("last_error"), properties.get("last_complete")
    if not failed or not pushed:
        return bool(failed)
    times = (_seconds(failed), _seconds(pushed))
    return None in times or t.cast(float, times[0]) > t.cast(float, times[1])


def _seconds(text: t.Any) -> float | None:
    """Return a time in seconds since 1970, or None where it cannot be read."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    day, hour, sign, hours, minutes = found.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        time = datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=timezone.utc)
        return (time + offset if sign == "-" else time - offset).timestamp()
    except (ValueError, OverflowError):
        return None
