# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones of Cloudflare accounts as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: zones
short_description: Zones of Cloudflare accounts as hosts
version_added: 0.3.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Lists the zones that a credential may see, and makes a host of each, so that a play runs for
    each zone, and C(--limit), C(serial), C(forks) and groups choose among them.
  - The file has to be called C(cloudflare.yml) or C(cloudflare_zones.yml), or end in
    C(.cloudflare.yml) or C(.cloudflare_zones.yml); C(.yaml) does as well.
  - Nothing is written at Cloudflare.
options:
  plugin:
    description: The name of this plugin, V(edgeops.cloudflare.zones).
    type: str
    required: true
    choices: [edgeops.cloudflare.zones]
  account_ids:
    description:
      - The accounts whose zones are wanted, by their ids of 32 hexadecimal digits.
      - If not set, those of all accounts that the credential may see.
    type: list
    elements: str
  statuses:
    description: The statuses of the zones that are wanted. If not set, all of them.
    type: list
    elements: str
    choices: [active, initializing, moved, pending]
  names:
    description:
      - The names of the zones that are wanted, whole ones. If not set, all of them.
      - Each name takes a request of its own. A name that is not found is warned of.
    type: list
    elements: str
  plans:
    description:
      - The plans of the zones that are wanted, each by its short name (V(free), V(pro),
        V(business), V(enterprise)) or its whole one (V(Enterprise Website)). If not set, all of
        them.
      - The API knows no such filter, so all zones are listed, and filtered where Ansible runs.
    type: list
    elements: str
  hostname:
    description:
      - What a host is called by, the zone's name or its id.
      - Zones of different accounts may have the same name. Each of them is then called by its name
        and its id, such as C(example.com_023e105f4ecef8ad9ca31a8372d0c353), so that nobody takes
        one for the other; a warning says so. The same happens where an earlier inventory source
        has another host of that name.
    type: str
    default: name
    choices: [name, id]
  default_groups:
    description:
      - Whether to put each host into a group of its account (C(account_<name>)), of its status
        (such as C(status_active)) and of its plan (such as C(plan_enterprise)).
      - Characters that a group's name must not have become C(_). Where that gives two accounts the
        same group, the id of the account is appended to either.
    type: bool
    default: true
extends_documentation_fragment:
  - constructed
  - inventory_cache
  - edgeops.cloudflare.connection.plugin
notes:
  - The options of this plugin's own (those of the connection and the filters) may be Jinja
    templates, with extra variables and lookups. An option that does not exist is an error.
  - Each host has the variables C(zone_id), C(zone_name), C(zone_status), C(zone_paused),
    C(zone_type), C(zone_plan) (such as C(Enterprise Website)), C(zone_plan_id) (such as
    C(enterprise)), C(zone_account_id), C(zone_account_name) and C(zone_name_servers). What
    Cloudflare does not say is null. There is no C(account_id), since the modules take that or
    C(zone_id).
  - A zone is no machine to connect to, so each host also has C(ansible_connection=local), and
    C(ansible_python_interpreter) is the Python that runs Ansible. O(compose) can set others.
  - Where an inventory source cannot be read, Ansible warns and goes on without its hosts. Set
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) to end there.
  - The cache holds the variables of the zones, and no secret. It is kept apart for each set of
    filters and each O(base_url), but not for each credential.
"""

EXAMPLES = r"""
# This alone, in zones.cloudflare.yml, is all zones that the token in CLOUDFLARE_API_TOKEN may see:
#
#   plugin: edgeops.cloudflare.zones

# enterprise.cloudflare.yml: some zones, in groups of our own, asked for once in an hour
plugin: edgeops.cloudflare.zones
api_token: "{{ lookup('ansible.builtin.env', 'CLOUDFLARE_API_TOKEN') }}"
account_ids:
  - 01a7362d577a6c3019a474fd6f485823
statuses: [active]
plans: [enterprise]
keyed_groups:
  # type_full, type_partial
  - key: zone_type
    prefix: type
groups:
  # Where a zone is paused, its traffic does not pass Cloudflare.
  paused: zone_paused
compose:
  top_level_domain: zone_name.split('.') | last
