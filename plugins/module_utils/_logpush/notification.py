# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notification "Failing Logpush Job Disabled": desired state, actual state, and its API.

Paths and shapes are those of the official SDK (cloudflare 5.9.0 for Python, ``types/alerting``).
"""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    ApiResponse,
    Client,
    field,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope

ALERT_TYPE = "failing_logpush_job_disabled_alert"
NOTIFICATION: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "id": {"type": "str"},
    "name": {"type": "str"},
    "description": {"type": "str"},
    "enabled": {"type": "bool"},
    "emails": {"type": "list", "elements": "str"},
    "webhook_ids": {"type": "list", "elements": "str"},
    "pagerduty_ids": {"type": "list", "elements": "str"},
}
# What a task may set, in the order in which people read it.
_PROPERTIES = ("name", "description", "enabled", "emails", "webhook_ids", "pagerduty_ids")
# The options for recipients, and the API's names for these.
_MECHANISMS = {"emails": "email", "webhook_ids": "webhooks", "pagerduty_ids": "pagerduty"}
# No source says whether an update resets what it leaves out, so all that can be set is sent.
_SETTABLE = (
    *("alert_interval", "alert_type", "description", "enabled", "filters", "mechanisms", "name"),
)


class DesiredNotification(t.NamedTuple):
    """The desired state of a notification; None is what the task does not set."""

    state: str
    id: str | None
    name: str | None
    description: str | None
    enabled: bool | None
    emails: list[str] | None
    webhook_ids: list[str] | None
    pagerduty_ids: list[str] | None

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> DesiredNotification:
        """Read a module's options, or raise ``InvalidInput``."""
        given = {option: params[option] for option in NOTIFICATION}
        for option in _MECHANISMS:
            if given["state"] == "absent":
                # They do not matter for what is to go.
                given[option] = None
            if given[option] is not None:
                # Of "a, b" Ansible makes "a" and " b".
                stripped = [str(each).strip() for each in given[option]]
                if "" in stripped:
                    # Mostly a variable without a value, which must not remove any.
                    raise InvalidInput(option, "contains an empty entry; use [] to remove all")
                once: dict[str, str] = {}
                for each in stripped:
                    once.setdefault(each.casefold(), each)
                given[option] = list(once.values())
        if given["id"] is not None:
            given["id"] = given["id"].strip()
        desired = cls(**given)
        if desired.id == "":
            raise InvalidInput("id", "is empty; omit it to find the notification by its name")
        if desired.name == "" or (desired.name is None and desired.id is None):
            # Ansible takes a null for a value.
            raise InvalidInput("name", "is empty; set the name of the notification, or id")
        return desired

    def differences(self, actual: Notification) -> dict[str, t.Any]:
        """Return what differs, by the names of options."""
        shown = actual.describe()
        wanted = {name: getattr(self, name) for name in _PROPERTIES}
        return {
            name: value
            for name, value in wanted.items()
            if value is not None and _comparable(value) != _comparable(shown[name])
        }


def _comparable(value: t.Any) -> t.Any:
    # The order of recipients does not matter, nor how addresses and ids are capitalized; nor does
    # the line break at the end of a block of YAML.
    if isinstance(value, list):
        return {each.casefold() for each in value}
    return value.rstrip() if isinstance(value, str) else value


