#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request many Cloudflare Logpush ownership challenges."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_ownerships
short_description: Request many ownership challenges for Logpush destinations
version_added: 0.3.0
description:
  - Requests ownership challenges for any number of zones and accounts in one task, as
    M(edgeops.cloudflare.logpush_ownership) does for one. Requests are sent concurrently, within
    Cloudflare's rate limit.
  - M(edgeops.cloudflare.logpush_jobs) requests challenges and reads their files by itself. Use this
    module if you read the files by other means.
  - A target that fails does not stop the others. The task fails at the end, and returns the
    RV(results) of all.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.connection.concurrency
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Options are validated. No request is sent, so RV(results[].filename) and
        RV(results[].valid) are V(null).
  diff_mode:
    support: none
    details:
      - A challenge has no state before and after to compare.
  idempotent:
    support: none
    details:
      - Every run requests new challenges.
options:
  targets:
    description: The destinations to request challenges for.
    type: list
    elements: dict
    required: true
    suboptions:
      zone_id:
        description:
          - The zone, for datasets of a zone. 32 hexadecimal digits.
          - Exactly one of O(targets[].zone_id) and O(targets[].account_id) is required.
        type: str
      account_id:
        description:
          - The account, for datasets of an account. 32 hexadecimal digits.
          - Exactly one of O(targets[].zone_id) and O(targets[].account_id) is required.
        type: str
      destination_conf:
        description: The destination, as for M(edgeops.cloudflare.logpush_ownership).
        type: str
        required: true
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_ownership
  - module: edgeops.cloudflare.logpush_challenge_info
  - module: edgeops.cloudflare.logpush_jobs
"""

EXAMPLES = r"""
- name: Request a challenge for each zone
  edgeops.cloudflare.logpush_ownerships:
    targets:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        destination_conf: "s3://edge-logs/example.com/{DATE}?region=us-east-1"
      - zone_id: 9a7806061c88ada191ed06f989cc3dac
        destination_conf: "s3://edge-logs/example.net/{DATE}?region=us-east-1"
  register: challenges

- name: Show the names of the challenge files
  ansible.builtin.debug:
    msg: "{{ challenges.results | map(attribute='filename') }}"
"""

RETURN = r"""
results:
  description:
    - One result per target, in the order of O(targets).
    - Each has the return values of M(edgeops.cloudflare.logpush_ownership), in addition to those
      documented here.
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    item:
      description: Identifies the target by C(zone_id) or C(account_id).
      type: dict
      sample: {"zone_id": "023e105f4ecef8ad9ca31a8372d0c353"}
    changed:
      description: Whether a challenge was requested, or would be in check mode.
      type: bool
      sample: true
    failed:
      description: Whether this target failed.
      type: bool
      sample: false
    msg:
      description: Why it failed.
      returned: when it failed
      type: str
      sample: "Cloudflare wrote no challenge file to destination_conf: Access Denied"
    filename:
      description: The challenge file. V(null) in check mode.
      type: str
      sample: example.com/20261122/ownership-challenge.txt
    valid:
      description: Whether Cloudflare could write the file. V(null) in check mode.
      type: bool
      sample: true
    destination:
      description: The parts of O(targets[].destination_conf) that are not sensitive.
      type: dict
      sample: {"scheme": "s3", "bucket": "edge-logs", "prefix": "example.com/{DATE}"}
    error:
      description: Details of the failed API request.
      returned: when an API request failed
      type: dict
      sample: {"status": 403, "method": "POST", "codes": [10000], "retryable": false}
rate_limit_waited:
  description: Seconds that requests were held back by the rate limit.
  returned: always
  type: float
  sample: 0.0
"""

import contextlib
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._arguments import DESTINATION
from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
    destination_warnings,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Challenge
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.summary import (
    Label,
    summarize,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import (
    LogpushOf,
    execute_many,
)


def run(params: dict[str, t.Any], logpush_of: LogpushOf) -> dict[str, t.Any]:
    """Request the challenges."""
    targets = params["targets"]

    def request_one(target: dict[str, t.Any]) -> dict[str, t.Any]:
        destination = checked_destination(target["destination_conf"])
        challenge = logpush_of(target).request_challenge(destination) or Challenge()
        result = {"changed": True, "destination": destination.describe()}
        return {
            **result,
            "warnings": destination_warnings(destination),
            **challenge._asdict(),
        }

    for target in targets:
        # What is wrong with a target is its own outcome, below.
        with contextlib.suppress(CloudflareError):
            logpush_of(target).expect(1)
    outcomes = run_concurrently(request_one, targets, params["concurrency"])
    return summarize("targets", [_label(target) for target in targets], outcomes)


def _label(target: dict[str, t.Any]) -> Label:
    name = "account_id" if target["zone_id"] is None else "zone_id"
    return Label({name: target[name]}, f"{name.partition('_')[0]} {target[name]}")


def main() -> None:
    """Run the module."""
    execute_many("targets", run, DESTINATION)


if __name__ == "__main__":
    main()
