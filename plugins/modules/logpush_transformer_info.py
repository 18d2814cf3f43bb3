#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the Cloudflare Logpush transformers of an account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_transformer_info
short_description: List Logpush SQL transformers and the jobs that use them
version_added: 0.4.0
description:
  - Lists the transformers of an account and the jobs that use them, optionally with their SQL and
    its versions.
  - O(id) and O(name) narrow the list. If no transformer matches, the list is empty, which is not an
    error.
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
      - The module changes nothing.
options:
  account_id:
    description:
      - The account that the transformers belong to. 32 hexadecimal digits.
    type: str
    required: true
  id:
    description:
      - The ID of the transformer to return.
    type: int
  name:
    description:
      - The name of the transformers to return.
    type: str
  include_code:
    description:
      - Whether to return the SQL of each transformer, and of each of its versions if
        O(include_versions) is set. Each requires one more request.
    type: bool
    default: false
  include_versions:
    description:
      - Whether to return the versions of each transformer, which requires one more request for
        each. Cloudflare returns at most the latest ten.
    type: bool
    default: false
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_transformer
  - module: edgeops.cloudflare.logpush_job_info
  - name: Transformers
    description: Cloudflare's documentation of the SQL that transformers support.
    link: https://developers.cloudflare.com/logs/logpush/transformers/
"""

EXAMPLES = r"""
- name: List the transformers of an account
  edgeops.cloudflare.logpush_transformer_info:
    account_id: 01a7362d577a6c3019a474fd6f485823
  register: logpush

- name: Show the transformers that no job uses
  ansible.builtin.debug:
    msg: "{{ logpush.transformers | rejectattr('associated_jobs') | map(attribute='name') }}"

- name: Read a transformer with its SQL and the earlier versions
  edgeops.cloudflare.logpush_transformer_info:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: errors-only
    include_code: true
    include_versions: true
  register: errors_only

- name: Restore the previous version of the SQL
  edgeops.cloudflare.logpush_transformer:
    account_id: 01a7362d577a6c3019a474fd6f485823
    name: errors-only
    code: "{{ errors_only.transformers[0].versions[1].code }}"
  when: errors_only.transformers | map(attribute='versions') | flatten | length > 1
"""

RETURN = r"""
transformers:
  description:
    - The transformers as Cloudflare shows them, ordered by ID.
    - Empty if there is no such transformer.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the transformer.
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
      description: The dataset in the C(FROM) clause of the query, V(null) if Cloudflare cannot
        determine it.
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
      returned: when O(include_code=true)
      type: str
      sample: SELECT ClientRequestHost, EdgeResponseStatus FROM http_requests
    versions:
      description: The latest versions of the SQL, the newest first.
      returned: when O(include_versions=true)
      type: list
      elements: dict
      contains:
        id:
          description: The ID of the version.
          type: int
          sample: 31
        version:
          description: The number of the version.
          type: int
          sample: 3
        created_at:
          description: Time of the creation.
          type: str
          sample: "2026-11-22T14:05:00Z"
        code:
          description: The SQL query of the version.
          returned: when O(include_code=true)
          type: str
          sample: SELECT ClientRequestHost, EdgeResponseStatus FROM http_requests
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
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    checked_id,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.transformer import (
    Transformer,
    TransformerApi,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute_for_account


def run(params: dict[str, t.Any], client: Client) -> dict[str, t.Any]:
    """Read the transformers that match each filter that is set."""
    transformer_id, name = params["id"], params["name"]
    if transformer_id is not None:
        checked_id(transformer_id)
    api = TransformerApi(client, params["account_id"])
    if transformer_id is None:
        found = api.transformers()
    else:
        one = api.transformer(transformer_id)
        found = [one] if one else []
    matching = [each for each in found if name in (None, each.name)]
    matching.sort(key=lambda each: each.id)
    return {"changed": False, "transformers": [_described(each, api, params) for each in matching]}


def _described(
    transformer: Transformer, api: TransformerApi, params: dict[str, t.Any]
) -> dict[str, t.Any]:
    described = transformer.describe()
    if params["include_code"]:
        described["code"] = api.code(transformer.id)
    if params["include_versions"]:
        described["versions"] = api.versions(transformer.id)
        if params["include_code"]:
            for version in described["versions"]:
                version["code"] = api.code(transformer.id, version["id"])
    return described


def main() -> None:
    """Run the module."""
    execute_for_account(
        run,
        {
            "id": {"type": "int"},
            "name": {"type": "str"},
            "include_code": {"type": "bool", "default": False},
            "include_versions": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
