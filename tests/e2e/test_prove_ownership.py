# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped playbook: its inputs, its credentials, and what it sends."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from e2e.playbooks import ASKS_AND_VALIDATES, PROVE_OWNERSHIP, World

# For further cases of what another one shows.
EXPLORE = pytest.mark.explore
KEYS = "account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key=NobodyShallSeeThis"


def test_token_that_was_read_is_the_token_that_was_sent(world: World) -> None:
    world.control("POST", "faults", {"file": "padded"})
    assert world.run().status == 0
    asked, validated = world.requests()
    assert validated["body"]["destination_conf"] == asked["body"]["destination_conf"]
    assert validated["body"]["ownership_challenge"].count(".") == 2


@EXPLORE
def test_in_an_account(world: World) -> None:
    account = world.environment["SANDBOX_ACCOUNT_ID"]
    run = world.run(inputs={"logpush_zone_id": None, "logpush_account_id": account})
    assert run.status == 0
    assert all(f"/accounts/{account}/" in request["path"] for request in world.requests())


@EXPLORE
def test_credentials_by_options(world: World) -> None:
    secret = world.environment["AWS_SECRET_ACCESS_KEY"]
    run = world.run(
        inputs={
            "cloudflare_api_token": world.environment["CLOUDFLARE_API_TOKEN"],
            "cloudflare_base_url": world.environment["CLOUDFLARE_BASE_URL"],
            "logpush_challenge_file": {
                "s3": {
                    "access_key": world.environment["AWS_ACCESS_KEY_ID"],
                    "secret_key": secret,
                    "endpoint_url": world.environment["AWS_ENDPOINT_URL_S3"],
                }
            },
        },
        environment={
            "CLOUDFLARE_API_TOKEN": "a-token-of-the-environment",
            "CLOUDFLARE_BASE_URL": "",
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "a-wrong-secret-access-key",
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        },
    )
    assert run.status == 0
    assert secret not in run.output
    assert world.environment["CLOUDFLARE_API_TOKEN"] not in run.output


@EXPLORE
def test_a_wrong_api_token(world: World) -> None:
    run = world.run(environment={"CLOUDFLARE_API_TOKEN": "a-wrong-api-token"})
    assert run.status != 0
    assert "HTTP 403: Authentication error (code 10000)" in run.output


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"logpush_zone_id": None}, "Set exactly one of logpush_zone_id and logpush_account_id"),
        pytest.param(
            {"logpush_account_id": "0" * 32},
            "Set exactly one of logpush_zone_id and logpush_account_id",
            marks=EXPLORE,
        ),
        pytest.param(
            {"logpush_zone_id": "example.com"},
            "zone_id: must be 32 hexadecimal digits",
            marks=EXPLORE,
        ),
        ({"logpush_destination_conf": None}, "logpush_destination_conf is not set"),
        pytest.param(
            {"logpush_destination_conf": "edge-logs/http"},
            "destination_conf: is not a URI",
            marks=EXPLORE,
        ),
        pytest.param(
            {"logpush_destination_conf": "newthing://edge-logs/http"}, "newthing", marks=EXPLORE
        ),
    ],
)
def test_inputs_are_checked_before_anything_is_asked(
    world: World, inputs: dict[str, t.Any], says: str
) -> None:
    run = world.run(inputs=inputs)
    assert run.status != 0
    assert says in run.output
    assert run.requested == []


def test_a_destination_without_a_challenge_is_reported_as_such(world: World) -> None:
    run = world.run(inputs={"logpush_destination_conf": f"r2://edge-logs/http?{KEYS}"})
    assert run.status == 0
    assert "ownership: not required" in run.output
    assert run.requested == []


@EXPLORE
@pytest.mark.parametrize("scheme", ["gs", "azure"])
def test_proves_the_ownership_of_other_stores(world: World, scheme: str) -> None:
    env = world.environment
    name = {"gs": "GCS"}.get(scheme, scheme.upper())
    if f"SANDBOX_{name}_DESTINATION_CONF" not in env:
        pytest.skip(env["SANDBOX_AZURE"])
    reading = {
        "sas_token": env.get("SANDBOX_AZURE_READ_SAS"),
        "endpoint_url": env.get("SANDBOX_AZURE_ENDPOINT"),
    }
    run = world.run(
        inputs={
            "logpush_destination_conf": env[f"SANDBOX_{name}_DESTINATION_CONF"],
            "logpush_challenge_file": {"azure": reading},
        }
    )
    assert run.status == 0, run.output
    assert run.requested == ASKS_AND_VALIDATES


@EXPLORE
def test_waiting_for_a_missing_file_ends_with_the_reason(world: World) -> None:
    world.control("POST", "faults", {"file": "missing", "filename": "with_bucket"})
    run = world.run(inputs={"logpush_challenge_file": {"timeout": 0.1, "delay": 0.1}})
    assert run.status != 0
    assert run.says(r"could not be read from s3://edge-logs: .*timed out after 0\.1 s")
    assert run.requested == ["ownership"]


def test_check_mode_sends_no_request_and_other_variables_are_harmless(world: World) -> None:
    others = {"destination": "x", "scope": "y", "item": "z", "zone_id": "a", "account_id": "b"}
    run = world.run("--check", inputs={**others, "destination_conf": "c", "filename": "d"})
    assert run.status == 0, run.output
    assert run.requested == []
    assert "valid: null" in run.output


def test_an_undefined_variable_is_named_and_no_value_is_shown(world: World) -> None:
    # The common checks look for the secret of the destination.
    destination = world.destination + "{{ no_such_variable }}"
    run = world.run(inputs={"logpush_destination_conf": destination})
    assert run.status != 0
    # Older versions of Ansible show the message in quotes.
    output = run.output.replace("''", "'")
    assert "logpush_destination_conf: 'no_such_variable' is undefined" in output
    assert run.requested == []


def test_no_token_is_in_a_variable_afterwards(world: World, tmp_path: Path) -> None:
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.debug": {"var": "hostvars['localhost']"}}],
    }
    plays = [{"import_playbook": PROVE_OWNERSHIP}, play]
    playbook = tmp_path / "own.yml"
    playbook.write_text(yaml.safe_dump(plays), encoding="utf-8")
    given = {"logpush_destination_conf": world.environment["SANDBOX_DESTINATION_CONF"]}
    run = world.run(playbook=str(playbook), inputs=given)
    assert run.status == 0, run.output
    assert "prove_ownership_challenge" in run.output


@EXPLORE
def test_a_wrong_store_credential_is_reported(world: World) -> None:
    run = world.run(
        inputs={"logpush_challenge_file": {"timeout": 8, "delay": 4}},
        environment={"AWS_SECRET_ACCESS_KEY": "a-wrong-secret-access-key"},
    )
    assert run.status != 0
    assert "SignatureDoesNotMatch" in run.output


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
    assert "Cloudflare rejected the ownership token" in run.output


@EXPLORE
def test_a_second_run_requests_another_challenge(world: World) -> None:
    for times in (1, 2):
        run = world.run()
        assert run.status == 0
        assert run.requested == ASKS_AND_VALIDATES * times
        assert re.search(r"changed=1 .*failed=0", run.output)
