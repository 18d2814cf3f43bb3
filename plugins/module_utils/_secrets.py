# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which values are sensitive, and how they are redacted. Pure: no input, no output.

Two ways complement each other: ``Secrets`` redacts known values wherever they are, and
``redact_uris`` redacts the sensitive parts of any URI or parameter by structure. Both take time
in proportion to the text, whatever the text or the secrets are.
"""

from __future__ import annotations

import json
import re
import threading
import typing as t
from urllib.parse import unquote, unquote_plus

from ansible_collections.edgeops.cloudflare.plugins.module_utils._text_search import (
    SHORTEST,
    WORD_END,
    Patterns,
    Span,
    end_of,
    views,
)

# A shorter value also occurs where it is not a secret; redacting it would ruin ordinary output.
SHORTEST_REDACTED = SHORTEST
REDACTED = "********"
# Deeper values are not shown: neither Ansible nor its JSON encoder takes any depth.
DEEPEST_SHOWN = 64
TOO_DEEP = f"(nested more than {DEEPEST_SHOWN} levels deep, not shown)"

# Values that documentation suggests for a parameter; they are words, even if used as a secret.
_PUBLIC_WORDS = (
    "application/json application/x-ndjson application/octet-stream cloudflare http_requests "
    "firewall_events production text/plain"
).split()

# What may follow a name in a URI's query and is shown. Whatever is not here is not shown there.
_PUBLIC_PARAMETERS = frozenset(
    (
        # Object stores, and Azure's SAS but for its signature.
        "region sse endpoint account-id accountid "
        "sp st se sip spr sv sr srt ss skoid sktid skt ske sks skv "
        # Datadog, Splunk, New Relic, Kinesis.
        "ddsource ddtags service host hostname format sourcetype insecure-skip-verify "
        "sts-assume-role-arn"
    ).split()
)
_HEADER = "header_"
# Headers of which none carries a credential.
_PUBLIC_HEADERS = frozenset(
    (
        "accept accept-encoding accept-language content-encoding content-language content-type "
        "cx-application-name cx-subsystem-name dynamic-metadata user-agent x-scope-orgid"
    ).split()
)
_SENSITIVE_PART = re.compile(r"secret|token|key|passw|pwd|credential|auth(?!ors?$)|sts-external-id")
_SENSITIVE_WORD = re.compile(r"(?:^|[^a-z])(?:sig|signature)(?:[^a-z]|$)")

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# An unbroken run of letters and digits, as keys and encoded bytes have them and names do not.
_RUN = re.compile(r"[A-Za-z0-9]+")
_SHORTEST_KEY = 16
_FEWEST_DIGITS = 2
_CHANGE_OF_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[a-z])")
# In base64 a run is broken by other characters, percent-encoded in a path.
_BROKEN_RUN = re.compile(r"(?:[A-Za-z0-9_-]|%2[BbFf])+")
_SHORTEST_BROKEN_KEY = 20
_BREAK = re.compile(r"%2[BbFf]|[_-]")
_CHANGE_OF_KIND = re.compile("(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")
# In a path: a name with its value, and a segment that says what the next one is.
_NAMED = re.compile(r"(?:^|[;,])([A-Za-z0-9_-]+)[=!]([^;,]+)")
_NAMING = frozenset(("apikey", "api-key", "api_key", "key", "secret", "token"))

_HEAD_END = re.compile(r"[\s\"'<>?#]")
_PARAMETER_END = re.compile(r"[\s\"'<>&#]")
_HEADER_END = re.compile(r"[\"'<>&#\r\n]|[:;,.] ")
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-")
_NAME = _SCHEME | {"_", "%"}
_LONGEST_NAME = 64
_LONGEST_REMEMBERED = 200
_HIDDEN = "***"
# Stands for a value in messages that say what to write.
_PLACEHOLDER = "…"
# From a scheme and a path to the path as it may be shown.
ShowPath = t.Callable[[str, str], str]
_GO_ESCAPES = {ord("&"): "\\u0026", ord("<"): "\\u003c", ord(">"): "\\u003e"}


def is_header(name: str) -> bool:
    """Return whether a parameter of a URI holds the value of an HTTP header."""
    return unquote(name).lower().startswith(_HEADER)


def is_public_parameter(name: str) -> bool:
    """Return whether the value of a parameter of a URI, such as ``region``, is not sensitive."""
    name = unquote(name).lower()
    if name.startswith(_HEADER):
        return name[len(_HEADER) :] in _PUBLIC_HEADERS
    return name in _PUBLIC_PARAMETERS


def is_sensitive_name(name: str) -> bool:
    """Return whether a parameter is known to hold a secret, or called so."""
    name = unquote(name).lower()
    if is_public_parameter(name):
        return False
    return bool(
        name.startswith(_HEADER) or _SENSITIVE_PART.search(name) or _SENSITIVE_WORD.search(name)
    )


def split_parameter(parameter: str) -> tuple[str, str]:
    """Split ``name=value``; a word alone is a value without a name.

    It may well be a secret, with the padding of base64.
    """
    name, equals, value = parameter.partition("=")
    if value.strip("=") or (equals and is_sensitive_name(name) and not looks_like_secret(name)):
        return name, value
    return "", parameter if value else name


def looks_like_secret(value: str) -> bool:
    """Return by length and entropy whether a value is a key rather than a name."""
    return (
        bool(_UUID.search(value))
        or any(map(_is_random, _RUN.findall(value)))
        or any(map(_is_base64, _BROKEN_RUN.findall(value)))
    )


def _is_random(run: str) -> bool:
    if len(run) < _SHORTEST_KEY:
        return False
    digits = sum(map(str.isdigit, run))
    if digits == len(run):
        return False
    return digits >= _FEWEST_DIGITS or len(_CHANGE_OF_CASE.findall(run)) * 3 >= len(run)


def _is_base64(text: str) -> bool:
    """Whether letters of both cases and digits take turns, more often than words have it."""
    if len(text) < _SHORTEST_BROKEN_KEY:
        return False
    runs = _BREAK.split(text)
    signs = "".join(runs)
    has_all = re.search("[0-9]", signs) and signs != signs.upper() and signs != signs.lower()
    changes = sum(len(_CHANGE_OF_KIND.findall(run)) for run in runs)
    return bool(has_all) and changes * 2 >= len(signs)


def secret_in_segment(before: str, segment: str) -> str | None:
    """Return what in a segment of a URI's path is a secret; ``before`` is the one before it."""
    if looks_like_secret(segment):
        return segment
    for name, value in _NAMED.findall(segment):
        if is_sensitive_name(name):
            return str(value)
    is_named = before.lower() in _NAMING and len(segment) >= SHORTEST_REDACTED
    return segment if is_named and re.search("[0-9]", segment) else None


