# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare Logpush jobs for a report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: logpush_report
short_description: Prepare Logpush jobs for a report
version_added: 0.4.0
author:
  - The edgeops.cloudflare project (@edgeops)
description:
  - Returns what the playbook C(edgeops.cloudflare.report) shows of the jobs of zones and accounts,
    as text.
  - What is not of the documented type is shown as text, or left out, so that an unusual job
    affects its own row alone.
options:
  _input:
    description:
      - The C(results) of a loop over zones and accounts of M(edgeops.cloudflare.logpush_job_info),
        whose items have C(zone_id) or C(account_id), and C(name).
    type: list
    elements: dict
    required: true
seealso:
  - module: edgeops.cloudflare.logpush_job_info
"""

EXAMPLES = r"""
- name: List the jobs
  edgeops.cloudflare.logpush_job_info:
    zone_id: "{{ item.zone_id }}"
  loop:
    - {zone_id: 023e105f4ecef8ad9ca31a8372d0c353, name: example.com}
  register: listed

- name: Show the jobs
  ansible.builtin.debug:
    msg: "{{ (listed.results | edgeops.cloudflare.logpush_report).table }}"
"""

RETURN = r"""
_value:
  description:
    - C(scopes) with their C(jobs), the C(table) as lines of text, a C(summary), C(counts), and the
      C(unread) scopes and the C(failing) jobs, stale ones included, by their names.
  type: dict
"""

import json
import re
import typing as t
from collections import Counter
from collections.abc import Mapping

_STATES = ("pushing", "failing", "stale", "nothing pushed yet", "disabled")
_UNHEALTHY = ("failing", "stale")
_IN_SENTENCES = {"nothing pushed yet": "with nothing pushed yet"}
_HEADINGS = ("SCOPE", "JOB", "DATASET", "DESTINATION", "STATE")
_LONGEST = 500  # characters in one cell
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[0-9:.]*Z")

Result = t.Mapping[str, t.Any]


def report(results: t.Sequence[Result]) -> dict[str, t.Any]:
    """Return what a report shows."""
    scopes = [_scope(result) for result in results]
    jobs = [job for scope in scopes for job in scope["jobs"]]
    counts = Counter(job["state"] for job in jobs)
    unread = [f"{scope['name']} ({scope['error']})" for scope in scopes if scope["error"]]
    summary = f"{_count(len(jobs), 'job')} in {_count(len(scopes), 'scope')}"
    stated = [f"{counts[each]} {_IN_SENTENCES.get(each, each)}" for each in _STATES if counts[each]]
    if stated:
        summary += f": {', '.join(stated)}"
    if unread:
        summary += f"; {_count(len(unread), 'scope')} could not be read"
    return {
        "scopes": scopes,
        "counts": {each: counts[each] for each in _STATES},
        "unread": unread,
        "failing": [
            f"{job['name']} in {scope['name']}"
            for scope in scopes
            for job in scope["jobs"]
            if job["state"] in _UNHEALTHY
        ],
        "summary": summary,
        "table": [*_table(scopes), summary],
    }


def _scope(result: Result) -> dict[str, t.Any]:
    item = _mapping(result.get(str(result.get("ansible_loop_var", "item"))))
    kind = "zone" if item.get("zone_id") else "account"
    scope_id = f"{kind} {_line(item.get(f'{kind}_id'))}"
    jobs = result.get("jobs")
    error = "" if isinstance(jobs, list) else _line(result.get("msg") or "no reason given")
    rows = [_job(job) for job in jobs] if isinstance(jobs, list) else []
    # Those without a name last.
    rows.sort(key=lambda job: (not job["named"], job["name"], job["id"]))
    return {
        "name": _line(item.get("name")) or scope_id,
        "id": scope_id,
        "error": error,
        "jobs": rows,
    }


def _job(given: t.Any) -> dict[str, t.Any]:
    job = _mapping(given)
    destination = _mapping(job.get("destination"))
    options = _mapping(job.get("output_options"))
    more = [
        destination.get("region"),
        destination.get("endpoint") if destination.get("bucket") else None,
    ]
    name, number = _line(job.get("name")), _line(job.get("id"))
    return {
        "named": bool(name),
        "name": name or f"id {number}",
        "id": number,
        "dataset": _line(job.get("dataset")),
        "destination": _destination(destination),
        "destination_details": ", ".join(_line(each) for each in more if each),
        "state": _state(job),
        "enabled": bool(job.get("enabled")),
        "last_push": _time(job.get("last_complete")),
        "last_error": _time(job.get("last_error")),
        "error": _line(job.get("error_message")),
        "sampling": _sampling(options, job),
        "fields": _fields(options.get("field_names")),
        "filter": _json(job["filter"]) if job.get("filter") else "",
    }


def _state(job: Result) -> str:
    if job.get("status") == "stale":
        return "stale"
    if job.get("healthy") is True:
        return "pushing"
    if job.get("healthy") is False:
        return "failing"
    return "nothing pushed yet" if job.get("enabled") else "disabled"


def _destination(parts: Result) -> str:
    if not parts:
        return ""
    scheme, bucket, prefix = (_line(parts.get(each)) for each in ("scheme", "bucket", "prefix"))
    if not bucket:
        return f"{scheme}://{_line(parts.get('endpoint'))}"
    return f"{scheme}://{bucket}/{prefix}" if prefix else f"{scheme}://{bucket}"


def _sampling(options: Result, job: Result) -> str:
    rate = options.get("sample_rate")
    if rate is None or rate == 1:
        return "all" if options or not job.get("logpull_options") else ""
    if isinstance(rate, float) or (isinstance(rate, int) and abs(rate) < 10**15):
        return f"{rate * 100:.4g} %"
    return _line(rate)


def _fields(names: t.Any) -> str:
    if not names:
        return ""
    return str(len(names)) if isinstance(names, (list, tuple)) else _line(names)


def _time(value: t.Any) -> str:
    found = _TIME.fullmatch(str(value or ""))
    return f"{found[1]} {found[2]} UTC" if found else _line(value)


def _table(scopes: t.Sequence[Result]) -> t.Iterator[str]:
    rows: list[t.Sequence[str]] = [_HEADINGS]
    for scope in scopes:
        rows += _rows(scope)
    cells = [row for row in rows if len(row) == len(_HEADINGS)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADINGS))]
    for row in rows:
        if len(row) == len(_HEADINGS):
            yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip()
        else:
            # Why it failed, below the row.
            yield f"    {row[0]}"


def _rows(scope: Result) -> t.Iterator[tuple[str, ...]]:
    if scope["error"]:
        yield (scope["name"], "-", "-", "-", "NOT READ")
        yield (scope["error"],)
    elif not scope["jobs"]:
        yield (scope["name"], "-", "-", "-", "no jobs")
    for job in scope["jobs"]:
        unhealthy = job["state"] in _UNHEALTHY
        state = job["state"].upper() if unhealthy else job["state"]
        destination = job["destination"] or "not shown"
        yield (scope["name"], job["name"], job["dataset"] or "-", destination, state)
        if job["state"] == "stale":
            yield (f"last push: {job['last_push']}",)
        elif unhealthy:
            yield (job["error"] or "Cloudflare reports no reason",)


def _mapping(value: t.Any) -> Result:
    return value if isinstance(value, Mapping) else {}


def _line(value: t.Any) -> str:
    """Return a value as one line of text of limited length."""
    if value is None:
        return ""
    text = " ".join((value if isinstance(value, str) else _json(value)).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _json(value: t.Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        # Such as an integer of more digits than Python turns into text.
        return "not shown"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class FilterModule:
    """The filter plugin."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"logpush_report": report}
