# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin zones, from its file to what it sends, and the hosts that come of it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import requests
import yaml
from ansible import constants, template
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.utils.display import Display
from ansible.vars.manager import VariableManager
from urllib3 import exceptions

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http
from ansible_collections.edgeops.cloudflare.plugins.module_utils._zones import Zone
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    API,
    TOKEN,
    failure,
    network,
    response,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.samples import every
from ansible_collections.edgeops.cloudflare.tests.unit.zone_pages import (
    CUT_SHORT,
    CUT_SHORT_IS_TOLD,
    OTHER_ACCOUNT,
    listing,
    page,
    pages_of,
    zone,
    zone_id,
)

PLUGIN = "edgeops.cloudflare.zones"
KEY = "c2547eb745079dac9320b638f5e225cf483cc5cfdda41"
EMAIL = "someone@example.com"


class Source:
    """A file of the plugin, and what Ansible makes of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.extra_vars: dict[str, t.Any] = {}

    def write(self, **options: t.Any) -> None:
        """Write the file; options that are not given are not in it, but a token is."""
        given = {"plugin": PLUGIN, "api_token": TOKEN, **options}
        given = {name: value for name, value in given.items() if value is not ...}
        self.path.write_text(yaml.safe_dump(given), encoding="utf-8")

    def load(self, **options: t.Any) -> InventoryManager:
        """Write the file and have Ansible load it, as its programs do."""
        self.write(**options)
        return self.load_again()

    def load_again(self, *, flush_cache: bool = False) -> InventoryManager:
        """Have Ansible load the file as it is."""
        self.warnings.clear()
        sources = [str(self.path)]
        return InventoryManager(loader=DataLoader(), sources=sources, cache=not flush_cache)

    def refused(self, **options: t.Any) -> str:
        """Write the file, have the plugin load it, and return what it says that is wrong."""
        self.write(**options)
        plugin = inventory_loader.get(PLUGIN)
        with pytest.raises(AnsibleError) as caught:
            plugin.parse(InventoryData(), DataLoader(), str(self.path))
        error = caught.value
        # What caused it, Ansible would show as well.
        assert error.__cause__ is None
        assert error.__suppress_context__
        assert isinstance(error, AnsibleParserError)
        return str(error.message)


@pytest.fixture(name="source")
def fixture_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """Return a file that is yet to be written; what Ansible warns of is kept."""
    source = Source(tmp_path / "zones.cloudflare.yml")

    def warning(_self: object, msg: str, *_args: object, **_kwargs: object) -> None:
        source.warnings.append(msg)

    monkeypatch.setattr(Display, "warning", warning)
    # A load that fails is not taken for one without hosts.
    monkeypatch.setattr(constants, "INVENTORY_ANY_UNPARSED_IS_FAILED", True)
    monkeypatch.setattr(
        "ansible.plugins.inventory.load_extra_vars", lambda _loader: source.extra_vars
    )
    return source


@pytest.fixture(name="cache")
def fixture_cache(tmp_path: Path) -> dict[str, t.Any]:
    """Return the options of a cache in files."""
    return {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }


def hosts(inventory: InventoryManager) -> list[str]:
    """Return the names of all hosts."""
    return sorted(inventory.hosts)


def members(inventory: InventoryManager) -> dict[str, list[str]]:
    """Return the groups of the plugin, with their hosts."""
    return {
        name: sorted(host.name for host in group.get_hosts())
        for name, group in inventory.groups.items()
        if name not in ("all", "ungrouped")
    }


def variables(inventory: InventoryManager, host: str) -> dict[str, t.Any]:
    """Return the variables that were set for a host."""
    own = dict(inventory.hosts[host].vars)
    for name in ("inventory_file", "inventory_dir"):
        own.pop(name, None)
    return own


def test_one_page(source: Source) -> None:
    with network(listing(page(zone(1), zone(2)))) as net:
        inventory = source.load()
    assert hosts(inventory) == ["zone-1.example", "zone-2.example"]
    assert variables(inventory, "zone-1.example") == {
        "zone_id": zone_id(1),
        "zone_name": "zone-1.example",
        "zone_status": "active",
        "zone_paused": False,
        "zone_type": "full",
        "zone_plan": "Enterprise Website",
        "zone_plan_id": "enterprise",
        "zone_account_id": ACCOUNT,
        "zone_account_name": "Edge Ops, Inc.",
        "zone_name_servers": ["bob.ns.cloudflare.com", "lola.ns.cloudflare.com"],
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    assert members(inventory) == {
        "account_Edge_Ops__Inc_": ["zone-1.example", "zone-2.example"],
        "status_active": ["zone-1.example", "zone-2.example"],
        "plan_enterprise": ["zone-1.example", "zone-2.example"],
    }
    assert source.warnings == []
    assert net.sent[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert str(net.sent[0].headers["User-Agent"]).startswith("ansible-edgeops.cloudflare/")


def templated(inventory: InventoryManager, host: str, text: str) -> t.Any:
    """Return what a task of that host sees instead of a text."""
    loader = DataLoader()
    manager = VariableManager(loader=loader, inventory=inventory)
    every = manager.get_vars(host=inventory.get_host(host), include_hostvars=False)
    # Since ansible-core 2.19, only what is trusted is taken for a template.
    trusted = getattr(template, "trust_as_template", str)
    return template.Templar(loader=loader, variables=every).template(trusted(text))


def test_the_interpreter_is_the_one_that_runs_ansible(source: Source) -> None:
    with network(listing(page(zone()))):
        inventory = source.load()
    with mock.patch("sys.executable", "/opt/ansible/python"):
        seen = templated(inventory, "zone-1.example", "{{ ansible_python_interpreter }}")
    assert seen == "/opt/ansible/python"


def is_trusted(value: t.Any) -> bool:
    """Return whether Ansible would evaluate a value, or one in it."""
    if isinstance(value, (list, tuple)):
        return any(map(is_trusted, value))
    if not isinstance(value, str):
        return False
    if hasattr(template, "is_trusted_as_template"):
        return template.is_trusted_as_template(value)  # type: ignore[no-any-return]
    return not hasattr(value, "__UNSAFE__")


def shown(text: str) -> str:
    """Return a text as a host has it; before ansible-core 2.19 without delimiters of templates."""
    if hasattr(template, "is_trusted_as_template"):
        return text
    return text.replace("{", "{ ").replace("#jinja2:", "# jinja2:")


TEXTS = [
    "{{ lookup('ansible.builtin.env', 'HOME') }}",
    "{% if true %}x{% endif %}",
    "a{# comment #}b",
    "#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ 1 + 1 ]]",
    # Expressions need no delimiters where a play has them.
    "lookup('pipe','id')",
    "lookup('env', 'HOME')",
    "1",
    "active",
    "Edge Ops, Inc.",
]


@pytest.mark.parametrize("typed", every(2, TEXTS))
def test_text_from_cloudflare_is_not_a_template(
    source: Source, cache: dict[str, t.Any], typed: str
) -> None:
    account, plan = {"id": typed, "name": typed}, {"name": typed, "legacy_id": typed}
    listed = zone(account=account, plan=plan, name_servers=[typed], status=typed, type=typed)
    options = {
        **cache,
        "strict": True,
        "compose": {
            "copy_of_it": "zone_account_name ~ ''",
            "replaced": "'X' | replace('X', zone_account_name)",
            "by_expression": "zone_account_name | regex_replace('^', '')",
        },
    }
    with network(listing(page(listed))):
        loaded = [source.load(**options), source.load(**options)]
    for inventory in loaded:
        ours = variables(inventory, "zone-1.example")
        trusted = {name for name, value in ours.items() if is_trusted(value)}
        assert trusted <= {"ansible_connection", "ansible_python_interpreter"}
        for name in ("zone_account_name", "zone_plan", "copy_of_it", "replaced", "by_expression"):
            seen = templated(inventory, "zone-1.example", "{{ " + name + " }}")
            assert str(seen) == shown(typed), name


def test_text_in_the_cache_is_not_a_template(source: Source, cache: dict[str, t.Any]) -> None:
    trusted = getattr(template, "trust_as_template", str)
    stored = Zone(zone_id(1), "zone-1.example", status=trusted("{{ 1 + 1 }}"))._asdict()
    stored["plan"] = {"name": trusted("{{ 1 + 1 }}")}
    with (
        network(),
        mock.patch("ansible.plugins.cache.CachePluginAdjudicator.get", return_value=[stored]),
    ):
        seen = variables(source.load(**cache), "zone-1.example")
    assert seen["zone_status"] == shown("{{ 1 + 1 }}")
    assert not is_trusted(seen["zone_status"])
    assert seen["zone_plan"] is None


def test_a_parent_group_that_looks_like_a_dictionary(source: Source) -> None:
    keyed = [{"key": "zone_type", "prefix": "type", "parent_group": "{{ zone_plan }}"}]
    with network(listing(page(zone(plan={"name": "{'a': 'b'}"})))):
        inventory = source.load(keyed_groups=keyed, default_groups=False)
    assert members(inventory)["type_full"] == ["zone-1.example"]
    assert len(members(inventory)) == 2


@pytest.mark.parametrize("option", ["api_token", "base_url"])
def test_white_space_around_a_credential_is_removed(source: Source, option: str) -> None:
    values = {"api_token": TOKEN, "base_url": API}
    with network(listing(page(zone()))) as net:
        source.load(**{option: f" {values[option]}\n"})
    assert net.sent[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("absent", [..., None])
def test_missing_values_of_a_zone_are_null(source: Source, absent: t.Any) -> None:
    left_out = ("status", "paused", "type", "plan", "account", "name_servers")
    with network(listing(page(zone(**dict.fromkeys(left_out, absent))))):
        inventory = source.load()
    seen = variables(inventory, "zone-1.example")
    assert seen["zone_name_servers"] == []
    empty = ("status", "paused", "type", "plan", "plan_id", "account_id", "account_name")
    assert {seen[f"zone_{name}"] for name in empty} == {None}
    assert members(inventory) == {}


def test_no_zone_at_all(source: Source) -> None:
    empty = response({"success": True, "result": None, "result_info": {"total_pages": 0}})
    with network(listing(empty)):
        assert hosts(source.load(allow_empty=True)) == []
    assert not [warning for warning in source.warnings if "zone" in warning]


NO_ZONES = (
    "no zones were found; check the filters and the permissions of the credential, or set "
    "allow_empty: true if the inventory may be empty"
)


@pytest.mark.parametrize("filters", [{}, {"plans": ["business"]}, {"names": ["zone-1.example"]}])
def test_an_inventory_without_zones_is_an_error(source: Source, filters: dict[str, t.Any]) -> None:
    found = [zone(2)] if filters else []
    query = "name=zone-1.example&" if "names" in filters else ""
    with network(listing(page(*found), query=query)):
        assert source.refused(**filters) == NO_ZONES


def test_an_empty_cache_entry_is_used_only_if_the_inventory_may_be_empty(
    source: Source, cache: dict[str, t.Any]
) -> None:
    with network(listing(page())):
        assert hosts(source.load(**cache, allow_empty=True)) == []
    with network():
        assert hosts(source.load(**cache, allow_empty=True)) == []
    with network(listing(page())):
        assert source.refused(**cache) == NO_ZONES
    with network(listing(page(zone(1)))):
        assert hosts(source.load(**cache)) == ["zone-1.example"]


def test_three_pages(source: Source) -> None:
    zones = [zone(number) for number in range(1, 121)]
    calls = [
        listing(page(*zones[start : start + 50], number=number, pages=3, total=120), number)
        for number, start in ((1, 0), (2, 50), (3, 100))
    ]
    with network(*calls, concurrent=True):
        inventory = source.load()
    assert len(hosts(inventory)) == 120
    assert source.warnings == []


def test_zones_that_keep_moving_are_warned_of(source: Source) -> None:
    moving = [pages_of([1, 2], [2, number], totals=[3, 4]) for number in (3, 4, 5)]
    with network(*moving[0], *moving[1], *moving[2]):
        assert hosts(source.load()) == ["zone-1.example", "zone-2.example", "zone-5.example"]
    assert source.warnings == [
        "zones were added or removed during each of 3 listings; a zone may be missing, run again"
    ]


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({"account_ids": [ACCOUNT]}, f"account.id={ACCOUNT}&"),
        # As Ansible takes a list: also as a text, or out of a template.
        ({"account_ids": ACCOUNT}, f"account.id={ACCOUNT}&"),
        ({"account_ids": "{{ [account] }}"}, f"account.id={ACCOUNT}&"),
        ({"statuses": ["active"]}, "status=active&"),
        ({"names": ["Zone-1.example"]}, "name=zone-1.example&"),
        ({"plans": ["enterprise"]}, ""),
        ({"account_ids": None, "names": None, "plans": None, "statuses": None}, ""),
    ],
)
def test_filters(source: Source, options: dict[str, t.Any], query: str) -> None:
    source.extra_vars = {"account": ACCOUNT}
    with network(listing(page(zone(1)), query=query)):
        assert hosts(source.load(**options)) == ["zone-1.example"]


def test_a_name_that_is_not_found_is_warned_of(source: Source) -> None:
    with network(listing(page(), query="name=missing.example&")):
        assert hosts(source.load(names=["missing.example"], allow_empty=True)) == []
    assert source.warnings == ["names: zone missing.example was not found"]


def test_hosts_by_id(source: Source) -> None:
    with network(listing(page(zone(1), zone(2, name="zone-1.example")))):
        inventory = source.load(hostname="id")
    assert hosts(inventory) == [zone_id(1), zone_id(2)]
    assert source.warnings == []


def test_zones_of_the_same_name(source: Source) -> None:
    other = zone(2, name="zone-1.example", account={"id": OTHER_ACCOUNT, "name": "Other"})
    with network(listing(page(zone(1), zone(3), other))):
        inventory = source.load()
    one, two = f"zone-1.example_{zone_id(1)}", f"zone-1.example_{zone_id(2)}"
    # Neither has the name alone, so that nobody means one and gets the other.
    assert hosts(inventory) == [one, two, "zone-3.example"]
    assert variables(inventory, two)["zone_name"] == "zone-1.example"
    assert members(inventory)["account_Other"] == [two]
    assert source.warnings == [
        f"the ID was appended to zone names that are not unique: {one}, {two}"
    ]


def test_a_host_of_another_source_stays_what_it_is(source: Source) -> None:
    source.write()
    machines = source.path.with_name("a_machine.ini")
    machines.write_text("zone-1.example ansible_host=192.0.2.1\n")
    with network(listing(page(zone(1)))):
        inventory = InventoryManager(loader=DataLoader(), sources=[str(machines), str(source.path)])
    renamed = f"zone-1.example_{zone_id(1)}"
    assert hosts(inventory) == ["zone-1.example", renamed]
    assert variables(inventory, "zone-1.example") == {"ansible_host": "192.0.2.1"}
    assert variables(inventory, renamed)["zone_id"] == zone_id(1)
    assert renamed in source.warnings[0]


def test_the_same_zone_in_two_sources_is_one_host(source: Source) -> None:
    source.write()
    again = source.path.with_name("again.cloudflare.yaml")
    again.write_text(source.path.read_text())
    with network(listing(page(zone(1))), listing(page(zone(1)))):
        inventory = InventoryManager(loader=DataLoader(), sources=[str(source.path), str(again)])
    assert hosts(inventory) == ["zone-1.example"]
    assert source.warnings == []


def test_default_groups_can_be_left_out(source: Source) -> None:
    with network(listing(page(zone()))):
        assert members(source.load(default_groups=False)) == {}


def test_groups_of_accounts_whose_names_are_alike(source: Source) -> None:
    accounts = [{"id": ACCOUNT, "name": "A/B"}, {"id": OTHER_ACCOUNT, "name": "A B"}]
    with network(
        listing(page(*(zone(number, account=each) for number, each in enumerate(accounts))))
    ):
        inventory = source.load()
    groups = members(inventory)
    assert groups[f"account_A_B_{ACCOUNT}"] == ["zone-0.example"]
    assert groups[f"account_A_B_{OTHER_ACCOUNT}"] == ["zone-1.example"]
    assert "account_A_B" not in groups


def test_groups_of_what_has_no_short_name(source: Source) -> None:
    plan, account = {"name": "Partner Plan"}, {"id": ACCOUNT}
    with network(listing(page(zone(plan=plan, account=account)))):
        groups = members(source.load())
    assert set(groups) == {"plan_Partner_Plan", f"account_{ACCOUNT}", "status_active"}


def test_constructed_groups_and_variables(source: Source) -> None:
    partial = zone(2, type="partial", paused=True)
    with network(listing(page(zone(1), partial))):
        inventory = source.load(
            default_groups=False,
            strict=True,
            keyed_groups=[{"key": "zone_type", "prefix": "type", "parent_group": "types"}],
            groups={"paused zones": "zone_paused"},
            compose={
                "account_id": "zone_account_id",
                "ansible_connection": "'ssh'",
                "label": "zone_name.split('.') | first",
            },
        )
    assert members(inventory) == {
        "types": ["zone-1.example", "zone-2.example"],
        "type_full": ["zone-1.example"],
        "type_partial": ["zone-2.example"],
        "paused_zones": ["zone-2.example"],
    }
    seen = variables(inventory, "zone-1.example")
    assert (seen["account_id"], seen["ansible_connection"]) == (ACCOUNT, "ssh")
    assert seen["label"] == "zone-1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"compose": {"x": "zone_nothing.y"}},
        {"groups": {"x": "zone_nothing.y"}},
        {"keyed_groups": [{"key": "zone_nothing.y"}]},
    ],
)
def test_strict(source: Source, wrong: dict[str, t.Any]) -> None:
    with network(listing(page(zone()))):
        assert hosts(source.load(**wrong)) == ["zone-1.example"]
    assert source.warnings == []
    source.write(**wrong, strict=True)
    with network(listing(page(zone()))), pytest.raises(AnsibleError, match=r"zone-1\.example"):
        inventory_loader.get(PLUGIN).parse(InventoryData(), DataLoader(), str(source.path))


def test_extra_variables_on_request(source: Source) -> None:
    source.extra_vars = {"team": "edge"}
    options = {"compose": {"owner": "team"}, "strict": True, "use_extra_vars": True}
    with network(listing(page(zone()))):
        inventory = source.load(**options)
    assert variables(inventory, "zone-1.example")["owner"] == "edge"


def cached_text(options: dict[str, t.Any]) -> str:
    """Return all that was cached."""
    files = Path(options["cache_connection"]).iterdir()
    return "".join(path.name + path.read_text(encoding="utf-8") for path in files)


def test_a_second_load_from_the_cache_sends_nothing(
    source: Source, cache: dict[str, t.Any]
) -> None:
    options = {**cache, "api_token": ..., "api_email": EMAIL, "api_key": KEY}
    with network(listing(page(zone(1), zone(2)))):
        first = source.load(**options)
    with network():
        second = source.load_again()
    assert hosts(second) == hosts(first)
    for host in hosts(first):
        assert variables(second, host) == variables(first, host)
    assert members(second) == members(first)
    text = cached_text(cache)
    assert zone_id(1) in text
    for secret in (KEY, EMAIL):
        assert secret not in text


def test_values_that_are_not_cached(source: Source, cache: dict[str, t.Any]) -> None:
    with network(listing(page(zone(1)))):
        source.load(**cache)
    # What the hosts are made into.
    with network():
        groups = members(source.load(**cache, default_groups=False, groups={"all_of_them": "true"}))
    assert groups == {"all_of_them": ["zone-1.example"]}
    # Other filters, or another server, are another question.
    with network(listing(page(zone(1)), query="status=active&")):
        source.load(**cache, statuses=["active"])
    source.write(**cache, base_url="https://api.example.com/client/v4")
    with network(), pytest.raises(AssertionError, match=r"api\.example\.com"):
        inventory_loader.get(PLUGIN).parse(InventoryData(), DataLoader(), str(source.path))


def test_flushing_the_cache(source: Source, cache: dict[str, t.Any]) -> None:
    with network(listing(page(zone(1)))):
        source.load(**cache)
    with network(listing(page(zone(2)))):
        assert hosts(source.load_again(flush_cache=True)) == ["zone-2.example"]
    with network():
        assert hosts(source.load_again()) == ["zone-2.example"]


@pytest.mark.parametrize("content", ["x", [1], [{"id": "x"}], [{"other": 1}], {}, 0, False])
def test_a_cache_that_holds_something_else(
    source: Source, cache: dict[str, t.Any], content: t.Any
) -> None:
    with (
        network(listing(page(zone(2)))),
        mock.patch("ansible.plugins.cache.CachePluginAdjudicator.get", return_value=content),
    ):
        assert hosts(source.load(**cache)) == ["zone-2.example"]


def test_an_error_is_not_cached(source: Source, cache: dict[str, t.Any]) -> None:
    with network(listing(failure(403, 9109, "Invalid access token"))):
        source.refused(**cache)
    with network(listing(page(zone(1)))):
        assert hosts(source.load_again()) == ["zone-1.example"]


NO_HEADER = "contains white space or a character that is not ASCII"
NOT_THERE = "there is no /nowhere/ca.pem on the machine that runs the module"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"account_id": ACCOUNT}, f"account_id: is not an option of {PLUGIN}"),
        ({"api_tokn": TOKEN}, f"api_tokn: is not an option of {PLUGIN}"),
        (
            {"account_ids": "1234"},
            "account_ids: must be a list of ids of 32 hexadecimal digits",
        ),
        (
            {"names": [{"a": "b"}]},
            "names: must be a list of zone names, such as example.com",
        ),
        ({"concurrency": 0}, "concurrency: must be from 1 to 100"),
        ({"concurrency": 101}, "concurrency: must be from 1 to 100"),
        ({"plans": "{{ [] }}"}, "plans: must not be an empty list; omit it to select all"),
        ({"timeout": 0}, "timeout: must be between 0.1 and 86400 seconds"),
        (
            {"base_url": "ftp://x"},
            "base_url: is not a URL such as https://api.cloudflare.com/client/v4",
        ),
        ({"api_token": "two words"}, f"api_token: {NO_HEADER}"),
        ({"api_token": {"a": TOKEN}}, f"api_token: {NO_HEADER}"),
        (
            {"api_token": ..., "api_email": EMAIL},
            "api_key: is required by api_email",
        ),
        ({"ca_path": "/nowhere/ca.pem"}, f"ca_path: {NOT_THERE}"),
    ],
)
def test_a_wrong_option_is_named_before_any_request(
    source: Source, options: dict[str, t.Any], said: str
) -> None:
    with network():
        assert source.refused(**options) == said


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("statuses", ["active", "gone"]),
        ("hostname", "zone"),
        ("default_groups", "maybe"),
        ("validate_certs", "maybe"),
        ("timeout", "soon"),
        ("rate_limit_retry_timeout", {}),
        ("account_ids", {"a": "b"}),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(source: Source, option: str, value: t.Any) -> None:
    with network():
        assert option in source.refused(**{option: value})


def test_a_credential_is_needed(source: Source) -> None:
    with network():
        assert source.refused(api_token=...) == (
            "api_token: is missing: set it, or CLOUDFLARE_API_TOKEN in the environment that "
            "Ansible is started in, or api_email with api_key"
        )


BEARER = {"Authorization": f"Bearer {TOKEN}"}
BY_KEY = {"X-Auth-Email": EMAIL, "X-Auth-Key": KEY}


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({}, {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_TOKEN": "other"}, BEARER),
        ({}, {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_TOKEN": TOKEN}, BEARER),
        ({}, {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_EMAIL": EMAIL}, BEARER),
        ({}, {"CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY}, BY_KEY),
        ({"api_token": TOKEN}, {"CLOUDFLARE_API_TOKEN": "other"}, BEARER),
        ({"api_token": None}, {"CLOUDFLARE_API_TOKEN": TOKEN}, BEARER),
        ({"api_email": EMAIL, "api_key": KEY}, {"CLOUDFLARE_API_TOKEN": TOKEN}, BY_KEY),
        # Templates.
        ({"api_token": "{{ lookup('ansible.builtin.env', 'X') }}"}, {"X": TOKEN}, BEARER),
        ({"api_token": "{{ vaulted_token }}"}, {}, BEARER),
    ],
)
def test_which_credential_is_used(
    source: Source,
    options: dict[str, t.Any],
    environment: dict[str, str],
    expected: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    source.extra_vars = {"vaulted_token": TOKEN}
    with network(listing(page(zone()))) as net:
        source.load(**{"api_token": ..., **options})
    sent = net.sent[0].headers
    names = ("Authorization", "X-Auth-Email", "X-Auth-Key")
    assert {name: sent[name] for name in names if name in sent} == expected


def test_the_other_server_of_the_environment(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "http://api.example.com")
    with network():
        assert source.refused() == (
            "base_url: plain http would send the credential in the clear to api.example.com; "
            "use https"
        )


def test_options_of_the_connection_reach_it(source: Source) -> None:
    with network(listing(page(zone()))) as net:
        source.load(ca_path=__file__, timeout=7)
    assert net.settings[0]["verify"] == __file__
    assert net.settings[0]["timeout"][0] == pytest.approx(7, abs=1)


QUERY = "GET /zones?page=1&per_page=50"
RAY = "(ray id 8f2c1d7e4a9b0c3d-FRA)"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (failure(401, 10000, "no"), "Cloudflare answered HTTP 401: no (code 10000)"),
        (failure(403, 9109, "No"), "Cloudflare answered HTTP 403: No (code 9109)"),
        (failure(500, 1000, "off"), "Cloudflare answered HTTP 500: off (code 1000)"),
        (response(content=CUT_SHORT), CUT_SHORT_IS_TOLD),
        (success({"id": "x"}), "Cloudflare's response has no list of zones"),
    ],
)
def test_errors_are_reported_in_the_words_of_the_modules(
    source: Source, answer: requests.Response, said: str
) -> None:
    with network(listing(answer)):
        assert source.refused() == f"{QUERY} failed: {said} {RAY}"


def test_an_error_on_a_later_page_is_an_error_of_all(source: Source) -> None:
    first = listing(page(zone(1), pages=2, total=2))
    with network(first, listing(failure(403, 9109, "Invalid access token"), 2)):
        assert source.refused().startswith("GET /zones?page=2&per_page=50 failed: Cloudflare")


def test_a_broken_connection_is_repeated(source: Source) -> None:
    broken = requests.ConnectionError(
        exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
    )
    with network(listing(broken), listing(page(zone()))):
        assert hosts(source.load()) == ["zone-1.example"]
    with network(*[listing(broken)] * 4):
        said = source.refused()
    assert said == f"{QUERY} failed: connection reset before the complete response"


def test_a_server_error_is_repeated(source: Source) -> None:
    with network(listing(response(status=503)), listing(page(zone()))):
        assert hosts(source.load()) == ["zone-1.example"]


def test_a_rate_limit_is_waited_for(source: Source) -> None:
    limited = failure(429, 10000, "slow down", {"Retry-After": "7"})
    with network(listing(limited), listing(page(zone()))) as net:
        assert hosts(source.load()) == ["zone-1.example"]
    assert net.pauses == [7]


def test_a_rate_limit_that_is_too_long(source: Source) -> None:
    limited = failure(429, 10000, "slow down", {"Retry-After": "7"})
    with network(listing(limited)):
        said = source.refused(rate_limit_retry_timeout=6)
    assert said == (
        f"{QUERY} failed: Cloudflare answered HTTP 429: slow down (code 10000); rate limit "
        f"resets in 7 s, after rate_limit_retry_timeout (6 s) {RAY}"
    )


@pytest.mark.parametrize("token", [TOKEN, "{{ the_token }}"])
def test_a_secret_that_an_answer_quotes_is_masked(source: Source, token: str) -> None:
    source.extra_vars = {"the_token": TOKEN}
    quoting = failure(403, 1, f"no: {TOKEN} https://x.example/?key=SeCrEt-1")
    with network(listing(quoting)):
        said = source.refused(api_token=token)
    assert "no: ***" in said
    assert TOKEN not in said
    assert "SeCrEt-1" not in said


def test_a_secret_whose_template_is_broken_is_masked(source: Source) -> None:
    with network():
        said = source.refused(api_token=f"{TOKEN}{{{{ nothing_like_it }}}}", api_key=KEY)
    assert said.startswith("api_token: the value cannot be resolved: ")
    assert "nothing_like_it" in said
    assert TOKEN not in said


def test_a_secret_of_the_wrong_kind_is_masked(source: Source) -> None:
    with network():
        said = source.refused(api_token={"a": TOKEN}, timeout="soon")
    assert "timeout" in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    "name",
    [
        "cloudflare.yml",
        "cloudflare.yaml",
        "cloudflare_zones.yml",
        "a.b.cloudflare.yaml",
        "x.cloudflare_zones.yaml",
    ],
)
def test_names_of_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert inventory_loader.get(PLUGIN).verify_file(str(path)) is False
    path.touch()
    assert inventory_loader.get(PLUGIN).verify_file(str(path)) is True


@pytest.mark.parametrize(
    "name", ["zones.yml", "mycloudflare.yml", "cloudflare.yml.bak", "cloudflare.json", "cloudflare"]
)
def test_other_names_of_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert inventory_loader.get(PLUGIN).verify_file(str(path)) is False


def test_a_file_of_another_plugin(source: Source) -> None:
    source.write(plugin="ansible.builtin.constructed")
    with pytest.raises(AnsibleParserError, match="ncorrect plugin name"):
        inventory_loader.get(PLUGIN).parse(InventoryData(), DataLoader(), str(source.path))


def test_missing_requests_is_reported(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IMPORT_ERROR", "Traceback: No module named 'requests'")
    source.write()
    with (
        network(),
        pytest.raises(AnsibleParserError, match=r"required Python library \(requests\)"),
    ):
        inventory_loader.get(PLUGIN).parse(InventoryData(), DataLoader(), str(source.path))


def test_the_token_is_no_variable_of_a_host(source: Source) -> None:
    with network(listing(page(zone()))):
        inventory = source.load(compose={"x": "vars | default('')"})
    assert TOKEN not in json.dumps(variables(inventory, "zone-1.example"), default=str)
