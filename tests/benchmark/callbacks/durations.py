# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes how long each task took, as JSON lines, to the file that BENCHMARK_DURATIONS names."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: durations
type: aggregate
short_description: Writes how long each task took
description: For the benchmark alone.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Measures from the start of a task to its result, in seconds of wall time."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "durations"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._began = 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Begin."""
        self._began = time.perf_counter()

    def v2_runner_on_ok(self, result: Any) -> None:
        """End."""
        took = time.perf_counter() - self._began
        entry = {"task": result._task.get_name(), "seconds": took}
        with open(os.environ["BENCHMARK_DURATIONS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
