# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make test` prints besides nox: how far the sessions are, and at the end what they counted.

Each command of a session has a log, which ends with a line about it.
"""

from __future__ import annotations

import os
import re
import resource
import time
import typing as t
from collections import Counter

from .paths import LOGS, SUMMARY_VARIABLE

if t.TYPE_CHECKING:
    import nox

INTERVAL = 30  # seconds between two reports of how far they are
# Output then goes to logs, and is printed only where something failed.
SUMMARIZED = SUMMARY_VARIABLE in os.environ
_POSITION = re.compile(
    r'\[ *(\d+%)\]$|^Running sanity test "([\w-]+)|^Running (\S+) integration test', re.MULTILINE
)
# What pytest prints at its end.
_TALLY = re.compile(r"^((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.MULTILINE)
_ENDED = re.compile(r"^Ended: (.*)$", re.MULTILINE)
_FIGURE = re.compile(r"^figure: (.*)$", re.MULTILINE)
_SKIPPED = re.compile(r"^(?:SKIPPED |WARNING: (?=Skipping|Required program))(.*)$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


class Part(t.NamedTuple):
    """One command of a session."""

    what: str
    failed: bool


def run(
    session: nox.Session,
    what: str,
    command: t.Sequence[str],
    env: t.Mapping[str, str | None],
    *,
    success: tuple[int, ...] = (0,),
    beside_others: bool = False,
) -> Part:
    """Run a command; a failure is recorded, and ends nothing: see `check`."""
    # Imported here, since the driver installs nox.
    from nox.command import CommandFailed

    title = f"{session.name}: {what}"
    log = LOGS / f"{title.translate(str.maketrans(' /', '--', ':,'))}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    logged, failed = SUMMARIZED or beside_others, False
    start, used = time.monotonic(), processor_seconds()
    with log.open("w", encoding="utf-8") as stream:
        output = stream if logged else None
        try:
            session.run(
                *command,
                env=env,
                external=True,
                success_codes=success,
                stdout=output,
                stderr=output,
                # Where it is interrupted, it ends what it has started.
                interrupt_timeout=30,
            )
        except CommandFailed:
            failed = True
    text = log.read_text("utf-8", "replace")
    if logged and (failed or not SUMMARIZED):
        print(text, flush=True)
    tally = (_TALLY.findall(text) or [""])[-1]
    if not tally or (failed and " failed" not in tally):
        tally = f"{tally}, 1 {'failed' if failed else 'passed'}".lstrip(", ")
    used, taken = processor_seconds() - used, time.monotonic() - start
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"\nEnded: {title:52} {tally}  ({taken:.0f} s, processor {used:.0f} s)\n")
    return Part(what, failed)


def check(session: nox.Session, *parts: Part) -> None:
    """Have the session fail if one of its parts did."""
    failed = [part.what for part in parts if part.failed]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def position(output: str) -> str:
    """Return how far a command is that has printed this."""
    found = [match[match.lastindex or 0] for match in _POSITION.finditer(output)]
    return found[-1] if found else ""


def progress() -> None:
    """Print how far the commands are, from their logs."""
    for log in sorted(LOGS.glob("*.log")):
        text = log.read_text("utf-8", "replace")
        if not _ENDED.search(text):
            print(f"  running  {log.stem}  {position(text)}", flush=True)


def show() -> None:
    """Print what ran, what was counted and what was skipped."""
    text = "\n".join(log.read_text("utf-8", "replace") for log in sorted(LOGS.glob("*.log")))
    ended = _ENDED.findall(text)
    found = {
        "ran": ended,
        "was counted": _FIGURE.findall(text),
        "was skipped": _SKIPPED.findall(text),
    }
    for title, lines in found.items():
        if lines:
            print(f"\nWhat {title}:", *dict.fromkeys(lines), sep="\n  ")
    counts = Counter[str]()
    for number, state in _COUNT.findall("\n".join(ended)):
        counts[state] += int(number)
    totals = [f"{number} {state}" for state, number in sorted(counts.items())]
    print(f"\n{', '.join([*totals, f'processor {processor_seconds():.0f} s in all'])}")


def processor_seconds() -> float:
    """Processor seconds of all child processes that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
