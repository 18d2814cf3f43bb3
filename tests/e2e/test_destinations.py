# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each kind of destination in one run, its challenge read from a real store; and no secret seen."""

from __future__ import annotations

import base64
import typing as t
import urllib.parse

import pytest

from e2e.conftest import EXPLORED
from e2e.playbooks import Run, World

SECRET = "Sec-ret_{}+/=0123456789"


def secret(name: str) -> str:
    """Return the secret of a name, as it stands in a destination."""
    return urllib.parse.quote(SECRET.format(name), safe="")


def keys(name: str) -> str:
    """Return the parameters that are keys, each with a secret of its own."""
    return f"access-key-id={secret(name + 'i')}&secret-access-key={secret(name + 's')}"


# Each destination that needs no proof; the secrets in it are those that `secret` made.
UNPROVED = {
    "r2": f"r2://edge-logs/{{DATE}}?account-id=a&{keys('r2')}",
    "datadog": f"datadog://h.example/v1?header_DD-API-KEY={secret('dd')}&ddsource=cloudflare",
    "splunk": "splunk://h.example:8088/services/collector/raw?insecure-skip-verify=false"
    f"&channel={secret('ch')}&header_Authorization=Splunk%20{secret('sp')}",
    "newrelic": f"https://log-api.newrelic.com/log/v1?Api-Key={secret('nr')}&format=cloudflare",
    "http": f"https://h.example/x?header_Authorization=Basic%20{secret('ht')}&token={secret('tk')}",
    "bq": f"bq://projects/p/datasets/d/tables/t?credentials={secret('bq')}",
    "sentinelone": f"sentinelone://h.example/s?header_Authorization=Bearer%20{secret('s1')}",
    "ibmcl": f"ibmcl://h.example/v1?ibm_api_key={secret('ib')}",
    "kinesis": f"kinesis://s?region=us-east-1&sts-external-id={secret('ki')}&{keys('ki')}",
    "new": f"newthing://h.example/x?anything={secret('new')}",
}


def made_secrets() -> set[str]:
    """Return every secret in the destinations above, as given, decoded and in base64."""
    names = "r2i r2s dd ch sp nr ht tk bq s1 ib ki kii kis new sumo".split()
    plain = {SECRET.format(name) for name in names}
    forms = set(plain)
    for each in plain:
        forms.add(urllib.parse.quote(each, safe=""))
        forms.add(urllib.parse.quote(each))
        forms.add(base64.b64encode(each.encode()).decode().rstrip("="))
    return forms


def assert_no_made_secret(run: Run) -> None:
    """Look in what was printed and in what was logged."""
    logged = run.world.log.read_text(encoding="utf-8")
    for text in (run.output, logged):
        assert not [each for each in made_secrets() if each in text]


def proved(world: World) -> dict[str, dict[str, t.Any]]:
    """Return an entry for each destination that needs a proof, and how it is read."""
    env = world.environment
    sumo = f"sumo://endpoint1.collection.sumologic.com/receiver/v1/http/{secret('sumo')}"
    token = world.control("POST", "tokens", {"destination_conf": sumo})["token"]
    entries: dict[str, dict[str, t.Any]] = {
        "s3": {"destination_conf": world.destination},
        "gs": {"destination_conf": env["SANDBOX_GCS_DESTINATION_CONF"]},
        "sumo": {"destination_conf": sumo, "ownership_challenge": token},
    }
    if "SANDBOX_AZURE_DESTINATION_CONF" in env:
        entries["azure"] = {
            "destination_conf": env["SANDBOX_AZURE_DESTINATION_CONF"],
            "challenge_file": {
                "azure": {
                    "sas_token": env["SANDBOX_AZURE_READ_SAS"],
                    "endpoint_url": env["SANDBOX_AZURE_ENDPOINT"],
                },
            },
        }
    return entries


