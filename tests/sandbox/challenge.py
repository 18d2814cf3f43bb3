# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The challenge: a signed token (JWT) that says for what it was made.

Cloudflare documents what the token says, not how it spells it. The claim names (``obj_type``,
``obj_id``, ``destination_conf``, ``dest_hash``) are the sandbox's own.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import Any

import jwt

LIFETIME = 7 * 24 * 3600  # seconds
MAX_LENGTH = 4096
_ALGORITHM = "HS256"
_FORM = re.compile(r"[A-Za-z0-9/+._-]+")  # of the published schema


class Issuer:
    """Makes and checks tokens, with a key of its own."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def claims(self, kind: str, object_id: str, destination: str) -> dict[str, Any]:
        """What a token for this zone or account and this destination says."""
        now = int(time.time())
        fingerprint = hashlib.sha256(destination.partition("?")[0].encode()).hexdigest()
        return {
            "obj_type": kind,
            "obj_id": object_id,
            "destination_conf": destination,
            "dest_hash": fingerprint,
            "iat": now,
            "exp": now + LIFETIME,
            # Two tokens of one second differ.
            "jti": secrets.token_hex(16),
        }

    def mint(self, claims: dict[str, Any]) -> str:
        """Sign the claims."""
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def accepts(self, token: str, kind: str, object_id: str, destination: str) -> bool:
        """Whether the token was made here, for exactly this, and has not expired."""
        if len(token) > MAX_LENGTH or _FORM.fullmatch(token) is None:
            return False
        try:
            said = jwt.decode(
                token, self._key, algorithms=[_ALGORITHM], options={"require": ["exp"]}
            )
        except jwt.InvalidTokenError:
            return False
        wanted = self.claims(kind, object_id, destination)
        names = ("obj_type", "obj_id", "destination_conf", "dest_hash")
        return all(said.get(name) == wanted[name] for name in names)
