# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the name of each challenge file that came back to the file BENCHMARK_ANSWERS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: answers
type: aggregate
short_description: Writes which challenge files came back
description: For the benchmark alone.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Looks at the result of each task once; that of a loop holds those of its items."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "answers"

    def v2_runner_on_ok(self, result: Any) -> None:
        """Write down what came."""
        with open(os.environ["BENCHMARK_ANSWERS"], "a", encoding="utf-8") as stream:
            stream.writelines(f"{name}\n" for name in _filenames(result._result))


def _filenames(result: dict[str, Any]) -> Iterator[str]:
    for each in result.get("results", [result]):
        # What a script says.
        yield from (line for line in each.get("stdout_lines", ()) if line.endswith(".txt"))
        # As our modules tell it, or as ansible.builtin.uri tells what was answered.
        told = each.get("json", {}).get("result") or each
        if isinstance(told, dict) and told.get("filename"):
            yield told["filename"]
