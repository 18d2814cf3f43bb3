# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session `lowest` has the lowest versions that the requirements permit."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.tests.driver import ansible_test, matrix, pytest_runs

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-stores.txt"])
def test_the_lowest_versions_are_those_of_the_requirements(name: str) -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
    lowest = [line.replace(">=", "==") for line in lines if line and not line.startswith("-r")]
    assert lowest
    assert not set(lowest).difference(pytest_runs.LOWEST_PACKAGES)


def test_all_is_run_on_the_oldest_and_on_the_newest_ansible_core() -> None:
    newest = matrix.CORES[-1]
    ran = [ansible_test.commands_for(core, newest) for core in matrix.CORES]
    everything = ["sanity", "units", "integration"]
    assert ran == [everything, *[["sanity"]] * (len(ran) - 2), everything]
