# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook push_logs: from a list of jobs to logs that flow."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ACCOUNT, ZONE
from e2e.playbooks import DESTINATION_SECRET, PUSH_LOGS, Run, World

CHALLENGE = ("POST", "ownership")
CREATE = ("POST", "jobs")
REFUSAL = {
    "success": False,
    "errors": [{"code": 1002, "message": "incorrect ownership challenge"}],
}
# As AWX, which keeps what set_stats leaves.
STATS = {"ANSIBLE_SHOW_CUSTOM_STATS": "true", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
KEYS = f"account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key={DESTINATION_SECRET}"
R2 = f"r2://edge-logs/{{DATE}}?{KEYS}"
# Text that only looks like a template.
LIKE_A_TEMPLATE: dict[str, t.Any] = {
    "record_template": {"__ansible_unsafe": '{{.RayID}} {% if %} {"a": 1}'},
    "record_suffix": "}\n",
}
# For further cases of what another one shows.
EXPLORE = pytest.mark.explore


@pytest.fixture(name="entry")
def fixture_entry(world: World) -> dict[str, t.Any]:
    """Return a job in a bucket that requires an ownership challenge."""
    return {"zone_id": world.zone_id, "name": "http", "destination_conf": world.destination}


class Zones:
    """An inventory of the sandbox's two zones, in no alphabetical order."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._path = folder / "inventory.yml"
        self.ids = {
            "b.example": world.zone_id,
            "a.example": world.environment["SANDBOX_OTHER_ZONE_ID"],
        }
        self.hosts: dict[str, dict[str, t.Any]] = {
            name: {"zone_id": zone_id, "zone_name": name} for name, zone_id in self.ids.items()
        }
        self.vars: dict[str, t.Any] = {}

    def push(self, *arguments: str, playbook: str = PUSH_LOGS, **run: t.Any) -> Run:
        """Run the playbook on all hosts; ``inputs`` are extra variables."""
        content = {"all": {"hosts": self.hosts, "vars": self.vars}}
        self._path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        run["inputs"] = {"logpush_hosts": "all", **run.get("inputs", {})}
        return self._world.run("-i", str(self._path), *arguments, playbook=playbook, **run)


@pytest.fixture(name="zones")
def fixture_zones(world: World, tmp_path: Path) -> Zones:
    """Return an inventory of zones."""
    return Zones(world, tmp_path)


def recap(run: Run, host: str) -> dict[str, int]:
    """Return the figures of a host in the recap."""
    (line,) = re.findall(rf"^{re.escape(host)} +: (.*)", run.output, re.MULTILINE)
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}


def summary(run: Run) -> dict[str, t.Any]:
    """Return what was left by set_stats."""
    found = re.findall(r"RUN: (\{.*\})", run.output)
    return dict(json.loads(found[-1])["push_logs_summary"])


def test_from_nothing_to_jobs_and_a_second_run_changes_nothing(
    world: World, entry: dict[str, t.Any]
) -> None:
    other_zone = world.environment["SANDBOX_OTHER_ZONE_ID"]
    account = world.environment["SANDBOX_ACCOUNT_ID"]
    options = {
        "field_names": ["ClientIP", "RayID"],
        "timestamp_format": "rfc3339",
        "sample_rate": 0.5,
        "record_suffix": "}\n",
    }
    where = {"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}
    limits = {"max_upload_bytes": 5_000_000, "max_upload_interval_seconds": 60}
    http = {**entry, "dataset": "http_requests", "output_options": options, "filter": where}
    entries = [
        # A line break at the end, as vaulted values have it.
        {**http, "destination_conf": world.destination + "\n"},
        # The same destination in the same zone: the same token.
        {**entry, "name": "firewall", "dataset": "firewall_events", **limits},
        # In another zone and in an account: a token of its own.
        {**entry, "zone_id": other_zone, "enabled": False},
        {**entry, "zone_id": None, "account_id": account, "dataset": "audit_logs"},
        {**entry, "name": "r2", "destination_conf": R2, "output_options": LIKE_A_TEMPLATE},
        {"zone_id": world.zone_id, "name": "not there", "state": "absent"},
    ]
    planned = world.push(*entries, arguments=["--check"])
    assert planned.status == 0, planned.output
    assert planned.writes == []
    assert planned.says("Check mode, nothing was written")
    assert planned.says(r"http +http_requests +created +would_prove")
    assert planned.says(r'\+dataset: "http_requests"')
    assert planned.changed == 1

    first = world.push(*entries, environment=STATS)
    assert first.status == 0, first.output
    assert first.writes.count(CHALLENGE) == 3
    assert first.writes.count(CREATE) == 5
    assert len(first.writes) == 8
    assert first.output.count("\nTASK [") <= 8
    jobs = world.jobs()
    by_scope = {(job["name"], job.get("zone_id") or job["account_id"]): job for job in jobs}
    assert len(by_scope) == len(jobs) == 5
    assert [job for job in jobs if not job["enabled"]] == [by_scope["http", other_zone]]
    assert {job["destination_conf"] for job in jobs} == {world.destination, R2}
    assert by_scope["http", world.zone_id]["output_options"].items() >= options.items()
    template = by_scope["r2", world.zone_id]["output_options"]["record_template"]
    assert template == LIKE_A_TEMPLATE["record_template"]["__ansible_unsafe"]
    for line in (r"http +http_requests +created +proved", r"r2 +\S+ +created +not_required"):
        assert first.says(line)
    assert first.says(r"not there +\S+ +unchanged")
    done = {"total": 6, "created": 5, "unchanged": 1, "failed": 0, "reason": ""}
    assert summary(first).items() >= done.items()
    assert first.changed == 1

    world.control("DELETE", "requests")
    second = world.push(*entries)
    assert second.status == 0, second.output
    assert (second.changed, second.writes) == (0, [])
    assert "ownership" not in second.requested
    assert world.jobs() == jobs


def test_each_zone_has_its_own_outcome(world: World, zones: Zones) -> None:
    zones.hosts["b.example"]["logpush_jobs"] = [
        {"name": "broken", "destination_conf": "s3://no-such-bucket/x?region=us-east-1"},
        {"name": "r2", "destination_conf": R2},
    ]
    # None of its own: the list of the play is its default, resolved with its variables.
    zones.hosts["idle.example"] = {"zone_id": world.zone_id, "logpush_jobs": []}
    zones.vars["ansible_become"] = True
    play = {
        "import_playbook": PUSH_LOGS,
        "vars": {
            "bucket": "edge-logs",
            "logpush_jobs": [
                {
                    "name": "r2",
                    "destination_conf": R2.replace("edge-logs", "{{ bucket }}/{{ zone_name }}"),
                }
            ],
        },
    }
    playbook = world.folder / "own.yml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    others = dict.fromkeys(("item", "jobs", "destination", "scope", "results", "host", "msg"), "x")
    run = zones.push(
        playbook=str(playbook),
        inputs=others,
        environment={**STATS, "ANSIBLE_STRATEGY": "free", "ANSIBLE_BECOME": "true"},
    )
    assert run.status != 0
    # Each job once, in the order of the inventory.
    assert run.writes.count(CREATE) == len(world.jobs()) == 2
    for host, failed, changed in (("b", 1, 0), ("a", 0, 1), ("idle", 0, 0)):
        figures = recap(run, f"{host}.example")
        assert (figures["failed"], figures["changed"]) == (failed, changed), run.output
    assert run.says(r"1 of 2 jobs failed: broken \(b\.example, zone [0-9a-f]+\): Cloudflare wrote")
    lines = re.findall(r'"(\w+\.example) \([0-9a-f]{32}\) +(\w+)', run.output)
    assert lines[-3:] == [("b.example", "broken"), ("b.example", "r2"), ("a.example", "r2")]
    assert summary(run).items() >= {"total": 3, "created": 2, "failed": 1}.items()
    (of_a,) = [job for job in world.jobs() if job.get("zone_id") == zones.ids["a.example"]]
    assert of_a["destination_conf"].startswith("r2://edge-logs/a.example/")

    # Batches add up; the order of the zones and a limit are those of Ansible. The hosts may be a
    # list of patterns.
    zones.hosts["b.example"]["logpush_jobs"] = [{"name": "r2", "destination_conf": R2}]
    inputs = {"logpush_hosts": ["a.example", "b*", "idle.example"], "logpush_serial": 1}
    run = zones.push("--limit", "a.example,b.example", inputs=inputs, environment=STATS)
    assert run.status == 0, run.output
    assert summary(run).items() >= {"total": 1, "unchanged": 1, "failed": 0}.items()
    assert run.output.count("TASK [Reconcile the Logpush jobs]") == 2


@pytest.mark.parametrize(
    ("jobs", "says"),
    [
        (
            [{"name": "x", "destination_conf": R2 + "{{ r2_acount }}"}],
            r"logpush_jobs\[0\]\.destination_conf of a\.example: 'r2_acount' is undefined",
        ),
        (
            "{{ [{'name': 'x', 'destination_conf': r2 ~ no_such_variable}] }}",
            r"logpush_jobs of a\.example: 'no_such_variable' is undefined",
        ),
        pytest.param(
            [{"name": "x", "destination_conf": R2 + "{{ lookup('file', '/no/such/' ~ r2) }}"}],
            r"logpush_jobs\[0\]\.destination_conf of a\.example: ",
            marks=EXPLORE,
        ),
        pytest.param(
            "text",
            r"logpush_jobs of a\.example must be a list of jobs, each a dictionary",
            marks=EXPLORE,
        ),
        ([1], r"logpush_jobs of a\.example must be a list of jobs, each a dictionary"),
    ],
)
def test_a_list_that_cannot_be_resolved_is_an_error_of_all_hosts(
    zones: Zones, jobs: t.Any, says: str
) -> None:
    zones.vars["r2"] = R2
    zones.hosts["b.example"]["logpush_jobs"] = [{"name": "x", "destination_conf": R2}]
    zones.hosts["a.example"]["logpush_jobs"] = jobs
    run = zones.push(environment=STATS)
    assert run.status != 0
    assert run.says(says)
    assert re.search(says, summary(run)["reason"])
    assert run.requested == []
    assert [recap(run, host)["failed"] for host in zones.ids] == [1, 1]


def test_a_pattern_without_hosts_fails_unless_it_is_allowed(zones: Zones) -> None:
    for allowed in (False, True):
        inputs = {"logpush_hosts": "no_such_group", "logpush_allow_no_hosts": allowed}
        run = zones.push(inputs={**inputs, "logpush_jobs": []}, environment=STATS)
        assert (run.status == 0) is allowed, run.output
        assert summary(run)["reason"] == "no host matches logpush_hosts: no_such_group"


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"cloudflare_rate_limit_share": 0}, "rate_limit_share"),
        pytest.param({"cloudflare_concurrency": "many"}, "cloudflare_concurrency", marks=EXPLORE),
        ({"logpush_jobs": None}, "logpush_jobs of localhost must be a list"),
        pytest.param({"cloudflare_base_url": "http://example.com"}, "base_url", marks=EXPLORE),
    ],
)
def test_a_summary_says_why_nothing_was_done(
    world: World, entry: dict[str, t.Any], inputs: dict[str, t.Any], says: str
) -> None:
    given = {"logpush_jobs": [entry], **inputs}
    run = world.run(playbook=PUSH_LOGS, inputs=given, environment=STATS)
    assert run.status != 0
    assert says in summary(run)["reason"]
    assert run.requested == []


def test_one_failure_does_not_stop_the_others(world: World, entry: dict[str, t.Any]) -> None:
    broken = world.destination.replace("edge-logs", "no-such-bucket")
    run = world.push(
        {**entry, "name": "broken", "destination_conf": broken},
        {**entry, "name": "broken as well", "destination_conf": broken},
        {**entry, "name": "r2", "destination_conf": R2},
        entry,
    )
    assert run.status != 0
    assert sorted(job["name"] for job in world.jobs()) == ["http", "r2"]
    assert run.says(r"broken +\S+ +failed +missing +Cloudflare wrote no challenge file")
    assert run.says(r"http +\S+ +created +proved")
    assert run.says(r"2 of 4 jobs failed: broken \(zone [0-9a-f]+\): Cloudflare wrote")


def test_the_options_for_challenge_files_are_passed_on(
    world: World, entry: dict[str, t.Any]
) -> None:
    env = world.environment
    s3 = {
        "endpoint_url": env["AWS_ENDPOINT_URL_S3"],
        "access_key": env["AWS_ACCESS_KEY_ID"],
        "secret_key": env["AWS_SECRET_ACCESS_KEY"],
    }
    before = set(world.objects())
    run = world.run(
        playbook=PUSH_LOGS,
        inputs={
            "logpush_jobs": [entry],
            "logpush_challenge_file": {"remove": True, "s3": s3},
            "cloudflare_api_token": env["CLOUDFLARE_API_TOKEN"] + "\n",
        },
        environment={
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
            "AWS_SECRET_ACCESS_KEY": "wrong-wrong",
            "CLOUDFLARE_API_TOKEN": "a-wrong-api-token",
        },
    )
    assert run.status == 0, run.output
    assert env["AWS_SECRET_ACCESS_KEY"] not in run.output
    assert len(world.jobs()) == 1
    assert not [key for key in set(world.objects()) - before if "challenge" in key]

    # Without ownership proof a token has to be given.
    moved = {**entry, "name": "other"}
    run = world.run(
        playbook=PUSH_LOGS, inputs={"logpush_jobs": [moved], "logpush_prove_ownership": False}
    )
    assert run.status != 0
    assert run.says(r"other +\S+ +failed +missing")
    assert len(world.jobs()) == 1


def test_jobs_that_are_not_in_the_list_are_pruned_on_request(world: World) -> None:
    for name, dataset in (("kept", "http_requests"), ("old", "http_requests"), ("b", "dns_logs")):
        job = {"name": name, "dataset": dataset, "destination_conf": R2, "enabled": True}
        world.control("POST", "jobs", job)
    kept = {"zone_id": world.zone_id, "name": "kept", "dataset": "http_requests"}
    # No dataset is not all datasets.
    run = world.push(kept, logpush_prune=True, logpush_prune_datasets=[])
    assert run.status == 0, run.output
    assert run.writes == []
    prune = {"logpush_prune": True, "logpush_prune_datasets": ["http_requests"]}
    run = world.push(kept, **prune)
    assert run.status == 0, run.output
    assert [job["name"] for job in world.jobs()] == ["kept", "b"]
    assert run.changed == 1


@EXPLORE
def test_zone_ids_that_differ_in_capitals_are_one_zone(
    world: World, entry: dict[str, t.Any]
) -> None:
    run = world.push(entry, {**entry, "zone_id": world.zone_id.upper()})
    assert run.status != 0
    assert run.requested == []
    assert run.writes == []


def test_each_lookup_is_resolved_once_and_no_token_is_in_a_variable(
    world: World, entry: dict[str, t.Any], tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    script = tmp_path / "destination"
    script.write_text(f"#!/bin/sh\necho x >> {calls}\nprintf %s '{world.destination}'\n")
    script.chmod(0o700)
    looked_up = {"destination_conf": f"{{{{ lookup('ansible.builtin.pipe', '{script}') }}}}"}
    plays = [
        {"import_playbook": PUSH_LOGS, "vars": {"logpush_jobs": [{**entry, **looked_up}]}},
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.debug": {"var": "hostvars['localhost']"}}],
        },
    ]
    playbook = tmp_path / "own.yml"
    playbook.write_text(yaml.safe_dump(plays), encoding="utf-8")
    # Each run looks for the token that was sent, in all that was printed.
    run = world.run(playbook=str(playbook), inputs={"logpush_destination_conf": "not used"})
    assert run.status == 0, run.output
    assert run.writes == [CHALLENGE, CREATE]
    assert calls.read_text() == "x\n"


def test_existing_jobs_are_adopted_as_documented(world: World, tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "adopting.md"
    text = re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.S)[0]
    text = text.replace(ZONE, world.zone_id)
    text = text.replace(ACCOUNT, world.environment["SANDBOX_ACCOUNT_ID"])
    playbook = tmp_path / "adopt.yml"
    playbook.write_text(text, encoding="utf-8")
    options = {"CVE-2021-44228": True, "stringify_object": True, "field_names": ["RayID"]}
    made_by_others: list[dict[str, t.Any]] = [
        {"name": "http", "enabled": True, "filter": json.dumps(REFUSAL | {"where": {}})},
        {"name": "http", "destination_conf": R2, "output_options": options},
        {"name": None, "dataset": "dns_logs", "logpull_options": "fields=RayID"},
        {"name": "attacks", "filter_attack_traffic": True, "max_upload_records": 5000},
        {"name": "csv", "output_options": {"output_type": "csv", "field_names": ["RayID"]}},
        {"name": "csv2", "output_options": {"output_type": "csv", "field_delimiter": ";"}},
        {"name": "sampled", "output_options": {"sample_rate": 0.25, "timestamp_format": "unix"}},
        {"name": "bare", "output_options": {"record_prefix": "", "record_suffix": "\n"}},
        {"name": "batched", "output_options": {"batch_prefix": "[", "batch_suffix": "]"}},
        {"name": "delimited", "output_options": {"record_delimiter": ",", "field_delimiter": "|"}},
        {"name": "template", "output_options": {"record_template": "<RayID>"}},
        {"name": "merged", "output_options": {"merge_subrequests": True}},
        {"name": "empty", "output_options": {}},
        {"name": "seldom", "frequency": "low", "enabled": False},
        {"name": "often", "frequency": "high", "max_upload_interval_seconds": 30},
        {"name": "large", "max_upload_bytes": 5_000_000},
        {"name": "edge", "kind": "edge"},
        {"name": "dns", "dataset": "dns_logs", "filter": json.dumps(REFUSAL | {"where": {}})},
        {"name": "new", "a_property_of_tomorrow": {"a": [1, "x"]}, "another": 7},
        {"name": "newer", "output_options": {"an_option_of_tomorrow": "x", "sample_rate": 1}},
    ]
    assert len(made_by_others) == 20
    for job in made_by_others:
        world.control("POST", "jobs", {"destination_conf": world.destination, **job})
    before = world.jobs()
    assert world.run(playbook=str(playbook)).status == 0
    adopted = yaml.safe_load((tmp_path / "logpush_jobs.yml").read_text(encoding="utf-8"))
    entries = adopted["logpush_jobs"]
    assert len(entries) == len(made_by_others)
    # Those without a name, or with the same one, need their ids.
    for entry, job in list(zip(entries, before))[:3]:
        entry["id"] = job["id"]
    run = world.push(*entries)
    assert run.status == 0, run.output
    assert (run.changed, run.writes) == (0, [])
    assert world.jobs() == before
