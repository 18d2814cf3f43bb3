# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixtures of these tests, and the settings of properties: no other folder has any."""

from __future__ import annotations

import os

from hypothesis import settings

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

# Properties are tested with the same few examples in each run; EXPLORE_EXAMPLES=1000 tests each
# with so many random ones (make explore). No deadline, since the machine may be busy.
EXPLORED = int(os.environ.get("EXPLORE_EXAMPLES", "0"))
settings.register_profile(
    "unit", deadline=None, derandomize=not EXPLORED, max_examples=EXPLORED or 25
)
settings.load_profile("unit")
