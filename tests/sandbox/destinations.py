# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a destination asks for: a proof of ownership, and a test whether it can be written to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from .store import Store, parameters, scheme_of

_WITH_CHALLENGE = {"gs", "azure", "sumo"}
_WITHOUT_CHALLENGE = {"r2", "datadog", "splunk", "https", "bq", "sentinelone"}


def needs_challenge(destination: str) -> bool | None:
    """Whether a job needs a token for this destination; None where sources do not say."""
    scheme = scheme_of(destination)
    if scheme == "s3":
        return not parameters(destination.partition("?")[2]).get("secret-access-key")
    if scheme in _WITH_CHALLENGE:
        return True
    return False if scheme in _WITHOUT_CHALLENGE else None


def write_test(stores: Mapping[str, Store], destination: str) -> bool:
    """Write a test object, if a store serves the scheme; whether it was written.

    ``StoreRefusal`` says why it could not be.
    """
    store = stores.get(scheme_of(destination) or "")
    if store is None:
        return False
    # Each has a name of its own, so that a test can count them.
    store.put(store.locate(destination, f"logpush-test-{secrets.token_hex(4)}.txt"), b"test\n")
    return True
