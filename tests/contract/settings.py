# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the contract tests run, and what they may use there: read from the environment."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

# What a belief needs. Every one needs a zone.
ZONE = "a zone (CONTRACT_ZONE_ID)"
ACCOUNT = "an account (CONTRACT_ACCOUNT_ID)"
DESTINATION = "a destination (CONTRACT_S3_DESTINATION or CONTRACT_R2_DESTINATION)"
BUCKET = "an S3 bucket (CONTRACT_S3_DESTINATION)"
KEYS = "R2 keys (CONTRACT_R2_DESTINATION)"
EXPIRED = "an expired token (CONTRACT_EXPIRED_TOKEN)"

_URL = "https://api.cloudflare.com/client/v4"
_ID = re.compile(r"[0-9a-f]{32}")
# Members of a destination_conf that are no secret and say nothing about whose it is.
_PUBLIC = {"region", "sse"}


class SettingsError(Exception):
    """A setting is missing or invalid."""


@dataclass(frozen=True)
class Settings:
    """``aws`` has the credentials of the environment, only to redact them."""

    api_token: str
    zone_id: str
    account_id: str = ""
    base_url: str = _URL
    s3_destination: str = ""
    r2_destination: str = ""
    # Of R2's S3 API, by which test files are removed; empty: derived from the account.
    r2_endpoint: str = ""
    expired_token: str = ""
    aws: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read and check them; ``SettingsError`` names the variable."""
        missing = [
            name
            for name in ("CLOUDFLARE_API_TOKEN", "CONTRACT_ZONE_ID")
            if not environment.get(name)
        ]
        if missing:
            raise SettingsError(f"set {' and '.join(missing)}, or use --sandbox")
        get = environment.get
        settings = cls(
            api_token=environment["CLOUDFLARE_API_TOKEN"],
            zone_id=environment["CONTRACT_ZONE_ID"],
            account_id=get("CONTRACT_ACCOUNT_ID") or "",
            base_url=(get("CLOUDFLARE_BASE_URL") or _URL).rstrip("/"),
            s3_destination=get("CONTRACT_S3_DESTINATION") or "",
            r2_destination=get("CONTRACT_R2_DESTINATION") or "",
            r2_endpoint=get("CONTRACT_R2_ENDPOINT") or "",
            expired_token=get("CONTRACT_EXPIRED_TOKEN") or "",
            aws={
                name: value
                for name, value in environment.items()
                if name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
            },
        )
        settings._check()
        return settings

    @classmethod
    def for_sandbox(cls, environment: Mapping[str, str]) -> Settings:
        """Everything that a sandbox has, by the environment that it describes."""
        keys = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        bucket = environment["SANDBOX_BUCKET"]
        return cls(
            api_token=environment["CLOUDFLARE_API_TOKEN"],
            zone_id=environment["SANDBOX_ZONE_ID"],
            account_id=environment["SANDBOX_ACCOUNT_ID"],
            base_url=environment["CLOUDFLARE_BASE_URL"],
            s3_destination=f"s3://{bucket}/contract?region=us-east-1",
            r2_destination=(
                f"r2://{bucket}/contract-r2?account-id={environment['SANDBOX_ACCOUNT_ID']}"
                f"&access-key-id={keys[0]}&secret-access-key={keys[1]}"
            ),
            r2_endpoint=environment["AWS_ENDPOINT_URL_S3"],
        )

    def missing(self, needs: t.Iterable[str]) -> list[str]:
        """Those of the needs that are not met."""
        has = {
            ZONE: self.zone_id,
            ACCOUNT: self.account_id,
            DESTINATION: self.s3_destination or self.r2_destination,
            BUCKET: self.s3_destination,
            KEYS: self.r2_destination,
            EXPIRED: self.expired_token,
        }
        return [need for need in needs if not has[need]]

    def secrets(self) -> dict[str, str]:
        """Credentials and identifiers, and what stands in their place in a report."""
        found = {
            self.api_token: "<api token>",
            self.zone_id: "<zone id>",
            self.account_id: "<account id>",
            self.expired_token: "<token>",
            **{value: f"<{name}>" for name, value in self.aws.items()},
        }
        for destination in self._destinations():
            for pair in destination.partition("?")[2].split("&"):
                name, _equals, value = pair.partition("=")
                if name not in _PUBLIC:
                    found |= {value: f"<{name}>", unquote(value): f"<{name}>"}
        # Shorter ones are no secrets, and would be found everywhere.
        return {value: name for value, name in found.items() if len(value) > 3}

    def places(self) -> dict[str, str]:
        """Buckets and prefixes, and what stands in their place in a report."""
        found: dict[str, str] = {}
        for destination in self._destinations():
            place = destination.partition("?")[0].partition("://")[2]
            bucket, _slash, prefix = place.partition("/")
            found |= {bucket: "<bucket>", prefix.strip("/"): "<prefix>"}
        return {value: name for value, name in found.items() if value}

    def _destinations(self) -> list[str]:
        return [each for each in (self.s3_destination, self.r2_destination) if each]

    def _check(self) -> None:
        for name, value in (
            ("CONTRACT_ZONE_ID", self.zone_id),
            ("CONTRACT_ACCOUNT_ID", self.account_id),
        ):
            if value and not _ID.fullmatch(value):
                raise SettingsError(f"{name} must be 32 hexadecimal digits")
        for scheme in ("s3", "r2"):
            name = f"CONTRACT_{scheme.upper()}_DESTINATION"
            value = self.s3_destination if scheme == "s3" else self.r2_destination
            if value and not re.fullmatch(rf"{scheme}://[^/?{{]+(/[^?{{]*)?\?\S+", value):
                raise SettingsError(
                    f"{name} must be {scheme}://bucket/prefix?parameters without {{DATE}}"
                )
        if "secret-access-key=" in self.s3_destination:
            raise SettingsError(
                "CONTRACT_S3_DESTINATION must not contain keys, or no ownership is to be proved"
            )
