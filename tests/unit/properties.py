# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many examples of each property are tested, and which: the same ones in each run.

``EXPLORE_EXAMPLES=1000 pytest tests/unit/...`` tests so many random ones of each instead.
"""

from __future__ import annotations

import os

from hypothesis import settings

_EXPLORED = int(os.environ.get("EXPLORE_EXAMPLES", "0"))


def load_profile() -> None:
    """Set what holds for all properties; no deadline, since the machine may be busy."""
    settings.register_profile(
        "unit", deadline=None, derandomize=not _EXPLORED, max_examples=_EXPLORED or 100
    )
    settings.load_profile("unit")


def examples(number: int) -> settings:
    """Return the settings of a property of which a number of examples other than 100 is tested."""
    return settings(max_examples=_EXPLORED or number)
