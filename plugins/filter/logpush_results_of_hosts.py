# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Divide the results of logpush_jobs among hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: logpush_results_of_hosts
short_description: Divide the results of logpush_jobs among hosts
version_added: 0.4.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Returns for each host whether any of its jobs changed, whether any failed, and why, so that a
    following task can report it for that host.
  - A result belongs to the host that its C(item.host) names, or else to the host of the same
    C(item.zone_id), or else to the first host.
  - If no job was reconciled, every host has failed.
positional: hosts
options:
  _input:
    description: What M(edgeops.cloudflare.logpush_jobs) returned.
    type: dict
    required: true
  hosts:
    description: The names of the hosts.
    type: list
    elements: str
    required: true
seealso:
  - module: edgeops.cloudflare.logpush_jobs
"""

EXAMPLES = r"""
- name: Report the result of each host
  ansible.builtin.assert:
    that: not result.failed
    fail_msg: "{{ result.msg }}"
    quiet: true
  changed_when: result.changed
  vars:
    results: "{{ jobs | edgeops.cloudflare.logpush_results_of_hosts(ansible_play_batch) }}"
    result: "{{ results[inventory_hostname] }}"
    jobs:
      results:
        - {item: {host: localhost, name: http-to-s3}, changed: true, failed: false}
"""

RETURN = r"""
_value:
  description: By the names of the hosts, whether each C(changed) or C(failed), and C(msg), why.
  type: dict
  sample: {"example.com": {"changed": true, "failed": false, "msg": ""}}
"""

import re
import typing as t
from collections.abc import Mapping

_SHOWN = 20  # failures in one message
# What ansible-core 2.19 and newer put before the message of the lookup.
_WRAPPED = re.compile(r"^.*logpush_jobs_of_hosts' failed: ", re.DOTALL)

Result = t.Mapping[str, t.Any]


def results_of_hosts(returned: t.Any, hosts: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
    """Return for each host whether it ``changed`` and ``failed``, and ``msg``."""
    if not isinstance(returned, Mapping):
        raise ValueError("the input must be what logpush_jobs returned")
    if not hosts:
        raise ValueError("hosts must name at least one host")
    if "results" not in returned:
        msg = _WRAPPED.sub("", str(returned.get("msg") or "no reason given"))
        return {str(host): {"changed": False, "failed": True, "msg": msg} for host in hosts}
    results = [*returned["results"], *returned.get("pruned", ())]
    of_hosts: dict[str, list[Result]] = {str(host): [] for host in hosts}
    zones = {
        _zone_of(result): str(result["item"]["host"])
        for result in results
        if result["item"].get("host") in of_hosts and _zone_of(result)
    }
    for result in results:
        host = result["item"].get("host")
        if host not in of_hosts:
            host = zones.get(_zone_of(result), str(hosts[0]))
        of_hosts[host].append(result)
    return {host: _outcome(of_host) for host, of_host in of_hosts.items()}


def _zone_of(result: Result) -> str:
    return str(result["item"].get("zone_id") or "").lower()


def _outcome(results: t.Sequence[Result]) -> dict[str, t.Any]:
    failures = [_failure(result) for result in results if result.get("failed")]
    msg = ""
    if failures:
        msg = f"{len(failures)} of {len(results)} jobs failed: " + "; ".join(failures[:_SHOWN])
    if len(failures) > _SHOWN:
        msg += f"; and {len(failures) - _SHOWN} more"
    return {
        "changed": any(bool(result.get("changed")) for result in results),
        "failed": bool(failures),
        "msg": msg,
    }


def _failure(result: Result) -> str:
    item = result["item"]
    name = item.get("name") or f"id {item.get('id')}"
    host = item.get("host")
    scopes = [
        f"{each} {item[f'{each}_id']}" for each in ("zone", "account") if item.get(f"{each}_id")
    ]
    details = [str(each) for each in (item.get("dataset"), host, *scopes) if each]
    return f"{name} ({', '.join(details)}): {result.get('msg', 'no reason given')}"


class FilterModule:
    """The filter plugin."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"logpush_results_of_hosts": results_of_hosts}
