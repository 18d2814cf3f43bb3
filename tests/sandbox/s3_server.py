# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The S3 server behind the sandbox: SeaweedFS, or moto where that is not available."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from . import moto_server, seaweedfs
from .janitor import Janitor
from .processes import S3Server, StartError, tail, wait_until
from .store import S3Store

_ATTEMPTS = 3


def start(directory: Path, janitor: Janitor, bucket: str) -> tuple[S3Server, S3Store]:
    """Start a server that keeps its files in ``directory``, and make a bucket in it.

    Tries again, with other ports, when one was taken in the meantime; ``StartError`` in the end
    holds the last lines of the server's output.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        place = directory / f"s3-{attempt}"
        place.mkdir()
        try:
            return _attempt(place, janitor, bucket)
        except StartError as error:
            if attempt == _ATTEMPTS:
                raise StartError(f"S3: {error}\n{tail(place)}") from error
    raise AssertionError("unreachable")


def _attempt(directory: Path, janitor: Janitor, bucket: str) -> tuple[S3Server, S3Store]:
    server = _server(directory, janitor)
    try:
        store = S3Store(server.endpoint, server.access_key, server.secret_key)
        # With the new keys and to the end: another server on that port could not do it.
        wait_until(partial(store.create_bucket, bucket), server.process)
    except StartError:
        server.process.kill()
        server.process.wait()
        raise
    return server, store


def _server(directory: Path, janitor: Janitor) -> S3Server:
    weed = seaweedfs.find()
    if weed is not None:
        return seaweedfs.start(weed, directory, janitor)
    if moto_server.available():
        return moto_server.start(directory, janitor)
    raise StartError(
        "neither SeaweedFS nor moto is installed: pip install -r tests/sandbox/requirements.txt"
    )
