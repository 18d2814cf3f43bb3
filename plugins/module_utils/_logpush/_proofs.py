# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Having the token of one destination checked, as a module does it."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Refused
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    clean_token,
    disagreements,
)

Result = dict[str, t.Any]


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
        raise Refused(" ".join([sentence, *reasons]), result)
    return result
