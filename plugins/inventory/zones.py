# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the zones of Cloudflare accounts as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: zones
short_description: List Cloudflare zones as hosts
version_added: 0.3.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Lists the zones that a credential can read and adds a host for each of them, so that a play runs
    for each zone, and C(--limit), C(serial), C(forks) and groups select among them.
  - The name of the file must be C(cloudflare.yml) or C(cloudflare_zones.yml), or end in
    C(.cloudflare.yml) or C(.cloudflare_zones.yml). The extension C(.yaml) is accepted too.
  - Nothing is written to Cloudflare.
options:
  plugin:
    description: The name of this plugin, V(edgeops.cloudflare.zones).
    type: str
    required: true
    choices: [edgeops.cloudflare.zones]
  account_ids:
    description:
      - IDs of the accounts whose zones to list, each 32 hexadecimal digits.
      - If not set, zones of all accounts that the credential can read are listed.
    type: list
    elements: str
  statuses:
    description: Statuses of the zones to list. If not set, zones of any status are listed.
    type: list
    elements: str
    choices: [active, initializing, moved, pending]
  names:
    description:
      - Full names of the zones to list. If not set, zones of any name are listed.
      - Each name takes one request. A warning is shown for a name that was not found.
    type: list
    elements: str
  plans:
    description:
      - Plans of the zones to list, each by its short name (V(free), V(pro), V(business),
        V(enterprise)) or its full name (V(Enterprise Website)). If not set, zones of any plan are
        listed.
      - The API has no such filter, so all zones are requested and filtered where Ansible runs.
    type: list
    elements: str
  allow_empty:
    description:
      - Whether the inventory may have no zones. By default it is an error when no zone is found,
        since AWX would delete all hosts of the inventory.
    type: bool
    default: false
  hostname:
    description:
      - What to use as the name of a host, the name of the zone or its ID.
      - Zones of different accounts can have the same name. The ID is then appended to the name of
        each of them, such as C(example.com_023e105f4ecef8ad9ca31a8372d0c353), and a warning is
        shown. The same applies when an earlier inventory source has another host of that name.
    type: str
    default: name
    choices: [name, id]
  default_groups:
    description:
      - Whether to add each host to a group of its account (C(account_<name>)), of its status
        (such as C(status_active)) and of its plan (such as C(plan_enterprise)).
      - Characters that are not valid in a group name are replaced by C(_). When two accounts would
        share a group, the ID of the account is appended to the names of both groups.
    type: bool
    default: true
extends_documentation_fragment:
  - constructed
  - inventory_cache
  - edgeops.cloudflare.connection.plugin
  - edgeops.cloudflare.connection.concurrency
notes:
  - The options of the connection and the filters can be Jinja templates, which can use extra
    variables and lookups, or values encrypted by Ansible Vault. White space around the values of
    O(api_token), O(api_email), O(api_key) and O(base_url) is removed. An unknown option is an
    error.
  - Each host has the variables C(zone_id), C(zone_name), C(zone_status), C(zone_paused),
    C(zone_type), C(zone_plan) (such as C(Enterprise Website)), C(zone_plan_id) (such as
    C(enterprise)), C(zone_account_id), C(zone_account_name) and C(zone_name_servers). A value that
    Cloudflare does not return is null. There is no C(account_id), since the modules take either
    that or C(zone_id).
  - Text from Cloudflare, and what O(compose) makes of it, is never evaluated as a template.
    C(ansible-inventory --list) shows it marked as C(__ansible_unsafe), which Ansible reads again.
    The output of C(ansible-inventory --yaml) has no marks, so do not use it as an inventory.
    Before ansible-core 2.19, a space is added after each C({) in it.
  - A zone is not a machine to connect to, so each host also has C(ansible_connection=local), and
    C(ansible_python_interpreter) is the Python that runs Ansible. O(compose) can override both.
  - When an inventory source cannot be read, Ansible warns and continues without its hosts. Set
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) to stop instead.
  - The cache holds the variables of the zones and no credentials. Each set of filters and each
    O(base_url) has its own entry; different credentials share it.
"""

EXAMPLES = r"""
# zones.cloudflare.yml: all zones that the token in CLOUDFLARE_API_TOKEN can read
#
#   plugin: edgeops.cloudflare.zones

