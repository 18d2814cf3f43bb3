# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are interrupted, and whether running them again puts all right.

Most of them are processes of the module alone, as Ansible starts one; some are plays.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from e2e.playbooks import PUSH_LOGS, Run, World
from sandbox.server import STRAY

Entry = dict[str, t.Any]
Jobs = list[dict[str, t.Any]]

PROCESSES = Path("/proc")
# In the environment of each process of a run, wherever its parents have gone.
_MARK = "TESTS_INTERRUPTED_RUN"
_MODULE = "ansible_collections.edgeops.cloudflare.plugins.modules.logpush_jobs"
_PATIENCE = 240.0  # seconds; the machine may be busy
# Nothing happens to a request that such a fault hits, but it is counted.
PASS: dict[str, t.Any] = {"delay": 0}


class Shape(t.NamedTuple):
    """A request without the ids of jobs."""

    method: str
    path: str


def shapes(requests: t.Iterable[t.Mapping[str, t.Any]]) -> list[Shape]:
    """Return what was asked for, in order."""
    return [
        Shape(each["method"], re.sub(r"/jobs/\d+$", "/jobs/ID", each["path"])) for each in requests
    ]


def without_ids(jobs: Jobs) -> tuple[str, ...]:
    """Return the jobs as far as runs can be compared: no ids, no order, no times."""
    comparable = [
        {**job, "id": None, "last_complete": job["last_complete"] is not None} for job in jobs
    ]
    return tuple(sorted(json.dumps(job, sort_keys=True) for job in comparable))


def until(holds: t.Callable[[], bool], what: str) -> None:
    """Wait until something holds; ``what`` says what was waited for in vain."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def run_module(
    world: World, options: dict[str, t.Any], environment: dict[str, str] | None = None
) -> Run:
    """Run the module that reconciles jobs, in a process of its own."""
    env = {name: value for name, value in os.environ.items() if name not in STRAY}
    env.update(world.environment, **(environment or {}))
    done = subprocess.run(
        [sys.executable, "-m", _MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    run = Run(world, done.returncode, done.stdout + done.stderr, env)
    assert not [secret for secret in run.secrets() if secret in run.output]
    return run


class Play:
    """A run under way, and all its processes."""

    def __init__(self, start: t.Callable[[dict[str, str]], Run], pool: ThreadPoolExecutor) -> None:
        mark = secrets.token_hex(16)
        self._mark = f"{_MARK}={mark}".encode()
        self._ending = pool.submit(start, {_MARK: mark})

    @property
    def over(self) -> bool:
        """Whether the program that was started has ended, and been looked at."""
        return self._ending.done()

    def processes(self) -> list[int]:
        """Return all that run, the orphans among them."""
        found = []
        for each in PROCESSES.glob("[0-9]*"):
            # It may be gone by now, or be somebody else's.
            with suppress(OSError):
                if self._mark in (each / "environ").read_bytes().split(b"\0"):
                    found.append(int(each.name))
        return found

    def lose_power(self) -> None:
        """Kill all of it at once: stopped first, none sees another one die."""
        processes = self.processes()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in processes:
                os.kill(process, number)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the program that was started, and to nothing else of it."""
        (program,) = [each for each in self.processes() if _parent(each) == os.getpid()]
        os.kill(program, number)

    def end(self) -> Run:
        """Return the outcome once none of its processes runs any more."""
        run = self._ending.result(_PATIENCE)
        until(lambda: not self.processes(), "the end of all processes")
        return run


def _parent(process: int) -> int:
    status = (PROCESSES / str(process) / "stat").read_text(encoding="utf-8")
    # The name of the program, in parentheses, may hold anything.
    return int(status.rpartition(")")[2].split()[1])


