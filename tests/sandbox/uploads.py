# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The uploads of each job, which the analytics of Logpush count."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import Any

from .job_store import Owner

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_NUMBERS = {"jobId": 1, "status": 200, "final": 1, "bytes": 0, "bytesCompressed": 0, "records": 0}
_NUMBERS["uploads"] = 1
# Bucket and key are those of deliveries.
_TEXTS = {"destinationType": "s3", "bucket": "", "key": ""}


class Uploads:
    """Uploads in order, each a dict; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: list[tuple[Owner, dict[str, Any]]] = []

    def add(self, owner: Owner, upload: dict[str, Any]) -> dict[str, Any]:
        """Add an upload, completed with defaults; ``ValueError`` if it is invalid."""
        complete = _complete(upload)
        with self._lock:
            self._uploads.append((owner, complete))
        return complete

    def everything(self) -> list[tuple[Owner, dict[str, Any]]]:
        """Return all uploads, with the zone or account of the job."""
        with self._lock:
            return list(self._uploads)

    def clear(self) -> None:
        """Delete them all."""
        with self._lock:
            self._uploads = []


def _complete(given: dict[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        **_NUMBERS,
        **_TEXTS,
        "datetime": f"{datetime.now(timezone.utc):{FORMAT}}",
    }
    for name, value in given.items():
        if name not in defaults:
            raise ValueError(f"an upload has no {name!r}")
        if type(value) is not type(defaults[name]):
            raise ValueError(f"{name}: {type(defaults[name]).__name__} expected")
    upload = defaults | given
    datetime.strptime(upload["datetime"], FORMAT)
    return upload
