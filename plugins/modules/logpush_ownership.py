#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request a Cloudflare Logpush ownership challenge."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_ownership
short_description: Request an ownership challenge for a Logpush destination
version_added: 0.1.0
description:
  - Requests an ownership challenge. Cloudflare writes a challenge file to the log destination, and
    the module returns the name of the file. The token in the file proves ownership; pass it as
    O(edgeops.cloudflare.logpush_ownership_validate#module:ownership_challenge) and
    O(edgeops.cloudflare.logpush_job#module:ownership_challenge).
  - M(edgeops.cloudflare.logpush_job) does all of this by itself. Use this module to run the steps
    one by one.
  - Every run requests a new challenge, whatever the kind of destination. RV(destination.ownership)
    returns whether Cloudflare documents that one is required.
  - A token is valid for seven days, for one zone or account and one O(destination_conf).
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
      - Options are validated and RV(destination) is returned. No request is sent, so RV(filename)
        and RV(valid) are V(null).
  diff_mode:
    support: none
    details:
      - A challenge has no state before and after to compare.
  idempotent:
    support: none
    details:
      - Every run requests a new challenge.
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_ownerships
  - module: edgeops.cloudflare.logpush_challenge_info
  - module: edgeops.cloudflare.logpush_ownership_validate
  - module: edgeops.cloudflare.logpush_job
  - module: amazon.aws.s3_object
  - name: Manage Logpush via the API
    description: Cloudflare's documentation of destinations and ownership challenges.
    link: https://developers.cloudflare.com/logs/logpush/logpush-job/api-configuration/
"""

EXAMPLES = r"""
- name: Request an ownership challenge
  edgeops.cloudflare.logpush_ownership:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
  register: challenge

- name: Read the challenge file
  amazon.aws.s3_object:
    bucket: "{{ challenge.destination.bucket }}"
    object: "{{ challenge.filename }}"
    region: "{{ challenge.destination.region }}"
    mode: getstr
  register: challenge_file
  until: challenge_file is succeeded
  retries: 10
  delay: 2
  no_log: true

- name: Validate the ownership token
  edgeops.cloudflare.logpush_ownership_validate:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    ownership_challenge: "{{ challenge_file.contents }}"

- name: Create the job
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-s3
    dataset: http_requests
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    ownership_challenge: "{{ challenge_file.contents }}"
"""

RETURN = r"""
filename:
  description:
    - The challenge file, as the key of an object in RV(destination.bucket). V(null) in check mode.
    - Also returned if the task fails because Cloudflare wrote no file.
  returned: when no request failed
  type: str
  sample: http/20261122/ownership-challenge.txt
valid:
  description:
    - Whether Cloudflare could write to the destination. V(null) in check mode.
    - Also returned if the task fails because Cloudflare wrote no file.
  returned: when no request failed
  type: bool
  sample: true
message:
  description: Message from Cloudflare, usually set if it could not write to the destination.
  returned: when no request failed
  type: str
  sample: ""
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
      sample: /zones/023e105f4ecef8ad9ca31a8372d0c353/logpush/ownership
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
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
    destination_warnings,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Challenge,
    Logpush,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute


def run(params: dict[str, t.Any], logpush: Logpush) -> dict[str, t.Any]:
    """Request the challenge."""
    destination = checked_destination(params["destination_conf"])
    challenge = logpush.request_challenge(destination) or Challenge()
    return {
        "changed": True,
        "destination": destination.describe(),
        "warnings": destination_warnings(destination),
        **challenge._asdict(),
    }


def main() -> None:
    """Run the module."""
    execute(run, DESTINATION)


if __name__ == "__main__":
    main()
