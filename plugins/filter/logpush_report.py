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
    those that need attention first.
  - What is not of the documented type is shown as text, or left out, so that an unusual job affects
    only its own row.
options:
  _input:
    description:
      - What M(edgeops.cloudflare.logpush_job_info) returned for its option C(scopes).
    type: dict
    required: true
  links:
    description: Links into Cloudflare's dashboard, in the order of the scopes.
    type: list
    elements: str
  fail_on:
    description:
      - The statuses to report as C(complaints). V(disabled_with_error) are jobs that are disabled
        and show an error, as those that Cloudflare has disabled do.
      - Scopes that could not be read are always reported.
    type: list
    elements: str
    choices:
      - failing
      - stale
      - idle
      - disabled
      - disabled_with_error
  health:
    description: What M(edgeops.cloudflare.logpush_health_info) returned for the same scopes. If
      set, jobs are shown with their uploads.
    type: dict
  page:
    description: The file that the page is written to. Empty if none is written.
    type: str
    default: ""
  data_file:
    description: The file that the data is written to. Empty if none is written.
    type: str
    default: ""
  is_awx:
    description: Whether AWX runs the playbook, so that its files are lost with the container.
    type: bool
    default: false
  now:
    description: The time from which ages are computed, in seconds since 1970. Now by default.
    type: float
seealso:
  - module: edgeops.cloudflare.logpush_job_info
  - plugin: edgeops.cloudflare.logpush_report_scopes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: List the jobs
  edgeops.cloudflare.logpush_job_info:
    scopes:
      - zone_id: 023e105f4ecef8ad9ca31a8372d0c353
        host: example.com
  register: listed

- name: Show the jobs, those that need attention first
  ansible.builtin.debug:
    msg: "{{ (listed | edgeops.cloudflare.logpush_report).table }}"

- name: Fail if a job is failing
  ansible.builtin.assert:
    that: complaints | length == 0
    fail_msg: "{{ complaints | join('. ') }}"
  vars:
    complaints: "{{ (listed | edgeops.cloudflare.logpush_report(fail_on=['failing'])).complaints }}"
"""

RETURN = r"""
_value:
  description:
    - The C(table) and C(files) as lines of text, a C(summary) in one sentence, C(complaints) in
      sentences; C(tiles), C(rows) and C(empty) for the page, all texts; C(data) for machines, and
      C(stats), the numbers of jobs by status and of scopes, for M(ansible.builtin.set_stats).
  type: dict
