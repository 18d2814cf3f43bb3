# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder below a destination in which everything is that Cloudflare writes for these tests."""

from __future__ import annotations

import re

from .settings import parameters

FOLDER = "edgeops-contract-test"
# What follows the folder's name in a key: the run, and a number.
_RUN = re.compile(r"[0-9a-f]{8}/[0-9]+")


class Folder:
    """Give each test a destination of its own; read and remove what is written there."""

    def __init__(self, destination: str, run: str, endpoint: str = "") -> None:
        """Take a ``destination`` without {DATE}; ``endpoint`` is R2's, if not that of the account.

        R2 is read with the keys in the destination, S3 with the AWS credentials of the environment.
        """
        # Imported late: without a bucket it is not needed.
        import boto3
        from botocore.config import Config

        place, _mark, self._query = destination.partition("?")
        self._scheme, _separator, rest = place.partition("://")
        self._bucket, _slash, prefix = rest.partition("/")
        self._base = f"{prefix.strip('/')}/{FOLDER}/".lstrip("/")
        self._run = run
        self._count = 0
        given, options = parameters(destination), {}
        if self._scheme == "r2":
            account = f"https://{given.get('account-id')}.r2.cloudflarestorage.com"
            options = {
                "endpoint_url": endpoint or account,
                "aws_access_key_id": given.get("access-key-id"),
                "aws_secret_access_key": given.get("secret-access-key"),
            }
        region = given.get("region", "auto" if options and not endpoint else "us-east-1")
        config = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 3})
        session = boto3.session.Session(region_name=region)
        self._client = session.client("s3", config=config, **options)

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
        return key, answer["Body"].read().decode("utf-8", "replace")

    def clear(self) -> list[str]:
        """Remove all that lies in the folder, of earlier runs too; returns what could not be."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._base
            )
            for entry in [entry for page in pages for entry in page.get("Contents", [])]:
                # Nothing that these tests cannot have made.
                if _RUN.match(entry["Key"][len(self._base) :]):
                    self._client.delete_object(Bucket=self._bucket, Key=entry["Key"])
        except Exception as error:
            place = f"{self._scheme}://{self._bucket}/{self._base}"
            return [f"{place} could not be cleared, remove it yourself: {error}"]
        return []
