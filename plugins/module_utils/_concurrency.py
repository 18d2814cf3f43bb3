# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One thing done for many, side by side: what came of each, in the order given.

Knows neither Cloudflare nor Ansible, but for the shape that a registered loop has.
"""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import CloudflareError

Result = dict[str, t.Any]
_Item = t.TypeVar("_Item")
_Made = t.TypeVar("_Made")
# What came of one: what was made, or the error.
Outcome = t.Union[_Made, CloudflareError]


def run_concurrently(
    work: t.Callable[[_Item], _Made], items: t.Sequence[_Item], concurrency: int
) -> list[Outcome[_Made]]:
    """Do ``work`` for each item, ``concurrency`` at a time; one failure stops no other.

    An error that is no ``CloudflareError`` is one of the program: nothing more is begun then.
    """
    bugs: list[Exception] = []

    def one(item: _Item) -> Outcome[_Made]:
        if bugs:
            raise bugs[0]
        try:
            return work(item)
        except CloudflareError as error:
            return error
        except Exception as bug:
            bugs.append(bug)
            raise

    if concurrency == 1:
        return [one(item) for item in items]
    pool = ThreadPoolExecutor(min(concurrency, max(1, len(items))))
    try:
        return list(pool.map(one, items))
    finally:
        # After Ctrl-C, those that wait are not begun.
        pool.shutdown(cancel_futures=True)


class Label(t.NamedTuple):
    """How an entry is called: ``item`` has no secret in it, ``text`` is for sentences."""

    item: t.Mapping[str, t.Any]
    text: str


def summarize(
    noun: str, labels: t.Sequence[Label], outcomes: t.Sequence[Outcome[Result]]
) -> Result:
    """Return one result for all, or raise ``CloudflareError`` where one has failed.

    ``results`` in it are as those of a loop. Warnings and diffs are told once, each with the
    label of what it is about. ``noun`` is what the entries are, in the plural.
    """
    results, warnings, diffs = [], [], []
    for label, outcome in zip(labels, outcomes):
        result = _failure(outcome) if isinstance(outcome, CloudflareError) else dict(outcome)
        warnings += [f"{label.text}: {said}" for said in result.pop("warnings", ())]
        diffs += [result.pop("diff")] if "diff" in result else []
        item = {"item": dict(label.item), "ansible_loop_var": "item"}
        results.append({"failed": False, **result, **item})
    whole: Result = {"changed": any(each["changed"] for each in results), "results": results}
    whole["warnings"] = warnings
    if diffs:
        whole["diff"] = diffs
    failed = [number for number, each in enumerate(results) if each["failed"]]
    if failed:
        first = failed[0]
        sentence = f"{len(failed)} of {len(results)} {noun} failed"
        sentence += "; the first of them: " if len(failed) > 1 else ": "
        raise CloudflareError(f"{sentence}{labels[first].text}: {results[first]['msg']}", whole)
    return whole


def _failure(error: CloudflareError) -> Result:
    return {"changed": False, **error.values, "failed": True, "msg": error.message}
