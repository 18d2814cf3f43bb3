# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Blob Storage: by requests with a SAS, else by azure-storage-blob and azure-identity."""

from __future__ import annotations

import os
import typing as t
from urllib.parse import quote

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores.store import (
    LONGEST_CONNECT,
    Options,
    check_endpoint,
    importing,
    no_response,
    too_large,
)

PLACE = "challenge_file.azure"

# As AWX, azure.azcollection and Azure's own libraries name them.
_ENVIRONMENT = {
    "client_id": ("AZURE_CLIENT_ID",),
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
    "tenant": ("AZURE_TENANT", "AZURE_TENANT_ID"),
}
_LONGEST_QUOTE = 300

_CREDENTIALS = {
    "AuthenticationFailed": (
        "the credential was rejected; check its signature, and whether it has expired"
    ),
    "InvalidAuthenticationInfo": "the credential was rejected; check it",
    "NoAuthenticationInformation": f"no credential was accepted; check {PLACE}.sas_token",
    "AuthorizationResourceTypeMismatch": "the SAS does not include objects; add srt=o",
    "AuthorizationServiceMismatch": "the SAS does not include blobs; add ss=b",
    "AuthorizationProtocolMismatch": "the SAS does not allow this protocol; check spr",
    "AuthorizationSourceIPMismatch": "the SAS does not allow this machine's address; check sip",
}


def check(options: Options) -> None:
    """Raise ``MissingLibrary`` or ``InvalidInput``; send nothing."""
    check_endpoint(PLACE, options, plain=False)
    if options.get("sas_token"):
        _sas(options)
        with importing("requests"):
            import requests  # noqa: F401
        return
    if str(options.get("endpoint_url") or "").startswith("http:"):
        raise InvalidInput(
            f"{PLACE}.endpoint_url", "must be https without sas_token, since a token is sent there"
        )
    _principal(options)
    with importing("azure-storage-blob"):
        import azure.storage.blob
    with importing("azure-identity"):
        import azure.identity  # noqa: F401


def store(options: Options, host: str) -> SasStore | IdentityStore:
    """Return the store of the account ``host``, reached as ``options`` say."""
    url = (options.get("endpoint_url") or f"https://{host}").rstrip("/")
    if options.get("sas_token"):
        return SasStore(url, _sas(options))
    return IdentityStore(url, _principal(options))


def _sas(options: Options) -> str:
    sas = str(options["sas_token"]).strip().lstrip("?")
    if "://" in sas or "sig=" not in sas:
        raise InvalidInput(
            f"{PLACE}.sas_token", "must be a SAS, such as sv=…&sp=r&sig=…, without a URL"
        )
    return sas


def _principal(options: Options) -> dict[str, str]:
    """Return client_id, secret and tenant, each from its option, else from the environment."""
    found = {}
    for name, variables in _ENVIRONMENT.items():
        values = [options.get(name), *map(os.environ.get, variables)]
        found[name] = next((str(value) for value in values if value), "")
    lacking = [f"{PLACE}.{name}" for name, value in found.items() if not value]
    if options.get("secret") and lacking:
        raise InvalidInput(f"{PLACE}.secret", f"requires {' and '.join(lacking)}")
    return found


