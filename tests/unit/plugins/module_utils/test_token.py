# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be an ownership token, and what a token's claims tell without a secret."""

from __future__ import annotations

import base64
import time

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    clean_token,
    disagreements,
    read_claims,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ZONE, challenge_token

R2 = "r2://edge-logs/http?account-id=a1&access-key-id={0}&secret-access-key={0}"


@pytest.mark.parametrize("text", ["0" * 200_000, "a." * 100_000, "{" * 200_000, "a/" * 100_000])
def test_a_text_that_is_too_long_is_rejected_for_its_length(text: str) -> None:
    with pytest.raises(
        InvalidInput, match="has 200000 characters; Cloudflare accepts at most 4096"
    ):
        clean_token(text)


def test_white_space_around_a_token_is_removed() -> None:
    token = challenge_token({"obj_id": ZONE})
    assert clean_token(f"\n {token} \r\n") == token


def test_a_byte_order_mark_before_a_token_is_removed() -> None:
    token = challenge_token({"obj_id": ZONE})
    assert clean_token(f"\ufeff{token}\r\n") == token


@pytest.mark.parametrize("text", ["\ufffd\ufffd", "0000\u00e9", "00\ufeff00", "\ud800"])
def test_a_token_must_be_ascii(text: str) -> None:
    with pytest.raises(InvalidInput, match="contains characters that a token cannot contain"):
        clean_token(text)


@pytest.mark.parametrize("nested", ["[" * 2000, '{"a":' * 700])
def test_claims_that_are_nested_too_deep_are_none(nested: str) -> None:
    token = challenge_token({})
    header, _claims, signature = token.split(".")
    claims = base64.urlsafe_b64encode(nested.encode()).decode().rstrip("=")
    assert read_claims(f"{header}.{claims}.{signature}") == {}


def test_a_mismatch_of_secrets_is_reported_without_them() -> None:
    ours, theirs = R2.format("SeCrEt0123456789"), R2.format("OtHeR0123456789")
    claims = {"obj_type": "zone", "obj_id": ZONE, "conf": theirs, "exp": time.time() + 100}
    reasons = disagreements(
        challenge_token(claims),
        object_type="zone",
        object_id=ZONE,
        destination=Destination.parse(ours),
    )
    assert len(reasons) == 1
    assert "parameter secret-access-key differs (sensitive, so not shown)" in reasons[0]
    assert "0123456789" not in reasons[0]


def test_a_key_in_the_path_is_not_shown_in_a_mismatch() -> None:
    conf = "datadog://intake.example.com/v1/input/{}?ddsource=cloudflare"
    ours, theirs = conf.format("0123456789abcdef" * 2), conf.format("fedcba9876543210" * 2)
    reasons = disagreements(
        challenge_token({"conf": theirs}),
        object_type="zone",
        object_id=ZONE,
        destination=Destination.parse(ours),
    )
    assert "path" in reasons[0]
    assert not [part for part in ("0123456789", "fedcba") if part in reasons[0]]
