# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make test`: runs the nox sessions, some at a time, and says at the end what ran."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import shutil
import subprocess
import time
from pathlib import Path

from . import (
    azurite,
    environment,
    galaxy,
    imports,
    interpreters,
    release,
    results,
    stamps,
    tree,
    venvs,
)
from .matrix import CORES, newest_core_here
from .paths import HOMES, LOGS, NOX_ENVIRONMENTS, NOX_HOME, RESULTS, ROOT
from .progress import Progress
from .pytest_runs import LOWEST_PYTHON
from .results import RESULT_VARIABLE, Result
from .steps import say

LOWEST = "lowest"
E2E = "e2e"
HOSTILE = "hostile"
CHECKS = (
    "lint",
    imports.SESSION,
    "build-import-check",
    "docs-check",
    "ansible-lint",
    LOWEST,
    release.SESSION,
    "extra-checks",
    "license-check",
)
# One more than there are cores, up to three: now and then a test waits.
WORKERS = min(3, (os.cpu_count() or 1) + 1)


@dataclasses.dataclass
class Outcome:
    """How a nox session ended."""

    session: str
    ok: bool
    seconds: float
    results: list[Result]


def nox() -> Path:
    """The nox program, installed if need be."""
    requirements = ROOT / "tests" / "driver" / "requirements.txt"
    return venvs.ensure(NOX_HOME, "the test driver (nox)", [], [requirements]) / "nox"


def main(sessions: list[str]) -> int:
    """Run these sessions, or all; returns the exit status."""
    start = time.monotonic()
    _forget_moved_environments()
    program = nox()
    skipped = {} if sessions else _missing()
    chosen = sessions or [name for name in _all_sessions() if name not in skipped]
    if {E2E, HOSTILE, *(core.session for core in CORES)}.intersection(chosen):
        azurite.ensure()
    # The sessions of antsibull-nox run in a copy too: it has no files that git would ignore,
    # also where there is no git to say so.
    release = newest_core_here().ansible
    copy = tree.copy("checks", galaxy.ensure(release, program.with_name("python")))
    say(f"Running {len(chosen)} sessions, {WORKERS} at a time; their output goes to {LOGS}")
    with (
        Progress(_log, len(chosen)) as progress,
        concurrent.futures.ThreadPoolExecutor(WORKERS) as pool,
    ):
        futures = [pool.submit(_run_session, program, name, copy, progress) for name in chosen]
        try:
            done = concurrent.futures.as_completed(futures)
            outcomes = [_show(future.result()) for future in done]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    outcomes.sort(key=lambda outcome: chosen.index(outcome.session))
    _summarize(outcomes, skipped, time.monotonic() - start)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _forget_moved_environments() -> None:
    """Environments carry their own path in their programs: a moved checkout needs new ones."""
    value = stamps.digest([str(ROOT)])
    if not stamps.is_current("root", value):
        for folder in (NOX_ENVIRONMENTS, HOMES):
            shutil.rmtree(folder, ignore_errors=True)
        stamps.write("root", value)


def _all_sessions() -> list[str]:
    # The longest first, so that none of them is left alone at the end: the newest and the oldest
    # core have more to do than the others.
    newest, *others, oldest = (core.session for core in reversed(CORES))
    return [E2E, HOSTILE, newest, oldest, *others, *CHECKS]


def _missing() -> dict[str, str]:
    """The sessions that no interpreter is found for, and why."""
    missing = {
        core.session: f"no Python {' or '.join(core.pythons)} was found"
        for core in CORES
        if not interpreters.find_first(core.pythons)
    }
    if not interpreters.find(LOWEST_PYTHON):
        missing[LOWEST] = f"no Python {LOWEST_PYTHON} was found"
    return missing


def _run_session(program: Path, name: str, copy: Path, progress: Progress) -> Outcome:
    progress.begin(name)
    outcome = _outcome(program, name, copy)
    counts = ", ".join(_counts(_sum(outcome.results)))
    progress.end(name, "passed" if outcome.ok else "FAILED", counts)
    return outcome


