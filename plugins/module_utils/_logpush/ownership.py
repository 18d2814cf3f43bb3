# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking for the challenge of one destination, as a module does it."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Refused
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Challenge, Logpush

Result = dict[str, t.Any]


def ask(destination_conf: str, logpush: Logpush) -> Result:
    """Ask for a challenge and return what the next task needs to fetch the file."""
    destination = checked_destination(destination_conf)
    challenge = logpush.request_challenge(destination)
    result = {"changed": True, "destination": destination.describe()}
    if challenge is None:
        return {**result, **Challenge()._asdict()}
    result.update(challenge._asdict())
    if not challenge.written:
        raise Refused(_refusal(challenge), {**result, "changed": False})
    return result


def _refusal(challenge: Challenge) -> str:
    said = challenge.message or "it gave no reason"
    return f"Cloudflare wrote no challenge file to destination_conf: {said}"