def show_path(_scheme: str, path: str) -> str:
    """Return a path of a URI without the segments that hold secrets."""
    segments = path.split("/")
    return "/".join(
        _HIDDEN if secret_in_segment(before, each) else each
        for before, each in zip(["", *segments], segments)
    )


def redact_uris(text: str, show_path: ShowPath = show_path) -> str:
    """Return a text without the sensitive parts of the URIs and parameters that it quotes.

    In a URI all is sensitive that is not known to be public; elsewhere only the values of
    parameters such as ``secret-access-key=``.
    """
    shown: list[str] = []
    done, colon = 0, text.find("://")
    while colon >= 0:
        start = _start_of(_SCHEME, text, colon, done)
        if start == colon:
            colon = text.find("://", colon + 3)
            continue
        end = end_of(_HEAD_END, text, colon + 3)
        shown += [_redact_parameters(text[done:start]), text[start : colon + 3]]
        shown.append(_shown_head(text[start:colon], text[colon + 3 : end], show_path))
        query, done = _shown_query(text, end)
        shown.append(query)
        if text.startswith("#", done):
            done = end_of(WORD_END, text, done)
        colon = text.find("://", done)
    return "".join([*shown, _redact_parameters(text[done:])])


def _start_of(characters: frozenset[str], text: str, end: int, least: int) -> int:
    """Return where a name that ends at ``end`` begins."""
    start, least = end, max(least, end - _LONGEST_NAME)
    while start > least and text[start - 1] in characters:
        start -= 1
    return start


