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
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.named import (
    NamedResources,
    result_of,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.transformer import (
    DOCUMENTED_SIZE,
    DesiredTransformer,
    Transformer,
    TransformerApi,
    is_in_use,
    size_of,
)

NOUN = "transformer"

Result = dict[str, t.Any]


def reconcile_transformer(params: t.Mapping[str, t.Any], api: TransformerApi) -> Result:
    """Bring one transformer into the desired state, and return what a module returns."""
    desired = DesiredTransformer.of(params)
    resources = NamedResources(
        NOUN,
        api.scope,
        read=api.transformers,
        get=api.transformer,
        differences=lambda each: desired.differences(each, api.code(each.id)),
    )
    found = api.transformers()
    actual = _find(desired, resources, found)
    if desired.state == "absent":
        return _remove(actual, api, resources)
    return _Writer(desired, api, resources, actual, frozenset(each.id for each in found)).apply()


class _Writer:
    """Creates or updates one transformer; ``known_ids`` are those that the account has already."""

    def __init__(
        self,
        desired: DesiredTransformer,
        api: TransformerApi,
        resources: NamedResources[Transformer],
        actual: Transformer | None,
        known_ids: frozenset[int],
    ) -> None:
        self._desired = desired
        self._api = api
        self._resources = resources
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
        self._result[NOUN] = {**written.describe(), "code": self._planned_code}
        if self._actual is None:
            values = {key: self._result[key] for key in ("changed", "action", "changes", NOUN)}
            self._resources.verify_unique(written.id, self._desired.name, values)
        return self._result

    @property
    def _planned_code(self) -> str:
        return str(self._body.get("code", self._code))

    def _creation(self) -> dict[str, t.Any]:
        desired = self._desired
        if desired.code is None:
            raise InvalidInput(
                "code",
                f"is required to create a transformer, and {self._api.scope} has no "
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
        result = result_of(NOUN, action, {**shown, "code": self._planned_code}, changes)
        if action != "none":
            before = {**actual.describe(), "code": self._code} if actual else {}
            result["diff"] = _diff(self._api, before, result[NOUN])
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
            return self._resources.written_after(
                error,
                self._result,
                name=self._desired.name,
                updated=self._actual and self._actual.id,
                known=self._known_ids,
            )


def _remove(
    actual: Transformer | None, api: TransformerApi, resources: NamedResources[Transformer]
) -> Result:
    if actual is None:
        return result_of(NOUN, "none", None)
    _check_unused(actual)
    shown = {**actual.describe(), "code": api.code(actual.id)}
    result = result_of(NOUN, "deleted", shown)
    result["diff"] = _diff(api, shown, {})
    if api.check_mode:
        return result
    try:
        api.delete(actual.id)
    except RequestError as error:
        if isinstance(error, ApiError) and is_in_use(error):
            # A job has been given it in the meantime.
            _check_unused(api.transformer(actual.id) or actual)
        resources.check_removed(error, actual.id, result)
    return result


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
    desired: DesiredTransformer,
    resources: NamedResources[Transformer],
    found: t.Sequence[Transformer],
) -> Transformer | None:
    if desired.id is None:
        return resources.find_by_name(desired.name, found)
    actual = next((each for each in found if each.id == desired.id), None)
    if actual is None and desired.state == "present":
        raise resources.unknown_id(desired.id)
    if actual and desired.state == "absent":
        resources.check_removable(actual, desired.name)
    return actual


def _diff(
    api: TransformerApi, before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]
) -> list[dict[str, t.Any]]:
    """Return what Ansible shows: name and description, and the SQL as a text; only what differs."""
    label = api.scope.diff_header("transformer", (before or after)["name"])
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
