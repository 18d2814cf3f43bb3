#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage a Cloudflare Logpush job."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_job
short_description: Manage a Logpush job
version_added: 0.2.0
description:
  - Creates, updates or removes a Cloudflare Logpush job. If the destination requires proof of
    ownership, the module requests the challenge, reads the challenge file from the bucket and sends
    the token with the job, all in one task.
  - Only the options that are set are compared. If nothing differs, no write request is sent. Every
    change to a job makes Cloudflare write a test object to the destination, so a change fails while
    the destination is down.
  - After a job was created, the jobs are listed once more. A second job of the same name and
    dataset, which an overlapping run has created, fails the task.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.logpush.scope
  - edgeops.cloudflare.job
  - edgeops.cloudflare.challenge_file
  - edgeops.cloudflare.wait
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Whether Cloudflare accepts a token, whether a destination of an unknown kind requires one,
        and whether Cloudflare can write to the destination, shows only in a real run.
  diff_mode:
    support: full
    details:
      - Shows the properties of the job before and after, without sensitive values.
  idempotent:
    support: full
    details:
      - Not with O(update_secrets=always) if Cloudflare masks values that the task sets.
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_jobs
  - module: edgeops.cloudflare.logpush_job_info
  - module: edgeops.cloudflare.logpush_ownership
  - module: edgeops.cloudflare.logpush_challenge_info
  - module: edgeops.cloudflare.logpush_destination_validate
"""

EXAMPLES = r"""
# Proves ownership of the bucket in the same task. AWS credentials that can read it are found as by
# the AWS CLI (environment, profile, instance role).
- name: Push HTTP requests to an S3 bucket
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-s3
    dataset: http_requests
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    output_options:
      field_names: [EdgeStartTimestamp, ClientIP, ClientRequestURI, EdgeResponseStatus]
      timestamp_format: rfc3339
      cve_2021_44228: true
  register: http_to_s3

- name: Change how often logs are pushed, and wait until some arrive
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-s3
    max_upload_interval_seconds: 60
    wait: true
    wait_timeout: 900

- name: Push only failed requests, one tenth of them
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

- name: Push firewall events to R2, which requires no proof of ownership
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: firewall-to-r2
    dataset: firewall_events
    destination_conf: "r2://edge-logs/{DATE}?account-id={{ r2_account }}&access-key-id={{ r2_key }}\
      &secret-access-key={{ r2_secret }}"

# The SAS in destination_conf can only write, so another one is needed to read the challenge file.
- name: Push to Azure Blob Storage
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-azure
    dataset: http_requests
    destination_conf: "azure://edgelogs.blob.core.windows.net/logs/{DATE}?{{ azure_write_sas }}"
    challenge_file:
      azure:
        sas_token: "{{ azure_read_sas }}"

- name: Leave out the traffic of DDoS attacks
  edgeops.cloudflare.logpush_job:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    name: http-to-s3
    filter_attack_traffic: true

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
    - The job as Cloudflare shows it, without sensitive values; in check mode the planned one, and
      the former one if it was removed. V(null) if there is none.
  returned: success
  type: dict
  contains:
    id:
      description: The ID of the job, V(null) if it would be created.
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
          description: The host, V(null) if O(destination_conf) has none.
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
        - V(disabled) for a job that is not enabled; V(failing) if Cloudflare reports an error, or
          the last error is later than the last push; V(idle) if nothing has been pushed yet;
          V(pushing) otherwise.
      type: str
      choices:
        - pushing
        - failing
        - idle
        - disabled
      sample: pushing
    healthy:
      description: V(true) for the status V(pushing), V(false) for V(failing), V(null) for others.
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
action:
  description: What was done, or would be in check mode.
  returned: success
  type: str
  choices:
    - created
    - updated
    - deleted
    - none
  sample: created
changes:
  description: The properties that were sent, an output option as C(output_options.NAME).
  returned: success, and when the job could not be written
  type: list
  elements: str
  sample:
    - enabled
    - output_options.sample_rate
not_compared:
  description: Values that the task sets but Cloudflare masks, so that they were not compared.
  returned: success
  type: list
  elements: str
  sample:
    - "destination_conf: parameter secret-access-key"
not_applied:
  description:
    - Properties that were sent but have other values in Cloudflare's response, named as in
      RV(changes). A warning names them too.
  returned: success
  type: list
  elements: str
  sample: []
ownership:
  description:
    - How ownership of the destination was proved.
    - V(not_required) if the destination was not written or, as far as is known, requires no token;
      V(provided) if O(ownership_challenge) was sent; V(proved) if the module obtained the token,
      V(would_prove) in check mode; V(missing) if a token is required and there is none; V(rejected)
      if Cloudflare rejected it.
  returned: success, and when the job could not be written
  type: str
  choices:
    - not_required
    - provided
    - proved
    - would_prove
    - missing
    - rejected
  sample: proved
filename:
  description: The challenge file, as Cloudflare named it, V(null) if none was requested.
  returned: success, and when the job could not be written
  type: str
  sample: http/20261122/ownership-challenge.txt
reasons:
  description: The claims of a rejected token that do not match the job, without sensitive values.
  returned: when Cloudflare rejected the token
  type: list
  elements: str
  sample:
    - "The token was issued for another destination: the path is '/http' in the token and
      '/http/{DATE}' in destination_conf."
response_lost:
  description:
    - Whether the response to a write request was lost. The module then looks for the job, for
      several seconds if the request may still be in progress, and succeeds with a warning if it
      finds the desired state. A create request is never sent again.
  returned: success, and when a response was lost
  type: bool
  sample: false
push:
  description:
    - The outcome of waiting for a push, see O(wait). V(null) if the task did not wait, or could no
      longer list the jobs.
  returned: success, and when a push failed or timed out
  type: str
  choices:
    - succeeded
    - failed
    - timed_out
  sample: succeeded
ids:
  description: The IDs of the jobs that have the same name.
  returned: when several jobs have the name
  type: list
  elements: int
  sample: [42, 43]
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

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    CHALLENGE_FILE,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    API_NAMES,
    JOB,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.reconcile import (
    Settings,
    reconcile_job,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.wait import (
    WAIT,
    timeout_of,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute

_OPTIONS = {
    **JOB,
    "prove_ownership": {"type": "bool", "default": True},
    "challenge_file": {"type": "dict", "options": CHALLENGE_FILE},
    **WAIT,
}


def run(params: dict[str, t.Any], logpush: Logpush) -> dict[str, t.Any]:
    """Reconcile the job."""
    settings = Settings(params["challenge_file"], wait_timeout=timeout_of(params))
    return reconcile_job(params, logpush, settings)


def main() -> None:
    """Run the module."""
    execute(run, _OPTIONS, required_one_of=[("id", "name")], api_names=API_NAMES)


if __name__ == "__main__":
    main()
