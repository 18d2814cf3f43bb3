#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage Logpush notifications of disabled jobs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_notification
short_description: Manage notifications about disabled Logpush jobs
version_added: 0.4.0
description:
  - Creates, updates or removes a notification of the type C(Failing Logpush Job Disabled).
    Cloudflare disables a Logpush job that has failed for 24 hours, and then sends the notification,
    at most once a day for each job. Logs of that time are lost.
  - A notification belongs to an account, and covers all jobs of the account and its zones.
  - Only the options that are set are compared. If nothing differs, no write request is sent.
  - After a notification was created, the notifications are listed once more. A second one of the
    same name, which an overlapping run has created, fails the task.
notes:
  - The API token needs the permission Notifications Write, or Account Settings Write, for the
    account. Cloudflare's documentation names both, and the permissions Notifications Read and
    Account Settings Read for reading, which is enough in check mode. Verify it with your token.
  - Cloudflare decides which plans include this notification, and which kinds of recipients.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Whether Cloudflare accepts the recipients shows only in a real run.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  account_id:
    description: The account, 32 hexadecimal digits.
    type: str
    required: true
  state:
    description:
      - Whether the notification should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  name:
    description:
      - The name. It finds the notification among those of this type, unless O(id) is set.
      - Required to create a notification. With O(id), the notification is renamed. With
        O(state=absent) and O(id), the notification is removed only if it has this name.
    type: str
  id:
    description:
      - The ID of an existing notification.
    type: str
  description:
    description:
      - The description. An empty string removes it.
    type: str
  enabled:
    description:
      - Whether Cloudflare sends the notification. A new one is enabled unless this is V(false), an
        existing one is left as it is.
    type: bool
  emails:
    description:
      - The e-mail addresses that receive the notification. An empty list removes them.
      - At least one address, webhook or PagerDuty service is required to create a notification.
      - Neither the order nor the capitalization of recipients is compared.
    type: list
    elements: str
  webhook_ids:
    description:
      - The IDs of the webhooks that receive the notification. They are set up in the account's
        notification destinations. An empty list removes them.
    type: list
    elements: str
  pagerduty_ids:
    description:
      - The IDs of the PagerDuty services that receive the notification. They are connected in the
        account's notification destinations. An empty list removes them.
    type: list
    elements: str
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_job_info
  - module: edgeops.cloudflare.logpush_health_info
  - name: Logpush alerts
    description: Cloudflare's documentation of the notification.
    link: https://developers.cloudflare.com/logs/logpush/alerts-and-analytics/
"""

EXAMPLES = r"""
- name: Notify the operators of disabled Logpush jobs
  edgeops.cloudflare.logpush_notification:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: logpush-disabled
    description: A Logpush job was disabled
    emails:
      - operators@example.com
  register: notification

- name: Notify a webhook as well
  edgeops.cloudflare.logpush_notification:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: logpush-disabled
    webhook_ids:
      - b115d5ec15c641ee8b7692c449b5227b

- name: Stop the notification for some time
  edgeops.cloudflare.logpush_notification:
    account_id: 01a7362d577a6c3019a474fd6f485823
    id: "{{ notification.notification.id }}"
    enabled: false

- name: Remove the notification
  edgeops.cloudflare.logpush_notification:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: logpush-disabled
    state: absent
"""

RETURN = r"""
notification:
  description:
    - The notification; in check mode the planned one, and the former one if it was removed. V(null)
      if there is none.
    - A new one is as Cloudflare shows it. After an update it is as it was sent.
  returned: success
  type: dict
  contains:
    id:
      description: The ID of the notification, V(null) if it would be created.
      type: str
      sample: 0da2b59ef118439d8097bdfb215203c9
    name:
      description: The name.
      type: str
      sample: logpush-disabled
    description:
      description: The description, empty if there is none.
      type: str
      sample: A Logpush job was disabled
    enabled:
      description: Whether Cloudflare sends the notification.
      type: bool
      sample: true
    emails:
      description: The e-mail addresses that receive it.
      type: list
      elements: str
      sample: [operators@example.com]
    webhook_ids:
      description: The IDs of the webhooks that receive it.
      type: list
      elements: str
      sample: [b115d5ec15c641ee8b7692c449b5227b]
    pagerduty_ids:
      description: The IDs of the PagerDuty services that receive it.
      type: list
      elements: str
      sample: []
    created:
      description: Time of the creation.
      type: str
      sample: "2026-11-22T14:05:00Z"
    modified:
      description: Time of the last change before this task.
      type: str
      sample: "2026-11-22T14:05:00Z"
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
  description: The properties that were changed.
  returned: success, and when the notification could not be written
  type: list
  elements: str
  sample:
    - emails
response_lost:
  description:
    - Whether the response to a write request was lost. The module then looks for the notification,
      for several seconds if the request may still be in progress, and succeeds with a warning if it
      finds the desired state. A create request is never sent again.
  returned: success, and when a response was lost
  type: bool
  sample: false
ids:
  description: The IDs of the notifications that have the same name.
  returned: when several notifications have the name, and when the response to a creation was lost
  type: list
  elements: str
  sample: [0da2b59ef118439d8097bdfb215203c9, 3f1b7a0c9e6d4c58a2b4d6f80e1c3a57]
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
      sample: /accounts/01a7362d577a6c3019a474fd6f485823/alerting/v3/policies
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

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import (
    notification_reconcile,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.notification import (
    NOTIFICATION,
    NotificationApi,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute_for_account


def run(params: dict[str, t.Any], client: Client) -> dict[str, t.Any]:
    """Reconcile the notification."""
    api = NotificationApi(client, params["account_id"])
    return notification_reconcile.reconcile_notification(params, api)


def main() -> None:
    """Run the module."""
    execute_for_account(run, NOTIFICATION, required_one_of=[("id", "name")])


if __name__ == "__main__":
    main()
