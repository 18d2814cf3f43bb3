# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SeaweedFS: one binary that is a whole S3 server and checks signatures."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from .janitor import Janitor
from .processes import HOST, S3Server, free_ports, spawn

# It is several servers in one process; each has a port for HTTP and one for gRPC.
_PARTS = ("master", "filer", "volume", "s3", "admin")


def find() -> str | None:
    """The binary of this Python environment, else one on the path, else None."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def start(weed: str, directory: Path, janitor: Janitor) -> S3Server:
    """Start it with new keys; not yet ready to answer."""
    http, grpc = _ports(), _ports()
    for part, port in grpc.items():
        # It puts these sockets there itself, and leaves them when it is killed.
        janitor.remove_later(Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock"))
    access_key, secret_key = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_hex(20)
    command = [
        weed,
        f"-logdir={directory}",
        "mini",
        f"-dir={directory}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        *(f"-{part}.port={port}" for part, port in http.items()),
        *(f"-{part}.port.grpc={port}" for part, port in grpc.items()),
        f"-filer.localSocket={directory}/filer.sock",
        f"-s3.localSocket={directory}/s3.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        # A bucket that does not exist must not come into being by a write.
        "-s3.autoCreateBucket=false",
        "-admin.ui=false",
        "-webdav=false",
        "-master.telemetry=false",
    ]
    variables = {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        # Encryption at rest (sse=AES256) wants a key to encrypt with.
        "WEED_S3_SSE_KEK": secrets.token_hex(32),
    }
    process = spawn(command, directory, variables, janitor)
    endpoint = f"http://{HOST}:{http['s3']}"
    return S3Server(process, endpoint, access_key, secret_key, f"SeaweedFS {_version(weed)}")


def _ports() -> dict[str, int]:
    return dict(zip(_PARTS, free_ports(len(_PARTS)), strict=True))


def _version(weed: str) -> str:
    # "version 8000GB 4.48 pypi linux amd64"
    said = subprocess.run([weed, "version"], capture_output=True, text=True, check=False).stdout
    return next(iter(said.split()[2:3]), "of unknown version")
