#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Cloudflare Logpush for many ownership challenges, or have many tokens checked."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_ownerships
short_description: Ask Cloudflare Logpush for many ownership challenges, or have many tokens checked
version_added: 0.3.0
description:
  - Does in one task what M(edgeops.cloudflare.logpush_ownership) and
    M(edgeops.cloudflare.logpush_ownership_validate) do in a task each, for any number of zones
    and accounts. The requests are sent side by side, below Cloudflare's rate limit.
  - For a target without O(targets[].ownership_challenge) a challenge is asked for; for one with it,
    that token is checked.
  - One that fails does not stop the others. The task fails at the end, with RV(results) of all.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.connection.concurrency
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Tokens are checked, which writes nothing. No challenge is asked for, so that
        RV(results[].filename) and RV(results[].valid) are V(null).
  diff_mode:
    support: none
    details:
      - A challenge has no state before and after to compare.
  idempotent:
    support: none
    details:
      - Each run asks for challenges anew.
options:
  targets:
    description: What is to be asked or checked.
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
      ownership_challenge:
        description:
          - The content of the challenge file, to have it checked as
            M(edgeops.cloudflare.logpush_ownership_validate) does.
        type: str
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_ownership
  - module: edgeops.cloudflare.logpush_ownership_validate
  - module: edgeops.cloudflare.logpush_jobs
"""

EXAMPLES = r"""
- name: Have Cloudflare write a challenge file for each zone
  edgeops.cloudflare.logpush_ownerships:
    targets:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
      - zone_id: 9a7806061c88ada191ed06f989cc3dac
        destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
  register: challenges

- name: Say where the files are
  ansible.builtin.debug:
    msg: "{{ challenges.results | map(attribute='filename') }}"
"""

RETURN = r"""
results:
  description:
    - What came of each target, in the order of O(targets), as a registered loop has it.
    - Besides what is told here, each has what M(edgeops.cloudflare.logpush_ownership) or
      M(edgeops.cloudflare.logpush_ownership_validate) returns.
  returned: when the options are right
  type: list
  elements: dict
  contains:
    item:
      description: Which target it is, C(zone_id) or C(account_id).
      type: dict
      sample: {"zone_id": "023e105f4ecef8ad9ca31a8372d0c353"}
    changed:
      description: Whether a challenge file was written.
      type: bool
      sample: true
    failed:
      description: Whether this one failed.
      type: bool
      sample: false
    msg:
      description: Why it failed.
      returned: when it failed
      type: str
      sample: "Cloudflare wrote no challenge file to destination_conf: Access Denied"
    filename:
      description: The challenge file. V(null) in check mode.
      returned: when a challenge was asked for
      type: str
      sample: http/20261122/ownership-challenge-9a2e7c51.txt
    valid:
      description:
        - Whether Cloudflare could write the file, or takes the token.
        - V(null) in check mode where a challenge would be asked for.
      type: bool
      sample: true
    destination:
      description: The parts of O(targets[].destination_conf) that are no secret.
      type: dict
      sample: {"scheme": "s3", "bucket": "edge-logs", "prefix": "http/{DATE}", "challenge": "yes"}
    reasons:
      description: What the claims of a refused token disagree about.
      returned: when a token was checked
      type: list
      elements: str
      sample: []
    error:
      description: The request that got no usable answer, or was refused.
      returned: when a request failed
      type: dict
      sample: {"status": 403, "method": "POST", "codes": [10000], "retryable": false}
rate_limit_waited:
  description: For how many seconds requests were held back because of the rate limit.
  returned: when they were
  type: float
  sample: 12.5
"""

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._arguments import (
    DESTINATION,
    concurrency,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.ownership import (
    ask,
    check,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import (
    Label,
    LogpushOf,
    execute_many,
    summarize,
)


def run(params: dict[str, t.Any], logpush_of: LogpushOf) -> dict[str, t.Any]:
    """Ask for each challenge, or have its token checked."""

    def prove(target: dict[str, t.Any]) -> dict[str, t.Any]:
        conf, token = target["destination_conf"], target["ownership_challenge"]
        if token is None:
            return ask(conf, logpush_of(target))
        return check(conf, token, logpush_of(target), fail_on_invalid=True)

    targets = params["targets"]
    outcomes = run_concurrently(prove, targets, concurrency(params))
    return summarize("targets", [_label(target) for target in targets], outcomes)


def _label(target: dict[str, t.Any]) -> Label:
    name = "account_id" if target["zone_id"] is None else "zone_id"
    return Label({name: target[name]}, f"{name.partition('_')[0]} {target[name]}")


def main() -> None:
    """Run the module."""
    token = {"ownership_challenge": {"type": "str", "no_log": True}}
    execute_many("targets", run, {**DESTINATION, **token})


if __name__ == "__main__":
    main()
