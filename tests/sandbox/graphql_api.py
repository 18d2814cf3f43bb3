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
    from graphql import GraphQLError, GraphQLSchema, SelectionSetNode

blueprint = Blueprint("graphql", __name__)

_MOST_ZONES = 10
_SCOPES = {"zone": (analytics.HEALTH,), "account": (analytics.HEALTH, analytics.USAGE)}
_STATUSES = {"authz": 403, "quota": 400, "budget": 429}
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
input ZoneFilter { zoneTag: string, zoneTag_in: [string!] }
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
        {"viewer": _viewer(world)},
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
    for scope, datasets in _SCOPES.items():
        settings = f"{scope.title()}Settings"
        nodes = []
        for dataset in datasets:
            prefix = scope.title() + dataset[0].upper() + dataset[1:]
            nodes.append(
                f"{dataset}(limit: uint64!, filter: {prefix}Filter_InputObject, "
                f"orderBy: [{prefix}OrderBy!]): [{prefix}!]"
            )
            yield from _types_of(prefix, dataset)
        yield f"type {settings} {{ {' '.join(f'{name}: Settings' for name in datasets)} }}"
        yield f"type {scope} {{ {scope}Tag: string! settings: {settings} {' '.join(nodes)} }}"


def _types_of(prefix: str, dataset: str) -> Iterator[str]:
    dimensions, sums = analytics.DIMENSIONS[dataset], analytics.SUMS[dataset]
    filters = []
    for name, kind in dimensions.items():
        for comparison in analytics.COMPARISONS:
            many = comparison in ("in", "notin")
            field = f"{name}_{comparison}" if comparison else name
            filters.append(f"{field}: {f'[{kind}!]' if many else kind}")
    orders = [*dimensions, "count", *(f"sum_{name}" for name in sums)]
    directions = [f"{name}_{direction}" for name in orders for direction in ("ASC", "DESC")]
    yield f"input {prefix}Filter_InputObject {{ {' '.join(filters)} }}"
    yield f"enum {prefix}OrderBy {{ {' '.join(directions)} }}"
    yield f"type {prefix}Sum {{ {' '.join(f'{name}: uint64!' for name in sums)} }}"
    fields = " ".join(f"{name}: {kind}!" for name, kind in dimensions.items())
    yield f"type {prefix}Dimensions {{ {fields} }}"
    yield (f"type {prefix} {{ count: uint64! sum: {prefix}Sum dimensions: {prefix}Dimensions }}")


def _viewer(world: World) -> dict[str, Any]:
    def zones(_info: Any, **arguments: Any) -> list[dict[str, Any]]:
        given = arguments.get("filter") or {}
        tags = [given["zoneTag"]] if "zoneTag" in given else given.get("zoneTag_in") or []
        if len(tags) > _MOST_ZONES:
            raise QueryError(
                "in combination, your request queries too many nodes, zones and accounts", "budget"
            )
        denied = [tag for tag in tags if not _permitted(world, ("zone", str(tag)))]
        if denied or not tags:
            raise QueryError(f"zones [{' '.join(map(str, denied))}] are not authorized", "authz")
        return [_scope(world, ("zone", tag)) for tag in tags]

    def accounts(_info: Any, **arguments: Any) -> list[dict[str, Any]]:
        owner = ("account", str((arguments.get("filter") or {}).get("accountTag")))
        if not _permitted(world, owner):
            raise QueryError("not authorized for that account", "authz")
        return [_scope(world, owner)]

    return {"zones": zones, "accounts": accounts}


def _permitted(world: World, owner: Owner) -> bool:
    return world.zones.knows(*owner) and world.settings["analytics"] == "permitted"


def _scope(world: World, owner: Owner) -> dict[str, Any]:
    kind, object_id = owner
    datasets = _SCOPES[kind]
    settings = {name: world.limits[name] | {"enabled": True} for name in datasets}
    nodes = {name: partial(_groups, world, owner, name) for name in datasets}
    return {f"{kind}Tag": object_id, "settings": settings, **nodes}


def _groups(
    world: World, owner: Owner, dataset: str, info: Any, **arguments: Any
) -> list[dict[str, Any]]:
    owners = {owner}
    if dataset == analytics.USAGE:
        # An account pays for its zones too.
        zones = world.zones.everything()
        owners |= {("zone", zone["id"]) for zone in zones if zone["account"]["id"] == owner[1]}
    found = analytics.rows(dataset, world.uploads.everything(), owners)
    wanted = list(dict.fromkeys(_dimensions(info)))
    try:
        return analytics.groups(dataset, found, wanted, arguments, world.limits[dataset])
    except QueryError as error:
        if error.code != "range":
            raise
        raise QueryError(f'{owner[0]} "{owner[1]}" {error}', "quota") from error


def _dimensions(info: Any) -> Iterator[str]:
    """The dimensions that a query selects, by which it is grouped."""
    for node in info.field_nodes:
        for name, inner in _selected(info, node.selection_set):
            if name == "dimensions":
                yield from (name for name, _inner in _selected(info, inner) if name[:2] != "__")


def _selected(
    info: Any, selections: SelectionSetNode | None
) -> Iterator[tuple[str, SelectionSetNode | None]]:
    for each in selections.selections if selections else ():
        if each.kind == "field":
            yield each.name.value, each.selection_set  # type: ignore[attr-defined]
        elif each.kind == "fragment_spread":
            fragment = info.fragments[each.name.value]  # type: ignore[attr-defined]
            yield from _selected(info, fragment.selection_set)
        else:
            yield from _selected(info, each.selection_set)  # type: ignore[attr-defined]
