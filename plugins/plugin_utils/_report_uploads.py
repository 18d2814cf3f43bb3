# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The uploads of jobs, as a report shows them. Pure; any value may be of any type."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.plugin_utils import _report_text as text

Params = t.Mapping[str, t.Any]

# What a job without uploads has.
_NONE = {
    "uploads_succeeded": 0,
    "uploads_failed": 0,
    "records": 0,
    "bytes": 0,
    "bytes_compressed": 0,
    "by_status": (),
}


class Uploads:
    """The uploads of jobs in a period, where they were asked for."""

    def __init__(self, health: t.Any) -> None:
        read = text.mapping(health)
        self.asked = isinstance(read.get("scopes"), list)
        self._jobs = {
            (*scope_key(job.get("scope")), text.line(job.get("id"))): job
            for job in map(text.mapping, read.get("jobs") or ())
        }
        scopes = [text.mapping(scope) for scope in read.get("scopes") or ()]
        self._read = {scope_key(scope) for scope in scopes if not scope.get("failed")}
        self.unread = [
            f"{text.scope(scope)} ({text.line(scope.get('msg'))})"
            for scope in scopes
            if scope.get("failed")
        ]
        self.scopes = len(scopes)
        self.period = " to ".join(text.time_of(read.get(name)) for name in ("since", "until"))

    def of(self, job: Params) -> Params | None:
        """Return the uploads of a job, None where they are not known."""
        key = scope_key(job.get("scope"))
        if key not in self._read:
            return None
        found = self._jobs.get((*key, text.line(job.get("id"))), {})
        return {name: found.get(name, none) for name, none in _NONE.items()}


def count_of(uploads: Params) -> str:
    """Return how many uploads there are, and how many of them failed."""
    good, bad = (uploads[f"uploads_{each}"] for each in ("succeeded", "failed"))
    shown = text.count(good, "upload") if isinstance(good, int) else ""
    return f"{shown}, {text.line(bad)} failed" if bad else shown


def scope_key(scope: t.Any) -> tuple[str, ...]:
    """Return what identifies a zone or account."""
    given = text.mapping(scope)
    return tuple(text.line(given.get(name)) for name in ("zone_id", "account_id"))
