# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes in a ``destination_conf``, found before anything is sent.

Pure but for the clock, which tells an expired signature. Only what is certain to fail is refused;
where sources disagree there is a warning. Nothing is refused for an unknown scheme.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from urllib.parse import unquote

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    AZURE_EXAMPLE,
    DESTINATION_CONF,
    KNOWN_SCHEMES,
    Destination,
)

# What other tools call a destination.
_OTHER_NAMES = {
    "s3a": "s3",
    "s3n": "s3",
    "aws": "s3",
    "gcs": "gs",
    "gcp": "gs",
    "google": "gs",
    "az": "azure",
    "azblob": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "wasb": "azure",
    "wasbs": "azure",
    "blob": "azure",
    "sumologic": "sumo",
    "bigquery": "bq",
    "newrelic": "https",
    "http": "https",
}
_CLOSE = 0.8
_SHORTEST_MISSPELLED = 5
_NEEDED = {"s3": ("region",), "kinesis": ("region",)}
_KEYS = ("access-key-id", "secret-access-key")
_R2 = ("account-id", *_KEYS)
_AMAZON_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")
# Parameters whose value is a word, so that anything else at its end does not belong there.
_WORDS = ("region", "sse", "account-id")
_WORD = re.compile(r"[A-Za-z0-9:._-]*")
# Servers that people take for a bucket.
_STORE_HOSTS = {
    "s3": ".amazonaws.com",
    "r2": ".r2.cloudflarestorage.com",
    "gs": "storage.googleapis.com",
}
_BUCKET_HOSTS = (".digitaloceanspaces.com", ".linodeobjects.com", ".r2.cloudflarestorage.com")
# What RFC 3986 lets stand for itself in a query.
_UNESCAPED = re.compile(r"[^A-Za-z0-9._~!$'()*+,;:@/?=%-]")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# A parameter of Cloudflare's behind a second question mark, where it belongs to the value before.
_SECOND_QUERY = re.compile(
    r"\?(header_[^=?]*|region|sse|endpoint|account-id|access-key-id|secret-access-key|sv|sig|"
    r"ddsource|service|ddtags|hostname|channel|insecure-skip-verify|sourcetype|Api-Key|format|"
    r"credentials|ibm_api_key)=",
    re.IGNORECASE,
)
_LATER_QUERY = re.compile(r"\?[A-Za-z0-9_.-]+=")
# A SAS as the value of a parameter.
_SAS = re.compile(r"\??(?:sv|ss|srt|sr|sp|se|st|spr|sig)=")
_STORE_PARAMETERS = ("region", "sse", "endpoint", "account-id", *_KEYS)
# Not what follows the name, which may be the secret.
_HEADER = re.compile(r"headers?[_-][A-Za-z0-9_-]*", re.IGNORECASE)
_SAS_TIMES = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d")


def checked_destination(text: str) -> Destination:
    """Return a destination given by a user; raise ``InvalidInput`` for what is certain to fail.

    ``destination_warnings`` returns what is only likely to.
    """
    destination = Destination.parse(text)
    for check in (
        _check_scheme,
        _check_host,
        _check_question_marks,
        _check_words,
        _check_needed,
        _check_bucket,
        _check_headers,
    ):
        check(destination)
    if destination.scheme == "s3":
        _check_s3(destination)
    if destination.scheme in ("s3", "r2"):
        _check_keys(destination)
    if destination.scheme == "azure":
        _check_sas(destination)
    return destination


def destination_warnings(destination: Destination) -> list[str]:
    """Return what may be wrong with a destination, but is not certain to fail: whole sentences."""
    problems = []
    if destination.scheme == "azure" and destination.parameter("sr"):
        kind = destination.parameter("sr")
        problems.append(
            f"contains a service SAS (sr={kind}); some of Cloudflare's pages require an account "
            "SAS for objects (ss=b, srt=o), so create one of that kind if this one is rejected"
        )
    endpoint = destination.parameter("endpoint") or ""
    if destination.scheme == "s3" and _begins_with_bucket(endpoint, destination.host):
        problems.append(
            "contains the bucket twice, after s3:// and in endpoint; Cloudflare documents endpoint "
            "as the server's host alone"
        )
    missing = [name for name in _R2 if not destination.parameter(name)]
    if destination.scheme == "r2" and missing:
        problems.append(
            f"lacks {', '.join(missing)}; Cloudflare documents r2:// with account-id, "
            "access-key-id and secret-access-key"
        )
    problems += _misspelled(destination)
    later = next(filter(None, (_LATER_QUERY.search(v) for _n, v in destination.parameters)), None)
    if destination.scheme in KNOWN_SCHEMES and later:
        problems.append(
            'contains a second "?", so what follows it is part of the parameter before; write "&" '
            "to begin another parameter, or %3F for a question mark"
        )
    return [f"{DESTINATION_CONF} {problem}" for problem in problems]


