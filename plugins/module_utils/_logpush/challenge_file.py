# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read challenge files (temporary stand-in)."""

from __future__ import annotations

import typing as t

import requests

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import StoreError
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)

Options = t.Mapping[str, t.Any]
ENTRY_CHALLENGE_FILE: dict[str, dict[str, t.Any]] = {
    "timeout": {"type": "float"},
    "delay": {"type": "float"},
    "remove": {"type": "bool"},
    "azure": {
        "type": "dict",
        "options": {"sas_token": {"type": "str", "no_log": True}, "endpoint_url": {"type": "str"}},
    },
}
CHALLENGE_FILE: dict[str, dict[str, t.Any]] = {
    **ENTRY_CHALLENGE_FILE,
    "timeout": {"type": "float", "default": 60.0},
    "delay": {"type": "float", "default": 2.0},
    "remove": {"type": "bool", "default": False},
}


def merged(common: Options | None, entry: Options | None) -> Options:
    """Return an entry's options, completed by those of the module and the defaults."""
    defaults = {name: each.get("default") for name, each in CHALLENGE_FILE.items()}
    for options in (common, entry):
        defaults.update({k: v for k, v in (options or {}).items() if v is not None})
    return defaults


class ChallengeFiles:
    """Reads challenge files; thread-safe."""

    def check(self, destination: Destination, options: Options) -> None:
        """Check."""

    def fetch(self, filename: str, destination: Destination, options: Options) -> tuple[str, str]:
        """Return the token and the key."""
        sas = options["azure"]["sas_token"]
        url = f"https://{destination.host}/{destination.bucket}/{filename}?{sas}"
        try:
            response = requests.get(url, timeout=30)
        except requests.RequestException as error:
            raise StoreError("unreachable", pending=True) from error
        if response.status_code in (403, 404):
            raise StoreError(f"HTTP {response.status_code}", pending=True)
        return response.text, filename

    def remove(self, key: str, destination: Destination, options: Options) -> None:
        """Remove."""
