# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_notification, from its options to what it sends and prints."""

from __future__ import annotations

import json
import typing as t

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_notification
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    Call,
    failure,
    network,
    response,
    run_module,
    success,
)
from ansible_collections.edgeops.cloudflare.tests.unit.samples import combined

PATH = f"/accounts/{ACCOUNT}/alerting/v3/policies"
TYPE = "failing_logpush_job_disabled_alert"
ID, OTHER = "0da2b59ef118439d8097bdfb215203c9", "3f1b7a0c9e6d4c58a2b4d6f80e1c3a57"
HOOK = "b115d5ec15c641ee8b7692c449b5227b"
MAIL = "ops@example.com"
LOST = requests.ConnectionError(ConnectionResetError("reset"))
TIME = "2026-11-22T14:05:00Z"


def ids(*each: str) -> list[dict[str, str]]:
    """Return recipients as the API has them."""
    return [{"id": one} for one in each]


def shown(identifier: str = ID, **changes: t.Any) -> dict[str, t.Any]:
    """Return a notification as the API shows it; an ellipsis leaves a property out."""
    properties = {
        "id": identifier,
        "name": "logpush",
        "description": "Job disabled",
        "enabled": True,
        "alert_type": TYPE,
        "mechanisms": {"email": ids(MAIL)},
        "filters": {},
        "created": TIME,
        "modified": TIME,
        **changes,
    }
    return {name: value for name, value in properties.items() if value is not ...}


def listed(*notifications: t.Any) -> Call:
    """Expect that the notifications are listed."""
    return Call("GET", PATH, None, success(list(notifications)))


def posted(body: dict[str, t.Any], answer: t.Any = None) -> Call:
    """Expect a creation, which succeeds unless there is another answer."""
    return Call("POST", PATH, body, success({"id": ID}) if answer is None else answer)


def put(changes: dict[str, t.Any], answer: t.Any = None, **before: t.Any) -> Call:
    """Expect an update that sends what can be set; it succeeds unless there is another answer."""
    hidden = ("id", "created", "modified", "unknown")
    properties = {**shown(**before), **changes}
    body = {name: value for name, value in properties.items() if name not in hidden}
    return Call("PUT", f"{PATH}/{ID}", body, success({"id": ID}) if answer is None else answer)


def deleted(answer: t.Any = None) -> Call:
    """Expect a removal; the response to one that succeeds contains no result."""
    done = response({"success": True, "errors": [], "messages": []})
    return Call("DELETE", f"{PATH}/{ID}", None, done if answer is None else answer)


