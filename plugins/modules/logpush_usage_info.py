#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the billable bytes of Logpush."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_usage_info
short_description: Report billable Logpush bytes by day
version_added: 0.4.0
description:
  - Reports the bytes that Cloudflare bills for Logpush, for an account by day and for the month so
    far, from Cloudflare's GraphQL Analytics API (dataset C(logpushUsageAdaptiveGroups)).
  - Cloudflare bills the uncompressed bytes that were delivered, so filters, sampling and fewer
    fields reduce them.
notes:
  - The API token needs the permission Account Analytics Read. Cloudflare's documentation names it
    for its GraphQL Analytics API, but not for this dataset, so verify it with your token.
  - The numbers are not an invoice. Datasets of this kind may be sampled, and a billing period may
    differ from a calendar month.
  - Cloudflare bills internal destinations (R2, Pipelines), external ones and the input of
    transformers at different rates. It is not documented which of these the bytes include. Workers
    Trace Events are billed by requests.
  - Cloudflare limits the length of a period and how far it may reach back, depending on the plan. A
    period that is too long for one query is split. A period that begins too early is an error.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
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
        bill more bytes in the meantime.
options:
  account_id:
    description: The account, 32 hexadecimal digits.
    type: str
    required: true
  since:
    description: The first day, such as V(2026-11-22), in UTC. The first day of this month by
      default.
    type: str
  until:
    description: The last day, in UTC. Today by default, and where it is later.
    type: str
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_health_info
  - name: Logpush pricing
    description: Cloudflare's rates, and the usage that they include.
    link: https://developers.cloudflare.com/logs/logpush/pricing/
"""

EXAMPLES = r"""
- name: Report the billable bytes of this month
  edgeops.cloudflare.logpush_usage_info:
    account_id: 01a7362d577a6c3019a474fd6f485823
  register: usage

- name: Fail if the month has used more than 25 GB
  ansible.builtin.assert:
    that: usage.month_to_date.billable_bytes <= 25 * 1000 ** 3
    fail_msg: "{{ usage.days | to_json }}"

- name: Report the billable bytes of today
  edgeops.cloudflare.logpush_usage_info:
    account_id: 01a7362d577a6c3019a474fd6f485823
    since: "{{ now(utc=true, fmt='%Y-%m-%d') }}"
"""

RETURN = r"""
since:
  description: The first day.
  returned: success
  type: str
  sample: "2026-11-01"
until:
  description: The last day.
  returned: success
  type: str
  sample: "2026-11-22"
days:
  description: The days of the period for which Cloudflare reports usage. Others are not listed.
  returned: success
  type: list
  elements: dict
  contains:
    date:
      description: The day.
      type: str
      sample: "2026-11-22"
    billable_bytes:
      description: The bytes that are billed.
      type: int
      sample: 960000000
billable_bytes:
  description: The sum of RV(days).
  returned: success
  type: int
  sample: 21000000000
month_to_date:
  description: The usage of this calendar month until today, in UTC, whatever O(since) and O(until)
    are.
  returned: success
  type: dict
  contains:
    since:
      description: The first day of the month.
      type: str
      sample: "2026-11-01"
    billable_bytes:
      description: The bytes that are billed, V(null) if Cloudflare no longer keeps all days of the
        month.
      type: int
      sample: 21000000000
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

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.analytics import (
    read_usage,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute_for_account

_OPTIONS = {"since": {"type": "str"}, "until": {"type": "str"}}


def run(params: dict[str, t.Any], client: Client) -> dict[str, t.Any]:
    """Read the billable bytes of each day, and sum them up."""
    return read_usage(params, client, time.time())


def main() -> None:
    """Run the module."""
    execute_for_account(run, _OPTIONS)


if __name__ == "__main__":
    main()
