# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxies and CA bundles of the environment hold for every store."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import StoreError
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores import azure, gcs, s3
from ansible_collections.edgeops.cloudflare.plugins.module_utils._stores.store import (
    Store,
    use_ssl_cert_file,
)
from ansible_collections.edgeops.cloudflare.tests.unit.store_server import Response, StoreServer

PATHS = {
    "s3": "/edge-logs/file.txt",
    "gs": "/download/storage/v1/b/edge-logs/o/file.txt",
    "azure": "/edge-logs/file.txt",
}
LIBRARIES = {"s3": "boto3", "gs": "google.cloud.storage", "azure": "requests"}


def connect(scheme: str, url: str) -> Store:
    """Return a client of a store."""
    if scheme == "s3":
        keys = {"access_key": "AKIAEXAMPLEKEY00", "secret_key": "secret", "region": "eu-west-1"}
        return s3.S3Store({"endpoint_url": url, **keys})
    if scheme == "gs":
        return gcs.GcsStore({"endpoint_url": url, "access_token": "token"})
    return azure.store({"endpoint_url": url, "sas_token": "sp=r&sig=s"}, "")


@pytest.fixture(name="scheme", params=sorted(LIBRARIES))
def fixture_scheme(request: pytest.FixtureRequest) -> str:
    """Return a scheme whose library is there."""
    pytest.importorskip(LIBRARIES[request.param])
    return str(request.param)


def test_a_proxy_of_the_environment_is_used(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("http_proxy", store.url)
    store.on("GET", PATHS[scheme], Response(200, b"the token"))
    client = connect(scheme, "http://store.example.com")
    assert client.fetch("edge-logs", "file.txt", limit=100, timeout=30) == b"the token"
    assert store.requests[0].headers["host"] == "store.example.com"


def test_no_proxy_is_used_where_the_environment_says_so(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    store.on("GET", PATHS[scheme], Response(200, b"the token"))
    client = connect(scheme, store.url)
    assert client.fetch("edge-logs", "file.txt", limit=100, timeout=30) == b"the token"


def test_a_ca_bundle_that_does_not_exist_is_an_error(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    client = connect(scheme, store.url.replace("http:", "https:"))
    with pytest.raises(StoreError):
        client.fetch("edge-logs", "file.txt", limit=100, timeout=30)


@pytest.mark.parametrize(
    ("others", "bundle"),
    [({}, "itself"), ({"REQUESTS_CA_BUNDLE": "/a"}, "/a"), ({"CURL_CA_BUNDLE": "/b"}, "")],
)
def test_ssl_cert_file_is_the_bundle_where_no_other_is(
    no_store_credentials: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    others: dict[str, str],
    bundle: t.Any,
) -> None:
    # So that it is restored.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    path = tmp_path / "ca.pem"
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    use_ssl_cert_file()
    assert os.environ["REQUESTS_CA_BUNDLE"] == (str(path) if bundle == "itself" else bundle)
