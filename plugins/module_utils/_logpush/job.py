# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Logpush job as Cloudflare shows it: what is in it, and whether it is well. Pure."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
    secrets_of,
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
    destination_warnings,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import clean_token

# The API's spelling is no name that a template could use.
CVE_KEY = "CVE-2021-44228"
CVE_OPTION = "cve_2021_44228"
# When sensitive values that the API masks are sent.
ON_CHANGE = "on_change"
ALWAYS = "always"

_DEEPEST = 100
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
        return secrets_of(self.properties.get("destination_conf"))

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


_LONGEST_NAME = 512
_LONGEST_LOGPULL_OPTIONS = 4096
# Each may also be zero, which stands for no limit.
_RANGES = {
    # Cloudflare's own example for IBM Cloud Logs is below the minimum of its schema.
    "max_upload_bytes": (1, 1_000_000_000),
    "max_upload_interval_seconds": (30, 300),
    "max_upload_records": (1_000, 1_000_000),
}
_USUAL_LEAST_BYTES = 5_000_000
_NOT_WITH_EDGE = ("max_upload_bytes", "max_upload_records")
_MERGING_DATASET = "http_requests"

OUTPUT_OPTIONS: dict[str, dict[str, t.Any]] = {
    "field_names": {"type": "list", "elements": "str"},
    "output_type": {"type": "str"},
    "timestamp_format": {"type": "str"},
    "sample_rate": {"type": "float"},
    CVE_OPTION: {"type": "bool"},
    "merge_subrequests": {"type": "bool"},
    "batch_prefix": {"type": "str"},
    "batch_suffix": {"type": "str"},
    "record_prefix": {"type": "str"},
    "record_suffix": {"type": "str"},
    "record_template": {"type": "str"},
    "record_delimiter": {"type": "str"},
    "field_delimiter": {"type": "str"},
}

API_NAMES = {"output_options": {CVE_KEY: CVE_OPTION}}

JOB: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "id": {"type": "int"},
    "name": {"type": "str"},
    "dataset": {"type": "str"},
    "destination_conf": {"type": "str", "no_log": True},
    "ownership_challenge": {"type": "str", "no_log": True},
    "prove_ownership": {"type": "bool"},
    "enabled": {"type": "bool"},
    "kind": {"type": "str"},
    "filter": {"type": "json"},
    "output_options": {"type": "dict", "options": OUTPUT_OPTIONS},
    "logpull_options": {"type": "str"},
    "frequency": {"type": "str"},
    "max_upload_bytes": {"type": "int"},
    "max_upload_interval_seconds": {"type": "int"},
    "max_upload_records": {"type": "int"},
    "update_secrets": {"type": "str", "choices": [ON_CHANGE, ALWAYS], "default": ON_CHANGE},
}
# What is told to the API as it was given.
_PLAIN = (
    "name",
    "dataset",
    "enabled",
    "kind",
    "filter",
    "logpull_options",
    "frequency",
    *_RANGES,
)


class DesiredJob(t.NamedTuple):
    """The desired state of a job: only what the task sets is in ``properties``.

    ``properties`` has the API's names and values, without the destination and the token;
    ``output_options`` in it has only what is set.
    """

    state: str
    id: int | None
    name: str | None
    dataset: str | None
    destination: Destination | None
    token: str | None
    properties: dict[str, t.Any]
    update_secrets: str
    # None: as is set for all jobs of a list.
    prove_ownership: bool | None = True

    @classmethod
    def removal_of(cls, job: Job) -> DesiredJob:
        """Return what removes a job, whatever it is."""
        return cls("absent", job.id, job.name, job.dataset, None, None, {}, ON_CHANGE)

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> DesiredJob:
        """Read a module's options, or raise ``InvalidInput``."""
        name, dataset = params["name"], params["dataset"]
        job_id = None if params["id"] is None else checked_id(params["id"])
        if not name and job_id is None:
            # Ansible takes a null for a value.
            raise InvalidInput("name", "is empty; give the name of the job, or its id")
        conf, token = params["destination_conf"], params["ownership_challenge"]
        if params["state"] == "absent":
            # They do not matter for what is to go, whatever is wrong with them.
            conf = token = None
        desired = cls(
            state=params["state"],
            id=job_id,
            name=name,
            dataset=None if dataset is None else dataset_name(dataset),
            destination=None if conf is None else checked_destination(conf),
            token=None if token is None else clean_token(token),
            properties=_properties(params),
            update_secrets=params["update_secrets"],
            prove_ownership=params["prove_ownership"],
        )
        check_combination(desired.properties, dataset=dataset, kind=params["kind"])
        return desired

    def warnings(self) -> list[str]:
        """Return what may be wrong, but is for the API to decide."""
        found = destination_warnings(self.destination) if self.destination else []
        size = self.properties.get("max_upload_bytes", 0)
        if 0 < size < _USUAL_LEAST_BYTES:
            found.append(
                f"max_upload_bytes is {size}; Cloudflare documents a minimum of "
                f"{_USUAL_LEAST_BYTES} for most destinations"
            )
        return found


