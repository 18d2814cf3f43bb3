# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the contract tests run, and what they may use there: read from the environment."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

# What a belief needs. Every one needs a zone.
ACCOUNT = "an account (CONTRACT_ACCOUNT_ID)"
DESTINATION = "a destination (CONTRACT_S3_DESTINATION or CONTRACT_R2_DESTINATION)"
BUCKET = "an S3 bucket (CONTRACT_S3_DESTINATION)"
KEYS = "R2 keys (CONTRACT_R2_DESTINATION)"
EXPIRED = "an expired token (CONTRACT_EXPIRED_TOKEN)"

_URL = "https://api.cloudflare.com/client/v4"
_VARIABLES = {
    "api_token": "CLOUDFLARE_API_TOKEN",
    "zone_id": "CONTRACT_ZONE_ID",
    "account_id": "CONTRACT_ACCOUNT_ID",
    "base_url": "CLOUDFLARE_BASE_URL",
    "s3_destination": "CONTRACT_S3_DESTINATION",
    "r2_destination": "CONTRACT_R2_DESTINATION",
    "r2_endpoint": "CONTRACT_R2_ENDPOINT",
    "expired_token": "CONTRACT_EXPIRED_TOKEN",
}
_ID = (r"[0-9a-f]{32}", "32 hexadecimal digits")
_FORMS = {
    "zone_id": _ID,
    "account_id": _ID,
    # With keys, no ownership would be proved.
    "s3_destination": (
        r"s3://[^/?{]+(/[^?{]*)?\?(?!.*secret-access-key=)\S+",
        "s3://bucket/prefix?parameters without {DATE} and without keys",
    ),
    "r2_destination": (
        r"r2://[^/?{]+(/[^?{]*)?\?\S+",
        "r2://bucket/prefix?parameters without {DATE}",
    ),
}
# Parameters of a destination_conf that are no secret.
_PUBLIC = {"region", "sse"}


class SettingsError(Exception):
    """A setting is missing or invalid."""


@dataclass(frozen=True)
class Settings:
    """``r2_endpoint`` is R2's S3 API; empty: derived from the account."""

    api_token: str
    zone_id: str
    account_id: str
    base_url: str
    s3_destination: str
    r2_destination: str
    r2_endpoint: str
    expired_token: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read and check them; ``SettingsError`` names the variable."""
        given = {name: environment.get(variable, "") for name, variable in _VARIABLES.items()}
        if not given["api_token"] or not given["zone_id"]:
            raise SettingsError("set CLOUDFLARE_API_TOKEN and CONTRACT_ZONE_ID, or use --sandbox")
        for name, (form, words) in _FORMS.items():
            if given[name] and not re.fullmatch(form, given[name]):
                raise SettingsError(f"{_VARIABLES[name]} must be {words}")
        return cls(**{**given, "base_url": (given["base_url"] or _URL).rstrip("/")})

    def missing(self, needs: t.Iterable[str]) -> list[str]:
        """Those of the needs that are not met."""
        has = {
            ACCOUNT: self.account_id,
            DESTINATION: self.s3_destination or self.r2_destination,
            BUCKET: self.s3_destination,
            KEYS: self.r2_destination,
            EXPIRED: self.expired_token,
        }
        return [need for need in needs if not has[need]]

    def destinations(self) -> list[str]:
        """Those that are given."""
        return [each for each in (self.s3_destination, self.r2_destination) if each]

    def redact(self, text: str, environment: Mapping[str, str]) -> str:
        """A text without credentials, identifiers, ownership tokens, and names of buckets."""
        names = {self.api_token: "<api token>", self.zone_id: "<zone id>"}
        names |= {self.account_id: "<account id>", self.expired_token: "<token>"}
        names |= {each: f"<{name}>" for name, each in environment.items() if name[:4] == "AWS_"}
        for destination in self.destinations():
            place, _mark, query = destination.partition("?")
            bucket, _slash, prefix = place.partition("://")[2].partition("/")
            names |= {bucket: "<bucket>", prefix.strip("/"): "<prefix>"}
            for name, value in parameters(f"?{query}").items():
                if name not in _PUBLIC:
                    names[value] = f"<{name}>"
        names = {quote(value, safe=""): name for value, name in names.items()} | names
        # AWS's errors name the account and the user.
        text = re.sub(r"\barn:aws[\w-]*:[^\s\"]+", "<arn>", text)
        text = re.sub(r"eyJ[\w-]*\.[\w-]+\.[\w-]+", "<token>", text)
        for value in sorted(filter(None, names), key=len, reverse=True):
            # A bucket may be called by an ordinary word: only where it stands alone.
            alone = rf"(?<![\w-]){re.escape(value)}(?![\w-])"
            text = re.sub(alone, names[value].replace("\\", ""), text)
        return text


def parameters(destination: str) -> dict[str, str]:
    """The parameters of a destination, decoded."""
    pairs = (pair.partition("=") for pair in destination.partition("?")[2].split("&"))
    return {name: unquote(value) for name, _equals, value in pairs}


def of_sandbox(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that lead to a sandbox, with everything that it has."""
    account_id, bucket = environment["SANDBOX_ACCOUNT_ID"], environment["SANDBOX_BUCKET"]
    keys = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    return {
        "CLOUDFLARE_API_TOKEN": environment["CLOUDFLARE_API_TOKEN"],
        "CLOUDFLARE_BASE_URL": environment["CLOUDFLARE_BASE_URL"],
        "CONTRACT_ZONE_ID": environment["SANDBOX_ZONE_ID"],
        "CONTRACT_ACCOUNT_ID": account_id,
        "CONTRACT_S3_DESTINATION": f"s3://{bucket}/contract?region=us-east-1",
        "CONTRACT_R2_DESTINATION": f"r2://{bucket}/contract-r2?account-id={account_id}"
        f"&access-key-id={keys[0]}&secret-access-key={keys[1]}",
        "CONTRACT_R2_ENDPOINT": environment["AWS_ENDPOINT_URL_S3"],
    }