def run(check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module for the account; an option that is None is left out."""
    given = {"account_id": ACCOUNT, "api_token": TOKEN, "name": "logpush", **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_notification.main, given, check_mode=check_mode, diff=diff)


def recipients(mechanisms: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return these recipients as a property."""
    return {"mechanisms": mechanisms}


CREATION = {
    "name": "logpush",
    "alert_type": TYPE,
    "enabled": True,
    "description": "Job disabled",
    "mechanisms": {"email": ids(MAIL)},
}
DESIRED: dict[str, t.Any] = {"emails": [MAIL], "description": "Job disabled"}
DESCRIBED = {
    "id": ID,
    "name": "logpush",
    "description": "Job disabled",
    "enabled": True,
    "emails": [MAIL],
    "webhook_ids": [],
    "pagerduty_ids": [],
    "created": TIME,
    "modified": TIME,
}


def test_a_notification_is_created_and_listed_again() -> None:
    with network(listed(), posted(CREATION), listed(shown())):
        result = run(**DESIRED)
    assert (result["changed"], result["action"]) == (True, "created")
    assert result["changes"] == ["description", "emails", "name"]
    assert result["notification"] == DESCRIBED
    assert result["response_lost"] is False
    assert not {"diff", "warnings"} & result.keys()


def test_a_creation_sends_all_recipients_and_no_empty_description() -> None:
    body = {
        "name": "logpush",
        "alert_type": TYPE,
        "enabled": False,
        "mechanisms": {
            "email": ids("a@x.org", "b@x.org"),
            "webhooks": ids(HOOK),
            "pagerduty": ids(ID),
        },
    }
    options: dict[str, t.Any] = {
        "emails": "a@x.org, b@x.org,A@x.org",
        "webhook_ids": [HOOK],
        "pagerduty_ids": [ID],
    }
    with network(listed(), posted(body), listed()):
        result = run(**options, enabled=False, description="")
    assert result["notification"]["id"] == ID
    assert result["notification"]["emails"] == ["a@x.org", "b@x.org"]
    assert result["notification"]["enabled"] is False


def test_check_mode_creates_nothing_and_shows_the_plan() -> None:
    with network(listed()):
        result = run(check_mode=True, diff=True, **DESIRED)
    assert (result["changed"], result["action"]) == (True, "created")
    assert result["notification"] == {**DESCRIBED, **dict.fromkeys(("id", "created", "modified"))}
    diff = result["diff"]
    assert diff["before"] == {}
    assert diff["after"] == {
        "name": "logpush",
        "description": "Job disabled",
        "enabled": True,
        "emails": [MAIL],
        "webhook_ids": [],
        "pagerduty_ids": [],
    }
    assert diff["before_header"] == diff["after_header"]
    assert diff["after_header"] == f"account {ACCOUNT}: notification 'logpush'"


@pytest.mark.parametrize(
    ("options", "before", "check_mode"),
    combined(
        [
            ({}, {}),
            (DESIRED, {}),
            ({"enabled": True, "webhook_ids": []}, {}),
            ({"name": None, "id": ID}, {}),
            # A notification that was disabled stays so.
            (DESIRED, {"enabled": False}),
            ({"emails": ["OPS@example.com", MAIL]}, {}),
            (
                {"emails": ["b@x.org", "a@x.org"], "webhook_ids": [HOOK.upper()]},
                {"mechanisms": {"email": ids("a@x.org", "b@x.org"), "webhooks": ids(HOOK)}},
            ),
            ({"description": ""}, {"description": ...}),
            ({"webhook_ids": []}, {"mechanisms": {"email": ids(MAIL), "webhooks": None}}),
            ({"description": "Job disabled"}, {"mechanisms": ...}),
            # As a block of YAML ends.
            ({"description": "Job disabled\n"}, {}),
        ],
        [False, True],
    ),
)
def test_without_a_difference_nothing_is_written(
    options: dict[str, t.Any], before: dict[str, t.Any], check_mode: bool
) -> None:
    of_another_type = shown(OTHER, alert_type="universal_ssl_event_type")
    with network(listed(of_another_type, shown(**before))):
        result = run(check_mode=check_mode, diff=True, **options)
    assert (result["changed"], result["action"], result["changes"]) == (False, "none", [])
    assert result["notification"]["id"] == ID
    assert "diff" not in result


@pytest.mark.parametrize(
    ("options", "changes", "sent"),
    [
        ({"enabled": False}, ["enabled"], {"enabled": False}),
        ({"description": ""}, ["description"], {"description": ""}),
        ({"id": ID, "name": "new"}, ["name"], {"name": "new"}),
        (
            {"emails": ["new@x.org"]},
            ["emails"],
            {"mechanisms": {"email": ids("new@x.org")}},
        ),
        (
            {"webhook_ids": [HOOK], "emails": []},
            ["emails", "webhook_ids"],
            {"mechanisms": {"email": [], "webhooks": ids(HOOK)}},
        ),
    ],
)
def test_an_update_sends_all_that_can_be_set(
    options: dict[str, t.Any], changes: list[str], sent: dict[str, t.Any]
) -> None:
    before: dict[str, t.Any] = {"alert_interval": "30m", "unknown": 1}
    with network(listed(shown(**before)), put(sent, **before)):
        result = run(**options)
    assert (result["changed"], result["action"]) == (True, "updated")
    assert result["changes"] == changes
    with network(listed(shown(**before))):
        planned = run(check_mode=True, **options)
    for name in ("changed", "action", "changes", "notification"):
        assert planned[name] == result[name]


def test_recipients_of_another_kind_are_kept() -> None:
    mechanisms = {"email": ids(MAIL), "sms": ids("1")}
    sent = {"mechanisms": {"email": ids("new@x.org"), "sms": ids("1")}}
    with network(listed(shown(mechanisms=mechanisms)), put(sent)):
        run(emails=["new@x.org"])


def test_options_that_are_not_set_are_sent_as_shown() -> None:
    # Another kind, another type of id, and more than an id.
    chat, service = {"id": HOOK, "name": "chat"}, {"id": 5, "name": "service"}
    mechanisms = {"email": ids(MAIL), "webhooks": [chat], "pagerduty": [service], "sms": None}
    with network(
        listed(shown(mechanisms=mechanisms)), put({"enabled": False, **recipients(mechanisms)})
    ):
        assert run(enabled=False)["changes"] == ["enabled"]
    sent = {**mechanisms, "webhooks": [chat, {"id": OTHER}]}
    with network(listed(shown(mechanisms=mechanisms)), put(recipients(sent))):
        assert run(webhook_ids=[HOOK.upper(), OTHER])["changes"] == ["webhook_ids"]
    with network(listed(shown(mechanisms=...)), put({"enabled": False}, mechanisms=...)):
        assert run(enabled=False)["changes"] == ["enabled"]


def test_recipients_without_an_option_are_recipients() -> None:
    with network(
        listed(shown(mechanisms={"email": ids(MAIL), "sms": ids("1")})),
        put(recipients({"email": [], "sms": ids("1")})),
    ):
        assert run(emails=[])["action"] == "updated"


def test_a_diff_has_no_more_than_can_be_set() -> None:
    with network(listed(shown())):
        diff = run(check_mode=True, diff=True, enabled=False)["diff"]
    assert diff["before"] == {
        name: DESCRIBED[name] for name in DESCRIBED if name not in ("id", "created", "modified")
    }
    assert diff["after"] == {**diff["before"], "enabled": False}


@pytest.mark.parametrize(
    "options", [{}, {"id": ID}, {"id": ID, "name": None}, {"id": f" {ID.upper()}"}, {"emails": ""}]
)
def test_a_notification_is_removed(options: dict[str, t.Any]) -> None:
    with network(listed(shown(), shown(OTHER, name="other")), deleted()):
        result = run(state="absent", diff=True, **options)
    assert (result["changed"], result["action"]) == (True, "deleted")
    assert result["notification"] == DESCRIBED
    assert (result["diff"]["before"]["name"], result["diff"]["after"]) == ("logpush", {})
    with network(listed(shown())):
        planned = run(check_mode=True, state="absent", **options)
    assert (planned["changed"], planned["action"]) == (True, "deleted")


@pytest.mark.parametrize("options", [{}, {"id": ID}])
def test_a_resource_that_does_not_exist_is_not_removed(options: dict[str, t.Any]) -> None:
    others = (shown(OTHER, name="other"), shown(OTHER, alert_type="incident_alert"))
    with network(listed(*others)):
        result = run(state="absent", **options)
    assert (result["changed"], result["action"], result["notification"]) == (False, "none", None)


@pytest.mark.parametrize("result", [None, []])
def test_no_notifications_are_an_empty_list(result: t.Any) -> None:
    with network(Call("GET", PATH, None, success(result))):
        assert run(state="absent")["action"] == "none"


@pytest.mark.parametrize("result", [{}, [1], [{"name": "logpush"}]])
def test_a_list_of_another_shape_is_malformed(result: t.Any) -> None:
    with network(Call("GET", PATH, None, success(result))):
        assert "does not list notifications" in run(**DESIRED)["msg"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": ""}, "name: is empty"),
        ({"name": None}, "one of the following is required: id, name"),
        ({"id": ""}, "id: is empty; omit it to find the notification by its name"),
        ({"id": " ", "state": "absent"}, "id: is empty"),
        ({"emails": ""}, "emails: contains an empty entry; use [] to remove all"),
        ({"emails": [" "]}, "emails: contains an empty entry"),
        ({"webhook_ids": [HOOK, ""]}, "webhook_ids: contains an empty entry"),
        ({"account_id": "x"}, "account_id: must be 32 hexadecimal digits"),
        ({"account_id": None}, "missing required arguments: account_id"),
        ({"zone_id": "x"}, 'unsupported option "zone_id"'),
    ],
)
def test_an_invalid_option_is_named_and_nothing_is_sent(
    options: dict[str, t.Any], said: str
) -> None:
    with network():
        assert said in run(**{**DESIRED, **options})["msg"]


