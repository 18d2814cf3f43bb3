#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List Logpush jobs and their health."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_job_info
short_description: List Logpush jobs and their health
version_added: 0.2.0
description:
  - Lists the Logpush jobs of zones and accounts with their settings and health.
  - O(id), O(name) and O(dataset) narrow the list. A job must match all of those that are set. If
    none does, the list is empty, which is not an error.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.connection.concurrency
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
  zone_id:
    description:
      - A zone, 32 hexadecimal digits.
      - Exactly one of O(zone_id), O(account_id) and O(scopes) is required.
    type: str
  account_id:
    description: An account, 32 hexadecimal digits.
    type: str
  scopes:
    description:
      - Zones and accounts, which are read concurrently, with one request for each.
      - If one cannot be read, the task fails at the end. It returns the jobs of all others, and the
        error in RV(scopes).
    type: list
    elements: dict
    suboptions:
      zone_id:
        description: A zone. Exactly one of this and O(scopes[].account_id) is required.
        type: str
      account_id:
        description: An account. Exactly one of this and O(scopes[].zone_id) is required.
        type: str
      host:
        description: A name for the zone or account in RV(jobs[].scope), RV(scopes) and messages,
          such as its inventory host.
        type: str
  id:
    description: The ID of the job.
    type: int
  name:
    description:
      - The name of the jobs. Several jobs may have the same one.
      - An empty string finds the jobs that have no name.
    type: str
  dataset:
    description: The dataset of the jobs, such as V(http_requests).
    type: str
  stale_after:
    description: A job that has pushed nothing for more than this number of hours is stale.
    type: float
    default: 24.0
  quiet_datasets:
    description: Datasets that may have no events for long, whose jobs are never stale.
    type: list
    elements: str
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job
  - module: edgeops.cloudflare.logpush_jobs
  - module: edgeops.cloudflare.logpush_dataset_info
"""

EXAMPLES = r"""
- name: List the jobs of a zone
  edgeops.cloudflare.logpush_job_info:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
  register: logpush

- name: Show unhealthy jobs
  ansible.builtin.debug:
    msg: "{{ item.name or item.id }} is {{ item.status }}: {{ item.error_message or 'no error' }}"
  loop: "{{ logpush.jobs | selectattr('healthy', 'equalto', false) | list }}"
  loop_control:
    label: "{{ item.id }}"

- name: List the jobs of a zone and an account, with their health
  edgeops.cloudflare.logpush_job_info:
    scopes:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        host: example.com
      - account_id: 01a7362d577a6c3019a474fd6f485823
    stale_after: 6
    quiet_datasets: [audit_logs]

- name: Create the jobs of one zone in another one, if their destinations have no secrets
  edgeops.cloudflare.logpush_jobs:
    jobs: "{{ logpush.jobs | selectattr('config.destination_conf', 'defined')
      | map(attribute='config') | map('combine', {'zone_id': '9a7806061c88ada191ed06f989cc3dac'})
      | list }}"

- name: Disable all jobs that push to a bucket
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

- name: Read one job
  edgeops.cloudflare.logpush_job_info:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    id: 42
