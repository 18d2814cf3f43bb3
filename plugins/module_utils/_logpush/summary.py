# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sum up the results of many jobs for people: counts, and a table. Pure."""

from __future__ import annotations

import typing as t

Results = t.Sequence[t.Mapping[str, t.Any]]

_ACTIONS = {"created": "created", "updated": "updated", "deleted": "deleted", "none": "unchanged"}
_HEADER = ("ZONE OR ACCOUNT", "JOB", "DATASET", "RESULT", "OWNERSHIP", "DETAILS")


def counts(results: Results, pruned: Results) -> dict[str, int]:
    """Return how many jobs there are of each outcome; those pruned count by themselves."""
    summary = dict.fromkeys(("total", *_ACTIONS.values(), "pruned", "failed"), 0)
    summary["total"] = len(results)
    for result in results:
        summary["failed" if result["failed"] else _ACTIONS[result["action"]]] += 1
    for result in pruned:
        summary["failed" if result["failed"] else "pruned"] += 1
    return summary


def table(results: Results, pruned: Results) -> list[str]:
    """Return the lines of a table: a header, and one line for each job."""
    rows = [_HEADER, *map(_row, results), *(_row(each, "pruned") for each in pruned)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER) - 1)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]])
        for row in rows
    )
    return [line.rstrip() for line in lines]


def _row(result: t.Mapping[str, t.Any], outcome: str | None = None) -> tuple[str, ...]:
    item = result["item"]
    scope = str(item.get("zone_id") or item.get("account_id"))
    if item.get("host"):
        scope = f"{item['host']} ({scope})"
    job = result.get("job") or {}
    name = item.get("name") or job.get("name") or item.get("id")
    dataset = item.get("dataset") or job.get("dataset")
    if result["failed"]:
        outcome, details = "failed", str(result["msg"])
    else:
        outcome = outcome or _ACTIONS[result["action"]]
        details = _details(result, job)
    ownership = str(result.get("ownership") or "-")
    cells = (scope, name or "-", dataset or "-", outcome, ownership, details)
    return tuple(_one_line(str(cell)) for cell in cells)


def _details(result: t.Mapping[str, t.Any], job: t.Mapping[str, t.Any]) -> str:
    details = [f"id {job['id']}"] if job.get("id") else []
    if result["action"] == "updated":
        details.append(", ".join(result["changes"]))
    if result["not_compared"]:
        details.append(f"not compared: {', '.join(result['not_compared'])}")
    if result["push"] is not None:
        details.append(f"logs pushed up to {job['last_complete']}")
    if result["response_lost"]:
        details.append("response lost, verified afterwards")
    return "; ".join(details)


def _one_line(text: str) -> str:
    # Whole: the module redacts its result at the end, and would not know one half of a secret.
    return " ".join(text.split())
