# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandboxes that answer otherwise than is believed of Cloudflare, for the test of the beliefs."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sandbox import (
    api,
    auth,
    challenge,
    datasets,
    gate,
    job_rules,
    job_store,
    jobs,
    ownership,
    views,
)
from sandbox.envelope import ApiError

from .conftest import Control

_JOB_DEFAULTS = {
    "frequency": "high",
    "max_upload_bytes": 5_000_000,
    "max_upload_records": 100_000,
    "max_upload_interval_seconds": 30,
    "logpull_options": "",
    "filter": "",
}
_EMPTY = {"success": True, "errors": [], "messages": [], "result": {}}
_GROUP = {"sum": {"uploads": 1}, "dimensions": {"jobId": 1, "status": 200}}
_GROUPS = {
    "data": {"viewer": {"zones": [{"logpushHealthAdaptiveGroups": [_GROUP], "settings": {}}]}},
    "errors": None,
}
_OPTION_DEFAULTS = {"output_type": "ndjson", "record_delimiter": "", "batch_prefix": ""}
Lie = Callable[[pytest.MonkeyPatch, Control], t.Any]
# By its name: how it is told, and the beliefs that it contradicts.
LIES: dict[str, tuple[Lie, set[str]]] = {}


@dataclass(frozen=True)
class _Function:
    """A function of the sandbox, and what it is replaced by."""

    module: t.Any
    name: str
    replace: Callable[[t.Any], t.Any]  # from the original one

    def __call__(self, patch: pytest.MonkeyPatch, _control: Control) -> None:
        patch.setattr(self.module, self.name, self.replace(getattr(self.module, self.name)))


def _lie(name: str, how: Lie, *contradicted: str) -> None:
    LIES[name] = (how, set(contradicted))


def _with_defaults(original: t.Any) -> t.Any:
    def shown(job: dict[str, t.Any]) -> dict[str, t.Any]:
        job = {**_JOB_DEFAULTS, **original(job)}
        if job.get("output_options"):
            job["output_options"] = {**_OPTION_DEFAULTS, **job["output_options"]}
        return job

    return shown


def _keeping_options(original: t.Any) -> t.Any:
    def changed(given: dict[str, t.Any], job: dict[str, t.Any]) -> dict[str, t.Any]:
        changes: dict[str, t.Any] = original(given, job)
        if "output_options" in changes:
            changes["output_options"] = {**job["output_options"], **changes["output_options"]}
        return changes

    return changed


def _resetting(original: t.Any) -> t.Any:
    kept = ("dataset", "kind", "name")

    def changed(given: dict[str, t.Any], job: dict[str, t.Any]) -> dict[str, t.Any]:
        defaults = {n: v for n, v in job_rules.defaults().items() if n not in kept}
        return {**defaults, **original(given, job)}

    return changed


def _refusing(status: int) -> Callable[[t.Any], t.Any]:
    def refuse(*_arguments: object) -> t.NoReturn:
        raise ApiError(status, 1002, "another text")

    return lambda _original: refuse


def _refusing_names(original: t.Any) -> t.Any:
    def add(jobs: t.Any, owner: t.Any, properties: dict[str, t.Any], limit: t.Any = None) -> t.Any:
        if any(job["name"] == properties["name"] for job in jobs.owned(owner)):
            raise ApiError(409, 1002, "the name is in use")
        return original(jobs, owner, properties, limit)

    return add


def _without_messages(body: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in body.items() if name != "messages"}


def _fault(path: str, **more: t.Any) -> Lie:
    entry = {"path": path, "times": -1, **more}
    return lambda _patch, control: control("POST", "faults", entry)


class _Either(str):
    """A scope that is the zone's as well as the account's."""

    __slots__ = ()

    def __ne__(self, _other: object) -> bool:
        return False

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = str.__hash__


def _always(value: t.Any) -> Callable[[t.Any], t.Any]:
    return lambda _original: lambda *_arguments, **_more: value


def _settings(**changes: str) -> Lie:
    return lambda _patch, control: control("PATCH", "settings", changes)