# enterprise.cloudflare.yml: some zones, in custom groups, cached for an hour
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
  # The traffic of a paused zone does not pass through Cloudflare.
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
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    VERSION,
    Client,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import Secrets
from ansible_collections.edgeops.cloudflare.plugins.module_utils._zones import (
    STATUSES,
    Selection,
    Zone,
    Zones,
)

try:
    from ansible.parsing.vault import EncryptedString as _Encrypted
    from ansible.template import trust_as_template as _trusted
except ImportError:
    # Before ansible-core 2.19, any text is a template unless it is wrapped.
    from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode as _Encrypted
    from ansible.utils.unsafe_proxy import wrap_var

    _trusted = str

    def _mark(text: str) -> str:
        # A filter that follows `hostvars[...]` drops the wrapper, so no delimiter is kept either.
        return t.cast(str, wrap_var(text.replace("{", "{ ").replace("#jinja2:", "# jinja2:")))

else:

    def _mark(text: str) -> str:
        # Without its tags; text is a template only if it is tagged as trusted.
        return "".join((text,))


_FILE_NAME = re.compile(r"(^|[./])cloudflare(_zones)?\.ya?ml$")
_OWN: dict[str, dict[str, t.Any]] = {
    "account_ids": {"type": "list", "elements": "str"},
    "statuses": {"type": "list", "elements": "str", "choices": list(STATUSES)},
    "names": {"type": "list", "elements": "str"},
    "plans": {"type": "list", "elements": "str"},
    "hostname": {"type": "str", "default": "name", "choices": ["name", "id"]},
    "default_groups": {"type": "bool", "default": True},
    "allow_empty": {"type": "bool", "default": False},
}
# The options that this plugin validates itself, as AnsibleModule does for modules.
CHECKED = {**_arguments.CONNECTION, **_arguments.CONCURRENCY, **_OWN}
# White space around them cannot be meant, such as the line break at the end of a vaulted file.
_STRIPPED = ("api_token", "api_email", "api_key", "base_url")
_SECRET = [name for name, argument in CHECKED.items() if argument.get("no_log")]

