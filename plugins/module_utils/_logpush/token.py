# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check an ownership token, and compare its claims with what it is to be used for. Pure.

Cloudflare documents that the token is a JWT with the object's type and id, the whole
``destination_conf`` and an expiry, but not the claims' names. So claims are recognized by their
values, none is required, and the signature, whose key is Cloudflare's, is not verified.
"""

from __future__ import annotations

import base64
import json
import re
import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_diff import (
    differences,
)

OWNERSHIP_CHALLENGE = "ownership_challenge"
LONGEST = 4096
_BYTE_ORDER_MARK = "\ufeff"

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_ID = re.compile(r"[0-9a-fA-F]{32}")
_OBJECT_TYPES = ("zone", "account", "tenant")
_NO_OBJECT_ID = re.compile("hash|print|digest|fp|jti|kid|nonce")


def clean_token(text: str) -> str:
    """Return the token without white space around it, and without a byte order mark.

    Raise ``InvalidInput`` where the text cannot be a token, saying what it looks like instead.
    """
    token = text.strip().lstrip(_BYTE_ORDER_MARK).strip()
    if not token:
        raise InvalidInput(OWNERSHIP_CHALLENGE, "is empty; pass the content of the challenge file")
    if len(token) > LONGEST:
        raise InvalidInput(
            OWNERSHIP_CHALLENGE,
            f"has {len(token)} characters; Cloudflare accepts at most {LONGEST}, "
            "so this is not the content of a challenge file",
        )
    if not _is_jwt(token):
        problem = _lookalike(token)
        if problem:
            raise InvalidInput(OWNERSHIP_CHALLENGE, problem)
    return token


def _lookalike(token: str) -> str | None:
    """Describe what ``token`` is where it is a known mistake; None leaves it to the API."""
    if token.startswith("<"):
        return "looks like an HTML or XML document, such as a store's error page, not like a token"
    if token[0] in "{[":
        return "looks like JSON, not like a token; pass only the content of the challenge file"
    if re.search(r"[\s\x00-\x20\x7f]", token):
        return "contains white space, so it is not the token from a challenge file"
    if not token.isascii():
        return (
            "contains characters that a token cannot contain, so it is not the content of a "
            "challenge file"
        )
    if "://" in token:
        return "looks like a URI; pass the content of the challenge file, not its location"
    # Ahead of the file name: base64 may hold a slash.
    if _is_base64_of_token(token):
        return "looks like a token encoded as base64; decode it first (ansible.builtin.b64decode)"
    if re.search(r"/|\.[A-Za-z]{2,4}$|ownership|challenge", token):
        return "looks like the name of the challenge file; pass the content of the file"
    return None


def _is_base64_of_token(text: str) -> bool:
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return False
    return _is_jwt(decoded.strip())


def _is_jwt(text: str) -> bool:
    return bool(_JWT.fullmatch(text)) and isinstance(_json_part(text, 0), dict)


def _json_part(token: str, index: int) -> t.Any:
    """Return what a part of a JWT holds, or None where that cannot be read."""
    part = token.split(".")[index]
    try:
        # Padding that is more than enough is passed over.
        return json.loads(base64.urlsafe_b64decode(part + "=="))
    except (ValueError, RecursionError):
        return None


def read_claims(token: str) -> dict[str, t.Any]:
    """Return a JWT's claims, unverified; an empty dictionary where they cannot be read."""
    if not _JWT.fullmatch(token):
        return {}
    claims = _json_part(token, 1)
    return claims if isinstance(claims, dict) else {}


def disagreements(
    token: str,
    *,
    object_type: str,
    object_id: str,
    destination: Destination,
) -> list[str]:
    """Return the mismatches between a token's claims and what it is to be used for.

    ``object_type`` is ``zone`` or ``account``, ``object_id`` its id; the expiry is compared with
    the clock of this machine. Each mismatch is a sentence without secrets. An empty list means
    that the claims match, as far as they can be read.
    """
    claims = read_claims(token)
    if not claims:
        return ["The token is not a JWT with readable claims, as Cloudflare's tokens are."]
    return [
        *_other_object(claims, object_type, object_id),
        *_other_destination(claims, destination),
        *_expired(claims),
    ]


def wrong_object(token: str, object_type: str, object_id: str) -> list[str]:
    """Return a sentence where a token's claims name another object; else an empty list."""
    return _other_object(read_claims(token), object_type, object_id)


def _texts(claims: dict[str, t.Any]) -> dict[str, str]:
    """Return the claims that are texts, those one level down too."""
    found = dict(claims)
    for value in claims.values():
        found.update(value if isinstance(value, dict) else {})
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _other_object(claims: dict[str, t.Any], object_type: str, object_id: str) -> list[str]:
    texts = _texts(claims)
    # The fingerprint of the destination, or the token's own id, may be 32 hex digits as well.
    ids = [
        text
        for name, text in texts.items()
        if _ID.fullmatch(text) and not _NO_OBJECT_ID.search(name.lower())
    ]
    types = [text.lower() for text in texts.values() if text.lower() in _OBJECT_TYPES]
    fits = not ids or object_id.lower() in (text.lower() for text in ids)
    if fits and (not types or object_type in types):
        return []
    whose = types[0] if types else "zone or account"
    if fits:
        theirs = f"an object of type {whose}"
    else:
        theirs = f"{whose} {ids[0]}" if len(ids) == 1 else f"another {whose}"
    return [f"The token was issued for {theirs}, not for {object_type} {object_id}."]


def _other_destination(claims: dict[str, t.Any], destination: Destination) -> list[str]:
    candidates = []
    for text in _texts(claims).values():
        try:
            candidates.append(Destination.parse(text))
        except InvalidInput:
            continue
    # A claim that names a web page is no destination, but the issuer.
    candidates = [
        theirs
        for theirs in candidates
        if theirs.scheme not in ("http", "https") or theirs.scheme == destination.scheme
    ]
    # One that fits is enough, else the closest speaks.
    parts = min((differences(destination, theirs) for theirs in candidates), key=len, default=[])
    if not parts:
        return []
    return [f"The token was issued for another destination: {'; '.join(parts)}."]


def _expired(claims: dict[str, t.Any]) -> list[str]:
    expiry = claims.get("exp")
    if isinstance(expiry, bool) or not isinstance(expiry, (int, float)) or expiry > time.time():
        return []
    try:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(expiry))
    except (OverflowError, ValueError, OSError):
        when = str(expiry)
    return [f"The token expired at {when}, by this machine's clock; request a new challenge."]
