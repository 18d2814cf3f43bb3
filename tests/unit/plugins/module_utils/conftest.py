# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixtures of these tests. Those of inventory plugins must not import the collection here."""

from __future__ import annotations

from ansible_collections.edgeops.cloudflare.tests.unit.store_fixtures import (
    fixture_clock,
    fixture_no_store_credentials,
    fixture_store,
    fixture_store_server,
)

__all__ = [
    "fixture_clock",
    "fixture_no_store_credentials",
    "fixture_store",
    "fixture_store_server",
]
