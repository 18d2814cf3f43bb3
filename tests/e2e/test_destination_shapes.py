# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Destinations in use: each is refused for a certain mistake, or is created, kept and edited."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_job
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import run_module
from sandbox.api import BASE, create_app
from sandbox.http_server import Server
from sandbox.world import World

SHARED = Path(__file__).parents[1] / "unit" / "plugins" / "destinations.tsv"
LINES = SHARED.read_text(encoding="utf-8").splitlines()
SHAPES = dict(line.split("\t")[:2] for line in LINES if not line.startswith("#"))
MISTAKES = ["s3-no-region", "azure-double-q", "azure-sas-param", "worker-double-question"]
GOOD = [name for name in SHAPES if name not in MISTAKES]
MAY_FAIL = ["do-bucket-host", "r2-no-keys"]


class Zone:
    """A zone of a sandbox that writes into no store."""

    def __init__(self) -> None:
        self.world = World(stores={})
        self.server = Server("127.0.0.1")
        self.server.answer(create_app(self.world))

    def keep(self, destination: str, *, check_mode: bool = False) -> dict[str, t.Any]:
        """Reconcile the job of this destination."""
        claims = self.world.issuer.claims("zone", self.world.zone_id, destination)
        options = {
            "base_url": f"http://127.0.0.1:{self.server.port}{BASE}",
            "api_token": self.world.credentials.token,
            "zone_id": self.world.zone_id,
            "name": "shape",
            "destination_conf": destination,
            "ownership_challenge": self.world.issuer.mint(claims),
        }
        return run_module(logpush_job.main, options, check_mode=check_mode, diff=True)

    def sent(self, method: str) -> list[str]:
        """Return the destinations in the requests of a method."""
        recorded = self.world.recorder.shown()
        bodies = [request["body"] for request in recorded if request["method"] == method]
        return [body["destination_conf"] for body in bodies]


@pytest.fixture(scope="module", name="sandbox_zone")
def fixture_sandbox_zone() -> t.Iterator[Zone]:
    """Start one sandbox for all shapes."""
    zone = Zone()
    yield zone
    zone.server.stop()


@pytest.fixture(name="zone")
def fixture_zone(sandbox_zone: Zone) -> Zone:
    """Return a zone without jobs."""
    sandbox_zone.world.reset()
    return sandbox_zone


def test_all_shapes_are_there() -> None:
    assert (len(GOOD), len(MISTAKES)) == (41, 4)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_certain_mistake_is_rejected_before_anything_is_sent(zone: Zone, name: str) -> None:
    result = zone.keep(SHAPES[name])
    assert result["failed"] is True
    assert result["msg"].startswith("destination_conf")
    assert zone.world.recorder.shown() == []


@pytest.mark.parametrize("name", GOOD)
def test_each_edit_of_a_destination_is_one_request(zone: Zone, name: str) -> None:
    first, second = SHAPES[name], SHAPES[name] + "x"
    results = [zone.keep(each) for each in (first, first, second, second, first)]
    results.append(zone.keep(second, check_mode=True))
    assert [result.get("action") for result in results] == [
        *("created", "none", "updated", "none", "updated", "updated")
    ], results
    assert (zone.sent("POST"), zone.sent("PUT")) == ([first], [second, first])
    assert bool(results[0].get("warnings")) is (name in MAY_FAIL)
    for result in results:
        assert (result["not_compared"], result["not_applied"]) == ([], [])
        # Where a destination is nothing but a host, it is shown.
        assert "?" not in first or first not in json.dumps(result)
