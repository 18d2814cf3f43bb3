#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at Cloudflare Logpush jobs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_job_info
short_description: List Logpush jobs and their health
version_added: 0.2.0
description:
  - Lists the Logpush jobs of a zone or an account, what they push, and whether pushing works.
  - O(id), O(name) and O(dataset) narrow the list. A job has to match all of those that are set.
    Where none does, the list is empty, which is no error.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.logpush.scope
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The module only looks, and does so in check mode too.
  diff_mode:
    support: N/A
    details:
      - The module changes nothing.
  idempotent:
    support: full
    details:
      - The module changes nothing.
options:
  id:
    description:
      - The number of the job to look at.
    type: int
  name:
    description:
      - The name of the jobs to look at. Cloudflare lets several jobs have the same one.
      - An empty string finds the jobs that have no name.
    type: str
  dataset:
    description:
      - The dataset of the jobs to look at, such as V(http_requests).
    type: str
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job
  - module: edgeops.cloudflare.logpush_dataset_info
"""

EXAMPLES = r"""
- name: List the jobs of a zone
  edgeops.cloudflare.logpush_job_info:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
  register: logpush

- name: Say which jobs fail, and why
  ansible.builtin.debug:
    msg: "{{ item.name or item.id }}: {{ item.error_message or 'Cloudflare gives no reason' }}"
  loop: "{{ logpush.jobs | selectattr('healthy', 'equalto', false) | list }}"
  loop_control:
    label: "{{ item.id }}"

- name: Stop all jobs that push to a bucket which goes out of service
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    id: "{{ item.id }}"
    enabled: false
  loop: "{{ logpush.jobs | selectattr('destination') |
    selectattr('destination.bucket', 'equalto', 'edge-logs') | list }}"
  loop_control:
    label: "{{ item.id }}"

- name: Find jobs by their name and dataset
  edgeops.cloudflare.logpush_job_info:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: audit-to-s3
    dataset: audit_logs

- name: Look at one job
  edgeops.cloudflare.logpush_job_info:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    id: 42
"""

RETURN = r"""
jobs:
  description:
    - The jobs as Cloudflare answered, without secrets, in the order of their numbers.
    - Empty where there is no such job.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The number that identifies the job.
      type: int
      sample: 42
    name:
      description: The name.
      type: str
      sample: http-to-s3
    dataset:
      description: The dataset.
      type: str
      sample: http_requests
    kind:
      description: The kind of the job.
      type: str
      sample: ""
    enabled:
      description: Whether logs are pushed.
      type: bool
      sample: true
    frequency:
      description: How often logs are pushed; deprecated.
      type: str
      sample: high
    filter:
      description: The filter's content, V(null) where there is none or Cloudflare does not show it.
      type: raw
      sample: {"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}
    output_options:
      description: What is in the logs and how it is written, V(null) where it was never set.
      type: dict
      sample: {"field_names": ["ClientIP"], "cve_2021_44228": true, "sample_rate": 1}
    logpull_options:
      description: The older form of the output options.
      type: str
      sample: null
    max_upload_bytes:
      description: The largest size of a batch in bytes.
      type: int
      sample: null
    max_upload_interval_seconds:
      description: The longest time between batches in seconds.
      type: int
      sample: 30
    max_upload_records:
      description: The largest number of records in a batch.
      type: int
      sample: 100000
    destination:
      description: The parts of the destination that are no secret, V(null) where Cloudflare does
        not show it.
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
          description: The host that is written to, V(null) where it names none.
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
    healthy:
      description: Whether pushing works. V(false) where Cloudflare reports an error, V(null) where
        the job is not enabled or has pushed nothing yet.
      type: bool
      sample: true
    last_complete:
      description: When logs were last pushed.
      type: str
      sample: "2026-11-22T14:05:00Z"
    last_error:
      description: When pushing last failed, V(null) where it has succeeded since.
      type: str
      sample: null
    error_message:
      description: What went wrong when pushing last failed.
      type: str
      sample: null
rate_limit_waited:
  description: Seconds that requests were held back by the rate limit.
  returned: always
  type: float
  sample: 0.0
error:
  description: The request that got no usable answer, or that was refused.
  returned: when a request failed
  type: dict
  contains:
    status:
      description: The HTTP status, V(null) where no response came.
      type: int
      sample: 403
    method:
      description: The HTTP method.
      type: str
      sample: GET
    path:
      description: The path, below O(base_url).
      type: str
      sample: /zones/023e105f4ecef8ad9ca31a8372d0c353/logpush/jobs
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

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    checked_id,
    dataset_name,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute


def run(params: dict[str, t.Any], logpush: Logpush) -> dict[str, t.Any]:
    """Look at the jobs that match each filter that is set."""
    job_id, name, dataset = params["id"], params["name"], params["dataset"]
    if job_id is not None:
        checked_id(job_id)
    if dataset is not None:
        dataset_name(dataset)
    found = logpush.jobs() if job_id is None else [logpush.job(job_id)]
    jobs = [
        job
        for job in found
        if job is not None and name in (None, job.name) and dataset in (None, job.dataset)
    ]
    jobs.sort(key=lambda job: job.id)
    return {"changed": False, "jobs": [job.describe() for job in jobs]}


def main() -> None:
    """Run the module."""
    execute(
        run,
        {"id": {"type": "int"}, "name": {"type": "str"}, "dataset": {"type": "str"}},
    )


if __name__ == "__main__":
    main()
