# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings and fixtures of all unit tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Properties are tested with the same few examples in each run; EXPLORE_EXAMPLES=1000 tests each
# with so many random ones (make explore). No deadline, since the machine may be busy.
EXPLORED = int(os.environ.get("EXPLORE_EXAMPLES", "0"))
settings.register_profile(
    "unit", deadline=None, derandomize=not EXPLORED, max_examples=EXPLORED or 25
)
settings.load_profile("unit")

CLOUDFLARE_VARIABLES = (
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_TOKEN",
    "CLOUDFLARE_EMAIL",
    "CLOUDFLARE_API_KEY",
    "CLOUDFLARE_BASE_URL",
)


@pytest.fixture(autouse=True)
def no_credentials_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    for name in CLOUDFLARE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
