# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain HTTP requests to the emulators, which run on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .store import StoreRefusal

if TYPE_CHECKING:
    from requests import Response

_TIMEOUT = 10  # seconds


def send(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
    """Send one request; ``StoreRefusal`` if there is no answer to it."""
    # Imported late: it takes a while, in which the servers start.
    import requests

    with requests.Session() as session:
        # Neither a proxy nor a password file of the user's has a say here.
        session.trust_env = False
        try:
            return session.request(
                method,
                url,
                data=body,
                headers=dict(headers),
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise StoreRefusal(f"error writing object: {type(error).__name__}") from error
