# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that the ways read, for a number of zones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .place import ACCOUNT
from .ways import CONCURRENCY

DESTINATION = "s3://edge-logs/benchmark/{DATE}?region=us-east-1"
# Cloudflare wants no proof for R2, and nothing of this sort is looked up by the sandbox.
_R2 = (
    "r2://edge-logs/benchmark/{DATE}?account-id=01a7362d577a6c3019a474fd6f485823"
    "&access-key-id=benchmark-key-id&secret-access-key=benchmark-secret-key"
)
JOB_NAME = "benchmark"


def write(folder: Path, zone_ids: Sequence[str], environment: dict[str, str]) -> None:
    """Write them all."""
    targets = [{"zone_id": each, "destination_conf": DESTINATION} for each in zone_ids]
    _write_json(folder / "targets.json", {"targets": targets, "concurrency": CONCURRENCY})
    for name, destination in (("jobs_r2", _R2), ("jobs_s3", DESTINATION)):
        jobs = [_job(each, destination) for each in zone_ids]
        _write_json(folder / f"{name}.json", {"logpush_jobs": jobs})
    of_hosts = {"logpush_hosts": "all", "logpush_jobs": [_job(None, _R2)]}
    _write_json(folder / "jobs_of_zones.json", of_hosts)
    source = {"plugin": "edgeops.cloudflare.zones", "account_ids": [ACCOUNT["id"]]}
    _write_json(folder / "zones.cloudflare.yml", source)
    _write_json(folder / "body", {"destination_conf": DESTINATION})
    bearer = f"Authorization: Bearer {environment['CLOUDFLARE_API_TOKEN']}"
    header = f"{bearer}\nContent-Type: application/json\n"
    (folder / "header").write_text(header, encoding="ascii")
    base_url = environment["CLOUDFLARE_BASE_URL"]
    addresses = [
        f"{base_url}/zones/{each}/logpush/ownership --output {answer_of_curl(folder, each)}\n"
        for each in zone_ids
    ]
    (folder / "addresses").write_text("".join(addresses), encoding="ascii")


def answer_of_curl(folder: Path, zone_id: str) -> Path:
    """The file that curl writes an answer to."""
    return folder / f"answer-{zone_id}.json"


def _job(zone_id: str | None, destination_conf: str) -> dict[str, Any]:
    """Return a job; without a zone it is for the zone of its host."""
    return {
        **({} if zone_id is None else {"zone_id": zone_id}),
        "name": JOB_NAME,
        "dataset": "http_requests",
        "destination_conf": destination_conf,
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="ascii")
