# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return the Logpush jobs of several hosts as one list."""

from __future__ import annotations

DOCUMENTATION = r"""
name: logpush_jobs_of_hosts
short_description: Return the Logpush jobs of several hosts as one list
version_added: 0.4.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Returns the entries of C(logpush_jobs) of each host, in the order of the hosts and then of
    their lists, for O(edgeops.cloudflare.logpush_jobs#module:jobs).
  - Templates are resolved with the variables of the host that an entry belongs to, each of them
    once.
  - The variable C(logpush_jobs) of the play is used for hosts that have none of their own. It is an
    error if no host of the play has any.
  - A template that cannot be resolved is an error, which names the host, the entry and the
    undefined variable, and shows no value.
options:
  _terms:
    description: The names of the hosts.
    type: list
    elements: str
    required: true
  zones:
    description:
      - Whether each host is a zone. Entries then get the name of their host as C(host), and the
        C(zone_id) of their host unless they set C(zone_id) or C(account_id).
    type: bool
    default: false
seealso:
  - module: edgeops.cloudflare.logpush_jobs
"""

EXAMPLES = r"""
- name: Reconcile the Logpush jobs of all hosts
  edgeops.cloudflare.logpush_jobs:
    jobs: "{{ query('edgeops.cloudflare.logpush_jobs_of_hosts', *ansible_play_batch) }}"
  run_once: true
  vars:
    logpush_jobs:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        name: http-to-s3
        dataset: http_requests
        destination_conf: s3://edge-logs/http/{DATE}?region=us-east-1
"""

RETURN = r"""
_raw:
  description: The entries, without templates.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.edgeops.cloudflare.plugins.plugin_utils._templates import Resolver

_VARIABLE = "logpush_jobs"
_SCOPES = ("zone_id", "account_id")
# A line break at the end of these comes from a file or a vault.
_STRIPPED = (*_SCOPES, "destination_conf", "ownership_challenge")

Variables = t.Mapping[str, t.Any]


class LookupModule(LookupBase):  # type: ignore[misc]
    """The lookup plugin."""

    def run(
        self, terms: list[str], variables: Variables | None = None, **kwargs: t.Any
    ) -> list[dict[str, t.Any]]:
        """Return the entries of the hosts ``terms``."""
        self.set_options(var_options=variables, direct=kwargs)
        zones = self.get_option("zones")
        hosts = _Hosts(variables or {}, self._templar)
        entries: list[dict[str, t.Any]] = []
        for name in map(str, terms):
            host = hosts.host(name)
            entries += host.zone_entries() if zones else host.entries()
        # Another batch may have those that have a list.
        of_play = (variables or {}).get("ansible_play_hosts_all", ())
        if not entries and not any(
            _VARIABLE in hosts.host(str(each)) for each in (*terms, *of_play)
        ):
            raise AnsibleLookupError(
                f"{_VARIABLE} is not set; set it to a list of jobs, each with zone_id or "
                "account_id, name, dataset and destination_conf, such as in a file: -e @jobs.yml"
            )
        return entries


class _Hosts:
    """The hosts' variables, with those of the play."""

    def __init__(self, variables: Variables, templar: t.Any) -> None:
        self._hostvars = variables["hostvars"]
        self._templar = templar
        own = self._hostvars.raw_get(variables["inventory_hostname"])
        # hostvars does not have the variables of the play and of the task.
        self._of_play = {
            name: value
            for name, value in variables.items()
            if name not in own or not _is_same(own[name], value)
        }

    def host(self, name: str) -> _Host:
        """Return one host."""
        own = self._hostvars.raw_get(name)
        variables = {**own, **self._of_play}
        # What a host has of its own goes before what the play has for all.
        variables.update({each: own[each] for each in (_VARIABLE, "zone_id") if each in own})
        return _Host(name, variables, self._templar)


class _Host:
    """A host and its list of jobs."""

    def __init__(self, name: str, variables: Variables, templar: t.Any) -> None:
        self._name = name
        self._variables = variables
        self._resolver = Resolver(templar, variables, f" of {name}")

    def __contains__(self, name: str) -> bool:
        return name in self._variables

    def zone_entries(self) -> list[dict[str, t.Any]]:
        """Return the entries for the zone that the host is."""
        entries = self.entries()
        if not all(_has_scope(entry) for entry in entries) and "zone_id" in self:
            zone_id = str(self._resolver.resolve(self._variables["zone_id"], "zone_id")).strip()
            entries = [
                entry if _has_scope(entry) else {**entry, "zone_id": zone_id} for entry in entries
            ]
        return [{**entry, "host": self._name} for entry in entries]

    def entries(self) -> list[dict[str, t.Any]]:
        """Return the entries without templates."""
        if _VARIABLE not in self:
            return []
        raw = self._variables[_VARIABLE]
        resolved = self._resolver.resolve(raw, _VARIABLE)
        if not isinstance(resolved, list) or not all(isinstance(each, dict) for each in resolved):
            raise AnsibleLookupError(
                f"{_VARIABLE} of {self._name} must be a list of jobs, each a dictionary"
            )
        if isinstance(raw, list) and len(raw) != len(resolved):
            raise AnsibleLookupError(
                f"{_VARIABLE} of {self._name} has {len(raw)} entries, and {len(resolved)} after "
                "its templates were resolved"
            )
        return [_stripped(entry) for entry in resolved]


def _is_same(one: t.Any, other: t.Any) -> bool:
    if one is other:
        return True
    try:
        return bool(one == other)
    except Exception:  # a vaulted value that cannot be decrypted
        return False


def _has_scope(entry: Variables) -> bool:
    return any(entry.get(each) for each in _SCOPES)


def _stripped(entry: Variables) -> dict[str, t.Any]:
    """Return an entry without what is null, which for a suboption counts as set."""
    return {
        name: value.strip("\r\n") if name in _STRIPPED and isinstance(value, str) else value
        for name, value in entry.items()
        if value is not None
    }
