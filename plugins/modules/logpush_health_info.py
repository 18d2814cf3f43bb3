#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report Logpush uploads by job and status."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_health_info
short_description: Report Logpush uploads by job and status
version_added: 0.4.0
description:
  - Reports for zones and accounts how many uploads of their Logpush jobs succeeded and failed in a
    period, and how many records and bytes were delivered, from Cloudflare's GraphQL Analytics API
    (dataset C(logpushHealthAdaptiveGroups)).
  - An upload is one attempt to deliver a batch of logs. Cloudflare retries a failed upload for some
    time. A batch that still fails is lost, since Logpush cannot backfill.
  - M(edgeops.cloudflare.logpush_job_info) shows the last push and the last error of a job instead,
    and requires no permission for analytics.
notes:
  - The API token needs the permission Analytics Read for zones, and Account Analytics Read for
    accounts. Cloudflare's documentation names both for its GraphQL Analytics API, but not for this
    dataset, so verify it with your token.
  - Cloudflare limits the length of a period and how far it may reach back, depending on the plan. A
    period that is too long for one query is split. A period that begins too early is an error.
  - A query returns a limited number of groups. A response with as many may be incomplete, so its
    period is split and queried again.
  - Cloudflare allows 300 GraphQL queries in 5 minutes. The module sends one for each zone or
    account, and more only if a period is split.
  - Datasets of this kind may be sampled, so the numbers can be estimates.
  - Whether the uploads of an account include those of its zones is not documented.
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
      - The module changes nothing. Two runs may return different numbers, since Cloudflare may
        count more uploads in the meantime.
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
      - Zones and accounts, which are read concurrently.
      - If one cannot be read, the task fails at the end. It returns the uploads of all others, and
        the error in RV(scopes).
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
  since:
    description:
      - Beginning of the period in ISO 8601, such as V(2026-11-22T14:00:00Z) or V(2026-11-22). A
        time without an offset is in UTC.
      - Mutually exclusive with O(period).
    type: str
  until:
    description: End of the period in ISO 8601, which is not part of it. Now by default, and where
      it is later.
    type: str
  period:
    description: Length of the period in seconds, up to O(until). A day by default, unless O(since)
      is set.
    type: int
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job_info
  - module: edgeops.cloudflare.logpush_usage_info
  - module: edgeops.cloudflare.logpush_notification
  - name: Logpush health
    description: Cloudflare's documentation of uploads and why they fail.
    link: https://developers.cloudflare.com/logs/logpush/logpush-health/
"""

EXAMPLES = r"""
- name: Report the uploads of the last hour
  edgeops.cloudflare.logpush_health_info:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    period: 3600
  register: health

- name: Show the jobs with failed uploads
  ansible.builtin.debug:
    msg: "{{ item.uploads_failed }} uploads of job {{ item.id }} failed: {{ item.by_status }}"
  loop: "{{ health.jobs | selectattr('uploads_failed', 'gt', 0) | list }}"
  loop_control:
    label: "{{ item.id }}"

- name: Report the uploads of yesterday, for a zone and an account
  edgeops.cloudflare.logpush_health_info:
    scopes:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        host: example.com
      - account_id: 01a7362d577a6c3019a474fd6f485823
    until: "{{ now(utc=true, fmt='%Y-%m-%d') }}"
    period: 86400
  register: yesterday

- name: Fail if more than one upload in a hundred failed
  ansible.builtin.assert:
    that: yesterday.totals.uploads_failed * 100 <= yesterday.totals.uploads_succeeded
    fail_msg: "{{ yesterday.totals.by_status | to_json }}"
"""

RETURN = r"""
since:
  description: Beginning of the period.
  returned: success, and when a scope failed
  type: str
  sample: "2026-11-22T14:00:00Z"
until:
  description: End of the period, which is not part of it.
  returned: success, and when a scope failed
  type: str
  sample: "2026-11-22T15:00:00Z"
