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
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.lost_response import (
    look_for,
    lost_error,
    may_be_applied,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.notification import (
    ALERT_TYPE,
    NEW,
    DesiredNotification,
    Notification,
    NotificationApi,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.plan import where

_RUN_AGAIN = (
    "The request may still be in progress, so wait before rerunning the task, which looks for the "
    "notification first"
)
_NOT_FOUND = 404
_RECIPIENTS = ("emails", "webhook_ids", "pagerduty_ids")

Result = dict[str, t.Any]


def reconcile_notification(params: t.Mapping[str, t.Any], api: NotificationApi) -> Result:
    """Bring one notification into the desired state, and return what a module returns."""
    desired = DesiredNotification.of(params)
    found = api.notifications()
    actual = _find(desired, api, found)
    if desired.state == "absent":
        return _remove(actual, api)
    return _Writer(desired, api, actual, frozenset(each.id for each in found)).apply()


class _Writer:
    """Creates or updates one notification; ``known_ids`` are those that the account has already."""

    def __init__(
        self,
        desired: DesiredNotification,
        api: NotificationApi,
        actual: Notification | None,
        known_ids: frozenset[str],
    ) -> None:
        self._desired = desired
        self._api = api
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
        result = _result(action, self._planned, self._changes)
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
        result["notification"]["id"] = identifier
        if created:
            self._verify_unique(identifier, result)
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
            if not may_be_applied(error):
                raise
            found = self._find_after(error)
            result["response_lost"] = True
            result["warnings"].append(
                f"{error.message}, but it was applied: notification {found.id} is in the desired "
                "state"
            )
            return found.id
        return self._planned.id

    def _find_after(self, lost: RequestError) -> Notification:
        """Return the notification after a lost response, or raise unless it is as desired."""
        actual = self._actual
        if actual is not None:
            found = look_for(lost, lambda: self._if_as_desired(actual.id), _RUN_AGAIN)
            if found is None:
                raise lost_error(
                    lost, f"notification {actual.id} is not in the desired state. {_RUN_AGAIN}"
                )
            return found
        created = look_for(lost, self._new_ones, _RUN_AGAIN) or []
        ids = [each.id for each in created]
        if len(ids) != 1:
            raise lost_error(lost, _what_became(ids), ids=ids)
        names = sorted(self._desired.differences(created[0]))
        if names:
            raise lost_error(
                lost,
                f"afterwards there was a new notification of that name, {ids[0]}, but it differs "
                f"in {', '.join(names)}, so something else may have created it",
                ids=ids,
            )
        return created[0]

    def _if_as_desired(self, identifier: str) -> Notification | None:
        found = _by_id(self._api, identifier)
        return None if found is None or self._desired.differences(found) else found

    def _new_ones(self) -> list[Notification]:
        return [each for each in self._of_this_name() if each.id not in self._known_ids]

    def _of_this_name(self) -> list[Notification]:
        return _named(self._api.notifications(), self._desired.name)

    def _verify_unique(self, identifier: str, result: Result) -> None:
        """List the notifications again: another run may have created the same one."""
        values = {key: result[key] for key in ("changed", "action", "changes", "notification")}
        name = self._desired.name
        try:
            named = self._of_this_name()
        except CloudflareError as error:
            raise CloudflareError(
                f"notification {identifier} was created, but whether it is the only one named "
                f"'{name}' could not be verified: {error.message}. Rerun the task",
                {**error.values, **values},
            ) from error
        for each in named:
            if each.id == identifier:
                # As Cloudflare shows it, with its times.
                result["notification"] = values["notification"] = each.describe()
        ids = sorted({identifier, *(each.id for each in named)})
        others = [each for each in ids if each != identifier]
        if others:
            raise CloudflareError(
                f"{len(ids)} notifications in {where(self._api.scope)} are named '{name}' (ids: "
                f"{', '.join(ids)}): this task created notification {identifier}, and something "
                f"else, such as an overlapping run, created {', '.join(others)}. Remove all but "
                "one (state: absent with its id), and do not let runs for the same account overlap",
                {**values, "ids": ids},
            )


def _remove(actual: Notification | None, api: NotificationApi) -> Result:
    result = _result("none" if actual is None else "deleted", actual)
    if actual is None:
        return result
    result["diff"] = _diff(api, actual, None)
    if api.check_mode:
        return result
    try:
        api.delete(actual.id)
    except RequestError as error:
        _find_removed(error, actual.id, api, result)
    return result


def _find_removed(
    error: RequestError, identifier: str, api: NotificationApi, result: Result
) -> None:
    """Accept that a notification is gone though its removal was not confirmed, or raise."""
    is_unknown = error.status == _NOT_FOUND
    if not is_unknown and not may_be_applied(error):
        raise error
    if not look_for(error, lambda: _by_id(api, identifier) is None, _RUN_AGAIN):
        if is_unknown:
            raise error
        raise lost_error(error, f"notification {identifier} still exists. {_RUN_AGAIN}")
    if not is_unknown:
        result["response_lost"] = True
        result["warnings"].append(f"{error.message}, but notification {identifier} is gone")


def _by_id(api: NotificationApi, identifier: str) -> Notification | None:
    return next((each for each in api.notifications() if each.id == identifier), None)


def _named(found: t.Iterable[Notification], name: str | None) -> list[Notification]:
    return [each for each in found if each.alert_type == ALERT_TYPE and each.name == name]


def _find(
    desired: DesiredNotification, api: NotificationApi, found: t.Sequence[Notification]
) -> Notification | None:
    if desired.id is None:
        return _find_by_name(desired, api, found)
    actual = next((each for each in found if each.has_id(desired.id)), None)
    if actual is None:
        if desired.state == "absent":
            return None
        raise InvalidInput(
            "id",
            f"there is no notification {desired.id} in {where(api.scope)}; Cloudflare assigns the "
            "id of a new notification, so omit id and set name",
        )
    if actual.alert_type != ALERT_TYPE:
        raise InvalidInput(
            "id", f"notification {actual.id} is of another type, {actual.alert_type}"
        )
    if desired.state == "absent" and desired.name not in (None, actual.name):
        raise InvalidInput(
            "name", f"notification {actual.id} has '{actual.name}'; it was not removed"
        )
    return actual


def _find_by_name(
    desired: DesiredNotification, api: NotificationApi, found: t.Sequence[Notification]
) -> Notification | None:
    named = _named(found, desired.name)
    if len(named) > 1:
        ids = sorted(each.id for each in named)
        raise CloudflareError(
            f"name: {len(named)} notifications in {where(api.scope)} have the name "
            f"'{desired.name}' (ids: {', '.join(ids)}); set id to the intended one",
            {"ids": ids},
        )
    return named[0] if named else None


def _what_became(ids: t.Sequence[str]) -> str:
    """Return what a lost creation came to, where there is not exactly one new notification."""
    if not ids:
        return (
            "the notification was not found afterwards, so it seems not to have been created. "
            f"{_RUN_AGAIN}"
        )
    return (
        f"afterwards there were {len(ids)} new notifications of that name (ids: "
        f"{', '.join(ids)}); remove all but one"
    )


def _result(
    action: str, notification: Notification | None, changes: t.Sequence[str] = ()
) -> Result:
    return {
        "changed": action != "none",
        "action": action,
        "changes": list(changes),
        "notification": None if notification is None else notification.describe(),
        "response_lost": False,
        "warnings": [],
    }


def _diff(
    api: NotificationApi, before: Notification | None, after: Notification | None
) -> dict[str, t.Any]:
    """Return what Ansible shows."""
    old, new = _shown(before), _shown(after)
    header = f"{where(api.scope)}: notification '{(old or new)['name']}'"
    return {"before": old, "after": new, "before_header": header, "after_header": header}


def _shown(notification: Notification | None) -> dict[str, t.Any]:
    if notification is None:
        return {}
    described = notification.describe()
    hidden = ("id", "created", "modified")
    return {name: value for name, value in described.items() if name not in hidden}
