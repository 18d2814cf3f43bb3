# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile one notification: plan, write, verify."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    RequestError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.named import (
    NamedResources,
    result_of,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.notification import (
    ALERT_TYPE,
    NEW,
    DesiredNotification,
    Notification,
    NotificationApi,
)

_NOT_FOUND = 404
NOUN = "notification"
_RECIPIENTS = ("emails", "webhook_ids", "pagerduty_ids")

Result = dict[str, t.Any]


def reconcile_notification(params: t.Mapping[str, t.Any], api: NotificationApi) -> Result:
    """Bring one notification into the desired state, and return what a module returns."""
    desired = DesiredNotification.of(params)
    resources = NamedResources(
        NOUN,
        api.scope,
        read=lambda: _of_the_type(api.notifications()),
        get=lambda identifier: _by_id(api.notifications(), identifier),
        differences=desired.differences,
    )
    found = api.notifications()
    actual = _find(desired, resources, found)
    if desired.state == "absent":
        return _remove(actual, api, resources)
    return _Writer(desired, api, resources, actual, frozenset(each.id for each in found)).apply()


class _Writer:
    """Creates or updates one notification; ``known_ids`` are those that the account has already."""

    def __init__(
        self,
        desired: DesiredNotification,
        api: NotificationApi,
        resources: NamedResources[Notification],
        actual: Notification | None,
        known_ids: frozenset[str],
    ) -> None:
        self._desired = desired
        self._api = api
        self._resources = resources
        self._actual = actual
        self._known_ids = known_ids
        changes = desired.differences(actual or NEW)
        self._planned = (actual or NEW).updated(changes)
        self._changes = sorted(changes)
        self._check_recipients()

    def apply(self) -> Result:
        """Write and return the result. Raise ``CloudflareError`` where it fails."""
        created = self._actual is None
        action = "created" if created else "updated" if self._changes else "none"
        result = result_of(NOUN, action, self._planned.describe(), self._changes)
        if action == "none":
            return result
        result["diff"] = _diff(self._api, self._actual, self._planned)
        if self._api.check_mode:
            return result
        try:
            identifier = self._send(result)
        except CloudflareError as error:
            error.values.setdefault("changes", self._changes)
            raise
        result[NOUN]["id"] = identifier
        if created:
            # As Cloudflare shows it, with its times.
            shown = result[NOUN]
            values = {key: result[key] for key in ("changed", "action", "changes", NOUN)}
            self._resources.verify_unique(
                identifier,
                self._desired.name,
                values,
                lambda created: shown.update(created.describe()),
            )
        return result

    def _check_recipients(self) -> None:
        """Raise where the notification would have no recipient."""
        is_concerned = self._actual is None or set(_RECIPIENTS) & set(self._changes)
        if is_concerned and not self._planned.has_recipients:
            raise InvalidInput(
                "emails",
                f"the notification '{self._planned.name}' would have no recipient; set emails, "
                "webhook_ids or pagerduty_ids",
            )

    def _send(self, result: Result) -> str:
        """Write, and return the id of the notification."""
        try:
            if self._actual is None:
                return t.cast(str, self._api.create(self._planned))
            self._api.update(self._planned)
        except RequestError as error:
            return self._resources.written_after(
                error,
                result,
                name=self._desired.name,
                updated=self._actual and self._actual.id,
                known=self._known_ids,
            ).id
        return self._planned.id


def _remove(
    actual: Notification | None, api: NotificationApi, resources: NamedResources[Notification]
) -> Result:
    if actual is None:
        return result_of(NOUN, "none", None)
    result = result_of(NOUN, "deleted", actual.describe())
    result["diff"] = _diff(api, actual, None)
    if api.check_mode:
        return result
    try:
        api.delete(actual.id)
    except RequestError as error:
        unknown = error.status == _NOT_FOUND
        resources.check_removed(error, actual.id, result, unknown=unknown)
    return result


def _of_the_type(found: t.Iterable[Notification]) -> list[Notification]:
    return [each for each in found if each.alert_type == ALERT_TYPE]


def _by_id(found: t.Iterable[Notification], identifier: str) -> Notification | None:
    return next((each for each in found if each.has_id(identifier)), None)


def _find(
    desired: DesiredNotification,
    resources: NamedResources[Notification],
    found: t.Sequence[Notification],
) -> Notification | None:
    if desired.id is None:
        return resources.find_by_name(desired.name, _of_the_type(found))
    actual = _by_id(found, desired.id)
    if actual is None:
        if desired.state == "absent":
            return None
        raise resources.unknown_id(desired.id)
    if actual.alert_type != ALERT_TYPE:
        raise InvalidInput(
            "id", f"notification {actual.id} is of another type, {actual.alert_type}"
        )
    if desired.state == "absent":
        resources.check_removable(actual, desired.name)
    return actual


def _diff(
    api: NotificationApi, before: Notification | None, after: Notification | None
) -> dict[str, t.Any]:
    """Return what Ansible shows."""
    old, new = _shown(before), _shown(after)
    header = api.scope.diff_header("notification", (old or new)["name"])
    return {"before": old, "after": new, "before_header": header, "after_header": header}


def _shown(notification: Notification | None) -> dict[str, t.Any]:
    if notification is None:
        return {}
    described = notification.describe()
    hidden = ("id", "created", "modified")
    return {name: value for name, value in described.items() if name not in hidden}
