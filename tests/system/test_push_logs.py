# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook push_logs: from a list of jobs to jobs that run, in one run."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from system.playbooks import DESTINATION_SECRET, World

CHALLENGE = ("POST", "ownership")
CREATE = ("POST", "jobs")
REFUSAL = {
    "success": False,
    "errors": [{"code": 1002, "message": "incorrect ownership challenge"}],
}
KEYS = f"account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key={DESTINATION_SECRET}"
R2 = f"r2://edge-logs/{{DATE}}?{KEYS}"


@pytest.fixture(name="entry")
def fixture_entry(world: World) -> dict[str, t.Any]:
    """Return a job in a bucket that needs a proof."""
    return {"zone_id": world.zone_id, "name": "http", "destination_conf": world.destination}


def test_from_nothing_to_jobs_that_run_and_a_second_run_changes_nothing(
    world: World, entry: dict[str, t.Any]
) -> None:
    other_zone = world.environment["SANDBOX_OTHER_ZONE_ID"]
    account = world.environment["SANDBOX_ACCOUNT_ID"]
    options = {
        "field_names": ["ClientIP", "RayID"],
        "timestamp_format": "rfc3339",
        "sample_rate": 0.5,
        "record_suffix": "}\n",
        "CVE-2021-44228": True,
    }
    where = {"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}
    limits = {"max_upload_bytes": 5_000_000, "max_upload_interval_seconds": 60}
    entries = [
        {**entry, "dataset": "http_requests", "output_options": options, "filter": where},
        # The same destination in the same zone: the same proof.
        {**entry, "name": "firewall", "dataset": "firewall_events", **limits},
        # In another zone and in an account: a proof of its own.
        {**entry, "zone_id": other_zone, "enabled": False},
        {**entry, "zone_id": None, "account_id": account, "dataset": "audit_logs"},
        {**entry, "name": "r2", "destination_conf": R2, "filter": '{"where": {"key": "a"}}'},
        {"zone_id": world.zone_id, "name": "not there", "state": "absent"},
    ]
    first = world.push(*entries)
    assert first.status == 0, first.output
    assert first.writes.count(CHALLENGE) == 3
    assert first.writes.count(CREATE) == 5
    assert len(first.writes) == 8
    # What needs no proof is done first; the rest is done side by side.
    jobs = world.jobs()
    assert jobs[0]["name"] == "r2"
    by_scope = {(job["name"], job.get("zone_id") or job["account_id"]): job for job in jobs}
    assert len(by_scope) == len(jobs) == 5
    http, firewall = by_scope["http", world.zone_id], by_scope["firewall", world.zone_id]
    disabled = by_scope["http", other_zone]
    assert [job for job in jobs if not job["enabled"]] == [disabled]
    assert {job["destination_conf"] for job in jobs} == {world.destination, R2}
    assert http["output_options"].items() >= options.items()
    assert firewall.items() >= {"dataset": "firewall_events", **limits}.items()
    assert by_scope["http", account]["dataset"] == "audit_logs"
    for line in (r"http \(http_requests, zone", r"http \(audit_logs, account", r"r2 \(zone"):
        assert first.says(line + r" [0-9a-f]+\) +created")
    assert first.says(r"not there \(zone [0-9a-f]+\) +unchanged")

    world.control("DELETE", "requests")
    second = world.push(*entries)
    assert second.status == 0
    assert second.changed == 0
    assert second.writes == []
    assert "ownership" not in second.requested
    assert world.jobs() == jobs


def test_check_mode_shows_the_whole_plan_and_writes_nothing(
    world: World, entry: dict[str, t.Any]
) -> None:
    world.control("POST", "jobs", {"name": "old", "destination_conf": R2, "enabled": False})
    world.control("POST", "jobs", {"name": "gone", "destination_conf": R2})
    before = world.jobs()
    run = world.push(
        entry,
        {"zone_id": world.zone_id, "name": "old"},
        {"zone_id": world.zone_id, "name": "gone", "state": "absent"},
        arguments=["--check"],
    )
    assert run.status == 0, run.output
    assert run.writes == []
    assert world.jobs() == before
    assert run.says(r"http \(.*\) +to create +with a proof of ownership")
    assert run.says(r"old \(.*\) +to change +enabled")
    assert run.says(r"gone \(.*\) +to remove")
    # The diffs.
    assert run.says(r'^-    "?enabled"?: false')
    assert run.says(r'^\+    "?enabled"?: true')
    assert run.says(r"\"?bucket\"?: \"?edge-logs")
    assert run.changed == 1


def test_one_that_fails_does_not_stop_the_others(world: World, entry: dict[str, t.Any]) -> None:
    broken = world.destination.replace("edge-logs", "no-such-bucket")
    run = world.push(
        {**entry, "name": "broken", "destination_conf": broken},
        {**entry, "name": "broken as well", "destination_conf": broken},
        {**entry, "name": "impossible", "max_upload_records": 1},
        {**entry, "name": "r2", "destination_conf": R2},
        entry,
    )
    assert run.status != 0
    assert [job["name"] for job in world.jobs()] == ["r2", "http"]
    assert run.says(r"broken \(.*\) +FAILED +Cloudflare wrote no challenge file")
    assert run.says(r"broken as well \(.*\) +FAILED +Cloudflare wrote no challenge file")
    assert run.says(r"impossible \(.*\) +FAILED +max_upload_records: has to be")
    assert run.says(r"http \(.*\) +created")
    assert run.says(r"3 of 5 jobs failed: broken \(zone [0-9a-f]+\), broken as well \(")
    # Nobody asks a second time for what cannot be proved.
    assert run.requested.count("ownership") == 2


@pytest.mark.parametrize(("use", "asked"), [("many", 1), ("once", 2)])
def test_a_proof_is_shared_and_asked_for_anew_where_it_is_refused(
    world: World, entry: dict[str, t.Any], use: str, asked: int
) -> None:
    world.control("PATCH", "settings", {"token_use": use})
    before = set(world.objects())
    run = world.push(entry, {**entry, "name": "second"}, remove_challenge_file=True)
    assert run.status == 0, run.output
    assert len(world.jobs()) == 2
    assert run.writes.count(CHALLENGE) == asked
    # And the files are gone.
    assert not [key for key in set(world.objects()) - before if "challenge" in key]


def test_where_nobody_knows_the_refusal_tells_that_a_proof_is_needed(world: World) -> None:
    # Keys mean that no proof is needed; this Cloudflare sees it another way.
    keys = "access-key-id={AWS_ACCESS_KEY_ID}&secret-access-key={AWS_SECRET_ACCESS_KEY}"
    destination = world.destination + "&" + keys.format(**world.environment)
    world.control(
        "POST", "faults", {"method": "POST", "path": "jobs$", "status": 400, "body": REFUSAL}
    )
    job = {"zone_id": world.zone_id, "destination_conf": destination}
    run = world.push({**job, "name": "one"}, {**job, "name": "two"})
    assert run.status == 0, run.output
    assert run.writes.count(CHALLENGE) == 1
    assert len(world.jobs()) == 2


def test_a_proof_that_is_refused_at_once_is_not_asked_for_again(
    world: World, entry: dict[str, t.Any]
) -> None:
    fault = {"method": "POST", "path": "jobs$", "status": 400, "body": REFUSAL, "times": -1}
    world.control("POST", "faults", fault)
    run = world.push(entry)
    assert run.status != 0
    assert run.says("Cloudflare does not take ownership_challenge as the proof")
    assert run.writes == [CHALLENGE]


def test_a_proof_that_is_at_hand_is_used(world: World, entry: dict[str, t.Any]) -> None:
    asked = {"destination_conf": world.destination}
    token = world.control("POST", "tokens", asked)["token"]
    run = world.push({**entry, "ownership_challenge": token})
    assert run.status == 0, run.output
    assert run.writes == [CREATE]


def test_what_one_entry_says_is_said_for_no_other(world: World, entry: dict[str, t.Any]) -> None:
    other = {**entry, "zone_id": world.environment["SANDBOX_OTHER_ZONE_ID"]}
    asked = {"destination_conf": world.destination, "id": other["zone_id"]}
    token = world.control("POST", "tokens", asked)["token"]
    before = set(world.objects())
    run = world.push(
        {"zone_id": world.zone_id, "name": "r2", "destination_conf": R2},
        {**entry, "remove_challenge_file": True},
        {**other, "ownership_challenge": token},
        {**other, "name": "moved", "destination_conf": world.destination + "&moved=Yes-It-Was"},
    )
    assert run.status == 0, run.output
    assert run.writes.count(CHALLENGE) == 2
    # The file of the second entry is gone, that of the last one is not.
    assert len([key for key in set(world.objects()) - before if "challenge" in key]) == 1


def test_waits_for_a_late_file_and_finds_it_where_it_is_told(
    world: World, entry: dict[str, t.Any]
) -> None:
    world.control("POST", "faults", {"file": "late", "seconds": 3})
    reading = {
        "s3_endpoint_url": world.environment["AWS_URL"],
        "s3_access_key": world.environment["AWS_ACCESS_KEY_ID"],
        "s3_secret_key": world.environment["AWS_SECRET_ACCESS_KEY"],
        "delay": 1,
    }
    run = world.run(
        playbook="edgeops.cloudflare.push_logs",
        inputs={"logpush_jobs": [{**entry, "read_challenge": reading}]},
        environment={"AWS_URL": "http://127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": "wrong-wrong"},
    )
    assert run.status == 0, run.output
    assert world.environment["AWS_SECRET_ACCESS_KEY"] not in run.output
    assert len(world.jobs()) == 1


def test_files_that_never_come_are_waited_for_together(
    world: World, entry: dict[str, t.Any]
) -> None:
    world.control("POST", "faults", 2 * [{"file": "missing"}])
    first = {**entry, "read_challenge": {"retries": 2, "delay": 1}}
    run = world.push(first, {**first, "zone_id": world.environment["SANDBOX_OTHER_ZONE_ID"]})
    assert run.status != 0
    assert len(re.findall("FAILED - RETRYING", run.output)) == 2
    assert run.says(r"FAILED +The challenge file .* could not be read")
    assert run.says("2 of 2 jobs failed")


def test_a_share_of_nothing_is_refused(world: World, entry: dict[str, t.Any]) -> None:
    run = world.push(entry, cloudflare_rate_limit_share=0)
    assert run.status != 0
    assert "rate_limit_share: " in run.output
    assert run.requested == []


def test_a_lost_answer_leaves_one_job_not_two(world: World) -> None:
    entry = {"zone_id": world.zone_id, "name": "http", "destination_conf": R2}
    world.control("POST", "faults", {"method": "POST", "path": "jobs$", "reset": "after"})
    run = world.push(entry)
    assert run.status == 0, run.output
    assert len(world.jobs()) == 1
    assert run.says(r"created +its answer was lost, and it was found")
    assert world.push(entry).changed == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([{}, {}], "described more often: http"),
        ([{}, {"dataset": "dns_logs"}], "described more often: http"),
        ([{"read_challenge": {"retrys": 1}}], "retrys"),
        ("[1]", "has to be a list of jobs"),
        ([{"enabeld": True}], "enabeld"),
        ([{"state": "gone"}], "state must be one of"),
        ("{{ no_such_variable }}", "'no_such_variable' is undefined"),
    ],
)
def test_a_bad_list_is_refused_before_any_request(
    world: World, entry: dict[str, t.Any], changes: t.Any, says: str
) -> None:
    entries = changes if isinstance(changes, str) else [{**entry, **each} for each in changes]
    run = world.push(logpush_jobs=entries)
    assert run.status != 0
    assert says in run.output
    assert run.requested == []


