# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Logpush resources of one zone or account; most of it is seen by the modules."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import MalformedResponse
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.jobs import Jobs
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Logpush,
    Scope,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    TOKEN,
    ZONE,
    Call,
    network,
    response,
    success,
)

JOBS = f"/zones/{ZONE}/logpush/jobs"


def logpush(*, check_mode: bool = False) -> Logpush:
    """Return the API of a zone."""
    options = {name: spec.get("default") for name, spec in _arguments.CONNECTION.items()}
    client = Client.from_options({**options, "api_token": TOKEN}, redact=str, check_mode=check_mode)
    return Logpush(client, Scope("zone", ZONE), register_secrets=lambda _secrets: None)


def jobs() -> Jobs:
    """Return the jobs of a zone."""
    return Jobs(logpush())


def test_an_id_is_sent_as_it_was_given_and_compared_in_small_letters() -> None:
    given = Scope.of("AB" * 16, None)
    assert given == Scope("zone", "AB" * 16)
    assert given.canonical == Scope("zone", "ab" * 16)


@pytest.mark.parametrize(
    ("method", "body", "use"),
    [
        ("GET", None, lambda api: api.job(42)),
        ("PUT", {"enabled": True}, lambda api: api.update_job(42, {"enabled": True})),
        ("DELETE", None, lambda api: api.delete_job(42)),
    ],
)
def test_a_response_about_another_job_is_malformed(
    method: str, body: t.Any, use: t.Callable[[Jobs], t.Any]
) -> None:
    with (
        network(Call(method, f"{JOBS}/42", body, success({"id": 43}))),
        pytest.raises(MalformedResponse, match=r"response is about another job than 42$"),
    ):
        use(jobs())
    with network(Call(method, f"{JOBS}/42", body, success({"id": 42}))):
        use(jobs())


@pytest.mark.parametrize("result", [None, {}, {"id": None}, "deleted"])
def test_a_deletion_may_leave_the_job_out(result: t.Any) -> None:
    with network(Call("DELETE", f"{JOBS}/42", None, success(result))):
        jobs().delete_job(42)


def test_a_job_nested_too_deep_is_malformed() -> None:
    options = '{"a":' * 250 + "1" + "}" * 250
    content = f'{{"success": true, "result": [{{"id": 1, "output_options": {options}}}]}}'
    with (
        network(Call("GET", JOBS, None, response(content=content.encode()))),
        pytest.raises(MalformedResponse, match="nested too deep"),
    ):
        jobs().jobs()


def test_nothing_is_written_in_check_mode() -> None:
    api = logpush(check_mode=True)
    assert api.check_mode is True
    with network():
        assert Jobs(api).create_job({}) is None
        assert Jobs(api).update_job(42, {}) is None
        Jobs(api).delete_job(42)
