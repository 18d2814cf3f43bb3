# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transformers of one sandbox, each with the versions of its SQL."""

from __future__ import annotations

import threading
from copy import deepcopy
from datetime import datetime, timezone
from typing import Any


class Transformers:
    """Transformers by account and id; safe to use from several threads.

    A transformer is a dict of its properties, with ``versions``, the newest last, each with its
    SQL. What goes in and out is a copy. Ids are never given twice.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._transformers: dict[tuple[str, int], dict[str, Any]] = {}
        self._last = 0
        self._last_version = 0

    def add(self, account_id: str, properties: dict[str, Any], code: str) -> dict[str, Any]:
        """Keep a new transformer; returns it with its id."""
        with self._lock:
            self._last += 1
            now = _now()
            transformer = properties | {"id": self._last, "created_at": now, "updated_at": now}
            transformer["versions"] = [self._version(code, 1)]
            self._transformers[account_id, self._last] = transformer
            return deepcopy(transformer)

    def owned(self, account_id: str) -> list[dict[str, Any]]:
        """The transformers of one account, in the order of their ids."""
        with self._lock:
            return deepcopy(
                [each for (owner, _id), each in self._transformers.items() if owner == account_id]
            )

    def find(self, account_id: str, transformer_id: int) -> dict[str, Any] | None:
        """A transformer, or None."""
        with self._lock:
            return deepcopy(self._transformers.get((account_id, transformer_id)))

    def update(
        self, account_id: str, transformer_id: int, changes: dict[str, Any], code: str | None
    ) -> dict[str, Any] | None:
        """Replace the properties that are named, and add a version; None if it is gone."""
        with self._lock:
            transformer = self._transformers.get((account_id, transformer_id))
            if transformer is None:
                return None
            transformer |= changes | {"updated_at": _now()}
            if code is not None:
                versions = transformer["versions"]
                versions.append(self._version(code, len(versions) + 1))
            return deepcopy(transformer)

    def remove(self, account_id: str, transformer_id: int) -> bool:
        """Forget a transformer; whether it was there."""
        with self._lock:
            return self._transformers.pop((account_id, transformer_id), None) is not None

    def clear(self) -> None:
        """Forget all transformers; ids go on counting."""
        with self._lock:
            self._transformers.clear()

    def _version(self, code: str, number: int) -> dict[str, Any]:
        self._last_version += 1
        return {"id": self._last_version, "version": number, "created_at": _now(), "code": code}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