def _misspelled(destination: Destination) -> t.Iterator[str]:
    """Yield the parameters that Cloudflare would take for unknown ones."""
    if destination.scheme not in KNOWN_SCHEMES:
        return
    for name, value in destination.parameters:
        plain = name.lower().replace("_", "-")
        if name.startswith("amp;"):
            yield 'contains "&amp;" between its parameters; write "&"'
        elif destination.scheme in ("s3", "r2") and name != plain and plain in _STORE_PARAMETERS:
            yield f"contains the parameter {name}; Cloudflare documents {plain}"
        header = _HEADER.match(name or value)
        if header and not (name and header[0].startswith("header_")):
            right = "header_" + re.split("[_-]", header[0], maxsplit=1)[1]
            yield f"contains {header[0]}; Cloudflare documents {right}=… for a header"


def _wrong(problem: str) -> InvalidInput:
    return InvalidInput(DESTINATION_CONF, problem)


def _check_scheme(destination: Destination) -> None:
    scheme = destination.scheme
    if scheme in KNOWN_SCHEMES:
        return
    meant = _OTHER_NAMES.get(scheme)
    if meant is None and scheme.isalpha() and len(scheme) >= _SHORTEST_MISSPELLED:
        # Seldom needed, and slow to import.
        import difflib

        close = difflib.get_close_matches(scheme, KNOWN_SCHEMES, cutoff=_CLOSE)
        meant = close[0] if close else None
    if meant:
        raise _wrong(
            f"contains the scheme {scheme}://, which Logpush does not support; write {meant}://"
        )


def _check_host(destination: Destination) -> None:
    host, colon, port = destination.host.rpartition(":")
    name = host if colon and port.isdecimal() else destination.host
    if destination.scheme in KNOWN_SCHEMES and not name:
        scheme = destination.scheme
        raise _wrong(f"contains no host after {scheme}://; write {scheme}://HOST/path?…")


def _check_question_marks(destination: Destination) -> None:
    if destination.scheme not in KNOWN_SCHEMES:
        return
    for name, value in destination.parameters:
        if name.startswith("?"):
            raise _wrong('contains "??" before its parameters; write a single "?"')
        found = _SECOND_QUERY.search(f"{name}={value}")
        if found:
            raise _wrong(
                f'contains a second "?" before {found[1]}, which makes it part of the parameter '
                f'before; write "&{found[1]}=…"'
            )
        is_sas = name.lower() == "sas" or (name and _SAS.match(unquote(value)))
        if destination.scheme == "azure" and is_sas:
            raise _wrong(
                f"contains the SAS as the value of a parameter {name}; write the SAS itself after "
                f'the "?", as in {AZURE_EXAMPLE}'
            )


def _check_words(destination: Destination) -> None:
    if destination.scheme not in (*_NEEDED, "r2"):
        return
    for name in _WORDS:
        value = destination.parameter(name) or ""
        good = t.cast("re.Match[str]", _WORD.match(value))[0]
        if good != value:
            raise _wrong(
                f'contains "{value[len(good) :]}" in the parameter {name}; write {name}='
                f"{good or '…'}"
            )
    region = destination.parameter("region") or ""
    if destination.parameter("endpoint") is None and not re.fullmatch(r"[a-z0-9-]*", region):
        raise _wrong(
            f'contains the region "{region}", which AWS does not have; write it in lower case '
            "and with hyphens, as in region=us-east-1"
        )


