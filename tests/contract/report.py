# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin that writes the outcome of each belief and question to a Markdown report."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from .api import Api
from .settings import Settings

REPORT = "contract-report.md"
KEY = pytest.StashKey["Report"]()
_STATES = ("agreed", "disagreed", "undetermined", "not tested")
_ORDER = ("interrupted", *_STATES[1:3], "answers", "agreed", "not tested", "not removed")


class Report:
    """One run against Cloudflare, or against what is given in its place."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.api: Api | None = None
        self.not_removed: list[str] = []
        self._sections: dict[str, list[str]] = defaultdict(list)
        self._counts: Counter[str] = Counter()

    @property
    def good(self) -> bool:
        """Whether nothing disagreed, was left open, or was left behind."""
        return set(self._counts) - {"not tested"} == {"agreed"} and not self.not_removed

    def summary(self) -> str:
        """One line."""
        counts = ", ".join(f"{self._counts[state]} {state}" for state in _STATES)
        return f"{self._counts.total()} beliefs: {counts}."

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let the fixtures find it."""
        config.stash[KEY] = self

    def pytest_runtest_makereport(self, item: pytest.Function, call: pytest.CallInfo[None]) -> None:
        """Record the outcome of a test."""
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            self._note(item, call.excinfo.value if call.excinfo else None)

    def pytest_keyboard_interrupt(self) -> None:
        """Note that the rest is missing."""
        self._sections["interrupted"] = ["- Interrupted: the run is incomplete"]

    def pytest_unconfigure(self) -> None:
        """Write the report, once what was created is removed."""
        lines = [f"# Contract report\n\n{self.summary()}\n\n- API: {self.settings.base_url}"]
        lines.append(f"- Date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}")
        lines.append(f"- Requests: {self.api.requests if self.api else 0}")
        self._sections["not removed"] = [f"- {each}" for each in self.not_removed]
        for state in _ORDER:
            if self._sections[state]:
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
        lines = self._sections[state]
        if item.user_properties:
            (title, answer), *_others = item.user_properties
            self._sections[title] += [
                f"### {text}",
                "",
                *_block("json", json.dumps(answer, indent=2, ensure_ascii=False)),
            ]
        elif state in ("agreed", "not tested"):
            lines.append(f"- `{name}`: {text}{f' ({error})' if error else ''}")
        else:
            lines += [f"### {name}", "", text, ""]
            lines += [f"- Source: {belief.args[0]}"] if belief else []
            lines += [f"- Last request: {self.api.exchange}"] if self.api else []
            lines += ["", *_block("text", f"{type(error).__name__}: {error}")]


def _state(error: BaseException | None) -> str:
    if error is None:
        return "agreed"
    if isinstance(error, pytest.skip.Exception):
        return "not tested"
    return "disagreed" if isinstance(error, AssertionError) else "undetermined"


def _block(kind: str, text: str) -> list[str]:
    return [f"```{kind}", text.replace("```", "` ` `"), "```", ""]
