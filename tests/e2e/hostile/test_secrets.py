# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is in anything that is printed, logged or written, whatever comes of a run.

Every module and every playbook, in success and in failure, as loud as Ansible gets.
"""

from __future__ import annotations

import base64
import importlib
import json
import socket
import typing as t
import urllib.parse
from pathlib import Path

import jinja2
import pytest

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import run_module
from e2e.conftest import EXPLORED
from e2e.hostile.conftest import Count
from e2e.hostile.secrets_plays import (
    COLLECTION,
    JOBS,
    QUOTES,
    SAYS_NO,
    Scenery,
    play_of_all_modules,
)
from e2e.hostile.secrets_runs import Inputs, Place, Result
from e2e.hostile.secrets_search import Secrets
from e2e.playbooks import PROVE_OWNERSHIP, PUSH_LOGS, World
from e2e.test_report import REPORT
from sandbox.server import STRAY, Sandbox

# A callback that prints all there is, and what AWX runs jobs with, where it makes events of what
# Ansible's own callback prints.
JSON = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
YAML = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}
RUNNER = "ansible-runner"
# Of the play with every module: the kinds of destinations, and every how many failures.
KINDS_IN_SAMPLE = 3
EVERY = 5
EXPLORE = pytest.mark.explore
WAYS = {"yaml": YAML, "json": JSON, RUNNER: YAML}


class Stage:
    """A prepared sandbox, a folder to run in, and the secrets that no output may contain."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.secrets = Secrets()
        self.scenery = Scenery(world, self.secrets)
        env = world.environment
        self.secrets.add("the key of the store", env["AWS_SECRET_ACCESS_KEY"])
        self.place = Place(folder, env)

    @property
    def variables(self) -> dict[str, str]:
        """What the plays are given."""
        return self.scenery.variables

    def run(self, way: str, playbook: str, inputs: Inputs) -> Result:
        """Run a playbook in one of the ways."""
        play = self.place.play_by_runner if way == RUNNER else self.place.play
        result = play(playbook, inputs, **WAYS[way])
        assert any("/job_events/" in name for name in result.outputs) is (way == RUNNER)
        # Or else nothing would have been looked at.
        written = {Path(name).name: content for name, content in result.outputs.items()}
        assert (b'"plays": [' if way == "json" else b"TASK [") in written["ansible.log"]
        assert b"Invoked with" in written["syslog"]
        return result

    def search(self, result: Result, count: Count) -> None:
        """Look for all secrets in all outputs."""
        found = self.secrets.found_in(result.outputs)
        assert not found, "\n".join(found)
        count("outputs searched for secrets", len(result.outputs))
        count("secrets searched for in each output", len(self.secrets.plain))


@pytest.fixture(name="stage")
def fixture_stage(world: World, tmp_path: Path) -> Stage:
    """Return a stage on which nothing has happened yet."""
    return Stage(world, tmp_path)


def ignored(result: Result, way: str) -> int:
    """Return how many tasks failed and were to fail; fail where another one did."""
    if way != "json":
        assert result.counted("failed") == 0, result.printed
        return result.counted("ignored")
    # Other lines stand before the one JSON text, and may stand behind it.
    text = result.printed[result.printed.index("\n{\n") :]
    whole, _end = json.JSONDecoder().raw_decode(text.lstrip())
    stats: dict[str, int] = whole["stats"]["localhost"]
    assert stats["failures"] == 0, result.printed
    return stats["ignored"]


@EXPLORE
@pytest.mark.parametrize("way", ["json", RUNNER] if EXPLORED else [RUNNER])
def test_every_module_in_success_and_in_failure(stage: Stage, count: Count, way: str) -> None:
    kinds = list(stage.scenery.unproved)
    play = play_of_all_modules(kinds)
    if not EXPLORED:
        play = play_of_all_modules(kinds[:KINDS_IN_SAMPLE]).sample(EVERY)
    playbook = stage.place.give("play.yml", play.written())
    stage.scenery.play_faults()
    result = stage.run(way, str(playbook), stage.variables)
    assert ignored(result, way) == play.failures
    stage.search(result, count)
    count("tasks run with secrets", len(play.tasks))


