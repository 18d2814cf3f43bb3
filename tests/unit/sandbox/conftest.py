# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets the tests import the sandbox, and gives them one whose store is a dict."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# The sandbox is run as a package of tests/, and so it is imported here.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

BUCKET = "edge-logs"


@dataclass
class MemoryStore:
    """Buckets and objects in memory; a bucket that is not there refuses."""

    buckets: dict[str, dict[str, bytes]] = field(default_factory=lambda: {BUCKET: {}})

    def locate(self, destination: str, name: str) -> Any:
        """As the real store reads a destination."""
        from sandbox import store

        return store.locate(destination, name)

    def put(self, location: Any, body: bytes) -> None:
        """Keep the object."""
        from sandbox.store import StoreRefusal

        if location.bucket not in self.buckets:
            raise StoreRefusal("error writing object: NoSuchBucket")
        self.buckets[location.bucket][location.key] = body


class Api:
    """Asks the API, with the right credentials unless told otherwise."""

    def __init__(self, world: Any, client: Any, store: MemoryStore) -> None:
        self.world = world
        self.client = client
        self.store = store
        self.headers = {"Authorization": f"Bearer {world.credentials.token}"}

    def path(self, tail: str = "ownership", scope: str | None = None) -> str:
        """A path below /logpush of the first zone, or of ``zones/<id>``, ``accounts/<id>``."""
        return f"/client/v4/{scope or 'zones/' + self.world.zone_id}/logpush/{tail}"

    def ask(self, destination: str, scope: str | None = None, **more: Any) -> Any:
        """Request a challenge."""
        body = {"destination_conf": destination}
        return self.client.post(
            self.path(scope=scope), json=body, **({"headers": self.headers} | more)
        )

    def validate(self, token: Any, destination: str, scope: str | None = None) -> Any:
        """Have a token checked."""
        body = {"destination_conf": destination, "ownership_challenge": token}
        path = self.path("ownership/validate", scope)
        return self.client.post(path, json=body, headers=self.headers)

    def call(self, method: str, tail: str, body: Any = None, scope: str | None = None) -> Any:
        """Ask anything below /logpush."""
        more = {} if body is None else {"json": body}
        path = self.path(tail, scope)
        return self.client.open(path, method=method, headers=self.headers, **more)

    def create(self, destination: str, scope: str | None = None, **properties: Any) -> Any:
        """Make a job; the answer's result."""
        body = {"destination_conf": destination} | properties
        return self.result(self.call("POST", "jobs", body, scope))

    @staticmethod
    def error(response: Any) -> tuple[int, int, str]:
        """Status, code and message of a refusal, whose envelope is checked."""
        body = response.get_json()
        assert set(body) == {"success", "errors", "messages", "result"}
        assert body["success"] is False
        assert body["result"] is None
        return response.status_code, body["errors"][0]["code"], body["errors"][0]["message"]

    @staticmethod
    def result(response: Any) -> Any:
        """The result of an answer that says yes."""
        body = response.get_json()
        assert (response.status_code, body["success"], body["errors"]) == (200, True, [])
        return body["result"]

    def jobs(self) -> Any:
        """All jobs, as they are stored."""
        return self.client.get("/sandbox/jobs").get_json()

    def token(self, destination: str, **asked: Any) -> str:
        """A token for a destination, right unless asked for otherwise."""
        body = {"destination_conf": destination} | asked
        return str(self.client.post("/sandbox/tokens", json=body).get_json()["token"])

    def settings(self, **changes: str) -> None:
        """Change settings by the control endpoint."""
        assert self.client.patch("/sandbox/settings", json=changes).status_code == 200

    def objects(self) -> dict[str, bytes]:
        """What lies in the bucket."""
        return self.store.buckets[BUCKET]

    def fault(self, *faults: dict[str, Any]) -> None:
        """Ask for faults by the control endpoint."""
        assert self.client.post("/sandbox/faults", json=list(faults)).status_code == 200

    def requests(self) -> Any:
        """What was recorded."""
        return self.client.get("/sandbox/requests").get_json()


@pytest.fixture
def api() -> Api:
    """A sandbox without network."""
    for name in ("flask", "jwt"):
        pytest.importorskip(name, reason=f"the sandbox needs {name}")
    from sandbox.api import create_app
    from sandbox.world import World

    store = MemoryStore()
    world = World(stores={"s3": store})
    return Api(world, create_app(world).test_client(), store)