@pytest.mark.parametrize(
    ("options", "before"),
    [({}, []), ({"emails": []}, []), ({"emails": []}, [shown()])],
)
def test_a_notification_needs_a_recipient(options: dict[str, t.Any], before: t.Any) -> None:
    with network(listed(*before)):
        message = run(**options)["msg"]
    assert message == (
        "emails: the notification 'logpush' would have no recipient; set emails, webhook_ids or "
        "pagerduty_ids"
    )


@pytest.mark.parametrize(
    ("options", "found", "said"),
    [
        ({"id": ID}, [], f"id: there is no notification {ID} in account {ACCOUNT};"),
        ({"id": ID}, [shown(alert_type="incident_alert")], f"id: notification {ID} is of another"),
        (
            {"id": ID, "name": "x", "state": "absent"},
            [shown()],
            "has 'logpush'; it was not removed",
        ),
    ],
)
def test_an_id_that_does_not_fit_changes_nothing(
    options: dict[str, t.Any], found: t.Any, said: str
) -> None:
    with network(listed(*found)):
        assert said in run(**{**DESIRED, **options})["msg"]


def test_several_notifications_of_one_name_need_an_id() -> None:
    for state in ("present", "absent"):
        with network(listed(shown(OTHER), shown())):
            result = run(state=state, **DESIRED)
        assert "set id to the intended one" in result["msg"]
        assert result["ids"] == [ID, OTHER]


