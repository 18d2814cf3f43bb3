# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse a ``destination_conf``, and tell which parts are sensitive. Pure: no input, no output.

A ``destination_conf`` must reach Cloudflare byte for byte as it was given, so parsing changes
nothing: the given string itself is sent.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote, unquote_plus

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _secrets
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

DESTINATION_CONF = "destination_conf"
AZURE_EXAMPLE = "azure://ACCOUNT.blob.core.windows.net/CONTAINER/path?sv=…&sig=…"
LONGEST = 4096
# Whether ownership has to be proved, as far as is known.
REQUIRED = "required"
NOT_REQUIRED = "not_required"

# RFC 3986, appendix B, with the scheme and the authority required. It loses nothing.
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_WHITE_SPACE = re.compile(r"[\s\x00-\x20\x7f]")
_SEPARATORS = re.compile(r"[/?&=#@\s]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

# Behind it is the code of a source of Sumo Logic, whatever the scheme is.
_SUMO_SOURCE = "/receiver/v1/http/"

_BUCKET_IN_AUTHORITY = ("s3", "r2", "gs")
# Where a path leads into an object store, its segments are names, not keys of an API.
_PATH_IN_STORE = (*_BUCKET_IN_AUTHORITY, "azure")
_HOST_IN_AUTHORITY = ("datadog", "splunk", "sumo", "https", "http", "sentinelone", "ibmcl")

# Cloudflare's documentation of each destination. What is not here is not known: the API decides.
_OWNERSHIP = {
    "s3": REQUIRED,
    "gs": REQUIRED,
    "azure": REQUIRED,
    "sumo": REQUIRED,
    "r2": NOT_REQUIRED,
    "datadog": NOT_REQUIRED,
    "splunk": NOT_REQUIRED,
    "https": NOT_REQUIRED,
    "bq": NOT_REQUIRED,
    "sentinelone": NOT_REQUIRED,
}
KNOWN_SCHEMES = (*_OWNERSHIP, "kinesis", "ibmcl")


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
                DESTINATION_CONF, "is empty; set a URI such as s3://bucket/logs?region=…"
            )
        if len(text) > LONGEST:
            raise InvalidInput(
                DESTINATION_CONF,
                f"has {len(text)} characters; Cloudflare accepts at most {LONGEST}",
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
                DESTINATION_CONF, "contains an unpaired surrogate, which a URI cannot contain"
            )
        match = _URI.fullmatch(text)
        if not match:
            raise InvalidInput(
                DESTINATION_CONF,
                "is not a URI with a scheme, such as s3://bucket/logs?region=us-east-1",
            )
        destination = cls(text, match)
        if destination.bucket == "":
            problem = f"contains no bucket; write {destination.scheme}://bucket/path"
            if destination.scheme == "azure":
                problem = f"contains no container; write {AZURE_EXAMPLE}"
            raise InvalidInput(DESTINATION_CONF, problem)
        if any(_secrets.is_sensitive_name(name) for name, _value in destination._misplaced):
            raise InvalidInput(
                DESTINATION_CONF,
                "has a sensitive parameter in its path, after an & without a ? before it; write ? "
                "before the first parameter, and & before each other one",
            )
        return destination

    @property
    def _misplaced(self) -> list[tuple[str, str]]:
        """The parameters behind an ``&`` in the host or the path: a ``?`` is missing."""
        return _split_query((self.host + self.path).partition("&")[2])

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
        endpoint = self.parameter("endpoint")
        return None if endpoint is None else endpoint.rpartition("@")[2]

    @property
    def _code(self) -> str:
        code = self.path.partition(_SUMO_SOURCE)[2].rstrip("/")
        if not code and self.scheme == "sumo":
            code = self.path.rstrip("/").rpartition("/")[2]
        return code

    @property
    def ownership(self) -> str:
        """Whether Cloudflare requires proof: ``required``, ``not_required`` or ``unknown``."""
        if self.scheme == "s3" and self.parameter("secret-access-key") is not None:
            return NOT_REQUIRED
        return _OWNERSHIP.get(self.scheme, "unknown")

    def describe(self) -> dict[str, str | None]:
        """Return the parts that are not sensitive: what modules return as ``destination``."""
        return {
            "scheme": self.scheme,
            "bucket": self.bucket,
            "prefix": self.prefix,
            "region": self.parameter("region"),
            "endpoint": self.endpoint,
            "ownership": self.ownership,
        }

    def parts(self) -> dict[str, tuple[str, bool]]:
        """Return every part by a name for people, each with its value as given and "is secret".

        For saying where two destinations differ; a value whose flag is true is never to be shown.
        """
        where = "bucket" if self.scheme in _BUCKET_IN_AUTHORITY else "host"
        parts = {
            "scheme": (self.scheme, False),
            where: (self.host, False),
            "path": (self.path, bool(self._code or self._secret_segments)),
        }
        if self._userinfo:
            parts["user information"] = (self._userinfo, True)
        for name, value in self.parameters:
            label = f"parameter {name}" if name else "parameter without a value"
            while label in parts:
                label += " (again)"
            parts[label] = (value, "@" in unquote(value) or not _secrets.is_public_parameter(name))
        if self.fragment:
            parts["part after the #"] = (self.fragment, True)
        return parts

    @property
    def public_names(self) -> set[str]:
        """The names in it that other tasks need, or that results show."""
        parts = (self.host, self.bucket, self.prefix, self.endpoint, self.parameter("region"))
        return {part for part in parts if part}

    def secrets(self) -> set[str]:
        """Return the sensitive values, to be redacted wherever they turn up.

        An unknown parameter's value is one where it looks like a secret: it may well be a word.
        """
        found: set[str] = set()
        for name, given in _nested([*self.parameters, *self._misplaced]):
            if _secrets.is_sensitive_name(name):
                found |= {given, unquote(given)}
                found.update(_words(given) if _secrets.is_header(name) else ())
            elif not _secrets.is_public_parameter(name) and _secrets.looks_like_secret(given):
                found.add(given)
            elif name == "endpoint":
                userinfo = unquote(given).rpartition("@")[0].rpartition("://")[2]
                found.add(userinfo.partition(":")[2] or userinfo)
            if self.fragment and not _secrets.is_public_parameter(name):
                # A secret with an unescaped # in it.
                found |= {f"{given}#{self.fragment}", self.fragment}
        # A user name alone is not a secret, but where there is no password it may be a token.
        user, _colon, password = self._userinfo.partition(":")
        found |= {self._userinfo, password or user, self._code, *self._secret_segments}
        return found - {""}

    @property
    def _secret_segments(self) -> list[str]:
        if self.scheme in _PATH_IN_STORE:
            return []
        segments = self.path.split("/")
        found = map(_secrets.secret_in_segment, ["", *segments], segments)
        return [each for each in found if each]


