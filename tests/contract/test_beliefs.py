# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox does what is believed of Cloudflare, in all that a contract test looks at."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from .beliefs import BELIEFS
from .conftest import Control
from .questions import QUESTIONS
from .running import AGREED, ANSWERED, NOT_TESTED, Belief, Outcome, try_one
from .settings import ACCOUNT, DESTINATION, EXPIRED, ZONE, Settings

NAMES = [belief.name for belief in BELIEFS]
WITH_JOBS = [belief for belief in BELIEFS if DESTINATION in belief.needs]


def outcome(control: Control, belief: Belief, settings: Settings | None = None) -> Outcome:
    """Test one belief."""
    return try_one(control.api(settings), belief)


@pytest.mark.parametrize("belief", BELIEFS, ids=NAMES)
def test_the_sandbox_agrees(control: Control, belief: Belief) -> None:
    found = outcome(control, belief)
    assert (found.state, found.reason) == (AGREED, ""), found
    assert control("GET", "jobs") == []


@pytest.mark.parametrize("belief", WITH_JOBS, ids=[belief.name for belief in WITH_JOBS])
def test_jobs_can_be_tested_with_a_bucket_alone(control: Control, belief: Belief) -> None:
    control("PATCH", "settings", {"token_use": "once"})
    settings = dataclasses.replace(control.settings, r2_destination="", account_id="")
    found = outcome(control, belief, settings)
    assert (found.state, found.reason) == (AGREED, ""), found


@pytest.mark.parametrize("question", QUESTIONS, ids=[question.name for question in QUESTIONS])
def test_each_open_question_is_answered(control: Control, question: Belief) -> None:
    settings = control.settings
    if EXPIRED in question.needs:
        body = {"destination_conf": settings.s3_destination, "expires_in": -1}
        token = control("POST", "tokens", body)["token"]
        settings = dataclasses.replace(settings, expired_token=token)
    found = outcome(control, question, settings)
    assert found.state == ANSWERED, found
    assert control("GET", "jobs") == []


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({"token_use": "many"}, {"status": 200, "result": "the job was created"}),
        (
            {"token_use": "once"},
            {"status": 400, "code": 1002, "message": "incorrect ownership challenge"},
        ),
    ],
)
def test_an_answer_says_what_was_seen(
    control: Control, settings: dict[str, str], answer: dict[str, object]
) -> None:
    control("PATCH", "settings", settings)
    (question,) = (each for each in QUESTIONS if each.name == "token_used_twice")
    assert outcome(control, question).seen == answer


def test_what_the_settings_do_not_allow_is_not_tested(control: Control) -> None:
    settings = dataclasses.replace(
        control.settings, s3_destination="", r2_destination="", account_id=""
    )
    for belief in [*BELIEFS, *QUESTIONS]:
        expected = AGREED if belief.needs == (ZONE,) else NOT_TESTED
        found = outcome(control, belief, settings)
        assert found.state in (expected, ANSWERED), belief.name
        if expected == NOT_TESTED:
            assert "CONTRACT_" in found.reason
    assert all(entry["method"] != "PUT" for entry in control("GET", "requests"))


def test_a_full_zone_is_no_disagreement(control: Control) -> None:
    for number in range(4):
        control("POST", "jobs", {"name": f"mine-{number}"})
    for belief in WITH_JOBS:
        found = outcome(control, belief)
        assert found.state in (AGREED, NOT_TESTED), found
    assert [job["name"] for job in control("GET", "jobs")] == [f"mine-{n}" for n in range(4)]


def test_no_job_is_created_enabled(control: Control) -> None:
    for belief in BELIEFS:
        outcome(control, belief)
    entries = [entry for entry in control("GET", "requests") if entry["path"].endswith("/jobs")]
    created = [entry["body"] for entry in entries if entry["method"] == "POST"]
    assert len(created) > 20
    for body in created:
        assert "enabled" not in body
        assert body["name"].startswith("edgeops-contract-test-")


def test_each_belief_names_its_source_and_what_it_needs() -> None:
    assert len(BELIEFS) >= 30
    for belief in BELIEFS:
        assert belief.source.startswith("https://"), belief.name
        assert belief.text.endswith("."), belief.name
        assert belief.needs[0] == ZONE
    assert len(set(NAMES)) == len(NAMES)
    assert {need for belief in BELIEFS for need in belief.needs} > {ZONE, ACCOUNT, DESTINATION}
    assert any(EXPIRED in question.needs for question in QUESTIONS)


def test_no_code_of_the_plugins_is_used() -> None:
    for path in sorted(Path(__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                assert not name.startswith(("ansible", "plugins")), path.name
