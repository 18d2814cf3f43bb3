# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azurite, the sandbox's Azure Blob Storage: from npm, where npm is available.

Where it is not, the sandbox does without, and the tests of Azure are skipped.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from . import environment, stamps
from .paths import AZURITE, user_home
from .steps import Step, run_logged, say

# The last release that runs on Node.js 20.
_PACKAGE = "azurite@3.35.0"
_NAME = "azurite"


def ensure() -> None:
    """Install it unless it is there; say so if that cannot be done.

    To be called before anything that runs at the same time as another.
    """
    value = stamps.digest([_PACKAGE, str(AZURITE)])
    if stamps.is_current(_NAME, value) and AZURITE.is_dir():
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        say("  There is no npm: the sandbox does without Azure Blob Storage.")
        return
    stamps.remove(_NAME)
    shutil.rmtree(AZURITE, ignore_errors=True)
    try:
        with Step("Installing Azurite, the sandbox's Azure Blob Storage, by npm"):
            _install(npm)
    except SystemExit as error:
        say(f"    {error}\n    The sandbox does without Azure Blob Storage.")
        return
    stamps.write(_NAME, value)


def _install(npm: str) -> None:
    AZURITE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=AZURITE.parent, prefix="azurite-") as temporary:
        target = Path(temporary) / "installed"
        # Global, but below a prefix of our own: then its programs have a folder for themselves.
        command = [npm, "install", "--global", "--prefix", str(target), "--ignore-scripts"]
        command += ["--no-audit", "--no-fund", "--no-update-notifier"]
        # Without a network, npm would try for minutes.
        command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", _PACKAGE]
        env = environment.clean() | _npm_settings(Path(temporary) / "cache")
        run_logged(_NAME, command, env)
        # Moved as a whole, so that an interrupted run leaves no half of it.
        target.rename(AZURITE)


def _npm_settings(cache: Path) -> dict[str, str]:
    """The user's npm configuration, which the change of HOME would hide, and a cache of ours."""
    settings = {"npm_config_cache": str(cache)}
    config = user_home() / ".npmrc"
    if config.is_file():
        settings["npm_config_userconfig"] = str(config)
    given = {name.lower() for name in os.environ}
    return {name: value for name, value in settings.items() if name not in given}
