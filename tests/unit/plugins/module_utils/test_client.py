# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cloudflare's answers mean: which are results, and what is told of those that are not."""

from __future__ import annotations

import json
import typing as t

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.client import (
    DEEPEST,
    Client,
    KeyAuth,
    TokenAuth,
    decode_envelope,
    decode_graphql,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import Response
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import RequestError

JSON = {"Content-Type": "application/json"}


class Once:
    """Gives one answer, and keeps what was asked for."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, bytes | None, bool]] = []

    def send(
        self, method: str, path: str, body: bytes | None, *, idempotent: bool, decode: t.Any
    ) -> Response:
        """Give the answer, decoded as it is expected."""
        self.asked.append((method, path, body, idempotent))
        return self.answer._replace(value=decode(self.answer.content))


def once(
    body: t.Any = None,
    *,
    status: int = 200,
    headers: t.Mapping[str, str] | None = None,
    note: str = "",
) -> Once:
    """Return a sender for one answer: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = JSON if headers is None else headers
    return Once(Response(status, CaseInsensitiveDict(given), content, None, note))


def redacted(text: str) -> str:
    """Stand in for what knows the secrets."""
    return text.replace("SECRET", "***")


def client(sender: Once, *, check_mode: bool = False) -> Client:
    """Return a client of that sender."""
    return Client(t.cast(t.Any, sender), redact=redacted, check_mode=check_mode)


def failed(sender: Once) -> RequestError:
    """Return the error that the response is."""
    with pytest.raises(RequestError) as caught:
        client(sender).read("GET", "/x")
    return caught.value


OK = {"success": True, "result": 7, "result_info": {"page": 1}}


def test_a_read_is_idempotent_and_sent_in_check_mode() -> None:
    sender = once(OK)
    response = client(sender, check_mode=True).read("GET", "/x")
    assert (response.result, response.result_info) == (7, {"page": 1})
    assert sender.asked == [("GET", "/x", None, True)]


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_write_says_whether_it_is_idempotent(idempotent: bool) -> None:
    sender = once(OK)
    response = client(sender).write("PUT", "/x", {"a": "\u00e4"}, idempotent=idempotent)
    assert response is not None
    assert response.result == 7
    assert sender.asked == [("PUT", "/x", b'{"a": "\\u00e4"}', idempotent)]


def test_a_write_is_not_sent_in_check_mode() -> None:
    sender = once(OK)
    assert client(sender, check_mode=True).write("PUT", "/x", {}, idempotent=True) is None
    assert not sender.asked


@pytest.mark.parametrize(
    ("result", "kind", "value"),
    [
        ({"a": "b"}, str, "b"),
        ({"a": 7}, str, None),
        ({"a": True}, int, None),
        ({"a": True}, bool, True),
        ({}, str, None),
        (None, str, None),
        (["a"], str, None),
    ],
)
def test_a_field_is_of_its_type_or_none(result: t.Any, kind: type, value: t.Any) -> None:
    response = client(once({"success": True, "result": result})).read("GET", "/x")
    assert response.field("a", kind) == value


TEXT = {"Content-Type": "text/plain"}
STAYS = "not followed; check base_url"
ELSEWHERE = {"Location": "https://other.example/x"}
NONE = "not a Cloudflare envelope but"
CUT = f"{NONE} application/json: JSON that is incomplete, nested too deeply or of another structure"
GZIP = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "said", "retryable"),
    [
        (300, ELSEWHERE, None, f"redirect to other.example {STAYS}", False),
        (399, {}, None, f"redirect to another path {STAYS}", False),
        (200, TEXT, b"a SECRET", f"{NONE} text/plain: 'a ***'", False),
        (502, {}, b"down", f"{NONE} no content type: 'down'", True),
        (522, {}, b"down", f"{NONE} no content type: 'down'", True),
        (525, {}, b"down", f"{NONE} no content type: 'down'", False),
        (200, JSON, b' \n{"success": tr', CUT, False),
        (200, JSON, b'[{"destination_conf": "s3:', CUT, False),
        (200, GZIP, b"", "unexpected Content-Encoding gzip", False),
    ],
)
def test_an_answer_that_is_not_cloudflares(
    status: int, headers: dict[str, str], body: bytes | None, said: str, retryable: bool
) -> None:
    error = failed(once(body, status=status, headers=headers))
    assert error.message == f"GET /x failed: malformed response (HTTP {status}): {said}"
    assert error.values["error"]["retryable"] is retryable


