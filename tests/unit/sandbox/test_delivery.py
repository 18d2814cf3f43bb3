# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivered batches of logs, and what GraphQL counts of them."""

from __future__ import annotations

import gzip
import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

# The sandbox is run as a package of tests/, and so it is imported here.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
for needed in ("cheroot", "flask", "graphql", "jsonschema", "jwt"):
    pytest.importorskip(needed, reason=f"the sandbox needs {needed}")

from sandbox.api import create_app
from sandbox.store import Location, StoreRefusal, locate
from sandbox.world import World

S3 = "s3://edge-logs/http/{DATE}?region=r&access-key-id=AKIAEXAMPLE&secret-access-key=secret"
NOW = datetime.now(timezone.utc)
QUERY = """
query ($tag: string!, $limit: uint64!, $filter: ZoneLogpushHealthAdaptiveGroupsFilter_InputObject) {
  viewer { zones(filter: {zoneTag: $tag}) {
    health: logpushHealthAdaptiveGroups(limit: $limit, filter: $filter) {
      sum { bytes records uploads } dimensions { jobId status }
    }
  } }
}
"""


class Place:
    """A sandbox without network, whose one store is a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refuses = False
        self.world = World(stores={"s3": self})
        self._client = create_app(self.world).test_client()
        self._headers = {"Authorization": f"Bearer {self.world.credentials.token}"}

    def locate(self, destination: str, name: str) -> Location:
        """As the real store reads a destination."""
        return locate(destination, name)

    def put(self, location: Location, body: bytes) -> None:
        """Keep an object."""
        if self.refuses:
            raise StoreRefusal("error writing object: NoSuchBucket")
        self.objects[location.key] = body

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the API, or to ``/sandbox/...``."""
        whole = path if path.startswith("/") else f"/client/v4/{path}"
        response = self._client.open(whole, method=method, json=body, headers=self._headers)
        return response.get_json()

    def job(self, method: str, job_id: int | None = None, **body: Any) -> Any:
        """Send a request about a job; the result."""
        path = f"zones/{self.world.zone_id}/logpush/jobs" + (f"/{job_id}" if job_id else "")
        return self(method, path, body or None)["result"]

    def health(self, limit: int = 100, **filtered: Any) -> tuple[Any, Any]:
        """Groups and errors of a query for uploads."""
        variables = {"tag": self.world.zone_id, "limit": limit, "filter": filtered}
        answer = self("POST", "graphql", {"query": QUERY, "variables": variables})
        data = answer["data"] and answer["data"]["viewer"]["zones"][0]["health"]
        return data, answer["errors"]


@pytest.fixture(name="place")
def fixture_place() -> Place:
    return Place()


def ago(**span: int) -> str:
    """A time in the past."""
    return f"{NOW - timedelta(**span):%Y-%m-%dT%H:%M:%SZ}"


def test_a_batch_is_delivered_after_so_many_responses_or_fails(place: Place) -> None:
    place.job("POST", destination_conf=S3, enabled=True)
    assert place("GET", "/sandbox/uploads") == []
    place("PUT", "/sandbox/delivery", {"outcome": "push", "after": 2})
    place.job("PUT", 1, name="n")
    assert [bool(place.job("GET", 1)["last_complete"]) for _read in "abcd"] == [0, 0, 1, 1]
    (upload,) = place("GET", "/sandbox/uploads")
    assert re.fullmatch(r"http/\d{8}/(\d{8}T\d{6}Z)_(\d{8}T\d{6}Z)_\w{8}\.log\.gz", upload["key"])
    assert len(gzip.decompress(place.objects[upload["key"]]).splitlines()) == upload["records"]
    (group,), _errors = place.health(datetime_geq=ago(hours=1))
    assert (group["sum"]["records"], group["dimensions"]) == (3, {"jobId": 1, "status": 200})
    place.refuses = True
    (upload,) = place("POST", "/sandbox/delivery", {"job": 1})
    assert (upload["status"], upload["key"]) == (403, "")
    assert place.job("GET", 1)["error_message"] == "error writing object: NoSuchBucket"


@pytest.mark.parametrize(
    ("options", "begins"),
    [
        ({}, r'{"ClientIP":"192.0.2.1","EdgeStartTimestamp":\d{19}}\n'),
        ({"output_type": "csv", "field_delimiter": "\t"}, r'"192.0.2.1"\t\d{19}\n"192.0.2.2"\t'),
        ({"record_template": '"ip":{{ .ClientIP }}'}, r'{"ip":"192.0.2.1"}'),
        ({"batch_prefix": "[", "timestamp_format": "unix"}, r'\[{"ClientIP":"[^"]+","\w+":\d{10}}'),
    ],
    ids=str,
)
def test_a_batch_has_the_format_of_the_job(place: Place, options: Any, begins: str) -> None:
    place("PUT", "/sandbox/delivery", {"outcome": "push"})
    options["field_names"] = ["ClientIP", "EdgeStartTimestamp"]
    place.job("POST", destination_conf=S3, enabled=True, output_options=options)
    (body,) = [body for key, body in place.objects.items() if key.endswith(".gz")]
    assert re.match(begins, gzip.decompress(body).decode()), gzip.decompress(body)


def test_uploads_are_grouped_within_limits(place: Place) -> None:
    uploads = [
        {"jobId": 1, "datetime": ago(minutes=10), "bytes": 5_000_000_000, "records": 7},
        {"jobId": 1, "datetime": ago(hours=2), "bytes": 100},
        {"jobId": 2, "datetime": ago(hours=2), "bytes": 30, "status": 403, "final": 0},
        {"zone_id": place.world.other_zone_id, "datetime": ago(hours=2), "bytes": 16},
    ]
    place("PUT", "/sandbox/uploads", uploads)
    groups, errors = place.health(datetime_geq=ago(hours=3))
    assert errors is None
    assert [json.dumps(group["sum"]) for group in groups] == [
        '{"bytes": 5000000100, "records": 7, "uploads": 2}',
        '{"bytes": 30, "records": 0, "uploads": 1}',
    ]
    assert len(place.health(datetime_geq=ago(hours=3), status_neq=200)[0]) == 1
    assert len(place.health(1, datetime_geq=ago(hours=3))[0]) == 1
    assert "a time range wider than 1d" in place.health(datetime_geq=ago(days=2))[1][0]["message"]
    place("PATCH", "/sandbox/settings", {"analytics": "denied"})
    assert "are not authorized" in place.health(datetime_geq=ago(hours=3))[1][0]["message"]
