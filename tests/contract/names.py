# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names by which what these tests make is found again."""

from __future__ import annotations

import re
import secrets

FOLDER = "edgeops-contract-test"
_JOB = re.compile(rf"{FOLDER}-[0-9a-f]{{8}}-[0-9]+")
# What follows the folder's name in a key.
RUN_PATTERN = re.compile(r"[0-9a-f]{8}/[0-9]+")


def new_run() -> str:
    """An identifier of one run."""
    return secrets.token_hex(4)


def job_name(run: str, number: int) -> str:
    """The name of a job."""
    return f"{FOLDER}-{run}-{number}"


def is_job_name(name: object) -> bool:
    """Whether a job of this name was made by these tests."""
    return isinstance(name, str) and _JOB.fullmatch(name) is not None
