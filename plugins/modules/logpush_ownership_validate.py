#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate an ownership token."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_ownership_validate
short_description: Validate a Logpush ownership token
version_added: 0.1.0
description:
  - Validates the ownership token from a challenge file, as M(edgeops.cloudflare.logpush_ownership)
    requests it, for a log destination.
  - If Cloudflare rejects the token, RV(reasons) lists the claims of the token that do not match,
    such as another zone, another path, or an expiry in the past.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.logpush.scope
  - edgeops.cloudflare.logpush.destination
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The token is validated in check mode too, since that changes nothing.
      - A token that is V(null) or empty, as there is none in check mode, is accepted. Nothing is
        sent then, and RV(valid) is V(null).
  diff_mode:
    support: N/A
    details:
      - The module changes nothing.
  idempotent:
    support: full
    details:
      - The module changes nothing.
options:
  ownership_challenge:
    description:
      - The ownership token, which is the content of the challenge file, not its name. At most 4096
        characters. White space around it is removed.
    type: str
    required: true
  fail_on_invalid:
    description:
      - Whether the task fails if Cloudflare rejects the token. If V(false), the result is
        RV(valid=false).
      - Other errors always fail the task.
    type: bool
    default: true
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_ownerships
  - module: edgeops.cloudflare.logpush_ownership
"""

EXAMPLES = r"""
# challenge_file is what the examples of edgeops.cloudflare.logpush_ownership read.
- name: Validate the ownership token
  edgeops.cloudflare.logpush_ownership_validate:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    ownership_challenge: "{{ challenge_file.contents }}"

- name: Validate a stored token
  edgeops.cloudflare.logpush_ownership_validate:
    account_id: 01a7362d577a6c3019a474fd6f485823
    destination_conf: "s3://edge-logs/audit?region=us-east-1"
    ownership_challenge: "{{ stored_token }}"
    fail_on_invalid: false
  register: validation

- name: Show why it was rejected
  ansible.builtin.debug:
    var: validation.reasons
  when: not validation.valid
"""

RETURN = r"""
valid:
  description:
    - Whether Cloudflare accepts the token for O(destination_conf). V(null) if none was sent.
    - Also returned by a task that fails because the token was rejected.
  returned: when no request failed
  type: bool
  sample: true
message:
  description: Message from Cloudflare, usually set if it rejected the token.
  returned: when no request failed
  type: str
  sample: "Cloudflare answered HTTP 400: incorrect ownership challenge (code 1002)"
reasons:
  description:
    - The claims of a rejected token that do not match the options, without sensitive values.
    - Empty if the token was accepted, or its claims do not explain the rejection.
    - Also returned by a task that fails because the token was rejected.
  returned: when no request failed
  type: list
  elements: str
  sample:
    - "The token was issued for another destination: the path is '/http' in the token and
      '/http/{DATE}' in destination_conf."
destination:
  description: The parts of O(destination_conf) that are not sensitive, for the next task.
  returned: when no request failed
  type: dict
  contains:
    scheme:
      description: The kind of destination, in lower case.
      type: str
      sample: s3
    bucket:
      description: The bucket or container, V(null) for other destinations.
      type: str
      sample: edge-logs
    prefix:
      description: The path in the bucket as it was given, V(null) for other destinations.
      type: str
      sample: http/{DATE}
    region:
      description: The region, V(null) if there is none.
      type: str
      sample: us-east-1
    endpoint:
      description: The host that is written to, V(null) if O(destination_conf) has none.
      type: str
      sample: null
    ownership:
      description: Whether Cloudflare requires proof of ownership for such a destination, as
        documented. V(unknown) leaves it to the API.
      type: str
      choices:
        - required
        - not_required
        - unknown
      sample: required
rate_limit_waited:
  description: Seconds that requests were held back by the rate limit.
  returned: always
  type: float
  sample: 0.0
error:
  description: Details of the failed API request.
  returned: when an API request failed, or rejected the token with an error
  type: dict
  contains:
    status:
      description: The HTTP status, V(null) if no response was received.
      type: int
      sample: 403
    method:
      description: The HTTP method.
      type: str
      sample: POST
    path:
      description: The path, below O(base_url).
      type: str
      sample: /zones/023e105f4ecef8ad9ca31a8372d0c353/logpush/ownership/validate
    codes:
      description: Cloudflare's error codes.
      type: list
      elements: int
      sample: [10000]
    errors:
      description: The errors in Cloudflare's response.
      type: list
      elements: dict
      sample: [{"code": 10000, "message": "Authentication error"}]
    ray_id:
      description: Cloudflare Ray ID; quote it in support requests.
      type: str
      sample: 8f2c1d7e4a9b0c3d-FRA
    retryable:
      description: Whether the same request may succeed later.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._arguments import DESTINATION
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import Rejected
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
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute


def run(params: dict[str, t.Any], logpush: Logpush) -> dict[str, t.Any]:
    """Validate the token; where it is rejected, look for the reason in its claims."""
    destination = checked_destination(params["destination_conf"])
    # None in check mode, where no challenge was requested.
    verdict = Verdict(None)
    reasons: list[str] = []
    if not logpush.check_mode or (params["ownership_challenge"] or "").strip():
        token = clean_token(params["ownership_challenge"] or "")
        verdict = logpush.validate_challenge(destination, token)
        kind, scope_id = logpush.scope
        if not verdict.valid:
            reasons = disagreements(
                token, object_type=kind, object_id=scope_id, destination=destination
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
    if verdict.valid is False and params["fail_on_invalid"]:
        reason = verdict.message or "valid: false, no reason given"
        sentence = f"Cloudflare rejected the ownership token: {reason}."
        raise Rejected(" ".join([sentence, *reasons]), result)
    return result


def main() -> None:
    """Run the module."""
    execute(
        run,
        {
            **DESTINATION,
            "ownership_challenge": {"type": "str", "required": True, "no_log": True},
            "fail_on_invalid": {"type": "bool", "default": True},
        },
    )


if __name__ == "__main__":
    main()
