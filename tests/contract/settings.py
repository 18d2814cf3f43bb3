# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the contract tests run, and what they may use there: read from the environment."""

from __future__ import annotations

import re
import typing as t
from dataclasses import asdict, dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

# What a belief needs. Every one needs a zone.
ACCOUNT = "an account (CONTRACT_ACCOUNT_ID)"
DESTINATION = "a destination (CONTRACT_S3_DESTINATION or CONTRACT_R2_DESTINATION)"
BUCKET = "an S3 bucket (CONTRACT_S3_DESTINATION)"
KEYS = "R2 keys (CONTRACT_R2_DESTINATION)"
EXPIRED = "an expired token (CONTRACT_EXPIRED_TOKEN)"

_ID = (r"[0-9a-f]{32}", "32 hexadecimal digits")
_FORMS = {
    "CONTRACT_ZONE_ID": _ID,
    "CONTRACT_ACCOUNT_ID": _ID,
    # With keys, no ownership would be proved.
    "CONTRACT_S3_DESTINATION": (
        r"s3://[^/?{]+(/[^?{]*)?\?(?!.*secret-access-key=)\S+",
        "s3://bucket/prefix?parameters without {DATE} and without keys",
    ),
    "CONTRACT_R2_DESTINATION": (
        r"r2://[^/?{]+(/[^?{]*)?\?\S+",
        "r2://bucket/prefix?parameters without {DATE}",
    ),
}
_PUBLIC = {"region", "sse"}  # parameters of a destination_conf that are no secret


class SettingsError(Exception):
    """A setting is missing or invalid."""


@dataclass(frozen=True)
class Settings:
    """What is empty is not tested; an empty ``r2_endpoint`` is derived from the account."""

    api_token: str
    base_url: str
    zone_id: str
    account_id: str
    s3_destination: str
    r2_destination: str
    r2_endpoint: str
    expired_token: str

    @classmethod
    def from_environment(cls, environment: t.Mapping[str, str]) -> Settings:
        """Read CLOUDFLARE_* and CONTRACT_*; ``SettingsError`` names the invalid variable."""
        token, zone_id = (environment.get(n) for n in ("CLOUDFLARE_API_TOKEN", "CONTRACT_ZONE_ID"))
        if not token or not zone_id:
            raise SettingsError("set CLOUDFLARE_API_TOKEN and CONTRACT_ZONE_ID, or use --sandbox")
        for name, (form, words) in _FORMS.items():
            if environment.get(name) and not re.fullmatch(form, environment[name]):
                raise SettingsError(f"{name} must be {words}")
        names = ("account_id", "s3_destination", "r2_destination", "r2_endpoint", "expired_token")
        given = {name: environment.get(f"CONTRACT_{name.upper()}", "") for name in names}
        url = environment.get("CLOUDFLARE_BASE_URL") or "https://api.cloudflare.com/client/v4"
        return cls(api_token=token, base_url=url.rstrip("/"), zone_id=zone_id, **given)

    def missing(self, needs: t.Iterable[str]) -> list[str]:
        """Those of the needs that are not met."""
        given = [f"CONTRACT_{name.upper()}" for name, value in asdict(self).items() if value]
        return [need for need in needs if not any(name in need for name in given)]

    def destinations(self) -> list[str]:
        """Those that are given."""
        return [each for each in (self.s3_destination, self.r2_destination) if each]

    def redact(self, text: str, environment: t.Mapping[str, str]) -> str:
        """A text without credentials, identifiers, ownership tokens, and names of buckets."""
        names = {self.api_token: "<api token>", self.zone_id: "<zone id>"}
        names |= {self.account_id: "<account id>", self.expired_token: "<token>"}
        names |= {each: f"<{name}>" for name, each in environment.items() if name[:4] == "AWS_"}
        for destination in self.destinations():
            url, given = split(destination)
            names |= {url.netloc: "<bucket>", url.path.strip("/"): "<prefix>"}
            names |= {given[name]: f"<{name}>" for name in given if name not in _PUBLIC}
        names = {quote(value, safe=""): name for value, name in names.items()} | names
        # AWS's errors name the account and the user.
        text = re.sub(r"\barn:aws[\w-]*:[^\s\"]+", "<arn>", text)
        text = re.sub(r"eyJ[\w-]*\.[\w-]+\.[\w-]+", "<token>", text)
        for value in sorted(filter(None, names), key=len, reverse=True):
            # A bucket may be called by an ordinary word: only where it stands alone.
            alone = rf"(?<![\w-]){re.escape(value)}(?![\w-])"
            text = re.sub(alone, names[value].replace("\\", ""), text)
        return text


def split(destination: str) -> tuple[SplitResult, dict[str, str]]:
    """The parts of a destination, and its parameters, decoded."""
    url = urlsplit(destination, allow_fragments=False)
    pairs = (pair.partition("=") for pair in url.query.split("&"))
    return url, {name: unquote(value) for name, _equals, value in pairs}


def of_sandbox(environment: t.Mapping[str, str]) -> dict[str, str]:
    """The variables that lead to a sandbox, with everything that it has."""
    account_id, bucket = environment["SANDBOX_ACCOUNT_ID"], environment["SANDBOX_BUCKET"]
    keys = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    return {
        **environment,
        "CONTRACT_ZONE_ID": environment["SANDBOX_ZONE_ID"],
        "CONTRACT_ACCOUNT_ID": account_id,
        "CONTRACT_S3_DESTINATION": f"s3://{bucket}/contract?region=us-east-1",
        "CONTRACT_R2_DESTINATION": f"r2://{bucket}/contract-r2?account-id={account_id}"
        f"&access-key-id={keys[0]}&secret-access-key={keys[1]}",
        "CONTRACT_R2_ENDPOINT": environment["AWS_ENDPOINT_URL_S3"],
    }