"""

RETURN = r"""
jobs:
  description:
    - The jobs, without sensitive values, ordered by ID; with O(scopes), in the order of that list.
    - Empty if there is no such job.
  returned: success, and when a scope failed
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the job.
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
      description: The filter, V(null) if there is none.
      type: raw
      sample: {"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}
    output_options:
      description: The fields and the format of the logs, V(null) if never set.
      type: dict
      sample: {"field_names": ["ClientIP"], "cve_2021_44228": true, "sample_rate": 1}
    logpull_options:
      description: The deprecated form of the output options.
      type: str
      sample: null
    max_upload_bytes:
      description: Maximum size of a batch in bytes.
      type: int
      sample: null
    max_upload_interval_seconds:
      description: Maximum time between batches in seconds.
      type: int
      sample: 30
    max_upload_records:
      description: Maximum number of records in a batch.
      type: int
      sample: 100000
    filter_attack_traffic:
      description: Whether the traffic of DDoS attacks is left out.
      type: bool
      sample: null
    transformer_id:
      description: The ID of the transformer.
      type: int
      sample: null
    additional_properties:
      description: Properties that have no option, without those that may be sensitive, V(null) if
        there are none.
      type: dict
      sample: null
    destination:
      description: The parts of the destination that are not sensitive, V(null) if it cannot be
        parsed.
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
          description: The path in the bucket as given, V(null) for other destinations.
          type: str
          sample: http/{DATE}
        region:
          description: The region, V(null) if there is none.
          type: str
          sample: us-east-1
        endpoint:
          description: The host, V(null) if the destination has none.
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
    status:
      description:
        - V(disabled) for a job that is not enabled, also if Cloudflare has disabled it after 24
          hours of failures, which RV(jobs[].error_message) shows.
        - V(failing) if Cloudflare reports an error, or the last error is later than the last push;
          V(idle) if nothing has been pushed yet; V(stale) if nothing was pushed for longer than
          O(stale_after), unless the dataset is one of O(quiet_datasets); V(pushing) otherwise.
      type: str
      choices:
        - pushing
        - failing
        - stale
        - idle
        - disabled
      sample: pushing
    healthy:
      description: V(true) for the status V(pushing), V(false) for V(failing) and V(stale), V(null)
        for others.
      type: bool
      sample: true
    last_complete:
      description: End of the last log range that was pushed.
      type: str
      sample: "2026-11-22T14:05:00Z"
    last_error:
      description: Time of the last failed push, V(null) if a later push succeeded.
      type: str
      sample: null
    error_message:
      description: Error of the last failed push.
      type: str
      sample: null
    scope:
      description: The C(zone_id) or C(account_id) of the job, and C(host) if it was set.
      type: dict
      sample: {"zone_id": "023e105f4ecef8ad9ca31a8372d0c353", "host": "example.com"}
    config:
      description:
        - The job as an entry of O(edgeops.cloudflare.logpush_jobs#module:jobs), which changes
          nothing in its own zone or account. It includes what is set, and the C(id) only if the job
          has no name, or another job has the same name and dataset.
        - C(destination_conf) is included if nothing in it is sensitive or masked. Unknown members
          are in C(additional_properties), unless they may be sensitive.
      type: dict
      sample:
        zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        name: http-to-s3
        dataset: http_requests
        enabled: true
        output_options: {"field_names": ["ClientIP"]}
        destination_conf: s3://edge-logs/http/{DATE}?region=us-east-1
scopes:
  description:
    - Each zone or account by its C(zone_id) or C(account_id) and its C(host), in the order of
      O(scopes).
  returned: success, and when a scope failed
  type: list
  elements: dict
  contains:
    failed:
      description: Whether its jobs could not be listed.
      type: bool
      sample: false
    msg:
      description: Why they could not be listed, otherwise empty.
      type: str
      sample: ""
    error:
      description: Details of the failed API request, as RV(error).
      returned: when an API request failed
      type: dict
rate_limit_waited:
  description: Seconds that requests were held back by the rate limit.
  returned: always
  type: float
  sample: 0.0
error:
  description: Details of the failed API request. With O(scopes), see RV(scopes).
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

import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_listing import (
    list_jobs,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import (
    LogpushOf,
    execute_scopes,
)

_OPTIONS = {
    "id": {"type": "int"},
    "name": {"type": "str"},
    "dataset": {"type": "str"},
    "stale_after": {"type": "float", "default": 24.0},
    "quiet_datasets": {"type": "list", "elements": "str"},
}


def run(params: dict[str, t.Any], logpush_of: LogpushOf) -> dict[str, t.Any]:
    """List the jobs that match each filter that is set."""
    return list_jobs(params, logpush_of, time.time())


def main() -> None:
    """Run the module."""
    execute_scopes(run, _OPTIONS)


if __name__ == "__main__":
    main()
