# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a ``destination_conf`` says, and what of it is secret. Pure: no input, no output.

A ``destination_conf`` has to reach Cloudflare byte for byte as it was given, so parsing only
looks: the given string itself is what is sent.
"""

from __future__ import annotations

import json
import re
import typing as t
from urllib.parse import quote, unquote, unquote_plus

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

DESTINATION_CONF = "destination_conf"
LONGEST = 4096

# RFC 3986, appendix B, with the scheme and the authority required. It loses nothing.
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_URI_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_WHITE_SPACE = re.compile(r"[\s\x00-\x20\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

# Cloudflare adds destinations and parameters; one that is unknown here is taken for a secret.
_PUBLIC_PARAMETERS = frozenset(
    (
        # Object stores, and Azure's SAS but for its signature.
        "region sse endpoint account-id "
        "sp st se sip spr sv sr srt ss skoid sktid skt ske sks skv "
        # Datadog, Splunk, New Relic, Kinesis.
        "ddsource ddtags service host hostname format sourcetype insecure-skip-verify "
        "sts-assume-role-arn"
    ).split()
)

# Names that are surely names, even where an API shows no value behind them.
_KNOWN_SECRET = re.compile(
    r"(secret-)?access-key(-id)?|sig|header_.*|api-key|credentials|ibm_api_key|sts-external-id",
    re.IGNORECASE,
)

# Behind it is the code of a source of Sumo Logic, whatever the scheme is.
_SUMO_SOURCE = "/receiver/v1/http/"

_BUCKET_IN_AUTHORITY = ("s3", "r2", "gs")
_HOST_IN_AUTHORITY = ("datadog", "splunk", "sumo", "https", "http", "sentinelone", "ibmcl")

# Cloudflare's documentation of each destination. What is not here is not known: the API decides.
_CHALLENGE = {
    "s3": "yes",
    "gs": "yes",
    "azure": "yes",
    "sumo": "yes",
    "r2": "no",
    "datadog": "no",
    "splunk": "no",
    "https": "no",
    "bq": "no",
    "sentinelone": "no",
}
KNOWN_SCHEMES = (*_CHALLENGE, "kinesis", "ibmcl")


class Destination:
    """One ``destination_conf``, taken apart. ``raw`` is the string as it was given.

    ``parameters`` are those of its query: names decoded, values as they were given.
    """

    def __init__(self, raw: str, match: re.Match[str]) -> None:
        self.raw = raw
        self.scheme = match["scheme"].lower()
        self.path = match["path"]
        authority: tuple[str, str, str] = match["authority"].rpartition("@")
        self._userinfo, _at, self.host = authority
        self.parameters = _split_query(match["query"] or "")
        self.fragment = match["fragment"] or ""

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Take ``text`` apart; raise ``InvalidInput`` where it cannot be a destination."""
        if not text:
            raise InvalidInput(
                DESTINATION_CONF, "is empty; give a URI such as s3://bucket/logs?region=…"
            )
        if len(text) > LONGEST:
            raise InvalidInput(
                DESTINATION_CONF, f"has {len(text)} characters; Cloudflare takes at most {LONGEST}"
            )
        white = _WHITE_SPACE.search(text)
        if white:
            raise InvalidInput(
                DESTINATION_CONF,
                f"has white space or a control character at position {white.start() + 1}; "
                "write it percent-encoded (a space is %20), or remove it",
            )
        if _SURROGATE.search(text):
            raise InvalidInput(
                DESTINATION_CONF, "has half of a character (a surrogate), which no URI can hold"
            )
        match = _URI.fullmatch(text)
        if not match:
            raise InvalidInput(
                DESTINATION_CONF,
                "is not a URI with a scheme, such as s3://bucket/logs?region=us-east-1",
            )
        destination = cls(text, match)
        if destination.bucket == "":
            raise InvalidInput(
                DESTINATION_CONF, f"names no bucket; write {destination.scheme}://bucket/path"
            )
        return destination

    def parameter(self, name: str) -> str | None:
        """Return the decoded value of the first query parameter ``name``, if there is one."""
        return next((unquote(value) for key, value in self.parameters if key == name), None)

    @property
    def bucket(self) -> str | None:
        """The bucket or container, for object stores."""
        if self.scheme in _BUCKET_IN_AUTHORITY:
            return self.host
        if self.scheme == "azure":
            return self.path.lstrip("/").partition("/")[0]
        return None

    @property
    def prefix(self) -> str | None:
        """The path below the bucket as it was given, ``{DATE}`` included, for object stores."""
        if self.scheme in _BUCKET_IN_AUTHORITY:
            return self.path[1:]
        if self.scheme == "azure":
            return self.path.lstrip("/").partition("/")[2]
        return None

    @property
    def endpoint(self) -> str | None:
        """The host that is written to, where the destination names one."""
        if self.scheme in _HOST_IN_AUTHORITY or self.scheme == "azure":
            return self.host
        return self.parameter("endpoint")

    @property
    def _code(self) -> str:
        code = self.path.partition(_SUMO_SOURCE)[2].rstrip("/")
        if not code and self.scheme == "sumo":
            code = self.path.rstrip("/").rpartition("/")[2]
        return code

    @property
    def challenge(self) -> str:
        """Whether ownership has to be proved: ``yes``, ``no`` or ``unknown``."""
        if self.scheme == "s3" and self.parameter("secret-access-key") is not None:
            return "no"
        return _CHALLENGE.get(self.scheme, "unknown")

    def describe(self) -> dict[str, str | None]:
        """Return the parts that are no secret: what modules return as ``destination``."""
        return {
            "scheme": self.scheme,
            "bucket": self.bucket,
            "prefix": self.prefix,
            "region": self.parameter("region"),
            "endpoint": self.endpoint,
            "challenge": self.challenge,
        }

    def parts(self) -> dict[str, tuple[str, bool]]:
        """Return every part by a name for people, each with its value as given and "is secret".

        For saying where two destinations differ; a value whose flag is true is never to be shown.
        """
        where = "bucket" if self.scheme in _BUCKET_IN_AUTHORITY else "host"
        parts = {
            "scheme": (self.scheme, False),
            where: (self.host, False),
            "path": (self.path, bool(self._code)),
        }
        if self._userinfo:
            parts["user information"] = (self._userinfo, True)
        for name, value in self.parameters:
            label = f"parameter {name}" if name else "parameter without a value"
            while label in parts:
                label += " (again)"
            parts[label] = (value, name not in _PUBLIC_PARAMETERS)
        if self.fragment:
            parts["part behind the #"] = (self.fragment, True)
        return parts

    def secrets(self) -> set[str]:
        """Return each secret in the forms in which it may turn up: as given, decoded, encoded."""
        given = [value for name, value in self.parameters if name not in _PUBLIC_PARAMETERS]
        given += [self._userinfo, *self._userinfo.split(":", 1)]
        given.append(self._code)
        if self.fragment:
            # A secret with an unescaped # in it.
            given += [self.fragment, *(f"{value}#{self.fragment}" for value in given if value)]
        found = {self.raw}
        for value in given:
            for decoded in (unquote(value), unquote_plus(value)):
                # `Splunk TOKEN`: the token is as secret alone as it is behind its scheme.
                for text in (value, decoded, *decoded.split()):
                    found.update((text, quote(text), quote(text, safe=""), json.dumps(text)[1:-1]))
        return found - {""}


