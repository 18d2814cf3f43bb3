# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones of accounts as hosts, as Ansible's own programs see them."""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from pathlib import Path

import pytest
import yaml

from e2e import untrusted_text, zone_server
from e2e.playbooks import Run, World
from e2e.warm_ansible import Runner

COUNT = 2000
# For what does not depend on how many there are.
FEW = 120
PER_PAGE = 50
# Those that the sandbox always has.
OWN = 2
PLAIN = {"plugin": "edgeops.cloudflare.zones"}
# Else Ansible goes on without the hosts.
MUST_PARSE = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
# The least of a play that does something for each zone.
PLAY = """\
- name: Look at the jobs of each zone
  hosts: all
  gather_facts: false
  tasks:
    - name: List them
      edgeops.cloudflare.logpush_job_info:
        zone_id: "{{ zone_id }}"
"""


@pytest.fixture(name="zones")
def fixture_zones(world: World) -> list[dict[str, t.Any]]:
    """Make some pages of zones, and return all that there are."""
    world.control("POST", "zones", {"count": FEW})
    return list(world.control("GET", "zones"))


@pytest.fixture(name="source")
def fixture_source(tmp_path: Path) -> Path:
    """Return a file that lists all zones."""
    return write(tmp_path / "zones.cloudflare.yml")


def write(path: Path, **options: t.Any) -> Path:
    """Write a file of the plugin."""
    path.write_text(yaml.safe_dump({**PLAIN, **options}), encoding="utf-8")
    return path


def show(world: World, source: Path, *arguments: str, **environment: str) -> Run:
    """Run ``ansible-inventory``, as loud as it gets; no secret may be seen."""
    command = ("ansible-inventory", "-i", str(source), "-vvvv", *arguments)
    run = world.execute(*command, environment={**MUST_PARSE, **environment})
    logged = world.log.read_text(encoding="utf-8")
    for text in (run.output, logged):
        assert not [secret for secret in run.secrets() if secret in text]
    return run


def listed(run: Run) -> dict[str, t.Any]:
    """Return what ``--list`` prints, which follows other output."""
    assert run.status == 0, run.output
    start = run.output.index("\n{\n") + 1
    content, _end = json.JSONDecoder().raw_decode(run.output, start)
    return dict(content)


def pages(world: World) -> list[str]:
    """Return the requests for zones."""
    return [each["path"] for each in world.requests() if each["path"].endswith("/zones")]


def test_two_thousand_zones(world: World, source: Path) -> None:
    world.control("POST", "zones", {"count": COUNT})
    zones = world.control("GET", "zones")
    content = listed(show(world, source, "--list"))
    hosts = content["_meta"]["hostvars"]
    assert len(hosts) == len(zones) == COUNT + OWN
    # Whatever comes from Cloudflare is marked as not to be evaluated.
    seen = {(each["zone_id"]["__ansible_unsafe"], name) for name, each in hosts.items()}
    assert seen == {(zone["id"], zone["name"]) for zone in zones}
    assert len(pages(world)) == -(-len(zones) // PER_PAGE)
    statuses = Counter(zone["status"] for zone in zones)
    plans = Counter(zone["plan"]["legacy_id"] for zone in zones)
    expected = {f"status_{name}": count for name, count in statuses.items()}
    expected.update({f"plan_{name}": count for name, count in plans.items()})
    expected["account_Sandbox"] = len(zones)
    groups = {name: len(group.get("hosts", ())) for name, group in content.items()}
    assert {name: groups[name] for name in expected} == expected


def test_the_graph_of_some(world: World, zones: list[dict[str, t.Any]], tmp_path: Path) -> None:
    source = write(
        tmp_path / "some.cloudflare.yml",
        account_ids=[world.environment["SANDBOX_ACCOUNT_ID"]],
        statuses=["pending", "moved"],
        plans=["enterprise"],
        hostname="id",
    )
    run = show(world, source, "--graph")
    assert run.status == 0, run.output
    wanted = [
        zone["id"]
        for zone in zones
        if zone["status"] in ("pending", "moved") and zone["plan"]["legacy_id"] == "enterprise"
    ]
    assert 0 < len(wanted) < len(zones)
    assert "@status_pending:" in run.output
    assert all(f"|--{each}" in run.output for each in wanted)
    others = {zone["id"] for zone in zones} - set(wanted)
    assert not [each for each in others if each in run.output]


def test_the_cache(world: World, zones: list[dict[str, t.Any]], tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    source = write(
        tmp_path / "zones.cloudflare.yml",
        cache=True,
        cache_plugin="ansible.builtin.jsonfile",
        cache_connection=str(folder),
    )
    first = listed(show(world, source, "--list"))
    assert len(first["_meta"]["hostvars"]) == len(zones)
    world.control("DELETE", "requests")
    second = show(world, source, "--list")
    assert listed(second) == first
    assert pages(world) == []
    (cached,) = folder.iterdir()
    text = cached.read_text(encoding="utf-8")
    assert zones[0]["id"] in text
    assert not [secret for secret in second.secrets() if secret in text]


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        ({}, {"CLOUDFLARE_API_TOKEN": "WrongTokenWrongTokenWrongTokenWrongToken"}, "HTTP 403"),
        ({"api_token": "{{ nothing_like_it }}"}, {}, "api_token: the value cannot be resolved"),
        pytest.param(
            {"account_id": "x"},
            {},
            "account_id: is not an option of edgeops.cloudflare.zones",
            marks=pytest.mark.explore,
        ),
    ],
)
def test_a_source_that_cannot_be_read(
    world: World,
    tmp_path: Path,
    options: dict[str, t.Any],
    environment: dict[str, str],
    said: str,
) -> None:
    source = write(tmp_path / "zones.cloudflare.yml", **options)
    run = show(world, source, "--list", **environment)
    assert run.status != 0
    assert said in " ".join(run.output.split())
    assert "WrongToken" not in run.output
    assert "Traceback" not in run.output


