# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files for AWX in docs/awx, run by ansible-runner as AWX runs it."""

from __future__ import annotations

import json
import os
import re
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from e2e import awx
from e2e.conftest import EXPLORED
from e2e.playbooks import Run, World
from sandbox.server import STRAY

ROOT = Path(__file__).resolve().parents[2]
PROJECT = awx.FILES / "project"
CREDENTIAL_TYPES = [path.name for path in (awx.FILES / "credential_types").iterdir()]
# As AWX has them.
PLAYBOOK = re.compile(r"^\s*-?\s*(?:hosts|include|import_playbook):", re.MULTILINE)
SURVEYS = [path.name for path in awx.FILES.glob("survey*.json")]
# What AWX checks of a survey: the types of questions, and of their defaults.
QUESTION_TYPES = {
    "text": str,
    "textarea": str,
    "password": str,
    "integer": int,
    "float": float,
    "multiplechoice": str,
    "multiselect": str,
}
QUESTION_KEYS = {"question_name", "question_description", "variable", "type", "required", "default"}

# What comes from credentials, and not from the machine that a job runs on.
OF_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
R2_KEY, R2_SECRET = "R2KeyForTheTestsOfAwx", "R2SecretForTheTests/of+Awx"
ACCOUNT = {"id": "5" * 32, "name": "Shop"}
# More requests than the rate limit below allows: one to plan a job, three to make it.
ZONES = [{"name": f"zone-{number:03}.example"} for number in range(35)]
SHOP = [{"name": f"shop-{number}.example", "account": ACCOUNT} for number in range(2)]
NO_HOSTS = awx.sliced({"all": {}, "_meta": {"hostvars": {}}})
RATE_POLICY = {"quota": 120, "window": 5}
SUMMARY = {
    **dict.fromkeys(("created", "updated", "deleted", "pruned", "unchanged", "failed"), 0),
    "total": 3,
    "check_mode": False,
    "reason": "",
}


class Tower:
    """Makes jobs as AWX does, with credentials for one sandbox."""

    def __init__(self, world: World, folder: Path) -> None:
        env = world.environment
        self.world = world
        self._folder = folder
        self._node = {name: value for name, value in os.environ.items() if name not in STRAY}
        self._node.update(
            {
                name: value
                for name, value in env.items()
                if not name.startswith("CLOUDFLARE_") and name not in OF_AWS
            }
        )
        self.token = {"api_token": env["CLOUDFLARE_API_TOKEN"]}
        self.key = {"api_email": env["SANDBOX_API_EMAIL"], "api_key": env["SANDBOX_API_KEY"]}
        self._others = [
            awx.credential(
                "r2", account_id="a" * 32, access_key_id=R2_KEY, secret_access_key=R2_SECRET
            ),
            # Of AWX's own type.
            awx.Credential({name: env[name] for name in OF_AWS}, {}),
        ]
        self._jobs = 0

    def job(self, login: t.Mapping[str, str] | None = None) -> awx.Job:
        """Return a job that does not run yet."""
        base_url = self.world.environment["CLOUDFLARE_BASE_URL"]
        cloudflare = awx.credential("cloudflare", base_url=base_url, **(login or self.token))
        self._jobs += 1
        return awx.Job(self._folder / f"job{self._jobs}", self._node, [cloudflare, *self._others])

    def assert_no_secret(self, *outcomes: awx.Outcome) -> None:
        """Look in all that AWX keeps of a run."""
        text = json.dumps([each.events for each in outcomes])
        secrets = Run(self.world, 0, text, self.world.environment).secrets()
        secrets |= {R2_KEY, R2_SECRET, self.key["api_key"]}
        assert not [each for each in secrets if each in text]


@pytest.fixture(name="tower")
def fixture_tower(world: World, tmp_path: Path) -> Tower:
    """Return what makes jobs for a sandbox in which nothing has happened yet."""
    return Tower(world, tmp_path)


