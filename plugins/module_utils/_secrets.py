# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which secrets a text holds, however many there are. Ansible masks them.

Ansible tries each secret on each text, which takes long where there are thousands of both. So it
is given only those that are there to be masked.
"""

from __future__ import annotations

import threading
import typing as t
from collections import defaultdict

from ansible.module_utils.common.parameters import remove_values

# A shorter value also turns up where it is no secret; masking it would wreck ordinary output.
SHORTEST_MASKED = 8


class Secrets:
    """The secrets that are known. It may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By how they begin and how long they are; what is too short for it is tried one by one.
        self._known: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._short: set[str] = set()

    def add(self, secrets: t.Iterable[str]) -> None:
        """Add some secrets."""
        with self._lock:
            for secret in secrets:
                if len(secret) < SHORTEST_MASKED:
                    self._short.add(secret)
                else:
                    self._known[secret[:SHORTEST_MASKED]][len(secret)].add(secret)

    def within(self, value: t.Any) -> set[str]:
        """Return the secrets that are somewhere in a value."""
        with self._lock:
            return {secret for text in texts_in(value) for secret in self._within(text)}

    def masked(self, value: t.Any) -> t.Any:
        """Return a value as Ansible masks it, each text in it for itself."""
        if isinstance(value, dict):
            return {name: self.masked(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.masked(each) for each in value]
        return remove_values(value, self.within(value))

    def _within(self, text: str) -> t.Iterator[str]:
        yield from (secret for secret in self._short if secret in text)
        for start in range(len(text) - SHORTEST_MASKED + 1):
            by_length = self._known.get(text[start : start + SHORTEST_MASKED])
            if by_length is not None:
                for length, secrets in by_length.items():
                    found = text[start : start + length]
                    if found in secrets:
                        yield found


def texts_in(value: t.Any) -> t.Iterator[str]:
    """Yield each text in a value, and whatever else is in it as a text."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, (list, tuple, set)):
            waiting += each
        elif each is not None:
            yield str(each)
