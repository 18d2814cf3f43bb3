# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from Cloudflare that runs a command if Ansible evaluates it, and plays that use it."""

from __future__ import annotations

import itertools
import json
import random
import typing as t
from pathlib import Path

import yaml

_CALL = "lookup('pipe','touch MARKER')"
_CALL_IN_QUOTES = '{{ lookup("pipe","touch MARKER") }}'
# MARKER is replaced by a file that the text creates when it is evaluated.
TEXTS: dict[str, t.Any] = {
    "expression": _CALL,
    "query": "query('ansible.builtin.pipe', 'touch MARKER')",
    "template": "{{ " + _CALL + " }}",
    "template_around": "Shop {{ " + _CALL + " }}, Inc.",
    "statement": "{% set x = " + _CALL + " %}Shop",
    "statement_if": "{%- if " + _CALL + " == 'x' -%}Shop{%- endif -%}",
    "header": "#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ " + _CALL + " ]]",
    "after_comment": "#}{{ " + _CALL + " }}{#",
    "after_raw": "{% endraw %}{{ " + _CALL + " }}{% raw %}",
    "unsafe_tag": "!unsafe '{{ " + _CALL + " }}'",
    "after_semicolon": '"; ' + _CALL + '; "',
    "after_quote": "x' == " + _CALL + " or 'x",
    "after_double_quote": 'x" == ' + _CALL + ' or "x',
    "after_template": "'x' }}{{ " + _CALL + " }}{{ 'x'",
    "after_bracket": "'x'] or [" + _CALL,
    "after_line_break": "true\nor " + _CALL,
    "range": "range(3) | map('extract', [" + _CALL + "]) | list",
    "popen": "cycler.__init__.__globals__.os.popen('touch MARKER').read()",
    "list": "[" + _CALL + "]",
    "list_of_templates": "['" + _CALL_IN_QUOTES + "']",
    "dictionary": "{'name': '" + _CALL_IN_QUOTES + "'}",
    "quoted": "'" + _CALL_IN_QUOTES + "'",
    "unsafe_dictionary": json.dumps({"__ansible_unsafe": "{{ " + _CALL + " }}"}),
    # Not a text at all.
    "mapping": {"__ansible_unsafe": "{{ " + _CALL + " }}"},
}
USES: dict[str, str] = {
    name: json.dumps(tasks)
    for name, tasks in yaml.safe_load(
        Path(__file__).with_name("untrusted_text_uses.yml").read_text(encoding="utf-8")
    ).items()
}
VARIABLES = (
    "zone_account_name",
    "zone_plan",
    "zone_status",
    "zone_type",
    "zone_plan_id",
    "zone_account_id",
    "zone_name_servers[0]",
)
# The reported ones are in every sample.
REPORTED = [
    (use, "expression")
    for use in ("when_template", "when_template_in_expression", "when_template_in_quotes")
]
COMPOSE = {
    "composed_copy": "zone_account_name",
    "composed_text": "zone_account_name ~ ''",
    "composed_by_a_regular_expression": "zone_account_name | regex_replace('x', 'x')",
    "composed_by_replacing": "'{{ X }}' | replace('X', zone_account_name)",
    "composed_by_formatting": "'{{ %s }}' | format(zone_account_name)",
    "composed_list": "[zone_account_name | regex_replace('x', 'x')]",
    "composed_dictionary": "{'name': zone_account_name | regex_replace('x', 'x')}",
    "label": "zone_name.split('.') | first",
}
INVENTORY = {
    "plugin": "edgeops.cloudflare.zones",
    "compose": COMPOSE,
    "keyed_groups": [
        {"key": "zone_account_name", "prefix": "keyed"},
        {"key": "composed_by_replacing", "prefix": "replaced", "parent_group": "{{ zone_plan }}"},
        {"key": "{'name': zone_type}", "separator": ""},
    ],
    "groups": {
        "shops": "zone_account_name == 'Shop'",
        "replaced_shops": "composed_by_replacing == 'Shop'",
        "evaluated": "composed_by_a_regular_expression",
    },
}
# What a play does with an ordinary account, status and name.
ORDINARY = """\
- {debug: {msg: x}, when: zone_status == 'active', register: by_status}
- {debug: {msg: x}, when: zone_account_name != 'Shop', register: by_account}
- set_fact: {account: "{{ zone_account_name }}", text: "account {{ zone_account_name }}"}
- assert:
    that:
      - by_status is not skipped
      - by_account is skipped
      - account == 'Shop'
      - text == 'account Shop'
      - text.split(' ') == ['account', 'Shop']
      - label == 'ordinary'
      - composed_copy == 'Shop'
      - composed_by_replacing | length == '{ Shop }' | length + 2
      - "'shops' in group_names"
      - "'keyed_Shop' in group_names"
      - "'account_Shop' in group_names"
      - "'status_active' in group_names"
      - "'plan_enterprise' in group_names"
      - inventory_hostname in groups.status_active
      - zone_name_servers | map('upper') | list == ['A.NS.EXAMPLE']
      - zone_paused is false
      - from_group_vars == 'Shop'
      - (zone_account_name | lower) in ['shop', 'store']
- {debug: {msg: "{{ item }}"}, loop: "{{ zone_name_servers }}"}
# This file shows that a text that is evaluated is found out.
- {debug: {msg: "{{ lookup('pipe', 'touch MARKER') }}"}}
"""
ORDINARY_NAME = "ordinary.example"


