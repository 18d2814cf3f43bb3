# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The GraphQL Analytics API, with the two datasets of Logpush.

graphql-core parses, validates and executes. Of the real API's own ways these are kept: lower-case
scalars, which take what a variable of another type holds; no data beside an error; no envelope.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint

from . import analytics, views
from .analytics import QueryError
from .job_store import Owner
from .world import World

if TYPE_CHECKING:
    from graphql import GraphQLError, GraphQLSchema

blueprint = Blueprint("graphql", __name__)

_SCOPES = {"zone": (analytics.HEALTH,), "account": (analytics.HEALTH, analytics.USAGE)}
_STATUSES = {"authz": 403, "quota": 400}
_SCHEMA = """
scalar Date
scalar Time
scalar string
scalar uint64
type Query { viewer: viewer }
type viewer {
  zones(filter: ZoneFilter): [zone!]
  accounts(filter: AccountFilter): [account!]
}
input ZoneFilter { zoneTag: string }
input AccountFilter { accountTag: string }
type Settings {
  enabled: Boolean!
  maxDuration: uint64!
  maxPageSize: uint64!
  notOlderThan: uint64!
}
"""


@blueprint.post("/graphql")
def execute() -> tuple[dict[str, Any], int]:
    """Execute one query: data or errors."""
    given = views.body()
    data, errors = _run(given, views.world())
    if not errors:
        return {"data": data, "errors": None}, 200
    # The documentation lists these statuses, and says that HTTP 200 may carry errors too.
    documented = views.world().settings["graphql_errors"] == "http_status"
    status = max(_STATUSES.get(str(_code(error)), 400) for error in errors) if documented else 200
    return {"data": None, "errors": [_shown(error) for error in errors]}, status


def _run(given: dict[str, Any], world: World) -> tuple[Any, list[GraphQLError]]:
    import graphql

    variables = given.get("variables") or {}
    try:
        document = graphql.parse(str(given.get("query") or ""))
        if not isinstance(variables, dict):
            raise graphql.GraphQLError("variables must be an object")
    except graphql.GraphQLError as error:
        return None, [error]
    # The API compares no names of types: $limit may be an Int!, $zoneTag a String!.
    lenient = graphql.validation.VariablesInAllowedPositionRule
    rules = [rule for rule in graphql.specified_rules if rule is not lenient]
    errors = graphql.validate(_schema(), document, rules)
    if errors:
        return None, errors
    result = graphql.execute_sync(
        _schema(),
        document,
        {"viewer": {f"{kind}s": partial(_scopes, world, kind) for kind in _SCOPES}},
        variable_values=variables,
        operation_name=given.get("operationName"),
    )
    return result.data, result.errors or []


def _code(error: GraphQLError) -> str | None:
    known = error.original_error
    return known.code if isinstance(known, QueryError) else None


def _shown(error: GraphQLError) -> dict[str, Any]:
    code = _code(error)
    extensions = {"timestamp": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"}
    return {
        "message": error.message,
        "path": [str(part) for part in error.path] if error.path else None,
        "extensions": extensions | ({"code": code} if code else {}),
    }


@cache
def _schema() -> GraphQLSchema:
    # Imported late: only tests of analytics need it.
    from graphql import build_schema

    return build_schema(_SCHEMA + "\n".join(_types()))


def _types() -> Iterator[str]:
    for kind, datasets in _SCOPES.items():
        names = {name: f"{kind.title()}{name[0].upper()}{name[1:]}" for name in datasets}
        for name, prefix in names.items():
            yield from _types_of(prefix, name)
        nodes = " ".join(
            f"{name}(limit: uint64!, filter: {prefix}Filter_InputObject): [{prefix}!]"
            for name, prefix in names.items()
        )
        settings = f"{kind.title()}Settings"
        yield f"type {settings} {{ {' '.join(f'{name}: Settings' for name in datasets)} }}"
        yield f"type {kind} {{ {kind}Tag: string! settings: {settings} {nodes} }}"


def _types_of(prefix: str, dataset: str) -> Iterator[str]:
    dimensions = analytics.DIMENSIONS[dataset].items()
    filters = [
        f"{name}{comparison}: {f'[{kind}!]' if comparison in ('_in', '_notin') else kind}"
        for name, kind in dimensions
        for comparison in analytics.COMPARISONS
    ]
    yield f"input {prefix}Filter_InputObject {{ {' '.join(filters)} }}"
    sums = " ".join(f"{name}: uint64!" for name in analytics.SUMS[dataset])
    yield f"type {prefix}Sum {{ {sums} }}"
    fields = " ".join(f"{name}: {kind}!" for name, kind in dimensions)
    yield f"type {prefix}Dimensions {{ {fields} }}"
    yield f"type {prefix} {{ count: uint64! sum: {prefix}Sum dimensions: {prefix}Dimensions }}"


def _scopes(world: World, kind: str, _info: Any, **arguments: Any) -> list[dict[str, Any]]:
    """The zone or account that a filter names."""
    object_id = str((arguments.get("filter") or {}).get(f"{kind}Tag"))
    permitted = world.settings["analytics"] == "permitted"
    if not permitted or not world.zones.knows(kind, object_id):
        zone = f"zones [{object_id}] are not authorized"
        raise QueryError(zone if kind == "zone" else "not authorized for that account", "authz")
    datasets = _SCOPES[kind]
    settings = {name: world.limits[name] | {"enabled": True} for name in datasets}
    nodes = {name: partial(_groups, world, (kind, object_id), name) for name in datasets}
    return [{f"{kind}Tag": object_id, "settings": settings, **nodes}]


def _groups(
    world: World, owner: Owner, dataset: str, info: Any, **arguments: Any
) -> list[dict[str, Any]]:
    owners = {owner}
    if dataset == analytics.USAGE:
        # An account pays for its zones too.
        zones = world.zones.everything()
        owners |= {("zone", zone["id"]) for zone in zones if zone["account"]["id"] == owner[1]}
    found = analytics.rows(dataset, world.uploads.everything(), owners)
    try:
        return analytics.groups(dataset, found, _dimensions(info), arguments, world.limits[dataset])
    except QueryError as error:
        if error.code != "range":
            raise
        raise QueryError(f'{owner[0]} "{owner[1]}" {error}', "quota") from error


def _dimensions(info: Any) -> list[str]:
    """The dimensions that a query selects, by which it is grouped. Fragments are not resolved."""
    selected = [each for node in info.field_nodes for each in node.selection_set.selections]
    dimensions = [each for each in selected if each.name.value == "dimensions"]
    names = [each.name.value for node in dimensions for each in node.selection_set.selections]
    return list(dict.fromkeys(names))
