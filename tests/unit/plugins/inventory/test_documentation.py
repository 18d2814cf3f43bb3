# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is documented of inventory plugins, and what is in their code."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.plugins.loader import inventory_loader

from ansible_collections.edgeops.cloudflare.plugins.inventory import zones
from ansible_collections.edgeops.cloudflare.plugins.module_utils._zones import Zone

PLUGINS = {"zones": zones}
ROOT = Path(__file__).parents[4]


def test_every_plugin_is_tested_here() -> None:
    files = (ROOT / "plugins" / "inventory").glob("[!_]*.py")
    assert set(PLUGINS) == {path.stem for path in files}


@pytest.mark.parametrize("name", PLUGINS)
def test_plugins_go_by_their_full_name(name: str) -> None:
    full = f"edgeops.cloudflare.{name}"
    assert full == PLUGINS[name].InventoryModule.NAME
    documented = inventory_loader.get(full).option_definitions
    assert documented["plugin"]["choices"] == [full]
    example = yaml.safe_load(PLUGINS[name].EXAMPLES)
    assert example["plugin"] == full
    assert set(example) <= set(documented)


def test_checked_options_are_documented() -> None:
    # As Ansible reads it, the fragments included.
    documented = inventory_loader.get("edgeops.cloudflare.zones").option_definitions
    for option, argument in zones.CHECKED.items():
        for key in ("type", "elements", "choices", "default"):
            assert documented[option].get(key) == argument.get(key), (option, key)
    own = set(yaml.safe_load(zones.DOCUMENTATION)["options"])
    assert own - set(zones.CHECKED) == {"plugin"}


def test_every_variable_of_a_zone_is_documented() -> None:
    notes = " ".join(yaml.safe_load(zones.DOCUMENTATION)["notes"])
    page = (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8")
    for name in Zone._fields:
        assert f"C(zone_{name})" in notes
        assert f"`zone_{name}`" in page
