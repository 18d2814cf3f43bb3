# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find known texts in other texts, as they are and encoded. Pure: no input, no output.

All of it takes time in proportion to the text that is searched, whatever the texts are.
"""

from __future__ import annotations

import base64
import functools
import heapq
import itertools
import re
import sys
import typing as t
from array import array

# No text shorter than this can be found.
SHORTEST = 8
# The end of a word in a message, and of a URI.
WORD_END = re.compile(r"[\s\"'<>]")

# As JSON, HTML and programming languages write characters.
_ESCAPES = re.compile(
    r"(?P<units>\\u[dD][89ABab][0-9A-Fa-f]{2}\\u[dD][C-Fc-f][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})"
    r"|\\(?P<sign>[\"'\\/])"
    r"|&(?P<entity>amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"
)
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
# Eight bytes make eleven characters of base64.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{11,}")
_STANDARD_BASE64 = str.maketrans("-_", "+/")
# More lengths of texts that begin alike are not tried at one position.
_MOST_LENGTHS = 16
# As many are searched one after the other, by the interpreter itself.
_FEW = 64
_PRIME = (1 << 61) - 1
_BASE = 1_096_510_049_216_823_143

Span = tuple[int, int]


def end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return where a pattern next matches, or where the text ends."""
    found = pattern.search(text, start)
    return found.start() if found else len(text)


class Patterns:
    """Texts to be found in other texts, in time that depends on neither their number nor length.

    A text is looked for where its first characters are. Texts of 2^k to 2^(k+1) - 1 characters
    are grouped by the hash of their first 2^k, and told apart by length and hash.
    """

    def __init__(self) -> None:
        self._heads: set[str] = set()
        # By size and hash of the group's prefix: the hashes for each length.
        self._groups: dict[int, dict[int, dict[int, set[int]]]] = {}

    @property
    def shortest(self) -> int:
        """The length below which no text holds any of them."""
        return min(self._groups, default=sys.maxsize)

    def add(self, text: str) -> None:
        """Add a text; one that is too short is ignored."""
        length = len(text)
        if length < SHORTEST:
            return
        hashes, size = _Hashes(text), 1 << (length.bit_length() - 1)
        self._heads.add(text[:SHORTEST])
        group = self._groups.setdefault(size, {}).setdefault(hashes.of(0, size), {})
        if length in group or len(group) < _MOST_LENGTHS:
            group.setdefault(length, set()).add(hashes.of(0, length))
        else:
            # No length: whatever follows the prefix, up to the end of the word.
            group[0] = set()

    def matches(self, text: str) -> t.Iterator[Span]:
        """Yield the longest match at each position that extends those before it."""
        hashes, covered = None, 0
        for start in self._candidates(text):
            hashes = hashes or _Hashes(text)
            end = self._longest(hashes, start, covered)
            if end > covered:
                covered = end
                yield start, end

    def _candidates(self, text: str) -> t.Iterable[int]:
        """Return where texts may begin, sorted."""
        heads = self._heads
        if len(heads) <= _FEW:
            return heapq.merge(*(_positions(head, text) for head in heads if head in text))
        last = len(text) - SHORTEST
        return (start for start in range(last + 1) if text[start : start + SHORTEST] in heads)

    def _longest(self, hashes: _Hashes, start: int, covered: int) -> int:
        """Return where the longest match that ends behind ``covered`` ends, else ``covered``."""
        for size, groups in self._groups.items():
            group = groups.get(hashes.of(start, size)) if start + size <= hashes.length else None
            for length, known in group.items() if group else ():
                end = start + length
                if not length:
                    covered = max(covered, hashes.end_of_word(start + size, size))
                elif covered < end <= hashes.length and (
                    length == size or hashes.of(start, length) in known
                ):
                    covered = end
        return covered


def _positions(head: str, text: str) -> t.Iterator[int]:
    start = text.find(head)
    while start >= 0:
        yield start
        start = text.find(head, start + 1)


