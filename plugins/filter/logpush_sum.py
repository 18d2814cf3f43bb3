# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add up summaries of logpush_jobs."""

from __future__ import annotations

DOCUMENTATION = r"""
name: logpush_sum
short_description: Add up summaries of logpush_jobs
version_added: 0.4.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Adds up the numbers of two summaries, such as those of two batches of a play. Values that are
    not numbers are left out.
positional: other
options:
  _input:
    description: The C(summary) that M(edgeops.cloudflare.logpush_jobs) returned.
    type: dict
    required: true
  other:
    description: Another summary.
    type: dict
    required: true
seealso:
  - module: edgeops.cloudflare.logpush_jobs
"""

EXAMPLES = r"""
- name: Show how many jobs were created in two batches
  ansible.builtin.debug:
    msg: "{{ ({'created': 2} | edgeops.cloudflare.logpush_sum({'created': 3})).created }}"
"""

RETURN = r"""
_value:
  description: The sums by their names.
  type: dict
  sample: {"created": 5, "failed": 0}
"""

import typing as t


def add_up(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any]) -> dict[str, int]:
    """Return the sums."""
    sums: dict[str, int] = {}
    for summary in (one, other):
        for name, number in summary.items():
            if isinstance(number, int) and not isinstance(number, bool):
                sums[str(name)] = sums.get(str(name), 0) + number
    return sums


class FilterModule:
    """The filter plugin."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"logpush_sum": add_up}
