#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep many Cloudflare Logpush jobs as described."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_jobs
short_description: Keep many Cloudflare Logpush jobs as described
version_added: 0.3.0
description:
  - Does in one task what M(edgeops.cloudflare.logpush_job) does in a task each, for jobs of any
    number of zones and accounts. The requests are sent side by side, below Cloudflare's rate
    limit, and the jobs of a zone or account are listed once, however many are described.
  - All jobs are planned before any of them is written. In check mode it ends there.
  - One that fails does not stop the others. The task fails at the end, with RV(results) of all.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.connection.concurrency
  - edgeops.cloudflare.job.jobs
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - A proof of ownership that is missing fails the run, and not check mode, which returns
        RV(results[].ownership_required) instead. Whether Cloudflare takes a proof, or needs one for
        a destination of an unknown kind, and whether it can write to the destination, shows in the
        run alone.
  diff_mode:
    support: full
    details:
      - Shows the properties of each job that changes before and after, without secrets.
  idempotent:
    support: full
    details:
      - With O(jobs[].resend_hidden=true) it is not, where Cloudflare hides what the task sets.
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job
  - module: edgeops.cloudflare.logpush_ownerships
"""

EXAMPLES = r"""
- name: Push the HTTP requests of two zones to R2
  edgeops.cloudflare.logpush_jobs:
    jobs:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        name: http-to-r2
        dataset: http_requests
        destination_conf: "{{ r2_destination }}"
        enabled: true
      - zone_id: 9a7806061c88ada191ed06f989cc3dac
        name: http-to-r2
        dataset: http_requests
        destination_conf: "{{ r2_destination }}"
        enabled: true
  vars:
    r2_destination: "r2://edge-logs/{DATE}?account-id={{ r2_account }}&access-key-id={{ r2_key }}\
      &secret-access-key={{ r2_secret }}"
  register: http_to_r2

- name: Say what was done
  ansible.builtin.debug:
    msg: "{{ http_to_r2.results | map(attribute='action') }}"
"""

RETURN = r"""
results:
  description:
    - What came of each job, in the order of O(jobs), as a registered loop has it.
    - Besides what is told here, each has what M(edgeops.cloudflare.logpush_job) returns.
  returned: when the options are right
  type: list
  elements: dict
  contains:
    item:
      description: Which job it is, by what was given of C(zone_id), C(account_id), C(id), C(name)
        and C(dataset).
      type: dict
      sample: {"zone_id": "023e105f4ecef8ad9ca31a8372d0c353", "name": "http-to-r2"}
    changed:
      description: Whether this job was changed, or would be in check mode.
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
      sample: "max_upload_records: has to be 0 or from 1000 to 1000000, and is 1"
    action:
      description: What was done, or would be in check mode.
      returned: when it did not fail
      type: str
      choices:
        - created
        - updated
        - deleted
        - none
      sample: created
    changes:
      description: What differs from the job as it was, or is told of a new one.
      returned: when it did not fail
      type: list
      elements: str
      sample: [enabled]
    not_compared:
      description: What is set but Cloudflare does not show, so that it could not be compared.
      returned: when it did not fail
      type: list
      elements: str
      sample: []
    ownership_required:
      description: Whether a proof of ownership is needed that was not given, or that was refused.
      returned: when it did not fail, and when a proof of ownership is missing or refused
      type: bool
      sample: false
    job:
      description: The job as Cloudflare shows it afterwards, or as it would be in check mode.
      returned: when it did not fail
      type: dict
      contains:
        destination:
          description: The parts of the job's destination that are no secret.
          type: dict
          contains:
            challenge:
              description: Whether Cloudflare documents that ownership of such a destination has to
                be proved.
              type: str
              sample: "yes"
      sample: {"id": 42, "name": "http-to-r2", "dataset": "http_requests", "enabled": true}
    error:
      description: The request that got no usable answer, or was refused.
      returned: when a request failed
      type: dict
      sample: {"status": 403, "method": "POST", "codes": [1004], "retryable": false}
rate_limit_waited:
  description: For how many seconds requests were held back because of the rate limit.
  returned: when they were
  type: float
  sample: 12.5
"""

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._arguments import concurrency
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    API_NAMES,
    JOB,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.reconcile import (
    label_of,
    reconcile_jobs,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import (
    Label,
    LogpushOf,
    execute_many,
    summarize,
)


def run(params: dict[str, t.Any], logpush_of: LogpushOf) -> dict[str, t.Any]:
    """Keep the jobs that the options describe."""
    jobs = params["jobs"]
    outcomes = reconcile_jobs(jobs, logpush_of, concurrency(params))
    return summarize("jobs", [Label(*label_of(job)) for job in jobs], outcomes)


def main() -> None:
    """Run the module."""
    execute_many("jobs", run, JOB, required_one_of=[("id", "name")], api_names=API_NAMES)


if __name__ == "__main__":
    main()