strict: true
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/cloudflare_zones
cache_timeout: 3600
"""

import hashlib
import json
import re
import typing as t
from collections import Counter

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import _requests
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._connection import sender_for
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import Secrets
from ansible_collections.edgeops.cloudflare.plugins.module_utils._version import VERSION
from ansible_collections.edgeops.cloudflare.plugins.module_utils._zones import (
    STATUSES,
    Selection,
    Zone,
    Zones,
)

try:
    # Since ansible-core 2.19 a text is a template only where it is trusted, before it is one
    # unless it is wrapped.
    from ansible.template import trust_as_template as _trusted
except ImportError:
    from ansible.utils.unsafe_proxy import wrap_var as _untrusted

    _trusted = str
else:
    _untrusted = str

_FILE_NAME = re.compile(r"(^|[./])cloudflare(_zones)?\.ya?ml$")
# No template, whatever marks one.
_HARMLESS = re.compile(r"[\w .,:;@&'()/+-]*")
_OWN: dict[str, dict[str, t.Any]] = {
    "account_ids": {"type": "list", "elements": "str"},
    "statuses": {"type": "list", "elements": "str", "choices": list(STATUSES)},
    "names": {"type": "list", "elements": "str"},
    "plans": {"type": "list", "elements": "str"},
    "hostname": {"type": "str", "default": "name", "choices": ["name", "id"]},
    "default_groups": {"type": "bool", "default": True},
}
# What this plugin checks itself, as AnsibleModule does for modules.
CHECKED = {**_arguments.CONNECTION, **_OWN}
_SECRET = [name for name, argument in CHECKED.items() if argument.get("no_log")]

Variables = dict[str, t.Any]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """Makes hosts of zones; all that is known of Cloudflare is in module_utils."""

    NAME = "edgeops.cloudflare.zones"

    def __init__(self) -> None:
        super().__init__()
        self._params: dict[str, t.Any] = {}
        self._secrets = Secrets()

    def verify_file(self, path: str) -> bool:
        """Tell whether the file is one of this plugin's, by its name."""
        return bool(super().verify_file(path) and _FILE_NAME.search(path))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Add the hosts that a file describes; ``cache`` allows for what is cached."""
        super().parse(inventory, loader, path, cache)
        if _requests.IMPORT_ERROR is not None:
            raise AnsibleParserError(missing_required_lib("requests"))
        try:
            self._read_config_data(path)
            zones = self._zones(path, cache)
        except CloudflareError as error:
            # Without its causes, which Ansible would show too, and which nobody has masked.
            raise AnsibleParserError(self._redact(_sentence(error))) from None
        self._add(zones)

    def set_options(
        self,
        task_keys: t.Any = None,
        var_options: t.Any = None,
        direct: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        """Check what the file holds, as a module's options are checked.

        Ansible's own way would show a secret that it cannot convert, take any word for a boolean,
        and pass over a filter that is misspelt.
        """
        given = dict(direct or {})
        for name in given:
            if name not in self.option_definitions:
                raise InvalidInput(str(name), f"is no option of {self.NAME}")
        checked = {name: given.pop(name, None) for name in CHECKED}
        self._params = self._checked(
            {name: value for name, value in checked.items() if value is not None}
        )
        super().set_options(task_keys=task_keys, var_options=var_options, direct=given)

    def _checked(self, given: dict[str, t.Any]) -> dict[str, t.Any]:
        self._register_secrets(given)
        self.templar.available_variables = self._vars
        resolved = {name: self._resolved(name, value) for name, value in given.items()}
        self._register_secrets(resolved)
        result = ArgumentSpecValidator(CHECKED).validate(resolved)
        self._register_secrets(result.validated_parameters)
        if result.error_messages:
            raise CloudflareError("; ".join(result.error_messages))
        return t.cast("dict[str, t.Any]", result.validated_parameters)

    def _resolved(self, name: str, value: t.Any) -> t.Any:
        try:
            return self.templar.template(value)
        except AnsibleError as error:
            raise InvalidInput(name, f"the template cannot be resolved: {error}") from None

    def _register_secrets(self, options: dict[str, t.Any]) -> None:
        self._secrets.add(str(options.get(name) or "").strip() for name in _SECRET)

    def _redact(self, text: str) -> str:
        return without_secrets(self._secrets.redact(text))

    def _zones(self, path: str, cache: bool) -> list[Zone]:
        selection = Selection.of(self._params)
        client = Client(sender_for(self._params), mask=self._redact)
        zones = Zones(client, warn=self.display.warning)
        if not self.get_option("cache"):
            return zones.select(selection)
        key = f"{self.get_cache_key(path)}_{_digest(self._params['base_url'], selection)}"
        cached = _uncached(self._cache.get(key)) if cache else None
        if cached is not None:
            return cached
        selected = zones.select(selection)
        self._cache[key] = [zone._asdict() for zone in selected]
        return selected

    def _add(self, zones: t.Sequence[Zone]) -> None:
        strict = self.get_option("strict")
        names = self._host_names(zones)
        groups = self._default_groups(zones)
        for zone in zones:
            host, variables = names[zone.id], _variables(zone)
            self.inventory.add_host(host)
            for name, value in variables.items():
                self.inventory.set_variable(host, name, value)
            for group in groups.get(zone.id, ()):
                self.inventory.add_child(self.inventory.add_group(group), host)
            self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
            self._add_host_to_composed_groups(
                self.get_option("groups"), variables, host, strict=strict
            )
            self._add_host_to_keyed_groups(
                self.get_option("keyed_groups"), variables, host, strict=strict
            )

    def _host_names(self, zones: t.Sequence[Zone]) -> dict[str, str]:
        """Return what each zone's host is called, by the zone's id."""
        if self._params["hostname"] == "id":
            return {zone.id: zone.id for zone in zones}
        names = _distinct({zone.id: zone.name for zone in zones})
        for zone in zones:
            if self._is_taken(names[zone.id], zone.id):
                names[zone.id] = _with_id(zone.name, zone.id)
        renamed = sorted(names[zone.id] for zone in zones if names[zone.id] != zone.name)
        if renamed:
            self.display.warning(
                "the names of these zones are not theirs alone, so their ids are appended: "
                + ", ".join(renamed)
            )
        return names

    def _is_taken(self, name: str, zone_id: str) -> bool:
        """Tell whether an earlier source has another host of this name."""
        host = self.inventory.hosts.get(name)
        return host is not None and host.vars.get("zone_id") != zone_id

    def _default_groups(self, zones: t.Sequence[Zone]) -> dict[str, list[str]]:
        """Return the groups of each zone, by the zone's id."""
        if not self._params["default_groups"]:
            return {}
        accounts = {zone.account_id: zone.account_name for zone in zones if zone.account_id}
        account_groups = _distinct(
            {each: self._group("account", name or each) for each, name in accounts.items()}
        )
        found: dict[str, list[str]] = {}
        for zone in zones:
            found[zone.id] = groups = []
            if zone.account_id:
                groups.append(account_groups[zone.account_id])
            if zone.status:
                groups.append(self._group("status", zone.status))
            if zone.plan_id or zone.plan:
                groups.append(self._group("plan", zone.plan_id or zone.plan))
        return found

    def _group(self, prefix: str, name: str | None) -> str:
        return t.cast(str, self._sanitize_group_name(f"{prefix}_{name}"))