def test_a_change_and_a_removal(world: World, entry: dict[str, t.Any]) -> None:
    for name in ("stays", "moves", "goes"):
        world.control("POST", "jobs", {"name": name, "destination_conf": R2, "enabled": True})
    world.control("POST", "jobs", {"name": "rests", "destination_conf": R2, "enabled": False})
    run = world.push(
        {"zone_id": world.zone_id, "name": "stays"},
        {"zone_id": world.zone_id, "name": "rests", "enabled": None},
        {**entry, "name": "moves"},
        {"zone_id": world.zone_id, "name": "goes", "state": "absent"},
    )
    assert run.status == 0, run.output
    jobs = [(job["name"], job["enabled"]) for job in world.jobs()]
    assert jobs == [("stays", True), ("moves", True), ("rests", False)]
    assert world.jobs()[1]["destination_conf"] == world.destination
    assert [method for method, _path in run.writes] == ["DELETE", "POST", "PUT"]


def test_jobs_made_by_others_are_adopted_as_the_page_says(world: World, tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "adopting.md"
    (play,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.S)[0])
    play["vars"]["zone_id"] = world.zone_id
    playbook = tmp_path / "adopt.yml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    made_by_others: list[dict[str, t.Any]] = [
        {"name": "http", "enabled": True, "filter": json.dumps(REFUSAL | {"where": {}})},
        {"name": "http", "destination_conf": R2, "output_options": {"CVE-2021-44228": True}},
        {"name": None, "dataset": "dns_logs", "logpull_options": "fields=RayID"},
    ]
    for job in made_by_others:
        world.control("POST", "jobs", {"destination_conf": world.destination, **job})
    before = world.jobs()
    assert world.run(playbook=str(playbook)).status == 0
    adopted = yaml.safe_load((tmp_path / "logpush_jobs.yml").read_text(encoding="utf-8"))
    assert len(adopted["logpush_jobs"]) == len(made_by_others)
    run = world.push(*adopted["logpush_jobs"])
    assert run.status == 0, run.output
    assert (run.changed, run.writes) == (0, [])
    assert world.jobs() == before


