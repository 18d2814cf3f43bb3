# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Logpush job as Cloudflare shows it: its secrets, and what of JSON is read."""

from __future__ import annotations

import json

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    Job,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    checked_id,
    load_json,
)


@pytest.mark.parametrize(
    ("conf", "secrets"),
    [
        (None, set()),
        ("", set()),
        ("no-uri", set()),
        ("no-uri?p=0123456789abcdef&&q #f", {"0123456789abcdef"}),
        ("sumo://h/CODEX", {"CODEX"}),
    ],
)
def test_secrets_of_a_destination_that_can_be_read_and_of_one_that_cannot(
    conf: str | None, secrets: set[str]
) -> None:
    assert Job({"id": 1, "destination_conf": conf}).secrets() == secrets


def test_the_destination_in_an_error_message_is_masked() -> None:
    job = Job({"id": 1, "error_message": "denied: gs://b/p?x=S3CRET"})
    described = job.describe()
    assert described["error_message"] == "denied: gs://b/p?x=***"
    assert "S3CRET" not in json.dumps(described)


def test_one_is_the_least_id() -> None:
    assert checked_id(1) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100 + "]" * 100,
        '{"a":' * 100 + "1" + "}" * 100,
        # Wide, but not deep.
        "[" + ",".join(["[]", "{}"] * 60) + "]",
        '"' + "X" * 101 + '"',
    ],
)
def test_json_of_up_to_a_hundred_levels_is_read(text: str) -> None:
    assert load_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 101 + "]" * 101,
        '["X", ' + "[" * 100 + "]" * 101,
    ],
)
def test_json_of_more_levels_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it is nested more than 100 deep$"):
        load_json(text)