SEVERAL = [{"code": 1, "message": "a SECRET"}, {"message": "b"}, {"code": 2}, "c"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, OK, "no reason given"),
        (200, {"success": False, "errors": "none"}, "no reason given"),
        (200, {"success": False, "errors": SEVERAL}, "a *** (code 1); b; no message (code 2); c"),
    ],
)
def test_the_message_of_cloudflare_is_reported(status: int, body: object, said: str) -> None:
    error = failed(once(body, status=status))
    assert error.message == f"GET /x failed: Cloudflare answered HTTP {status}: {said}"


@pytest.mark.parametrize("body", [b"slow down", {"success": True}])
def test_a_rate_limit_is_an_error_with_a_note(body: object) -> None:
    error = failed(once(body, status=429, note="still rate limited after 300 s"))
    assert error.message == (
        "GET /x failed: Cloudflare answered HTTP 429: no reason given; "
        "still rate limited after 300 s"
    )
    assert error.values["error"]["retryable"] is True


def test_the_error_that_the_next_task_gets() -> None:
    errors: list[t.Any] = [
        {"code": 1, "message": "SECRET", "error_chain": [{"code": 3}]},
        {"message": "b"},
        "code",
    ]
    headers = {**JSON, "CF-Ray": "8f2c1d7e4a9b0c3d-FRA"}
    error = failed(once({"success": False, "errors": errors}, status=403, headers=headers))
    assert error.values == {
        "error": {
            "status": 403,
            "method": "GET",
            "path": "/x",
            "codes": [1],
            "errors": [{**errors[0], "message": "***"}, {"message": "b"}, "code"],
            "ray_id": "8f2c1d7e4a9b0c3d-FRA",
            "retryable": False,
        }
    }


def test_a_malformed_result() -> None:
    error = client(once(OK)).read("GET", "/x").malformed("contains no name")
    assert error.message == "GET /x failed: Cloudflare's response contains no name"
    assert error.values["error"]["status"] == 200
    assert error.values["error"]["retryable"] is False


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    """Return an envelope of so many levels."""
    inner = depth - 1
    return b'{"success": true, "result": %s}' % (opening * inner + closing * inner).encode()


def test_a_response_nested_too_deep_is_no_envelope() -> None:
    assert decode_envelope(nested(DEEPEST)) is not None
    for depth in (DEEPEST + 1, 250, 100_000):
        assert decode_envelope(nested(depth)) is None
    assert decode_envelope(nested(100_000, '{"a":', "}").replace(b":}", b":1}")) is None


@pytest.mark.parametrize(
    ("text", "shown_as"),
    [
        (b"a\\ud800b", "a?b"),
        (b"\\uDFFF", "?"),
        (b"\\ude00\\ud83d", "??"),
        (b"\xed\xa0\x80", "?"),
        (b"\\ud83d\\ude00 \\\\ud800 \xc3\xa9", "\U0001f600 \\ud800 \xe9"),
    ],
)
@pytest.mark.parametrize("decode", [decode_envelope, decode_graphql])
def test_half_a_character_cannot_break_the_result_of_a_task(
    decode: t.Callable[[bytes], t.Any], text: bytes, shown_as: str
) -> None:
    members = b'"errors": [{"message": "%s", "%s": 1.5}]' % (text, text)
    decoded = decode(b'{"success": false, %s}' % members)
    assert decoded["errors"] == [{"message": shown_as, shown_as: 1.5}]
    in_utf_16 = '{"success": false, "errors": ["\ud800"]}'.encode("utf-16-le", "surrogatepass")
    assert decode(in_utf_16)["errors"] == ["?"]


def test_a_number_too_long_is_rejected_at_once() -> None:
    assert decode_envelope(b'{"success": true, "result": %s}' % (b"9" * 1_000_000)) is None


def shown(*errors: t.Any) -> tuple[str, list[t.Any]]:
    """Return the message and the errors of a failed request."""
    error = failed(once({"success": False, "errors": errors}, status=400))
    return error.message, error.values["error"]["errors"]


def test_names_of_members_are_redacted() -> None:
    _message, errors = shown({"message": "m", "source": {"/SECRET": 1}})
    assert errors == [{"message": "m", "source": {"/***": 1}}]


