# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking for the challenge of one destination, as a module does it."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Rejected
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
    destination_warnings,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Challenge,
    Logpush,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    clean_token,
    disagreements,
)

Result = dict[str, t.Any]


def ask(destination_conf: str, logpush: Logpush) -> Result:
    """Ask for a challenge and return what the next task needs to fetch the file."""
    destination = checked_destination(destination_conf)
    challenge = logpush.request_challenge(destination)
    result = {
        "changed": True,
        "destination": destination.describe(),
        "warnings": destination_warnings(destination),
    }
    if challenge is None:
        return {**result, **Challenge()._asdict()}
    result.update(challenge._asdict())
    if not challenge.written:
        raise Rejected(_refusal(challenge), {**result, "changed": False})
    return result


def _refusal(challenge: Challenge) -> str:
    said = challenge.message or "it gave no reason"
    return f"Cloudflare wrote no challenge file to destination_conf: {said}"


def check(
    destination_conf: str, ownership_challenge: str, logpush: Logpush, *, fail_on_invalid: bool
) -> Result:
    """Ask whether a token is good, and if it is not, look for the reason in its claims."""
    destination = checked_destination(destination_conf)
    token = clean_token(ownership_challenge)
    verdict = logpush.validate_challenge(destination, token)
    reasons = (
        []
        if verdict.valid
        else disagreements(
            token,
            object_type=logpush.scope.kind,
            object_id=logpush.scope.id,
            destination=destination,
        )
    )
    result = {
        "changed": False,
        "destination": destination.describe(),
        "valid": verdict.valid,
        "message": verdict.message,
        "reasons": reasons,
    }
    if verdict.error is not None:
        result["error"] = verdict.error
    if not verdict.valid and fail_on_invalid:
        said = verdict.message or "valid: false, without a reason"
        sentence = f"Cloudflare does not take ownership_challenge as the proof: {said}."
        raise Rejected(" ".join([sentence, *reasons]), result)
    return result
