# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped playbooks for jobs, where it depends on Ansible what happens: on each ansible-core.

What does not is tested once, in tests/e2e.
"""

from __future__ import annotations

import json
import re
import typing as t

from e2e.playbooks import PUSH_LOGS, World

KEYS = "account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key=NobodyShallSeeThisOne"


def test_from_nothing_to_jobs(world: World) -> None:
    options = {"field_names": ["ClientIP"], "record_suffix": "}\n", "sample_rate": 0.5}
    where = '{"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}'
    bucket = {"zone_id": world.zone_id, "destination_conf": world.destination}
    working: list[dict[str, t.Any]] = [
        {**bucket, "name": "http", "output_options": options, "filter": where},
        {**bucket, "name": "other", "dataset": "firewall_events", "kind": None},
        {**bucket, "name": "r2", "destination_conf": f"r2://edge-logs/x?{KEYS}", "enabled": False},
    ]
    broken = {**bucket, "name": "broken", "destination_conf": "s3://no-such-bucket/x?region=a"}
    planned = world.push(*working, broken, arguments=["--check"])
    assert planned.status == 0, planned.output
    assert planned.writes == []
    assert planned.says(r"http +\S+ +created +would_prove")

    first = world.push(*working, broken)
    assert first.status != 0
    assert first.says(r"broken +\S+ +failed +missing +Cloudflare wrote no challenge file")
    assert first.says("1 of 4 jobs failed: broken")
    assert first.output.count("\nTASK [") <= 8
    jobs = world.jobs()
    enabled = {job["name"]: job["enabled"] for job in jobs}
    assert enabled == {entry["name"]: entry.get("enabled", True) for entry in working}
    (http,) = [job for job in jobs if job["name"] == "http"]
    assert http["output_options"].items() >= options.items()
    assert http["filter"]
    assert "NobodyShallSeeThisOne" not in first.output

    world.control("DELETE", "requests")
    second = world.push(*working)
    assert second.status == 0, second.output
    assert second.changed == 0
    assert second.writes == []
    assert world.jobs() == jobs


def test_zones_as_hosts_have_their_own_outcomes_whatever_the_strategy(world: World) -> None:
    zones = {"b.example": world.zone_id, "a.example": world.environment["SANDBOX_OTHER_ZONE_ID"]}
    hosts: dict[str, dict[str, t.Any]] = {
        name: {"zone_id": zone_id, "ansible_become": True} for name, zone_id in zones.items()
    }
    hosts["b.example"]["logpush_jobs"] = [
        {"name": "x", "destination_conf": "s3://no-such/x?region=us-east-1"}
    ]
    destination = f"r2://{{{{ bucket }}}}/{{{{ inventory_hostname }}}}?{KEYS}"
    inventory = world.log.with_name("inventory.yml")
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    play = {
        "import_playbook": PUSH_LOGS,
        "vars": {
            "bucket": "edge-logs",
            "logpush_jobs": [{"name": "r2", "destination_conf": destination}],
        },
    }
    playbook = world.log.with_name("own.yml")
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    run = world.run(
        *("-i", str(inventory)),
        playbook=str(playbook),
        inputs={"logpush_hosts": "all", "item": "x", "destination": "y"},
        environment={"ANSIBLE_STRATEGY": "free", "ANSIBLE_BECOME": "true"},
    )
    assert run.status != 0
    (job,) = world.jobs()
    assert job["destination_conf"].startswith("r2://edge-logs/a.example?")
    assert re.search(r"^a\.example .* changed=1 .* failed=0 ", run.output, re.MULTILINE)
    assert re.search(r"^b\.example .* changed=0 .* failed=1 ", run.output, re.MULTILINE)


def test_a_template_that_cannot_be_resolved_is_named_and_shows_no_secret(world: World) -> None:
    entry = {"zone_id": world.zone_id, "name": "x", "destination_conf": world.destination}
    broken = {**entry, "destination_conf": world.destination + "{{ no_such_variable }}"}
    run = world.push(entry, broken)
    assert run.status != 0
    says = "logpush_jobs[1].destination_conf of localhost: 'no_such_variable' is undefined"
    assert says in run.output
    assert run.requested == []
    alone = {"logpush_destination_conf": broken["destination_conf"]}
    run = world.run(inputs=alone)
    assert run.status != 0
    assert "logpush_destination_conf: 'no_such_variable' is undefined" in run.output


def test_a_pattern_without_hosts(world: World) -> None:
    for allowed in (False, True):
        inputs = {"logpush_hosts": "no_such_group", "logpush_allow_no_hosts": allowed}
        run = world.run(
            playbook=PUSH_LOGS,
            inputs={**inputs, "logpush_jobs": []},
            # ansible-test makes it an error.
            environment={"ANSIBLE_HOST_PATTERN_MISMATCH": "warning"},
        )
        assert (run.status == 0) is allowed, run.output
        assert "no host matches logpush_hosts: no_such_group" in run.output


def test_text_that_only_looks_like_a_template(world: World) -> None:
    entry = {"zone_id": world.zone_id, "name": "x", "destination_conf": f"r2://b/x?{KEYS}"}
    template = {"__ansible_unsafe": '{{.RayID}} {% if %} {"a": 1}'}
    described = {**entry, "output_options": {"record_template": template, "record_suffix": "}\n"}}
    for changed in (1, 0):
        run = world.push(described)
        assert run.status == 0, run.output
        assert run.changed == changed
    options = world.jobs()[0]["output_options"]
    assert options["record_template"] == template["__ansible_unsafe"]


def test_the_report(world: World) -> None:
    failing = {"name": "<b>", "enabled": True, "error_message": "no such bucket"}
    world.control("POST", "jobs", failing)
    page = world.log.with_name("report.html")
    run = world.run(
        playbook="edgeops.cloudflare.report",
        inputs={
            "logpush_report_scopes": [{"zone_id": world.zone_id}],
            "logpush_report_path": str(page),
        },
    )
    assert run.status == 0, run.output
    assert run.says("1 job in 1 scope: 1 failing")
    assert "&lt;b&gt;" in page.read_text(encoding="utf-8")