class Course:
    """A list of jobs to be kept, the jobs there are before, and what an undisturbed run does."""

    def __init__(
        self, world: World, entries: list[Entry], before: list[Entry], *, by_playbook: bool = False
    ) -> None:
        self._world = world
        self._by_playbook = by_playbook
        self._home = world.folder / "home"
        self._home.mkdir()
        self._entries = entries
        self._forget_all()
        for job in before:
            world.control("POST", "jobs", job)
        self._before = world.jobs()
        run = self.run()
        assert run.status == 0, run.output
        recorded = world.requests()
        self.requests = shapes(recorded)
        self.writes = [request["writes"] for request in recorded]
        self.end = without_ids(world.jobs())
        # From where an undisturbed run was seen to come to this end. It depends on nothing but the
        # jobs there are: a play keeps nothing of its own, and no file in a store is looked for
        # that Cloudflare did not name in that run.
        self.resumed = {without_ids(self._before)}

    def run(self, environment: dict[str, str] | None = None, **options: t.Any) -> Run:
        """Run the module or the playbook, and check what holds of each run."""
        home = {"HOME": str(self._home), "ANSIBLE_HOME": str(self._home / ".ansible")}
        # As users have it: a module that is killed can leave its files.
        env = {**home, "ANSIBLE_PIPELINING": "false", **(environment or {})}
        # One after the other: an interruption is to hit the same request each time.
        if self._by_playbook:
            inputs = {"logpush_jobs": self._entries, "cloudflare_concurrency": 1}
            run = self._world.run(playbook=PUSH_LOGS, inputs=inputs, environment=env)
        else:
            run = run_module(self._world, {"jobs": self._entries, "concurrency": 1, **options}, env)
        asked = Counter(
            (request["path"], request["body"]["destination_conf"])
            for request in self._world.requests()
            if request["path"].endswith("/ownership")
            # One whose answer is lost may be asked for again.
            and "reset" not in (request["fault"] or {})
        )
        assert not asked or max(asked.values()) == 1, asked
        self._assert_others_see_nothing()
        return run

    def begin_again(self, faults: list[dict[str, t.Any]]) -> None:
        """Have the jobs from before there, and faults to come."""
        self._restore(self._before)
        self._world.control("POST", "faults", faults)

    @contextmanager
    def playing_until(self, number: int, fault: dict[str, t.Any]) -> t.Iterator[Play]:
        """Begin again with a fault at a request (the first is 0); play until that comes."""
        passing = [{**PASS, "times": number}] if number else []
        self.begin_again([*passing, fault])
        with ThreadPoolExecutor(1) as pool:
            play = Play(self.run, pool)
            until(lambda: play.over or len(self._world.requests()) > number, "the request")
            assert shapes(self._world.requests()) == self.requests[: number + 1]
            yield play

    def interrupted_at(
        self, number: int, interrupt: t.Callable[[Play], None]
    ) -> tuple[Run, list[Jobs]]:
        """Interrupt a run that waits for the answer to a request.

        The jobs are those that there are at that moment, when the request was not carried out, and
        those after it was carried out after all. The play cannot know which of the two it is, so
        one interruption serves both.
        """
        fault = {"hang": True, "carry_out": True}
        with self.playing_until(number, fault) as play:
            before = self._world.jobs()
            interrupt(play)
            run = play.end()
        if self.writes[number]:
            until(lambda: bool(self._world.requests()[number]["writes"]), "the late write")
        # It was the last that was sent.
        assert len(self._world.requests()) == number + 1
        return run, [before, self._world.jobs()]

    def assert_resumed(self, jobs: Jobs, interruption: str) -> None:
        """Run undisturbed where there are these jobs: it comes to the same end."""
        state = without_ids(jobs)
        if state in self.resumed:
            return
        self._restore(jobs)
        run = self.run()
        assert run.status == 0, f"{interruption}: {run.output}"
        assert without_ids(self._world.jobs()) == self.end, interruption
        assert state != self.end or not run.writes, interruption
        self.resumed.add(state)

    def _restore(self, jobs: Jobs) -> None:
        self._forget_all()
        for job in jobs:
            self._world.control("POST", "jobs", job)

    def _forget_all(self) -> None:
        self._world.reset()
        # So that the files that are left can be counted.
        self._world.control("PATCH", "settings", {"challenge_file": "unique"})

    def _assert_others_see_nothing(self) -> None:
        """What a play that was killed leaves, arguments and all, only its owner can reach."""
        for left in self._home.rglob("*"):
            if left.is_file():
                shut = [each for each in left.parents if each.stat().st_mode & 0o077 == 0]
                assert [each for each in shut if each.is_relative_to(self._home)], left
