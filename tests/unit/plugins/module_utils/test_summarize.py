# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One result for all entries of a module: in their order, and what a failure adds."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import Outcome
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.summary import (
    Label,
    summarize,
)


def summarized(*outcomes: Outcome[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Summarize the outcomes of things labelled with their numbers."""
    labels = [Label({"id": number}, f"thing {number}") for number in range(1, len(outcomes) + 1)]
    return summarize("things", labels, outcomes)


def test_there_is_one_result_for_each_in_the_order_given() -> None:
    whole = summarized({"changed": False, "a": 1}, {"changed": True, "b": 2})
    assert whole == {
        "changed": True,
        "warnings": [],
        "results": [
            {
                "changed": False,
                "failed": False,
                "msg": "",
                "a": 1,
                "item": {"id": 1},
            },
            {
                "changed": True,
                "failed": False,
                "msg": "",
                "b": 2,
                "item": {"id": 2},
            },
        ],
    }


def test_no_targets_return_no_results_and_no_change() -> None:
    assert summarized() == {"changed": False, "warnings": [], "results": []}


def test_warnings_have_the_label_of_their_entry() -> None:
    whole = summarized(
        {"changed": True, "warnings": ["careful", "again"], "diff": {"before": 1}},
        {"changed": False, "warnings": []},
        {"changed": True, "warnings": ["so"], "diff": {"before": 3}},
    )
    assert whole["warnings"] == ["thing 1: careful", "thing 1: again", "thing 3: so"]
    assert whole["diff"] == [{"before": 1}, {"before": 3}]
    assert all(not {"warnings", "diff"} & set(result) for result in whole["results"])


def test_one_failure_fails_the_task_and_is_named() -> None:
    error = CloudflareError("it is not there", {"error": {"status": 404}, "warnings": ["w"]})
    with pytest.raises(CloudflareError) as caught:
        summarized({"changed": True, "diff": {"before": 1}}, error)
    assert caught.value.message == "1 of 2 things failed: thing 2: it is not there"
    assert caught.value.values["changed"] is True
    assert caught.value.values["warnings"] == ["thing 2: w"]
    assert caught.value.values["diff"] == [{"before": 1}]
    assert caught.value.values["results"][1] == {
        "changed": False,
        "failed": True,
        "msg": "it is not there",
        "error": {"status": 404},
        "item": {"id": 2},
    }


def test_the_first_of_several_failures_is_reported() -> None:
    error = CloudflareError("no")
    with pytest.raises(CloudflareError) as caught:
        summarized({"changed": False}, error, {"changed": False}, CloudflareError("never"))
    assert caught.value.message == "2 of 4 things failed; the first of them: thing 2: no"
    assert caught.value.values["changed"] is False


def test_a_failure_after_a_change_is_a_change() -> None:
    with pytest.raises(CloudflareError) as caught:
        summarized(CloudflareError("no", {"changed": True}))
    assert caught.value.values["changed"] is True
    assert caught.value.values["results"][0]["failed"] is True


def test_the_values_of_an_error_are_not_changed() -> None:
    values = {"warnings": ["w"], "changed": False}
    with pytest.raises(CloudflareError):
        summarized(CloudflareError("no", values))
    assert values == {"warnings": ["w"], "changed": False}
