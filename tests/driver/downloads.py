# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests need besides Python packages.

It is unpacked in a temporary folder, and moved into place when it is complete.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from .paths import AZURITE, COLLECTIONS

_AZURITE = "azurite@3.35.0"
# The first two read stores, the third looks up secrets, the fourth prints results as JSON, the last
# one sets up AWX.
_NEEDED = ("amazon/aws", "google/cloud", "community/hashi_vault", "ansible/posix", "awx/awx")
# Releases after this one are without awx.awx.
_LAST_WITH_AWX = "12"


def azurite() -> None:
    """Install the sandbox's Azure Blob Storage from npm; say so if that cannot be done.

    Without it, the tests of Azure are skipped.
    """
    npm = shutil.which("npm")
    if (AZURITE / "bin" / "azurite-blob").exists():
        return
    if npm is not None and shutil.which("node") is not None:
        print("Installing Azurite, the sandbox's Azure Blob Storage, by npm ...", flush=True)
        AZURITE.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=AZURITE.parent) as folder:
            # Global, but below a prefix of its own: its programs have a folder for themselves.
            command = [npm, "install", "--global", "--prefix", f"{folder}/new", "--ignore-scripts"]
            # Without a network, npm would try for minutes.
            command += ["--no-audit", "--no-fund", "--silent", "--fetch-retries=1"]
            command += ["--cache", f"{folder}/cache", _AZURITE]
            if subprocess.run(command, check=False).returncode == 0:
                shutil.rmtree(AZURITE, ignore_errors=True)
                Path(folder, "new").rename(AZURITE)
                return
    print("Without npm's Azurite the sandbox does without Azure Blob Storage.", flush=True)


def collections(release: str) -> str:
    """Return a path for Ansible with other collections, from this release of `ansible` on PyPI.

    That package carries a release of each that fits its ansible-core, and is available wherever pip
    works. So Galaxy is not needed, and all machines test the same versions.
    """
    target = COLLECTIONS / release
    if not target.is_dir():
        COLLECTIONS.mkdir(parents=True, exist_ok=True)
        needed = tuple(f"ansible_collections/{each}/" for each in _NEEDED)
        with tempfile.TemporaryDirectory(dir=COLLECTIONS) as folder:
            # It is only unpacked: it does not matter whether it runs on this Python.
            command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps"]
            command += ["--no-cache-dir", "--only-binary=:all:", "--ignore-requires-python"]
            subprocess.run([*command, "--dest", folder, f"ansible=={release}.*"], check=True)
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                names = [name for name in wheel.namelist() if name.startswith(needed)]
                wheel.extractall(f"{folder}/new", names)
            Path(folder, "new").rename(target)
    older = int(release) > int(_LAST_WITH_AWX)
    return f"{target}:{collections(_LAST_WITH_AWX)}" if older else str(target)
