# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report, in Markdown: it can be pasted into a bug report as it is."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from .api import as_json
from .redaction import Redactor
from .running import AGREED, ANSWERED, DISAGREED, NOT_TESTED, UNDETERMINED, Outcome
from .settings import Settings

_LONGEST = 4_000  # characters of a value


@dataclass
class Run:
    """All that came of one run."""

    settings: Settings
    beliefs: list[Outcome] = field(default_factory=list)
    answers: list[Outcome] = field(default_factory=list)
    requests: int = 0
    left_behind: list[str] = field(default_factory=list)
    interrupted: bool = False

    def count(self, state: str) -> int:
        """How many beliefs ended so."""
        return Counter(outcome.state for outcome in self.beliefs)[state]

    def summary(self) -> str:
        """One line."""
        states = (AGREED, DISAGREED, UNDETERMINED, NOT_TESTED)
        counts = ", ".join(f"{self.count(state)} {state}" for state in states)
        return f"{len(self.beliefs)} beliefs: {counts}"


def render(run: Run) -> str:
    """The whole report."""
    redactor = Redactor(run.settings)
    parts = [
        "# Contract report",
        "",
        f"{run.summary()}.",
        "",
        f"- API: {redactor.text(run.settings.base_url)}",
        f"- Date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}",
        f"- Requests: {run.requests}",
        *(["- Interrupted: the run is incomplete"] if run.interrupted else []),
        "",
        *_section("Disagreed", run.beliefs, DISAGREED, redactor),
        *_section("Undetermined", run.beliefs, UNDETERMINED, redactor),
        *_answers(run.answers, redactor),
        *_list("Agreed", run.beliefs, AGREED, redactor),
        *_list("Not tested", [*run.beliefs, *run.answers], NOT_TESTED, redactor),
    ]
    if run.left_behind:
        lines = [f"- {redactor.text(problem)}" for problem in run.left_behind]
        parts += ["## Not removed", "", *lines, ""]
    return "\n".join(parts).rstrip() + "\n"


def _section(title: str, outcomes: list[Outcome], state: str, redactor: Redactor) -> list[str]:
    lines = []
    for outcome in outcomes:
        if outcome.state == state:
            lines += _detailed(outcome, redactor)
    return [f"## {title}", "", *lines] if lines else []


def _detailed(outcome: Outcome, redactor: Redactor) -> list[str]:
    belief = outcome.belief
    lines = [f"### {belief.name}", "", belief.text, "", f"- Source: {belief.source}"]
    if outcome.exchange:
        lines.append(f"- Last request: {redactor.text(outcome.exchange)}")
    lines += [f"- What: {redactor.text(outcome.reason)}", ""]
    if outcome.state == DISAGREED:
        lines += ["Expected:", "", *_block(outcome.expected, redactor)]
        lines += ["Seen:", "", *_block(outcome.seen, redactor)]
    return lines


def _answers(outcomes: list[Outcome], redactor: Redactor) -> list[str]:
    lines = []
    for outcome in outcomes:
        if outcome.state == NOT_TESTED:
            continue
        lines += [f"### {outcome.belief.text}", ""]
        if outcome.state == ANSWERED:
            lines += _block(outcome.seen, redactor)
        else:
            seen = "" if outcome.seen is None else f" ({outcome.seen})"
            lines += [redactor.text(f"No answer: {outcome.reason}{seen}"), ""]
    return ["## Answers to open questions", "", *lines] if lines else []


def _list(title: str, outcomes: list[Outcome], state: str, redactor: Redactor) -> list[str]:
    lines = []
    for outcome in outcomes:
        if outcome.state == state:
            reason = f" ({redactor.text(outcome.reason)})" if outcome.reason else ""
            lines.append(f"- `{outcome.belief.name}`: {outcome.belief.text}{reason}")
    return [f"## {title}", "", *lines, ""] if lines else []


def _block(value: object, redactor: Redactor) -> list[str]:
    # Redacted before it is cut: half a secret would not be recognised.
    text = as_json(redactor.value(value))
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n... ({len(text)} characters)"
    return ["```json", text.replace("```", "` ` `"), "```", ""]
