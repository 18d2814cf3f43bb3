# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped playbooks for jobs, where it depends on Ansible what happens: on each ansible-core.

What does not is tested once, in tests/system.
"""

from __future__ import annotations

import typing as t

from system.playbooks import World

KEYS = "account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key=NobodyShallSeeThisOne"


def test_from_nothing_to_jobs_that_run(world: World) -> None:
    # A token that may be used once: the second job makes the playbook ask for a fresh one.
    world.control("PATCH", "settings", {"token_use": "once", "jobs_per_zone": "unlimited"})
    options = {"field_names": ["ClientIP"], "record_suffix": "}\n", "sample_rate": 0.5}
    where = '{"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}'
    bucket = {"zone_id": world.zone_id, "destination_conf": world.destination}
    entries: list[dict[str, t.Any]] = [
        {**bucket, "name": "http", "output_options": options, "filter": where},
        {**bucket, "name": "other", "dataset": "firewall_events", "kind": None},
        {**bucket, "name": "r2", "destination_conf": f"r2://edge-logs/x?{KEYS}", "enabled": False},
        {**bucket, "name": "broken", "destination_conf": "s3://no-such-bucket/x?region=us-east-1"},
    ]
    env = world.environment
    gs = {"zone_id": world.zone_id, "name": "gs"}
    entries.insert(3, {**gs, "destination_conf": env["SANDBOX_GCS_DESTINATION_CONF"]})
    if "SANDBOX_AZURE_DESTINATION_CONF" in env:
        reading = {
            "azure_sas": env["SANDBOX_AZURE_READ_SAS"],
            "azure_endpoint_url": env["SANDBOX_AZURE_ENDPOINT"],
        }
        conf = env["SANDBOX_AZURE_DESTINATION_CONF"]
        azure = {**gs, "name": "azure", "destination_conf": conf, "read_challenge": reading}
        entries.insert(3, azure)
    working = entries[:-1]
    planned = world.push(*entries, arguments=["--check"], remove_challenge_file=True)
    assert planned.status == 0, planned.output
    assert planned.writes == []
    assert planned.says(r"http \(.*\) +to create +with a proof of ownership")

    first = world.push(*entries, remove_challenge_file=True)
    assert first.status != 0
    assert first.says(r"broken \(.*\) +FAILED +Cloudflare wrote no challenge file")
    assert first.says(f"1 of {len(entries)} jobs failed: broken")
    jobs = world.jobs()
    enabled = {job["name"]: job["enabled"] for job in jobs}
    assert enabled == {entry["name"]: entry.get("enabled", True) for entry in working}
    (http,) = [job for job in jobs if job["name"] == "http"]
    assert http["output_options"].items() >= options.items()
    assert http["filter"]
    # One more for the second job in the same bucket, and none for R2.
    assert first.writes.count(("POST", "ownership")) == len(working) - 1
    assert "NobodyShallSeeThisOne" not in first.output

    world.control("DELETE", "requests")
    second = world.push(*working)
    assert second.status == 0, second.output
    assert second.changed == 0
    assert second.writes == []
    assert world.jobs() == jobs


def test_a_broken_template_shows_no_secret(world: World) -> None:
    entry = {"zone_id": world.zone_id, "name": "x", "destination_conf": world.destination}
    run = world.push(entry, {**entry, "dataset": "{{ no_such_variable }}"})
    assert run.status != 0
    assert "'no_such_variable' is undefined" in run.output
    assert run.requested == []
    alone = {"destination_conf": world.destination + "{{ 1 | no_such_filter }}"}
    run = world.run(inputs=alone)
    assert run.status != 0
    assert "a template in it cannot be resolved" in run.output


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
    world.control("POST", "jobs", {"name": "<b>", "error_message": "no such bucket"})
    page = world.log.with_name("report.html")
    run = world.run(
        playbook="edgeops.cloudflare.report",
        inputs={"report_scopes": [{"zone_id": world.zone_id}], "report_path": str(page)},
    )
    assert run.status == 0, run.output
    assert run.says("1 job in 1 scope: 1 failing")
    assert "&lt;b&gt;" in page.read_text(encoding="utf-8")
