# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and remove ownership challenge files in S3, Google Cloud Storage and Azure Blob Storage."""

from __future__ import annotations

import re
import threading
import time
import typing as t
from urllib.parse import unquote

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    NOT_REQUIRED,
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    LONGEST,
    clean_token,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores import azure, gcs, s3
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores.store import (
    LONGEST_REQUEST,
    Options,
    Store,
    use_ssl_cert_file,
    within,
)

_DEFAULTS: dict[str, t.Any] = {"timeout": 60.0, "delay": 2.0, "remove": False}
# In seconds.
_LONGEST_WAIT = 86400
_SHORTEST_TIMEOUT = 0.1
_SHORTEST_DELAY = 0.1
# Less is not worth a request that would only hide the problem of the one before.
_SHORTEST_REPEAT = 1.0

_STORES: dict[str, dict[str, t.Any]] = {
    "s3": {
        "type": "dict",
        "options": {
            "endpoint_url": {"type": "str"},
            "region": {"type": "str"},
            "profile": {"type": "str"},
            "access_key": {"type": "str", "no_log": False},
            "secret_key": {"type": "str", "no_log": True},
            "session_token": {"type": "str", "no_log": True},
            "validate_certs": {"type": "bool"},
            "ca_path": {"type": "path"},
        },
    },
    "gcs": {
        "type": "dict",
        "options": {
            "service_account_file": {"type": "path"},
            "service_account_contents": {"type": "jsonarg", "no_log": True},
            "access_token": {"type": "str", "no_log": True},
            "project": {"type": "str"},
            "endpoint_url": {"type": "str"},
        },
    },
    "azure": {
        "type": "dict",
        "options": {
            "sas_token": {"type": "str", "no_log": True},
            "client_id": {"type": "str"},
            "secret": {"type": "str", "no_log": True},
            "tenant": {"type": "str"},
            "endpoint_url": {"type": "str"},
        },
    },
}

# Of an entry in a list: what it leaves out is the module's, so it has no defaults.
ENTRY_CHALLENGE_FILE: dict[str, dict[str, t.Any]] = {
    "timeout": {"type": "float"},
    "delay": {"type": "float"},
    "remove": {"type": "bool"},
    **_STORES,
}
CHALLENGE_FILE: dict[str, dict[str, t.Any]] = {
    name: {**described, "default": _DEFAULTS[name]} if name in _DEFAULTS else described
    for name, described in ENTRY_CHALLENGE_FILE.items()
}

# Libraries take these for folders.
_NO_KEY = {".", ".."}
_SURROGATE = re.compile(r"[\ud800-\udfff]")

_SUMO = (
    "Sumo Logic receives the ownership token as a log line: in Sumo Logic, open Live Tail or "
    "search the source of destination_conf, copy the newest line that begins with eyJ, and pass "
    "it as ownership_challenge"
)


def merged(common: Options | None, entry: Options | None) -> dict[str, t.Any]:
    """Return the options for one file: the entry's, else those for all, else the defaults.

    A dictionary for a store is taken as a whole, so that credentials do not mix. A value from a
    vault or a file ends with a line break.
    """
    options = dict(_DEFAULTS)
    for given in (common or {}, entry or {}):
        options.update((name, value) for name, value in given.items() if value is not None)
    for store in _STORES:
        if options.get(store):
            options[store] = _stripped(options[store])
    return options


def _stripped(options: Options) -> dict[str, t.Any]:
    return {
        name: value.strip() if isinstance(value, str) else value for name, value in options.items()
    }


class _Kind(t.NamedTuple):
    """A kind of store: its option, what checks that, and what creates a client of a host."""

    option: str
    check: t.Callable[[Options], None]
    create: t.Callable[[Options, str], Store]


_KINDS = {
    "s3": _Kind("s3", s3.check, lambda options, _host: s3.S3Store(options)),
    "gs": _Kind("gcs", gcs.check, lambda options, _host: gcs.GcsStore(options)),
    "azure": _Kind("azure", azure.check, azure.store),
}


