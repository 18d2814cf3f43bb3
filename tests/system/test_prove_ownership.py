# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped playbook: its inputs, its credentials, and what it sends."""

from __future__ import annotations

import re
import typing as t

import pytest

from system.playbooks import ASKS_AND_VALIDATES, World

KEYS = "account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key=NobodyShallSeeThis"


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


def test_a_wrong_api_token(world: World) -> None:
    run = world.run(environment={"CLOUDFLARE_API_TOKEN": "a-wrong-api-token"})
    assert run.status != 0
    assert "HTTP 403: Authentication error (code 10000)" in run.output


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"zone_id": None}, "Set zone_id or account_id, exactly one of them"),
        ({"account_id": "0" * 32}, "Set zone_id or account_id, exactly one of them"),
        ({"zone_id": "example.com"}, "zone_id: has to be 32 hexadecimal digits"),
        ({"destination_conf": None}, "Set destination_conf to the destination"),
        ({"destination_conf": "edge-logs/http"}, "destination_conf: is not a URI"),
        ({"destination_conf": "newthing://edge-logs/http"}, "reads challenge files from s3://"),
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
    run = world.run(inputs={"destination_conf": f"r2://edge-logs/http?{KEYS}"})
    assert run.status == 0
    assert "Cloudflare asks for no proof of ownership" in run.output
    assert run.requested == []


@pytest.mark.parametrize("scheme", ["gs", "azure", "sumo"])
def test_proves_the_ownership_of_other_stores(world: World, scheme: str) -> None:
    env = world.environment
    name = {"gs": "GCS"}.get(scheme, scheme.upper())
    if f"SANDBOX_{name}_DESTINATION_CONF" not in env:
        pytest.skip(env["SANDBOX_AZURE"])
    destination = env[f"SANDBOX_{name}_DESTINATION_CONF"]
    token = world.control("POST", "tokens", {"destination_conf": destination})["token"]
    run = world.run(
        inputs={
            "destination_conf": destination,
            "read_challenge_azure_sas": env.get("SANDBOX_AZURE_READ_SAS"),
            "read_challenge_azure_endpoint_url": env.get("SANDBOX_AZURE_ENDPOINT"),
            "read_challenge_sumo_token": token,
        }
    )
    assert run.status == 0, run.output
    assert run.requested == ASKS_AND_VALIDATES


def test_waiting_for_a_file_by_two_names_has_an_end(world: World) -> None:
    world.control("POST", "faults", {"file": "missing", "filename": "with_bucket"})
    run = world.run(inputs={"read_challenge_retries": 1, "read_challenge_delay": 1})
    assert run.status != 0
    assert "could not be read from the bucket edge-logs" in run.output
    assert run.requested == ["ownership"]


def test_waits_for_a_late_file(world: World) -> None:
    world.control("POST", "faults", {"file": "late", "seconds": 4})
    run = world.run(inputs={"read_challenge_delay": 1})
    assert run.status == 0
    assert "FAILED - RETRYING" in run.output
    assert run.requested == ASKS_AND_VALIDATES


def test_a_wrong_store_credential_is_told_at_once(world: World) -> None:
    run = world.run(environment={"AWS_SECRET_ACCESS_KEY": "a-wrong-secret-access-key"})
    assert run.status != 0
    assert "SignatureDoesNotMatch" in run.output
    assert "FAILED - RETRYING" not in run.output


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


def test_a_second_run_asks_anew(world: World) -> None:
    for times in (1, 2):
        run = world.run()
        assert run.status == 0
        assert run.requested == ASKS_AND_VALIDATES * times
        assert re.search(r"changed=1 .*failed=0", run.output)
