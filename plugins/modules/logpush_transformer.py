#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage a Cloudflare Logpush transformer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_transformer
short_description: Manage a Logpush SQL transformer
version_added: 0.4.0
description:
  - Creates, updates or removes a transformer. A transformer is one SQL query that Cloudflare runs
    on each batch of logs before it is pushed, to filter, reshape or redact records. A Logpush job
    uses it by its C(transformer_id).
  - Only the options that are set are compared. If nothing differs, no write request is sent. The
    SQL is sent only if it changed, since Cloudflare creates a new version each time.
  - A transformer that fails at run time fails the whole batch, and nothing of it is pushed. With
    O(preview_input), the query runs on a sample record before it is saved.
  - A transformer that jobs use is not removed; the error names them.
  - After a transformer was created, the transformers are listed once more. A second one of the same
    name, which an overlapping run has created, fails the task.
extends_documentation_fragment:
  - edgeops.cloudflare.connection
  - edgeops.cloudflare.attributes
  - edgeops.cloudflare.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Whether Cloudflare accepts the SQL shows only in a real run, or with O(preview_input), which
        runs in check mode too.
  diff_mode:
    support: full
    details:
      - Shows the SQL before and after as a text, and name and description.
  idempotent:
    support: full
options:
  account_id:
    description:
      - The account that the transformer belongs to. 32 hexadecimal digits.
      - Transformers of an account serve the jobs of its zones too.
    type: str
    required: true
  state:
    description:
      - Whether the transformer should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  name:
    description:
      - The name, of at most 255 bytes. It finds the transformer unless O(id) is set.
      - Required to create a transformer. With O(id), the transformer is renamed. With
        O(state=absent) and O(id), the transformer is removed only if it has this name.
    type: str
  id:
    description:
      - The ID of an existing transformer.
    type: int
  code:
    description:
      - The SQL query, usually read from a file. The table in its C(FROM) clause is the dataset of
        the jobs that use it.
      - Required to create a transformer. White space at its end is not compared.
      - Cloudflare documents a limit of 10 KB in one place and of 32 KB in another. Above the first
        the module warns, above the second it fails.
    type: str
  description:
    description:
      - The description, of at most 4096 bytes. An empty string removes it.
    type: str
  preview_input:
    description:
      - A sample record of the dataset. The query runs on it before anything is written, in check
        mode too, and the task fails if Cloudflare rejects the query. The output is returned as
        RV(preview).
      - Without O(code), the query of the existing transformer runs.
      - The record is shown in the output of the task, so use a made-up one.
    type: dict
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_transformer_info
  - module: edgeops.cloudflare.logpush_job
  - module: edgeops.cloudflare.logpush_dataset_info
  - name: Transformers
    description: Cloudflare's documentation of the SQL that transformers support.
    link: https://developers.cloudflare.com/logs/logpush/transformers/
"""

EXAMPLES = r"""
# files/errors-only.sql, for example:
#   SELECT ClientRequestHost, ClientRequestPath, EdgeResponseStatus
#   FROM http_requests
#   WHERE EdgeResponseStatus >= 500
- name: Push only failed requests, without the addresses of clients
  edgeops.cloudflare.logpush_transformer:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: errors-only
    description: Failed requests, without the addresses of clients
    code: "{{ lookup('ansible.builtin.file', 'errors-only.sql') }}"
  register: errors_only

- name: Preview a query on a sample record before it is saved
  edgeops.cloudflare.logpush_transformer:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: without-addresses
    code: SELECT ClientRequestHost, EdgeResponseStatus FROM http_requests
    preview_input:
      ClientIP: 203.0.113.7
      ClientRequestHost: www.example.com
      EdgeResponseStatus: 502
  register: without_addresses

- name: Fail if the output still contains an address
  ansible.builtin.assert:
    that: "'ClientIP' not in without_addresses.preview"

- name: Rename a transformer
  edgeops.cloudflare.logpush_transformer:
    account_id: 01a7362d577a6c3019a474fd6f485823
    id: "{{ errors_only.transformer.id }}"
    name: failed-requests

- name: Remove a transformer that no job uses
  edgeops.cloudflare.logpush_transformer:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: without-addresses
    state: absent
"""

RETURN = r"""
transformer:
  description:
    - The transformer as Cloudflare shows it; in check mode the planned one, and the former one if
      it was removed. V(null) if there is none.
  returned: success
  type: dict
  contains:
    id:
      description: The ID of the transformer, V(null) if it would be created.
      type: int
      sample: 7
    name:
      description: The name.
      type: str
      sample: errors-only
    description:
      description: The description, empty if there is none.
      type: str
      sample: Only failed requests
    dataset:
      description: The dataset in the C(FROM) clause of the query, V(null) if Cloudflare has not
        reported it, as in check mode.
      type: str
      sample: http_requests
    created_at:
      description: Time of the creation.
      type: str
      sample: "2026-11-22T14:05:00Z"
    updated_at:
      description: Time of the last change.
      type: str
      sample: "2026-11-22T14:05:00Z"
    associated_jobs:
      description: The jobs that use the transformer.
      type: list
      elements: dict
      contains:
        id:
          description: The ID of the job.
          type: int
          sample: 42
        name:
          description: The name of the job.
          type: str
          sample: http-to-s3
        object_type:
          description: Whether the job belongs to a V(zone) or an V(account).
          type: str
          sample: zone
        object_tag:
          description: The ID of that zone or account.
          type: str
          sample: 023e105f4ecef8ad9ca31a8372d0c353
    code:
      description: The SQL query.
      type: str
      sample: SELECT ClientRequestHost, EdgeResponseStatus FROM http_requests
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
  returned: success, and when the transformer could not be written
  type: list
  elements: str
  sample:
    - code
preview:
  description:
    - The output of the query for O(preview_input), V(null) if it drops the record.
    - Cloudflare documents one record. If its response holds a list of records, the list is
      returned.
  returned: when O(preview_input) is set and O(state=present), unless the preview failed
  type: raw
  sample: {"ClientRequestHost": "www.example.com", "EdgeResponseStatus": 502}
associated_jobs:
  description: The jobs that use the transformer, as in RV(transformer.associated_jobs).
  returned: when the transformer was not removed because jobs use it
  type: list
  elements: dict
  sample:
    - id: 42
      name: http-to-s3
      object_type: zone
      object_tag: 023e105f4ecef8ad9ca31a8372d0c353
response_lost:
  description:
    - Whether the response to a write request was lost. The module then looks for the transformer,
      for several seconds if the request may still be in progress, and succeeds with a warning if it
      finds the desired state. A create request is never sent again.
  returned: success, and when a response was lost
  type: bool
  sample: false
ids:
  description: The IDs of the transformers that have the same name.
  returned: when several transformers have the name, and when the response to a creation was lost
  type: list
  elements: int
  sample: [7, 8]
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
      sample: /accounts/01a7362d577a6c3019a474fd6f485823/logpush/transformers
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
    transformer_reconcile,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.transformer import (
    TRANSFORMER,
    TransformerApi,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute_for_account


def run(params: dict[str, t.Any], client: Client) -> dict[str, t.Any]:
    """Reconcile the transformer."""
    api = TransformerApi(client, params["account_id"])
    return transformer_reconcile.reconcile_transformer(params, api)


def main() -> None:
    """Run the module."""
    execute_for_account(run, TRANSFORMER, required_one_of=[("id", "name")])


if __name__ == "__main__":
    main()
