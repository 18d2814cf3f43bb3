# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The beliefs are tested in a sandbox, unless `make contract` names another place."""

from __future__ import annotations

import dataclasses
import signal
import sys
import typing as t

import pytest
from e2e.control import Control

from sandbox.server import running

from .api import Api
from .report import KEY
from .settings import DESTINATION, Settings, of_sandbox

EVERYTHING, BUCKET_ALONE = "everything", "bucket alone"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.addinivalue_line("markers", "belief(source, *needs): what is believed of the API")
    config.addinivalue_line("markers", "question(*needs): what is not known of the API")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """In a sandbox, test with a bucket alone what needs no more."""
    if "settings" in metafunc.fixturenames and metafunc.config.stash.get(KEY, None) is None:
        belief = metafunc.definition.get_closest_marker("belief")
        both = belief is not None and belief.args[1:] == (DESTINATION,)
        names = [EVERYTHING, *([BUCKET_ALONE] if both else [])]
        metafunc.parametrize("settings", names, indirect=True, scope="session")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Keep the answer to a question."""
    if pyfuncitem.get_closest_marker("question") is None:
        return None
    answer = pyfuncitem.obj(pyfuncitem.funcargs["api"])
    assert answer is not None
    pyfuncitem.user_properties.append(("answers", answer))
    return True


@pytest.fixture(scope="session", name="sandbox")
def fixture_sandbox() -> t.Iterator[Control]:
    """A sandbox, whose bucket is read with the environment."""
    with running() as started, pytest.MonkeyPatch.context() as patch:
        for name, value in started.environment.items():
            patch.setenv(name, value)
        yield Control(started.environment)


@pytest.fixture(scope="session", name="settings")
def fixture_settings(request: pytest.FixtureRequest) -> Settings:
    """What `make contract` was given; all that a sandbox has; or its bucket alone."""
    report = request.config.stash.get(KEY, None)
    if report is not None:
        return report.settings
    sandbox: Control = request.getfixturevalue("sandbox")
    settings = Settings.from_environment(of_sandbox(sandbox.environment))
    if request.param == BUCKET_ALONE:
        sandbox.control("PATCH", "settings", {"token_use": "once"})
        return dataclasses.replace(settings, r2_destination="", account_id="")
    sandbox.control("PATCH", "settings", {"token_use": "many"})
    body = {"destination_conf": settings.s3_destination, "expires_in": -1}
    token = sandbox.control("POST", "tokens", body)["token"]
    return dataclasses.replace(settings, expired_token=token)


@pytest.fixture(scope="session", name="scene")
def fixture_scene(settings: Settings, request: pytest.FixtureRequest) -> t.Iterator[Api]:
    """The API, in which only what these tests made is touched, and nothing of it is left."""
    report = request.config.stash.get(KEY, None)
    api = Api(settings, skip=report is not None)
    if report is not None:
        report.api = api
        api.remove_everything()
    yield api
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if report else ():
        signal.signal(number, signal.SIG_IGN)
    print("\nRemoving what was created.", file=sys.stderr)
    problems = api.remove_everything()
    if report is None:
        assert not problems
    else:
        report.not_removed = problems


@pytest.fixture(name="api")
def fixture_api(scene: Api, request: pytest.FixtureRequest) -> t.Iterator[Api]:
    """The API; jobs are removed after each test, since a zone may have few."""
    marks = (request.node.get_closest_marker(name) for name in ("belief", "question"))
    needs = [arg for mark in marks if mark for arg in mark.args if not arg.startswith("https:")]
    missing = scene.settings.missing(needs)
    if missing:
        scene.not_tested(f"it needs {' and '.join(missing)}")
    scene.exchange = ""
    yield scene
    scene.remove_jobs()
