# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return a variable that holds secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
name: logpush_variable
short_description: Return a variable that holds secrets
version_added: 0.4.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Returns the value of a variable, as P(ansible.builtin.vars#lookup) does. An error in one of its
    templates shows no value, and names the undefined variable.
  - A line break at the end of a text, as in a file or a vaulted value, is removed.
options:
  _terms:
    description: The name of the variable.
    type: list
    elements: str
    required: true
  required:
    description: Whether the variable must be set. If V(false), V(null) is returned for a variable
      that is not set.
    type: bool
    default: false
seealso:
  - plugin: ansible.builtin.vars
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Parse a destination
  edgeops.cloudflare.logpush_ownership:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
    destination_conf: "{{ lookup('edgeops.cloudflare.logpush_variable', 'destination') }}"
  vars:
    destination: s3://edge-logs/http/{DATE}?region=us-east-1
"""

RETURN = r"""
_raw:
  description: The value, without templates.
  type: list
  elements: raw
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.edgeops.cloudflare.plugins.plugin_utils._templates import Resolver


class LookupModule(LookupBase):  # type: ignore[misc]
    """The lookup plugin."""

    def run(
        self, terms: list[str], variables: t.Mapping[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[t.Any]:
        """Return the values of the variables ``terms``."""
        self.set_options(var_options=variables, direct=kwargs)
        resolver = Resolver(self._templar, variables or {})
        values = []
        for name in map(str, terms):
            value = resolver.resolve((variables or {}).get(name), name)
            if value in (None, "") and self.get_option("required"):
                raise AnsibleLookupError(f"{name} is not set")
            values.append(value.strip("\r\n") if isinstance(value, str) else value)
        return values
