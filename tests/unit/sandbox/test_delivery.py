# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivered batches of logs."""

from __future__ import annotations

import gzip
import re
import sys
from pathlib import Path
from typing import Any

import pytest

# The sandbox is run as a package of tests/, and so it is imported here.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
for needed in ("cheroot", "flask", "jsonschema", "jwt"):
    pytest.importorskip(needed, reason=f"the sandbox needs {needed}")

from sandbox.api import create_app
from sandbox.store import Location, StoreRefusal, locate
from sandbox.world import World

S3 = "s3://edge-logs/http/{DATE}?region=r&access-key-id=AKIAEXAMPLE&secret-access-key=secret"


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


@pytest.fixture(name="place")
def fixture_place() -> Place:
    return Place()


def test_a_batch_is_delivered_after_so_many_responses_or_fails(place: Place) -> None:
    place.job("POST", destination_conf=S3, enabled=True)
    assert place("GET", "/sandbox/uploads") == []
    place("PUT", "/sandbox/delivery", {"outcome": "push", "after": 2})
    place.job("PUT", 1, name="n")
    assert [bool(place.job("GET", 1)["last_complete"]) for _read in "abcd"] == [0, 0, 1, 1]
    (upload,) = place("GET", "/sandbox/uploads")
    assert re.fullmatch(r"http/\d{8}/(\d{8}T\d{6}Z)_(\d{8}T\d{6}Z)_\w{8}\.log\.gz", upload["key"])
    assert len(gzip.decompress(place.objects[upload["key"]]).splitlines()) == upload["records"]
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
