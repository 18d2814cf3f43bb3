# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped playbook, where it depends on Ansible what happens: on each ansible-core.

What does not is tested once, in tests/e2e.
"""

from __future__ import annotations

import re

from e2e.playbooks import ASKS_AND_VALIDATES, World


def test_proves_ownership(world: World) -> None:
    first = world.run()
    assert first.status == 0
    assert first.requested == ASKS_AND_VALIDATES
    assert re.search(r'"filename": "[^"]+"', first.output)
    assert '"valid": true' in first.output
    assert re.search(r"changed=1 .*failed=0", first.output)


def test_check_mode_requests_nothing(world: World) -> None:
    run = world.run("--check")
    assert run.status == 0
    assert run.requested == []
    assert re.search(r"changed=1 .*failed=0", run.output)


def test_finds_a_file_whose_name_begins_with_the_bucket(world: World) -> None:
    world.control("POST", "faults", {"filename": "with_bucket"})
    run = world.run()
    assert run.status == 0
    assert run.requested == ASKS_AND_VALIDATES


def test_waiting_for_a_file_has_an_end(world: World) -> None:
    # The file of an earlier run would be read.
    world.control("PATCH", "settings", {"challenge_file": "unique"})
    world.control("POST", "faults", {"file": "missing"})
    run = world.run(inputs={"logpush_challenge_file": {"timeout": 4, "delay": 2}})
    assert run.status != 0
    assert "could not be read from s3://edge-logs: " in run.output
    assert "timed out after 4 s" in run.output
    assert run.requested == ["ownership"]