def _shown_head(scheme: str, head: str, show_path: ShowPath) -> str:
    authority, slash, path = head.partition("/")
    host = authority.rpartition("@")[2]
    # A URI inside of a path may have a user and a password too.
    segments = show_path(scheme.lower(), slash + path).split("/")
    return host + "/".join(segment.rpartition("@")[2] for segment in segments)


def _shown_query(text: str, start: int) -> tuple[str, int]:
    """Return the query at ``start`` as it may be shown, and where it ends."""
    if not text.startswith("?", start):
        return "", start
    shown, done = [], start
    while done == start or text.startswith("&", done):
        begin = done + 1
        end = end_of(_PARAMETER_END, text, begin)
        name, value = split_parameter(text[begin:end])
        if value != _PLACEHOLDER and (not is_public_parameter(name) or "@" in value):
            end = _end_of_value(text, name, value, end)
            value = _HIDDEN
        if end > begin:
            shown.append(f"{name}={value}" if name else value)
        done = end
    return f"?{'&'.join(shown)}" if shown else "", done


def _end_of_value(text: str, name: str, value: str, end: int) -> int:
    """Return where a value ends: in a header that is not percent-encoded it may have blanks."""
    is_header = _HEADER in f"{name}={value}".lower()
    if not is_header or not text.startswith(" ", end) or value.endswith((":", ";", ",", ".")):
        return end
    return end if "%" in value or "+" in value else end_of(_HEADER_END, text, end)


def _redact_parameters(text: str) -> str:
    """Redact the values of parameters in a text without URIs."""
    shown: list[str] = []
    done, equals = 0, text.find("=")
    while equals >= 0:
        name = text[_start_of(_NAME, text, equals, done) : equals]
        begin = end = equals + 1
        # In a filter it is the name of a field.
        if is_sensitive_name(name) and name != "key":
            if text[begin : begin + 1] in ('"', "'"):
                end = text.find(text[begin], begin + 1)
                begin, end = begin + 1, len(text) if end < 0 else end
            else:
                end = end_of(_PARAMETER_END, text, begin)
                end = _end_of_value(text, name, text[begin:end], end)
        if end > begin and text[begin:end] != _PLACEHOLDER:
            shown += [text[done:begin], _HIDDEN]
            done = end
        equals = text.find("=", max(end, begin))
    return "".join([*shown, text[done:]])


