# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect the zones and accounts of a report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: logpush_report_scopes
short_description: Collect the zones and accounts of a report
version_added: 0.4.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Returns the zones and accounts that the playbook C(edgeops.cloudflare.report) reads, each once,
    and a link into Cloudflare's dashboard for each.
options:
  _input:
    description:
      - The variables of hosts that are zones, which have C(zone_id), and C(zone_name) and
        C(zone_account_id) if P(edgeops.cloudflare.zones#inventory) lists them.
    type: list
    elements: dict
    required: true
  scopes:
    description: Zones and accounts to return instead of the hosts, if it is not empty. Each
      has C(zone_id) or C(account_id), and may have C(name).
    type: list
    elements: dict
seealso:
  - plugin: edgeops.cloudflare.logpush_report
    plugin_type: filter
  - plugin: edgeops.cloudflare.zones
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Show the link to the Logpush page of a zone
  ansible.builtin.debug:
    msg: "{{ ([zone] | edgeops.cloudflare.logpush_report_scopes).links[0] }}"
  vars:
    zone:
      inventory_hostname: example.com
      zone_id: 023e105f4ecef8ad9ca31a8372d0c353
      zone_name: example.com
      zone_account_id: 01a7362d577a6c3019a474fd6f485823
"""

RETURN = r"""
_value:
  description:
    - C(scopes) as M(edgeops.cloudflare.logpush_job_info) takes them, and their C(links) in the same
      order.
  type: dict
"""

import re
import typing as t
from collections.abc import Mapping, Sequence
from urllib.parse import quote

_DASHBOARD = "https://dash.cloudflare.com"
_ID = re.compile(r"[0-9a-fA-F]{32}")
_MISSING = (
    "Set logpush_report_scopes to a list of zones and accounts, or logpush_hosts to a pattern that "
    'matches hosts: [{"zone_id": "…"}, {"account_id": "…", "name": "…"}]'
)

Variables = t.Mapping[str, t.Any]


class _Scope(t.NamedTuple):
    option: str
    id: str
    host: str
    link: str

    @property
    def entry(self) -> dict[str, str]:
        """The scope as a module takes it."""
        return {self.option: self.id, **({"host": self.host} if self.host else {})}


def report_scopes(hosts: t.Sequence[Variables], scopes: t.Any = None) -> dict[str, t.Any]:
    """Return scopes and links, of ``scopes`` if there are any, of ``hosts`` otherwise."""
    if scopes:
        if isinstance(scopes, str) or not isinstance(scopes, Sequence):
            raise ValueError(_MISSING)
        found = [_of_entry(number, entry) for number, entry in enumerate(scopes)]
    else:
        found = [_of_host(variables) for variables in hosts]
    if not found:
        raise ValueError(_MISSING)
    # Two hosts, or two entries, may be the same zone.
    once = list({(each.option, each.id.lower()): each for each in reversed(found)}.values())[::-1]
    return {"scopes": [each.entry for each in once], "links": [each.link for each in once]}


def _of_entry(number: int, entry: t.Any) -> _Scope:
    given = entry if isinstance(entry, Mapping) else {}
    name = _text(given.get("name"))
    zone_id, account_id = _text(given.get("zone_id")), _text(given.get("account_id"))
    if zone_id:
        # Its account is not known.
        return _Scope("zone_id", zone_id, name, zone_link("", ""))
    if account_id:
        return _Scope("account_id", account_id, name, account_link(account_id))
    label = f"logpush_report_scopes[{number}]{f' ({name})' if name else ''}"
    raise ValueError(f"{label}: set zone_id or account_id")


def _of_host(variables: Variables) -> _Scope:
    host, zone_id = _text(variables.get("inventory_hostname")), _text(variables.get("zone_id"))
    if not zone_id:
        raise ValueError(
            f"{host} has no zone_id; set logpush_hosts to a pattern that matches only zones"
        )
    account, name = variables.get("zone_account_id"), variables.get("zone_name")
    return _Scope("zone_id", zone_id, host, zone_link(_text(account), _text(name)))


def account_link(account_id: str) -> str:
    """Return the link to the Logpush page of an account."""
    return f"{_DASHBOARD}/{account_id if _ID.fullmatch(account_id) else '?to=/:account'}/logs"


def zone_link(account_id: str, zone_name: str) -> str:
    """Return the link to the Logpush page of a zone; the dashboard asks for what is not known."""
    if _ID.fullmatch(account_id) and zone_name:
        return f"{_DASHBOARD}/{account_id}/{quote(zone_name, safe='')}/analytics/logs"
    return f"{_DASHBOARD}/?to=/:account/:zone/analytics/logs"


def _text(value: t.Any) -> str:
    return "" if value is None else str(value).strip()


class FilterModule:
    """The filter plugin."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"logpush_report_scopes": report_scopes}