def secrets_of(destination_conf: t.Any) -> set[str]:
    """Return the sensitive values of what may be a destination, and may be masked or cut."""
    text = destination_conf if isinstance(destination_conf, str) else ""
    match = _URI.fullmatch(text)
    if match:
        # Blanks in it, or its length, make no difference here.
        return Destination(text, match).secrets()
    return {word for word in _SEPARATORS.split(text) if _secrets.looks_like_secret(word)}


def without_secrets(text: str) -> str:
    """Return a text without the sensitive parts of the destinations that it quotes."""
    return _secrets.redact_uris(text, _shown_path)


def _shown_path(scheme: str, path: str) -> str:
    if scheme in _PATH_IN_STORE:
        return path
    start, source, code = path.partition(_SUMO_SOURCE)
    if source and code:
        # Sumo Logic's own error messages quote it behind another scheme.
        return f"{start}{source}***"
    if scheme == "sumo" and path.strip("/"):
        return path.rstrip("/").rpartition("/")[0] + "/***"
    return _secrets.show_path(scheme, path)


def _nested(parameters: list[tuple[str, str]]) -> t.Iterator[tuple[str, str]]:
    """Yield parameters, those behind a second ``?`` too, which belong to the value before it."""
    for name, value in parameters:
        yield name.lstrip("?"), value
        inner = value.partition("?")[2]
        if "=" in inner:
            yield from _split_query(inner)
        if value.count("=") and not _secrets.is_sensitive_name(name):
            # A whole query as a value, such as ?sas=sv=...
            yield from _split_query(value.rpartition("?")[2])


def _words(value: str) -> list[str]:
    """Return the words of a header's value: ``Splunk TOKEN`` holds a secret of one word."""
    words = unquote(value).split()
    if len(words) > 1:
        return words
    # A blank may be written as a plus sign too, which base64 also has.
    scheme, _plus, secret = value.partition("+")
    return [unquote_plus(secret)] if scheme.isalpha() else []


def _split_query(query: str) -> list[tuple[str, str]]:
    """Split a query at its ``&`` into names (decoded) and values (as given)."""
    pairs = (_secrets.split_parameter(part) for part in query.split("&") if part)
    return [(unquote(name), value) for name, value in pairs]