def check_combination(
    properties: t.Mapping[str, t.Any], *, dataset: str | None, kind: str | None
) -> None:
    """Raise ``InvalidInput`` for what such a dataset or kind of job does not take."""
    merging = properties.get("output_options", {}).get("merge_subrequests")
    if merging and dataset not in (None, _MERGING_DATASET):
        raise InvalidInput(
            "output_options.merge_subrequests", f"is for {_MERGING_DATASET} only, not for {dataset}"
        )
    given = [name for name in _NOT_WITH_EDGE if name in properties]
    if kind == "edge" and given:
        raise InvalidInput(given[0], "cannot be set for a job of the kind edge")


def _properties(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what the options set, under the API's names."""
    _check_length("name", params["name"], _LONGEST_NAME)
    _check_length("logpull_options", params["logpull_options"], _LONGEST_LOGPULL_OPTIONS)
    for option in _RANGES:
        _check_range(option, params[option])
    _check_query_string("logpull_options", params["logpull_options"])
    _check_filter(params["filter"])
    properties = {name: params[name] for name in _PLAIN if params[name] is not None}
    if "filter" in properties and parsed_filter(properties["filter"]) is None:
        # However emptiness is written, the API knows it as an empty text.
        properties["filter"] = ""
    given = params["output_options"] or {}
    options = {name: value for name, value in given.items() if value is not None}
    _check_sample_rate(options.get("sample_rate"))
    if options:
        properties["output_options"] = with_api_names(options)
    return properties


def _check_length(option: str, value: str | None, longest: int) -> None:
    if value is not None and len(value) > longest:
        raise InvalidInput(
            option, f"has {len(value)} characters; Cloudflare takes at most {longest}"
        )


def _check_query_string(option: str, value: str | None) -> None:
    # Ansible makes a text of a dictionary or a list.
    if value and value.lstrip()[:1] in ("{", "["):
        raise InvalidInput(
            option,
            "must be a query string, neither JSON nor a dictionary; write for example "
            "fields=RayID,ClientIP&timestamps=rfc3339, or set output_options instead",
        )


def _check_range(option: str, value: int | None) -> None:
    least, most = _RANGES[option]
    # Ansible lets true and false through as integers.
    if isinstance(value, bool) or (value and not least <= value <= most):
        raise InvalidInput(option, f"has to be 0 or from {least} to {most}, and is {value}")


def _check_sample_rate(value: float | None) -> None:
    # Written so that NaN, which compares with nothing, is refused too.
    if value is not None and not 0 < value <= 1:
        raise InvalidInput(
            "output_options.sample_rate", f"has to be above 0 and at most 1: {value}"
        )


def _check_filter(text: str | None) -> None:
    if not text:
        return
    try:
        content = load_json(text)
    except ValueError as error:
        raise InvalidInput("filter", f"is no JSON: {error}") from error
    if not isinstance(content, dict) or (content and "where" not in content):
        raise InvalidInput("filter", 'has to be an object with "where" in it')
