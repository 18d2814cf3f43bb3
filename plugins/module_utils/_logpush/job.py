# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Logpush job as Cloudflare shows it: what is in it, and whether it is well. Pure."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

# The API's spelling is no name that a template could use.
CVE_KEY = "CVE-2021-44228"
CVE_OPTION = "cve_2021_44228"

_DEEPEST = 100
_SEPARATORS = re.compile(r"[?&=#\s]")
_DATASET = re.compile(r"[A-Za-z0-9_-]{1,128}")

# In the order in which people read them; each may be missing from an answer.
_SHOWN = (
    "id",
    "name",
    "dataset",
    "kind",
    "enabled",
    "frequency",
    "logpull_options",
    "max_upload_bytes",
    "max_upload_interval_seconds",
    "max_upload_records",
)
_STATE = ("last_complete", "last_error", "error_message")


class Job:
    """A job's properties under the API's names; any but ``id`` may be missing."""

    def __init__(self, properties: dict[str, t.Any]) -> None:
        self.properties = properties

    @classmethod
    def of(cls, result: t.Any) -> Job | None:
        """Take an API's result for a job, or return None where it is none."""
        if not isinstance(result, dict) or not _is_number(result.get("id")):
            return None
        return cls(result)

    @property
    def id(self) -> int:
        """The number that alone identifies a job."""
        number: int = self.properties["id"]
        return number

    @property
    def name(self) -> str:
        """The name, which need not be unique; empty where there is none."""
        return self.properties.get("name") or ""

    @property
    def dataset(self) -> str | None:
        """The dataset, if the API says it."""
        return self.properties.get("dataset")

    @property
    def destination(self) -> Destination | None:
        """The destination, if the API shows one that can be read."""
        try:
            return Destination.parse(self.properties.get("destination_conf") or "")
        except (InvalidInput, TypeError):
            return None

    @property
    def output_options(self) -> dict[str, t.Any]:
        """The output options under the API's names, those left out that are null."""
        options = self.properties.get("output_options")
        if not isinstance(options, dict):
            return {}
        return {name: value for name, value in options.items() if value is not None}

    @property
    def healthy(self) -> bool | None:
        """False where pushing fails; None where nothing was pushed, so that nobody knows."""
        if self.properties.get("error_message") or self.properties.get("last_error"):
            return False
        if not self.properties.get("enabled") or not self.properties.get("last_complete"):
            return None
        return True

    def secrets(self) -> set[str]:
        """Return the secrets in the destination, if the API shows them."""
        destination = self.destination
        if destination:
            return destination.secrets()
        # It cannot be told which of it is secret.
        shown = str(self.properties.get("destination_conf") or "")
        return {shown, *_SEPARATORS.split(shown)} - {""}

    def describe(self) -> dict[str, t.Any]:
        """Return what modules return: no secret, and the names that the options have."""
        destination = self.destination
        described = {name: self.properties.get(name) for name in _SHOWN}
        described["filter"] = parsed_filter(self.properties.get("filter"))
        described["output_options"] = with_option_names(self.output_options) or None
        described["destination"] = destination.describe() if destination else None
        described["healthy"] = self.healthy
        described.update({name: self.properties.get(name) for name in _STATE})
        if isinstance(described["error_message"], str):
            # It may quote a destination that the job had before.
            described["error_message"] = without_secrets(described["error_message"])
        return described


def checked_id(job_id: t.Any) -> int:
    """Return a job's id, or raise ``InvalidInput`` where it cannot be one."""
    if not _is_number(job_id) or job_id < 1:
        raise InvalidInput("id", "has to be 1 or more")
    return t.cast(int, job_id)


def _is_number(value: t.Any) -> bool:
    """Tell an integer from all else; to Python, true and false are integers."""
    return isinstance(value, int) and not isinstance(value, bool)


def dataset_name(dataset: str) -> str:
    """Return a dataset's name, or raise ``InvalidInput`` where it cannot be one."""
    if not _DATASET.fullmatch(dataset):
        raise InvalidInput(
            "dataset", "has to be a name such as http_requests: letters, digits, - and _"
        )
    return dataset


def parsed_filter(text: t.Any) -> t.Any:
    """Return a filter's content, or what was given where it is no JSON; None for an empty one."""
    if not isinstance(text, str):
        return text or None
    try:
        return load_json(text) or None
    except ValueError:
        return text or None


def load_json(text: str) -> t.Any:
    """Return what a JSON text says, or raise ``ValueError``.

    Unlike Python's own, it takes neither NaN nor what is nested too deep to be written again.
    """
    depth = 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is no JSON")


def with_option_names(output_options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return output options under the names that a task gives them."""
    return {CVE_OPTION if name == CVE_KEY else name: v for name, v in output_options.items()}


def with_api_names(output_options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return output options under the names that the API gives them."""
    return {CVE_KEY if name == CVE_OPTION else name: v for name, v in output_options.items()}
