# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sumo Logic: each challenge arrives as a log message."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.store import StoreRefusal
from sandbox.sumo import SumoStore

HOST = "collectors.de.sumologic.com"
CODE = "Za+V%2FnC4dha_-=="
DESTINATION = f"sumo://{HOST}/receiver/v1/http/{CODE}"


def test_a_challenge_arrives_as_a_message(api: Any) -> None:
    api.world.stores["sumo"] = SumoStore()
    result = api.result(api.ask(DESTINATION))
    assert result["valid"] is True
    assert CODE not in result["filename"]
    (entry,) = api.client.get("/sandbox/sumo").get_json()
    assert (entry["host"], entry["code"]) == (HOST, CODE)
    assert api.result(api.validate(entry["message"], DESTINATION)) == {"valid": True}


def test_messages_stay_in_order_and_outlive_a_reset(api: Any) -> None:
    api.world.stores["sumo"] = store = SumoStore()
    for body in (b"one", b" two\r\n", b"\xff"):
        store.put(store.locate(DESTINATION, "f.txt"), body)
    api.client.post("/sandbox/reset")
    said = [entry["message"] for entry in api.client.get("/sandbox/sumo").get_json()]
    assert said == ["one", " two\r\n", "\ufffd"]


def test_without_sumo_logic_there_are_no_messages(api: Any) -> None:
    assert api.client.get("/sandbox/sumo").get_json() == []


def test_the_sandbox_has_a_collector_of_its_own(api: Any) -> None:
    api.world.stores["sumo"] = store = SumoStore()
    assert api.result(api.ask(store.destination))["valid"] is True
    (entry,) = store.messages()
    assert store.destination.endswith(f"{entry['host']}/receiver/v1/http/{entry['code']}")
    assert SumoStore().destination != store.destination


@pytest.mark.parametrize(
    "destination",
    [
        f"sumo://{HOST}",
        f"sumo://{HOST}/receiver/v1/http/",
        f"sumo://{HOST}/receiver/v1/http/a/b",
        f"sumo://{HOST}/{CODE}",
        f"sumo:///receiver/v1/http/{CODE}",
    ],
)
def test_a_destination_without_a_code_is_refused(destination: str) -> None:
    with pytest.raises(StoreRefusal, match="of the form sumo://ENDPOINT/receiver/v1/http/CODE"):
        SumoStore().locate(destination, "f.txt")
