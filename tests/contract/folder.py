# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder below a destination in which everything is that Cloudflare writes for these tests."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote

from .settings import Settings

FOLDER = "edgeops-contract-test"
# What follows the folder's name in a key: the run, and a number.
_RUN = re.compile(r"[0-9a-f]{8}/[0-9]+")


class Folder:
    """Give each test a destination of its own; read and remove what is written there."""

    def __init__(self, destination: str, run: str, client: t.Any) -> None:
        """Take a ``destination`` without {DATE}, and an S3 client that may read its bucket."""
        place, _mark, self._query = destination.partition("?")
        self._scheme, _separator, rest = place.partition("://")
        self._bucket, _slash, prefix = rest.partition("/")
        self._base = f"{prefix.strip('/')}/{FOLDER}/".lstrip("/")
        self._run = run
        self._client = client
        self._count = 0
        self._read: list[str] = []

    def destination(self, tail: str = "") -> str:
        """A destination that was not used before; ``tail`` is added to its path."""
        self._count += 1
        path = f"{self._base}{self._run}/{self._count}{tail}"
        return f"{self._scheme}://{self._bucket}/{path}?{self._query}"

    def read(self, filename: str) -> tuple[str, str]:
        """Key and content of a file that Cloudflare named, with or without the bucket."""
        key = filename.lstrip("/")
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            key = key.removeprefix(f"{self._bucket}/")
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        self._read.append(key)
        return key, answer["Body"].read().decode("utf-8", "replace")

    def clear(self) -> list[str]:
        """Remove all that lies in the folder, of earlier runs too; returns what could not be."""
        problems = []
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._base
            )
            found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
            # Nothing that these tests cannot have made.
            keys = [key for key in found if _RUN.match(key[len(self._base) :])]
        except Exception as error:
            # The files that were read at least.
            keys, place = self._read, f"{self._scheme}://{self._bucket}/{self._base}"
            problems.append(f"{place} could not be listed, remove it yourself: {error}")
        for key in keys:
            try:
                self._client.delete_object(Bucket=self._bucket, Key=key)
            except Exception as error:
                problems.append(f"{key}: could not be removed ({type(error).__name__})")
        return problems


def s3_folder(settings: Settings, run: str) -> Folder | None:
    """The folder in the S3 bucket, read with the AWS credentials of the environment."""
    destination = settings.s3_destination
    if not destination:
        return None
    region = _parameters(destination).get("region", "us-east-1")
    return Folder(destination, run, _client(region_name=region))


def r2_folder(settings: Settings, run: str) -> Folder | None:
    """The folder in the R2 bucket, read with the keys in the destination."""
    if not settings.r2_destination:
        return None
    given, endpoint = _parameters(settings.r2_destination), settings.r2_endpoint
    client = _client(
        endpoint_url=endpoint or f"https://{given.get('account-id')}.r2.cloudflarestorage.com",
        region_name="us-east-1" if endpoint else "auto",
        aws_access_key_id=given.get("access-key-id"),
        aws_secret_access_key=given.get("secret-access-key"),
    )
    return Folder(settings.r2_destination, run, client)


def _client(**options: t.Any) -> t.Any:
    # Imported late: without a bucket it is not needed.
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 3})
    return boto3.session.Session().client("s3", config=config, **options)


def _parameters(destination: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in destination.partition("?")[2].split("&"))
    return {name: unquote(value) for name, _equals, value in pairs}