def _set(module: t.Any, name: str, value: t.Any) -> Lie:
    return lambda patch, _control: patch.setattr(module, name, value)


def _enter(mapping: t.Any, name: str, value: t.Any) -> Lie:
    return lambda patch, _control: patch.setitem(mapping, name, value)


# The first three are those that the modules rely on most: whether a job is in sync.
_lie(
    "defaults are filled in",
    _Function(job_rules, "shown", _with_defaults),
    *("unset_members_are_left_out", "empty_members_are_left_out"),
    *("output_options_are_shown_as_sent", "csv_defaults_are_not_filled_in"),
    *("an_unknown_output_option_is_dropped", "put_changes_only_what_is_named"),
    *("put_replaces_output_options", "an_empty_filter_removes_it"),
)
_lie(
    "a PUT keeps the old output_options",
    _Function(job_rules, "changed", _keeping_options),
    "put_replaces_output_options",
)
_lie(
    "the filter is left out",
    _settings(filter_in_answers="left_out"),
    *("a_filter_is_shown", "put_changes_only_what_is_named"),
)
_lie(
    "a PUT resets what it does not name",
    _Function(job_rules, "changed", _resetting),
    "put_changes_only_what_is_named",
)
_lie("secrets are masked", _settings(redaction="masked"), "a_destination_is_shown_whole")
_lie(
    "always-shown members are left out when empty",
    _set(job_rules, "_ALWAYS_SHOWN", {"id", "enabled"}),
    "some_members_are_always_shown",
)
_lie(
    "limits are not shown",
    _Function(job_rules, "shown", lambda shown: lambda job: shown({**job, "max_upload_bytes": 0})),
    *("members_are_shown_as_set", "put_changes_only_what_is_named"),
)
_lie(
    "a new job is enabled",
    _enter(job_rules._RULES, "enabled", job_rules.Rule("true", lambda _value: True, True)),
    "a_new_job_is_disabled",
)
_lie(
    "the dataset has another default",
    _enter(job_rules._RULES, "dataset", job_rules._text(256, "dns_logs", (None, ""))),
    *("a_job_requires_nothing_else", "put_of_another_dataset_is_refused", "a_filter_is_shown"),
    *("output_options_are_shown_as_sent", "csv_defaults_are_not_filled_in"),
    *("an_unknown_output_option_is_dropped", "put_changes_only_what_is_named"),
    "put_replaces_output_options",
)
_lie(
    "kind and dataset may be changed",
    _set(job_rules, "_FIXED", ()),
    *("put_of_another_kind_is_refused", "put_of_another_dataset_is_refused"),
)
_lie(
    "a list has one job",
    _Function(job_store.Jobs, "owned", lambda owned: lambda jobs, owner: owned(jobs, owner)[:1]),
    "the_list_of_jobs_is_one_page",
)
_lie(
    "an unknown job is refused otherwise",
    _Function(jobs, "_not_found", lambda _original: lambda: ApiError(400, 1002, "another text")),
    *("an_unknown_job_is_not_found", "a_deleted_job_is_not_found"),
)
_lie(
    "a misspelt output option is kept",
    _enter(job_rules._OPTION_RULES, "cve20214428", job_rules._flag()),
    "an_unknown_output_option_is_dropped",
)
_lie(
    "an unknown field is accepted",
    _Function(datasets, "is_unknown", _always(False)),
    "an_unknown_field_is_refused",
)
_lie(
    "an unknown operator is accepted",
    _Function(job_rules, "_check_operators", _always(None)),
    "an_unknown_filter_operator_is_refused",
)
_lie(
    "datasets are those of zones and accounts alike",
    _set(datasets, "SCOPES", dict.fromkeys(datasets.SCOPES, _Either())),
    *("an_account_dataset_is_refused_on_a_zone", "a_zone_dataset_is_refused_on_an_account"),
    "a_job_for_an_account_dataset_is_refused_on_a_zone",
)
_lie(
    "fields are a list",
    _Function(datasets, "fields", lambda fields: lambda dataset: list(fields(dataset))),
    "fields_map_names_to_descriptions",
)
_lie(
    "a challenge that cannot be written is an error",
    _Function(ownership, "_refused", _refusing(400)),
    "a_challenge_that_cannot_be_written_is_invalid",
)
_lie(
    "a destination that cannot be written is an error",
    _Function(jobs, "_unusable", _refusing(400)),
    "a_destination_that_cannot_be_written_is_invalid",
)
_lie(
    "no destination exists",
    _fault("validate/destination/exists$", result={"exists": False}),
    "a_destination_exists_once_a_job_has_it",
)
_lie(
    "no destination is valid",
    _fault("validate/destination$", result={"valid": False, "message": "another text"}),
    "a_destination_that_can_be_written_is_valid",
)
_lie(
    "an unknown dataset has no fields",
    _fault("datasets/edgeops", status=200, body=_EMPTY),
    "an_unknown_dataset_is_refused",
)
_lie(
    "transformers are an object",
    _fault("transformers$", status=200, body=_EMPTY),
    "transformers_are_a_list",
)
_lie(
    "a group of uploads has no final",
    _fault("graphql$", status=200, body=_GROUPS),
    *("uploads_are_groups_of_jobs_and_statuses", "an_unknown_field_of_a_query_is_an_error"),
    *("the_limits_of_uploads_are_settings", "a_query_above_the_limits_is_an_error"),
    "usage_is_billable_bytes_by_date",
)
_lie(
    "notifications are an object",
    _fault("policies$", status=200, body=_EMPTY),
    "notifications_are_a_list",
)
_lie(
    "a job needs no destination",
    _Function(
        views,
        "destination_in",
        lambda _old: lambda given: given.get("destination_conf", "https://logs.example/"),
    ),
    "a_job_requires_a_destination",
)
_lie(
    "a name may be used once",
    _Function(job_store.Jobs, "add", _refusing_names),
    "names_and_destinations_may_be_shared",
)
_lie(
    "an error has no messages",
    _Function(api, "failure", lambda fail: lambda errors: _without_messages(fail(errors))),
    "responses_have_an_envelope",
)
_lie(
    "any token is accepted",
    _Function(challenge.Issuer, "accepts", _always(True)),
    *("a_wrong_token_does_not_validate", "a_job_in_a_bucket_requires_a_token"),
    *("a_token_of_another_destination_is_refused", "another_destination_requires_another_token"),
)
_lie(
    "no token is accepted",
    _Function(challenge.Issuer, "accepts", _always(False)),
    *("a_new_token_validates", "a_token_is_never_shown"),
    "another_destination_requires_another_token",
)
_lie(
    "a wrong token is refused otherwise",
    _Function(views, "incorrect_challenge", lambda _old: lambda: ApiError(400, 1002, "wrong")),
    *("a_wrong_token_does_not_validate", "a_job_in_a_bucket_requires_a_token"),
    *("a_token_of_another_destination_is_refused", "another_destination_requires_another_token"),
)
_lie(
    "a token expires after a day",
    _set(challenge, "LIFETIME", 86_400),
    "a_challenge_file_holds_a_token_of_seven_days",
)
_lie(
    "a challenge file has another name",
    _Function(ownership, "_file_name", _always("challenge.txt")),
    "a_challenge_writes_a_text_file",
)
_lie(
    "the token is shown",
    _Function(
        job_rules, "shown", lambda shown: lambda job: {**shown(job), "ownership_challenge": ""}
    ),
    "a_token_is_never_shown",
)
_lie("there is no cf-ray", _Function(gate, "headers", _always({})), "responses_have_a_ray_id")
_lie(
    "there is no rate limit",
    lambda _patch, control: control("PUT", "rate_policy", {"quota": None}),
    "responses_have_rate_limit_headers",
)
_lie(
    "any API token is accepted",
    _Function(auth.Credentials, "check", _always(None)),
    "a_wrong_api_token_is_refused",
)
