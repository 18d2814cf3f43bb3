#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the fields of a Logpush dataset."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_dataset_info
short_description: List Logpush dataset fields
version_added: 0.2.0
description:
  - Lists the fields of a dataset, for use in
    O(edgeops.cloudflare.logpush_job#module:output_options.field_names).
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.logpush.scope
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The module changes nothing, so check mode makes no difference.
  diff_mode:
    support: N/A
    details:
      - The module changes nothing.
  idempotent:
    support: full
    details:
      - The module changes nothing.
options:
  dataset:
    description:
      - The dataset, such as V(http_requests). Cloudflare's documentation lists the available
        datasets.
      - Zones and accounts have different datasets.
    type: str
    required: true
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job
  - module: edgeops.cloudflare.logpush_job_info
"""

EXAMPLES = r"""
- name: List the fields of a dataset
  edgeops.cloudflare.logpush_dataset_info:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    dataset: http_requests
  register: http_requests

- name: Fail if a required field does not exist
  ansible.builtin.assert:
    that: http_requests.fields is superset(['ClientIP', 'EdgeStartTimestamp', 'RayID'])

- name: Push all fields except those about the visitor
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-s3
    dataset: http_requests
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    ownership_challenge: "{{ challenge_file.contents }}"
    output_options:
      field_names: "{{ http_requests.fields | reject('match', 'Client(IP|RequestUserAgent)$') |
        list }}"

- name: List the fields of a dataset of an account
  edgeops.cloudflare.logpush_dataset_info:
    account_id: 01a7362d577a6c3019a474fd6f485823
    dataset: audit_logs
"""

RETURN = r"""
fields:
  description:
    - The fields of the dataset by name, in alphabetical order, each with Cloudflare's description,
      which may be empty.
  returned: success
  type: dict
  sample:
    ClientIP: string; IP address of the client
    RayID: string; ID of the request
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
      sample: GET
    path:
      description: The path, below O(base_url).
      type: str
      sample: /zones/023e105f4ecef8ad9ca31a8372d0c353/logpush/datasets/http_requests/fields
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

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute


def run(params: dict[str, t.Any], logpush: Logpush) -> dict[str, t.Any]:
    """Ask for the fields, and put them in order."""
    fields = Jobs(logpush).dataset_fields(params["dataset"])
    return {"changed": False, "fields": dict(sorted(fields.items()))}


def main() -> None:
    """Run the module."""
    execute(run, {"dataset": {"type": "str", "required": True}})


if __name__ == "__main__":
    main()