def _check_needed(destination: Destination) -> None:
    for name in _NEEDED.get(destination.scheme, ()):
        if not destination.parameter(name):
            raise _wrong(
                f"lacks the parameter {name}, which {destination.scheme}:// requires; add "
                f"?{name}=… or &{name}=…"
            )


def _check_bucket(destination: Destination) -> None:
    host, suffix = destination.host.lower(), _STORE_HOSTS.get(destination.scheme)
    if suffix and host.endswith(suffix):
        raise _wrong(
            f"contains the server {host} where the bucket belongs; write {destination.scheme}://,"
            " the name of the bucket alone, and then the path"
        )
    if destination.scheme == "azure" and "." not in host:
        raise _wrong(f"contains no server; write {AZURE_EXAMPLE}")


def _check_headers(destination: Destination) -> None:
    if destination.fragment:
        raise _wrong('contains an unescaped "#"; encode it as %23')
    for name, value in destination.parameters:
        if not name.startswith("header_"):
            continue
        wrong = _UNESCAPED.search(value) or _LONE_PERCENT.search(value)
        if wrong:
            raise _wrong(
                f"contains an unescaped {wrong[0]!r} in the value of {name}; percent-encode the "
                "value, for example with the filter urlencode"
            )


def _check_keys(destination: Destination) -> None:
    given = [name for name in _KEYS if destination.parameter(name)]
    if len(given) == 1:
        missing = next(name for name in _KEYS if name not in given)
        raise _wrong(f"contains {given[0]} without {missing}; add &{missing}=…")


def _check_s3(destination: Destination) -> None:
    has_keys = any(destination.parameter(name) for name in _KEYS)
    endpoint = destination.parameter("endpoint")
    if endpoint is not None and not has_keys:
        raise _wrong(
            "contains an endpoint without keys, which a server that is not Amazon's requires; add "
            "&access-key-id=…&secret-access-key=…"
        )
    region = destination.parameter("region") or ""
    if has_keys and endpoint is None and not _AMAZON_REGION.fullmatch(region):
        raise _wrong(
            f"contains keys and the region {region}, which AWS does not have, but no endpoint; add "
            "&endpoint=… with the host of the server"
        )


def _begins_with_bucket(endpoint: str, bucket: str) -> bool:
    """Distinguish a bucket's own address from a server that happens to have the bucket's name."""
    start, _dot, server = endpoint.lower().partition(".")
    return start == bucket.lower() and (
        server.startswith(("s3.", "s3-")) or server.endswith(_BUCKET_HOSTS)
    )


def _check_sas(destination: Destination) -> None:
    """Check what is readable of Azure's signature: Logpush needs one to write objects."""
    sas = {name: destination.parameter(name) for name in ("sig", "sr", "srt", "ss", "sp", "se")}
    if not sas["sig"]:
        raise _wrong(
            "contains no shared access signature (SAS), whose parameter sig is missing; write the "
            'SAS after the "?"'
        )
    if sas["sr"] == "b":
        raise _wrong("contains a SAS for one blob (sr=b); write one for the account or container")
    if sas["srt"] and sas["srt"] != "o":
        raise _wrong(
            f"contains a SAS for the resource types srt={sas['srt']}; create one for objects only, "
            "srt=o"
        )
    if sas["ss"] and "b" not in sas["ss"]:
        raise _wrong(f"contains a SAS for the services ss={sas['ss']}; create one for blobs, ss=b")
    if sas["sp"] and "w" not in sas["sp"]:
        raise _wrong(
            f"contains a SAS with the permissions sp={sas['sp']}; create one that may write, sp=w"
        )
    end = _sas_time(sas["se"])
    if end is not None and end < datetime.datetime.now(datetime.timezone.utc):
        raise _wrong(f"contains a SAS that expired at {end:%Y-%m-%d %H:%M} UTC; create a new one")


def _sas_time(text: str | None) -> datetime.datetime | None:
    """Return a time as Azure writes it, or None where it cannot be read."""
    if text is None:
        return None
    for form in _SAS_TIMES:
        try:
            read = datetime.datetime.strptime(text, form)
        except ValueError:
            continue
        return read.replace(tzinfo=datetime.timezone.utc)
    return None
