# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are easy to find again, and the search for them in whatever was printed or written.

A secret can be escaped in more ways than anybody could list: for a URL, for JSON, for JSON within
JSON, for YAML, for HTML. All of them leave letters and digits alone, so what is searched for is
each long run of those in it. Base64 alone leaves nothing alone: its three alignments are searched
for as well. A secret without such a run is searched for in each form that is written out here.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import typing as t
import urllib.parse

# Far too long to turn up by accident.
_RUN = re.compile("[0-9A-Za-z]{12,}")
# What may stand where an output was folded: a YAML text in quotes has a backslash there.
_FOLD = re.compile(rb"\\?\r?\n[ \t]*")
# What must be escaped somewhere: in a URL, in JSON, in YAML, in HTML.
_AWKWARD = "\"\\\N{LATIN SMALL LETTER U WITH DIAERESIS}'+/=~z"

Outputs = t.Mapping[str, bytes]


class Secrets:
    """Secrets by name."""

    def __init__(self) -> None:
        self.plain: dict[str, str] = {}

    def add(self, name: str, secret: str) -> str:
        """Remember a secret and return it."""
        assert len(secret) >= 8, name
        self.plain[name] = secret
        return secret

    def made(self, name: str, awkward: str = _AWKWARD) -> str:
        """Make a secret that nothing else holds."""
        return self.add(name, secrets.token_hex(12) + awkward)

    def quoted(self, name: str) -> str:
        """Make a secret and return it as it stands in a destination."""
        return urllib.parse.quote(self.made(name), safe="")

    def found_in(self, outputs: Outputs) -> list[str]:
        """Return a sentence for each secret that is in an output."""
        needles = {name: forms(secret) for name, secret in self.plain.items()}
        return [
            f"{name} is in {output}: {_around(data, form)!r}"
            for output, content in outputs.items()
            for data in _unfolded(content)
            for name, all_forms in needles.items()
            for form in all_forms
            if form in data
        ]


def forms(secret: str) -> set[bytes]:
    """Return what to look for."""
    texts: set[str] = set(_RUN.findall(secret)) or _escaped(secret)
    encoded = {text.encode() for text in texts}
    return encoded | {form for text in encoded for form in _in_base64(text)}


def _escaped(secret: str) -> set[str]:
    decoded = urllib.parse.unquote(secret)
    texts = {secret, decoded, urllib.parse.unquote_plus(secret)}
    for text in (secret, decoded):
        texts.update((urllib.parse.quote(text, safe=""), urllib.parse.quote(text)))
    for _times in range(2):
        texts |= {json.dumps(text)[1:-1] for text in texts}
    return texts


def _in_base64(text: bytes) -> t.Iterator[bytes]:
    """Yield how a text looks in the middle of a longer one: without what its neighbours change."""
    for shift in range(3):
        bits = 8 * shift
        whole = slice(-(-bits // 6), (bits + 8 * len(text)) // 6)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(shift) + text)[whole]


def _unfolded(content: bytes) -> tuple[bytes, bytes]:
    return content, _FOLD.sub(b"", content)


def _around(data: bytes, form: bytes) -> bytes:
    start = data.index(form)
    return data[max(0, start - 200) : start + len(form) + 40]
