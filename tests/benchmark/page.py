# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command writes into docs/performance.md, between its markers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import tables
from .aims import verdicts
from .plan import everything
from .records import Records

BEGIN = "<!-- What follows is written by `make benchmark`. -->"
END = "<!-- What was written by `make benchmark` ends here. -->"


def write(path: Path, text: str) -> None:
    """Put the text between the markers."""
    before, begin, after = path.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, rest = after.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no markers")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest}", encoding="utf-8")


def render(records: Records) -> str:
    """Return all of it; what was not measured is left out, and counted."""
    return "\n\n".join(_parts(records))


def _parts(records: Records) -> Iterator[str]:
    yield "## Where and when"
    yield "\n".join(f"- {name}: {value}" for name, value in records.setting["shown"].items())
    yield _when(records)
    yield "## The aims"
    yield tables.aims(verdicts(records))
    yield "## Asking for N challenges"
    yield from tables.speed(records)
    yield "## Below the rate limit"
    yield from tables.limits(records)
    yield "## The whole playbook"
    yield from tables.playbooks(records)
    yield "## From an inventory of very many zones to their jobs"
    yield from tables.zones(records)
    yield "## What a module costs before it does anything"
    yield tables.startup(records.startup)
    yield "## Runs that failed"
    failed = list(tables.failures(records))
    yield "\n".join(failed) if failed else "None."


def _when(records: Records) -> str:
    wanted = sum(cell.repeats for cell in everything())
    if not records.runs:
        return f"None of {wanted} runs was made."
    first, last = records.runs[0].at, records.runs[-1].at
    return f"{len(records.runs)} of {wanted} runs, the first ended {first}, the last {last}."
