# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that Logpush modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The scope of a Logpush resource, and the destination of its logs."""

    SCOPE = r"""
options:
  zone_id:
    description:
      - The zone, for datasets of a zone. 32 hexadecimal digits.
      - Exactly one of O(zone_id) and O(account_id) is required.
    type: str
  account_id:
    description:
      - The account, for datasets of an account. 32 hexadecimal digits.
      - Exactly one of O(zone_id) and O(account_id) is required.
    type: str
"""

    DESTINATION = r"""
options:
  destination_conf:
    description:
      - The destination, as a URI of at most 4096 characters, such as
        V(s3://bucket/logs/{DATE}?region=us-east-1).
      - It is sent byte for byte as given. Use the same string, V({DATE}) and query included, for
        the challenge, the validation and the job.
      - Sensitive values in it are redacted in everything that the module returns.
    type: str
    required: true
"""
