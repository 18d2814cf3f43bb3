# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook push_logs waits until logs arrive, on request."""

from __future__ import annotations

import typing as t

from e2e.playbooks import World
from sandbox import readback

DENIED = "error writing object: AccessDenied"


def entries(world: World, **more: t.Any) -> list[dict[str, t.Any]]:
    """Return an enabled job and a disabled one, in a bucket that requires proof of ownership."""
    common = {"zone_id": world.zone_id, "destination_conf": world.destination, **more}
    return [{**common, "name": "http"}, {**common, "name": "off", "enabled": False}]


def test_push_logs_waits_until_logs_are_in_the_bucket(world: World) -> None:
    # The job is shown without a push when it was created, and when its scope is listed again.
    world.control("PUT", "delivery", {"outcome": "push", "after": 1})
    run = world.push(*entries(world), logpush_wait=True, logpush_wait_timeout=120)
    assert run.status == 0, run.output
    (upload,) = world.control("GET", "uploads")
    (pushed,) = [job for job in world.jobs() if job["last_complete"]]
    assert pushed["name"] == "http"
    assert f"logs pushed up to {pushed['last_complete']}" in run.output
    assert "RayID" in readback.text(world.environment, upload)

    # Nothing is written, so nothing is waited for.
    world.control("DELETE", "requests")
    again = world.push(*entries(world), logpush_wait=True, logpush_wait_timeout=120)
    assert again.status == 0, again.output
    assert again.requested == ["jobs"]


def test_a_push_that_fails_fails_the_playbook_with_what_cloudflare_says(world: World) -> None:
    world.control("PUT", "delivery", {"outcome": "fail", "error": DENIED})
    run = world.push(*entries(world), logpush_wait="yes")
    assert run.status != 0
    assert run.says(f"was created, but pushing failed: {DENIED}")
    assert run.says("1 of 2 jobs failed")
    assert {job["name"] for job in world.jobs()} == {"http", "off"}
