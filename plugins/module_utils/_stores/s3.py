# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon S3 and S3-compatible stores, by boto3."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores.store import (
    LONGEST_CONNECT,
    LONGEST_REQUEST,
    Options,
    check_endpoint,
    check_exclusive,
    check_together,
    importing,
    too_large,
)

PLACE = "challenge_file.s3"

# As many as there may be threads.
_CONNECTIONS = 100
_ENDPOINT_NAMES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

_CREDENTIALS = {
    "InvalidAccessKeyId": "the access key does not exist; check access_key",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key; check secret_key",
    "ExpiredToken": "the credentials have expired; obtain new ones",
    "ExpiredTokenException": "the credentials have expired; obtain new ones",
    "TokenRefreshRequired": "the credentials have expired; obtain new ones",
    "InvalidToken": "the session token is invalid; check session_token",
    "InvalidClientTokenId": "the access key does not exist; check access_key",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; synchronize it",
    "RequestExpired": "the clock of this machine is wrong; synchronize it",
}
_WRONG_REGION = (
    "301",
    "307",
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "IncorrectEndpoint",
)


def check(options: Options) -> None:
    """Raise ``MissingLibrary`` or ``InvalidInput``; send nothing."""
    with importing("boto3"):
        import boto3  # noqa: F401
        import botocore  # noqa: F401
    check_exclusive(PLACE, options, "profile", "access_key")
    check_together(PLACE, options, "access_key", "secret_key")
    if options.get("session_token"):
        check_together(PLACE, options, "session_token", "access_key")
    check_endpoint(PLACE, options, plain=True)
    ca_path = options.get("ca_path")
    if ca_path and not os.path.exists(ca_path):
        raise InvalidInput(
            f"{PLACE}.ca_path", f"must be an existing file; {ca_path} does not exist"
        )


class S3Store:
    """Reads and deletes objects in S3.

    What ``options`` leave out comes from where boto3 looks: environment, profiles, SSO, roles,
    instance metadata.
    """

    def __init__(self, options: Options) -> None:
        with importing("boto3"):
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        endpoint_url = options.get("endpoint_url") or None
        custom = endpoint_url or any(os.environ.get(name) for name in _ENDPOINT_NAMES)
        config = Config(
            connect_timeout=LONGEST_CONNECT,
            read_timeout=LONGEST_REQUEST,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=_CONNECTIONS,
            # Other stores seldom have a host name for each bucket.
            s3={"addressing_style": "path"} if custom else None,
        )
        try:
            # A session for each client, since sessions are not thread-safe.
            session = boto3.session.Session(
                profile_name=options.get("profile") or None,
                aws_access_key_id=options.get("access_key") or None,
                aws_secret_access_key=options.get("secret_key") or None,
                aws_session_token=options.get("session_token") or None,
                region_name=options.get("region") or None,
            )
            self._client = session.client(
                "s3", endpoint_url=endpoint_url, config=config, verify=_verify(options)
            )
        except (BotoCoreError, ValueError) as error:
            raise StoreError(f"the S3 client could not be created: {error}") from error

    def fetch(self, bucket: str, key: str, *, limit: int, timeout: float) -> bytes:
        """Return the raw bytes of an object."""

        def get() -> bytes:
            response = self._client.get_object(Bucket=bucket, Key=key)
            with response["Body"] as body:
                # botocore does not decode by Content-Encoding.
                content = b"" if response["ContentLength"] > limit else body.read(limit + 1)
            if response["ContentLength"] > limit or len(content) > limit:
                raise too_large(limit)
            return t.cast(bytes, content)

        return t.cast(bytes, self._call(get, bucket, key, "s3:GetObject"))

    def delete(self, bucket: str, key: str, *, timeout: float) -> None:
        """Delete an object."""
        self._call(
            lambda: self._client.delete_object(Bucket=bucket, Key=key),
            bucket,
            key,
            "s3:DeleteObject",
        )

    def _call(self, call: t.Callable[[], t.Any], bucket: str, key: str, permission: str) -> t.Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except ClientError as error:
            raise _problem(error.response, bucket, key, permission) from error
        except BotoCoreError as error:
            raise _no_response(error) from error


def _verify(options: Options) -> bool | str | None:
    """Return what boto3 takes as ``verify``; None leaves it to AWS_CA_BUNDLE and the like."""
    if options.get("validate_certs") is False:
        return False
    return options.get("ca_path") or None


def _problem(response: t.Any, bucket: str, key: str, permission: str) -> StoreError:
    """Return the error that an error response of S3 stands for."""
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), metadata.get("HTTPStatusCode", 0)
    said = f"{code}: {error.get('Message') or 'no message'}"
    if code in _CREDENTIALS:
        return StoreError(f"{_CREDENTIALS[code]} ({code})")
    if code == "NoSuchBucket":
        return StoreError(f"the bucket {bucket} does not exist; check destination_conf ({code})")
    if code in _WRONG_REGION:
        headers = metadata.get("HTTPHeaders", {})
        region = error.get("Region") or headers.get("x-amz-bucket-region")
        fix = f"set the region to {region}" if region else "set the right region"
        return StoreError(f"the bucket {bucket} is in another region; {fix} ({said})")
    if status == 404:
        return StoreError(f"the object {key} does not exist ({code})", pending=True)
    if code == "AccessDenied":
        fix = f"allow {permission} on arn:aws:s3:::{bucket}/{key}"
        return StoreError(f"access denied; {fix} ({said})", pending=True)
    pending = status in (403, 429) or status >= 500
    return StoreError(f"S3 rejected the request ({said})", pending=pending)


def _no_response(error: Exception) -> StoreError:
    """Return the error for a request that S3 did not answer."""
    from botocore import exceptions

    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return StoreError(
            f"no complete AWS credentials were found; set {PLACE}.access_key and secret_key, a "
            "profile, or the environment variables of AWS"
        )
    if isinstance(error, exceptions.SSLError):
        return StoreError(
            "the certificate of the S3 endpoint is not trusted; set "
            f"{PLACE}.ca_path or AWS_CA_BUNDLE ({error})"
        )
    passing = (exceptions.ConnectionError, exceptions.HTTPClientError)
    return StoreError(str(error), pending=isinstance(error, passing))
