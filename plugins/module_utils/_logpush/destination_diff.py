# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where two destinations differ, as far as the API shows them. Pure: no input, no output."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
    Destination,
)

# A value counts as masked only where it is visibly a mask: a word in brackets, or a row of one
# sign that no value consists of.
_MASK = re.compile(
    r"[\[(<{](redacted|masked|hidden|removed|filtered|secret|sensitive)[\])>}]|redacted"
    r"|([^0-9A-Za-z/])\2{2,}",
    re.IGNORECASE,
)
# In a sensitive part, letters that stand for any letter as well.
_SENSITIVE_MASK = re.compile(_MASK.pattern + r"|x{4,}", re.IGNORECASE)
# The first or last characters of a value, the rest masked.
_PARTIAL_MASK = re.compile("([^*\u2022]{0,8})[*\u2022]{3,}([^*\u2022]{0,8})")
_MASK_IN_TEXT = re.compile("[*\u2022]{3}|redacted|[\\[(<{](masked|hidden)[\\])>}]", re.IGNORECASE)

# RFC 3986: percent-encoding these, or not, makes no difference to anybody.
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# What separates the pieces of a value, of which each may be masked for itself.
_SEPARATOR = re.compile(r"[\s:/]")

_NAMELESS = "parameter without a value"


class Comparison(t.NamedTuple):
    """How a desired destination and the one that the API shows compare, by the names of parts.

    ``masked`` parts cannot be compared, since the API shows a mask in their place.
    """

    different: t.Sequence[str] = ()
    masked: t.Sequence[str] = ()


def compare(ours: Destination, shown: t.Any) -> Comparison:
    """Compare with the ``destination_conf`` that the API shows.

    What is shown without a mask is compared exactly; a part that is not shown does not exist. The
    order of parameters and needless percent-encoding make no difference.
    """
    if shown == ours.raw:
        return Comparison()
    if not isinstance(shown, str) or not shown:
        # A job always has a destination, so this one is hidden.
        return Comparison(masked=[DESTINATION_CONF])
    try:
        theirs = Destination.parse(shown)
    except InvalidInput:
        masked = bool(_MASK_IN_TEXT.search(shown))
        return Comparison(**{"masked" if masked else "different": [DESTINATION_CONF]})
    mine, other = ours.parts(), theirs.parts()
    covered = _covered_by_masks(other, has_query="?" in shown)
    found: dict[str, list[str]] = {"different": [], "masked": []}
    for name in dict.fromkeys([*mine, *other]):
        verdict = _compare_part(name, mine.get(name), other.get(name), covered)
        if verdict:
            found[verdict].append(name)
    return Comparison(**found)


_Part = tuple[str, bool]


def _covered_by_masks(parts: t.Mapping[str, _Part], *, has_query: bool) -> t.Callable[[str], bool]:
    """Return a function: whether a part that is not shown is behind a mask of something larger."""
    masked = {name for name, (value, _sensitive) in parts.items() if _is_cover(name, value)}
    all_parameters = any(name.startswith("parameter") for name in masked)
    # A mask in the host or path may hide everything that follows it.
    if not has_query and any(not name.startswith("parameter") for name in masked):
        return lambda _name: True
    return lambda name: all_parameters and name.startswith("parameter")


def _is_cover(name: str, value: str) -> bool:
    """Return whether a part is a mask, but not of the value of a single parameter."""
    if name.startswith(_NAMELESS):
        return _is_mask(value, sensitive=True)
    if name.startswith("parameter"):
        return bool(_PARTIAL_MASK.fullmatch(name.partition(" ")[2]))
    if name not in ("bucket", "host", "path"):
        return False
    return _is_mask(_SEPARATOR.split(value)[-1], sensitive=False)


def _compare_part(
    name: str, mine: _Part | None, shown: _Part | None, covered: t.Callable[[str], bool]
) -> str | None:
    if shown is None:
        return "masked" if covered(name) else "different"
    if mine is None:
        return None if name.startswith("parameter") and _is_cover(name, shown[0]) else "different"
    if _normal_form(mine[0]) == _normal_form(shown[0]):
        return None
    if name == "path" and shown[0] in ("", "/") and covered("path"):
        return "masked"
    masked = _differ_by_masks_only(mine[0], shown[0], sensitive=mine[1])
    return "masked" if masked else "different"


def _normal_form(text: str) -> str:
    """Return a part so that two spellings of one URI are equal (RFC 3986, section 6.2.2)."""

    def decoded(found: re.Match[str]) -> str:
        sign = unquote(found[0])
        return sign if _UNRESERVED.fullmatch(sign) else found[0].upper()

    return _ESCAPE.sub(decoded, text)


def _differ_by_masks_only(mine: str, shown: str, *, sensitive: bool) -> bool:
    """Compare two values piece by piece; a mask at the end stands for all that follows."""
    whole = _is_mask(shown, sensitive=sensitive) or _is_partial_mask(shown, mine)
    if whole or _is_partial_mask(unquote(shown), unquote(mine)):
        return True
    seen, given = _SEPARATOR.split(unquote(shown)), _SEPARATOR.split(unquote(mine))
    masked = False
    for number, piece in enumerate(seen):
        if number >= len(given):
            return False
        partial = _is_partial_mask(piece, given[number])
        if partial or _is_mask(piece, sensitive=sensitive):
            if number == len(seen) - 1:
                return True
            masked = True
        elif piece != given[number]:
            return False
    return masked and len(seen) == len(given)


def _is_mask(text: str, *, sensitive: bool) -> bool:
    return bool((_SENSITIVE_MASK if sensitive else _MASK).fullmatch(unquote(text)))


def _is_partial_mask(shown: str, mine: str) -> bool:
    """Return whether one is the other with some of its characters masked."""
    found = _PARTIAL_MASK.fullmatch(shown)
    return found is not None and mine.startswith(found[1]) and mine.endswith(found[2])


def shows_mask(text: str) -> bool:
    """Whether something in a ``destination_conf`` is visibly masked."""
    return bool(_MASK_IN_TEXT.search(unquote(text)))


def differences(ours: Destination, theirs: Destination) -> list[str]:
    """Return in which parts a destination and a token's differ, without sensitive values."""
    if ours.raw == theirs.raw:
        return []
    mine, other = ours.parts(), theirs.parts()
    names = [name for name in dict.fromkeys([*mine, *other]) if mine.get(name) != other.get(name)]
    if not names:
        return ["the parts are equal, but written or ordered differently; use the identical string"]
    return [_difference(name, mine.get(name), other.get(name)) for name in names]


def _difference(name: str, mine: tuple[str, bool] | None, other: tuple[str, bool] | None) -> str:
    if any(part and part[1] for part in (mine, other)):
        return f"the {name} differs (sensitive, so not shown)"
    here = f"'{mine[0]}'" if mine else "missing"
    there = f"'{other[0]}'" if other else "missing"
    return f"the {name} is {there} in the token and {here} in destination_conf"