@pytest.fixture(name="entries")
def fixture_entries(world: World) -> list[dict[str, t.Any]]:
    """Return a job for each destination."""
    env = world.environment
    own = f"&access-key-id={env['AWS_ACCESS_KEY_ID']}&secret-access-key="
    own += urllib.parse.quote(env["AWS_SECRET_ACCESS_KEY"], safe="")
    endpoint = env["AWS_URL"].partition("://")[2]
    unproved = {
        **UNPROVED,
        "s3 with keys": env["SANDBOX_DESTINATION_CONF"] + own,
        "s3-compatible": f"s3://edge-logs/other?region=auto{own}&endpoint={endpoint}",
    }
    entries = {name: {"destination_conf": conf} for name, conf in unproved.items()}
    entries.update(proved(world))
    return [{"zone_id": world.zone_id, "name": name, **entry} for name, entry in entries.items()]


def test_all_destinations_in_one_run(world: World, entries: list[dict[str, t.Any]]) -> None:
    first = world.push(*entries)
    assert first.status == 0, first.output
    stored = {job["name"]: job["destination_conf"] for job in world.jobs()}
    assert stored == {entry["name"]: entry["destination_conf"] for entry in entries}
    # A challenge for exactly those that need one and have none.
    asked = [
        request["body"]["destination_conf"]
        for request in world.requests()
        if request["path"].endswith("/ownership")
    ]
    need = [entry for entry in entries if entry["name"] in ("s3", "gs", "azure")]
    assert sorted(asked) == sorted(entry["destination_conf"] for entry in need)
    assert_no_made_secret(first)

    if EXPLORED:
        world.control("DELETE", "requests")
        second = world.push(*entries)
        assert second.status == 0, second.output
        assert (second.changed, second.writes) == (0, [])
        assert_no_made_secret(second)


@pytest.mark.explore
def test_no_secret_is_seen_where_all_fails(world: World, entries: list[dict[str, t.Any]]) -> None:
    words = {"code": 1002, "message": "error writing to {}".format(UNPROVED["splunk"])}
    refusal = {"success": False, "errors": [words]}
    fault = {"method": "POST", "path": "(jobs|ownership)$", "status": 400, "body": refusal}
    world.control("POST", "faults", {**fault, "times": -1})
    run = world.push(*entries)
    assert run.status != 0
    assert f"{len(entries)} of {len(entries)} jobs failed" in run.output
    assert_no_made_secret(run)


@pytest.mark.parametrize("scheme", ["gs", pytest.param("azure", marks=pytest.mark.explore)])
def test_waits_for_a_file_and_removes_it(world: World, scheme: str) -> None:
    entries = proved(world)
    if scheme not in entries:
        pytest.skip(world.environment["SANDBOX_AZURE"])
    world.control("POST", "faults", {"file": "late", "seconds": 2, "filename": "with_bucket"})
    entry = {"zone_id": world.zone_id, "name": scheme, **entries[scheme]}
    run = world.push(entry, logpush_challenge_file={"remove": True, "delay": 1})
    assert run.status == 0, run.output
    assert run.says(rf"{scheme} +\S+ +created +proved")
    # The sandbox's SAS may read and not delete: a warning, and no failure.
    warnings = " ".join(run.output.partition("[WARNING]")[2].split())
    assert ("was not removed: " in warnings) is (scheme == "azure")


NOT_READ = {
    "gs": "could not be read from gs://",
    "azure": "could not be read from azure://",
    "sumo": "Sumo Logic",
}


def test_challenges_that_cannot_be_read_are_reported(world: World) -> None:
    # A file of an earlier run would be read.
    world.control("PATCH", "settings", {"challenge_file": "unique"})
    world.control("POST", "faults", {"file": "missing", "times": -1})
    entries = [
        {"zone_id": world.zone_id, "name": scheme, **entry}
        for scheme, entry in proved(world).items()
        if scheme in NOT_READ
    ]
    for entry in entries:
        entry.pop("ownership_challenge", None)
    assert len(entries) >= 2
    run = world.push(*entries, logpush_challenge_file={"timeout": 4, "delay": 2})
    assert run.status != 0
    for entry in entries:
        assert run.says(rf"{entry['name']} +\S+ +failed .*{NOT_READ[entry['name']]}")
    assert world.jobs() == []
