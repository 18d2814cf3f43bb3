# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PYTHONPATH=tests python -m benchmark: prints the table of the README.

Needs ansible-playbook on the PATH, the collection where Ansible finds it, and the sandbox's
requirements.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.server import Sandbox

HERE = Path(__file__).resolve().parent
TURNS = 30
# The first turn also pays for what is read from the disk for the first time.
WARM_UP = 1


def measure(environment: dict[str, str], durations: Path) -> dict[str, list[float]]:
    """Run the playbook; return the seconds of each turn by the task's name."""
    env = {
        **os.environ,
        **environment,
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "durations",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "BENCHMARK_DURATIONS": str(durations),
        "BENCHMARK_TURNS": str(TURNS + WARM_UP),
    }
    command = ["ansible-playbook", str(HERE / "one_task.yml")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    taken: dict[str, list[float]] = {}
    for line in durations.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        taken.setdefault(entry["task"], []).append(entry["seconds"])
    measured = ("edgeops.cloudflare.logpush_ownership", "ansible.builtin.uri")
    return {name: taken[f"Ask with {name}"][WARM_UP:] for name in measured}


def table(taken: dict[str, list[float]]) -> str:
    """Return the figures as a Markdown table, in milliseconds."""
    lines = ["| one task | median | fastest | slowest | runs |", "|---|---|---|---|---|"]
    for name, seconds in taken.items():
        figures = (statistics.median(seconds), min(seconds), max(seconds))
        cells = " | ".join(f"{figure * 1000:.0f} ms" for figure in figures)
        lines.append(f"| `{name}` | {cells} | {len(seconds)} |")
    return "\n".join(lines)


def main() -> None:
    """Start a sandbox, measure, print."""
    sandbox = Sandbox()
    try:
        sandbox.start()
        with tempfile.TemporaryDirectory() as folder:
            taken = measure(sandbox.environment, Path(folder) / "durations")
    finally:
        sandbox.stop()
    version = subprocess.run(
        ["ansible-playbook", "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    print(f"{version}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print(table(taken))


if __name__ == "__main__":
    main()
