# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate ownership tokens, and explain why one was rejected."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Rejected
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Verdict,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    clean_token,
    disagreements,
)

Result = dict[str, t.Any]


def validate(
    destination_conf: str,
    ownership_challenge: str | None,
    logpush: Logpush,
    *,
    fail_on_invalid: bool,
) -> Result:
    """Have Cloudflare validate a token; where it is rejected, look for the reason in its claims.

    In check mode the token may be missing, since no challenge was requested.
    """
    destination = checked_destination(destination_conf)
    if logpush.check_mode and not (ownership_challenge or "").strip():
        return _validated(destination, Verdict(None), [])
    token = clean_token(ownership_challenge or "")
    verdict = logpush.validate_challenge(destination, token)
    reasons = [] if verdict.valid else explain_rejection(token, logpush, destination)
    result = _validated(destination, verdict, reasons)
    if not verdict.valid and fail_on_invalid:
        reason = verdict.message or "valid: false, no reason given"
        sentence = f"Cloudflare rejected the ownership token: {reason}."
        raise Rejected(" ".join([sentence, *reasons]), result)
    return result


def _validated(destination: Destination, verdict: Verdict, reasons: list[str]) -> Result:
    result = {
        "changed": False,
        "destination": destination.describe(),
        "valid": verdict.valid,
        "message": verdict.message,
        "reasons": reasons,
    }
    if verdict.error is not None:
        result["error"] = verdict.error
    return result


def explain_rejection(token: str, logpush: Logpush, destination: Destination) -> list[str]:
    """Return where a token's own claims disagree with what it was sent for."""
    return disagreements(
        token,
        object_type=logpush.scope.kind,
        object_id=logpush.scope.id,
        destination=destination,
    )
