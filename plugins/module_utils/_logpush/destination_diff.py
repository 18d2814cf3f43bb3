# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where two destinations differ, as far as an API shows them. Pure: no input, no output."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote, unquote_plus

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
    Destination,
)

# What an API puts in the place of a secret: a row of one sign, a word, or nothing. In a part that
# is no secret only that counts which cannot be meant.
_MASK = re.compile(r"\*{3}|\u2022{3}|^redacted$|[\[(<]redacted[\])>]|^([^0-9A-Za-z])\1{2,}$", re.I)
_SECRET_MASK = re.compile(
    r"\*{3}|\u2022{3}|\.{3}|-{3}|x{4}|redacted|masked|hidden|removed|^$", re.IGNORECASE
)


class Comparison(t.NamedTuple):
    """How a destination that was asked for and the one that an API shows compare, by their parts.

    ``masked`` and ``missing`` cannot be compared: the API shows a mask, or nothing, in their place.
    """

    different: t.Sequence[str] = ()
    masked: t.Sequence[str] = ()
    missing: t.Sequence[str] = ()


def compare(ours: Destination, shown: t.Any) -> Comparison:
    """Compare with what an API shows, which may have its secrets masked or left out.

    Order and percent-encoding make no difference. A secret differs where the API shows one that
    could be meant: of the same length as ours, and without anything that looks like a mask.
    """
    if shown == ours.raw:
        return Comparison()
    if not isinstance(shown, str) or not shown:
        return Comparison(missing=[DESTINATION_CONF])
    try:
        theirs = Destination.parse(shown).parts()
    except InvalidInput:
        return Comparison(masked=[DESTINATION_CONF])
    mine = ours.parts()
    masks = [name for name, (value, _secret) in theirs.items() if _is_mask(name, value)]
    # A mask that is no value of a parameter of ours may stand for any of them.
    whole = any(not name.startswith("parameter") or name not in mine for name in masks)
    bare = "?" not in shown
    found: dict[str, list[str]] = {"different": [], "masked": [], "missing": []}
    for name in dict.fromkeys([*mine, *theirs]):
        verdict = _compare_part(
            name, mine.get(name), theirs.get(name), masked=bool(masks), whole=whole, bare=bare
        )
        if verdict:
            found[verdict].append(name)
    return Comparison(**found)


def _compare_part(
    name: str,
    mine: tuple[str, bool] | None,
    shown: tuple[str, bool] | None,
    *,
    masked: bool,
    whole: bool,
    bare: bool,
) -> str | None:
    """Judge one part.

    ``masked``: something is, ``whole``: more than single parameters, ``bare``: none is shown.
    """
    if shown is None:
        is_secret = mine is not None and mine[1]
        hidden = "masked" if whole or (masked and is_secret) else "missing"
        return hidden if masked or is_secret or bare else "different"
    value = shown[0]
    if mine is None:
        # A mask in the place of parameters of ours.
        return None if _is_mask(name, value) else "different"
    decode = unquote_plus if name.startswith("parameter") else unquote
    given, seen = decode(mine[0]), decode(value)
    if given == seen:
        return None
    if _is_mask(name, value):
        return "masked"
    if mine[1] and (len(given) != len(seen) or _SECRET_MASK.search(seen)):
        return "masked"
    return "different"


def _is_mask(name: str, value: str) -> bool:
    return bool(_MASK.search(unquote(value)) or _MASK.search(name.partition(" ")[2]))


def differences(ours: Destination, theirs: Destination) -> list[str]:
    """Say in which parts the destination at hand and a token's differ; no secret is shown."""
    if ours.raw == theirs.raw:
        return []
    mine, other = ours.parts(), theirs.parts()
    names = [name for name in dict.fromkeys([*mine, *other]) if mine.get(name) != other.get(name)]
    if not names:
        return ["the same parts are written in another way or order; it has to be the same string"]
    return [_difference(name, mine.get(name), other.get(name)) for name in names]


def _difference(name: str, mine: tuple[str, bool] | None, other: tuple[str, bool] | None) -> str:
    if any(part and part[1] for part in (mine, other)):
        return f"the {name} is another one (it is secret and not shown)"
    here = f"'{mine[0]}'" if mine else "not there"
    there = f"'{other[0]}'" if other else "not there"
    return f"the {name} is {there} in the token and {here} in destination_conf"
