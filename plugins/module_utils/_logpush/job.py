# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Logpush job: as Cloudflare shows it, and as a task describes it. Pure."""

from __future__ import annotations

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
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_health import (
    WITHOUT_TIME,
    HealthRules,
    is_healthy,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    RANGES,
    check_additional,
    check_combination,
    check_for_account,
    check_values,
    checked_id,
    is_integer,
    misspelled,
    parsed_filter,
    small_batch,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import clean_token
from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import is_sensitive_name

# The API's spelling is no name that a template could use.
CVE_KEY = "CVE-2021-44228"
CVE_OPTION = "cve_2021_44228"
# The option for what this collection does not know, in a job and in its output options.
ADDITIONAL = "additional_properties"
# When sensitive values that the API masks are sent.
ON_CHANGE = "on_change"
ALWAYS = "always"

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
    "filter_attack_traffic",
    "transformer_id",
)
_STATE = ("last_complete", "last_error", "error_message")
_SCOPES = ("zone_id", "account_id", "host", "challenge_file")


class Job:
    """A job's properties under the API's names; any but ``id`` may be missing."""

    def __init__(self, properties: dict[str, t.Any]) -> None:
        self.properties = properties

    @classmethod
    def of(cls, result: t.Any) -> Job | None:
        """Take an API's result for a job, or return None where it is none."""
        if not isinstance(result, dict) or not is_integer(result.get("id")):
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
    def additional_properties(self) -> dict[str, t.Any]:
        """The members that have no option, but for those that may be sensitive."""
        return _without_sensitive(
            {
                name: value
                for name, value in self.properties.items()
                if name not in JOB and name not in _STATE and value is not None
            }
        )

    def secrets(self) -> set[str]:
        """Return the secrets in the destination, if the API shows them."""
        return secrets_of(self.properties.get("destination_conf"))

    def describe(self, rules: HealthRules = WITHOUT_TIME) -> dict[str, t.Any]:
        """Return what modules return: no secret, and the names that the options have.

        Without a time in ``rules``, no job is stale.
        """
        destination = self.destination
        status = rules.status(self.properties)
        described = {name: self.properties.get(name) for name in _SHOWN}
        described["filter"] = parsed_filter(self.properties.get("filter"))
        described["output_options"] = as_options(self.output_options) or None
        described[ADDITIONAL] = self.additional_properties or None
        described["destination"] = destination.describe() if destination else None
        described["status"] = status
        described["healthy"] = is_healthy(status)
        described.update({name: self.properties.get(name) for name in _STATE})
        if isinstance(described["error_message"], str):
            # It may quote a destination that the job had before.
            described["error_message"] = without_secrets(described["error_message"])
        return described


def dataset_name(dataset: str) -> str:
    """Return a dataset's name, or raise ``InvalidInput`` where it cannot be one."""
    if not _DATASET.fullmatch(dataset):
        raise InvalidInput(
            "dataset", "must be a name such as http_requests: letters, digits, - and _"
        )
    return dataset


def with_option_names(output_options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return output options under the names that a task gives them."""
    return {CVE_OPTION if name == CVE_KEY else name: v for name, v in output_options.items()}


def as_options(output_options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return output options as a task sets them, but for those that may be sensitive."""
    named = with_option_names(output_options)
    options = {name: value for name, value in named.items() if name in OUTPUT_OPTIONS}
    more = {name: value for name, value in named.items() if name not in OUTPUT_OPTIONS}
    more = _without_sensitive(more)
    return {**options, **({ADDITIONAL: more} if more else {})}


def _without_sensitive(members: dict[str, t.Any]) -> dict[str, t.Any]:
    """Leave out unknown members with a text under a name such as ``api_key``, or such a URI."""
    return {name: value for name, value in members.items() if not _is_sensitive(name, value)}


def _is_sensitive(name: str, value: t.Any) -> bool:
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, each) for each in value]
        elif isinstance(value, str) and (
            is_sensitive_name(name) or ("://" in value and secrets_of(value))
        ):
            return True
    return False


def with_api_names(output_options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return output options under the names that the API gives them."""
    return {CVE_KEY if name == CVE_OPTION else name: v for name, v in output_options.items()}


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
    "stringify_object": {"type": "bool"},
    ADDITIONAL: {"type": "dict"},
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
    "filter_attack_traffic": {"type": "bool"},
    "transformer_id": {"type": "int"},
    ADDITIONAL: {"type": "dict"},
    "update_secrets": {"type": "str", "choices": [ON_CHANGE, ALWAYS], "default": ON_CHANGE},
}
# What is sent to the API as it was given.
_PLAIN = (
    "name",
    "dataset",
    "enabled",
    "kind",
    "filter",
    "logpull_options",
    "frequency",
    *RANGES,
    "filter_attack_traffic",
    "transformer_id",
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
            raise InvalidInput("name", "is empty; set the name of the job, or id")
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
        if params.get("account_id") is not None:
            check_for_account(desired.properties)
        return desired

    def warnings(self) -> list[str]:
        """Return what may be wrong, but is for the API to decide."""
        found = destination_warnings(self.destination) if self.destination else []
        small = small_batch(self.properties.get("max_upload_bytes", 0))
        found += [small] if small else []
        return found + misspelled({**self.properties, **self.properties.get("output_options", {})})


def _properties(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what the options set, under the API's names."""
    check_values(params)
    properties = {name: params[name] for name in _PLAIN if params[name] is not None}
    if "filter" in properties and parsed_filter(properties["filter"]) is None:
        # However emptiness is written, the API knows it as an empty text.
        properties["filter"] = ""
    given = params["output_options"] or {}
    options = {name: value for name, value in given.items() if value is not None}
    if "field_names" in options:
        # Of "a, b" Ansible makes "a" and " b".
        options["field_names"] = [each.strip() for each in options["field_names"]]
    more = options.pop(ADDITIONAL, {})
    own = {name: f"output_options.{name}" for name in OUTPUT_OPTIONS}
    own[CVE_KEY] = own[CVE_OPTION]
    check_additional(f"output_options.{ADDITIONAL}", more, own, ())
    options = {**with_api_names(options), **more}
    if options:
        properties["output_options"] = options
    more = params[ADDITIONAL] or {}
    check_additional(ADDITIONAL, more, {name: name for name in (*JOB, *_SCOPES)}, _STATE)
    return {**properties, **more}
