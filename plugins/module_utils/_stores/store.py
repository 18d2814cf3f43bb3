# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the object stores share: their interface, a deadline for each request, their options."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import traceback
import typing as t
from urllib.parse import urlsplit

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    MissingLibrary,
    StoreError,
)

Options = t.Mapping[str, t.Any]
_Outcome = t.TypeVar("_Outcome")

# In seconds.
LONGEST_CONNECT = 10.0
LONGEST_REQUEST = 30.0

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Store(t.Protocol):
    """One object store, reached with one set of options; used by several threads."""

    def fetch(self, bucket: str, key: str, *, limit: int, timeout: float) -> bytes:
        """Return the raw bytes of an object; ``timeout`` in seconds.

        Raise ``StoreError`` where it cannot be read, or has more than ``limit`` bytes.
        """

    def delete(self, bucket: str, key: str, *, timeout: float) -> None:
        """Delete an object, if it exists; raise ``StoreError`` where it cannot be deleted."""


def within(seconds: float, work: t.Callable[[], _Outcome]) -> _Outcome:
    """Return what ``work`` returns, or raise ``StoreError`` after ``seconds``.

    The libraries' own timeouts hold for each read, not for looking up a name or a credential.
    """
    outcome: queue.SimpleQueue[tuple[bool, t.Any]] = queue.SimpleQueue()

    def work_aside() -> None:
        try:
            outcome.put((True, work()))
        except BaseException as error:  # pylint: disable=broad-exception-caught  # raised below
            outcome.put((False, error))

    try:
        threading.Thread(target=work_aside, daemon=True).start()
    except RuntimeError:
        # No thread can be started; the libraries' own timeouts have to do.
        return work()
    try:
        succeeded, value = outcome.get(timeout=seconds)
    except queue.Empty:
        raise StoreError(f"no response within {seconds:.3g} s", pending=True) from None
    if not succeeded:
        raise value
    return t.cast(_Outcome, value)


@contextlib.contextmanager
def importing(library: str) -> t.Iterator[None]:
    """Turn a failed import into ``MissingLibrary``."""
    try:
        yield
    except ImportError as error:
        raise MissingLibrary(library, traceback.format_exc()) from error


def no_response(store: str, error: Exception) -> StoreError:
    """Return the error for a request that the store did not answer; it quotes no URL."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "CA certificate bundle" in text:
        return StoreError(
            "the certificate of the store is not trusted; set REQUESTS_CA_BUNDLE to a file with "
            "its CA"
        )
    return StoreError(f"no response from {store} ({type(error).__name__})", pending=True)


def too_large(limit: int) -> StoreError:
    """Return the error for an object that has more than ``limit`` bytes."""
    return StoreError(
        f"the object is larger than {limit} bytes, so it is not a challenge file; it was not read"
    )


def given(options: Options, *names: str) -> list[str]:
    """Return which of the options are set; an empty string is not."""
    return [name for name in names if options.get(name) not in (None, "")]


def check_exclusive(place: str, options: Options, *names: str) -> None:
    """Raise ``InvalidInput`` where more than one of the options is set."""
    found = given(options, *names)
    if len(found) > 1:
        raise InvalidInput(
            f"{place}.{found[0]}", f"and {place}.{found[1]} are mutually exclusive; set one of them"
        )


def check_together(place: str, options: Options, *names: str) -> None:
    """Raise ``InvalidInput`` where some of the options are set, and others are not."""
    found = given(options, *names)
    lacking = [name for name in names if name not in found]
    if found and lacking:
        needed = " and ".join(f"{place}.{name}" for name in lacking)
        raise InvalidInput(f"{place}.{found[0]}", f"requires {needed}")


def check_endpoint(place: str, options: Options, *, plain: bool) -> None:
    """Raise ``InvalidInput`` where ``endpoint_url`` is no URL.

    Without ``plain``, http is refused except for this machine, since a secret is sent there.
    """
    url, option = options.get("endpoint_url"), f"{place}.endpoint_url"
    if not url:
        return
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidInput(option, "must be a URL such as https://storage.example.com")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidInput(option, "must not contain a user, a query or a fragment")
    if parts.scheme == "http" and host not in _LOOPBACK and not plain:
        raise InvalidInput(
            option, f"must be https, since plain http would expose the credential sent to {host}"
        )


def use_ssl_cert_file() -> None:
    """Have SSL_CERT_FILE hold for the libraries, which read REQUESTS_CA_BUNDLE instead.

    AWS_CA_BUNDLE still comes first where it counts.
    """
    bundle = os.environ.get("SSL_CERT_FILE")
    others = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    if bundle and os.path.exists(bundle) and not any(map(os.environ.get, others)):
        os.environ["REQUESTS_CA_BUNDLE"] = bundle
