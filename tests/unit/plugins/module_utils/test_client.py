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
    Client,
    KeyAuth,
    TokenAuth,
    as_it_is,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import Response
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    RequestError,
    UnexpectedResult,
)

JSON = {"Content-Type": "application/json"}


class Once:
    """Gives one answer, and keeps what was asked for."""

    rate_limit_retry_timeout = 300.0

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, bytes | None, bool]] = []

    def send(self, method: str, path: str, body: bytes | None, *, idempotent: bool) -> Response:
        """Give the answer."""
        self.asked.append((method, path, body, idempotent))
        return self.answer


def once(
    body: t.Any = None,
    *,
    status: int = 200,
    headers: t.Mapping[str, str] | None = None,
) -> Once:
    """Return a sender for one answer: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = JSON if headers is None else headers
    return Once(Response(status, CaseInsensitiveDict(given), content))


def masked(text: str) -> str:
    """Stand in for what knows the secrets."""
    return text.replace("SECRET", "***")


def failed(sender: Once, reads: t.Callable[[t.Any], t.Any] = as_it_is) -> RequestError:
    """Return the error that the answer to a question is."""
    with pytest.raises(RequestError) as caught:
        Client(sender, mask=masked).read("GET", "/x", reads=reads)
    return caught.value


OK = {"success": True, "result": 7}


def test_a_question_may_be_repeated() -> None:
    sender = once(OK)
    assert Client(sender, mask=masked).read("GET", "/x", reads=as_it_is) == 7
    assert sender.asked == [("GET", "/x", None, True)]


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_write_is_repeated_where_that_is_said(idempotent: bool) -> None:
    sender = once(OK)
    assert (
        Client(sender, mask=masked).write("PUT", "/x", {"a": "\u00e4"}, idempotent=idempotent) == 7
    )
    assert sender.asked == [("PUT", "/x", b'{"a": "\\u00e4"}', idempotent)]


TEXT = {"Content-Type": "text/plain"}
STAYS = "which is not followed; check base_url"
ELSEWHERE = {"Location": "https://other.example/x"}
NO_JSON = "not with Cloudflare's JSON but with"
CUT = f"{NO_JSON} application/json: JSON that is cut short, or has no envelope"


@pytest.mark.parametrize(
    ("status", "headers", "body", "said", "retryable"),
    [
        (300, ELSEWHERE, None, f"redirected to other.example, {STAYS}", False),
        (399, {}, None, f"redirected to another path, {STAYS}", False),
        (200, TEXT, b"a SECRET", f"{NO_JSON} text/plain: 'a ***'", False),
        (502, {}, b"down", f"{NO_JSON} no content type: 'down'", True),
        (522, {}, b"down", f"{NO_JSON} no content type: 'down'", True),
        (525, {}, b"down", f"{NO_JSON} no content type: 'down'", False),
        (200, JSON, b' \n{"success": tr', CUT, False),
        (200, JSON, b'[{"destination_conf": "s3:', CUT, False),
    ],
)
def test_an_answer_that_is_not_cloudflares(
    status: int, headers: dict[str, str], body: bytes | None, said: str, retryable: bool
) -> None:
    error = failed(once(body, status=status, headers=headers))
    assert error.message == f"GET /x failed: the server answered HTTP {status}, {said}"
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
def test_what_cloudflare_says_is_told(status: int, body: object, said: str) -> None:
    error = failed(once(body, status=status))
    assert error.message == f"GET /x failed: Cloudflare answered HTTP {status}: {said}"


@pytest.mark.parametrize("body", [b"slow down", {"success": True}])
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "the rate limit holds on"),
        ({"Retry-After": "900"}, "the rate limit asks to wait 900 s more"),
        ({"Retry-After": "soon"}, "the rate limit asks to wait soon"),
    ],
)
def test_a_rate_limit_names_the_option(headers: dict[str, str], said: str, body: object) -> None:
    error = failed(once(body, status=429, headers=headers))
    assert error.message == (
        f"GET /x failed: Cloudflare answered HTTP 429: no reason given; {said}, "
        "and rate_limit_retry_timeout allows 300 s in all"
    )
    assert error.values["error"]["retryable"] is True


def test_what_the_next_task_gets_of_an_error() -> None:
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


def test_a_result_of_no_use() -> None:
    def reads(_result: object) -> None:
        raise UnexpectedResult("holds no name")

    error = failed(once(OK), reads)
    assert error.message == "GET /x failed: Cloudflare's answer holds no name"
    assert error.values["error"]["retryable"] is False


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