class ChallengeFiles:
    """Reads and removes challenge files; thread-safe, with one client for each set of options."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[t.Any, _Client] = {}

    def check(self, destination: Destination, options: Options) -> None:
        """Raise ``CloudflareError`` where a file could not be read; send nothing to the store.

        That is ``MissingLibrary``, ``InvalidInput``, or the error for a destination that has no
        challenge file to read.
        """
        _timing(options)
        kind = _KINDS.get(destination.scheme)
        if kind is None:
            raise _not_readable(destination)
        kind.check(_store_options(kind, destination, options))

    def read(self, filename: str, destination: Destination, options: Options) -> tuple[str, str]:
        """Return the token in a challenge file, and the key under which the file was found.

        Wait for the file for up to ``timeout`` seconds.
        """
        self.check(destination, options)
        timeout, delay = _timing(options)
        deadline = time.monotonic() + timeout
        left = timeout
        while True:
            try:
                return self.fetch(filename, destination, options, seconds=left)
            except StoreError as error:
                left = deadline - time.monotonic() - delay
                if not error.pending:
                    raise
                if left < _SHORTEST_REPEAT:
                    raise timed_out(error, timeout) from error
            time.sleep(delay)

    def fetch(
        self, filename: str, destination: Destination, options: Options, *, seconds: float
    ) -> tuple[str, str]:
        """Look for a challenge file once, for up to ``seconds``; return its token and its key.

        Raise ``StoreError``, which is ``pending`` where another attempt may succeed.
        """
        client, bucket = self._client(destination, options), str(destination.bucket)
        try:
            return _first(client, bucket, _keys(filename, bucket), time.monotonic() + seconds)
        except StoreError as error:
            raise StoreError(
                f"challenge file {filename} could not be read from {_place(destination)}: "
                f"{error.message}",
                pending=error.pending,
            ) from error

    def remove(self, key: str, destination: Destination, options: Options) -> None:
        """Delete a challenge file whose token was accepted, only below the destination's prefix."""
        self.check(destination, options)
        sentence = f"challenge file {key} was not deleted from {_place(destination)}"
        if not _is_below_prefix(key, str(destination.prefix)):
            raise StoreError(f"{sentence}: it is not below the prefix in destination_conf")
        timeout = min(LONGEST_REQUEST, _timing(options)[0])
        try:
            self._client(destination, options).delete(str(destination.bucket), key, timeout)
        except StoreError as error:
            raise StoreError(f"{sentence}: {error.message}", pending=error.pending) from error

    def _client(self, destination: Destination, options: Options) -> _Client:
        kind = _KINDS[destination.scheme]
        given = _store_options(kind, destination, options)
        host = destination.host if destination.scheme == "azure" else ""
        key = (kind.option, host, *sorted((name, repr(given[name])) for name in given))
        with self._lock:
            if key not in self._clients:
                use_ssl_cert_file()
                self._clients[key] = _Client(lambda: kind.create(given, host))
            return self._clients[key]


class _Client:
    """A client of a store that is created when it is first used."""

    def __init__(self, create: t.Callable[[], Store]) -> None:
        self._create = create
        self._lock = threading.Lock()
        self._store: Store | None = None

    def fetch(self, bucket: str, key: str, timeout: float) -> bytes:
        """Return the content of an object within ``timeout`` seconds."""
        return within(
            timeout, lambda: self._get().fetch(bucket, key, limit=LONGEST, timeout=timeout)
        )

    def delete(self, bucket: str, key: str, timeout: float) -> None:
        """Delete an object within ``timeout`` seconds."""
        within(timeout, lambda: self._get().delete(bucket, key, timeout=timeout))

    def _get(self) -> Store:
        with self._lock:
            if self._store is None:
                self._store = self._create()
            return self._store


