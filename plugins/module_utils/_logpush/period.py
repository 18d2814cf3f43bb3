# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Periods of analytics: how tasks give them, and how they are split. Pure."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

DAY = 86400
DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LAST = 253370764800  # the year 9999


class Period(t.NamedTuple):
    """A period in seconds since 1970: ``since`` is in it, ``until`` is not."""

    since: int
    until: int

    def parts(self, longest: int) -> list[Period]:
        """Return the period in parts of at most so many seconds."""
        starts = range(self.since, self.until, longest)
        return [Period(start, min(start + longest, self.until)) for start in starts]

    def halves(self, unit: int) -> list[Period]:
        """Return both halves, whole multiples of ``unit`` seconds, or nothing: it is one unit."""
        half = (self.until - self.since) // unit // 2 * unit
        middle = self.since + half
        return [Period(self.since, middle), Period(middle, self.until)] if half else []


def health_period(params: t.Mapping[str, t.Any], now: int) -> Period:
    """Read the options ``since``, ``until`` and ``period``, or raise ``InvalidInput``.

    What is later than now is now: each hour until then could be a query.
    """
    until = now if params["until"] is None else min(seconds("until", params["until"]), now)
    length = params["period"]
    if params["since"] is None:
        length = DAY if length is None else length
        if not 1 <= length <= until:
            raise InvalidInput("period", "must be 1 second or more, and begin after 1970")
        return Period(until - length, until)
    if length is not None:
        raise InvalidInput("period", "is mutually exclusive with since; set only one of them")
    since = seconds("since", params["since"])
    check_order(since, until)
    return Period(since, until)


def check_order(since: int, until: int) -> None:
    """Raise ``InvalidInput`` where a period ends before it begins."""
    if since >= until:
        raise InvalidInput(
            "since", "must be earlier than until, which is now unless it is set to an earlier time"
        )


def date(option: str, text: str) -> int:
    """Return the beginning of a day in UTC in seconds since 1970."""
    if not DATE.fullmatch(text.strip()):
        raise InvalidInput(option, "must be a date such as 2026-11-22")
    return seconds(option, text)


def seconds(option: str, text: str) -> int:
    """Return a time in whole seconds since 1970; without an offset it is in UTC."""
    # Older versions of Python take neither Z nor each fraction.
    whole = re.sub(r"(:\d\d)[.,]\d+", r"\1", re.sub("[Zz]$", "+00:00", text.strip()))
    try:
        time = datetime.fromisoformat(whole)
        moment = (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        moment = -1
    if not 0 <= moment < _LAST:
        raise InvalidInput(option, "must be a time in ISO 8601 such as 2026-11-22T14:00:00Z")
    return int(moment)


def in_utc(moment: int) -> str:
    """Return a time, in seconds since 1970, in ISO 8601."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(moment: int) -> str:
    """Return the date of a time in UTC."""
    return in_utc(moment)[:10]
