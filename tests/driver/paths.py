# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie: what the driver makes is in these folders, of the checkout if possible."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

# The tests run in copies of the checkout, with a home of their own. There these variables have the
# checkout, and where the folders are.
CHECKOUT_VARIABLE, WORK_VARIABLE = "EDGEOPS_CHECKOUT", "EDGEOPS_WORK"
# Set by `make test`: output goes to logs, and is printed only where something failed.
SUMMARY_VARIABLE = "EDGEOPS_SUMMARY"

ROOT = Path(os.environ.get(CHECKOUT_VARIABLE) or Path(__file__).resolve().parents[2])


def _work_folder() -> Path:
    """The checkout; or, where its path has a space or the like, a folder for it in ~/.cache.

    ansible-test cannot be run by a Python in such a path, and no search path may hold a colon.
    """
    if re.fullmatch(r"[\w/.,+@%=-]+", str(ROOT)):
        return ROOT
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    return Path.home() / ".cache" / "edgeops.cloudflare" / name


WORK = Path(os.environ.get(WORK_VARIABLE) or _work_folder())
CACHE = WORK / ".cache"
AZURITE = CACHE / "node" / "azurite"
COLLECTIONS = CACHE / "collections"
HOMES = CACHE / "home"
LOGS = CACHE / "logs"
TREES = CACHE / "tree"
NOX_ENVIRONMENTS = WORK / ".nox"
NOX_HOME = WORK / ".venv"
