# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook docs/awx/setup.yml, run with the modules of awx.awx."""

from __future__ import annotations

import json
import os
import re
import typing as t

import pytest
import yaml

from e2e import awx
from e2e.awx_api import Awx, serve
from e2e.conftest import EXPLORED
from e2e.warm_ansible import Runner

SECRETS = {
    "CLOUDFLARE_API_TOKEN": "CloudflareTokenForAwx",
    "AWS_ACCESS_KEY_ID": "S3KeyForAwx",
    "AWS_SECRET_ACCESS_KEY": "S3SecretForAwx",
    "R2_ACCOUNT_ID": "a" * 32,
    "R2_ACCESS_KEY_ID": "R2KeyForAwx",
    "R2_SECRET_ACCESS_KEY": "R2SecretForAwx",
}
WEBHOOK = {
    "name": "Logpush failed",
    "notification_type": "webhook",
    "notification_configuration": {"url": "https://hooks.example.com/", "headers": {}},
}


class Run(t.NamedTuple):
    """What a run came to."""

    status: int
    output: str

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        return int(re.findall(r"changed=(\d+)", self.output)[-1])


def set_up(
    ansible: Runner,
    url: str,
    variables: t.Mapping[str, t.Any],
    *arguments: str,
    **environment: str,
) -> Run:
    """Run the playbook."""
    env = {name: value for name, value in os.environ.items() if name not in SECRETS}
    env.update(environment, CONTROLLER_HOST=url, CONTROLLER_OAUTH_TOKEN="TokenOfAwx")
    # Changes nothing but how long each task takes.
    env["ANSIBLE_PIPELINING"] = "true"
    command = ["ansible-playbook", str(awx.FILES / "setup.yml"), "-e", json.dumps(variables)]
    return Run(*ansible((*command, *arguments), env))


def read(name: str) -> t.Any:
    """Return the content of one of the files."""
    return yaml.safe_load((awx.FILES / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module", name="made")
def fixture_made(ansible: Runner, interpreter: str) -> tuple[Awx, list[Run]]:
    """Return what two runs made, with all that is optional."""
    server = Awx()
    variables = {
        "ansible_python_interpreter": interpreter,
        "awx_store_credentials": ["Logpush S3", "Logpush R2"],
        "awx_notifications": [WEBHOOK],
        "awx_slices": 5,
        "awx_answers": {"logpush_hosts": "status_active", "cloudflare_rate_limit_share": "0.2"},
    }
    with serve(server) as url:
        # As loud as it gets.
        first = set_up(ansible, url, variables, "-vvvv", **SECRETS)
        assert first.status == 0, first.output
        server.written.append("second run")
        # Twice as many modules to run, each of which takes a second.
        runs = [first, set_up(ansible, url, variables, **SECRETS)] if EXPLORED else [first]
    assert [run.status for run in runs] == [0] * len(runs), runs[-1].output
    return server, runs


@pytest.mark.explore
def test_a_second_run_changes_nothing(made: tuple[Awx, list[Run]]) -> None:
    server, (first, second) = made
    assert first.changed > 0
    assert second.changed == 0, second.output
    assert server.written[-1] == "second run"


def test_no_secret_is_shown(made: tuple[Awx, list[Run]]) -> None:
    server, runs = made
    sent = {value for inputs in server.secrets for value in inputs.values()}
    assert sent == set(SECRETS.values())
    for run in runs:
        assert not [value for value in sent - {SECRETS["R2_ACCOUNT_ID"]} if value in run.output]


def test_the_credential_types_are_those_of_the_files(made: tuple[Awx, list[Run]]) -> None:
    server, _runs = made
    for name, folder in (("Cloudflare", "cloudflare"), ("Cloudflare R2 for Logpush", "r2")):
        made_type = server.one("credential_types", name)
        # With the templates that AWX resolves, not Ansible.
        for part in ("inputs", "injectors"):
            assert made_type[part] == read(f"credential_types/{folder}/{part}.yml")
        assert made_type["kind"] == "cloud"


def test_each_template_runs_a_playbook_of_the_project(made: tuple[Awx, list[Run]]) -> None:
    server, _runs = made
    templates = server.items["job_templates"].values()
    playbooks = {path.name for path in (awx.FILES / "project").glob("*.yml")}
    assert {each["playbook"] for each in templates} == playbooks - {"zones.cloudflare.yml"}
    environment = server.one("execution_environments", "Logpush")["id"]
    project = server.one("projects", "Logpush")
    (source,) = server.items["inventory_sources"].values()
    for each in templates:
        assert not each["allow_simultaneous"]
        assert each["project"] == project["id"]
        assert each["execution_environment"] == environment
    assert project["default_environment"] == source["execution_environment"] == environment
    assert (awx.FILES / "project" / source["source_path"]).is_file()


def test_the_template_that_pushes(made: tuple[Awx, list[Run]]) -> None:
    server, _runs = made
    name = "Push Logpush jobs"
    template = server.one("job_templates", name)
    spec = server.parts["job_templates", template["id"], "survey_spec"]
    assert spec == awx.SURVEY
    assert template["job_slice_count"] == 5
    assert template["extra_vars"] in (
        json.dumps({"logpush_allow_no_hosts": value}) for value in (True, "True")
    )
    stores = ["Logpush S3", "Logpush R2"]
    assert sorted(server.linked("job_templates", name, "credentials")) == sorted(
        ["Cloudflare Logpush", *stores]
    )


def test_the_workflow_is_linked_by_success_and_failure(made: tuple[Awx, list[Run]]) -> None:
    server, _runs = made
    nodes = "workflow_job_template_nodes"
    assert server.linked(nodes, "push", "success_nodes") == ["report"]
    assert server.linked(nodes, "push", "failure_nodes") == ["explain"]
    explains = server.one(nodes, "explain")["unified_job_template"]
    template = server.items["job_templates"][explains]
    assert template["playbook"] == "after_push_logs.yml"
    assert json.loads(template["extra_vars"]) == {"after_push_logs_failed": True}
    # AWX accepts as answers what the survey asks for.
    asked = {each["variable"]: each for each in awx.SURVEY["spec"]}
    answers = server.one(nodes, "push")["extra_data"]
    assert {name for name, each in asked.items() if each["required"]} <= answers.keys()
    assert answers["cloudflare_rate_limit_share"] in asked["cloudflare_rate_limit_share"][
        "choices"
    ].split("\n")
    workflow = server.one("workflow_job_templates", "Push and report")
    assert not workflow["allow_simultaneous"]
    failed = server.linked(
        "workflow_job_templates", workflow["name"], "notification_templates_error"
    )
    assert failed == [WEBHOOK["name"]]
    (schedule,) = server.items["schedules"].values()
    assert schedule["unified_job_template"] == workflow["id"]
    assert "FREQ=DAILY" in schedule["rrule"]


def test_by_default_the_jobs_are_for_s3() -> None:
    assert read("vars.yml")["awx_store_credentials"] == ["Logpush S3"]
    (entry,) = read("project/group_vars/status_active.yml")["logpush_jobs_of_all"]
    assert entry["destination_conf"].startswith("s3://")


def test_a_missing_secret_is_named(ansible: Runner, interpreter: str) -> None:
    server = Awx()
    with serve(server) as url:
        run = set_up(ansible, url, {"ansible_python_interpreter": interpreter})
    assert run.status != 0
    assert "set CLOUDFLARE_API_TOKEN in the environment" in run.output
