#!/usr/bin/python
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an ownership challenge file of Cloudflare Logpush."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logpush_challenge_info
short_description: Read a challenge file from S3, GCS or Azure
version_added: 0.4.0
description:
  - Reads the ownership challenge file that Cloudflare wrote for
    M(edgeops.cloudflare.logpush_ownership) to Amazon S3, Google Cloud Storage or Azure Blob
    Storage, and returns the ownership token in it.
  - Use it to prove ownership step by step. M(edgeops.cloudflare.logpush_job) and
    M(edgeops.cloudflare.logpush_jobs) do so by themselves.
  - The returned token is sensitive, since it proves that the destination is yours. Set
    C(no_log=true) on the task.
  - Sends nothing to Cloudflare, and requires no Cloudflare credential.
extends_documentation_fragment:
  - edgeops.cloudflare.challenge_file.read
  - edgeops.cloudflare.logpush.destination
  - edgeops.cloudflare.attributes
attributes:
  check_mode:
    support: full
    details:
      - The file is read in check mode too. If O(filename) is V(null), as
        M(edgeops.cloudflare.logpush_ownership) returns it in check mode, nothing is read, and
        RV(ownership_challenge) and RV(key) are V(null). Options and libraries are still checked.
  diff_mode:
    support: none
    details:
      - It changes nothing.
  idempotent:
    support: full
options:
  filename:
    description:
      - The name of the challenge file, as RV(edgeops.cloudflare.logpush_ownership#module:filename)
        returns it.
      - If it is V(null) or empty, as it is in check mode, nothing is read.
    type: str
author:
  - The edgeops.cloudflare project (@edgeops)
seealso:
  - module: edgeops.cloudflare.logpush_ownership
  - module: edgeops.cloudflare.logpush_ownership_validate
  - module: edgeops.cloudflare.logpush_job
  - name: Manage Logpush via the API
    description: Cloudflare's documentation of destinations and ownership challenges.
    link: https://developers.cloudflare.com/logs/logpush/logpush-job/api-configuration/
"""

EXAMPLES = r"""
- name: Request an ownership challenge
  edgeops.cloudflare.logpush_ownership:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
  register: challenge

- name: Read the challenge file from Amazon S3
  edgeops.cloudflare.logpush_challenge_info:
    filename: "{{ challenge.filename }}"
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    challenge_file:
      s3:
        profile: logs
  register: challenge_file
  no_log: true

- name: Validate the ownership token
  edgeops.cloudflare.logpush_ownership_validate:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "s3://edge-logs/http/{DATE}?region=us-east-1"
    ownership_challenge: "{{ challenge_file.ownership_challenge }}"

- name: Read a challenge file from Google Cloud Storage
  edgeops.cloudflare.logpush_challenge_info:
    filename: "{{ challenge.filename }}"
    destination_conf: "gs://edge-logs/http/{DATE}"
    challenge_file:
      gcs:
        service_account_file: /etc/ansible/logs-reader.json
  register: challenge_file
  no_log: true

- name: Read a challenge file from Azure Blob Storage with a SAS that permits reading
  edgeops.cloudflare.logpush_challenge_info:
    filename: "{{ challenge.filename }}"
    destination_conf: "{{ azure_destination_conf }}"
    challenge_file:
      timeout: 120
      azure:
        sas_token: "{{ azure_read_sas }}"
  register: challenge_file
  no_log: true
"""

RETURN = r"""
ownership_challenge:
  description:
    - The ownership token, for the option of the same name of
      M(edgeops.cloudflare.logpush_ownership_validate) and M(edgeops.cloudflare.logpush_job).
      Sensitive.
    - V(null) if O(filename) is V(null).
  returned: success
  type: str
  sample: eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3OTU3MDg4MDB9.c2lnbmF0dXJl
key:
  description:
    - The key of the object that contained the token, which is O(filename) or the part of it after
      the name of the bucket.
    - V(null) if O(filename) is V(null).
  returned: success
  type: str
  sample: http/20261122/ownership-challenge-9a2e7c51.txt
"""

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._arguments import DESTINATION
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    CHALLENGE_FILE,
    ChallengeFiles,
    merged,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute_local

_OPTIONS = {name: described for name, described in CHALLENGE_FILE.items() if name != "remove"}


def run(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Read one challenge file."""
    destination = checked_destination(params["destination_conf"])
    options = merged(params["challenge_file"], None)
    files = ChallengeFiles()
    files.check(destination, options)
    filename = (params["filename"] or "").strip()
    token = key = None
    if filename:
        token, key = files.read(filename, destination, options)
    return {"changed": False, "ownership_challenge": token, "key": key}


def main() -> None:
    """Run the module."""
    execute_local(
        run,
        {
            "filename": {"type": "str"},
            "challenge_file": {"type": "dict", "options": _OPTIONS},
            **DESTINATION,
        },
    )


if __name__ == "__main__":
    main()