@pytest.mark.parametrize("length", range(16_300, 16_400, 7))
def test_no_half_of_a_secret_is_shown_where_a_text_is_cut(length: int) -> None:
    long = "SECRET" * 20
    # What is redacted becomes shorter, so that the place of the cut comes near.
    message, errors = shown({"message": "SECRET" * (length // 6) + "x" * (length % 6) + long})
    for part in range(1, 6):
        assert "SECRET"[:part] + "..." not in message
    assert "SECR" not in message.replace("SECRET", "")
    assert len(errors[0]["message"]) <= 1003


def test_only_a_limited_length_is_redacted() -> None:
    seen: list[int] = []

    def counted(text: str) -> str:
        seen.append(len(text))
        return text

    big = "x" * 200_000
    errors = [{"code": 1, "message": big, big: [big, {big: big}]}] * 5
    many = [{} for _number in range(20_000)]  # type: ignore[var-annotated]
    for body in (errors, many, [big] * 10):
        sender = once({"success": False, "errors": body}, status=400)
        with pytest.raises(RequestError) as caught:
            Client(t.cast(t.Any, sender), redact=counted).read("GET", "/x")
        assert len(caught.value.message) < 2000
        assert len(json.dumps(caught.value.values)) < 150_000
    assert max(seen) <= 16 * 1024
    assert sum(seen) < 600_000


@pytest.mark.parametrize(
    ("auth", "headers"),
    [
        (TokenAuth("t"), {"Authorization": "Bearer t"}),
        (KeyAuth("me@example.com", "k"), {"X-Auth-Email": "me@example.com", "X-Auth-Key": "k"}),
    ],
)
def test_the_headers_that_authenticate(
    auth: requests.auth.AuthBase, headers: dict[str, str]
) -> None:
    prepared = requests.Request("GET", "https://api.example/x", auth=auth).prepare()
    assert dict(prepared.headers) == headers


QUERY = "query ($tag: String!) { viewer { zones(filter: {zoneTag: $tag}) { zoneTag } } }"
DATA: dict[str, t.Any] = {"viewer": {"zones": []}}


def query_failed(body: t.Any, status: int = 200) -> RequestError:
    """Return the error that the response to a query is."""
    with pytest.raises(RequestError) as caught:
        client(once(body, status=status)).query(QUERY, {})
    return caught.value


@pytest.mark.parametrize("errors", [{}, {"errors": None}, {"errors": []}])
def test_a_query_is_a_read_by_post_and_sent_in_check_mode(errors: dict[str, t.Any]) -> None:
    sender = once({"data": DATA, **errors})
    response = client(sender, check_mode=True).query(QUERY, {"tag": "a"})
    assert response.result == DATA
    body = {"query": QUERY, "variables": {"tag": "a"}}
    assert sender.asked == [("POST", "/graphql", json.dumps(body).encode(), True)]


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("data", [None, DATA])
def test_errors_of_a_query_are_an_error_and_partial_data_is_no_result(
    data: t.Any, status: int
) -> None:
    errors = [
        {"message": "cannot request data older than 7d SECRET", "path": ["viewer"]},
        {"message": "unknown field"},
    ]
    error = query_failed({"data": data, "errors": errors}, status)
    assert error.message == (
        f"POST /graphql failed: Cloudflare answered HTTP {status}: "
        "cannot request data older than 7d ***; unknown field"
    )
    assert error.values["error"] == {
        "status": status,
        "method": "POST",
        "path": "/graphql",
        "codes": [],
        "errors": [
            {"message": "cannot request data older than 7d ***", "path": ["viewer"]},
            {"message": "unknown field"},
        ],
        "ray_id": None,
        "retryable": False,
    }


@pytest.mark.parametrize(
    "text",
    [
        "unable to execute query, please try again later",
        "rate limiter budget depleted, try again after 5 minutes",
        "quota exceeded, please repeat your request in the next minute",
    ],
)
def test_an_error_of_a_query_that_passes_is_retryable(text: str) -> None:
    error = query_failed({"data": None, "errors": [{"message": text}]})
    assert error.values["error"]["retryable"] is True


def test_a_query_may_be_rejected_with_an_envelope() -> None:
    envelope = {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}
    error = query_failed(envelope, 403)
    assert (error.codes, error.status) == ([10000], 403)
    assert error.cause == "Cloudflare answered HTTP 403: Authentication error (code 10000)"


@pytest.mark.parametrize(
    "body",
    [
        OK,
        [],
        {},
        {"data": None},
        {"data": None, "errors": []},
        {"data": [1], "errors": None},
        {"data": DATA, "errors": "none"},
        b'{"data": {"viewer"',
        b"<html>",
    ],
)
def test_anything_but_a_graphql_response_is_malformed(body: t.Any) -> None:
    error = query_failed(body)
    expected = "malformed response (HTTP 200): not a GraphQL response but application/json"
    assert expected in str(error)


def test_a_graphql_response_is_no_envelope() -> None:
    assert "not a Cloudflare envelope" in str(failed(once({"data": DATA, "errors": None})))
