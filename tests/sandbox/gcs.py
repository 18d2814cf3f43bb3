# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Google Cloud Storage: an emulator in this process, which checks no credentials."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import threading
from functools import partial
from http.server import HTTPServer
from importlib.metadata import version
from typing import Any

from . import store
from .processes import HOST, StartError
from .store import Location, StoreRefusal

_PACKAGE = "gcp_storage_emulator"
# The emulator's own loggers lie below these.
LOGGERS = (_PACKAGE, "api")


class GcsServer(HTTPServer):
    """The emulator, with its objects in memory. Not threaded, for the emulator has no locks."""

    def __init__(self, bucket: str) -> None:
        """Start with one bucket, on a free port; ``StartError`` if it is not installed."""
        if importlib.util.find_spec(_PACKAGE) is None:
            raise StartError(f"{_PACKAGE} is not installed: see tests/sandbox/requirements.txt")
        objects = importlib.import_module(f"{_PACKAGE}.storage").Storage(use_memory_fs=True)
        importlib.import_module(f"{_PACKAGE}.handlers.buckets").create_bucket(bucket, objects)
        handler = importlib.import_module(f"{_PACKAGE}.server").RequestHandler
        super().__init__((HOST, 0), partial(handler, objects))
        self.endpoint = f"http://{HOST}:{self.server_port}"
        self.description = f"gcp-storage-emulator {version('gcp-storage-emulator')}"
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Into the log: the terminal belongs to what the user runs."""
        logging.getLogger(_PACKAGE).exception("a request from %s failed", client_address)

    def stop(self) -> None:
        """Stop, and forget all objects."""
        self.shutdown()
        self.server_close()


class GcsStore:
    """Writes with Google's own library, where a bucket and a prefix say."""

    locate = staticmethod(store.locate)

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def put(self, location: Location, body: bytes) -> None:
        """Write an object."""
        # Imported late: it takes a while, in which the servers start.
        from google.api_core.exceptions import GoogleAPIError, NotFound
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        client = storage.Client(
            "sandbox", AnonymousCredentials(), client_options={"api_endpoint": self._endpoint}
        )
        # A proxy of the user's has no say here.
        client._http.trust_env = False
        blob = client.bucket(location.bucket).blob(location.key)
        if not store.is_batch(location):
            blob.content_encoding = store.CLAIMED_ENCODING
        try:
            blob.upload_from_string(body, "text/plain", timeout=10, retry=None)
        except NotFound as error:
            raise StoreRefusal("error writing object: NoSuchBucket") from error
        except (GoogleAPIError, OSError) as error:
            raise StoreRefusal(f"error writing object: {type(error).__name__}") from error