def without_secrets(text: str) -> str:
    """Return a text with the secrets masked in whatever URI it quotes, known or not."""
    return _URI_IN_TEXT.sub(_masked_uri, text)


def _masked_uri(found: re.Match[str]) -> str:
    # Whatever follows the scheme can be taken apart.
    match = _URI.fullmatch(found[0])
    match = t.cast("re.Match[str]", match)
    start, path = f"{match['scheme']}://{match['authority'].rpartition('@')[2]}", match["path"]
    # Sumo Logic's code, which its own error messages quote behind another scheme.
    path = re.sub(f"({_SUMO_SOURCE}).*", r"\1***", path)
    if match["scheme"].lower() == "sumo":
        path = path.rstrip("/").rpartition("/")[0] + "/***"
    query = "&".join(
        f"{name}={value if name in _PUBLIC_PARAMETERS else '***'}" if name else "***"
        for name, value in _split_query(match["query"] or "")
    )
    return f"{start}{path}?{query}" if query else start + path


def _split_query(query: str) -> list[tuple[str, str]]:
    """Split a query at its ``&`` into names (decoded) and values (as given).

    A word alone is a value without a name: it may well be a secret, with base64's padding too.
    """
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [
        (unquote(name), value)
        if value.strip("=") or _KNOWN_SECRET.fullmatch(unquote(name))
        else ("", name + equals + value if value else name)
        for name, equals, value in pairs
    ]
