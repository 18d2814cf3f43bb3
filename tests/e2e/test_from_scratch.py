# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples that create the bucket too (docs/examples), and the page that shows them."""

from __future__ import annotations

import json
import os
import re
import shutil
import typing as t
import urllib.parse
from pathlib import Path

import boto3
import pytest
import requests
import yaml
from moto.server import ThreadedMotoServer

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ACCOUNT, ZONE
from e2e import kv_server, tls_proxy
from e2e.conftest import EXPLORED
from e2e.playbooks import Run, World
from sandbox.store import client

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "from-scratch.md"
BUCKET = "edge-logs-of-example-com"
LOGPUSH_USER = "arn:aws:iam::391854517948:user/cloudflare-logpush"
R2_ENDPOINT = "https://{{ account_id }}.r2.cloudflarestorage.com"
# Characters that have to be percent-encoded in a destination.
R2_KEYS = {"key": "0123456789abcdef0123456789abcdef", "secret": "a/secret+access/key=0123456789"}
GCLOUD = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$GCLOUD_LOG"
"""


def copy_of_examples(world: World, folder: Path, bucket: str, **changes: str) -> Path:
    """Return a copy of the examples with the ids of the sandbox, and a bucket of their own."""
    own = {ZONE: world.zone_id, ACCOUNT: world.environment["SANDBOX_ACCOUNT_ID"], BUCKET: bucket}
    copy = folder / "examples"
    shutil.copytree(EXAMPLES, copy)
    for path in copy.rglob("*.yml"):
        text = path.read_text(encoding="utf-8")
        for documented, replacement in {**own, **changes}.items():
            text = text.replace(documented, replacement)
        path.write_text(text, encoding="utf-8")
    return copy


def s3_of(world: World) -> t.Any:
    """Return a client of the S3 server."""
    env = world.environment
    keys = (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    return client("s3", env["AWS_ENDPOINT_URL_S3"], *keys)


def destination_of(world: World, name: str) -> str:
    """Return the destination of the only job, which has this name."""
    (job,) = world.jobs()
    assert job["name"] == name
    return str(job["destination_conf"])


def assert_no_op(run: Run) -> None:
    """Check that a second run succeeded and wrote nothing to the API."""
    assert run.status == 0, run.output
    assert (run.changed, run.writes) == (0, [])


def test_s3(world: World, tmp_path: Path) -> None:
    bucket = "from-scratch-s3"
    playbook = str(copy_of_examples(world, tmp_path, bucket) / "s3.yml")
    first = world.run(playbook=playbook)
    assert first.status == 0, first.output
    assert first.changed == 2
    expected = f"s3://{bucket}/http/{{DATE}}?region=us-east-1"
    assert destination_of(world, "http-to-s3") == expected
    (statement,) = json.loads(s3_of(world).get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert LOGPUSH_USER in json.dumps(statement["Principal"])
    assert statement["Resource"] in (
        f"arn:aws:s3:::{bucket}/http/*",
        [f"arn:aws:s3:::{bucket}/http/*"],
    )

    world.control("DELETE", "requests")
    assert_no_op(world.run(playbook=playbook))


def test_r2_with_keys_in_a_vault(world: World, tmp_path: Path) -> None:
    bucket = "from-scratch-r2"
    env = world.environment
    changes = {R2_ENDPOINT: env["AWS_ENDPOINT_URL_S3"]}
    examples = copy_of_examples(world, tmp_path, bucket, **changes)
    password = tmp_path / "password"
    password.write_text("password of the vault", encoding="utf-8")
    keys = examples / "r2_keys.yml"
    names = {"r2_key": env["AWS_ACCESS_KEY_ID"], "r2_secret": env["AWS_SECRET_ACCESS_KEY"]}
    assert yaml.safe_load(keys.read_text(encoding="utf-8")).keys() == names.keys()
    keys.write_text(yaml.safe_dump(names), encoding="utf-8")
    vault = ("--vault-password-file", str(password))
    assert world.execute("ansible-vault", "encrypt", *vault, str(keys)).status == 0
    assert keys.read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT")

    first = world.run(*vault, playbook=str(examples / "r2.yml"))
    assert first.status == 0, first.output
    assert s3_of(world).head_bucket(Bucket=bucket)
    destination = destination_of(world, "http-to-r2")
    assert destination.startswith(
        f"r2://{bucket}/http/{{DATE}}?account-id={env['SANDBOX_ACCOUNT_ID']}"
    )
    if EXPLORED:
        world.control("DELETE", "requests")
        assert_no_op(world.run(*vault, playbook=str(examples / "r2.yml")))


def test_gcs(world: World, tmp_path: Path) -> None:
    bucket = "from-scratch-gcs"
    playbook = str(copy_of_examples(world, tmp_path, bucket) / "gcs.yml")
    gcloud = tmp_path / "gcloud"
    gcloud.write_text(GCLOUD, encoding="utf-8")
    gcloud.chmod(0o755)
    log = tmp_path / "gcloud.log"
    api = world.environment["SANDBOX_GCS_ENDPOINT"]
    with tls_proxy.leading_to(api, tmp_path) as (environment, hosts):
        environment["GCLOUD_LOG"] = str(log)
        environment["PATH"] = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
        first = world.run(playbook=playbook, environment=environment)
        assert first.status == 0, first.output
        assert set(hosts) == {"storage.googleapis.com"}
    assert requests.get(f"{api}/storage/v1/b/{bucket}", timeout=30).json()["name"] == bucket
    assert destination_of(world, "http-to-gcs") == f"gs://{bucket}/http/{{DATE}}"
    (granted,) = log.read_text(encoding="utf-8").splitlines()
    assert granted.startswith(f"storage buckets add-iam-policy-binding gs://{bucket} --member=")


def test_secrets_manager(world: World, tmp_path: Path) -> None:
    examples = copy_of_examples(world, tmp_path, BUCKET)
    token = world.environment["CLOUDFLARE_API_TOKEN"]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        store = boto3.client(
            "secretsmanager",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        store.create_secret(Name="logpush/r2", SecretString=json.dumps(R2_KEYS))
        store.create_secret(Name="logpush/api_token", SecretString=token)
        environment = {"AWS_URL": url, "CLOUDFLARE_API_TOKEN": "token-that-is-not-used"}
        run = world.run(playbook=str(examples / "secrets_manager.yml"), environment=environment)
    finally:
        server.stop()
    assert_has_r2_keys(world, run, "http-to-r2-with-keys-from-secrets-manager")


def test_hashi_vault(world: World, tmp_path: Path) -> None:
    examples = copy_of_examples(world, tmp_path, BUCKET)
    secrets = {
        "logpush/r2": R2_KEYS,
        "logpush/cloudflare": {"api_token": world.environment["CLOUDFLARE_API_TOKEN"]},
    }
    with kv_server.vault_server(secrets) as vault:
        environment = {**vault.environment, "CLOUDFLARE_API_TOKEN": "token-that-is-not-used"}
        run = world.run(playbook=str(examples / "hashi_vault.yml"), environment=environment)
        assert_has_r2_keys(world, run, "http-to-r2-with-keys-from-vault")
        assert set(vault.requested) == {f"/v1/secret/data/{path}" for path in secrets}

        environment["VAULT_TOKEN"] = "token-that-vault-rejects"
        rejected = world.run(playbook=str(examples / "hashi_vault.yml"), environment=environment)
    assert rejected.status != 0
    assert "Forbidden: Permission Denied to path" in rejected.output


def assert_has_r2_keys(world: World, run: Run, name: str) -> None:
    """Check that the only job has the keys in its destination, and the output has not."""
    assert run.status == 0, run.output
    parameters = urllib.parse.parse_qs(urllib.parse.urlsplit(destination_of(world, name)).query)
    assert parameters["access-key-id"] == [R2_KEYS["key"]]
    assert parameters["secret-access-key"] == [R2_KEYS["secret"]]
    assert R2_KEYS["secret"] not in run.output


def test_fleet(world: World, tmp_path: Path) -> None:
    fleet = copy_of_examples(world, tmp_path, BUCKET) / "fleet"
    zones = [("shop.example.org", "enterprise"), ("blog.example.org", "free")]
    world.control("POST", "zones", [{"name": name, "plan": plan} for name, plan in zones])
    source = ("-i", str(fleet / "zones.cloudflare.yml"))
    run = world.run(*source, playbook=str(fleet / "push_logs.yml"))
    assert run.status == 0, run.output
    options = {job["destination_conf"].split("/")[3]: job["output_options"] for job in world.jobs()}
    active = [zone for zone in world.control("GET", "zones") if zone["status"] == "active"]
    assert options.keys() == {zone["name"] for zone in active}
    assert options["blog.example.org"]["sample_rate"] == 0.1
    assert "WAFAttackScore" not in options["blog.example.org"]["field_names"]
    assert options["shop.example.org"].get("sample_rate", 1) == 1
    assert "WAFAttackScore" in options["shop.example.org"]["field_names"]
    if EXPLORED:
        world.control("DELETE", "requests")
        assert_no_op(world.run(*source, playbook=str(fleet / "push_logs.yml")))


def blocks() -> dict[str, str]:
    """Return the YAML blocks of the page, by the file that the line above each names."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(
        r"\[`?([\w/.]+)`?\]\(examples/([\w/.]+)\):?\n\n```yaml\n(.*?)^```", text, re.S | re.M
    )
    assert len(found) == text.count("```yaml")
    assert all(shown == linked for shown, linked, _block in found)
    return {linked: block for _shown, linked, block in found}


@pytest.mark.parametrize(
    "name", sorted(str(p.relative_to(EXAMPLES)) for p in EXAMPLES.rglob("*.yml"))
)
def test_page_shows_each_example(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    header, _blank, content = text.partition("\n\n")
    assert "SPDX-License-Identifier" in header
    assert blocks()[name] == content