class Secrets:
    """The known sensitive values. Several threads may use it at the same time.

    A value is recognized as it is, percent-encoded once or twice, escaped as in JSON, and inside
    base64. Values shorter than ``SHORTEST_REDACTED`` are ignored.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: set[str] = set()
        self._secrets = Patterns()
        self._public = Patterns()
        self._public_words: set[str] = set()
        # Searched for only where a secret is found, which is rare.
        self._new_public: set[str] = set()
        self.add_public(_PUBLIC_WORDS)

    def add(self, secrets: t.Iterable[str]) -> None:
        """Add sensitive values."""
        new = {secret for secret in secrets if len(secret) >= SHORTEST_REDACTED}
        with self._lock:
            for secret in sorted(new - self._added):
                for form in sorted(_forms(secret)):
                    self._secrets.add(form)
            self._added |= new

    def add_public(self, words: t.Iterable[str]) -> None:
        """Add names that are never redacted, in whole or in part, such as that of a bucket."""
        new = {word for word in words if len(word) >= SHORTEST_REDACTED}
        with self._lock:
            self._new_public |= new - self._public_words

    def redact(self, text: str) -> str:
        """Return a text without the known sensitive values."""
        if len(text) < SHORTEST_REDACTED:
            return text
        with self._lock:
            spans = self._spans(text)
        if not spans:
            return text
        shown, done = [], 0
        for start, end in _merged(spans):
            shown += [text[done:start], REDACTED]
            done = end
        return "".join([*shown, text[done:]])

    def redact_value(self, value: t.Any) -> t.Any:
        """Return a copy of a value with each text in it redacted, keys of dictionaries too.

        Tuples and sets become lists, as in JSON. Numbers, booleans and None are left alone.
        """
        redact = _remembered(self.redact)
        top: list[t.Any] = [None]
        waiting: list[tuple[t.Any, t.Any, t.Any, int]] = [(value, top, 0, 0)]
        while waiting:
            each, container, key, depth = waiting.pop()
            if isinstance(each, str):
                container[key] = redact(each)
                continue
            copy, items = _copied(each, redact)
            if copy is None:
                container[key] = each
            elif depth >= DEEPEST_SHOWN:
                container[key] = TOO_DEEP
            else:
                container[key] = copy
                waiting += ((inner, copy, name, depth + 1) for name, inner in items)
        return top[0]

    def within(self, value: t.Any) -> set[str]:
        """Return the sensitive values that occur somewhere in a value, keys included."""
        with self._lock:
            return {
                view.text[start:end]
                for text in texts_in(value, keys=True)
                for view in views(text, self._secrets.shortest)
                for start, end in self._secrets.matches(view.text)
            }

    def _spans(self, text: str) -> list[Span]:
        spans = [
            view.span(*match)
            for view in views(text, self._secrets.shortest)
            for match in self._secrets.matches(view.text)
        ]
        if not spans:
            return spans
        for word in sorted(self._new_public):
            self._public.add(word)
        self._public_words |= self._new_public
        self._new_public.clear()
        public = sorted(self._public.matches(text))
        return list(_not_within(sorted(spans), public))


def _remembered(redact: t.Callable[[str], str]) -> t.Callable[[str], str]:
    """Return ``redact`` for values in which the same names occur again and again."""
    known: dict[str, str] = {}

    def remembered(text: str) -> str:
        if len(text) > _LONGEST_REMEMBERED:
            return redact(text)
        if text not in known:
            known[text] = redact(text)
        return known[text]

    return remembered


def _copied(
    value: t.Any, redact: t.Callable[[str], str]
) -> tuple[t.Any, t.Iterable[tuple[t.Any, t.Any]]]:
    """Return an empty copy of a container, with the items to be put into it."""
    if isinstance(value, dict):
        names = [redact(name) if isinstance(name, str) else name for name in value]
        # Filled at once, so that the order stays.
        return dict.fromkeys(names), zip(names, value.values())
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [None] * len(value), enumerate(value)
    return None, ()


def _forms(secret: str) -> set[str]:
    """Return the forms of a secret that a decoded text may hold."""
    decoded = unquote(secret)
    forms = {str(secret), decoded, unquote(decoded), unquote_plus(secret)}
    forms |= {form.replace(" ", "+") for form in forms}
    forms |= {json.dumps(form)[1:-1] for form in forms}
    forms |= {form.translate(_GO_ESCAPES) for form in forms}
    # As bytes, the way base64 holds them.
    return forms | {form.encode(errors="replace").decode("latin-1") for form in forms}


def _not_within(spans: t.Iterable[Span], others: t.Sequence[Span]) -> t.Iterator[Span]:
    """Yield the spans that are not a part of another one; both are sorted."""
    position = reach = 0
    for start, end in spans:
        while position < len(others) and others[position][0] <= start:
            reach = max(reach, others[position][1])
            position += 1
        if end > reach:
            yield start, end


def _merged(spans: t.Iterable[Span]) -> t.Iterator[Span]:
    """Yield sorted spans, those that touch each other as one."""
    begin = reach = -1
    for start, end in spans:
        if start > reach:
            if begin >= 0:
                yield begin, reach
            begin = start
        reach = max(reach, end)
    yield begin, reach


def texts_in(value: t.Any, *, keys: bool = False) -> t.Iterator[str]:
    """Yield each text in a value, and its other members as texts."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each if keys else ()
            waiting += each.values()
        elif isinstance(each, (list, tuple, set, frozenset)):
            waiting += each
        elif each is not None:
            yield str(each)
