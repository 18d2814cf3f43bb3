# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a run did what it was to do: judged by what came to the sandbox, and what came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

Entry = dict[str, Any]


def nothing(entries: Sequence[Entry]) -> str | None:
    """Return what is wrong with a run that was to send nothing."""
    return f"{len(entries)} requests were sent" if entries else None


def challenges(
    entries: Iterable[Entry], zone_ids: Sequence[str], destination: str, names: Sequence[str]
) -> str | None:
    """Return what is wrong with a run that was to ask for one challenge for each zone.

    ``names`` are the challenge files that came back.
    """
    wanted = [("POST", f"/client/v4/zones/{zone_id}/logpush/ownership") for zone_id in zone_ids]
    body = {"destination_conf": destination}
    done = [entry for entry in entries if not entry["rate_limited"]]
    problem = _differences(done, wanted)
    if problem is None and any(entry["body"] != body or not entry["writes"] for entry in done):
        problem = "a request was another one, or was not carried out"
    if problem is None and (len(names) != len(zone_ids) or len(set(names)) != len(names)):
        problem = f"{len(set(names))} of {len(zone_ids)} challenges came back"
    return problem


def jobs(
    entries: Iterable[Entry], zone_ids: Sequence[str], kept: Iterable[dict[str, Any]]
) -> str | None:
    """Return what is wrong with a run that was to make one job in each zone."""
    wanted = [("POST", f"/client/v4/zones/{zone_id}/logpush/jobs") for zone_id in zone_ids]
    made = [entry for entry in entries if not entry["rate_limited"] and _makes_job(entry)]
    problem = _differences(made, wanted)
    running = sorted(job["zone_id"] for job in kept if job["enabled"])
    if problem is None and running != sorted(zone_ids):
        problem = f"{len(running)} of {len(zone_ids)} jobs are there and enabled"
    return problem


def _makes_job(entry: Entry) -> bool:
    return bool(entry["method"] == "POST" and entry["path"].endswith("/logpush/jobs"))


def _differences(entries: Iterable[Entry], wanted: Iterable[tuple[str, str]]) -> str | None:
    right, came = Counter(wanted), Counter[tuple[str, str]]()
    for entry in entries:
        if entry["status"] == 200:
            came[entry["method"], entry["path"]] += 1
    missing, more = (right - came).total(), (came - right).total()
    if missing or more:
        return f"{missing} of {right.total()} requests are missing, and {more} are too many"
    return None
