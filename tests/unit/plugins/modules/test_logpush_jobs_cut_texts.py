# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No text in a result is cut before it is redacted, or half a secret would be left."""

from __future__ import annotations

import json
import urllib.parse

import pytest

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_jobs
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    TOKEN,
    ZONE,
    Call,
    network,
    run_module,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.samples import every

SECRET = "d71f7b823e445e44d393d497%2Bd1c0ffee%2Fe5f2"
DESTINATION = f"s3://edge-logs/http/{{DATE}}?region=us-east-1&anything={SECRET}"


@pytest.mark.parametrize("before", every(3, range(300, 520, 20)))
def test_a_long_message_that_quotes_a_secret(before: int) -> None:
    quoted = urllib.parse.quote(DESTINATION, safe="")
    challenge = {"filename": "", "valid": False, "message": f"{'x' * before} {quoted}"}
    entry = {"zone_id": ZONE, "name": "http", "destination_conf": DESTINATION}
    with network(
        Call("GET", f"/zones/{ZONE}/logpush/jobs", None, success([])),
        Call(
            "POST",
            f"/zones/{ZONE}/logpush/ownership",
            {"destination_conf": DESTINATION},
            success(challenge),
        ),
    ):
        result = run_module(logpush_jobs.main, {"api_token": TOKEN, "jobs": [entry]})
    assert result["failed"] is True
    assert "d71f7b823e" not in json.dumps(result)
