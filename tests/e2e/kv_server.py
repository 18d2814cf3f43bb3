# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that answers as the KV version 2 engine of HashiCorp Vault does.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
"""

from __future__ import annotations

import contextlib
import typing as t

from e2e.json_server import JsonHandler, serving

MOUNT = "/v1/secret/data/"
TOKEN = "hvs.CAESIJ4Uq0n2tXc7m1ZrYw8Kp3Vf6Bd9"


class _Handler(JsonHandler):
    """Answers a read of a secret: 403 without the token, 404 without such a secret."""

    secrets: t.ClassVar[dict[str, dict[str, str]]]
    requested: t.ClassVar[list[str]]

    def do_GET(self) -> None:  # noqa: N802
        """Answer with the latest version of a secret."""
        self.requested.append(self.path)
        secret = self.secrets.get(self.path.removeprefix(MOUNT))
        if self.headers["X-Vault-Token"] != TOKEN:
            self.send(403, {"errors": ["permission denied"]})
        elif secret is None or not self.path.startswith(MOUNT):
            self.send(404, {"errors": []})
        else:
            metadata = {"created_time": "2026-11-22T14:05:00.000000Z", "deletion_time": ""}
            data = {"data": secret, "metadata": {**metadata, "destroyed": False, "version": 1}}
            self.send(200, {"lease_duration": 0, "renewable": False, "data": data})


class Vault(t.NamedTuple):
    """The environment that leads to the server, and the paths that were requested."""

    environment: dict[str, str]
    requested: list[str]


@contextlib.contextmanager
def vault_server(secrets: dict[str, dict[str, str]]) -> t.Iterator[Vault]:
    """Serve secrets on loopback, by their paths below the mount point."""
    requested: list[str] = []
    with serving(_Handler, secrets=secrets, requested=requested) as url:
        yield Vault({"VAULT_ADDR": url, "VAULT_TOKEN": TOKEN}, requested)
