#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate a log destination."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_destination_validate
short_description: Validate a Logpush destination
version_added: 0.2.0
description:
  - Makes Cloudflare write a test object to a log destination, and returns whether it succeeded.
    This finds a wrong bucket, region or key before a job is created.
  - A written test object is reported as a change.
  - Also returns whether a job of the zone or account has this destination.
  - Does not prove ownership of the destination, see M(edgeops.cloudflare.logpush_ownership).
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
      - Options are validated, and RV(destination) and RV(exists) are returned. No test object is
        written, so RV(valid) is V(null).
  diff_mode:
    support: none
    details:
      - A test object has no state before and after to compare.
  idempotent:
    support: none
    details:
      - Every run writes a test object.
options:
  fail_on_invalid:
    description:
      - Whether the task fails if Cloudflare cannot write to the destination. If V(false), the
        result is RV(valid=false).
      - Other errors always fail the task.
    type: bool
    default: true
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job
  - module: edgeops.cloudflare.logpush_ownership
"""

EXAMPLES = r"""
- name: Validate a destination
  edgeops.cloudflare.logpush_destination_validate:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"

- name: Validate a destination, and continue if it is invalid
  edgeops.cloudflare.logpush_destination_validate:
    account_id: 01a7362d577a6c3019a474fd6f485823
    destination_conf: "s3://edge-logs/audit?region=us-east-1"
    fail_on_invalid: false
  register: audit_logs

- name: Show why it is invalid
  ansible.builtin.debug:
    msg: "Cloudflare cannot write to {{ audit_logs.destination.bucket }}: {{ audit_logs.message }}"
  when: audit_logs.valid is false

- name: Check whether a job has this destination, and write nothing
  edgeops.cloudflare.logpush_destination_validate:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
  check_mode: true
  register: http_logs

- name: Show that no job pushes there
  ansible.builtin.debug:
    msg: "No job pushes to {{ http_logs.destination.bucket }}/{{ http_logs.destination.prefix }}"
  when: not http_logs.exists
"""

RETURN = r"""
valid:
  description:
    - Whether Cloudflare could write to the destination. V(null) in check mode.
    - Also returned by a task that fails because Cloudflare could not.
  returned: when no request failed
  type: bool
  sample: true
message:
  description:
    - Message from Cloudflare, usually set if it could not write to the destination. In check mode,
      the reason why nothing was requested.
    - Also returned by a task that fails because Cloudflare could not write.
  returned: when no request failed
  type: str
  sample: ""
exists:
  description:
    - Whether a job of the zone or account has this destination.
    - Also returned by a task that fails because Cloudflare could not write.
  returned: when no request failed
  type: bool
  sample: false
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
  returned: when an API request failed
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
      sample: /zones/023e105f4ecef8ad9ca31a8372d0c353/logpush/validate/destination
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
    destination_warnings,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute

_NOT_VALIDATED = (
    "the destination was not validated, since Cloudflare would write a test object to it"
)


def run(params: dict[str, t.Any], logpush: Logpush) -> dict[str, t.Any]:
    """Look whether a job has the destination, then have Cloudflare write to it."""
    destination = checked_destination(params["destination_conf"])
    exists = logpush.destination_exists(destination)
    verdict = logpush.validate_destination(destination)
    result = {
        "changed": verdict is None or verdict.valid,
        "valid": None if verdict is None else verdict.valid,
        "message": _NOT_VALIDATED if verdict is None else verdict.message,
        "exists": exists,
        "destination": destination.describe(),
        "warnings": destination_warnings(destination),
    }
    if verdict is not None and not verdict.valid and params["fail_on_invalid"]:
        said = verdict.message or "valid: false, without a reason"
        raise Rejected(f"Cloudflare cannot write to the destination: {said}", result)
    return result


def main() -> None:
    """Run the module."""
    execute(run, {**DESTINATION, "fail_on_invalid": {"type": "bool", "default": True}})


if __name__ == "__main__":
    main()