def read(name: str) -> t.Any:
    """Return the content of one of the YAML files."""
    return yaml.safe_load((awx.FILES / name).read_text(encoding="utf-8"))


def made(world: World) -> list[dict[str, t.Any]]:
    """Return all jobs but for what depends on when they were made."""
    jobs = [
        {name: value for name, value in job.items() if name not in ("id", "last_complete")}
        for job in world.jobs()
    ]
    return sorted(jobs, key=lambda job: (job["zone_id"], job["name"]))


def added(outcomes: t.Sequence[awx.Outcome]) -> dict[str, int]:
    """Return the sums of what the runs left for the next node."""
    summaries = [each.artifacts["push_logs_summary"] for each in outcomes]
    assert {each["reason"] for each in summaries} == {""}
    numbers = [name for name in summaries[0] if name != "reason"]
    return {name: sum(each[name] for each in summaries) for name in numbers}


def options_given(outcome: awx.Outcome, action: str) -> list[dict[str, t.Any]]:
    """Return the options that a module was called with."""
    data = [each.get("event_data", {}) for each in outcome.events if "_ok" in each["event"]]
    return [
        each["res"]["invocation"]["module_args"]
        for each in data
        if each.get("task_action", "").endswith(action) and "invocation" in each["res"]
    ]


@pytest.mark.parametrize("name", CREDENTIAL_TYPES)
def test_a_credential_type_is_one_that_awx_takes(name: str) -> None:
    inputs, injectors = (
        read(f"credential_types/{name}/{part}.yml") for part in ("inputs", "injectors")
    )
    fields = {each["id"]: each for each in inputs["fields"]}
    for each in fields.values():
        assert each.keys() <= {"id", "type", "label", "help_text", "secret"}
        assert {"id", "type", "label"} <= each.keys()
        assert each.get("secret", False) == bool(re.search("token|key|secret", each["id"]))
    assert set(inputs.get("required", ())) <= fields.keys()
    # Each field goes somewhere, and nothing else does.
    assert injectors.keys() <= {"env", "extra_vars"}
    templates = [text for each in injectors.values() for text in each.values()]
    jinja = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    rendered = [
        jinja.from_string(text).render({each: each for each in fields}) for text in templates
    ]
    assert sorted(rendered) == sorted(fields)


@pytest.mark.parametrize("name", SURVEYS)
def test_a_survey_is_one_that_awx_takes(name: str) -> None:
    survey = read(name)
    assert survey.keys() == {"name", "description", "spec"}
    variables = [question["variable"] for question in survey["spec"]]
    assert len(variables) == len(set(variables))
    for question in survey["spec"]:
        assert question.keys() >= QUESTION_KEYS
        assert question.keys() <= QUESTION_KEYS | {"min", "max", "choices"}
        assert question["question_name"]
        assert isinstance(question["default"], QUESTION_TYPES[question["type"]])
        # So the limits of a float cannot exclude 0 and allow 0.5.
        assert all(isinstance(question.get(limit, 0), int) for limit in ("min", "max"))
        assert (question["type"] == "multiplechoice") == ("choices" in question)
        if "choices" in question:
            assert question["default"] in question["choices"].split("\n")


def test_only_the_zones_have_to_be_answered() -> None:
    # AWX fills in the defaults of the others, also for launches by the API.
    required = [each["variable"] for each in awx.SURVEY["spec"] if each["required"]]
    assert required == ["logpush_hosts"]


def test_the_survey_offers_no_share_that_the_module_rejects() -> None:
    questions = {each["variable"]: each for each in awx.SURVEY["spec"]}
    shares = questions["cloudflare_rate_limit_share"]["choices"].split("\n")
    assert shares
    assert all(0 < float(share) <= 1 for share in shares)


def test_the_answer_with_a_destination_is_a_password() -> None:
    # Others are in clear in the variables of the job.
    for name in SURVEYS:
        for question in read(name)["spec"]:
            secret = question["variable"] == "logpush_destination_conf"
            assert (question["type"] == "password") == secret


