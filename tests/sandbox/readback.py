# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a batch back from its store, as its owner does: for the demo and the tests."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from . import store


def text(environment: Mapping[str, str], upload: dict[str, Any]) -> str:
    """The text of an upload that ``/sandbox/uploads`` lists; ``environment`` is the sandbox's."""
    readers = {"s3": _s3, "gs": _gcs, "azure": _azure}
    read = readers[upload["destinationType"]]
    return gzip.decompress(read(environment, upload["bucket"], upload["key"])).decode()


def _s3(environment: Mapping[str, str], bucket: str, key: str) -> bytes:
    keys = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    client = store.client("s3", environment["AWS_ENDPOINT_URL_S3"], *keys)
    body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def _gcs(environment: Mapping[str, str], bucket: str, key: str) -> bytes:
    objects = f"{environment['SANDBOX_GCS_ENDPOINT']}/storage/v1/b/{bucket}/o"
    return _get(f"{objects}/{quote(key, safe='')}?alt=media")


def _azure(environment: Mapping[str, str], container: str, key: str) -> bytes:
    blob = f"{environment['SANDBOX_AZURE_ENDPOINT']}/{container}/{quote(key)}"
    return _get(f"{blob}?{environment['SANDBOX_AZURE_READ_SAS']}")


def _get(url: str) -> bytes:
    answer = store.send("GET", url, b"", {})
    answer.raise_for_status()
    return answer.content