def test_what_is_not_one_job_after_all_is_told_after_the_plan(
    world: World, entry: dict[str, t.Any]
) -> None:
    job = world.control("POST", "jobs", {"name": "x", "destination_conf": R2, "enabled": True})
    run = world.push(
        {"zone_id": world.zone_id, "id": job["id"], "enabled": False},
        {"zone_id": world.zone_id, "name": "x"},
        # Not the same name.
        {**entry, "name": "X", "destination_conf": R2},
    )
    assert run.status != 0
    assert run.says(rf"x \(.*\) +FAILED +job {job['id']} is described by several entries")
    assert run.writes == [CREATE]
    assert [job["name"] for job in world.jobs()] == ["x", "X"]


def test_a_second_proof_that_fails_is_told_with_its_reason(
    world: World, entry: dict[str, t.Any]
) -> None:
    world.control("PATCH", "settings", {"token_use": "once"})
    world.control("POST", "faults", [{"file": "late", "seconds": 0}, {"file": "missing"}])
    first = {**entry, "read_challenge": {"retries": 0}}
    run = world.push(first, {**first, "name": "second"})
    assert run.status != 0
    # One of the two gets the first proof.
    (done,) = [job["name"] for job in world.jobs()]
    (failed,) = {"http", "second"} - {done}
    assert run.says(rf"{failed} \(.*\) +FAILED +The challenge file .* could not be read")
    assert run.says(rf"{done} \(.*\) +created")


