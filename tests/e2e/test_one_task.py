# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job with ownership proved: by one task, and by the steps one by one, in each real store."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml

from e2e.conftest import EXPLORED
from e2e.playbooks import World
from sandbox import readback

CREATED = [
    ("GET", "jobs"),
    ("POST", "ownership"),
    ("POST", "jobs"),
    ("GET", "jobs"),
]
STORES: dict[str, dict[str, t.Any]] = {
    # What the AWS library finds in the environment, AWS_ENDPOINT_URL_S3 included.
    "s3": {"destination": "SANDBOX_DESTINATION_CONF", "challenge_file": {}},
    "s3 with endpoint_url": {
        "destination": "SANDBOX_DESTINATION_CONF",
        "challenge_file": {
            "s3": {
                "endpoint_url": "{{ lookup('ansible.builtin.env', 'SANDBOX_S3') }}",
                "access_key": "{{ lookup('ansible.builtin.env', 'SANDBOX_KEY') }}",
                "secret_key": "{{ lookup('ansible.builtin.env', 'SANDBOX_SECRET') }}",
            }
        },
    },
    "gcs": {"destination": "SANDBOX_GCS_DESTINATION_CONF", "challenge_file": {}},
    "azure": {
        "destination": "SANDBOX_AZURE_DESTINATION_CONF",
        "challenge_file": {
            "azure": {
                "sas_token": "{{ lookup('ansible.builtin.env', 'SANDBOX_AZURE_READ_SAS') }}",
                "endpoint_url": "{{ lookup('ansible.builtin.env', 'SANDBOX_AZURE_ENDPOINT') }}",
            }
        },
    },
}


class Play(t.NamedTuple):
    """Runs tasks as a user would write them."""

    world: World
    folder: Path

    def run(
        self, tasks: list[dict[str, t.Any]], *arguments: str, hide_keys: bool = False
    ) -> list[tuple[str, str]]:
        """Run tasks; return the requests, each by its method and the last part of its path."""
        path = self.folder / "play.yml"
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        path.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
        env = self.world.environment
        hidden = dict.fromkeys(("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID"), "")
        environment = {
            "SANDBOX_S3": env["AWS_ENDPOINT_URL_S3"],
            "SANDBOX_KEY": env["AWS_ACCESS_KEY_ID"],
            "SANDBOX_SECRET": env["AWS_SECRET_ACCESS_KEY"],
            **(hidden if hide_keys else {}),
        }
        before = len(self.world.requests())
        run = self.world.execute(
            "ansible-playbook", str(path), "-v", *arguments, environment=environment
        )
        assert run.status == 0, run.output
        # Not the environment as changed here: it has what a secret is.
        assert not [secret for secret in run._replace(env=env).secrets() if secret in run.output]
        return [
            (each["method"], each["path"].rpartition("/")[2])
            for each in self.world.requests()[before:]
        ]


@pytest.fixture(name="play")
def fixture_play(world: World, tmp_path: Path) -> Play:
    return Play(world, tmp_path)


def job(world: World, store: str, **more: t.Any) -> dict[str, t.Any]:
    """Return the options of a job in a store."""
    conf = world.environment.get(STORES[store]["destination"])
    if conf is None:
        pytest.skip(world.environment.get("SANDBOX_AZURE", f"no store for {store}"))
    options = {"zone_id": world.zone_id, "name": "http", "dataset": "http_requests"}
    return {**options, "destination_conf": conf, **more}


