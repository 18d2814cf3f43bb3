#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile many Cloudflare Logpush jobs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_jobs
short_description: Reconcile many Logpush jobs
version_added: 0.3.0
description:
  - Creates, updates or removes Cloudflare Logpush jobs of any number of zones and accounts in one
    task, as M(edgeops.cloudflare.logpush_job) does for one. Ownership of destinations is proved in
    the same task.
  - Requests are sent concurrently, within Cloudflare's rate limit. The jobs of a zone or account
    are listed once, and once more if a job was created. Jobs of one zone or account with the same
    destination share an ownership token.
  - If an entry is invalid, nothing is sent. All jobs are planned before anything is written. After
    that, a job that fails does not stop the others; the task fails at the end, and returns the
    RV(results) of all.
  - With O(wait), the task waits for the pushes of all jobs together, and prunes jobs after that.
  - Runs for the same zone or account must not overlap. If two runs created the same job, the task
    fails.
options:
  prove_ownership:
    description: The default of O(jobs[].prove_ownership).
    type: bool
    default: true
  prune:
    description:
      - Whether to remove jobs that are not in O(jobs) from each zone and account that it names.
        This includes jobs that were created by hand.
      - Jobs are removed last, and not from a zone or account in which an entry failed.
    type: bool
    default: false
  prune_datasets:
    description: Limits O(prune) to jobs of these datasets, for zones that several teams share. With
      an empty list, no job is removed.
    type: list
    elements: str
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.connection.concurrency
  - edgeops.cloudflare.job.jobs
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
      - Shows the properties of each changed job before and after, without sensitive values.
  idempotent:
    support: full
    details:
      - Not with O(jobs[].update_secrets=always) if Cloudflare masks values that the task sets.
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job
  - module: edgeops.cloudflare.logpush_ownerships
"""

EXAMPLES = r"""
- name: Push the HTTP requests of two zones to one bucket
  edgeops.cloudflare.logpush_jobs:
    jobs:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        name: http-to-s3
        dataset: http_requests
        destination_conf: "s3://edge-logs/example.com/{DATE}?region=us-east-1"
      - zone_id: 9a7806061c88ada191ed06f989cc3dac
        name: http-to-s3
        dataset: http_requests
        destination_conf: "s3://edge-logs/example.net/{DATE}?region=us-east-1"
    challenge_file:
      s3:
        profile: logs-reader
  register: http_to_s3

- name: Show what was done
  ansible.builtin.debug:
    var: http_to_s3.table

- name: Remove all HTTP jobs of a zone that are not in the list
  edgeops.cloudflare.logpush_jobs:
    jobs:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        name: http-to-s3
        dataset: http_requests
    prune: true
    prune_datasets: [http_requests]
"""

RETURN = r"""
results:
  description:
    - One result per job, in the order of O(jobs).
    - Each has the return values of M(edgeops.cloudflare.logpush_job), in addition to those
      documented here.
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    item:
      description: Identifies the job by C(host), C(zone_id), C(account_id), C(id), C(name) and
        C(dataset), as far as they were set.
      type: dict
      sample: {"zone_id": "023e105f4ecef8ad9ca31a8372d0c353", "name": "http-to-s3"}
    changed:
      description: Whether this job was changed, or would be in check mode.
      type: bool
      sample: true
    failed:
      description: Whether this job failed.
      type: bool
      sample: false
    msg:
      description: Why it failed.
      returned: when it failed
      type: str
      sample: "max_upload_records: must be 0 or from 1000 to 1000000, and is 1"
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
      description: The properties that were sent.
      returned: when it did not fail
      type: list
      elements: str
      sample: [enabled]
    not_compared:
      description: Values that are set but Cloudflare masks, so that they were not compared.
      returned: when it did not fail
      type: list
      elements: str
      sample: []
    not_applied:
      description: Properties that were sent but have other values in Cloudflare's response.
      returned: when it did not fail
      type: list
      elements: str
      sample: []
    ownership:
      description: How ownership of the destination was proved, as in
        M(edgeops.cloudflare.logpush_job).
      returned: when it did not fail, and when the job could not be written
      type: str
      sample: proved
    filename:
      description: The challenge file, as Cloudflare named it, V(null) if none was requested.
      returned: when it did not fail, and when the job could not be written
      type: str
      sample: http/20261122/ownership-challenge.txt
    push:
      description: The outcome of waiting for a push, see O(wait). V(null) if the task did not wait,
        or could no longer list the jobs.
      returned: when it did not fail, and when a push failed or timed out
      type: str
      choices:
        - succeeded
        - failed
        - timed_out
      sample: succeeded
    job:
      description: The job as Cloudflare shows it, in check mode the planned one.
      returned: when it did not fail
      type: dict
      sample: {"id": 42, "name": "http-to-s3", "dataset": "http_requests", "enabled": true}
    error:
      description: Details of the failed API request.
      returned: when an API request failed
      type: dict
      sample: {"status": 403, "method": "POST", "codes": [1004], "retryable": false}
