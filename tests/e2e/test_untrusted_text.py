# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from Cloudflare is never evaluated, however a play uses it.

A sample of the uses and texts is run. EXPLORE_EXAMPLES is how many to run instead.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from e2e import untrusted_text, zone_server
from e2e.conftest import EXPLORED
from e2e.untrusted_text import Cell
from e2e.warm_ansible import Runner

SAMPLE = 30
# The least of those that explore.
LEAST_EXPLORED = 200
RUNS = ("inventory", "cached", "native")
# Text from Cloudflare in the results of a module.
MODULE_TEXTS = ("expression", "template", "after_quote", "header")
MODULE_VALUES = ("owned.filename", "owned.message", "owned.msg", "owned.error.errors[0].message")
MODULE_USES = (
    "when_template",
    "when_template_in_expression",
    "when_template_in_quotes",
    "assert_template_in_expression",
    "failed_when_template",
    "debug_msg_text",
    "set_fact_text",
    "vars_chain_when",
)
MODULE_TASK = {
    "edgeops.cloudflare.logpush_ownership": {
        "zone_id": "{{ zone_id }}",
        "destination_conf": "s3://bucket/logs?region=us-east-1",
    },
    "register": "owned",
    "ignore_errors": True,
}


class Outcome(t.NamedTuple):
    """What one run printed, and the markers that there were after it."""

    output: str
    executed: set[str]


class Project:
    """A folder with an inventory file, its variables and a playbook."""

    def __init__(self, ansible: Runner, folder: Path, plays: list[dict[str, t.Any]]) -> None:
        self._ansible = ansible
        self.markers = folder / "markers"
        self.markers.mkdir()
        self.playbook = folder / "play.yml"
        self.playbook.write_text(yaml.safe_dump(plays), encoding="utf-8")
        self.source = folder / "zones.cloudflare.yml"
        cache = {
            "cache": True,
            "cache_plugin": "ansible.builtin.jsonfile",
            "cache_connection": str(folder / "cache"),
        }
        content = yaml.safe_dump({**untrusted_text.INVENTORY, **cache})
        self.source.write_text(content, encoding="utf-8")
        (folder / "group_vars").mkdir()
        variables = yaml.safe_dump({"from_group_vars": "{{ zone_account_name }}"})
        (folder / "group_vars" / "all.yml").write_text(variables, encoding="utf-8")

    def play(self, base_url: str, *arguments: str, native: bool = False) -> Outcome:
        """Run the playbook."""
        return self._run(
            base_url, "ansible-playbook", str(self.playbook), *arguments, native=native
        )

    def list_hosts(self, base_url: str) -> Outcome:
        """List the inventory."""
        return self._run(base_url, "ansible-inventory", "--list")

    def _run(self, base_url: str, program: str, *arguments: str, native: bool = False) -> Outcome:
        command = (program, "-i", str(self.source), *arguments)
        environment = {
            "ANSIBLE_JINJA2_NATIVE": str(native),
            "ANSIBLE_PIPELINING": "true",
            "CLOUDFLARE_API_TOKEN": zone_server.TOKEN,
            "CLOUDFLARE_BASE_URL": base_url,
        }
        output = zone_server.run(self._ansible, command, **environment)
        executed = {path.name for path in self.markers.iterdir()}
        for name in executed:
            (self.markers / name).unlink()
        return Outcome(output, executed)


@pytest.fixture(scope="module", name="cells")
def fixture_cells() -> list[Cell]:
    """Return the uses and texts to run."""
    return untrusted_text.cells(max(EXPLORED, LEAST_EXPLORED) if EXPLORED else SAMPLE)


@pytest.fixture(scope="module", name="outcomes")
def fixture_outcomes(
    ansible: Runner, cells: list[Cell], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    """List the inventory, run the plays with its cache, and run them without it, natively."""
    folder = tmp_path_factory.mktemp("untrusted")
    plays = untrusted_text.plays(cells, folder / "markers" / "control")
    project = Project(ansible, folder, plays)
    zones = [
        untrusted_text.zone_of(cell, number, project.markers) for number, cell in enumerate(cells)
    ]
    zones.append(untrusted_text.ordinary_zone())
    served = list(zones)
    with zone_server.zone_server(served) as server:
        listed = project.list_hosts(server.base_url)
        # No zones are served: they are all in the cache.
        served.clear()
        cached = project.play(server.base_url)
        served.extend(zones)
        native = project.play(server.base_url, "--flush-cache", native=True)
    return {"inventory": listed, "cached": cached, "native": native}


@pytest.mark.parametrize("run", RUNS)
def test_no_text_is_evaluated(outcomes: dict[str, Outcome], cells: list[Cell], run: str) -> None:
    executed = outcomes[run].executed
    assert [cell for cell in cells if cell.zone_name in executed] == []
    assert executed == (set() if run == "inventory" else {"control"})


@pytest.mark.parametrize("run", RUNS[1:])
def test_every_use_is_played(outcomes: dict[str, Outcome], cells: list[Cell], run: str) -> None:
    recap = outcomes[run].output.partition("PLAY RECAP")[2]
    played = {line.split()[0] for line in recap.splitlines() if " : ok=" in line}
    assert played == {cell.zone_name for cell in cells} | {untrusted_text.ORDINARY_NAME}


@pytest.mark.parametrize("run", RUNS[1:])
def test_ordinary_uses_work(outcomes: dict[str, Outcome], run: str) -> None:
    output = outcomes[run].output
    name = re.escape(untrusted_text.ORDINARY_NAME)
    assert re.search(rf"^{name} +: ok=5 .* failed=0 +skipped=1 ", output, re.MULTILINE), output


@pytest.mark.parametrize("status", [200, 400])
def test_text_in_the_results_of_a_module_is_not_evaluated(
    tmp_path: Path, ansible: Runner, interpreter: str, status: int
) -> None:
    values = MODULE_VALUES[:2] if status == 200 else MODULE_VALUES[2:]
    # Each use of one value, and every second one of the other.
    chosen = [(values[0], MODULE_USES), (values[1], MODULE_USES[:: 1 if EXPLORED else 2])]
    uses = [
        untrusted_text.USES[use].replace("VAR", value) for value, names in chosen for use in names
    ]
    tasks = [{**task, "ignore_errors": True} for use in uses for task in yaml.safe_load(use)]
    play = {"hosts": "all", "gather_facts": False, "tasks": [MODULE_TASK, *tasks]}
    project = Project(ansible, tmp_path, [play])
    texts = [
        untrusted_text.marked(untrusted_text.TEXTS[name], project.markers / name)
        for name in MODULE_TEXTS
    ]
    zones = [
        untrusted_text.zone(number, f"{name.replace('_', '-')}.example", "Shop")
        for number, name in enumerate(MODULE_TEXTS)
    ]

    def respond(path: str) -> tuple[int, dict[str, t.Any]]:
        text = texts[int(path.split("/zones/")[1][:32], 16)]
        result = {"filename": text, "message": text, "valid": True}
        errors = [{"code": 1, "message": text}]
        return status, {"success": status == 200, "result": result, "errors": errors}

    with zone_server.zone_server(zones, respond) as server:
        warm = ("-e", f"ansible_python_interpreter={interpreter}")
        output, executed = project.play(server.base_url, *warm)
    assert executed == set()
    # The module returned the texts.
    assert output.count("touch ") >= len(MODULE_TEXTS)
