# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Google Cloud Storage, by google-cloud-storage."""

from __future__ import annotations

import functools
import io
import json
import os
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores.store import (
    LONGEST_CONNECT,
    Options,
    check_endpoint,
    check_exclusive,
    importing,
    no_response,
    too_large,
)

PLACE = "challenge_file.gcs"

_LIBRARY = "google-cloud-storage"
# Else the library asks for the bucket's metadata too, in a thread of its own and for tracing alone.
_NO_METADATA = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"
_LONGEST_QUOTE = 300
_RANGE_NOT_SATISFIABLE = 416


def check(options: Options) -> None:
    """Raise ``MissingLibrary`` or ``InvalidInput``; send nothing."""
    with importing(_LIBRARY):
        import google.cloud.storage  # noqa: F401

        names = ("service_account_file", "service_account_contents", "access_token")
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            check_exclusive(PLACE, options, name, other)
    check_endpoint(PLACE, options, plain=False)
    path = options.get(names[0])
    if path and not os.path.isfile(path):
        raise InvalidInput(
            f"{PLACE}.{names[0]}", f"must be an existing file; {path} does not exist"
        )
    _credentials(options)


def _credentials(options: Options) -> t.Any:
    """Return the credentials that are given; None for the application default credentials."""
    from google.oauth2 import credentials, service_account

    token = options.get("access_token")
    if token:
        return credentials.Credentials(token)
    for option, load in (
        ("service_account_contents", _from_contents),
        ("service_account_file", service_account.Credentials.from_service_account_file),
    ):
        if options.get(option):
            try:
                return load(options[option])
            except (ValueError, TypeError, AttributeError, KeyError, OSError):
                # The library's own words may quote the key.
                raise InvalidInput(
                    f"{PLACE}.{option}", "must be the key of a service account, as JSON"
                ) from None
    return None


def _from_contents(contents: t.Any) -> t.Any:
    from google.oauth2 import service_account

    key = json.loads(contents) if isinstance(contents, str) else contents
    return service_account.Credentials.from_service_account_info(key)


class GcsStore:
    """Reads and deletes objects in Google Cloud Storage.

    Without a credential in ``options``, the application default credentials are used.
    """

    def __init__(self, options: Options) -> None:
        with importing(_LIBRARY):
            import google.cloud.storage
            from google.auth.exceptions import GoogleAuthError
        os.environ.setdefault(_NO_METADATA, "true")
        endpoint_url = options.get("endpoint_url")
        try:
            self._client = google.cloud.storage.Client(
                project=options.get("project") or None,
                credentials=_credentials(options),
                client_options={"api_endpoint": endpoint_url} if endpoint_url else None,
            )
        except GoogleAuthError as error:
            raise _no_credentials(error) from error
        except (ValueError, OSError) as error:
            raise StoreError(
                f"the client of Google Cloud Storage could not be created: {error}"
            ) from error

    def fetch(self, bucket: str, key: str, *, limit: int, timeout: float) -> bytes:
        """Return the raw bytes of an object."""
        content = _Content(limit)
        call = functools.partial(
            self._blob(bucket, key).download_to_file,
            content,
            end=limit,
            # Not decoded by Content-Encoding.
            raw_download=True,
            checksum=None,
        )
        self._call(call, bucket, key, timeout, "storage.objects.get")
        return content.getvalue()

    def delete(self, bucket: str, key: str, *, timeout: float) -> None:
        """Delete an object, if it exists."""
        from google.api_core.exceptions import NotFound

        def delete(**settings: t.Any) -> None:
            try:
                self._blob(bucket, key).delete(**settings)
            except NotFound:
                pass

        self._call(delete, bucket, key, timeout, "storage.objects.delete")

    def _blob(self, bucket: str, key: str) -> t.Any:
        return self._client.bucket(bucket).blob(key)

    def _call(
        self,
        call: t.Callable[..., object],
        bucket: str,
        key: str,
        timeout: float,
        permission: str,
    ) -> None:
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError

        try:
            call(timeout=(min(LONGEST_CONNECT, timeout), timeout), retry=None)
        except GoogleAPICallError as error:
            # A range of an empty object cannot be satisfied.
            if error.code != _RANGE_NOT_SATISFIABLE:
                raise _problem(error, bucket, key, permission) from error
        except GoogleAuthError as error:
            raise _no_credentials(error) from error
        except OSError as error:
            raise no_response("Google Cloud Storage", error) from error


class _Content(io.BytesIO):
    """Takes at most ``limit`` bytes, also where a server does not keep to the range."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: t.Any) -> int:
        if self.tell() + len(data) > self._limit:
            raise too_large(self._limit)
        return super().write(data)


def _problem(error: t.Any, bucket: str, key: str, permission: str) -> StoreError:
    """Return the error that an error response of Google Cloud Storage stands for."""
    status, said = int(error.code or 0), _said(error)
    if status == 404:
        if "bucket does not exist" in said:
            return StoreError(f"the bucket {bucket} does not exist; check destination_conf")
        return StoreError(f"the object {key} does not exist (HTTP 404)", pending=True)
    if status == 401:
        return StoreError(f"the credentials are invalid or have expired; check them ({said})")
    if status == 403:
        fix = f"grant {permission} on the bucket {bucket}, such as by roles/storage.objectViewer"
        return StoreError(f"access denied; {fix} ({said})", pending=True)
    pending = status in (408, 429) or status >= 500
    return StoreError(f"Google Cloud Storage rejected the request ({said})", pending=pending)


def _said(error: t.Any) -> str:
    """Return what the server said, without the URL that the library puts before it."""
    response = getattr(error, "response", None)
    text = str(getattr(response, "text", "") or "").strip()
    try:
        text = str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    text = " ".join(text.split())[:_LONGEST_QUOTE]
    return f"HTTP {int(error.code or 0)}: {text}" if text else f"HTTP {int(error.code or 0)}"


def _no_credentials(error: t.Any) -> StoreError:
    from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError

    if isinstance(error, DefaultCredentialsError):
        return StoreError(
            f"no Google credentials were found; set {PLACE}.service_account_file, or application "
            f"default credentials ({_first_line(error)})"
        )
    if isinstance(error, RefreshError):
        return StoreError(
            "the Google credentials were rejected or have expired; check them "
            f"({_first_line(error)})"
        )
    return StoreError(_first_line(error), pending=isinstance(error, TransportError))


def _first_line(error: Exception) -> str:
    # Further arguments are whole responses.
    text = str(error.args[0]) if error.args else type(error).__name__
    return (text.splitlines() or [""])[0][:_LONGEST_QUOTE]
