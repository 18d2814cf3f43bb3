# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that describe a job: of a module for one, and of each entry of a list."""

from __future__ import annotations

import re
import textwrap


class ModuleDocFragment:
    """What a job is to be."""

    DOCUMENTATION = r"""
options:
  state:
    description: Whether there is to be such a job.
    type: str
    choices:
      - present
      - absent
    default: present
  id:
    description:
      - The job's number. It finds a job that exists; one to be created gets its number from
        Cloudflare.
      - O(id) or O(name) is required. With both, O(id) finds the job and O(name) is a property of
        it, to which it is renamed.
    type: int
  name:
    description:
      - The job's name, at most 512 characters. Cloudflare lets several jobs have the same one;
        where the zone or account (and O(dataset), if set) has several, the task fails and lists
        their ids.
    type: str
  dataset:
    description:
      - The dataset, such as V(http_requests). Cloudflare adds new ones often; which there are is in
        its documentation.
      - It cannot be changed. If not set, a job found by its name may have any, and Cloudflare
        chooses that of a new job (V(http_requests)).
    type: str
  destination_conf:
    description:
      - The destination, as a URI of at most 4096 characters, such as
        V(s3://bucket/logs/{DATE}?region=us-east-1). Required for a job to be created.
      - It is sent byte for byte as given. Its parts are compared; the order of parameters and
        needless percent-encoding make no difference.
      - What Cloudflare shows without a mask is compared exactly, and a parameter that it does not
        show does not exist. A value that is visibly masked, such as V(***) or V([REDACTED]), is
        not compared and listed in RV(not_compared); see O(update_secrets).
      - Sensitive values in it are redacted in everything that the module returns.
    type: str
  ownership_challenge:
    description:
      - The content of the challenge file that M(edgeops.cloudflare.logpush_ownership) asks for, at
        most 4096 characters. White space around it is removed.
      - Needed where a job is created, or its destination is changed, and the destination's kind
        needs it (RV(job.destination.challenge=yes)). It is sent with no other change of a job.
    type: str
  enabled:
    description: Whether logs are pushed. A new job is not enabled unless this is set.
    type: bool
  kind:
    description:
      - The kind of the job, such as V(edge). It cannot be changed.
    type: str
  filter:
    description:
      - Which events are pushed, as JSON or as a dictionary, with C(where) in it. About 1000 bytes;
        the exact limit is the API's. An empty string removes it.
      - Its content is compared, not its spelling. A job that Cloudflare shows without a filter has
        none.
    type: json
  output_options:
    description:
      - What is in the logs and how it is written. What is not set here stays as it is.
      - An option that was never set has the default that Cloudflare documents for the
        O(output_options.output_type). An empty string is a value; V(null) means not set.
      - Where the job still has O(logpull_options), which output options put out of force, what
        these hold is sent along as well, as far as it is valid.
    type: dict
    suboptions:
      field_names:
        description:
          - The fields, see M(edgeops.cloudflare.logpush_dataset_info). Their order is compared for
            V(csv) only. A field that is named twice counts once.
        type: list
        elements: str
      output_type:
        description:
          - The format, V(ndjson) or V(csv). Cloudflare's default is V(ndjson).
          - It decides the defaults of O(output_options.record_prefix),
            O(output_options.record_suffix) and O(output_options.field_delimiter), so these three do
            not stay as they are where the format changes.
        type: str
      timestamp_format:
        description: The format of timestamps, V(unixnano), V(unix), V(rfc3339), V(rfc3339ms) or
          V(rfc3339ns). Cloudflare's default is V(unixnano).
        type: str
      sample_rate:
        description: Which part of the events is pushed, above 0 and at most 1.
        type: float
      cve_2021_44228:
        description:
          - Whether each C(${) is written as C(x{), because of that vulnerability.
          - The API's own name for it, C(CVE-2021-44228), is accepted as well.
        type: bool
      merge_subrequests:
        description: Whether subrequests are merged, for the dataset V(http_requests) only.
        type: bool
      batch_prefix:
        description: What is written before each batch.
        type: str
      batch_suffix:
        description: What is written after each batch.
        type: str
      record_prefix:
        description: What is written before each record.
        type: str
      record_suffix:
        description: What is written after each record.
        type: str
      record_template:
        description: A template for each record, in the place of the other rules for it.
        type: str
      record_delimiter:
        description: What is written between records.
        type: str
      field_delimiter:
        description: What is written between fields.
        type: str
  logpull_options:
    description:
      - The older, deprecated form of O(output_options), a query string of at most 4096 characters
        such as V(fields=RayID,ClientIP&timestamps=rfc3339).
    type: str
  frequency:
    description: How often logs are pushed, V(high) or V(low). Deprecated by Cloudflare in favour of
      C(max_upload_*).
    type: str
  max_upload_bytes:
    description: The largest size of a batch in bytes, at most 1000000000. Cloudflare documents a
      minimum of 5000000, and for some destinations less. V(0) means not set. Not for O(kind=edge).
    type: int
  max_upload_interval_seconds:
    description: The longest time between batches in seconds, 30 to 300. V(0) means not set.
    type: int
  max_upload_records:
    description: The largest number of records in a batch, 1000 to 1000000. V(0) means not set. Not
      for O(kind=edge).
    type: int
  update_secrets:
    description:
      - When to send sensitive values that Cloudflare masks in its responses, as listed in
        RV(not_compared).
      - V(on_change) sends them only where something else in O(destination_conf) differs.
      - V(always) sends O(destination_conf) in each run in which something in it is masked, and
        reports a change.
    type: str
    choices:
      - on_change
      - always
    default: on_change
"""

    # The same below the option ``jobs``, where each name has a longer way.
    # Annotated: Ansible's sanity tests take a plain assignment for a whole documentation.
    _SCOPE: str = """
zone_id:
  description: The zone, for datasets of a zone. Exactly one of this and O(account_id) is required.
  type: str
account_id:
  description: The account, for datasets of an account. Exactly one of this and O(zone_id) is
    required.
  type: str
"""
    _INNER: str = _SCOPE + textwrap.dedent(DOCUMENTATION.partition("options:\n")[2])
    _PLACED: str = re.sub(r"\bRV\(", "RV(results[].", re.sub(r"\bO\(", "O(jobs[].", _INNER))
    JOBS: str = f"""
options:
  jobs:
    description:
      - The jobs. Each is described as by the options of M(edgeops.cloudflare.logpush_job).
      - Two entries may not describe the same job.
    type: list
    elements: dict
    required: true
    suboptions:
{textwrap.indent(_PLACED, "      ")}
"""
