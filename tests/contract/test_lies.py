# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox that answers otherwise is found out, by the beliefs it contradicts and no other."""

from __future__ import annotations

import re

import pytest

from .beliefs import BELIEFS
from .conftest import Control
from .lies import LIES, Lie
from .report import Run, render
from .running import AGREED, DISAGREED, try_one

# What an answer has whatever else it says.
HEADERS = {"responses_have_a_ray_id", "responses_have_rate_limit_headers"}


def run_all(control: Control) -> Run:
    """Test all beliefs."""
    api = control.api()
    return Run(control.settings, [try_one(api, belief) for belief in BELIEFS])


def named(report: str) -> set[str]:
    """Return the beliefs under "Disagreed" in a report."""
    section = re.search(r"^## Disagreed\n(.*?)(?=^## )", report, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^### (\w+)$", section[1], re.MULTILINE)) if section else set()


@pytest.mark.parametrize(("lie", "contradicted"), LIES.values(), ids=LIES)
def test_the_report_names_what_a_lie_contradicts(
    control: Control, monkeypatch: pytest.MonkeyPatch, lie: Lie, contradicted: set[str]
) -> None:
    lie(monkeypatch, control)
    run = run_all(control)
    assert named(render(run)) == contradicted
    states = {outcome.belief.name: outcome.state for outcome in run.beliefs}
    assert {state for name, state in states.items() if name not in contradicted} == {AGREED}


def test_the_report_says_what_was_expected_and_seen(control: Control) -> None:
    control("PATCH", "settings", {"filter_in_answers": "left_out"})
    report = render(run_all(control))
    section = report.partition("### a_filter_is_shown\n")[2].partition("###")[0]
    assert "- Source: https://github.com/cloudflare/terraform-provider-cloudflare/" in section
    assert re.search(
        r"- Last request: POST /zones/<zone id>/logpush/jobs: HTTP 200, cf-ray \w", section
    )
    expected, seen = re.findall(r"```json\n(.*?)\n```", section, re.DOTALL)
    assert "ClientRequestHost" in expected
    assert seen == "null"


def test_an_api_that_says_yes_to_everything_agrees_with_nothing(control: Control) -> None:
    body = {"success": True, "errors": [], "messages": [], "result": {}}
    control("POST", "faults", {"times": -1, "status": 200, "body": body})
    run = run_all(control)
    control("DELETE", "faults")
    states = {outcome.belief.name: outcome.state for outcome in run.beliefs}
    assert {name for name, state in states.items() if state != DISAGREED} == HEADERS


def test_an_api_that_fails_is_neither_agreement_nor_disagreement(control: Control) -> None:
    control("POST", "faults", {"times": -1, "status": 503})
    run = run_all(control)
    control("DELETE", "faults")
    assert {outcome.state for outcome in run.beliefs} == {"undetermined"}
    assert "HTTP 503" in render(run)


def test_each_belief_is_contradicted_by_a_lie() -> None:
    contradicted = {name for _lie, names in LIES.values() for name in names}
    assert contradicted == {belief.name for belief in BELIEFS}