def test_in_a_play_of_one_s_own(world: World, entry: dict[str, t.Any], tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    script = tmp_path / "destination"
    script.write_text(f"#!/bin/sh\necho x >> {calls}\nprintf %s '{world.destination}'\n")
    script.chmod(0o700)
    looked_up = {
        **entry,
        "destination_conf": f"{{{{ lookup('ansible.builtin.pipe', '{script}') }}}}",
    }
    reading = {"s3_endpoint_url": world.environment["AWS_URL"], "retries": 0}
    role = {"name": "edgeops.cloudflare.push_logs"}
    tasks = [
        {
            "ansible.builtin.include_role": {**role, "apply": {"check_mode": True}},
            "vars": {"push_logs_jobs": [entry]},
        },
        {
            "ansible.builtin.include_role": role,
            "vars": {"push_logs_jobs": "{{ item }}"},
            "loop": [[{**entry, "read_challenge": reading}], []],
            "loop_control": {"label": "some"},
        },
        {"ansible.builtin.include_role": role, "vars": {"push_logs_jobs": [looked_up]}},
    ]
    playbook = tmp_path / "own.yml"
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    run = world.run(playbook=str(playbook), environment={"AWS_URL": "http://127.0.0.1:1"})
    assert run.status == 0, run.output
    assert run.says(r"http \(.*\) +to create")
    assert run.says(r"http \(.*\) +created")
    assert run.says(r"http \(.*\) +unchanged")
    assert run.writes == [CHALLENGE, CREATE]
    # Each lookup in the list is done once.
    assert calls.read_text() == "x\n"
