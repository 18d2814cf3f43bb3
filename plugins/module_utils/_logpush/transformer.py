# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A transformer: the desired state, and what Cloudflare shows. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import field
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import checked_id

# What a response may hold of a transformer, in the order in which people read it.
_SHOWN = ("id", "name", "description", "dataset", "created_at", "updated_at")
_SHOWN_OF_JOB = ("id", "name", "object_type", "object_tag")
# All in bytes.
_LONGEST_NAME = 255
_LONGEST_DESCRIPTION = 4096
DOCUMENTED_SIZE = 10 * 1024  # of the SQL, by the documentation
_LARGEST_SIZE = 32 * 1024  # of the SQL, by the API reference

TRANSFORMER: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "id": {"type": "int"},
    "name": {"type": "str"},
    "code": {"type": "str"},
    "description": {"type": "str"},
    "preview_input": {"type": "dict"},
}


class DesiredTransformer(t.NamedTuple):
    """The desired state of a transformer; None is what the task does not set."""

    state: str
    id: int | None
    name: str | None
    code: str | None
    description: str | None
    preview_input: dict[str, t.Any] | None

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> DesiredTransformer:
        """Read a module's options, or raise ``InvalidInput``."""
        desired = cls(**{option: params[option] for option in TRANSFORMER})
        if desired.id is not None:
            checked_id(desired.id)
        if desired.name == "" or (desired.name is None and desired.id is None):
            # Ansible takes a null for a value.
            raise InvalidInput("name", "is empty; give the name of the transformer, or its id")
        _check_size("name", desired.name, _LONGEST_NAME)
        if desired.state == "present":
            _check_size("description", desired.description, _LONGEST_DESCRIPTION)
            _check_size("code", desired.code, _LARGEST_SIZE)
            if desired.code is not None and not desired.code.strip():
                raise InvalidInput("code", "is empty; give an SQL query")
        return desired

    def differences(self, actual: Transformer, code: str) -> dict[str, t.Any]:
        """Return what differs, by name; ``code`` is the actual SQL."""
        pairs = {
            "name": (self.name, self.name == actual.name),
            "description": (self.description, self.description == actual.description),
            # White space at the end means nothing in SQL, and the lookup of a file strips it.
            "code": (self.code, (self.code or "").rstrip() == code.rstrip()),
        }
        return {
            name: value for name, (value, same) in pairs.items() if value is not None and not same
        }


def _check_size(option: str, value: str | None, largest: int) -> None:
    if size_of(value or "") > largest:
        raise InvalidInput(
            option, f"has {size_of(value or '')} bytes; Cloudflare takes at most {largest}"
        )


def size_of(text: str) -> int:
    """Return the size of a text in bytes, as Cloudflare counts it."""
    return len(text.encode("utf-8", "replace"))


class Transformer:
    """A transformer as Cloudflare shows it, without its SQL.

    Any property but ``id`` may be missing.
    """

    def __init__(self, properties: dict[str, t.Any]) -> None:
        self.properties = properties

    @classmethod
    def of(cls, result: t.Any) -> Transformer | None:
        """Take an API's result for a transformer, or return None where it is none."""
        return cls(result) if field(result, "id", int) is not None else None

    @property
    def id(self) -> int:
        """The number that alone identifies a transformer."""
        number: int = self.properties["id"]
        return number

    @property
    def name(self) -> str:
        """The name; no source says that it is unique."""
        return field(self.properties, "name", str) or ""

    @property
    def description(self) -> str:
        """The description; empty where there is none."""
        return field(self.properties, "description", str) or ""

    @property
    def associated_jobs(self) -> list[dict[str, t.Any]]:
        """The jobs that use the transformer, each with ``id``, ``name`` and whose it is."""
        jobs = field(self.properties, "associated_jobs", list) or []
        return [
            {name: job.get(name) for name in _SHOWN_OF_JOB} for job in jobs if isinstance(job, dict)
        ]

    def describe(self) -> dict[str, t.Any]:
        """Return what modules return, without the SQL."""
        described = {name: self.properties.get(name) for name in _SHOWN}
        described["description"] = self.description
        return {**described, "associated_jobs": self.associated_jobs}
