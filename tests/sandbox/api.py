# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API: who may ask, for which zone or account, and what any other path is answered."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from . import control, graphql_api, jobs, ownership, policies, transformers, views, zones
from .envelope import ApiError, failure
from .gate import Gate
from .world import World

BASE = "/client/v4"


def create_app(world: World) -> Flask:
    """The whole application: Cloudflare's paths, and the sandbox's own under ``/sandbox``."""
    app = Flask(__name__)
    app.config["WORLD"] = world
    app.register_blueprint(control.blueprint, url_prefix="/sandbox")
    logpush = f"{BASE}/<any(zones, accounts):scope>/<object_id>/logpush"
    for blueprint in (ownership.blueprint, jobs.blueprint):
        app.register_blueprint(blueprint, url_prefix=logpush)
    of_accounts = f"{BASE}/<any(accounts):scope>/<object_id>/logpush/transformers"
    app.register_blueprint(transformers.blueprint, url_prefix=of_accounts)
    of_accounts = f"{BASE}/<any(accounts):scope>/<object_id>/alerting/v3/policies"
    app.register_blueprint(policies.blueprint, url_prefix=of_accounts)
    app.register_blueprint(graphql_api.blueprint, url_prefix=BASE)
    app.register_blueprint(zones.blueprint, url_prefix=BASE)
    app.before_request(lambda: _authenticate(world))
    app.url_value_preprocessor(lambda _endpoint, values: _find_scope(world, values))
    app.register_error_handler(ApiError, _say_no)
    app.register_error_handler(HTTPException, _say_http_error)
    app.register_error_handler(Exception, _say_broken)
    # Outermost, for it plays with the connection itself, and counts what leads nowhere too.
    app.wsgi_app = Gate(app.wsgi_app, world)  # type: ignore[method-assign]
    return app


def _authenticate(world: World) -> None:
    if not request.path.startswith("/sandbox"):
        world.credentials.check(request.headers)


def _find_scope(world: World, values: dict[str, Any] | None) -> None:
    """Turn ``zones/<id>`` into a kind and an id that exist; views get these two."""
    if values is None or "scope" not in values:
        return
    # Preprocessors run before any other hook: an unknown zone is no news for a stranger.
    world.credentials.check(request.headers)
    values["kind"] = values.pop("scope").removesuffix("s")
    if not world.zones.knows(values["kind"], values["object_id"]):
        raise views.no_route()


def _say_no(error: ApiError) -> tuple[Response, int]:
    return jsonify(failure(error.errors)), error.status


def _say_http_error(error: HTTPException) -> tuple[Response, int]:
    if error.code == 404:
        return _say_no(views.no_route())
    if error.code == 405:
        return _say_no(ApiError(405, 7001, f"Method {request.method} not available for that URI."))
    return _say_no(ApiError(error.code or 500, 1001, error.name))


def _say_broken(error: Exception) -> tuple[Response, int]:
    # A fault of the sandbox itself: it must not look like one of the API's answers.
    return _say_no(ApiError(500, 1000, f"the sandbox failed: {type(error).__name__}: {error}"))
