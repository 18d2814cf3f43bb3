# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin that writes the outcome of each belief and question to a Markdown report."""

from __future__ import annotations

import json
import os
import time
import typing as t
from collections import Counter
from pathlib import Path

import pytest

from .api import Api, Disagreement
from .settings import Settings

REPORT = "contract-report.md"
KEY = pytest.StashKey["Report"]()
_STATES = ("agreed", "disagreed", "undetermined", "not tested")


class Report:
    """One run against Cloudflare, or against what is given in its place."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.api: Api | None = None
        self.not_removed: list[str] = []
        self._sections: dict[str, list[str]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def good(self) -> bool:
        """Whether nothing disagreed, was left open, or was left behind."""
        counts = self._counts
        bad = counts["disagreed"] or counts["undetermined"] or self.not_removed
        return bool(counts["agreed"]) and not bad

    def summary(self) -> str:
        """One line."""
        counts = ", ".join(f"{self._counts[state]} {state}" for state in _STATES)
        return f"{self._counts.total()} beliefs: {counts}."

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let the fixtures find it."""
        config.stash[KEY] = self

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> t.Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record the outcome of a test."""
        report = yield
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            self._note(item, call.excinfo.value if call.excinfo else None)
        return report

    def pytest_keyboard_interrupt(self) -> None:
        """Note that the rest is missing."""
        self._sections["interrupted"] = ["- Interrupted: the run is incomplete"]

    def pytest_unconfigure(self) -> None:
        """Write the report, once what was created is removed."""
        lines = [f"# Contract report\n\n{self.summary()}\n\n- API: {self.settings.base_url}"]
        lines.append(f"- Date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}")
        lines.append(f"- Requests: {self.api.requests if self.api else 0}")
        self._sections["not removed"] = [f"- {each}" for each in self.not_removed]
        order = ("interrupted", "disagreed", "undetermined", "answers", "agreed", "not tested")
        for state in (*order, "not removed"):
            if self._sections.get(state):
                lines += [f"\n## {state.capitalize()}\n", *self._sections[state]]
        text = self.settings.redact("\n".join(lines), os.environ)
        Path(REPORT).write_text(f"{text.rstrip()}\n", encoding="utf-8")

    def _note(self, item: pytest.Function, error: BaseException | None) -> None:
        name = item.name.removeprefix("test_").partition("[")[0]
        text = " ".join((item.function.__doc__ or "").split())
        belief = item.get_closest_marker("belief")
        state = _state(error)
        if belief is not None:
            self._counts[state] += 1
        if state in ("agreed", "not tested"):
            lines = [f"- `{name}`: {text}{f' ({error})' if error else ''}"]
        else:
            lines = [f"### {name}", "", text, ""]
            lines += [f"- Source: {belief.args[0]}"] if belief else []
            lines += [f"- Last request: {self.api.exchange}"] if self.api else []
            lines += [f"- What: {type(error).__name__}: {error}", ""]
        if isinstance(error, Disagreement):
            lines += ["Expected:", "", *_block(error.expected), "Seen:", "", *_block(error.seen)]
        for title, value in item.user_properties:
            state, lines = str(title), [f"### {text}", "", *_block(value)]
        self._sections.setdefault(state, []).extend(lines)


def _state(error: BaseException | None) -> str:
    if error is None:
        return "agreed"
    if isinstance(error, pytest.skip.Exception):
        return "not tested"
    return "disagreed" if isinstance(error, Disagreement) else "undetermined"


def _block(value: object) -> list[str]:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str)
    return ["```json", text.replace("```", "` ` `"), "```", ""]
