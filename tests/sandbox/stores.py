# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All stores behind the sandbox, and what those who read from them need to know."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import azure, seaweedfs
from .gcs import GcsServer, GcsStore
from .janitor import Janitor
from .processes import Child, StartError
from .store import Store, SumoStore
from .world import BUCKET, DESTINATION

_FOLDER = "zone/{DATE}"


@dataclass
class Part:
    """One kind of store as it runs; without ``stores``, the environment says why it does not."""

    name: str
    environment: dict[str, str]
    stores: dict[str, Store] = field(default_factory=dict)
    process: Child | None = None
    stop: Callable[[], None] = lambda: None


def start(directory: Path, janitor: Janitor, *, processes: bool = True) -> list[Part]:
    """Start all that is installed; ``StartError`` if it is S3 that does not start.

    Without ``processes`` only those that run within this process, which takes no time.
    """
    # Each of the two is a process that takes about a second.
    begins = (_s3, _azure) if processes else ()
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(begin, directory, janitor) for begin in begins]
        parts = [future.result() for future in started]
    return [*parts, _gcs(), _sumo()]


def _s3(directory: Path, janitor: Janitor) -> Part:
    process, store = seaweedfs.start(directory, janitor, BUCKET)
    environment = {
        "AWS_ACCESS_KEY_ID": store.access_key,
        "AWS_SECRET_ACCESS_KEY": store.secret_key,
        **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "us-east-1"),
        **dict.fromkeys(("AWS_ENDPOINT_URL_S3", "AWS_URL"), store.endpoint),
        "SANDBOX_BUCKET": BUCKET,
        "SANDBOX_DESTINATION_CONF": DESTINATION,
    }
    return Part("the S3 server", environment, {"s3": store}, process)


def _azure(directory: Path, janitor: Janitor) -> Part:
    try:
        process, store = azure.start(directory / "azure", janitor, BUCKET)
    except StartError as error:
        return Part("Azurite", {"SANDBOX_AZURE": " ".join(str(error).split())})
    environment = {
        "SANDBOX_AZURE": "Azurite",
        "SANDBOX_AZURE_ENDPOINT": store.endpoint,
        # Logpush's own may only write, so who reads needs another one.
        "SANDBOX_AZURE_DESTINATION_CONF": (
            f"azure://{store.host}/{BUCKET}/{_FOLDER}?{store.sas('cw')}"
        ),
        "SANDBOX_AZURE_READ_SAS": store.sas("r"),
    }
    return Part("Azurite", environment, {"azure": store}, process)


def _gcs() -> Part:
    try:
        server = GcsServer(BUCKET)
    except StartError as error:
        return Part("the GCS server", {"SANDBOX_GCS": str(error)})
    environment = {
        "SANDBOX_GCS": server.description,
        "SANDBOX_GCS_ENDPOINT": server.endpoint,
        "SANDBOX_GCS_DESTINATION_CONF": f"gs://{BUCKET}/{_FOLDER}",
        # What Google's libraries and the modules of google.cloud look at.
        "STORAGE_EMULATOR_HOST": server.endpoint,
        "GCP_PROJECT": "sandbox",
        "GCP_AUTH_KIND": "accesstoken",
        "GCP_ACCESS_TOKEN": secrets.token_hex(20),
    }
    store = GcsStore(server.endpoint)
    return Part("the GCS server", environment, {"gs": store}, stop=server.stop)


def _sumo() -> Part:
    store = SumoStore()
    environment = {"SANDBOX_SUMO_DESTINATION_CONF": store.destination}
    return Part("Sumo Logic", environment, {"sumo": store})