@pytest.mark.parametrize(
    ("survey", "playbook"),
    [("survey.json", "push_logs.yml"), ("survey_prove_ownership.json", "prove_ownership.yml")],
)
def test_a_survey_asks_for_what_the_playbook_takes(survey: str, playbook: str) -> None:
    text = (ROOT / "playbooks" / playbook).read_text(encoding="utf-8")
    for question in read(survey)["spec"]:
        name = question["variable"]
        assert re.search(rf"\b{name} \| default\(|'{name}'", text), name


def test_the_survey_has_the_limits_of_the_module() -> None:
    questions = {question["variable"]: question for question in awx.SURVEY["spec"]}
    at_once = questions["cloudflare_concurrency"]
    assert (at_once["min"], at_once["max"]) == (1, _arguments.MOST_AT_ONCE)
    assert at_once["default"] == _arguments.CONCURRENCY["concurrency"]["default"]


def test_awx_finds_the_playbooks_in_the_project() -> None:
    found = {
        path.name
        for path in PROJECT.glob("*.yml")
        if PLAYBOOK.search(path.read_text(encoding="utf-8"))
    }
    shipped = {path.name for path in (ROOT / "playbooks").glob("*.yml")}
    assert found == {"after_push_logs.yml", *shipped}


def run_fifths(tower: Tower, world: World, inventory: awx.Inventory) -> list[awx.Outcome]:
    """Run the five slices of an inventory, one after another, where no job exists."""
    world.control("DELETE", "jobs")
    world.control("PUT", "rate_policy", {"quota": None})
    fifths = []
    for number in range(1, 6):
        job = tower.job()
        job.prepare(awx.sliced(inventory, number, 5), awx.survey_answers())
        job.start_playbook("push_logs.yml")
        fifths.append(job.wait())
    return fifths


@pytest.mark.explore
def test_slices_come_to_the_same_as_one_run(tower: Tower, world: World) -> None:
    world.control("POST", "zones", [*ZONES, *SHOP])
    inventory = tower.job().update_inventory("zones.cloudflare.yml")
    count = len(world.control("GET", "zones"))
    assert len(inventory["_meta"]["hostvars"]) == count

    whole = tower.job()
    whole.prepare(awx.sliced(inventory), awx.survey_answers(), "-vvvv")
    unsliced = whole.run("push_logs.yml")
    assert unsliced.status == "successful", unsliced.printed
    made_of = count + len(SHOP)
    nothing_else = {"updated": 0, "deleted": 0, "unchanged": 0, "pruned": 0, "failed": 0}
    sums = {"total": made_of, "created": made_of, **nothing_else, "check_mode": 0}
    assert added([unsliced]) == sums
    wanted = made(world)
    assert len(wanted) == count + len(SHOP)
    by_name = {
        name: [job for job in wanted if job["name"] == name]
        for name in ("http-to-s3", "firewall-to-r2")
    }
    assert [len(each) for each in by_name.values()] == [count, len(SHOP)]

    # Two at the same time, below a limit that each of them could use up alone.
    world.control("DELETE", "jobs")
    world.control("DELETE", "requests")
    world.control("PUT", "rate_policy", RATE_POLICY)
    answers = awx.survey_answers(cloudflare_rate_limit_share="0.5", cloudflare_concurrency=2)
    both = [tower.job() for _each in range(2)]
    for number, job in enumerate(both, 1):
        job.prepare(awx.sliced(inventory, number, 2), answers)
        job.start_playbook("push_logs.yml")
    halves = [job.wait() for job in both]
    assert [each.status for each in halves] == ["successful"] * 2
    assert made(world) == wanted
    assert added(halves) == added([unsliced])
    statuses = [request["status"] for request in world.requests()]
    assert len(statuses) > RATE_POLICY["quota"]
    assert 429 not in statuses
    for options in options_given(halves[0], "logpush_jobs"):
        assert (options["rate_limit_share"], options["concurrency"]) == (0.5, 2)

    # Five, one after the other.
    fifths = run_fifths(tower, world, inventory) if EXPLORED else []
    if fifths:
        assert made(world) == wanted
        assert added(fifths) == added([unsliced])

    next_node = tower.job()
    next_node.prepare(awx.sliced(inventory), unsliced.artifacts)
    told = next_node.run("after_push_logs.yml")
    assert told.status == "successful", told.printed
    assert (
        f"{len(wanted)} created, 0 updated, 0 deleted, 0 pruned, 0 unchanged, 0 failed"
        in told.printed
    )
    tower.assert_no_secret(unsliced, *halves, *fifths, told)


