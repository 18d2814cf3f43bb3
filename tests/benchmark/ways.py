# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to do the same, each as the command that does it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent

# How many requests may be under way at the same time, wherever they are sent side by side. The
# default of the collection's own modules.
CONCURRENCY = 10

# What is done: nothing; challenges are asked for; jobs are kept by the shipped playbook.
NOTHING, CHALLENGES, JOBS = "nothing", "challenges", "jobs"


@dataclass(frozen=True)
class Way:
    """``name`` is what it is chosen by, ``title`` what the tables call it.

    ``command`` gets the folder with the files that inputs.py writes, which it is run in.
    """

    name: str
    title: str
    does: str
    command: Callable[[Path], list[str]]
    program: str = "ansible-playbook"

    def is_ours(self) -> bool:
        """Whether it is this collection that works."""
        return self.name.startswith(("own-", "push-"))

    def is_there(self) -> bool:
        """Whether its program is installed."""
        return shutil.which(self.program) is not None


def _play(name: str) -> Callable[[Path], list[str]]:
    play = str(HERE / "plays" / f"{name}.yml")
    return lambda folder: ["ansible-playbook", play, "-e", f"@{folder / 'targets.json'}"]


def _push_logs(name: str) -> Callable[[Path], list[str]]:
    playbook = "edgeops.cloudflare.push_logs"
    return lambda folder: ["ansible-playbook", playbook, "-e", f"@{folder / f'{name}.json'}"]


def _push_logs_to_zones(folder: Path) -> list[str]:
    source = str(folder / "zones.cloudflare.yml")
    return [*_push_logs("jobs_of_zones")(folder), "-i", source]


def _play_of_script(folder: Path) -> list[str]:
    return [*_play("sdk_script")(folder), "-e", f"targets_file={folder / 'targets.json'}"]


def _script(threads: int) -> Callable[[Path], list[str]]:
    script = str(HERE / "script_sdk.py")
    return lambda folder: [sys.executable, script, str(threads), str(folder / "targets.json")]


def _curl(_folder: Path) -> list[str]:
    # A line of the file is the address of one request, and where its answer goes.
    each = "curl --silent --show-error --fail --header @header --data @body"
    return ["sh", "-c", f"xargs -P {CONCURRENCY} -n 3 {each} <addresses"]


WAYS = {
    way.name: way
    for way in (
        Way("nothing", "Ansible's own start, with nothing to run", NOTHING, _play("nothing")),
        Way("own-one", "one task `logpush_ownership`", CHALLENGES, _play("own_one")),
        Way("own-loop", "`logpush_ownership` in a loop", CHALLENGES, _play("own_loop")),
        Way("own-many", "one task `logpush_ownerships`", CHALLENGES, _play("own_many")),
        Way("uri-one", "one task `ansible.builtin.uri`", CHALLENGES, _play("uri_one")),
        Way("uri-loop", "`ansible.builtin.uri` in a loop", CHALLENGES, _play("uri_loop")),
        Way("sdk", "script with the SDK, one after another", CHALLENGES, _script(1), "python"),
        Way(
            "sdk-threads",
            f"script with the SDK, {CONCURRENCY} threads",
            CHALLENGES,
            _script(CONCURRENCY),
            "python",
        ),
        Way(
            "sdk-play",
            f"playbook that runs this script, {CONCURRENCY} threads",
            CHALLENGES,
            _play_of_script,
        ),
        Way("curl", f"`xargs -P {CONCURRENCY}` with `curl`", CHALLENGES, _curl, "curl"),
        Way("push-r2", "`push_logs` to R2, no proof needed", JOBS, _push_logs("jobs_r2")),
        Way("push-s3", "`push_logs` to S3, each zone proved", JOBS, _push_logs("jobs_s3")),
        Way("push-zones", "inventory plugin and `push_logs` to R2", JOBS, _push_logs_to_zones),
    )
}