class Cell(t.NamedTuple):
    """A use of a text; each has a zone of its own."""

    use: str
    text: str

    @property
    def zone_name(self) -> str:
        """The name of the zone, which is the name of the host and of the marker."""
        use, text = list(USES).index(self.use), list(TEXTS).index(self.text)
        return f"u{use}-t{text}.example"


def cells(count: int) -> list[Cell]:
    """Return a sample of the cells, or all of them if there are not as many."""
    reported = [Cell(*each) for each in REPORTED]
    others = [Cell(*each) for each in itertools.product(USES, TEXTS)]
    others = [each for each in others if each not in reported]
    return reported + random.Random(1).sample(others, min(count - len(reported), len(others)))


def marked(value: t.Any, marker: Path) -> t.Any:
    """Return a value with MARKER replaced by the path of a marker."""
    return json.loads(json.dumps(value).replace("MARKER", str(marker)))


def zone(number: int, name: str, text: t.Any, **changes: t.Any) -> dict[str, t.Any]:
    """Return a zone as the API shows it, with a text in each member that may have one."""
    members = {
        "status": text,
        "paused": False,
        "type": text,
        "name_servers": [text],
        "account": {"id": text, "name": text},
        "plan": {"name": text, "legacy_id": text},
    }
    return {"id": f"{number:032x}", "name": name, **members, **changes}


def zone_of(cell: Cell, number: int, markers: Path) -> dict[str, t.Any]:
    """Return the zone of a cell, in which each text creates the cell's marker."""
    text = marked(TEXTS[cell.text], markers / cell.zone_name)
    return zone(number, cell.zone_name, text)


def ordinary_zone() -> dict[str, t.Any]:
    """Return a zone without odd texts."""
    return zone(
        16**32 - 1,
        ORDINARY_NAME,
        "",
        status="active",
        type="full",
        name_servers=["a.ns.example"],
        account={"id": "01a7362d577a6c3019a474fd6f485823", "name": "Shop"},
        plan={"name": "Enterprise Website", "legacy_id": "enterprise"},
    )


def plays(selected: t.Sequence[Cell], control: Path) -> list[dict[str, t.Any]]:
    """Return a play for each use, and one of ordinary uses."""
    common = {"gather_facts": False}
    ordinary = yaml.safe_load(ORDINARY.replace("MARKER", str(control)))
    result: list[dict[str, t.Any]] = [{"hosts": ORDINARY_NAME, "tasks": ordinary, **common}]
    for number, use in enumerate(USES):
        names = [each.zone_name for each in selected if each.use == use]
        tasks = json.loads(USES[use].replace("VAR", VARIABLES[number % len(VARIABLES)]))
        each_ignored = [{**task, "ignore_errors": True} for task in tasks]
        if names:
            result.append({"hosts": ",".join(names), "tasks": each_ignored, **common})
    return result