def test_a_duplicate_after_a_creation_fails_with_both_ids() -> None:
    with network(listed(), posted(CREATION), listed(shown(OTHER), shown())):
        result = run(**DESIRED)
    assert (result["failed"], result["changed"], result["action"]) == (True, True, "created")
    assert result["ids"] == [ID, OTHER]
    assert f"this task created notification {ID}" in result["msg"]
    assert result["notification"] == DESCRIBED


def test_a_creation_that_cannot_be_verified_fails_as_changed() -> None:
    refusal = Call("GET", PATH, None, failure(403, 10000, "Authentication error"))
    with network(listed(), posted(CREATION), refusal):
        result = run(**DESIRED)
    assert (result["failed"], result["changed"]) == (True, True)
    assert f"notification {ID} was created, but" in result["msg"]
    assert result["notification"]["id"] == ID


@pytest.mark.parametrize("answer", [LOST, failure(502, 1000, "bad gateway"), success({})])
def test_a_creation_whose_response_is_lost_is_found_and_not_sent_again(answer: t.Any) -> None:
    other = shown(OTHER, name="other")
    looks = (listed(other, shown()), listed(other, shown()))
    with network(listed(other), posted(CREATION, answer), *looks):
        result = run(**DESIRED)
    assert (result["changed"], result["response_lost"]) == (True, True)
    assert result["notification"] == DESCRIBED
    assert f"but it was applied: notification {ID} is in the desired" in result["warnings"][0]


def test_a_lost_creation_is_not_taken_for_what_others_created() -> None:
    others = shown(OTHER, name="other")
    looks = [listed(others) for _look in range(4)]
    with network(listed(), posted(CREATION, LOST), *looks):
        assert "the notification was not found afterwards" in run(**DESIRED)["msg"]


def test_a_lost_creation_is_looked_for_several_times() -> None:
    looks = [listed(), listed(), listed(shown()), listed(shown())]
    with network(listed(), posted(CREATION, LOST), *looks) as double:
        assert run(**DESIRED)["notification"]["id"] == ID
    assert sum(double.pauses) == 3


