#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Cloudflare Logpush for an ownership challenge."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_ownership
short_description: Ask Cloudflare Logpush for an ownership challenge
version_added: 0.1.0
description:
  - Asks Cloudflare to write an ownership challenge file to a log destination, and returns the
    file's name. Whoever can read the file owns the destination; the token in it goes into
    O(edgeops.cloudflare.logpush_ownership_validate#module:ownership_challenge), and into the
    Logpush job.
  - The module asks each time that it is called, whatever the kind of destination. The API
    decides whether there is anything to be proved, RV(destination.challenge) tells what
    Cloudflare documents.
  - A challenge serves one pair of zone or account and O(destination_conf), and is valid for
    seven days.
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
      - Options are checked and RV(destination) is returned. No request is sent, so RV(filename)
        and RV(valid) are V(null).
  diff_mode:
    support: none
    details:
      - A challenge has no state before and after to compare.
  idempotent:
    support: none
    details:
      - Each run asks for a challenge anew.
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_ownerships
  - module: edgeops.cloudflare.logpush_ownership_validate
  - module: amazon.aws.s3_object
  - name: Manage Logpush via the API
    description: Cloudflare's own description of destinations and ownership challenges.
    link: https://developers.cloudflare.com/logs/logpush/logpush-job/api-configuration/
"""

EXAMPLES = r"""
- name: Have Cloudflare write a challenge file into the bucket
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

- name: Prove that the destination is ours
  edgeops.cloudflare.logpush_ownership_validate:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    ownership_challenge: "{{ challenge_file.contents }}"
"""

RETURN = r"""
filename:
  description:
    - The challenge file, as the key of an object in RV(destination.bucket).
    - V(null) in check mode.
    - Also returned by a task that fails because Cloudflare wrote no file.
  returned: when no request failed
  type: str
  sample: http/20261122/ownership-challenge-9a2e7c51.txt
valid:
  description:
    - Whether Cloudflare could write to the destination. V(null) in check mode.
    - Also returned by a task that fails because Cloudflare wrote no file.
  returned: when no request failed
  type: bool
  sample: true
message:
  description: What Cloudflare says of the destination, mostly where it could not write to it.
  returned: when no request failed
  type: str
  sample: ""
destination:
  description: The parts of O(destination_conf) that are no secret, for the next task to use.
  returned: when no request failed
  type: dict
  contains:
    scheme:
      description: The kind of destination, in lower case.
      type: str
      sample: s3
    bucket:
      description: The bucket or container, V(null) for what is no object store.
      type: str
      sample: edge-logs
    prefix:
      description: The path in the bucket as it was given, V(null) for what is no object store.
      type: str
      sample: http/{DATE}
    region:
      description: The region, V(null) where there is none.
      type: str
      sample: us-east-1
    endpoint:
      description: The host that is written to, V(null) where O(destination_conf) names none.
      type: str
      sample: null
    challenge:
      description: Whether Cloudflare documents that ownership of such a destination has to be
        proved. V(unknown) leaves it to the API.
      type: str
      choices:
        - "yes"
        - "no"
        - unknown
      sample: "yes"
rate_limit_waited:
  description: For how many seconds requests were held back because of the rate limit.
  returned: when they were
  type: float
  sample: 12.5
error:
  description: The request that got no usable answer, or was refused.
  returned: when a request failed
  type: dict
  contains:
    status:
      description: The HTTP status, V(null) where no answer came.
      type: int
      sample: 403
    method:
      description: The method of the request.
      type: str
      sample: POST
    path:
      description: The path of the request, below O(base_url).
      type: str
      sample: /zones/023e105f4ecef8ad9ca31a8372d0c353/logpush/ownership
    codes:
      description: Cloudflare's error codes.
      type: list
      elements: int
      sample: [10000]
    errors:
      description: The errors as Cloudflare gave them.
      type: list
      elements: dict
      sample: [{"code": 10000, "message": "Authentication error"}]
    ray_id:
      description: What Cloudflare's support finds the request by.
      type: str
      sample: 8f2c1d7e4a9b0c3d-FRA
    retryable:
      description: Whether the same request may succeed at a later time.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._arguments import DESTINATION
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.ownership import ask
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute


def run(params: dict[str, t.Any], logpush: Logpush) -> dict[str, t.Any]:
    """Ask for a challenge."""
    return ask(params["destination_conf"], logpush)


def main() -> None:
    """Run the module."""
    execute(run, DESTINATION)


if __name__ == "__main__":
    main()