pruned:
  description: The jobs that O(prune) removed, or would in check mode, in the form of RV(results).
  returned: when the options are valid
  type: list
  elements: dict
  sample: []
summary:
  description: The number of jobs by outcome.
  returned: when the options are valid
  type: dict
  contains:
    total:
      description: Jobs in O(jobs).
      type: int
      sample: 2
    created:
      description: Jobs created.
      type: int
      sample: 2
    updated:
      description: Jobs updated.
      type: int
      sample: 0
    deleted:
      description: Jobs removed by O(jobs[].state=absent).
      type: int
      sample: 0
    unchanged:
      description: Jobs that were in the desired state.
      type: int
      sample: 0
    pruned:
      description: Jobs removed by O(prune).
      type: int
      sample: 0
    failed:
      description: Jobs that failed.
      type: int
      sample: 0
table:
  description: The results as lines of a table, for people.
  returned: when the options are valid
  type: list
  elements: str
  sample:
    - "ZONE OR ACCOUNT                   JOB         DATASET        RESULT   OWNERSHIP  DETAILS"
    - "023e105f4ecef8ad9ca31a8372d0c353  http-to-s3  http_requests  created  proved     id 42"
rate_limit_waited:
  description: Seconds that requests were held back by the rate limit.
  returned: always
  type: float
  sample: 0.0
"""

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import summary
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    CHALLENGE_FILE,
    ENTRY_CHALLENGE_FILE,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    API_NAMES,
    JOB,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.reconcile import (
    Settings,
    describe,
    label,
    reconcile_jobs,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.wait import (
    WAIT,
    timeout_of,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import (
    LogpushOf,
    execute_many,
)

_ENTRY = {
    **JOB,
    "host": {"type": "str"},
    "challenge_file": {"type": "dict", "options": ENTRY_CHALLENGE_FILE},
}
_COMMON = {
    "prove_ownership": {"type": "bool", "default": True},
    "challenge_file": {"type": "dict", "options": CHALLENGE_FILE},
    "prune": {"type": "bool", "default": False},
    "prune_datasets": {"type": "list", "elements": "str"},
    **WAIT,
}


def run(params: dict[str, t.Any], logpush_of: LogpushOf) -> dict[str, t.Any]:
    """Reconcile the jobs."""
    names = ("challenge_file", "prove_ownership", "concurrency", "prune", "prune_datasets")
    settings = Settings(**{name: params[name] for name in names}, wait_timeout=timeout_of(params))
    reconciled = reconcile_jobs(params["jobs"], logpush_of, settings)
    items = [label(entry) for entry in params["jobs"]]
    pruned = [item for item, _outcome in reconciled.pruned]
    labels = [summary.Label(item, describe(item)) for item in [*items, *pruned]]
    outcomes = [*reconciled.outcomes, *(outcome for _item, outcome in reconciled.pruned)]
    whole = summary.collect(labels, outcomes)
    results = whole["results"]
    whole["results"], whole["pruned"] = results[: len(items)], results[len(items) :]
    whole["summary"] = summary.counts(whole["results"], whole["pruned"])
    whole["table"] = summary.table(whole["results"], whole["pruned"])
    summary.raise_failures("jobs", [each.text for each in labels], results, whole)
    return whole


def main() -> None:
    """Run the module."""
    execute_many(
        "jobs",
        run,
        _ENTRY,
        common_spec=_COMMON,
        required_one_of=[("id", "name")],
        api_names=API_NAMES,
    )


if __name__ == "__main__":
    main()