Variables = dict[str, t.Any]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """Adds zones as hosts. What it knows of Cloudflare is in module_utils."""

    NAME = "edgeops.cloudflare.zones"

    def __init__(self) -> None:
        super().__init__()
        self._params: dict[str, t.Any] = {}
        self._secrets = Secrets()

    def verify_file(self, path: str) -> bool:
        """Return whether the name of the file is one of this plugin's."""
        return bool(super().verify_file(path) and _FILE_NAME.search(path))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Add the hosts of an inventory file; ``cache`` allows reading the cache."""
        super().parse(inventory, loader, path, cache)
        if http.IMPORT_ERROR is not None:
            raise AnsibleParserError(missing_required_lib("requests"))
        try:
            self._read_config_data(path)
            zones = self._zones(path, cache)
        except CloudflareError as error:
            # Without its causes, which Ansible would show unredacted.
            raise AnsibleParserError(self._redacted(_sentence(error))) from None
        self._add(zones)

    def set_options(
        self,
        task_keys: t.Any = None,
        var_options: t.Any = None,
        direct: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        """Validate the options of the file as a module's options are validated.

        Ansible's own validation shows a secret of the wrong type, takes any word for a boolean,
        and ignores a misspelled filter.
        """
        given = dict(direct or {})
        for name in given:
            if name not in self.option_definitions:
                raise InvalidInput(str(name), f"is not an option of {self.NAME}")
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
            resolved = _decrypted(self.templar.template(value))
        except AnsibleError as error:
            raise InvalidInput(name, f"the value cannot be resolved: {error}") from None
        return resolved.strip() if name in _STRIPPED and isinstance(resolved, str) else resolved

    def _register_secrets(self, options: dict[str, t.Any]) -> None:
        values = [options.get(name) for name in _SECRET]
        self._secrets.add(str(each).strip() for each in values if not isinstance(each, _Encrypted))

    def _redacted(self, text: str) -> str:
        return without_secrets(self._secrets.redact(text))

    def _zones(self, path: str, cache: bool) -> list[Zone]:
        selection = Selection.of(self._params)
        client = Client.from_options(self._params, redact=self._redacted)
        concurrency = self._params["concurrency"]
        zones = Zones(client, warn=self.display.warning, concurrency=concurrency)
        if not self.get_option("cache"):
            return self._unless_empty(zones.select(selection))
        key = f"{self.get_cache_key(path)}_{_digest(self._params['base_url'], selection)}"
        cached = _uncached(self._cache.get(key)) if cache else None
        if cached or (cached is not None and self._params["allow_empty"]):
            return cached
        selected = self._unless_empty(zones.select(selection))
        self._cache[key] = [zone._asdict() for zone in selected]
        return selected

    def _unless_empty(self, zones: list[Zone]) -> list[Zone]:
        """Return the zones. Raise if there are none, for which AWX would delete all hosts."""
        if not zones and not self._params["allow_empty"]:
            raise CloudflareError(
                "no zones were found; check the filters and the permissions of the credential, "
                "or set allow_empty: true if the inventory may be empty"
            )
        return zones

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

    def _sanitize_group_name(self, name: t.Any) -> str:
        """Return a valid group name, also of text that Ansible converted to another type."""
        return t.cast(str, super()._sanitize_group_name(str(name)))

    def _host_names(self, zones: t.Sequence[Zone]) -> dict[str, str]:
        """Return the host name of each zone, by the ID of the zone."""
        if self._params["hostname"] == "id":
            return {zone.id: zone.id for zone in zones}
        names = _distinct({zone.id: zone.name for zone in zones})
        for zone in zones:
            if self._is_taken(names[zone.id], zone.id):
                names[zone.id] = _with_id(zone.name, zone.id)
        renamed = sorted(names[zone.id] for zone in zones if names[zone.id] != zone.name)
        if renamed:
            self.display.warning(
                "the ID was appended to zone names that are not unique: " + ", ".join(renamed)
            )
        return names

    def _is_taken(self, name: str, zone_id: str) -> bool:
        """Return whether an earlier source has another host of this name."""
        host = self.inventory.hosts.get(name)
        return host is not None and host.vars.get("zone_id") != zone_id

    def _default_groups(self, zones: t.Sequence[Zone]) -> dict[str, list[str]]:
        """Return the groups of each zone, by the ID of the zone."""
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
        return self._sanitize_group_name(f"{prefix}_{name}")


def _sentence(error: CloudflareError) -> str:
    ray_id = error.values.get("error", {}).get("ray_id")
    return f"{error.message} (ray id {ray_id})" if ray_id else error.message


def _untrusted(value: t.Any) -> t.Any:
    """Return a value that Ansible does not evaluate as a template or an expression."""
    if isinstance(value, (list, tuple)):
        return [_untrusted(each) for each in value]
    return _mark(value) if isinstance(value, str) else value


def _variables(zone: Zone) -> Variables:
    variables = {f"zone_{name}": _untrusted(value) for name, value in zone._asdict().items()}
    variables["ansible_connection"] = _trusted("local")
    # A template, since an inventory can be listed on one machine and used on another, as in AWX.
    variables["ansible_python_interpreter"] = _trusted("{{ ansible_playbook_python }}")
    return variables


def _decrypted(value: t.Any) -> t.Any:
    """Return a value with the plain text of vaulted values in it."""
    if isinstance(value, list):
        return [_decrypted(each) for each in value]
    return str(value) if isinstance(value, _Encrypted) else value


def _distinct(labels: t.Mapping[str, str]) -> dict[str, str]:
    """Return the labels by their IDs, with the ID appended to each that is not unique."""
    count = Counter(labels.values())
    return {
        each: label if count[label] == 1 else _with_id(label, each)
        for each, label in labels.items()
    }


def _with_id(label: str, identifier: str) -> str:
    return f"{label}_{identifier}"


def _digest(base_url: str, selection: Selection) -> str:
    """Return a digest of what determines the zones and the format of a cache entry."""
    return hashlib.sha256(json.dumps([VERSION, base_url, selection]).encode()).hexdigest()[:16]


def _uncached(stored: t.Any) -> list[Zone] | None:
    """Return the zones of a cache entry, or None if it cannot be used."""
    if not isinstance(stored, list):
        return None
    zones = [zone for zone in map(Zone.of_dict, stored) if zone is not None]
    return zones if len(zones) == len(stored) else None
