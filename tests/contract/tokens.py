# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ownership token says."""

from __future__ import annotations

import base64
import json
import typing as t


def claims(token: str) -> dict[str, t.Any]:
    """The claims of a JWT, unverified; none where it is not one."""
    part = ([*token.split("."), "", ""])[1]
    try:
        said = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def with_claims(token: str, **changes: t.Any) -> str:
    """The same token with other claims, so that its signature is wrong."""
    head, _claims, signature = token.split(".")
    body = json.dumps({**claims(token), **changes}).encode()
    return f"{head}.{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{signature}"
