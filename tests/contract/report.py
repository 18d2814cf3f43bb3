# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin that writes the outcome of each belief and question to a Markdown report."""

from __future__ import annotations

import json
import os
import time
import typing as t
from pathlib import Path

import pytest

from .api import Api, Disagreement
from .settings import Settings

KEY = pytest.StashKey["Report"]()
_JSON: dict[str, t.Any] = {"indent": 2, "sort_keys": True, "ensure_ascii": False, "default": str}
_STATES = ("agreed", "disagreed", "undetermined", "not tested")


class Report:
    """One run against Cloudflare, or against what is given in its place."""

    def __init__(self, settings: Settings, path: Path) -> None:
        self.settings = settings
        self.api: Api | None = None
        self.not_removed: list[str] = []
        self._path = path
        self._sections: dict[str, list[str]] = {}
        self._counts = dict.fromkeys(_STATES, 0)
        self._interrupted = False

    @property
    def good(self) -> bool:
        """Whether nothing disagreed, was left open, or was left behind."""
        bad = self._counts["disagreed"] or self._counts["undetermined"] or self.not_removed
        return bool(self._counts["agreed"]) and not bad

    def summary(self) -> str:
        """One line."""
        counts = ", ".join(f"{count} {state}" for state, count in self._counts.items())
        return f"{sum(self._counts.values())} beliefs: {counts}."

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
        self._interrupted = True

    def pytest_unconfigure(self) -> None:
        """Write the report, once what was created is removed."""
        text = "\n".join(self._lines()).rstrip() + "\n"
        self._path.write_text(self.settings.redact(text, os.environ), encoding="utf-8")

    def _note(self, item: pytest.Function, error: BaseException | None) -> None:
        name = item.name.removeprefix("test_").partition("[")[0]
        text = " ".join((item.function.__doc__ or "").partition("\n\n")[0].split())
        belief = item.get_closest_marker("belief")
        state = _state(error)
        if belief is not None:
            self._counts[state] += 1
        if state in ("agreed", "not tested"):
            reason = f" ({error})" if error else ""
            lines = [f"- `{name}`: {text}{reason}"]
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

    def _lines(self) -> t.Iterator[str]:
        yield from ("# Contract report", "", self.summary(), "")
        yield f"- API: {self.settings.base_url}"
        yield f"- Date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}"
        yield f"- Requests: {self.api.requests if self.api else 0}"
        yield "- Interrupted: the run is incomplete\n" if self._interrupted else ""
        for state in ("disagreed", "undetermined", "answers", "agreed", "not tested"):
            if state in self._sections:
                yield from (f"## {state.capitalize()}", "", *self._sections[state], "")
        if self.not_removed:
            yield from ("## Not removed", "", *(f"- {each}" for each in self.not_removed))


def _state(error: BaseException | None) -> str:
    if error is None:
        return "agreed"
    if isinstance(error, pytest.skip.Exception):
        return "not tested"
    return "disagreed" if isinstance(error, Disagreement) else "undetermined"


def _block(value: object) -> list[str]:
    text = json.dumps(value, **_JSON).replace("```", "` ` `")
    return ["```json", text, "```", ""]
