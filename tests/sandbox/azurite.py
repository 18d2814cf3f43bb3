# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azurite: an emulator of Azure Blob Storage that runs on Node.js and checks each SAS."""

from __future__ import annotations

import base64
import re
import secrets
import shutil
import subprocess
from functools import partial
from pathlib import Path

from .azure import AzureStore
from .janitor import Janitor
from .processes import HOST, LOG, StartError, spawn, tail, wait_until

_LISTENS = re.compile(r"listen\w* (?:on|at) (http://\S+)")


def start(
    directory: Path, janitor: Janitor, container: str
) -> tuple[subprocess.Popen[bytes], AzureStore]:
    """Start it with an account of its own, and make a container in it.

    It keeps everything in memory. ``StartError`` says in a sentence why it does not run.
    """
    node, program = _find()
    account, key = f"sandbox{secrets.token_hex(4)}", secrets.token_bytes(32)
    encoded = base64.b64encode(key).decode()
    directory.mkdir()
    # It takes a free port itself, and tells which.
    command = [node, str(program), "--blobHost", HOST, "--blobPort", "0", "--silent"]
    command += ["--inMemoryPersistence", "--disableTelemetry", "--disableProductStyleUrl"]
    process = spawn(command, directory, {"AZURITE_ACCOUNTS": f"{account}:{encoded}"}, janitor)
    try:
        origin = wait_until(partial(_origin, directory / LOG), process)
        store = AzureStore(account, encoded, f"{origin}/{account}")
        wait_until(partial(store.create_container, container), process)
        return process, store
    except StartError as error:
        process.kill()
        process.wait()
        said = tail(directory, lines=1)
        raise StartError(f"Azurite did not start: {error} ({said})") from error


def _find() -> tuple[str, Path]:
    """Node.js, and the program that it is to run."""
    program, node = shutil.which("azurite-blob"), shutil.which("node")
    if program is None:
        raise StartError("Azurite is not installed: npm install --global azurite")
    if node is None:
        raise StartError("Azurite is installed, but Node.js is not")
    # What is on the path is a link to it.
    return node, Path(program).resolve()


def _origin(log: Path) -> str:
    match = _LISTENS.search(log.read_text(encoding="utf-8", errors="replace"))
    if match is None:
        raise ValueError("it does not listen yet")
    return match[1]