jobs:
  description:
    - The jobs with uploads in the period, ordered by ID; with O(scopes), in the order of that list.
    - A job without any upload is not listed.
  returned: success, and when a scope failed
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the job.
      type: int
      sample: 42
    destination_types:
      description: The kinds of its destinations in the period, as Cloudflare names them.
      type: list
      elements: str
      sample: [s3]
    uploads_succeeded:
      description: Uploads with status 200.
      type: int
      sample: 120
    uploads_failed:
      description: Uploads with another status, retried or not.
      type: int
      sample: 3
    records:
      description: Log lines in the uploads that succeeded.
      type: int
      sample: 1200000
    bytes:
      description: Bytes in the uploads that succeeded, before compression.
      type: int
      sample: 960000000
    bytes_compressed:
      description: Bytes in the uploads that succeeded, compressed.
      type: int
      sample: 84000000
    by_status:
      description: The uploads by their result.
      type: list
      elements: dict
      contains:
        status:
          description: The HTTP status of the destination, or one of Cloudflare's own codes, such as
            1105 if its host name cannot be resolved. 200 is success.
          type: int
          sample: 503
        final:
          description: The dimension C(final) of Cloudflare's dataset, which is not documented.
            Judging by its name, it is true for the last attempt to upload a batch, so that a failed
            one means that the batch is lost.
          type: bool
          sample: false
        uploads:
          description: Number of uploads.
          type: int
          sample: 3
        records:
          description: Log lines in them.
          type: int
          sample: 2400
        bytes:
          description: Bytes in them, before compression.
          type: int
          sample: 1920000
        bytes_compressed:
          description: Bytes in them, compressed.
          type: int
          sample: 168000
    scope:
      description: The C(zone_id) or C(account_id) of the job, and C(host) if it was set.
      type: dict
      sample: {"zone_id": "023e105f4ecef8ad9ca31a8372d0c353", "host": "example.com"}
totals:
  description: The sums of all jobs. Each job counts once, even if O(scopes) lists its zone or
    account several times.
  returned: success, and when a scope failed
  type: dict
  contains:
    uploads_succeeded:
      description: Uploads with status 200.
      type: int
      sample: 120
    uploads_failed:
      description: Uploads with another status, retried or not.
      type: int
      sample: 3
    records:
      description: Log lines in the uploads that succeeded.
      type: int
      sample: 1200000
    bytes:
      description: Bytes in the uploads that succeeded, before compression.
      type: int
      sample: 960000000
    bytes_compressed:
      description: Bytes in the uploads that succeeded, compressed.
      type: int
      sample: 84000000
    by_status:
      description: The uploads by their result, as in RV(jobs[].by_status).
      type: list
      elements: dict
      sample:
        - status: 200
          final: true
          uploads: 120
          records: 1200000
          bytes: 960000000
          bytes_compressed: 84000000
scopes:
  description:
    - Each zone or account by its C(zone_id) or C(account_id) and its C(host), in the order of
      O(scopes).
  returned: success, and when a scope failed
  type: list
  elements: dict
  contains:
    failed:
      description: Whether its uploads could not be read.
      type: bool
      sample: false
    msg:
      description: Why they could not be read, otherwise empty.
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
      sample: POST
    path:
      description: The path, below O(base_url).
      type: str
      sample: /graphql
    codes:
      description: Cloudflare's error codes; GraphQL has none.
      type: list
      elements: int
      sample: []
    errors:
      description: The errors in Cloudflare's response.
      type: list
      elements: dict
      sample: [{"message": "zones are not authorized"}]
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

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.analytics import (
    read_health,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import (
    LogpushOf,
    execute_scopes,
)

_OPTIONS = {
    "since": {"type": "str"},
    "until": {"type": "str"},
    "period": {"type": "int"},
}


def run(params: dict[str, t.Any], logpush_of: LogpushOf) -> dict[str, t.Any]:
    """Read the uploads of each zone and account, and sum them up."""
    return read_health(params, logpush_of, time.time())


def main() -> None:
    """Run the module."""
    execute_scopes(run, _OPTIONS)


if __name__ == "__main__":
    main()
