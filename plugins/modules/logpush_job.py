#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a Cloudflare Logpush job as described."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_job
short_description: Keep a Cloudflare Logpush job as described
version_added: 0.2.0
description:
  - Creates, changes or removes a Logpush job, so that it is as the task describes it.
  - Only what the task sets is compared, and where nothing differs, nothing is sent. Each change of
    a job makes Cloudflare write to its destination, so a change fails while that is down.
  - A change sends only what differs. Of O(output_options) the API replaces all, so what the task
    does not set is sent along as it is.
  - Some destinations need a proof that they are yours, see O(ownership_challenge). The playbook
    C(edgeops.cloudflare.push_logs) does all of it in one run.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.logpush.scope
  - edgeops.cloudflare.job
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - A proof of ownership that is missing fails the run, and not check mode, which returns
        RV(ownership_required) instead. Whether Cloudflare takes a proof, or needs one for a
        destination of an unknown kind, and whether it can write to the destination, shows in the
        run alone.
  diff_mode:
    support: full
    details:
      - Shows the properties of the job before and after, without secrets.
  idempotent:
    support: full
    details:
      - With O(resend_hidden=true) it is not, where Cloudflare hides what the task sets.
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_jobs
  - module: edgeops.cloudflare.logpush_job_info
  - module: edgeops.cloudflare.logpush_ownership
  - module: edgeops.cloudflare.logpush_destination_validate
"""

EXAMPLES = r"""
# challenge_file is what the examples of edgeops.cloudflare.logpush_ownership read.
- name: Push HTTP requests to a bucket, the proof of whose ownership is at hand
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-s3
    dataset: http_requests
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    ownership_challenge: "{{ challenge_file.contents }}"
    enabled: true
    output_options:
      field_names: [EdgeStartTimestamp, ClientIP, ClientRequestURI, EdgeResponseStatus]
      timestamp_format: rfc3339
      cve_2021_44228: true
  register: http_to_s3

- name: Push only what failed at the edge, and a tenth of it
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-s3
    filter:
      where:
        and:
          - key: EdgeResponseStatus
            operator: geq
            value: 500
    output_options:
      sample_rate: 0.1

- name: Push to a destination that needs no proof
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: firewall-to-r2
    dataset: firewall_events
    destination_conf: "r2://edge-logs/{DATE}?account-id={{ r2_account }}&access-key-id={{ r2_key }}\
      &secret-access-key={{ r2_secret }}"
    enabled: true

- name: Send the keys of that destination again, after they were replaced
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: firewall-to-r2
    destination_conf: "r2://edge-logs/{DATE}?account-id={{ r2_account }}&access-key-id={{ r2_key }}\
      &secret-access-key={{ r2_secret }}"
    resend_hidden: true

- name: Stop pushing, and keep the job
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: firewall-to-r2
    enabled: false

- name: Remove a job
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    id: "{{ http_to_s3.job.id }}"
    state: absent
"""

RETURN = r"""
job:
  description:
    - The job as Cloudflare answered, without secrets; in check mode as far as it is known. The job
      that there was, where it was removed. V(null) where there is none.
  returned: success
  type: dict
  contains:
    id:
      description: The number that identifies the job, V(null) where it is to be created.
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
action:
  description: What was done, or would be in check mode.
  returned: success
  type: str
  choices:
    - created
    - updated
    - deleted
    - none
  sample: updated
changes:
  description:
    - What differs from the job as it was, or is told of a new one, an output option as
      C(output_options.NAME).
  returned: success, and when a proof of ownership is missing or refused
  type: list
  elements: str
  sample:
    - enabled
    - output_options.sample_rate
not_compared:
  description: What the task sets but Cloudflare does not show, so that it could not be compared.
  returned: success
  type: list
  elements: str
  sample:
    - "destination_conf: parameter secret-access-key"
ownership_required:
  description:
    - Whether a proof of ownership is needed that was not given, or that Cloudflare refused. Such a
      task fails, except in check mode where the proof is missing.
    - In check mode it is V(false) where it is not known whether a proof is needed.
  returned: success, and when a proof of ownership is missing or refused
  type: bool
  sample: false
reasons:
  description: What the claims of a refused token disagree about, in sentences that show no secret.
  returned: when Cloudflare refuses O(ownership_challenge)
  type: list
  elements: str
  sample:
    - "The token was issued for another destination: the path is '/http' in the token and
      '/http/{DATE}' in destination_conf."
response_lost:
  description:
    - Whether the answer to a creation, a change or a removal got lost. Then it is looked for, some
      seconds long where it may be under way; a creation is never sent again. Where it was carried
      out, the task succeeds with a warning.
  returned: success, and when an answer got lost
  type: bool
  sample: false
ids:
  description:
    - The ids of the jobs that have the name, where that is not unique.
    - After a creation that was not answered, the ids of the new jobs of that name.
  returned: when several jobs have the name, or the answer to a creation got lost and the task fails
  type: list
  elements: int
  sample: [42, 43]
rate_limit_waited:
  description: For how many seconds requests were held back because of the rate limit.
  returned: when they were
  type: float
  sample: 12.5
error:
  description: The request that got no usable answer, or that was refused.
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
      sample: GET
    path:
      description: The path of the request, below O(base_url).
      type: str
      sample: /zones/023e105f4ecef8ad9ca31a8372d0c353/logpush/jobs
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

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    API_NAMES,
    JOB,
    DesiredJob,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.reconcile import (
    reconcile_job,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    LogpushJobs,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute


def run(params: dict[str, t.Any], logpush: LogpushJobs) -> dict[str, t.Any]:
    """Keep the job that the options describe."""
    return reconcile_job(DesiredJob.of(params), logpush)


def main() -> None:
    """Run the module."""
    execute(run, JOB, required_one_of=[("id", "name")], api_names=API_NAMES)


if __name__ == "__main__":
    main()