"""

import time
import typing as t
from collections import Counter
from datetime import datetime, timezone

from ansible_collections.edgeops.cloudflare.plugins.plugin_utils import _report_text as text
from ansible_collections.edgeops.cloudflare.plugins.plugin_utils._report_uploads import (
    Uploads,
    count_of,
    scope_key,
)

Params = t.Mapping[str, t.Any]
Row = dict[str, t.Any]

_UNREAD = "not read"
_DISABLED_WITH_ERROR = "disabled_with_error"
_UNKNOWN = "unknown"


class _Status(t.NamedTuple):
    """How a status is shown: a sign for those who see no colors, and a class of the page."""

    sign: str
    kind: str
    in_sentence: str


# The worst ones first.
_STATUSES = {
    _UNREAD: _Status("✕", "bad", ""),
    "failing": _Status("✕", "bad", "failing"),
    _DISABLED_WITH_ERROR: _Status("✕", "bad", "disabled with an error"),
    "stale": _Status("✕", "bad", "stale"),
    _UNKNOWN: _Status("?", "wait", "of unknown status"),
    "idle": _Status("…", "wait", "with nothing pushed yet"),
    "pushing": _Status("✓", "good", "pushing"),
    "disabled": _Status("\N{EN DASH}", "off", "disabled"),
}
_RANKS = {status: rank for rank, status in enumerate(_STATUSES)}
_JOB_STATUSES = [status for status in _STATUSES if status != _UNREAD]
_ALWAYS_SHOWN = ("pushing", "failing", "idle", "disabled")
_FAIL_ON = ("failing", "stale", "idle", "disabled", _DISABLED_WITH_ERROR)
_HEADINGS = ("STATUS", "AGE", "UPLOADED", "SCOPE", "JOB", "DATASET", "DESTINATION")
_MOST_NAMES = 20
_LOST = (
    "AWX removes the container of this job, with its files, unless they are in a folder that it "
    "exposes to jobs"
)
# What a row of a scope whose jobs are not known leaves empty.
_OF_JOB = (
    *("job", "id", "dataset", "destination", "destination_details", "age", "pushed"),
    *("error_age", "error_time", "selection", "filter", "volume", "uploads"),
)


def report(
    listed: Params,
    links: t.Sequence[str] = (),
    fail_on: t.Sequence[str] | str | None = None,
    *,
    health: t.Any = None,
    page: str = "",
    data_file: str = "",
    is_awx: bool = False,
    now: float | None = None,
) -> dict[str, t.Any]:
    """Return what a report shows."""
    if isinstance(fail_on, str):
        # As Ansible makes a list of a text.
        fail_on = [each.strip() for each in fail_on.split(",")]
    unknown = [each for each in fail_on or () if each not in _FAIL_ON]
    if unknown:
        raise ValueError(f"fail_on: '{unknown[0]}' is not a status; use {', '.join(_FAIL_ON)}")
    now = time.time() if now is None else now
    whole = _Report(listed, links, Uploads(health), now).shown(fail_on or ())
    files = [f"{kind}: {path}" for kind, path in (("Page", page), ("Data", data_file)) if path]
    if files and is_awx:
        files.append(_LOST)
    stats = {"complaints": whole["complaints"], "page": page, "data": data_file}
    return {**whole, "files": files, "stats": {**whole["data"]["counts"], **stats}}


class _Report:
    def __init__(
        self, listed: Params, links: t.Sequence[str], uploads: Uploads, now: float
    ) -> None:
        self._uploads = uploads
        self._now = now
        scopes = listed.get("scopes")
        if not isinstance(scopes, list):
            raise ValueError("the input must be what logpush_job_info returns for scopes")
        self._scopes = [
            _scope(scope, links[number] if number < len(links) else "")
            for number, scope in enumerate(scopes)
        ]
        self._jobs = [text.mapping(job) for job in listed.get("jobs") or ()]
        numbers = {scope_key(scope): number for number, scope in enumerate(scopes)}
        places = [numbers.get(scope_key(job.get("scope")), 0) for job in self._jobs]
        rows = [self._job(job, self._scopes[place]) for job, place in zip(self._jobs, places)]
        self._counts = Counter(row["status"] for row in rows)
        self._unread = [scope for scope in self._scopes if scope["error"]]
        with_jobs = set(places)
        self._empty = [
            scope
            for number, scope in enumerate(self._scopes)
            if number not in with_jobs and not scope["error"]
        ]
        placed = sorted(zip(rows, places), key=lambda each: _order(*each))
        self._rows = [*map(_unread_row, self._unread), *(row for row, _place in placed)]

    def shown(self, fail_on: t.Sequence[str]) -> dict[str, t.Any]:
        """Return all parts of the report."""
        summary = self._summary()
        counts = {each: self._counts[each] for each in _JOB_STATUSES}
        counts.update(jobs=len(self._jobs), scopes=len(self._scopes), unread=len(self._unread))
        time_shown = datetime.fromtimestamp(self._now, timezone.utc)
        return {
            "summary": summary,
            "time": time_shown.strftime("%Y-%m-%d %H:%M UTC"),
            "tiles": self._tiles(),
            "uploads": self._uploads.period if self._uploads.asked else "",
            "rows": self._rows,
            "empty": self._empty,
            "table": [*self._table(), summary],
            "complaints": self._complaints(fail_on),
            "data": {
                "time": time_shown.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "counts": counts,
                "scopes": [scope["data"] for scope in self._scopes],
                "jobs": [row["data"] for row in self._rows if row["status"] != _UNREAD],
            },
        }

    def _job(self, job: Params, scope: Row) -> Row:
        name, number = text.line(job.get("name")), text.line(job.get("id"))
        uri, details = text.destination(job.get("destination"))
        status = _status(job)
        bad = _STATUSES[status].kind == "bad"
        error, failed = text.line(job.get("error_message")), job.get("last_error")
        pushed = job.get("last_complete")
        uploads = self._uploads.of(job)
        if bad and not error:
            error = "Cloudflare reports no reason"
            if status == "stale":
                error = f"Nothing was pushed for {text.age(pushed, self._now) or 'long'}"
        return {
            **_shown_status(status),
            **{name: scope[name] for name in ("scope", "scope_id", "link")},
            "job": name or f"id {number}",
            "id": number if name else "",
            "dataset": text.line(job.get("dataset")),
            "destination": uri,
            "destination_details": details,
            "age": text.age(pushed, self._now),
            "pushed": text.time_of(pushed),
            "error": error if bad or error else "",
            "error_age": text.age(failed, self._now),
            "error_time": text.time_of(failed),
            "selection": ", ".join(text.selection(job)),
            "filter": text.as_json(job["filter"]) if job.get("filter") else "",
            "volume": "" if uploads is None else text.size(uploads["bytes"]),
            "uploads": "" if uploads is None else count_of(uploads),
            "data": self._data(job, uploads),
        }

    def _data(self, job: Params, uploads: Params | None) -> Row:
        pushed = text.seconds(job.get("last_complete"))
        return {
            # What only other modules need is left out.
            **{name: value for name, value in job.items() if name != "config"},
            "seconds_since_last_complete": None if pushed is None else int(self._now - pushed),
            "uploads": uploads,
        }

    def _summary(self) -> str:
        jobs, scopes = text.count(len(self._jobs), "job"), text.count(len(self._scopes), "scope")
        stated = [
            f"{self._counts[each]} {_STATUSES[each].in_sentence}"
            for each in _JOB_STATUSES
            if self._counts[each]
        ]
        summary = f"{jobs} in {scopes}" + (f": {', '.join(stated)}" if stated else "")
        if self._unread:
            summary += f"; {text.count(len(self._unread), 'scope')} could not be read"
        return summary

    def _tiles(self) -> list[Row]:
        tiles = [
            {"label": _label(each), "number": self._counts[each], "kind": _STATUSES[each].kind}
            for each in _JOB_STATUSES
            if each in _ALWAYS_SHOWN or self._counts[each]
        ]
        if self._unread:
            label = "Scopes not read"
            tiles.insert(0, {"label": label, "number": len(self._unread), "kind": "bad"})
        return [{**tile, "kind": tile["kind"] if tile["number"] else ""} for tile in tiles]

    def _table(self) -> t.Iterator[str]:
        cells = [_HEADINGS, *map(_cells, self._rows)]
        if not self._uploads.asked:
            cells = [(*row[:2], *row[3:]) for row in cells]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        lines = [
            "  ".join(f"{c:{width}}" for c, width in zip(row, widths)).rstrip() for row in cells
        ]
        yield lines[0]
        for row, shown in zip(self._rows, lines[1:]):
            yield shown
            if row["error"]:
                ago = f" ({row['error_age']} ago)" if row["error_age"] else ""
                yield f"    {row['error']}{ago}"
        if self._empty:
            names = _names([scope["scope"] for scope in self._empty])
            yield f"{text.count(len(self._empty), 'scope')} without jobs: {names}"

    def _complaints(self, fail_on: t.Sequence[str]) -> list[str]:
        found = []
        if self._unread:
            names = _names([f"{each['scope']} ({each['error']})" for each in self._unread], "; ")
            found.append(
                f"{len(self._unread)} of {len(self._scopes)} scopes could not be read: {names}"
            )
        uploads = self._uploads
        if uploads.unread:
            found.append(
                f"the uploads of {len(uploads.unread)} of {uploads.scopes} scopes could not be "
                f"read: {_names(uploads.unread, '; ')}"
            )
        for status in _JOB_STATUSES:
            if status in fail_on or (status == _DISABLED_WITH_ERROR and "disabled" in fail_on):
                rows = [row for row in self._rows if row["status"] == status]
                names = _names([f"{row['job']} in {row['scope']}" for row in rows])
                if rows:
                    found.append(f"{len(rows)} {_STATUSES[status].in_sentence}: {names}")
        return found


def _scope(given: t.Any, link: str) -> Row:
    scope = text.mapping(given)
    option = "zone_id" if scope.get("zone_id") else "account_id"
    scope_id, name = text.line(scope.get(option)), text.line(scope.get("host"))
    error = text.line(scope.get("msg")) or "no reason given"
    error = error if scope.get("failed") else ""
    return {
        "scope": text.scope(scope),
        "scope_id": scope_id if name else "",
        "link": link,
        "error": error,
        "data": {
            option: scope_id,
            "name": name or None,
            "link": link or None,
            "error": error or None,
        },
    }


def _unread_row(scope: Row) -> Row:
    """Return a row for a scope whose jobs are not known."""
    return {**dict.fromkeys(_OF_JOB, ""), **scope, **_shown_status(_UNREAD)}


def _shown_status(status: str) -> Row:
    shown = _STATUSES[status]
    return {"status": status, "label": _label(status), "sign": shown.sign, "kind": shown.kind}


def _label(status: str) -> str:
    return "Disabled (error)" if status == _DISABLED_WITH_ERROR else status.capitalize()


def _status(job: Params) -> str:
    status = job.get("status")
    if not isinstance(status, str) or status not in _JOB_STATUSES:
        return _UNKNOWN
    return _DISABLED_WITH_ERROR if status == "disabled" and job.get("error_message") else status


def _order(row: Row, place: int) -> tuple[t.Any, ...]:
    """Put the worst jobs first; then in the order of the scopes, those without a name last."""
    return (_RANKS[row["status"]], place, not row["id"], row["job"])


def _cells(row: Row) -> tuple[str, ...]:
    label = row["label"]
    status = label.upper() if row["kind"] == "bad" else label.lower()
    if row["status"] == _UNREAD:
        return (status, "-", "-", row["scope"], "-", "-", "-")
    shown = (row["age"], row["volume"], row["scope"], row["job"], row["dataset"])
    return (status, *(cell or "-" for cell in shown), row["destination"] or "not shown")


def _names(names: t.Sequence[str], separator: str = ", ") -> str:
    more = len(names) - _MOST_NAMES
    return separator.join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


class FilterModule:
    """The filter plugin."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"logpush_report": report}
