# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module logpush_transformer, from its options to what it sends and prints."""

from __future__ import annotations

import typing as t

import pytest
import requests

from ansible_collections.edgeops.cloudflare.plugins.modules import logpush_transformer
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    TOKEN,
    ZONE,
    Call,
    failure,
    network,
    response,
    run_module,
    success,
)

PATH = f"/accounts/{ACCOUNT}/logpush/transformers"
SQL = "SELECT ClientIP, RayID\nFROM http_requests"
NEW_SQL = "SELECT RayID\nFROM http_requests"
RECORD = {"ClientIP": "203.0.113.7", "RayID": "8f2c", "EdgeResponseStatus": 502}
JOBS = [
    {"id": 42, "name": "http-to-s3", "object_type": "zone", "object_tag": ZONE},
    {"id": 43, "name": None, "object_type": "account", "object_tag": ACCOUNT},
]
LOST = requests.ConnectionError(ConnectionResetError("reset"))


def shown(transformer_id: int = 7, **changes: t.Any) -> dict[str, t.Any]:
    """Return a transformer as the API shows it; an ellipsis leaves a property out."""
    properties = {
        "id": transformer_id,
        "name": "short",
        "description": "Fewer fields",
        "dataset": "http_requests",
        "created_at": "2026-11-22T14:05:00Z",
        "updated_at": "2026-11-22T14:05:00Z",
        **changes,
    }
    return {name: value for name, value in properties.items() if value is not ...}


def listed(*transformers: dict[str, t.Any]) -> Call:
    """Expect that the transformers are listed."""
    return Call("GET", PATH, None, success(list(transformers)))


def got(transformer_id: int, answer: t.Any) -> Call:
    """Expect that one transformer is read."""
    return Call("GET", f"{PATH}/{transformer_id}", None, answer)


def content(code: str = SQL, transformer_id: int = 7) -> Call:
    """Expect that the SQL is read."""
    return Call("GET", f"{PATH}/{transformer_id}/content", None, success({"content": code}))


def previewed(code: str, answer: t.Any) -> Call:
    """Expect a preview on ``RECORD``."""
    return Call("POST", f"{PATH}/preview", {"input": RECORD, "sql": code}, answer)


def put(body: dict[str, t.Any], answer: t.Any = None) -> Call:
    """Expect an update, which succeeds unless there is another answer."""
    return Call("PUT", f"{PATH}/7", body, success(shown(**body)) if answer is None else answer)


def posted(body: dict[str, t.Any], answer: t.Any = None) -> Call:
    """Expect a creation, which succeeds unless there is another answer."""
    envelope = {"success": True, "errors": None, "messages": None, "result": shown(**body)}
    return Call("POST", PATH, body, response(envelope, status=201) if answer is None else answer)