def _sentence(error: CloudflareError) -> str:
    ray_id = error.values.get("error", {}).get("ray_id")
    return f"{error.message} (ray id {ray_id})" if ray_id else error.message


def _variables(zone: Zone) -> Variables:
    variables = {f"zone_{name}": _no_template(value) for name, value in zone._asdict().items()}
    variables["ansible_connection"] = _trusted("local")
    # A template, since what is listed on one machine may be used on another, as AWX does.
    variables["ansible_python_interpreter"] = _trusted("{{ ansible_playbook_python }}")
    return variables


def _no_template(value: t.Any) -> t.Any:
    """Keep Ansible from taking what somebody typed at Cloudflare for a template."""
    if isinstance(value, (list, tuple)):
        return [_no_template(each) for each in value]
    if not isinstance(value, str):
        return value
    # Where there is nothing to fear, `ansible-inventory --list` is to show a plain text.
    return _trusted(value) if _HARMLESS.fullmatch(value) else _untrusted(value)


def _distinct(labels: t.Mapping[str, str]) -> dict[str, str]:
    """Return the labels by the same ids, each with its id where it is not the only one."""
    count = Counter(labels.values())
    return {
        each: label if count[label] == 1 else _with_id(label, each)
        for each, label in labels.items()
    }


def _with_id(label: str, identifier: str) -> str:
    return f"{label}_{identifier}"


def _digest(base_url: str, selection: Selection) -> str:
    """Return what differs where other zones may be meant, or where they are kept otherwise."""
    return hashlib.sha256(json.dumps([VERSION, base_url, selection]).encode()).hexdigest()[:16]


def _uncached(stored: t.Any) -> list[Zone] | None:
    """Return the zones that were cached, or None where there are none that can be used."""
    if not isinstance(stored, list):
        return None
    try:
        return [Zone(**each) for each in stored]
    except TypeError:
        return None