def test_every_result_of_every_module(
    stage: Stage, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tasks of the play above, as what the modules return; without Ansible, that is quick."""
    for name in STRAY:
        monkeypatch.delenv(name, raising=False)
    for name, value in stage.world.environment.items():
        monkeypatch.setenv(name, value)
    play = play_of_all_modules(list(stage.scenery.unproved))
    stage.scenery.play_faults()
    resolve = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string
    outputs = {}
    for task in play.tasks:
        ((name, written),) = [each for each in task.items() if each[0].startswith(COLLECTION)]
        try:
            options = json.loads(resolve(json.dumps(written)).render(in_json(stage.variables)))
        except jinja2.UndefinedError:
            # Such a task fails before its module runs.
            continue
        module = importlib.import_module(
            f"ansible_collections.edgeops.cloudflare.plugins.modules.{name.rpartition('.')[2]}"
        )
        result = run_module(module.main, options, diff=True)
        assert result.get("failed", False) is ("ignore_errors" in task), (task, result)
        outputs[f"{task['name']}, {name}"] = json.dumps(result).encode()
    assert len(outputs) == len(play.tasks) - 1
    assert stage.secrets.found_in(outputs) == []
    count("outputs searched for secrets", len(outputs))


def in_json(variables: dict[str, str]) -> dict[str, str]:
    """Return variables as they stand within a JSON string."""
    return {name: json.dumps(value)[1:-1] for name, value in variables.items()}


def push_everything(stage: Stage) -> Inputs:
    """Return a job for each kind of destination that needs no proof, and for one that does."""
    confs = {**stage.scenery.unproved, "s3": stage.variables["s3"]}
    jobs = [
        {"zone_id": stage.world.zone_id, "name": name, "destination_conf": conf}
        for name, conf in confs.items()
    ]
    return {"logpush_jobs": jobs, "logpush_challenge_file": {"remove": True}}


def prove_one(stage: Stage) -> Inputs:
    """Return what the proof of ownership needs."""
    return {
        "logpush_zone_id": stage.world.zone_id,
        "logpush_destination_conf": stage.variables["s3"],
    }


def report_all(stage: Stage) -> Inputs:
    """Return scopes of which one can be read, with jobs that have secrets."""
    for name, conf in stage.scenery.unproved.items():
        # What Cloudflare quotes of a destination that fails.
        broken = {"error_message": f"error writing to {conf}", "last_error": "2026-11-22T14:05:00Z"}
        job = {"name": name, "destination_conf": conf, "enabled": True, **broken}
        stage.world.control("POST", "jobs", job)
    scopes = [{"zone_id": stage.world.zone_id}, {"account_id": stage.world.zone_id[::-1]}]
    page = str(stage.place.written / "page.html")
    return {"logpush_report_scopes": scopes, "logpush_report_path": page}


PLAYBOOKS = {PUSH_LOGS: push_everything, PROVE_OWNERSHIP: prove_one, REPORT: report_all}


def in_failure(stage: Stage, playbook: str, scope: dict[str, str]) -> Inputs:
    """Return the inputs for a scope whose responses are faulty and quote the request."""
    if playbook == REPORT:
        return {**report_all(stage), "logpush_report_scopes": [scope]}
    asked = {**scope, "destination_conf": stage.variables["s3"]}
    if playbook == PROVE_OWNERSHIP:
        return {f"logpush_{name}": value for name, value in asked.items()}
    if QUOTES in scope.values():
        # So that the job itself is sent, and not a request for a challenge alone.
        asked["ownership_challenge"] = stage.variables["challenge"]
    return {"logpush_jobs": [{"name": "s3", **asked}]}


@pytest.mark.parametrize(
    "playbook",
    # test_report.py looks in the page as well, test_prove_ownership.py in the variables.
    [PUSH_LOGS, *(pytest.param(each, marks=EXPLORE) for each in (PROVE_OWNERSHIP, REPORT))],
)
def test_every_playbook_in_success(stage: Stage, count: Count, playbook: str) -> None:
    inputs = PLAYBOOKS[playbook](stage)
    result = stage.run("yaml" if playbook == REPORT else RUNNER, playbook, inputs)
    # One scope of the report is none.
    assert (result.status == 0) is (playbook != REPORT), result.printed
    stage.search(result, count)


FAILURES = [
    (PUSH_LOGS, {"zone_id": SAYS_NO}, RUNNER),
    (PROVE_OWNERSHIP, {"account_id": SAYS_NO}, "json"),
]
MORE_FAILURES = [
    (REPORT, {"account_id": QUOTES}, "yaml"),
    (PUSH_LOGS, {"zone_id": QUOTES}, "json"),
    (PROVE_OWNERSHIP, {"account_id": QUOTES}, RUNNER),
    (REPORT, {"account_id": QUOTES}, RUNNER),
]


@pytest.mark.parametrize(
    ("playbook", "scope", "way"), [*FAILURES, *(MORE_FAILURES if EXPLORED else [])]
)
def test_every_playbook_in_failure(
    stage: Stage, count: Count, playbook: str, scope: dict[str, str], way: str
) -> None:
    inputs = in_failure(stage, playbook, scope)
    stage.scenery.play_faults()
    result = stage.run(way, playbook, inputs)
    assert result.status != 0, result.printed
    stage.search(result, count)


def test_an_unrelated_environment_has_no_effect(
    stage: Stage, sandbox: Sandbox, count: Count
) -> None:
    # A playbook hands its environment to the module, which alone sends requests.
    options = {"jobs": push_everything(stage)["logpush_jobs"][:2]}
    assert stage.place.run_module(JOBS, options).status == 0
    undisturbed = asked(stage.world)
    assert undisturbed
    host = urllib.parse.urlsplit(sandbox.environment["CLOUDFLARE_BASE_URL"]).hostname
    password = stage.secrets.made("the password in .netrc", "")
    netrc = stage.place.written / "home" / ".netrc"
    netrc.write_text(f"machine {host} login me password {password}\n", encoding="utf-8")
    netrc.chmod(0o600)
    stage.world.control("POST", "reset")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        stray = {"CLOUDFLARE_EMAIL": "somebody@example.com", "NO_PROXY": "", "no_proxy": ""}
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            stray.update({name: address, name.upper(): address})
        result = stage.place.run_module(JOBS, options, **stray)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert result.status == 0, result.printed
    assert asked(stage.world) == undisturbed
    outputs = {name: data for name, data in result.outputs.items() if name != str(netrc)}
    assert any(b"Invoked with" in data for data in outputs.values())
    assert stage.secrets.found_in(outputs) == []
    count("outputs searched for secrets", len(outputs))


def asked(world: World) -> list[tuple[t.Any, ...]]:
    """Return what was requested and how it was authenticated, in whichever order it came."""
    asked_for = [
        (each["method"], each["path"], each["body"], each["credential"], each["status"])
        for each in world.requests()
    ]
    return sorted(asked_for, key=json.dumps)


@pytest.mark.parametrize(
    "hide",
    [
        lambda secret: secret,
        lambda secret: urllib.parse.quote(secret, safe=""),
        lambda secret: json.dumps(json.dumps({"a": secret})),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(f"x{secret}".encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"xy{secret}z".encode()).decode(),
        lambda secret: f"{secret[:9]}\\\n      {secret[9:]}",
    ],
    ids=["plain", "encoded", "JSON in JSON", "base64", "shifted", "shifted twice", "folded"],
)
def test_the_search_finds_what_is_there(hide: t.Callable[[str], str]) -> None:
    """Or else all of this would find nothing to complain of."""
    secrets = Secrets()
    secret = secrets.made("the secret")
    secrets.made("another")
    found = secrets.found_in({"here": f"a line\n{hide(secret)} of a log\n".encode(), "there": b""})
    assert found
    assert all(sentence.startswith("the secret is in here: ") for sentence in found)
