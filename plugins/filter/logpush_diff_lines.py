# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the diffs of logpush_jobs as lines of text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: logpush_diff_lines
short_description: Show the diffs of logpush_jobs as lines of text
version_added: 0.4.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Returns unified diffs, one after another, of what differs before and after.
  - Ansible itself shows a diff only for the host that a task ran on, and only if that host is
    changed.
positional: limit
options:
  limit:
    description:
      - How many characters to show, in whole diffs. A line at the end counts the other diffs.
      - AWX drops the details of an event above 700 KB, in which each line is twice.
    type: int
    default: 100000
  _input:
    description: The C(diff) that M(edgeops.cloudflare.logpush_jobs) returned in diff mode.
    type: list
    elements: dict
    required: true
seealso:
  - module: edgeops.cloudflare.logpush_jobs
"""

EXAMPLES = r"""
- name: Show what would change
  ansible.builtin.debug:
    msg: "{{ plan.diff | default([]) | edgeops.cloudflare.logpush_diff_lines }}"
  vars:
    plan:
      diff:
        - before_header: http-to-s3
          after_header: http-to-s3
          before: {enabled: false}
          after: {enabled: true}
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample: ["--- before", "+++ after", "-enabled: false", "+enabled: true"]
"""

import difflib
import json
import typing as t
from collections.abc import Mapping

Diff = t.Mapping[str, t.Any]


def diff_lines(diffs: t.Any, limit: int = 100_000) -> list[str]:
    """Return the lines of the diffs, as many as ``limit`` characters hold."""
    lines: list[str] = []
    left_out = 0
    for diff in [diffs] if isinstance(diffs, Mapping) else diffs:
        of_diff = _diff(diff)
        limit -= sum(map(len, of_diff))
        if limit < 0:
            left_out += 1
        else:
            lines += of_diff
    return [*lines, f"and {left_out} more diffs"] if left_out else lines


def _diff(diff: Diff) -> list[str]:
    before, after = (_lines(diff.get(name)) for name in ("before", "after"))
    old, new = (str(diff.get(f"{name}_header") or name) for name in ("before", "after"))
    unified = difflib.unified_diff(before, after, old, new, lineterm="", n=0)
    return [line for line in unified if not line.startswith("@@")]


def _lines(value: t.Any) -> list[str]:
    """Return a line for each property, or those of a text."""
    if isinstance(value, Mapping):
        return [f"{name}: {_text(each)}" for name, each in sorted(value.items())]
    return str(value or "").splitlines()


def _text(value: t.Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


class FilterModule:
    """The filter plugin."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"logpush_diff_lines": diff_lines}
