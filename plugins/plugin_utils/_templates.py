# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolve templates in variables that hold secrets; an error shows no value."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleLookupError

try:
    from ansible.errors import AnsibleValueOmittedError
except ImportError:  # before ansible-core 2.19, where omit is a text

    class AnsibleValueOmittedError(Exception):  # type: ignore[no-redef]
        """Never raised."""


_OMITTED = object()
# Only names are taken from the message of an error: the rest of it may show values.
_REASONS = (
    (re.compile(r"'([A-Za-z_][\w.]*)' is undefined"), "'{}' is undefined"),
    (re.compile(r"has no attribute '([A-Za-z_]\w*)'"), "the attribute '{}' is undefined"),
    (re.compile(r"lookup plugin '([\w.]+)'"), "the lookup '{}' failed"),
    (re.compile(r"lookup plugin \(([\w.]+)\) not found"), "there is no lookup '{}'"),
    (re.compile(r"[Nn]o filter named '([\w.]+)'"), "there is no filter '{}'"),
    (re.compile(r"([Dd]ecrypt|[Vv]ault secrets)"), "a value cannot be decrypted"),
)
_UNKNOWN_REASON = (
    "a template cannot be resolved; mark text that only looks like a template with !unsafe"
)


class Resolver:
    """Resolves templates with some variables; ``owner`` is appended to where an error is."""

    def __init__(self, templar: t.Any, variables: t.Mapping[str, t.Any], owner: str = "") -> None:
        # Also before ansible-core 2.19 an undefined variable is an error here, unlike in hostvars.
        self._templar = templar.copy_with_new_env(available_variables=variables)
        self._owner = owner
        self._omit = variables.get("omit")

    def resolve(self, value: t.Any, path: str) -> t.Any:
        """Return a value without templates, of the types that JSON has.

        What is ``omit`` is left out of what holds it, and otherwise ``None``.
        """
        resolved = self._resolve(value, path)
        return None if resolved is _OMITTED else resolved

    def _resolve(self, value: t.Any, path: str) -> t.Any:
        if isinstance(value, Mapping):
            members = {str(key): self._resolve(v, f"{path}.{key}") for key, v in value.items()}
            return {key: each for key, each in members.items() if each is not _OMITTED}
        if isinstance(value, (list, tuple)):
            items = [self._resolve(each, f"{path}[{n}]") for n, each in enumerate(value)]
            return [each for each in items if each is not _OMITTED]
        try:
            resolved = _plain(self._templar.template(value, fail_on_undefined=True))
            is_omit = isinstance(resolved, str) and resolved == self._omit
            return _OMITTED if is_omit else resolved
        except AnsibleValueOmittedError:
            return _OMITTED
        except Exception as error:  # a template may raise anything
            reason = _reason(error)
        # Outside of the handler: Ansible shows the cause and the context of an error.
        raise AnsibleLookupError(f"{path}{self._owner}: {reason}")


def _plain(value: t.Any) -> t.Any:
    """Return a value of the types that JSON has; vaulted text is decrypted."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def _reason(error: BaseException) -> str:
    messages: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(messages) < 20:
        messages.append(str(cause))
        cause = cause.__cause__
    text = "\n".join(messages)
    for pattern, reason in _REASONS:
        found = pattern.search(text)
        if found:
            return reason.format(found[1])
    return _UNKNOWN_REASON
