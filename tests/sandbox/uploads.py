# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The uploads of each job, which the analytics of Logpush count."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import Any

from .job_store import Owner
from .schema import Schema

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_DEFAULTS = {"jobId": 1, "status": 200, "final": 1, "uploads": 1}
_DEFAULTS |= dict.fromkeys(("bytes", "bytesCompressed", "records"), 0)
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_SCHEMA = Schema(
    properties={
        "datetime": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", **_TEXT},
        **dict.fromkeys(_DEFAULTS, _NUMBER),
        # Bucket and key are those of deliveries.
        **dict.fromkeys(("destinationType", "bucket", "key"), _TEXT),
    },
    additionalProperties=False,
)


class Uploads:
    """Uploads in order, each a dict; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: list[tuple[Owner, dict[str, Any]]] = []

    def add(self, owner: Owner, upload: dict[str, Any]) -> dict[str, Any]:
        """Add an upload, completed with defaults; ``ValueError`` if it is invalid."""
        now = f"{datetime.now(timezone.utc):{FORMAT}}"
        complete = {**_DEFAULTS, "destinationType": "s3", "datetime": now, **_SCHEMA.check(upload)}
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
