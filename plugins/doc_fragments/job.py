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
      - It is sent byte for byte as given. Compared are its parts, so that order and
        percent-encoding make no difference.
      - Cloudflare may hide the secrets in it. A secret counts as changed where Cloudflare shows
        another one of the same length that does not look masked; else it is not compared, see
        O(resend_hidden). Where it shows a mask, a secret that it leaves out counts as masked too;
        what is no secret is not compared either, and a warning says so.
      - They are masked in everything that the module returns.
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
      - The kind of the job. It cannot be changed.
    type: str
    choices:
      - ""
      - edge
  filter:
    description:
      - Which events are pushed, as JSON or as a dictionary, with C(where) in it. About 1000 bytes;
        the exact limit is the API's. An empty string removes it.
      - Compared is its content, not its spelling. Where Cloudflare leaves the filter out of its
        answers it is not compared, see O(resend_hidden).
    type: json
  output_options:
    description:
      - What is in the logs and how it is written. What is not set here stays as it is.
      - An option that was never set counts as what Cloudflare documents as its default.
      - Where the job still has O(logpull_options), which output options put out of force, what
        these say is sent along as well.
    type: dict
    suboptions:
      field_names:
        description:
          - The fields, see M(edgeops.cloudflare.logpush_dataset_info). Their order is compared for
            V(csv) only.
        type: list
        elements: str
      output_type:
        description:
          - The format. Cloudflare's default is V(ndjson).
          - It decides the defaults of O(output_options.record_prefix),
            O(output_options.record_suffix) and O(output_options.field_delimiter), so these three do
            not stay as they are where the format changes.
        type: str
        choices:
          - ndjson
          - csv
      timestamp_format:
        description: How times are written. Cloudflare's default is V(unixnano).
        type: str
        choices:
          - unixnano
          - unix
          - rfc3339
          - rfc3339ms
          - rfc3339ns
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
      - The older, deprecated form of O(output_options), a query string of at most 4096 characters.
    type: str
  frequency:
    description: How often logs are pushed. Deprecated by Cloudflare in favour of C(max_upload_*).
    type: str
    choices:
      - high
      - low
  max_upload_bytes:
    description: The largest size of a batch in bytes, V(0) or 5000000 to 1000000000. Not for
      O(kind=edge).
    type: int
  max_upload_interval_seconds:
    description: The longest time between batches in seconds, V(0) or 30 to 300.
    type: int
  max_upload_records:
    description: The largest number of records in a batch, V(0) or 1000 to 1000000. Not for
      O(kind=edge).
    type: int
  resend_hidden:
    description:
      - Whether to send what the task sets and Cloudflare does not show, such as a secret in
        O(destination_conf), each time. RV(not_compared) lists it.
      - Set it once where a secret was replaced, or where a filter is to be added to a job whose
        filter Cloudflare does not show. Each such run is a change.
      - The default leaves what is hidden alone, so that a job which is as described stays
        unchanged.
    type: bool
    default: false
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
