# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that one sandbox knows: its zones and account, credentials, stores, faults, requests."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from .auth import Credentials
from .challenge import Issuer
from .faults import Faults
from .recorder import Recorder
from .store import Store

BUCKET = "edge-logs"
DESTINATION = f"s3://{BUCKET}/zone/{{DATE}}?region=us-east-1"
# How a wrong token is refused: HTTP 400 with code 1002, or HTTP 200 with "valid": false.
SETTINGS: dict[str, tuple[str, ...]] = {"wrong_token": ("error", "valid_false")}


def _identifier() -> str:
    return secrets.token_hex(16)


@dataclass
class World:
    """State of one sandbox; ids and credentials are new each time."""

    stores: dict[str, Store]
    zone_id: str = field(default_factory=_identifier)
    other_zone_id: str = field(default_factory=_identifier)
    account_id: str = field(default_factory=_identifier)
    credentials: Credentials = field(default_factory=Credentials)
    issuer: Issuer = field(default_factory=Issuer)
    faults: Faults = field(default_factory=Faults)
    stopping: threading.Event = field(default_factory=threading.Event)
    recorder: Recorder = field(init=False)
    settings: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.credentials)
        self.settings = _defaults()

    def knows(self, kind: str, object_id: str) -> bool:
        """Whether there is such a zone or account."""
        if kind == "zone":
            return object_id in (self.zone_id, self.other_zone_id)
        return object_id == self.account_id

    def change_settings(self, changes: Any) -> None:
        """Set what is named; ``ValueError`` says what is wrong, and then nothing is set."""
        if not isinstance(changes, dict):
            raise ValueError("settings are an object")
        for name, value in changes.items():
            if name not in SETTINGS:
                raise ValueError(f"unknown setting {name!r}")
            if value not in SETTINGS[name]:
                raise ValueError(f"{name}: one of {', '.join(SETTINGS[name])}")
        self.settings.update(changes)

    def reset(self) -> None:
        """Forget faults, requests and settings; ids, credentials and objects stay."""
        self.faults.clear()
        self.recorder.clear()
        self.settings = _defaults()


def _defaults() -> dict[str, str]:
    return {name: choices[0] for name, choices in SETTINGS.items()}