def _first(client: _Client, bucket: str, keys: list[str], deadline: float) -> tuple[str, str]:
    """Return the token in the first of the objects that can be read, and its key."""
    problem: StoreError | None = None
    for key in keys:
        left = min(LONGEST_REQUEST, deadline - time.monotonic())
        if problem is not None and left < _SHORTEST_REPEAT:
            break
        try:
            return _token(client.fetch(bucket, key, left)), key
        except StoreError as error:
            if not error.pending:
                raise
            problem = problem or error
    raise problem or StoreError("the name is empty")


def timed_out(error: StoreError, timeout: float) -> StoreError:
    """Return the error where a file did not become readable within ``timeout`` seconds."""
    return StoreError(
        f"{error.message} (timed out after {timeout:g} s, challenge_file.timeout)",
        pending=error.pending,
    )


def _token(content: bytes) -> str:
    """Return the token that a challenge file contains."""
    text = content.decode("utf-8", "replace").strip()
    if not text:
        raise StoreError("the object is empty", pending=True)
    try:
        return clean_token(text)
    except InvalidInput as error:
        raise StoreError(f"it does not contain an ownership token; {error.message}") from error


def _keys(filename: str, bucket: str) -> list[str]:
    """Return the keys under which a challenge file may be found.

    Cloudflare returns a key; one page of its documentation shows the bucket's name before it.
    """
    start = f"{bucket}/"
    without = filename[len(start) :] if filename.startswith(start) else ""
    keys = [key for key in (filename, without) if key]
    if not keys or not _NO_KEY.isdisjoint(filename.split("/")) or _SURROGATE.search(filename):
        raise StoreError("the name is not the key of an object; register it from logpush_ownership")
    return keys


def _is_below_prefix(key: str, prefix: str) -> bool:
    """Return whether a key is below a prefix, as far as that is without ``{DATE}``."""
    fixed: list[str] = []
    for segment in prefix.strip("/").split("/"):
        if not segment or "{DATE}" in segment:
            break
        fixed.append(segment)
    segments = key.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        return False
    start = segments[: len(fixed)]
    return len(segments) > len(fixed) and start in (fixed, [unquote(each) for each in fixed])


def _store_options(kind: _Kind, destination: Destination, options: Options) -> dict[str, t.Any]:
    """Return the options for a store that are set, with what the destination knows itself."""
    given = options.get(kind.option) or {}
    given = {name: value for name, value in given.items() if value not in (None, "")}
    if kind.option == "s3" and "region" not in given:
        given["region"] = destination.parameter("region")
    readable = "r" in (destination.parameter("sp") or "") and destination.parameter("sig")
    if kind.option == "azure" and readable and not set(given) - {"endpoint_url"}:
        # A SAS for Logpush need not permit reading; this one does.
        given["sas_token"] = destination.raw.partition("?")[2]
    return given


def _timing(options: Options) -> tuple[float, float]:
    """Return timeout and delay in seconds, or raise ``InvalidInput``."""
    values = []
    for name, least in (("timeout", _SHORTEST_TIMEOUT), ("delay", _SHORTEST_DELAY)):
        value = options.get(name)
        value = float(_DEFAULTS[name] if value is None else value)
        # Written so that NaN is refused too.
        if not least <= value <= _LONGEST_WAIT:
            raise InvalidInput(
                f"challenge_file.{name}", f"must be from {least:g} to {_LONGEST_WAIT} seconds"
            )
        values.append(value)
    return values[0], values[1]


def _place(destination: Destination) -> str:
    host = f"{destination.host}/" if destination.scheme == "azure" else ""
    return f"{destination.scheme}://{host}{destination.bucket}"


def _not_readable(destination: Destination) -> CloudflareError:
    """Return the error for a destination whose challenge file this collection cannot read."""
    if destination.scheme == "sumo":
        return CloudflareError(_SUMO)
    if destination.ownership == NOT_REQUIRED:
        return CloudflareError(
            f"{destination.scheme}:// destinations require no ownership challenge; there is no "
            "challenge file to read"
        )
    return CloudflareError(
        f"challenge files in {destination.scheme}:// destinations cannot be read; read the file by "
        "other means, and pass its content as ownership_challenge"
    )
