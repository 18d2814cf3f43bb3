# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped playbook, run as a user runs it: what it prints, logs and asks for."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import typing as t
import urllib.parse
from pathlib import Path

import pytest
import requests

from sandbox.server import STRAY, Sandbox

COLLECTION = Path(os.environ["COLLECTION"])
ASKS_AND_VALIDATES = ["ownership", "validate"]
# A parameter that nobody knows is taken for a secret, and a percent sign for an encoded one.
DESTINATION_SECRET = "ThisParameterIsASecret%2B42"


class World:
    """A sandbox to run the playbook against."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment = environment
        self.log = log
        self.zone_id = environment["SANDBOX_ZONE_ID"]
        self.destination = environment["SANDBOX_DESTINATION_CONF"] + f"&x={DESTINATION_SECRET}"
        self._control = environment["SANDBOX_CONTROL_URL"]
        self._session = requests.Session()
        self._session.trust_env = False

    def control(self, method: str, path: str, body: object = None) -> t.Any:
        """Tell the sandbox something, or ask it."""
        answer = self._session.request(method, f"{self._control}/{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def requests(self) -> list[dict[str, t.Any]]:
        """Return what was requested."""
        return list(self.control("GET", "requests"))

    def run(
        self,
        *arguments: str,
        inputs: dict[str, t.Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Run:
        """Run the playbook, as loud as it gets, and check what holds of each run."""
        given = {"zone_id": self.zone_id, "destination_conf": self.destination}
        # In a file: at -vvvv Ansible prints its own command line.
        extra_vars = self.log.with_name("inputs.json")
        extra_vars.write_text(json.dumps({**given, **(inputs or {})}), encoding="utf-8")
        env = {name: value for name, value in os.environ.items() if name not in STRAY}
        env.update(self.environment, ANSIBLE_LOG_PATH=str(self.log), **(environment or {}))
        done = subprocess.run(
            [
                "ansible-playbook",
                "edgeops.cloudflare.prove_ownership",
                "-vvvv",
                "--diff",
                *("-e", f"@{extra_vars}"),
                *arguments,
            ],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        run = Run(self, done.returncode, done.stdout + done.stderr, env)
        run.assert_no_secret()
        run.assert_no_warning_of_this_collection()
        return run


class Run(t.NamedTuple):
    """What a run came to."""

    world: World
    status: int
    output: str
    env: dict[str, str]

    @property
    def requested(self) -> list[str]:
        """The requests, each by the last part of its path."""
        return [request["path"].rpartition("/")[2] for request in self.world.requests()]

    def secrets(self) -> set[str]:
        """Return whatever must be seen nowhere, in each form."""
        plain = {
            self.env["CLOUDFLARE_API_TOKEN"],
            self.env["AWS_SECRET_ACCESS_KEY"],
            DESTINATION_SECRET,
        }
        for request in self.world.requests():
            challenge = (request["body"] or {}).get("ownership_challenge")
            plain.update([challenge] if challenge else [])
        forms = set(plain)
        for secret in plain:
            forms.add(urllib.parse.unquote(secret))
            forms.add(urllib.parse.quote(secret, safe=""))
            forms.add(base64.b64encode(secret.encode()).decode().rstrip("="))
        return forms

    def assert_no_secret(self) -> None:
        """Look in what was printed and in what was logged."""
        logged = self.world.log.read_text(encoding="utf-8")
        assert "PLAY RECAP" in logged
        for text in (self.output, logged):
            assert not [secret for secret in self.secrets() if secret in text]

    def assert_no_warning_of_this_collection(self) -> None:
        """Look for warnings that a user could do nothing about."""
        warnings = re.findall(r"\[(?:DEPRECATION )?WARNING\].*", self.output)
        assert not [each for each in warnings if "edgeops" in each or "prove_ownership" in each]


@pytest.fixture(scope="module", name="sandbox")
def fixture_sandbox() -> t.Iterator[Sandbox]:
    """Start one sandbox for all runs."""
    sandbox = Sandbox()
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.stop()


@pytest.fixture(name="world")
def fixture_world(sandbox: Sandbox, tmp_path: Path) -> World:
    """Return a sandbox in which nothing has happened yet."""
    world = World(sandbox.environment, tmp_path / "ansible.log")
    world.control("POST", "reset")
    return world


def test_proves_ownership_and_asks_anew_each_time(world: World) -> None:
    first = world.run()
    assert first.status == 0
    assert first.requested == ASKS_AND_VALIDATES
    filename = re.search(r'"filename": "([^"]+)"', first.output)
    assert filename
    assert '"valid": true' in first.output
    assert re.search(r"changed=1 .*failed=0", first.output)
    second = world.run()
    assert second.status == 0
    assert second.requested == ASKS_AND_VALIDATES * 2
    assert '"valid": true' in second.output


def test_token_that_was_read_is_the_token_that_was_sent(world: World) -> None:
    world.control("POST", "faults", {"file": "padded"})
    assert world.run().status == 0
    asked, validated = world.requests()
    assert validated["body"]["destination_conf"] == asked["body"]["destination_conf"]
    assert validated["body"]["ownership_challenge"].count(".") == 2


def test_in_an_account(world: World) -> None:
    account = world.environment["SANDBOX_ACCOUNT_ID"]
    run = world.run(inputs={"zone_id": None, "account_id": account})
    assert run.status == 0
    assert all(f"/accounts/{account}/" in request["path"] for request in world.requests())


def test_check_mode_requests_nothing(world: World) -> None:
    run = world.run("--check")
    assert run.status == 0
    assert run.requested == []
    assert re.search(r"changed=1 .*failed=0", run.output)


def test_waits_for_a_late_file(world: World) -> None:
    world.control("POST", "faults", {"file": "late", "seconds": 4})
    run = world.run(inputs={"read_challenge_delay": 1})
    assert run.status == 0
    assert "FAILED - RETRYING" in run.output
    assert run.requested == ASKS_AND_VALIDATES


def test_finds_a_file_whose_name_begins_with_the_bucket(world: World) -> None:
    world.control("POST", "faults", {"filename": "with_bucket"})
    run = world.run()
    assert run.status == 0
    assert run.requested == ASKS_AND_VALIDATES


@pytest.mark.parametrize("name", ["as_it_is", "with_bucket"])
def test_waiting_for_a_file_has_an_end(world: World, name: str) -> None:
    fault = {"file": "missing", **({} if name == "as_it_is" else {"filename": name})}
    world.control("POST", "faults", fault)
    run = world.run(inputs={"read_challenge_retries": 1, "read_challenge_delay": 1})
    assert run.status != 0
    assert "could not be read from the bucket edge-logs" in run.output
    assert "does not exist" in run.output
    assert run.requested == ["ownership"]


def test_a_wrong_store_credential_is_told_at_once(world: World) -> None:
    run = world.run(environment={"AWS_SECRET_ACCESS_KEY": "a-wrong-secret-access-key"})
    assert run.status != 0
    assert "SignatureDoesNotMatch" in run.output
    assert "FAILED - RETRYING" not in run.output


def test_credentials_by_options(world: World) -> None:
    secret = world.environment["AWS_SECRET_ACCESS_KEY"]
    run = world.run(
        inputs={
            "cloudflare_api_token": world.environment["CLOUDFLARE_API_TOKEN"],
            "cloudflare_base_url": world.environment["CLOUDFLARE_BASE_URL"],
            "read_challenge_s3_access_key": world.environment["AWS_ACCESS_KEY_ID"],
            "read_challenge_s3_secret_key": secret,
            "read_challenge_s3_endpoint_url": world.environment["AWS_URL"],
        },
        environment={
            "CLOUDFLARE_API_TOKEN": "a-token-of-the-environment",
            "CLOUDFLARE_BASE_URL": "",
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "a-wrong-secret-access-key",
            "AWS_URL": "http://127.0.0.1:1",
        },
    )
    assert run.status == 0
    assert secret not in run.output
    assert world.environment["CLOUDFLARE_API_TOKEN"] not in run.output


def test_a_token_that_cloudflare_refuses(world: World) -> None:
    refusal = {
        "success": False,
        "errors": [{"code": 1002, "message": "Incorrect ownership challenge"}],
    }
    world.control(
        "POST", "faults", {"path": "validate$", "status": 400, "body": refusal, "carry_out": True}
    )
    run = world.run()
    assert run.status != 0
    assert "Cloudflare does not take ownership_challenge as the proof" in run.output


def test_a_wrong_api_token(world: World) -> None:
    run = world.run(environment={"CLOUDFLARE_API_TOKEN": "a-wrong-api-token"})
    assert run.status != 0
    assert "HTTP 403: Authentication error (code 10000)" in run.output


def test_a_missing_collection_is_named(world: World, tmp_path: Path) -> None:
    alone = tmp_path / "ansible_collections" / "edgeops" / "cloudflare"
    for part in ("meta", "playbooks", "plugins", "roles"):
        shutil.copytree(COLLECTION / part, alone / part)
    shutil.copy(COLLECTION / "galaxy.yml", alone)
    run = world.run(environment={"ANSIBLE_COLLECTIONS_PATH": str(tmp_path)})
    assert run.status != 0
    assert "ansible-galaxy collection install amazon.aws" in run.output


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"zone_id": None}, "Set zone_id or account_id, exactly one of them"),
        ({"account_id": "0" * 32}, "Set zone_id or account_id, exactly one of them"),
        ({"zone_id": "example.com"}, "zone_id: has to be 32 hexadecimal digits"),
        ({"destination_conf": None}, "Set destination_conf to the destination"),
        ({"destination_conf": "edge-logs/http"}, "destination_conf: is not a URI"),
        ({"destination_conf": "gs://edge-logs/http"}, "reads challenge files from s3://"),
    ],
)
def test_inputs_are_checked_before_anything_is_asked(
    world: World, inputs: dict[str, t.Any], says: str
) -> None:
    run = world.run(inputs=inputs)
    assert run.status != 0
    assert says in run.output
    assert run.requested == []


def test_a_destination_without_a_challenge_is_said_to_need_none(world: World) -> None:
    run = world.run(inputs={"destination_conf": "r2://edge-logs/http?account-id=a"})
    assert run.status == 0
    assert "Cloudflare asks for no proof of ownership" in run.output
    assert run.requested == []
