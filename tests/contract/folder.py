# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder below a destination in which everything is that Cloudflare writes for these tests."""

from __future__ import annotations

import re
import typing as t

import boto3
from botocore.config import Config

from .settings import split

FOLDER = "edgeops-contract-test"
# What follows the folder's name in a key: the run, and a number.
_RUN = re.compile(r"[0-9a-f]{8}/[0-9]+")
_CONFIG = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 3})


class Folder:
    """Give each test a destination of its own; read and remove what is written there."""

    def __init__(self, destination: str, run: str, endpoint: str = "") -> None:
        """Take a ``destination`` without {DATE}; ``endpoint`` is R2's, if not that of the account.

        R2 is read with the keys in the destination, S3 with the AWS credentials of the environment.
        """
        self._url, given = split(destination)
        self._base = f"{self._url.path.strip('/')}/{FOLDER}/".lstrip("/")
        self._run, self._count = run, 0
        options: dict[str, t.Any] = {"region_name": given.get("region", "us-east-1")}
        if self._url.scheme == "r2":
            account = f"https://{given.get('account-id')}.r2.cloudflarestorage.com"
            options |= {
                "endpoint_url": endpoint or account,
                "aws_access_key_id": given.get("access-key-id"),
                "aws_secret_access_key": given.get("secret-access-key"),
            }
        self._bucket = boto3.resource("s3", config=_CONFIG, **options).Bucket(self._url.netloc)

    def destination(self, tail: str = "") -> str:
        """A destination that was not used before; ``tail`` is added to its path."""
        self._count += 1
        return self._url._replace(path=f"{self._base}{self._run}/{self._count}{tail}").geturl()

    def read(self, filename: str) -> tuple[str, str]:
        """Key and content of a file that Cloudflare named, with or without the bucket."""
        key = filename.lstrip("/")
        try:
            answer = self._bucket.Object(key).get()
        except self._bucket.meta.client.exceptions.NoSuchKey:
            key = key.removeprefix(f"{self._bucket.name}/")
            answer = self._bucket.Object(key).get()
        return key, answer["Body"].read().decode("utf-8", "replace")

    def clear(self) -> list[str]:
        """Remove all that lies in the folder, of earlier runs too; returns what could not be."""
        try:
            for each in self._bucket.objects.filter(Prefix=self._base):
                # Nothing that these tests cannot have made.
                if _RUN.match(each.key[len(self._base) :]):
                    each.delete()
        except Exception as error:
            place = f"{self._url.scheme}://{self._bucket.name}/{self._base}"
            return [f"{place} could not be cleared, remove it yourself: {error}"]
        return []
