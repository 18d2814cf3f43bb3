# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder below a destination in which everything is that Cloudflare writes for these tests."""

from __future__ import annotations

import typing as t
from urllib.parse import unquote

from .names import FOLDER, RUN_PATTERN


class FolderError(Exception):
    """The bucket cannot be read; the text says why."""


class Folder:
    """Give each test a destination of its own; read and remove what is written there."""

    def __init__(self, destination: str, run: str, client: t.Any) -> None:
        """Take a ``destination`` without {DATE}, and an S3 client that may read its bucket."""
        place, _mark, self._query = destination.partition("?")
        self._scheme, _separator, rest = place.partition("://")
        self.bucket, _slash, prefix = rest.partition("/")
        self.base = f"{prefix.strip('/')}/{FOLDER}/".lstrip("/")
        self._run = run
        self._client = client
        self._count = 0
        self._read: list[str] = []

    def __str__(self) -> str:
        return f"{self._scheme}://{self.bucket}/{self.base}"

    def destination(self, tail: str = "") -> str:
        """A destination that was not used before; ``tail`` is added to its path."""
        self._count += 1
        path = f"{self.base}{self._run}/{self._count}{tail}"
        return f"{self._scheme}://{self.bucket}/{path}?{self._query}"

    def read(self, filename: str) -> tuple[str, bytes]:
        """Key and content of a file that Cloudflare named, with or without the bucket."""
        candidates = [filename.lstrip("/"), filename.lstrip("/").removeprefix(f"{self.bucket}/")]
        problem = ""
        for key in dict.fromkeys(candidates):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
                self._read.append(key)
                return key, answer["Body"].read()
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
        raise FolderError(problem)

    def keys(self) -> list[str]:
        """All that lies in the folder, of earlier runs too."""
        pages = self._client.get_paginator("list_objects_v2")
        found = [
            str(entry["Key"])
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.base)
            for entry in page.get("Contents", [])
        ]
        # Nothing that these tests cannot have made.
        return [key for key in found if RUN_PATTERN.match(key[len(self.base) :])]

    def clear(self) -> list[str]:
        """Remove all that lies in the folder; returns what could not be done."""
        problems = []
        try:
            keys = self.keys()
        except Exception as error:
            # The files that were read at least.
            keys, self._read = self._read, []
            problems.append(f"{self} could not be listed, remove it yourself: {error}")
        for key in keys:
            try:
                self._client.delete_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                problems.append(f"{key}: could not be removed ({type(error).__name__})")
        return problems


def s3_client(destination: str) -> t.Any:
    """A client with the AWS credentials of the environment."""
    return _client(region_name=_parameters(destination).get("region", "us-east-1"))


def r2_client(destination: str, endpoint: str = "") -> t.Any:
    """A client with the keys in the destination."""
    given = _parameters(destination)
    return _client(
        endpoint_url=endpoint or f"https://{given.get('account-id')}.r2.cloudflarestorage.com",
        region_name="auto" if not endpoint else "us-east-1",
        aws_access_key_id=given.get("access-key-id"),
        aws_secret_access_key=given.get("secret-access-key"),
    )


def _client(**options: t.Any) -> t.Any:
    # Imported late: without a bucket it is not needed.
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        connect_timeout=10,
        read_timeout=30,
        retries={"total_max_attempts": 3},
    )
    return boto3.session.Session().client("s3", config=config, **options)


def _parameters(destination: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in destination.partition("?")[2].split("&"))
    return {name: unquote(value) for name, _equals, value in pairs}