@pytest.mark.parametrize("store", STORES)
def test_one_task_creates_the_job_and_a_second_one_writes_nothing(play: Play, store: str) -> None:
    options = job(play.world, store, challenge_file=STORES[store]["challenge_file"])
    task = {"edgeops.cloudflare.logpush_job": options}
    tasks: list[dict[str, t.Any]] = [
        {**task, "register": "planned", "check_mode": True},
        {**task, "register": "created"},
        {**task, "register": "again"},
        {
            "ansible.builtin.assert": {
                "that": [
                    "planned is changed",
                    "planned.ownership == 'would_prove'",
                    "created is changed",
                    "created.ownership == 'proved'",
                    "again is not changed",
                    "again.job.id == created.job.id",
                ]
            }
        },
    ]
    play.world.control("PUT", "delivery", {"outcome": "push"})
    listing = [("GET", "jobs")]
    assert play.run(tasks, hide_keys="endpoint_url" in store) == [*listing, *CREATED, *listing]
    assert [each["name"] for each in play.world.jobs()] == ["http"]
    (upload,) = play.world.control("GET", "uploads")
    records = readback.text(play.world.environment, upload).splitlines()
    assert [json.loads(record)["RayID"] for record in records]


STEPS = """
- name: Request the challenge
  edgeops.cloudflare.logpush_ownership:
    zone_id: "{{ zone }}"
    destination_conf: "{{ conf }}"
  register: challenge

- name: Read the challenge file
  %s
  register: challenge_file
  no_log: true

- name: Validate the token
  edgeops.cloudflare.logpush_ownership_validate:
    zone_id: "{{ zone }}"
    destination_conf: "{{ conf }}"
    ownership_challenge: "{{ challenge_file.%s }}"
  register: validated

- name: Create the job
  edgeops.cloudflare.logpush_job:
    zone_id: "{{ zone }}"
    name: http
    dataset: http_requests
    destination_conf: "{{ conf }}"
    ownership_challenge: "{{ challenge_file.%s }}"
    prove_ownership: false
  register: created

- name: Check the results
  ansible.builtin.assert:
    that:
      - ansible_check_mode or challenge.valid
      - ansible_check_mode or challenge.filename is match('.')
      - ansible_check_mode or validated.valid
      - created.action == 'created'
      - ansible_check_mode or created.ownership == 'provided'
"""
OURS = """edgeops.cloudflare.logpush_challenge_info:
    filename: "{{ challenge.filename }}"
    destination_conf: "{{ conf }}"
    challenge_file: %s"""
AMAZON = """amazon.aws.s3_object:
    bucket: "{{ challenge.destination.bucket }}"
    object: "{{ challenge.filename }}"
    region: "{{ challenge.destination.region }}"
    endpoint_url: "{{ lookup('ansible.builtin.env', 'SANDBOX_S3') }}"
    mode: getstr
  when: not ansible_check_mode"""
CHAIN = [
    ("POST", "ownership"),
    ("POST", "validate"),
    ("GET", "jobs"),
    ("POST", "jobs"),
    ("GET", "jobs"),
]


def steps(world: World, store: str, module: str, value: str) -> list[dict[str, t.Any]]:
    """Return the tasks of the chain, with another module that reads the file."""
    conf = job(world, store)["destination_conf"]
    tasks: list[dict[str, t.Any]] = yaml.safe_load(STEPS % (module, value, value))
    return [{**task, "vars": {"zone": world.zone_id, "conf": conf}} for task in tasks]


@pytest.mark.parametrize(
    "store", ["s3", *(pytest.param(each, marks=pytest.mark.explore) for each in ("gcs", "azure"))]
)
def test_the_steps_one_by_one_with_logpush_challenge_info(play: Play, store: str) -> None:
    module = OURS % json.dumps(STORES[store]["challenge_file"])
    tasks = steps(play.world, store, module, "ownership_challenge")
    if EXPLORED:
        assert play.run(tasks, "--check") == [("GET", "jobs")]
    assert play.run(tasks) == CHAIN


def test_the_steps_one_by_one_with_a_following_task_of_amazon_aws(play: Play) -> None:
    tasks = steps(play.world, "s3", AMAZON, "contents | default('', true)")
    assert play.run(tasks, "--check") == [("GET", "jobs")]
    assert play.run(tasks) == CHAIN
