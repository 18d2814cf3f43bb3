# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mistakes that people make in a ``destination_conf``, each told before anything is sent.

Pure but for the clock, which tells an expired signature. Only what Cloudflare's documentation of a
destination rules out is refused; of a scheme that is unknown here nothing is.
"""

from __future__ import annotations

import datetime
import re

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
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
_SHORTEST_MISSPELT = 5
_NEEDED = {
    "s3": ("region",),
    "r2": ("account-id", "access-key-id", "secret-access-key"),
    "kinesis": ("region",),
}
_KEYS = ("access-key-id", "secret-access-key")
_AMAZON_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")
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
_SAS_TIMES = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d")


def checked_destination(text: str) -> Destination:
    """Return a destination that was given by a user; raise ``InvalidInput`` for a known mistake."""
    destination = Destination.parse(text)
    for check in (_check_scheme, _check_needed, _check_bucket, _check_headers):
        check(destination)
    if destination.scheme == "s3":
        _check_s3(destination)
    if destination.scheme == "azure":
        _check_sas(destination)
    return destination


def _wrong(problem: str) -> InvalidInput:
    return InvalidInput(DESTINATION_CONF, problem)


def _check_scheme(destination: Destination) -> None:
    scheme = destination.scheme
    if scheme in KNOWN_SCHEMES:
        return
    meant = _OTHER_NAMES.get(scheme)
    if meant is None and scheme.isalpha() and len(scheme) >= _SHORTEST_MISSPELT:
        # Seldom needed, and slow to import.
        import difflib

        close = difflib.get_close_matches(scheme, KNOWN_SCHEMES, cutoff=_CLOSE)
        meant = close[0] if close else None
    if meant:
        raise _wrong(f"Logpush knows no {scheme}://; write {meant}://")


def _check_needed(destination: Destination) -> None:
    for name in _NEEDED.get(destination.scheme, ()):
        if not destination.parameter(name):
            raise _wrong(
                f"the parameter {name} is missing; {destination.scheme}:// needs it, as "
                f"?{name}=… or &{name}=…"
            )


def _check_bucket(destination: Destination) -> None:
    host, suffix = destination.host.lower(), _STORE_HOSTS.get(destination.scheme)
    if suffix and host.endswith(suffix):
        raise _wrong(
            f"names the server {host} where the bucket belongs; write {destination.scheme}://, the "
            "name of the bucket alone, and then the path"
        )
    if destination.scheme == "azure" and "." not in host:
        raise _wrong(
            "names no server; write azure://ACCOUNT.blob.core.windows.net/CONTAINER/path?SAS"
        )


def _check_headers(destination: Destination) -> None:
    if destination.fragment:
        raise _wrong("has a # in it, behind which all would be lost; write it as %23")
    for name, value in destination.parameters:
        if not name.startswith("header_"):
            continue
        wrong = _UNESCAPED.search(value) or _LONE_PERCENT.search(value)
        if wrong:
            raise _wrong(
                f"the value of {name} has a {wrong[0]!r} that is not percent-encoded; encode the "
                "value (the filter urlencode does)"
            )


def _check_s3(destination: Destination) -> None:
    given = [name for name in _KEYS if destination.parameter(name)]
    endpoint = destination.parameter("endpoint")
    if len(given) == 1:
        missing = next(name for name in _KEYS if name not in given)
        raise _wrong(f"the parameter {missing} is missing; {given[0]} alone is no credential")
    if endpoint is not None and not given:
        raise _wrong(
            "has an endpoint, and no access-key-id with secret-access-key, which a server that is "
            "not Amazon's needs"
        )
    region = destination.parameter("region") or ""
    if given and endpoint is None and not _AMAZON_REGION.fullmatch(region):
        raise _wrong(
            f"has keys and the region {region}, which is none of Amazon's, but no endpoint; add "
            "&endpoint=… with the host of the server"
        )
    if endpoint is not None and _begins_with_bucket(endpoint.lower(), destination.host.lower()):
        raise _wrong(
            "names the bucket twice, in s3:// and in endpoint; endpoint is the server's host alone"
        )


def _begins_with_bucket(endpoint: str, bucket: str) -> bool:
    """Tell a bucket's own address from a server that happens to have the bucket's name."""
    start, _dot, server = endpoint.partition(".")
    return start == bucket and (server.startswith(("s3.", "s3-")) or server.endswith(_BUCKET_HOSTS))


def _check_sas(destination: Destination) -> None:
    """Check Azure's signature as far as it can be read: Logpush wants one to write objects."""
    said = {name: destination.parameter(name) for name in ("sig", "sr", "srt", "ss", "sp", "se")}
    if not said["sig"]:
        raise _wrong("has no shared access signature (SAS): the parameter sig is missing")
    if said["sr"]:
        raise _wrong(
            f"has a SAS of the wrong kind: sr={said['sr']} is for one container or blob; Logpush "
            "needs an account SAS for objects (srt=o)"
        )
    if said["srt"] and said["srt"] != "o":
        raise _wrong(
            f"has a SAS for the resource types srt={said['srt']}; Logpush needs objects only, srt=o"
        )
    if said["ss"] and "b" not in said["ss"]:
        raise _wrong(f"has a SAS for the services ss={said['ss']}; Logpush needs b, for blobs")
    if said["sp"] and "w" not in said["sp"]:
        raise _wrong(f"has a SAS with the permissions sp={said['sp']}; Logpush needs w, to write")
    end = _sas_time(said["se"])
    if end is not None and end < datetime.datetime.now(datetime.timezone.utc):
        raise _wrong(f"has a SAS that expired at {end:%Y-%m-%d %H:%M} UTC")


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
