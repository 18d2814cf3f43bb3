# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azurite, the sandbox's Azure Blob Storage, from npm.

Where there is no npm the sandbox does without, and the tests of Azure are skipped.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from . import environment
from .paths import AZURITE, user_home

_PACKAGE = "azurite@3.35.0"


def ensure() -> None:
    """Install it unless it is there; say so if that cannot be done."""
    if (AZURITE / "bin" / "azurite-blob").exists():
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        print("There is no npm: the sandbox does without Azure Blob Storage.", flush=True)
        return
    print("Installing Azurite, the sandbox's Azure Blob Storage, by npm ...", flush=True)
    AZURITE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=AZURITE.parent, prefix="azurite-") as temporary:
        target = Path(temporary) / "installed"
        # Global, but below a prefix of its own: then its programs have a folder for themselves.
        command = [npm, "install", "--global", "--prefix", str(target), "--ignore-scripts"]
        # Without a network, npm would try for minutes.
        command += ["--no-audit", "--no-fund", "--silent", "--fetch-retries=1", _PACKAGE]
        env = {
            "npm_config_cache": str(Path(temporary) / "cache"),
            "npm_config_userconfig": str(user_home() / ".npmrc"),
            **environment.clean(),
        }
        if subprocess.run(command, env=env, check=False).returncode:
            print("It failed: the sandbox does without Azure Blob Storage.", flush=True)
            return
        # Moved as a whole, so that an interrupted run leaves no half of it.
        shutil.rmtree(AZURITE, ignore_errors=True)
        target.rename(AZURITE)
