# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to its end: what is masked, and what is not."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import execute
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    TOKEN,
    ZONE,
    network,
    run_module,
)


def run(result: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Run a module that asks for nothing and returns this."""
    given = {"zone_id": ZONE, "api_token": TOKEN, "destination_conf": "r2://b/p", **options}
    with network():
        return run_module(
            lambda: execute(
                lambda _params, _logpush: {"changed": False, **result},
                Logpush,
                _arguments.DESTINATION,
            ),
            given,
        )


def test_a_secret_in_a_warning_is_masked() -> None:
    result = run({"warnings": [f"there is something about {TOKEN}"]})
    assert result["warnings"][0].startswith("there is something about ")
    assert TOKEN not in json.dumps(result)


@pytest.mark.parametrize(("secret", "shown"), [("SeCrEt8", True), ("SeCrEt-8", False)])
def test_a_secret_is_masked_from_a_length_of_eight(secret: str, shown: bool) -> None:
    destination = f"https://logs.example.com/in?header_X={secret}"
    result = run({"said": f"no {secret}"}, destination_conf=destination)
    assert (secret in result["said"]) is shown


def test_what_a_misspelt_option_holds_is_masked() -> None:
    result = run({}, api_tokn="of-a-misspelt-option")
    assert result["failed"] is True
    assert "api_tokn" in result["msg"]
    assert "of-a-misspelt-option" not in json.dumps(result)


def test_what_ansible_tells_the_module_is_no_secret() -> None:
    name = "edgeops.cloudflare.of_a_test"
    assert run({"said": f"from {name}"}, _ansible_module_name=name)["said"] == f"from {name}"


def test_a_password_in_the_place_of_a_port_is_not_quoted() -> None:
    result = run({}, base_url="https://someone:PaSsWoRd-9")
    assert result["msg"] == "base_url: is not a URL: its host or port cannot be one"


def test_a_password_in_the_base_url_is_masked() -> None:
    result = run({}, base_url="https://someone:PaSsWoRd-9@api.cloudflare.com")
    assert result["msg"].startswith("base_url: must hold no user")
    assert "PaSsWoRd-9" not in json.dumps(result)


def test_ansible_is_given_those_secrets_alone_that_are_to_be_masked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[set[str]] = []

    def remove(value: t.Any, secrets: set[str]) -> t.Any:
        given.append(set(secrets))
        return remove_values(value, secrets)

    monkeypatch.setattr(basic, "remove_values", remove)
    destination = "https://logs.example.com/in?header_X=first-secret&header_Y=second-secret"
    # The log of what was run is written before.
    options = {"destination_conf": destination, "_ansible_no_log": True}
    result = run({"said": "no first-secret"}, **options)
    assert result["said"] == "no ********"
    assert given == [{"first-secret"}]
    # Newer versions of Ansible show it only where they are asked to.
    if "invocation" in result:
        shown = result["invocation"]["module_args"]
        assert (
            shown["destination_conf"] == shown["api_token"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
        )
        assert shown["zone_id"] == ZONE


def test_a_base_url_is_no_secret_as_a_whole() -> None:
    base_url = "https://api.example.com/v4"
    assert run({"said": f"from {base_url}."}, base_url=base_url)["said"] == f"from {base_url}."


@pytest.mark.parametrize("base_url", [5, ["https://api.example.com"], {"a": "b"}])
def test_a_base_url_that_is_no_text_is_refused(base_url: object) -> None:
    assert run({}, base_url=base_url)["msg"].startswith("base_url: is not a URL such as ")


def test_a_base_url_that_is_null_is_refused() -> None:
    result = run({}, base_url=None)
    # Ansible before 2.19 refuses it in its own words.
    assert result["failed"]
    assert "base_url" in result["msg"]


@pytest.mark.parametrize("given", [True, False])
def test_what_is_secret_in_a_base_url_is_masked_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    logged: list[str] = []

    def log(_module: object, msg: str, log_args: object = None) -> None:
        logged.extend((msg, str(log_args)))

    monkeypatch.setattr(basic.AnsibleModule, "log", log)
    base_url = "https://api.example.com/v4?key=SeCrEt-8"
    if given:
        result = run({}, base_url=base_url)
    else:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", base_url)
        result = run({})
    assert result["msg"].startswith("base_url: must hold no user, query or fragment")
    assert logged
    for said in (json.dumps(result), *logged):
        assert "SeCrEt-8" not in said


@pytest.mark.parametrize(("waited", "told"), [(0.0, None), (12.34567, 12.346), (0.5, 0.5)])
def test_for_how_long_requests_were_held_back_is_told(waited: float, told: float | None) -> None:
    def wait(_params: object, logpush: t.Any) -> dict[str, t.Any]:
        logpush._client._sender.rate_limiter.waited = waited
        return {"changed": False}

    given = {"zone_id": ZONE, "api_token": TOKEN, "destination_conf": "r2://b/p"}
    result = run_module(lambda: execute(wait, Logpush, _arguments.DESTINATION), given)
    assert result.get("rate_limit_waited") == told
