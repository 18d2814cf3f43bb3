# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Request ownership challenges. Knows neither tokens nor object stores."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Rejected
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
    destination_warnings,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Challenge,
    Logpush,
)

Result = dict[str, t.Any]


def request_challenge(logpush: Logpush, destination: Destination) -> Challenge:
    """Request a challenge; raise ``Rejected`` where Cloudflare wrote no file."""
    challenge = logpush.request_challenge(destination) or Challenge()
    if not challenge.written:
        reason = challenge.message or "no reason given"
        raise Rejected(
            f"Cloudflare wrote no challenge file to destination_conf: {reason}",
            {"changed": False, "destination": destination.describe(), **challenge._asdict()},
        )
    return challenge


def request(destination_conf: str, logpush: Logpush) -> Result:
    """Request a challenge and return what the next task needs to read the file."""
    destination = checked_destination(destination_conf)
    result = {
        "changed": True,
        "destination": destination.describe(),
        "warnings": destination_warnings(destination),
    }
    if logpush.check_mode:
        return {**result, **Challenge()._asdict()}
    return {**result, **request_challenge(logpush, destination)._asdict()}
