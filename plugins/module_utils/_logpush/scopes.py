# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read one zone or account, or those of the option ``scopes`` concurrently."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    Outcome,
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import summary
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush

Params = t.Mapping[str, t.Any]
Result = dict[str, t.Any]
LogpushOf = t.Callable[[Params], Logpush]
# What identifies a scope in results and messages.
Label = dict[str, t.Any]
Read = t.Callable[[Logpush, Label], list[Result]]


def read_scopes(
    params: Params, logpush_of: LogpushOf, read: Read
) -> tuple[list[Result], list[Result]]:
    """Return what ``read`` returns for all scopes, and the result of each scope.

    With ``scopes`` the errors are in the results of these; see ``raise_failures``.
    """
    entries = params["scopes"]
    if entries is None:
        if params["zone_id"] is None and params["account_id"] is None:
            # Ansible takes a null for a value.
            raise InvalidInput("scopes", "is null; set zone_id, account_id or scopes")
        label = _label(params)
        return read(logpush_of(params), label), [_scope(label)]
    apis = _apis(entries, logpush_of)
    apis[0][0].expect(len(apis))
    outcomes = run_concurrently(lambda api: read(*api), apis, params["concurrency"])
    return _collected([label for _logpush, label in apis], outcomes)


def raise_failures(whole: Result) -> None:
    """Raise ``CloudflareError`` with the ``whole`` result where one of its ``scopes`` failed."""
    scopes = whole["scopes"]
    summary.raise_failures("scopes", list(map(_named, scopes)), scopes, whole)


def _apis(entries: t.Sequence[Params], logpush_of: LogpushOf) -> list[tuple[Logpush, Label]]:
    if not entries:
        raise InvalidInput("scopes", "is empty; list at least one zone or account")
    apis = []
    for number, entry in enumerate(entries):
        try:
            apis.append((logpush_of(entry), _label(entry)))
        except CloudflareError as error:
            raise CloudflareError(f"scopes[{number}]: {error.message}", error.values) from error
    return apis


def _collected(
    labels: t.Sequence[Label], outcomes: t.Sequence[Outcome[list[Result]]]
) -> tuple[list[Result], list[Result]]:
    read: list[Result] = []
    scopes: list[Result] = []
    for label, outcome in zip(labels, outcomes):
        if isinstance(outcome, CloudflareError):
            scopes.append({**_scope(label, outcome.message), **outcome.values})
        else:
            scopes.append(_scope(label))
            read += outcome
    return read, scopes


def _scope(label: Label, problem: str | None = None) -> Result:
    return {**label, "failed": problem is not None, "msg": problem or ""}


def _label(entry: Params) -> Label:
    names = ("host", "zone_id", "account_id")
    return {name: entry[name] for name in names if entry.get(name) is not None}


def _named(label: Params) -> str:
    kind = "zone" if "zone_id" in label else "account"
    name = f"{kind} {label[f'{kind}_id']}"
    return f"{label['host']} ({name})" if "host" in label else name
