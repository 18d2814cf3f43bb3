# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that one sandbox knows: zones and accounts, credentials, stores, jobs, faults, requests."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import analytics
from .analytics import Limits, Uploads
from .auth import Credentials
from .challenge import Issuer
from .delivery import Deliveries
from .faults import Faults
from .job_store import Jobs
from .rate import RateLimits
from .recorder import Recorder
from .schema import Schema
from .store import Store
from .zone_store import Zones

BUCKET = "edge-logs"
DESTINATION = f"s3://{BUCKET}/zone/{{DATE}}?region=us-east-1"
# What sources leave open, and the ways to play it; the first is the default.
SETTINGS: dict[str, tuple[str, ...]] = {
    # How many jobs one token may make or move.
    "token_use": ("many", "once"),
    # The name of the challenge file below the prefix: always the same one (a later challenge for
    # the same prefix replaces it), or one of its own.
    "challenge_file": ("same", "unique"),
    # What responses show of a destination_conf, see job_rules.py. There is no trace of any but the
    # first.
    "redaction": ("plain", "masked", "stars", "removed", "whole", "omitted"),
    # How many jobs a zone may have.
    "jobs_per_zone": ("4", "unlimited"),
    "filter_in_answers": ("shown", "left_out"),
    # Whether the account has transformers.
    "transformers": ("available", "unavailable"),
    # Whether the credentials have Analytics Read, and which permission for notifications.
    "analytics": ("permitted", "denied"),
    "notifications": ("write", "read"),
    # Whether errors of GraphQL come with HTTP 200 or with the statuses that are documented.
    "graphql_errors": ("http_200", "http_status"),
}


SCHEMA = Schema(
    properties={name: {"enum": list(choices)} for name, choices in SETTINGS.items()},
    additionalProperties=False,
)


_identifier = partial(secrets.token_hex, 16)


@dataclass
class World:
    """State of one sandbox; ids and credentials are new each time."""

    stores: dict[str, Store]
    deliver: bool = False  # at once, until the control endpoints say otherwise
    zone_id: str = field(default_factory=_identifier)
    other_zone_id: str = field(default_factory=_identifier)
    account_id: str = field(default_factory=_identifier)
    credentials: Credentials = field(default_factory=Credentials)
    issuer: Issuer = field(default_factory=Issuer)
    faults: Faults = field(default_factory=Faults)
    jobs: Jobs = field(default_factory=Jobs)
    transformers: Jobs = field(default_factory=Jobs)
    recorder: Recorder = field(default_factory=Recorder)
    rates: RateLimits = field(default_factory=RateLimits)
    limits: dict[str, Limits] = field(default_factory=analytics.limits)
    # By account and id.
    policies: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    latency: float = 0.0  # seconds
    uploads: Uploads = field(default_factory=Uploads)
    stopping: threading.Event = field(default_factory=threading.Event)
    deliveries: Deliveries = field(init=False)
    settings: dict[str, str] = field(init=False)
    zones: Zones = field(init=False)

    def __post_init__(self) -> None:
        self.zones = Zones(
            {"id": self.account_id, "name": "Sandbox"},
            [
                {"id": self.zone_id, "name": "sandbox.example"},
                {"id": self.other_zone_id, "name": "other.sandbox.example"},
            ],
        )
        self.deliveries = Deliveries(self.jobs, self.uploads, self.stores, deliver=self.deliver)
        self.settings = _defaults()

    def reset(self) -> None:
        """Forget all that was made, used up or set since the start, and all requests.

        What stays: ids of its own zones and account, credentials, and the objects in the stores.
        """
        made = (self.faults, self.zones, self.jobs, self.transformers, self.rates, self.recorder)
        for each in (*made, self.deliveries, self.uploads, self.policies):
            each.clear()
        self.limits = analytics.limits()
        self.latency = 0.0
        self.settings = _defaults()


def _defaults() -> dict[str, str]:
    return {name: choices[0] for name, choices in SETTINGS.items()}
