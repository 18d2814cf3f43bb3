# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings and fixtures of all unit tests."""

from __future__ import annotations

import pytest

from ansible_collections.edgeops.cloudflare.tests.unit import properties

properties.load_profile()

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