class _Hashes:
    """The hashes of all parts of a text, each in constant time (Karp and Rabin)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends: dict[int, int] = {}
        self.length = len(text)
        sums = itertools.accumulate(map(ord, text), _next_hash, initial=0)
        self._sums = array("Q", sums)

    def of(self, start: int, length: int) -> int:
        """Return the hash of ``length`` characters from ``start`` on."""
        sums = self._sums
        return (sums[start + length] - sums[start] * _power(length)) % _PRIME

    def end_of_word(self, start: int, caller: int) -> int:
        """Return where the word around ``start`` ends; each caller asks for growing positions."""
        if start > self._ends.get(caller, -1):
            self._ends[caller] = end_of(WORD_END, self._text, start)
        return self._ends[caller]


def _next_hash(sofar: int, character: int) -> int:
    return (sofar * _BASE + character + 1) % _PRIME


@functools.lru_cache(maxsize=4096)
def _power(length: int) -> int:
    return pow(_BASE, length, _PRIME)


class View(t.NamedTuple):
    """A text as it is once something is decoded, and which span of the original one is which."""

    text: str
    span: t.Callable[[int, int], Span]


def views(text: str, shortest: int) -> t.Iterator[View]:
    """Yield the views of a text, but for those that are shorter than ``shortest``."""
    # Nothing is longer decoded than it is encoded.
    if len(text) < shortest:
        return
    plain = View(text, lambda start, end: (start, end))
    yield plain
    yield from _base64_decoded(plain, shortest)
    view = plain
    for _time in range(2):
        if not _ESCAPES.search(view.text):
            break
        view = _unescaped(view)
        yield view
    view = plain
    for _time in range(2):
        if not _PERCENT.search(view.text):
            return
        view = _percent_decoded(view)
        yield view
        yield from _base64_decoded(view, shortest)


def _unescaped(view: View) -> View:
    # Its table of entities is large, and hardly any text holds one.
    import html

    text, parts, starts, done = view.text, [], array("Q"), 0
    for found in _ESCAPES.finditer(text):
        content = found["sign"] or (found["entity"] and html.unescape(found[0])) or ""
        if found["units"]:
            units = bytes.fromhex(found["units"].replace("\\u", ""))
            content = units.decode("utf-16-be", "surrogatepass")
        parts += [text[done : found.start()], content]
        starts.extend(range(done, found.start()))
        starts.extend([found.start()] * len(content))
        done = found.end()
    parts.append(text[done:])
    starts.extend(range(done, len(text) + 1))
    return View("".join(parts), lambda start, end: view.span(starts[start], starts[end]))


def _percent_decoded(view: View) -> View:
    text, parts, starts, done = view.text, [], array("Q"), 0
    for run in _PERCENT.finditer(text):
        parts.append(text[done : run.start()])
        starts.extend(range(done, run.start()))
        place = run.start()
        # A byte that is no character does not spoil its neighbours.
        content = bytes.fromhex(run[0].replace("%", ""))
        for character in content.decode(errors="surrogateescape"):
            parts.append(character)
            starts.append(place)
            place += 3 * len(character.encode(errors="surrogateescape"))
        done = run.end()
    parts.append(text[done:])
    starts.extend(range(done, len(text) + 1))
    return View("".join(parts), lambda start, end: view.span(starts[start], starts[end]))


def _base64_decoded(view: View, shortest: int) -> t.Iterator[View]:
    for run in _BASE64.finditer(view.text):
        if len(run[0]) * 3 // 4 < shortest:
            continue
        encoded = run[0].translate(_STANDARD_BASE64)
        for offset in range(4):
            part = encoded[offset:]
            content = base64.b64decode(part + "A" * (-len(part) % 4))
            span = functools.partial(_base64_span, view, run.start() + offset, run.end())
            yield View(content.decode("latin-1"), span)


def _base64_span(view: View, start: int, limit: int, first: int, last: int) -> Span:
    """Return the span of all characters that hold a bit of the bytes ``first`` to ``last``."""
    return view.span(start + first * 4 // 3, min(limit, start - (-last * 4 // 3)))
