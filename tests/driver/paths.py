# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie. All that the driver makes is in these folders of the checkout."""

from __future__ import annotations

import os
from pathlib import Path

# The tests run in copies of the checkout: there this variable says where the checkout is.
CHECKOUT_VARIABLE = "EDGEOPS_CHECKOUT"

ROOT = Path(os.environ.get(CHECKOUT_VARIABLE) or Path(__file__).resolve().parents[2])
CACHE = ROOT / ".cache"
COLLECTIONS = CACHE / "collections"
HOMES = CACHE / "home"
LOGS = CACHE / "logs"
RESULTS = CACHE / "results"
STAMPS = CACHE / "stamps"
TREES = CACHE / "tree"
NOX_ENVIRONMENTS = ROOT / ".nox"
NOX_HOME = ROOT / ".venv"