def test_a_lost_creation_that_is_not_found_fails() -> None:
    with network(listed(), posted(CREATION, LOST), *(listed() for _look in range(4))):
        result = run(**DESIRED)
    assert (result["failed"], result["response_lost"], result["ids"]) == (True, True, [])
    assert "the notification was not found afterwards" in result["msg"]
    assert result["changes"] == ["description", "emails", "name"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            [shown(), shown(OTHER)],
            f"there were 2 new notifications of that name (ids: {ID}, {OTHER})",
        ),
        ([shown(description="x")], f"of that name, {ID}, but it differs in description"),
    ],
)
def test_jobs_after_a_lost_creation_are_reported(found: t.Any, said: str) -> None:
    with network(listed(), posted(CREATION, LOST), listed(*found)):
        result = run(**DESIRED)
    assert said in result["msg"]
    assert result["ids"] == [each["id"] for each in found]


def test_a_check_that_fails_after_a_lost_creation_is_reported() -> None:
    refusal = Call("GET", PATH, None, failure(403, 10000, "Authentication error"))
    with network(listed(), posted(CREATION, LOST), refusal):
        result = run(**DESIRED)
    assert "whether it was applied is unknown" in result["msg"]
    assert result["response_lost"] is True


@pytest.mark.parametrize(
    "answer", [failure(500, 1000, "internal"), success({}), success({"id": OTHER})]
)
def test_an_update_whose_response_is_lost_is_verified(answer: t.Any) -> None:
    sent = {"enabled": False}
    with network(listed(shown()), put(sent, answer), listed(shown(enabled=False))):
        result = run(enabled=False)
    assert (result["changed"], result["response_lost"]) == (True, True)


def test_an_update_is_repeated_after_a_broken_connection() -> None:
    sent = {"enabled": False}
    with network(listed(shown()), put(sent, LOST), put(sent)):
        assert run(enabled=False)["action"] == "updated"


def test_a_lost_update_that_is_not_found_fails() -> None:
    sent = {"enabled": False}
    with network(listed(shown()), put(sent, failure(500, 1000, "internal")), listed(shown())):
        result = run(enabled=False)
    assert f"notification {ID} is not in the desired state" in result["msg"]
    assert result["response_lost"] is True


def test_a_rejected_write_is_reported_with_what_it_would_change() -> None:
    rejected = failure(400, 17000, "webhooks are not available on your plan")
    sent = {"mechanisms": {"email": ids(MAIL), "webhooks": ids(HOOK)}}
    with network(listed(shown()), put(sent, rejected)):
        result = run(webhook_ids=[HOOK])
    assert "webhooks are not available on your plan" in result["msg"]
    assert (result["changes"], result["error"]["codes"]) == (["webhook_ids"], [17000])


@pytest.mark.parametrize(
    ("answer", "is_lost"),
    [(failure(500, 1000, "internal"), True), (failure(404, 17003, "policy not found"), False)],
)
def test_a_removal_that_was_not_confirmed_is_verified(answer: t.Any, is_lost: bool) -> None:
    with network(listed(shown()), deleted(answer), listed()):
        result = run(state="absent")
    assert (result["action"], result["response_lost"]) == ("deleted", is_lost)


def test_a_removal_is_repeated_after_a_broken_connection() -> None:
    with network(listed(shown()), deleted(LOST), deleted()):
        result = run(state="absent")
    assert (result["action"], result["response_lost"]) == ("deleted", False)


@pytest.mark.parametrize(
    ("status", "said"), [(500, "still exists"), (404, "not found"), (403, "not found")]
)
def test_a_removal_that_failed_is_an_error(status: int, said: str) -> None:
    looks = [] if status == 403 else [listed(shown())]
    with network(listed(shown()), deleted(failure(status, 1000, "not found")), *looks):
        result = run(state="absent")
    assert result["failed"]
    assert said in result["msg"]


def test_an_id_is_quoted_in_a_path() -> None:
    odd = "a/../b?c"
    done = Call("DELETE", f"{PATH}/a%2F..%2Fb%3Fc", None, success(None))
    with network(listed(shown(odd)), done):
        assert run(state="absent")["action"] == "deleted"


def test_quotes_of_the_api_are_redacted() -> None:
    text = f"bad token {TOKEN} for r2://b/p?secret-access-key=SeCrEtSeCrEtSeCrEt1"
    with network(listed(), posted(CREATION, failure(400, 1000, text))):
        printed = json.dumps(run(**DESIRED))
    assert TOKEN not in printed
    assert "SeCrEt" not in printed
