# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of one sandbox, and the tokens that were used to make them."""

from __future__ import annotations

import threading
from copy import deepcopy
from typing import Any

Owner = tuple[str, str]  # "zone" or "account", and its id


class Jobs:
    """Jobs, or transformers, by their ids, which are never given twice; safe to use from several
    threads.

    A job is a dict of its properties. What goes in and out is a copy.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[int, tuple[Owner, dict[str, Any]]] = {}
        # The same jobs: with thousands of zones, looking through all takes too long.
        self._owned: dict[Owner, dict[int, dict[str, Any]]] = {}
        self._spent: set[str] = set()
        self._last = 0

    def add(
        self, owner: Owner, properties: dict[str, Any], limit: int | None = None
    ) -> dict[str, Any] | None:
        """Keep a new job; returns it with its id, or None where there are ``limit`` already."""
        with self._lock:
            if limit is not None and len(self._owned.get(owner, {})) >= limit:
                return None
            self._last += 1
            job = deepcopy(properties) | {"id": self._last}
            self._jobs[self._last] = (owner, job)
            self._owned.setdefault(owner, {})[self._last] = job
            return deepcopy(job)

    def owned(self, owner: Owner) -> list[dict[str, Any]]:
        """The jobs of one zone or account, in the order of their ids."""
        with self._lock:
            return deepcopy(list(self._owned.get(owner, {}).values()))

    def everything(self) -> list[tuple[Owner, dict[str, Any]]]:
        """All jobs with their owners."""
        with self._lock:
            return deepcopy(list(self._jobs.values()))

    def find(self, job_id: int) -> tuple[Owner, dict[str, Any]] | None:
        """A job and its owner, or None."""
        with self._lock:
            return deepcopy(self._jobs.get(job_id))

    def update(self, job_id: int, changes: dict[str, Any]) -> dict[str, Any] | None:
        """Replace the properties that are named; None if the job is gone."""
        with self._lock:
            if job_id not in self._jobs:
                return None
            job = self._jobs[job_id][1]
            job |= deepcopy(changes)
            return deepcopy(job)

    def remove(self, job_id: int) -> bool:
        """Forget a job; whether it was there."""
        with self._lock:
            if job_id not in self._jobs:
                return False
            owner, _job = self._jobs.pop(job_id)
            del self._owned[owner][job_id]
            return True

    def spend(self, token: str) -> bool:
        """Note that a token is used for a job; whether it is the first time."""
        with self._lock:
            first = token not in self._spent
            self._spent.add(token)
            return first

    def clear(self) -> None:
        """Forget all jobs and all used tokens; ids go on counting."""
        with self._lock:
            self._jobs.clear()
            self._owned.clear()
            self._spent.clear()