def _outcome(program: Path, name: str, copy: Path) -> Outcome:
    for folder in (LOGS, RESULTS):
        folder.mkdir(parents=True, exist_ok=True)
    result_file = RESULTS / f"{name}.json"
    result_file.unlink(missing_ok=True)
    env = environment.clean()
    # CI: the formatters then check, and change nothing.
    env.update({RESULT_VARIABLE: str(result_file), "CI": "true", "NO_COLOR": "1"})
    # So that its output shows how far it is.
    env["PYTHONUNBUFFERED"] = "1"
    command = [str(program), "--envdir", str(NOX_ENVIRONMENTS), "--session", name]
    command += ["--error-on-missing-interpreters", "--nocolor"]
    stamp, value = f"session-{name}", _fingerprint()
    if stamps.is_current(stamp, value):
        # Reuse the environments, and do not even look whether something is newer.
        command.append("-R")
    start = time.monotonic()
    with _log(name).open("w") as log:
        status = subprocess.run(
            command, cwd=copy, env=env, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
    seconds = time.monotonic() - start
    found = results.read(result_file)
    if status == 0:
        stamps.write(stamp, value)
    return Outcome(name, status == 0, seconds, found or [_as_result(name, status, seconds)])


def _as_result(name: str, status: int, seconds: float) -> Result:
    """A session that counts nothing itself is one test."""
    return Result(name, passed=int(status == 0), failed=int(status != 0), seconds=seconds)


def _fingerprint() -> str:
    """What the environments are made from: all that names a package."""
    driver = (f"tests/driver/{name}.py" for name in ("imports", "matrix", "pytest_runs", "release"))
    names = ("noxfile.py", "antsibull-nox.toml", *driver)
    requirements = sorted([*ROOT.glob("requirements*.txt"), *ROOT.glob("tests/**/*.txt")])
    return stamps.digest([str(ROOT)], [*(ROOT / name for name in names), *requirements])


def _log(name: str) -> Path:
    return LOGS / f"{name}.log"


def _show(outcome: Outcome) -> Outcome:
    if not outcome.ok:
        say(f"\n----- {outcome.session}: the whole output " + "-" * 30)
        say(_log(outcome.session).read_text(errors="replace"))
        say(f"----- end of {outcome.session} " + "-" * 30 + "\n")
    return outcome


def _summarize(outcomes: list[Outcome], skipped: dict[str, str], seconds: float) -> None:
    every = [result for outcome in outcomes for result in outcome.results]
    say("\nWhat ran:")
    for result in every:
        say("  " + line(result))
    figures = [figure for result in every for figure in sorted(result.figures.items())]
    if figures:
        say("\nWhat was counted:")
        for name, value in figures:
            say(f"  {name:40} {value:10,.10g}")
    reasons = [f"{result.what}: {reason}" for result in every for reason in result.reasons]
    reasons += [f"{name}: {reason}" for name, reason in skipped.items()]
    if reasons:
        say("\nWhat was skipped:")
        for reason in dict.fromkeys(reasons):
            say(f"  {reason}")
    failed = [outcome.session for outcome in outcomes if not outcome.ok]
    if failed:
        say(f"\nWhat failed: {', '.join(failed)} (output: {LOGS})")
    say(f"\n{len(outcomes)} sessions in {seconds:.0f} s")
    total = _sum(every)
    say(f"{total.passed} passed, {total.failed} failed, {total.skipped + len(skipped)} skipped")


def _sum(every: list[Result]) -> Result:
    total = Result("all")
    for result in every:
        total.passed += result.passed
        total.failed += result.failed
        total.skipped += result.skipped
    return total


def _counts(result: Result) -> list[str]:
    others = (f"{result.failed} failed", f"{result.skipped} skipped")
    numbers = (result.failed, result.skipped)
    return [f"{result.passed} passed", *(text for text, number in zip(others, numbers) if number)]


def line(result: Result) -> str:
    """One line about a result."""
    passed, *others = _counts(result)
    counts = ", ".join([f"{passed:>12}", *others])
    return f"{result.what:28} {result.on:32} {counts}  ({result.seconds:.0f} s)"
