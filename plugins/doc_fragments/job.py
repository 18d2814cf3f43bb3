# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a job, for the module of one job and for the entries of a list."""

from __future__ import annotations

import re
import textwrap

from ansible_collections.edgeops.cloudflare.plugins.doc_fragments.challenge_file import (
    ModuleDocFragment as challenge_file,  # noqa: N813
)


class ModuleDocFragment:
    """The options of a job."""

    DOCUMENTATION = r"""
options:
  state:
    description: Whether the job should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  id:
    description:
      - The ID of an existing job. Cloudflare assigns the ID of a new one.
      - O(id) or O(name) is required. With both, O(id) finds the job and O(name) is the name it
        gets.
    type: int
  name:
    description:
      - The name of the job, at most 512 characters. Names are not unique at Cloudflare; if several
        jobs of the zone or account have this name (and O(dataset), if set), the task fails and
        lists their IDs.
    type: str
  dataset:
    description:
      - The dataset, such as V(http_requests). Cloudflare's documentation lists the available
        datasets.
      - The dataset of a job cannot be changed. If not set, a job found by its name may have any,
        and Cloudflare chooses that of a new job (V(http_requests)).
    type: str
  destination_conf:
    description:
      - The destination, as a URI of at most 4096 characters, such as
        V(s3://bucket/logs/{DATE}?region=us-east-1). Required to create a job.
      - It is sent byte for byte as given, and compared by its parts, so that order and
        percent-encoding make no difference. White space around it is removed.
      - What Cloudflare shows without a mask is compared exactly, and a parameter that it does not
        show does not exist. A value that is visibly masked is not compared and listed in
        RV(not_compared); see O(update_secrets).
      - Sensitive values in it are redacted in everything that the module returns.
    type: str
  ownership_challenge:
    description:
      - The ownership token, which is the content of the challenge file. White space around it is
        removed.
      - Only needed with O(prove_ownership=false), or if the module cannot read the file. The token
        is sent only if the job is created or its destination changes.
    type: str
  prove_ownership:
    description:
      - Whether to prove ownership of the destination if Cloudflare requires it and
        O(ownership_challenge) is not set. The module then requests a challenge, waits for the
        challenge file, reads it as set in O(challenge_file), and sends the token with the job.
      - This happens only if the job is created or its destination changes.
      - If V(false), such a job fails unless O(ownership_challenge) is set.
    type: bool
    default: true
  enabled:
    description:
      - Whether logs are pushed.
      - If not set, a new job is enabled and an existing one stays as it is.
    type: bool
  kind:
    description: The kind of the job, such as V(edge). It cannot be changed.
    type: str
  filter:
    description:
      - A filter for the events to push, as JSON or as a dictionary with the key C(where), of up to
        about 1000 bytes. An empty string removes it.
      - The content is compared, not its formatting. A job that Cloudflare shows without a filter
        has none.
    type: json
  output_options:
    description:
      - The fields and the format of the logs. What is not set here stays as it is.
      - An option that was never set has the default that Cloudflare documents for the
        O(output_options.output_type). An empty string is a value; V(null) means not set.
      - If the job still has O(logpull_options), which output options override, their valid content
        is carried over.
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
            not stay as they are when the format changes.
        type: str
      timestamp_format:
        description: The format of timestamps, V(unixnano), V(unix), V(rfc3339), V(rfc3339ms) or
          V(rfc3339ns). Cloudflare's default is V(unixnano).
        type: str
      sample_rate:
        description: Fraction of events to push, greater than 0 and at most 1.
        type: float
      cve_2021_44228:
        description:
          - Whether to replace each C(${) by C(x{), to mitigate this vulnerability.
          - The API's own name for it, C(CVE-2021-44228), is accepted as well.
        type: bool
      merge_subrequests:
        description: Whether to merge subrequests, for the dataset V(http_requests) of a zone only.
        type: bool
      batch_prefix:
        description: String before each batch.
        type: str
      batch_suffix:
        description: String after each batch.
        type: str
      record_prefix:
        description: String before each record.
        type: str
      record_suffix:
        description: String after each record.
        type: str
      record_template:
        description: Template of a record, instead of the other options for records.
        type: str
      record_delimiter:
        description: String between records.
        type: str
      field_delimiter:
        description: String between fields.
        type: str
      stringify_object:
        description: Whether to write nested objects as strings, as BigQuery requires.
        type: bool
      additional_properties:
        description:
          - Output options that have no option here, such as new ones, by their API names. They are
            sent as given.
          - One that Cloudflare does not show counts as different, since its default is not known.
        type: dict
  logpull_options:
    description:
      - The deprecated form of O(output_options), a query string of at most 4096 characters.
    type: str
  frequency:
    description: How often logs are pushed, V(high) or V(low). Deprecated by Cloudflare in favor
      of C(max_upload_*).
    type: str
  max_upload_bytes:
    description: Maximum size of a batch in bytes, at most 1000000000. Cloudflare documents a
      minimum of 5000000, and less for some destinations. V(0) means not set. Not for O(kind=edge).
    type: int
  max_upload_interval_seconds:
    description: Maximum time between batches in seconds, 30 to 300. V(0) means not set.
    type: int
  max_upload_records:
    description: Maximum number of records in a batch, 1000 to 1000000. V(0) means not set. Not for
      O(kind=edge).
    type: int
  filter_attack_traffic:
    description: Whether to leave out the traffic of DDoS attacks, for some datasets only.
    type: bool
  transformer_id:
    description: The ID of the transformer that changes the logs before they are pushed. V(0)
      detaches it.
    type: int
  additional_properties:
    description:
      - Properties that have no option here, such as new ones, by their API names. They are compared
        and sent like all others; missing, V(null), V(false), V(0) and empty count as the same
        value.
      - A property that has an option of its own is an error here. Do not use it for sensitive
        values, since they would be shown.
    type: dict
  update_secrets:
    description:
      - When to send sensitive values that Cloudflare masks in its responses, as listed in
        RV(not_compared).
      - V(on_change) sends them only if something else in O(destination_conf) differs.
      - V(always) sends O(destination_conf) in each run if something in it is masked, and reports a
        change.
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
    _HOST: str = """
host:
  description: A name for the zone or account in RV(item), RV(table) and messages, such as its
    inventory host.
  type: str
"""
    _OF_JOB: str = textwrap.dedent(DOCUMENTATION.partition("options:\n")[2])
    # What an entry leaves out is the module's.
    _OF_ENTRY: str = _OF_JOB.replace(
        "  type: bool\n  default: true\nenabled:", "  type: bool\nenabled:"
    )
    _CHALLENGE_FILE: str = textwrap.dedent(challenge_file.ENTRY.partition("options:\n")[2])
    _INNER: str = _SCOPE + _HOST + _OF_ENTRY + _CHALLENGE_FILE
    _PLACED: str = re.sub(
        r"\bRV\((?!table)", "RV(results[].", re.sub(r"\bO\(", "O(jobs[].", _INNER)
    )
    JOBS: str = f"""
options:
  jobs:
    description:
      - The jobs. Each entry has the options of M(edgeops.cloudflare.logpush_job).
      - Two entries must not refer to the same job.
    type: list
    elements: dict
    required: true
    suboptions:
{textwrap.indent(_PLACED, "      ")}
"""