class _NoSuchBlob(StoreError):
    """There is no such blob; it may be written later."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the blob {key} does not exist (BlobNotFound)", pending=True)


class SasStore:
    """Reads and deletes blobs with a SAS, which is part of the URL: no error may show it."""

    def __init__(self, url: str, sas: str) -> None:
        self._url = url
        self._sas = sas
        self._session = _session()

    def fetch(self, bucket: str, key: str, *, limit: int, timeout: float) -> bytes:
        """Return the raw bytes of a blob."""

        def read(response: t.Any) -> bytes:
            if int(response.headers.get("Content-Length") or 0) > limit:
                raise too_large(limit)
            content = t.cast(bytes, response.raw.read(limit + 1, decode_content=False))
            if len(content) > limit:
                raise too_large(limit)
            return content

        return self._send("GET", bucket, key, timeout, read)

    def delete(self, bucket: str, key: str, *, timeout: float) -> None:
        """Delete a blob, if it exists."""
        try:
            self._send("DELETE", bucket, key, timeout, lambda response: b"")
        except _NoSuchBlob:
            pass

    def _send(
        self,
        method: str,
        bucket: str,
        key: str,
        timeout: float,
        read: t.Callable[[t.Any], bytes],
    ) -> bytes:
        """Send a request and return what ``read`` makes of the response."""
        import requests
        from urllib3.exceptions import HTTPError

        try:
            with self._session.request(
                method,
                f"{self._url}/{quote(bucket)}/{quote(key)}?{self._sas}",
                timeout=(min(LONGEST_CONNECT, timeout), timeout),
                allow_redirects=False,
                stream=True,
                # Nothing from ~/.netrc.
                auth=lambda request: request,
            ) as response:
                if response.status_code < 300:
                    return read(response)
                code = response.headers.get("x-ms-error-code", "")
                raise _problem(response.status_code, code, bucket, key)
        except (requests.RequestException, HTTPError, OSError) as error:
            # Not chained: requests quotes the URL.
            raise no_response("Azure", error) from None


class IdentityStore:
    """Reads and deletes blobs with a service principal, else with Azure's default credentials."""

    def __init__(self, url: str, principal: t.Mapping[str, str]) -> None:
        with importing("azure-storage-blob"):
            from azure.core.pipeline.transport import RequestsTransport
            from azure.storage.blob import BlobServiceClient
        with importing("azure-identity"):
            from azure.identity import ClientSecretCredential, DefaultAzureCredential
        client_id, secret, tenant = (principal[name] for name in _ENVIRONMENT)
        try:
            if client_id and secret and tenant:
                credential = ClientSecretCredential(tenant, client_id, secret)
            else:
                identity = {"managed_identity_client_id": client_id} if client_id else {}
                credential = DefaultAzureCredential(**identity)
            self._client = BlobServiceClient(
                url,
                credential=credential,
                transport=RequestsTransport(session=_session(), session_owner=False),
                retry_total=1,
            )
        except ValueError as error:
            raise StoreError(f"the Azure client could not be created: {error}") from error

    def fetch(self, bucket: str, key: str, *, limit: int, timeout: float) -> bytes:
        """Return the raw bytes of a blob."""
        blob = self._client.get_blob_client(bucket, key)

        def get(**timeouts: float) -> bytes:
            downloader = blob.download_blob(offset=0, length=limit + 1, **timeouts)
            return t.cast(bytes, downloader.readall())

        content = t.cast(bytes, self._call(get, bucket, key, timeout))
        if len(content) > limit:
            raise too_large(limit)
        return content

    def delete(self, bucket: str, key: str, *, timeout: float) -> None:
        """Delete a blob, if it exists."""
        blob = self._client.get_blob_client(bucket, key)
        try:
            self._call(blob.delete_blob, bucket, key, timeout)
        except _NoSuchBlob:
            pass

    def _call(self, call: t.Callable[..., object], bucket: str, key: str, timeout: float) -> object:
        from azure.core import exceptions

        timeouts = {"connection_timeout": min(LONGEST_CONNECT, timeout), "read_timeout": timeout}
        try:
            return call(**timeouts)
        except exceptions.ClientAuthenticationError as error:
            if not _code(error):
                raise StoreError(
                    "the Azure credentials were rejected, or none were found; set "
                    f"{PLACE}.sas_token, or client_id, secret and tenant ({_first_line(error)})"
                ) from error
            raise _problem(error.status_code or 0, _code(error), bucket, key) from error
        except exceptions.HttpResponseError as error:
            raise _problem(error.status_code or 0, _code(error), bucket, key) from error
        except exceptions.AzureError as error:
            raise no_response("Azure", error) from error


def _session() -> t.Any:
    """Return a session that decodes no body: challenge files were seen with a false encoding."""
    import requests
    from requests.adapters import HTTPAdapter

    class RawAdapter(HTTPAdapter):
        """Hides Content-Encoding from whatever would decode by it."""

        def build_response(self, req: t.Any, resp: t.Any) -> t.Any:
            resp.headers.pop("Content-Encoding", None)
            return super().build_response(req, resp)

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, RawAdapter())
    return session


def _code(error: t.Any) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _problem(status: int, code: str, bucket: str, key: str) -> StoreError:
    """Return the error that an error response of Azure stands for."""
    said = code or f"HTTP {status}"
    if code in _CREDENTIALS:
        return StoreError(f"{_CREDENTIALS[code]} ({code})")
    if code == "ContainerNotFound":
        return StoreError(f"the container {bucket} does not exist; check destination_conf ({code})")
    if status == 404:
        return _NoSuchBlob(key)
    if status == 403:
        return StoreError(
            "access denied; the SAS needs the permission to read (sp=r), an identity the role "
            f"Storage Blob Data Reader; d or Contributor to delete ({said})",
            pending=True,
        )
    if status == 401:
        return StoreError(f"the credential was rejected; check it ({said})")
    pending = status in (408, 429) or status >= 500
    return StoreError(f"Azure rejected the request ({said})", pending=pending)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:_LONGEST_QUOTE]
