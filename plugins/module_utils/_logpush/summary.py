# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sum up the results of many entries: one result for all, and for jobs counts and a table. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import Outcome
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import CloudflareError

Result = dict[str, t.Any]
Results = t.Sequence[t.Mapping[str, t.Any]]

_ACTIONS = {"created": "created", "updated": "updated", "deleted": "deleted", "none": "unchanged"}
_HEADER = ("ZONE OR ACCOUNT", "JOB", "DATASET", "RESULT", "OWNERSHIP", "DETAILS")


class Label(t.NamedTuple):
    """How an entry is identified: ``item`` holds no secret, ``text`` is for messages."""

    item: t.Mapping[str, t.Any]
    text: str


def summarize(
    noun: str, labels: t.Sequence[Label], outcomes: t.Sequence[Outcome[Result]]
) -> Result:
    """Return one result for all entries; raise ``CloudflareError`` with it where one has failed.

    ``noun`` names the entries, in the plural. ``results`` are in their order.
    """
    whole = collect(labels, outcomes)
    raise_failures(noun, [label.text for label in labels], whole["results"], whole)
    return whole


def collect(labels: t.Sequence[Label], outcomes: t.Sequence[Outcome[Result]]) -> Result:
    """Return ``results``, one for each outcome, and what Ansible shows of all of them.

    Warnings and diffs are those of the module, each warning with the label of its entry.
    """
    results, warnings, diffs = [], [], []
    for label, outcome in zip(labels, outcomes):
        result = _failure(outcome) if isinstance(outcome, CloudflareError) else dict(outcome)
        warnings += [f"{label.text}: {text}" for text in result.pop("warnings", ())]
        diffs += [result.pop("diff")] if "diff" in result else []
        results.append({"item": dict(label.item), "failed": False, "msg": "", **result})
    whole: Result = {"changed": any(each["changed"] for each in results), "results": results}
    whole["warnings"] = warnings
    if diffs:
        whole["diff"] = diffs
    return whole


def raise_failures(
    noun: str, labels: t.Sequence[str], results: t.Sequence[Result], whole: Result
) -> None:
    """Raise ``CloudflareError`` with the ``whole`` result where one of ``results`` has failed.

    ``labels`` identify them in the message.
    """
    failed = [number for number, each in enumerate(results) if each["failed"]]
    if failed:
        first = failed[0]
        sentence = f"{len(failed)} of {len(results)} {noun} failed"
        sentence += "; the first of them: " if len(failed) > 1 else ": "
        raise CloudflareError(f"{sentence}{labels[first]}: {results[first]['msg']}", whole)


def _failure(error: CloudflareError) -> Result:
    return {"changed": False, **error.values, "failed": True, "msg": error.message}


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