class Notification:
    """A notification as Cloudflare shows it. Any property but ``id`` may be missing."""

    def __init__(self, properties: t.Mapping[str, t.Any]) -> None:
        self.properties = properties

    @property
    def id(self) -> str:
        """What alone identifies a notification."""
        identifier: str = self.properties["id"]
        return identifier

    @property
    def name(self) -> str:
        """The name; no source says that it is unique."""
        return field(self.properties, "name", str) or ""

    @property
    def alert_type(self) -> str | None:
        """The event that it is about."""
        return field(self.properties, "alert_type", str)

    def describe(self) -> dict[str, t.Any]:
        """Return what modules return."""
        return {
            "id": self.properties.get("id"),
            "name": self.name,
            "description": field(self.properties, "description", str) or "",
            "enabled": field(self.properties, "enabled", bool),
            **{option: self._recipients(kind) for option, kind in _MECHANISMS.items()},
            "created": self.properties.get("created"),
            "modified": self.properties.get("modified"),
        }

    @property
    def has_recipients(self) -> bool:
        """Whether there are recipients, also of a kind that has no option."""
        return any((field(self.properties, "mechanisms", dict) or {}).values())

    def has_id(self, identifier: str) -> bool:
        """Whether this is its id, however that is capitalized."""
        return self.id.casefold() == identifier.casefold()

    def _recipients(self, kind: str) -> list[str]:
        return list(self._shown_recipients(kind))

    def _shown_recipients(self, kind: str) -> dict[str, t.Any]:
        """Return recipients by their ids, each as it is shown."""
        mechanisms = field(self.properties, "mechanisms", dict)
        found = ((field(each, "id", str), each) for each in field(mechanisms, kind, list) or [])
        return {identifier: each for identifier, each in found if identifier is not None}

    def updated(self, changes: t.Mapping[str, t.Any]) -> Notification:
        """Return the notification with other values of options."""
        properties = {name: value for name, value in changes.items() if name not in _MECHANISMS}
        changed = {option: kind for option, kind in _MECHANISMS.items() if option in changes}
        if changed:
            # What the task does not set stays as it is shown, whatever that is.
            mechanisms = dict(field(self.properties, "mechanisms", dict) or {})
            for option, kind in changed.items():
                shown = {each.casefold(): v for each, v in self._shown_recipients(kind).items()}
                mechanisms[kind] = [
                    shown.get(each.casefold(), {"id": each}) for each in changes[option]
                ]
            properties["mechanisms"] = mechanisms
        return Notification({**self.properties, **properties})

    def body(self) -> dict[str, t.Any]:
        """Return what is sent to create or to update it."""
        return {name: self.properties[name] for name in _SETTABLE if name in self.properties}


# What a task creates, before its options are set.
NEW = Notification({"alert_type": ALERT_TYPE, "enabled": True})


class NotificationApi:
    """The API of the notifications of one account. What writes returns None in check mode."""

    def __init__(self, client: Client, account_id: str) -> None:
        self._client = client
        self.scope = Scope.of(None, account_id)
        self._base = f"/accounts/{self.scope.id}/alerting/v3/policies"

    @property
    def check_mode(self) -> bool:
        """Whether requests that write are not sent."""
        return self._client.check_mode

    def notifications(self) -> list[Notification]:
        """Return all notifications of the account, of whatever type; the list is one page."""
        response = self._client.read("GET", self._base)
        # None is an empty list, as APIs that are written in Go have it.
        results = [] if response.result is None else response.result
        if not isinstance(results, list) or any(field(each, "id", str) is None for each in results):
            raise response.malformed("does not list notifications")
        return [Notification(each) for each in results]

    def create(self, notification: Notification) -> str | None:
        """Create a notification and return its id.

        Not idempotent: a second request may create a second one.
        """
        body = notification.body()
        response = self._client.write("POST", self._base, body, idempotent=False)
        return None if response is None else self._id(response)

    def update(self, notification: Notification) -> None:
        """Set all properties of a notification."""
        path = self._path(notification.id)
        response = self._client.write("PUT", path, notification.body(), idempotent=True)
        if response is not None and self._id(response) != notification.id:
            raise response.malformed(f"is about another notification than {notification.id}")

    def delete(self, notification_id: str) -> None:
        """Delete a notification."""
        self._client.write("DELETE", self._path(notification_id), idempotent=True)

    def _path(self, notification_id: str) -> str:
        return f"{self._base}/{quote(notification_id, safe='')}"

    def _id(self, response: ApiResponse) -> str:
        identifier = response.field("id", str)
        if not identifier:
            raise response.malformed("contains no id")
        return identifier