def test_a_credential_in_the_file_is_not_shown(world: World, tmp_path: Path) -> None:
    # The right one, and a server that quotes it.
    token = world.environment["CLOUDFLARE_API_TOKEN"]
    refusal = {"success": False, "errors": [{"code": 1, "message": f"no: {token}"}]}
    fault = {"method": "GET", "path": "zones$", "status": 400, "body": refusal, "times": -1}
    world.control("POST", "faults", fault)
    source = write(tmp_path / "zones.cloudflare.yml", api_token=token)
    run = show(world, source, "--list")
    assert run.status != 0
    assert "HTTP 400: no: ***" in " ".join(run.output.split())


def test_a_play_for_each_zone(world: World, source: Path, tmp_path: Path) -> None:
    made = world.control("POST", "zones", {"count": 5})
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY, encoding="utf-8")
    limit = ("--limit", f"{made[0]['name']},{made[3]['name']}")
    command = ("ansible-playbook", "-i", str(source), str(playbook), "-vvvv", *limit)
    run = world.execute(*command, environment=MUST_PARSE)
    assert run.status == 0, run.output
    run.assert_no_secret()
    asked = [each["path"] for each in world.requests() if each["path"].endswith("/jobs")]
    assert sorted(path.split("/")[-3] for path in asked) == sorted((made[0]["id"], made[3]["id"]))


def vaulted(ansible: Runner, folder: Path, **options: str) -> Path:
    """Write a file of the plugin with encrypted options, and the credentials as lines."""
    password = folder / "password"
    password.write_text("password of the vault", encoding="utf-8")
    command = ["ansible-vault", "encrypt_string", "--vault-password-file", str(password)]
    command += [word for name in options for word in ("--name", name)]
    for name, value in options.items():
        command.append(f"{value}\n" if name.startswith(("api_", "base_")) else value)
    # What encrypt_string says to the user is not YAML.
    encrypted = zone_server.run(ansible, command).replace("Encryption successful", "")
    path = folder / "vaulted.cloudflare.yml"
    path.write_text(f"plugin: {PLAIN['plugin']}\n{encrypted}", encoding="utf-8")
    return path


BY_TOKEN = {"api_token": zone_server.TOKEN, "timeout": "20", "names": "ordinary.example"}
BY_KEY = {"api_email": "someone@example.com", "api_key": "c2547eb745079dac9320b638f5e225cf4"}


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        (BY_TOKEN, {"Authorization": f"Bearer {zone_server.TOKEN}"}),
        pytest.param(
            BY_KEY,
            {"X-Auth-Email": BY_KEY["api_email"], "X-Auth-Key": BY_KEY["api_key"]},
            marks=pytest.mark.explore,
        ),
    ],
)
def test_vaulted_options(
    ansible: Runner, tmp_path: Path, options: dict[str, str], headers: dict[str, str]
) -> None:
    with zone_server.zone_server([untrusted_text.ordinary_zone()]) as server:
        source = vaulted(ansible, tmp_path, base_url=server.base_url, **options)
        command = ("ansible-inventory", "-i", str(source), "--graph", "-vvvv")
        password = ("--vault-password-file", str(tmp_path / "password"))
        graph = zone_server.run(ansible, (*command, *password))
        without_password = zone_server.run(ansible, command)
    assert "|--ordinary.example" in graph
    (sent,) = server.requested
    assert headers.items() <= sent.items()
    assert "cannot be resolved" in " ".join(without_password.split())
    for secret in headers.values():
        assert secret.split()[-1] not in graph + without_password