def run(check_mode: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module for the account; an option that is None is left out."""
    given = {"account_id": ACCOUNT, "api_token": TOKEN, "name": "short", **options}
    given = {name: value for name, value in given.items() if value is not None}
    return run_module(logpush_transformer.main, given, check_mode=check_mode, diff=diff)


CREATION = {"name": "short", "code": SQL, "description": "Fewer fields"}


def test_a_transformer_is_created_and_listed_again() -> None:
    with network(listed(), posted(CREATION), listed(shown())):
        result = run(code=SQL, description="Fewer fields")
    assert (result["changed"], result["action"]) == (True, "created")
    assert result["changes"] == ["code", "description", "name"]
    assert result["transformer"] == {**shown(), "associated_jobs": [], "code": SQL}
    assert result["response_lost"] is False
    assert not {"preview", "diff", "warnings"} & result.keys()


def test_a_creation_without_description_sends_none() -> None:
    body = {"name": "short", "code": SQL}
    for given in (None, ""):
        created = posted(body, success(shown(description=...)))
        with network(listed(), created, listed(shown())):
            result = run(code=SQL, description=given)
        assert result["transformer"]["description"] == ""


def test_check_mode_creates_nothing_and_shows_the_plan() -> None:
    with network(listed(shown(name="other"))):
        result = run(check_mode=True, diff=True, code=SQL)
    assert (result["changed"], result["action"]) == (True, "created")
    planned = result["transformer"]
    assert (planned["id"], planned["name"], planned["code"]) == (None, "short", SQL)
    properties, code = result["diff"]
    assert (properties["before"], properties["after"]) == ({}, {"name": "short"})
    assert (code["before"], code["after"]) == ("", SQL + "\n")
    assert code["after_header"] == f"account {ACCOUNT}: transformer 'short', code"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"code": SQL},
        {"code": SQL + "\n \n"},
        {"code": SQL, "description": "Fewer fields"},
        {"description": "Fewer fields\n"},
        {"name": None, "id": 7},
        {"id": 7, "code": SQL},
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_without_a_difference_nothing_is_written(
    options: dict[str, t.Any], check_mode: bool
) -> None:
    with network(listed(shown(), shown(8, name="other")), content()):
        result = run(check_mode=check_mode, diff=True, **options)
    assert (result["changed"], result["action"], result["changes"]) == (False, "none", [])
    assert result["transformer"] == {**shown(), "associated_jobs": [], "code": SQL}
    assert "diff" not in result


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({"code": NEW_SQL}, {"name": "short", "description": "Fewer fields", "code": NEW_SQL}),
        # Only SQL makes a version, so it is left out where it is the same.
        ({"code": SQL, "description": "Other"}, {"name": "short", "description": "Other"}),
        # A description that is left out is cleared.
        ({"description": ""}, {"name": "short"}),
        ({"id": 7, "name": "new"}, {"name": "new", "description": "Fewer fields"}),
        (
            {"id": 7, "name": "new", "code": NEW_SQL, "description": "Other"},
            {"name": "new", "description": "Other", "code": NEW_SQL},
        ),
    ],
)
def test_an_update_sends_the_name_the_description_and_only_changed_sql(
    options: dict[str, t.Any], body: dict[str, t.Any]
) -> None:
    with network(listed(shown()), content(), put(body)):
        result = run(**options)
    assert (result["changed"], result["action"]) == (True, "updated")
    assert result["transformer"]["code"] == body.get("code", SQL)
    with network(listed(shown()), content()):
        planned = run(check_mode=True, **options)
    for name in ("changed", "action", "changes"):
        assert planned[name] == result[name]
    for name in ("name", "description"):
        assert planned["transformer"][name] == body.get(name, "")


def test_the_changes_are_named() -> None:
    body = {"name": "new", "code": NEW_SQL}
    with network(listed(shown()), content(), put(body)):
        assert run(id=7, **body, description="")["changes"] == ["code", "description", "name"]  # type: ignore[arg-type]


def test_a_diff_has_the_sql_as_a_text_and_no_more_than_differs() -> None:
    with network(listed(shown()), content()):
        (code,) = run(check_mode=True, diff=True, code=NEW_SQL)["diff"]
    assert (code["before"], code["after"]) == (SQL + "\n", NEW_SQL + "\n")
    with network(listed(shown()), content()):
        (properties,) = run(check_mode=True, diff=True, description="Other")["diff"]
    assert properties["before"] == {"name": "short", "description": "Fewer fields"}
    assert properties["after"] == {"name": "short", "description": "Other"}


@pytest.mark.parametrize("output", [{"RayID": "8f2c"}, None, [{"RayID": "8f2c"}], []])
def test_a_preview_runs_before_a_write(output: t.Any) -> None:
    body = {"name": "short", "description": "Fewer fields", "code": NEW_SQL}
    calls = (listed(shown()), content(), previewed(NEW_SQL, success(output)))
    with network(*calls, put(body)):
        assert run(code=NEW_SQL, preview_input=RECORD)["preview"] == output


def test_a_preview_runs_in_check_mode_and_without_a_change() -> None:
    output = {"RayID": "8f2c"}
    with network(listed(), previewed(SQL, success(output))):
        result = run(check_mode=True, code=SQL, preview_input=RECORD)
    assert (result["action"], result["preview"]) == ("created", output)
    with network(listed(shown()), content(), previewed(SQL, success(output))):
        result = run(preview_input=RECORD)
    assert (result["action"], result["preview"]) == ("none", output)


def test_a_rejected_preview_stops_the_write_and_quotes_the_line() -> None:
    refusal = failure(400, 1002, "unknown column 'Foo' at line 2, column 3")
    sql = "SELECT\n  Foo\nFROM http_requests"
    for check_mode in (False, True):
        with network(listed(), previewed(sql, refusal)):
            result = run(check_mode=check_mode, code=sql, preview_input=RECORD)
        assert result["failed"] is True
        assert "unknown column 'Foo' at line 2, column 3" in result["msg"]
        assert result["msg"].endswith("Line 2 of code is: Foo")
        refusal = failure(400, 1002, "unknown column 'Foo' at line 2, column 3")


@pytest.mark.parametrize("output", ["text", 7, ["text"]])
def test_a_preview_that_is_no_record_is_an_error(output: t.Any) -> None:
    with network(listed(), previewed(SQL, success(output))):
        result = run(code=SQL, preview_input=RECORD)
    assert "contains no record" in result["msg"]


@pytest.mark.parametrize(
    ("message", "quoted"),
    [
        ("Expected: an expression at Line: 1, Column: 8", "Line 1 of code is: SELECT ClientIP"),
        ("schema error (line 2, col 6)", "Line 2 of code is: FROM http_requests"),
        ("schema error at line 3, column 1", None),
        ("schema error at line 0, column 1", None),
        ("missing required field: code", None),
    ],
)
def test_the_line_that_an_error_names_is_quoted(message: str, quoted: str | None) -> None:
    with network(listed(), posted({"name": "short", "code": SQL}, failure(400, 1002, message))):
        result = run(code=SQL)
    assert message in result["msg"]
    assert result["error"]["status"] == 400
    if quoted is None:
        assert "of code is" not in result["msg"]
    else:
        assert quoted in result["msg"]


def test_an_account_without_transformers_is_reported_what_to_check() -> None:
    message = "transformer feature is not available for this account"
    with network(Call("GET", PATH, None, failure(403, 1004, message))):
        result = run(code=SQL)
    assert message in result["msg"]
    assert "usage-based Logpush is enabled" in result["msg"]


def test_another_403_is_not_explained_so() -> None:
    with network(Call("GET", PATH, None, failure(403, 10000, "Authentication error"))):
        assert "usage-based" not in run(code=SQL)["msg"]


@pytest.mark.parametrize(
    "answer",
    [
        failure(413, 1002, "request entity too large"),
        response(
            status=413, content=b"<html>too large</html>", headers={"Content-Type": "text/html"}
        ),
    ],
)
def test_sql_that_is_too_large_is_reported_with_its_size(answer: requests.Response) -> None:
    sql = SQL.ljust(11 * 1024) + "-- end"
    with network(listed(), posted({"name": "short", "code": sql}, answer)):
        result = run(code=sql)
    assert f"code has {len(sql)} bytes; Cloudflare documents a limit of 10240" in result["msg"]


def test_sql_above_the_lower_documented_limit_is_sent_with_a_warning() -> None:
    sql = SQL + "\n-- " + "x" * 10240
    body = {"name": "short", "code": sql}
    with network(listed(), posted(body), listed(shown())):
        (warning,) = run(code=sql)["warnings"]
    assert warning == f"code has {len(sql)} bytes; Cloudflare documents a limit of 10240"
    with network(listed(shown()), content(sql)):
        assert "warnings" not in run(code=sql)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": ""}, "name: is empty"),
        ({"name": "n" * 256}, "name: has 256 bytes; Cloudflare accepts at most 255"),
        ({"name": "\u00fc" * 128}, "name: has 256 bytes"),
        ({"description": "d" * 4097}, "description: has 4097 bytes"),
        ({"code": "c" * 32769}, "code: has 32769 bytes; Cloudflare accepts at most 32768"),
        ({"code": " \n"}, "code: is empty"),
        ({"id": 0}, "id: must be 1 or more"),
        ({"name": None}, "one of the following is required: id, name"),
        ({"account_id": "x"}, "account_id: must be 32 hexadecimal digits"),
        ({"account_id": None}, "missing required arguments: account_id"),
        ({"zone_id": ZONE}, 'unsupported option "zone_id"'),
        ({"preview_input": "text"}, "preview_input"),
    ],
)
def test_an_invalid_option_is_named_and_nothing_is_sent(
    options: dict[str, t.Any], said: str
) -> None:
    with network():
        result = run(**{"code": SQL, **options})
    assert result["failed"] is True
    assert said in result["msg"]


def test_an_account_that_is_null_is_invalid() -> None:
    options = {"account_id": None, "name": "short", "api_token": TOKEN}
    with network():
        message = run_module(logpush_transformer.main, options)["msg"]
    # Before ansible-core 2.19, null is Ansible's to refuse.
    assert message == "account_id: must be 32 hexadecimal digits" or "'account_id'" in message


def test_a_creation_needs_sql() -> None:
    with network(listed()):
        result = run()
    assert result["msg"] == (
        f"code: is required to create a transformer, and account {ACCOUNT} has no transformer "
        "'short'"
    )


def test_an_id_that_does_not_exist_creates_nothing() -> None:
    with network(listed(shown())):
        assert "there is no transformer 8" in run(id=8, code=SQL)["msg"]


def test_several_transformers_of_one_name_need_an_id() -> None:
    for state in ("present", "absent"):
        with network(listed(shown(7), shown(9))):
            result = run(state=state, code=SQL)
        assert "set id to the intended one" in result["msg"]
        assert result["ids"] == [7, 9]


def test_a_duplicate_after_a_creation_fails_with_both_ids() -> None:
    with network(listed(), posted(CREATION), listed(shown(7), shown(8))):
        result = run(code=SQL, description="Fewer fields")
    assert (result["failed"], result["changed"], result["action"]) == (True, True, "created")
    assert result["ids"] == [7, 8]
    assert "this task created transformer 7" in result["msg"]
    assert result["transformer"]["id"] == 7


def test_a_creation_that_cannot_be_verified_fails_as_changed() -> None:
    refusal = Call("GET", PATH, None, failure(403, 10000, "Authentication error"))
    with network(listed(), posted(CREATION), refusal):
        result = run(code=SQL, description="Fewer fields")
    assert (result["failed"], result["changed"]) == (True, True)
    assert "transformer 7 was created, but" in result["msg"]
    assert result["error"]["status"] == 403


@pytest.mark.parametrize("answer", [LOST, failure(502, 1000, "bad gateway"), success({})])
def test_a_creation_whose_response_is_lost_is_found_and_not_sent_again(answer: t.Any) -> None:
    later = (listed(shown(8, name="other"), shown()), content())
    before = listed(shown(8, name="other"))
    with network(before, posted(CREATION, answer), *later, listed(shown())):
        result = run(code=SQL, description="Fewer fields")
    assert (result["changed"], result["response_lost"]) == (True, True)
    assert result["transformer"]["id"] == 7
    assert "but it was applied: transformer 7 is in the desired state" in result["warnings"][0]


def test_a_lost_creation_is_looked_for_several_times() -> None:
    looks = [listed(), listed(), listed(shown()), content()]
    with network(listed(), posted(CREATION, LOST), *looks, listed(shown())) as double:
        assert run(code=SQL, description="Fewer fields")["transformer"]["id"] == 7
    assert sum(double.pauses) == 3


def test_a_lost_creation_that_is_not_found_fails() -> None:
    with network(listed(), posted(CREATION, LOST), *(listed() for _look in range(4))):
        result = run(code=SQL, description="Fewer fields")
    assert (result["failed"], result["response_lost"], result["ids"]) == (True, True, [])
    assert "the transformer was not found afterwards" in result["msg"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([shown(7), shown(8)], "there were 2 new transformers of that name (ids: 7, 8)"),
        ([shown(7, description="x")], "transformer of that name, 7, but it differs in description"),
    ],
)
def test_jobs_after_a_lost_creation_are_reported(found: t.Any, said: str) -> None:
    calls = [listed(*found), *([content()] if len(found) == 1 else [])]
    with network(listed(), posted(CREATION, LOST), *calls):
        result = run(code=SQL, description="Fewer fields")
    assert said in result["msg"]
    assert result["ids"] == [each["id"] for each in found]


def test_a_check_that_fails_after_a_lost_creation_is_reported() -> None:
    refusal = Call("GET", PATH, None, failure(403, 10000, "Authentication error"))
    with network(listed(), posted(CREATION, LOST), refusal):
        result = run(code=SQL, description="Fewer fields")
    assert "whether it was applied is unknown" in result["msg"]
    assert result["response_lost"] is True


def test_an_update_whose_response_is_lost_is_verified_and_not_sent_again() -> None:
    body = {"name": "short", "description": "Fewer fields", "code": NEW_SQL}
    later = (got(7, success(shown())), content(), got(7, success(shown())), content(NEW_SQL))
    with network(listed(shown()), content(), put(body, LOST), *later):
        result = run(code=NEW_SQL)
    assert (result["changed"], result["response_lost"]) == (True, True)


def test_a_lost_update_that_is_not_found_fails() -> None:
    body = {"name": "short", "description": "Fewer fields", "code": NEW_SQL}
    gone = [got(7, failure(404, 1002, "transformer 7 not found for this account"))] * 4
    with network(listed(shown()), content(), put(body, LOST), *fresh(gone)):
        result = run(code=NEW_SQL)
    assert "transformer 7 is not in the desired state" in result["msg"]
    assert result["changes"] == ["code"]


def fresh(calls: t.Sequence[Call]) -> list[Call]:
    """Return calls each with a response of its own, which can be read once."""
    return [
        call._replace(answer=failure(404, 1002, "transformer 7 not found for this account"))
        for call in calls
    ]


def test_an_update_without_sql_may_be_repeated() -> None:
    body = {"name": "short", "description": "Other"}
    with network(listed(shown()), content(), put(body, LOST), put(body)):
        assert run(description="Other")["response_lost"] is False


@pytest.mark.parametrize("result", [None, [], {"name": "short"}, {"id": True}, {"id": "7"}])
def test_a_list_of_something_else_is_malformed(result: t.Any) -> None:
    with network(Call("GET", PATH, None, success([result]))):
        assert "contains no transformer" in run(code=SQL)["msg"]


def test_a_response_about_another_transformer_is_malformed() -> None:
    body = {"name": "short", "description": "Other"}
    answers = (success(shown(8)), success(shown(description="Other")))
    with network(listed(shown()), content(), put(body, answers[0]), got(7, answers[1]), content()):
        result = run(description="Other")
    assert "is about another transformer than 7" in result["warnings"][0]


def deleted(answer: t.Any = None) -> Call:
    """Expect a removal, which succeeds unless there is another answer."""
    return Call("DELETE", f"{PATH}/7", None, success({"id": 7}) if answer is None else answer)


@pytest.mark.parametrize("options", [{}, {"name": None, "id": 7}, {"id": 7}])
def test_a_transformer_is_removed(options: dict[str, t.Any]) -> None:
    with network(listed(shown()), content(), deleted()):
        result = run(state="absent", diff=True, **options)
    assert (result["changed"], result["action"]) == (True, "deleted")
    assert result["transformer"]["code"] == SQL
    _properties, code = result["diff"]
    assert (code["before"], code["after"]) == (SQL + "\n", "")
    with network(listed(shown()), content()):
        assert run(state="absent", check_mode=True, **options)["action"] == "deleted"


@pytest.mark.parametrize("options", [{}, {"name": None, "id": 9}, {"preview_input": RECORD}])
def test_a_transformer_that_is_absent_is_not_removed(options: dict[str, t.Any]) -> None:
    with network(listed(shown(name="other"))):
        result = run(state="absent", **options)
    assert (result["changed"], result["transformer"]) == (False, None)


def test_a_transformer_of_another_name_is_not_removed() -> None:
    with network(listed(shown(name="other"))):
        result = run(state="absent", id=7)
    assert result["msg"] == "name: transformer 7 has 'other'; it was not removed"


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_transformer_in_use_is_not_removed_and_its_jobs_are_named(check_mode: bool) -> None:
    with network(listed(shown(associated_jobs=JOBS))):
        result = run(state="absent", check_mode=check_mode)
    assert result["failed"] is True
    assert result["msg"] == (
        f"transformer 7 ('short') is used by 2 jobs: job 42 ('http-to-s3') of zone {ZONE}, job 43 "
        f"of account {ACCOUNT}. Detach it from them first; it was not removed"
    )
    assert result["associated_jobs"] == JOBS


def test_a_job_attached_in_the_meantime_is_named() -> None:
    conflict = deleted(failure(409, 1002, "in use"))
    with network(
        listed(shown()), content(), conflict, got(7, success(shown(associated_jobs=JOBS)))
    ):
        result = run(state="absent")
    assert "job 42 ('http-to-s3')" in result["msg"]


def test_a_conflict_without_jobs_is_reported_as_it_is() -> None:
    conflict = deleted(failure(409, 1002, "in use"))
    with network(listed(shown()), content(), conflict, got(7, success(shown()))):
        result = run(state="absent")
    assert (result["failed"], result["error"]["status"]) == (True, 409)


@pytest.mark.parametrize("status", [400, 404])
def test_a_transformer_removed_in_the_meantime_is_gone(status: int) -> None:
    gone = deleted(failure(status, 1002, "transformer 7 not found for this account"))
    with network(listed(shown()), content(), gone):
        assert run(state="absent")["action"] == "deleted"


def test_a_removal_whose_response_is_lost_is_looked_for() -> None:
    lost = deleted(failure(500, 1000, "internal error"))
    gone = failure(404, 1002, "transformer 7 not found for this account")
    with network(listed(shown()), content(), lost, got(7, gone)):
        result = run(state="absent")
    assert (result["action"], result["response_lost"]) == ("deleted", True)
    lost = deleted(failure(500, 1000, "internal error"))
    with network(listed(shown()), content(), lost, got(7, success(shown()))):
        assert "transformer 7 still exists" in run(state="absent")["msg"]


def test_a_description_cannot_bring_credentials_into_the_result() -> None:
    with network(listed(shown(description=f"made with {TOKEN}")), content()):
        result = run()
    assert TOKEN not in str(result)
