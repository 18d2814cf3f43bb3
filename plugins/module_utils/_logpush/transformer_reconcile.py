# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile one transformer: plan, preview, write, verify."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    InvalidInput,
    RequestError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.lost_response import (
    look_for,
    lost_error,
    may_be_applied,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.plan import where
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.transformer import (
    DOCUMENTED_SIZE,
    DesiredTransformer,
    Transformer,
    TransformerApi,
    is_in_use,
    size_of,
)

_RUN_AGAIN = (
    "The request may still be in progress, so wait before rerunning the task, which looks for the "
    "transformer first"
)

Result = dict[str, t.Any]


def reconcile_transformer(params: t.Mapping[str, t.Any], api: TransformerApi) -> Result:
    """Bring one transformer into the desired state, and return what a module returns."""
    desired = DesiredTransformer.of(params)
    found = api.transformers()
    actual = _find(desired, api, found)
    if desired.state == "absent":
        return _remove(actual, api)
    known_ids = frozenset(each.id for each in found)
    return _Writer(desired, api, actual, known_ids).apply()


class _Writer:
    """Creates or updates one transformer; ``known_ids`` are those that the account has already."""

    def __init__(
        self,
        desired: DesiredTransformer,
        api: TransformerApi,
        actual: Transformer | None,
        known_ids: frozenset[int],
    ) -> None:
        self._desired = desired
        self._api = api
        self._actual = actual
        self._known_ids = known_ids
        self._code = api.code(actual.id) if actual else ""
        self._body = self._update(actual) if actual else self._creation()
        self._result = self._planned()

    def apply(self) -> Result:
        """Preview, write and return the result. Raise ``CloudflareError`` where it fails."""
        self._preview()
        if not self._body or self._api.check_mode:
            return self._result
        try:
            written = self._send()
        except CloudflareError as error:
            for name in {"changes", "preview"} & self._result.keys():
                error.values.setdefault(name, self._result[name])
            raise
        self._result["transformer"] = {**written.describe(), "code": self._planned_code}
        if self._actual is None:
            self._verify_unique(written)
        return self._result

    @property
    def _planned_code(self) -> str:
        return str(self._body.get("code", self._code))

    def _creation(self) -> dict[str, t.Any]:
        desired = self._desired
        if desired.code is None:
            raise InvalidInput(
                "code",
                f"is required to create a transformer, and {where(self._api.scope)} has no "
                f"transformer '{desired.name}'",
            )
        body = {"name": desired.name, "code": desired.code}
        return {**body, "description": desired.description} if desired.description else body

    def _update(self, actual: Transformer) -> dict[str, t.Any]:
        """Return what to send; empty where nothing differs."""
        differences = self._desired.differences(actual, self._code)
        if not differences:
            return {}
        # The name is required. A description that is left out is cleared.
        properties = {"name": actual.name, "description": actual.description, **differences}
        return {name: value for name, value in properties.items() if value or name == "name"}

    def _planned(self) -> Result:
        actual, desired = self._actual, self._desired
        shown = actual.describe() if actual else Transformer({}).describe()
        changes: list[str] = []
        if self._body:
            names = desired.differences(actual, self._code) if actual else self._body
            changes = sorted(names)
            description = self._body.get("description", "")
            shown = {**shown, "name": self._body["name"], "description": description}
        if "code" in changes:
            # Cloudflare derives it from the SQL.
            shown["dataset"] = None
        action = "none" if not self._body else "updated" if actual else "created"
        result = _result(action, {**shown, "code": self._planned_code}, changes)
        if action != "none":
            before = {**actual.describe(), "code": self._code} if actual else {}
            result["diff"] = _diff(self._api, before, result["transformer"])
        size = size_of(self._planned_code)
        if "code" in changes and size > DOCUMENTED_SIZE:
            result["warnings"].append(
                f"code has {size} bytes; Cloudflare documents a limit of {DOCUMENTED_SIZE}"
            )
        return result

    def _preview(self) -> None:
        if self._desired.preview_input is not None:
            record = self._desired.preview_input
            self._result["preview"] = self._api.preview(self._planned_code, record)

    def _send(self) -> Transformer:
        try:
            if self._actual is None:
                return t.cast(Transformer, self._api.create(self._body))
            return t.cast(Transformer, self._api.update(self._actual.id, self._body))
        except RequestError as error:
            if not may_be_applied(error):
                raise
            found = self._find_after(error)
            self._result["response_lost"] = True
            self._result["warnings"].append(
                f"{error.message}, but it was applied: transformer {found.id} is in the desired "
                "state"
            )
            return found

    def _find_after(self, lost: RequestError) -> Transformer:
        """Return the transformer after a lost response, or raise unless it is as desired."""
        actual = self._actual
        if actual is not None:
            found = look_for(lost, lambda: self._if_as_desired(actual.id), _RUN_AGAIN)
            if found is None:
                raise lost_error(
                    lost, f"transformer {actual.id} is not in the desired state. {_RUN_AGAIN}"
                )
            return found
        created = look_for(lost, self._new_ones, _RUN_AGAIN) or []
        ids = [each.id for each in created]
        if len(ids) != 1:
            raise lost_error(lost, _what_became(ids), ids=ids)
        names = sorted(self._desired.differences(created[0], self._api.code(ids[0])))
        if names:
            raise lost_error(
                lost,
                f"afterwards there was a new transformer of that name, {ids[0]}, but it differs in "
                f"{', '.join(names)}, so something else may have created it",
                ids=ids,
            )
        return created[0]

    def _if_as_desired(self, transformer_id: int) -> Transformer | None:
        found = self._api.transformer(transformer_id)
        if found is None or self._desired.differences(found, self._api.code(transformer_id)):
            return None
        return found

    def _new_ones(self) -> list[Transformer]:
        name = self._desired.name
        found = self._api.transformers()
        return [each for each in found if each.id not in self._known_ids and each.name == name]

    def _verify_unique(self, created: Transformer) -> None:
        """List the transformers again: another run may have created the same one."""
        name = self._desired.name
        values = {key: self._result[key] for key in ("changed", "action", "changes", "transformer")}
        try:
            ids = sorted(each.id for each in self._api.transformers() if each.name == name)
        except CloudflareError as error:
            raise CloudflareError(
                f"transformer {created.id} was created, but whether it is the only one named "
                f"'{name}' could not be verified: {error.message}. Rerun the task",
                {**error.values, **values},
            ) from error
        others = [str(each) for each in ids if each != created.id]
        if others:
            raise CloudflareError(
                f"{len(ids)} transformers in {where(self._api.scope)} are named '{name}' (ids: "
                f"{', '.join(map(str, ids))}): this task created transformer {created.id}, and "
                f"something else, such as an overlapping run, created {', '.join(others)}. Remove "
                "all but one (state: absent with its id), and do not let runs for the same account "
                "overlap",
                {**values, "ids": ids},
            )


def _remove(actual: Transformer | None, api: TransformerApi) -> Result:
    if actual is None:
        return _result("none", None)
    _check_unused(actual)
    shown = {**actual.describe(), "code": api.code(actual.id)}
    result = _result("deleted", shown)
    result["diff"] = _diff(api, shown, {})
    if api.check_mode:
        return result
    try:
        api.delete(actual.id)
    except ApiError as error:
        if is_in_use(error):
            # A job has been given it in the meantime.
            _check_unused(api.transformer(actual.id) or actual)
        _find_removed(error, actual.id, api, result)
    except RequestError as error:
        _find_removed(error, actual.id, api, result)
    return result


def _find_removed(
    error: RequestError, transformer_id: int, api: TransformerApi, result: Result
) -> None:
    """Note in the result that a removal was applied though its response was lost, or raise."""
    if not may_be_applied(error):
        raise error
    if not look_for(error, lambda: api.transformer(transformer_id) is None, _RUN_AGAIN):
        raise lost_error(error, f"transformer {transformer_id} still exists. {_RUN_AGAIN}")
    result["response_lost"] = True
    result["warnings"].append(f"{error.message}, but transformer {transformer_id} is gone")


def _check_unused(transformer: Transformer) -> None:
    """Raise where jobs use the transformer: Cloudflare would refuse to delete it."""
    jobs = transformer.associated_jobs
    if jobs:
        named = ", ".join(map(_job_in_words, jobs))
        raise CloudflareError(
            f"transformer {transformer.id} ('{transformer.name}') is used by {len(jobs)} "
            f"{'job' if len(jobs) == 1 else 'jobs'}: {named}. Detach it from them first; it was "
            "not removed",
            {"associated_jobs": jobs},
        )


def _job_in_words(job: t.Mapping[str, t.Any]) -> str:
    name = f" ('{job['name']}')" if job["name"] else ""
    owner = f" of {job['object_type']} {job['object_tag']}" if job["object_tag"] else ""
    return f"job {job['id']}{name}{owner}"


def _find(
    desired: DesiredTransformer, api: TransformerApi, found: t.Sequence[Transformer]
) -> Transformer | None:
    if desired.id is None:
        return _find_by_name(desired, api, found)
    actual = next((each for each in found if each.id == desired.id), None)
    if actual is None and desired.state == "present":
        raise InvalidInput(
            "id",
            f"there is no transformer {desired.id} in {where(api.scope)}; Cloudflare assigns the "
            "id of a new transformer, so omit id and set name",
        )
    if actual and desired.state == "absent" and desired.name not in (None, actual.name):
        raise InvalidInput(
            "name", f"transformer {actual.id} has '{actual.name}'; it was not removed"
        )
    return actual


def _find_by_name(
    desired: DesiredTransformer, api: TransformerApi, found: t.Sequence[Transformer]
) -> Transformer | None:
    named = [each for each in found if each.name == desired.name]
    if len(named) > 1:
        ids = [each.id for each in named]
        raise CloudflareError(
            f"name: {len(named)} transformers in {where(api.scope)} have the name '{desired.name}' "
            f"(ids: {', '.join(map(str, ids))}); set id to the intended one",
            {"ids": ids},
        )
    return named[0] if named else None


def _what_became(ids: t.Sequence[int]) -> str:
    """Return what a lost creation came to, where there is not exactly one new transformer."""
    if not ids:
        return (
            "the transformer was not found afterwards, so it seems not to have been created. "
            f"{_RUN_AGAIN}"
        )
    return (
        f"afterwards there were {len(ids)} new transformers of that name (ids: "
        f"{', '.join(map(str, ids))}); remove all but one"
    )


def _result(
    action: str, transformer: dict[str, t.Any] | None, changes: t.Sequence[str] = ()
) -> Result:
    return {
        "changed": action != "none",
        "action": action,
        "changes": list(changes),
        "transformer": transformer,
        "response_lost": False,
        "warnings": [],
    }


def _diff(
    api: TransformerApi, before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]
) -> list[dict[str, t.Any]]:
    """Return what Ansible shows: name and description, and the SQL as a text; only what differs."""
    label = f"{where(api.scope)}: transformer '{(before or after)['name']}'"
    pairs = [
        (label, _properties(before), _properties(after)),
        (f"{label}, code", _text(before), _text(after)),
    ]
    return [
        {"before": old, "after": new, "before_header": header, "after_header": header}
        for header, old, new in pairs
        if old != new
    ]


def _properties(shown: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: shown[name] for name in ("name", "description") if shown.get(name)}


def _text(shown: t.Mapping[str, t.Any]) -> str:
    code = str(shown.get("code", "")).rstrip()
    return f"{code}\n" if code else ""
