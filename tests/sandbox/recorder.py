# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remembers what was asked, so that a test can say what was sent."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from werkzeug.wrappers import Request

from .auth import kind

# Some requests for each of some thousand zones.
_KEPT = 50_000
_SECRET_HEADERS = {"authorization", "x-auth-key", "x-auth-email", "cookie"}


@dataclass
class Entry:
    """One request to the API.

    ``status`` is None while no answer was begun; ``writes`` says whether it wrote into a store or
    changed the sandbox's state; ``credential`` is ``token``, ``key`` or None; ``body`` is the
    decoded JSON, or the text if it was none.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    credential: str | None
    status: int | None = None
    writes: bool = False
    fault: dict[str, Any] | None = None


class Recorder:
    """The requests in order; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def begin(self, request: Request, body: bytes) -> Entry:
        """Note a request as it arrives; the caller completes the entry."""
        entry = Entry(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(),
            headers={
                name: "***" if name.lower() in _SECRET_HEADERS else value
                for name, value in request.headers.items()
            },
            body=_decoded(body),
            credential=kind(request.headers),
        )
        with self._lock:
            self._entries.append(entry)
        return entry

    def shown(self) -> list[dict[str, Any]]:
        """All entries, as JSON."""
        with self._lock:
            entries = list(self._entries)
        return [asdict(entry) for entry in entries]

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._entries.clear()


def _decoded(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