@pytest.mark.explore
def test_a_proof_with_the_global_key(tower: Tower, world: World) -> None:
    job = tower.job(tower.key)
    variables = {"logpush_zone_id": world.zone_id, "logpush_destination_conf": world.destination}
    job.prepare(NO_HOSTS, variables, "-vvvv")
    outcome = job.run("prove_ownership.yml")
    assert outcome.status == "successful", outcome.printed
    assert [each["credential"] for each in world.requests()] == ["key"] * 2
    tower.assert_no_secret(outcome)


def test_a_report(tower: Tower, world: World) -> None:
    world.control("POST", "jobs", {"name": "http-to-s3", "destination_conf": world.destination})
    job = tower.job()
    job.prepare(NO_HOSTS, {"logpush_report_scopes": [{"zone_id": world.zone_id}]})
    outcome = job.run("report.yml")
    assert outcome.status == "successful", outcome.printed
    assert "http-to-s3" in outcome.printed
    assert not [request for request in world.requests() if request["writes"]]
    tower.assert_no_secret(outcome)


@pytest.mark.parametrize(
    ("artifacts", "says"),
    [
        ({}, "push_logs_summary is not set"),
        pytest.param(
            {"push_logs_summary": {"reason": "no host matches"}},
            "not reconciled: no host matches",
            marks=pytest.mark.explore,
        ),
        pytest.param(
            {"push_logs_summary": {**SUMMARY, "failed": 2}},
            "2 of 3 Logpush jobs failed",
            marks=pytest.mark.explore,
        ),
        # That of the first slice, where another one failed.
        ({"push_logs_summary": SUMMARY, "after_push_logs_failed": True}, "another one failed"),
    ],
)
def test_a_node_after_a_failure_fails_and_says_why(
    tower: Tower, artifacts: dict[str, t.Any], says: str
) -> None:
    job = tower.job()
    job.prepare(NO_HOSTS, artifacts)
    outcome = job.run("after_push_logs.yml")
    assert outcome.status == "failed"
    assert says in " ".join(outcome.printed.split())


def test_a_failure_reaches_the_next_node(tower: Tower, world: World) -> None:
    job = tower.job()
    entry = {
        "zone_id": world.zone_id,
        "name": "x",
        "destination_conf": "s3://no-such-bucket/x?region=us-east-1",
    }
    job.prepare(NO_HOSTS, {"logpush_jobs": [entry]})
    job.start_playbook("push_logs.yml")
    outcome = job.wait()
    assert outcome.status == "failed", outcome.printed
    assert outcome.artifacts["push_logs_summary"]["failed"] == 1
    tower.assert_no_secret(outcome)
    # The event of the host, which is all that AWX shows of it, has the reason.
    (last,) = [
        each["event_data"]["res"]["msg"]
        for each in outcome.events
        if each["event"] == "runner_on_failed" and not each["event_data"].get("ignore_errors")
    ]
    assert "1 of 1 jobs failed: x (" in last
    assert "Cloudflare wrote no challenge file" in last
    # The runner writes down what it runs, with the environment, on the node and in what it sends.
    token = tower.token["api_token"].encode()
    for folder in (job.node, job.folder):
        files = [path for path in folder.rglob("*") if path.is_file()]
        with_token = [path for path in files if token in path.read_bytes()]
        assert with_token == [folder / "artifacts" / "1" / "command"]
