# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in for the network, and what runs a module as Ansible would.

Nothing here opens a socket. A module is run through the real ``AnsibleModule``, so that its
options are checked and its output is masked by the code that does so in a play.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
import time
import types
import typing as t
from unittest import mock

import requests
import urllib3
from ansible.module_utils import basic
from ansible.module_utils.common import warnings

from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import http

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core before 2.19

    @contextlib.contextmanager
    def patch_module_args(args: dict[str, t.Any]) -> t.Iterator[None]:
        """Give the next AnsibleModule its arguments."""
        content = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", content):
            yield


ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
ACCOUNT = "01a7362d577a6c3019a474fd6f485823"
TOKEN = "Vn3kQ8xYpB5tLw7RzJ2mHc4sDf6gKa9eUo1iXy0N"
API = "https://api.cloudflare.com/client/v4"


class Call(t.NamedTuple):
    """One request that is expected, and its answer: a response, or an exception to raise."""

    method: str
    path: str
    body: t.Any
    answer: requests.Response | Exception


class Network:
    """Answers exactly the requests expected, in order; fails on a missing or an extra one.

    Of threads ``concurrent`` each sees to a zone or account, so the order is that of each.
    """

    def __init__(self, calls: t.Sequence[Call], *, concurrent: bool = False) -> None:
        self._expected = list(calls)
        self._concurrent = concurrent
        self._lock = threading.Lock()
        self.sent: list[requests.PreparedRequest] = []
        self.settings: list[dict[str, t.Any]] = []
        self.pauses: list[float] = []

    def send(
        self, _adapter: object, request: requests.PreparedRequest, **settings: t.Any
    ) -> requests.Response:
        """Stand in for ``HTTPAdapter.send``."""
        with self._lock:
            self.sent.append(request)
            self.settings.append(settings)
            call = self._next(request)
        assert request.method == call.method
        absolute = call.path.startswith("https://")
        assert request.url == (call.path if absolute else API + call.path)
        assert (None if request.body is None else json.loads(request.body)) == call.body
        if isinstance(call.answer, Exception):
            raise call.answer
        if isinstance(call.answer, Answer):
            call.answer.prepare()
        call.answer.request = request
        call.answer.url = request.url
        return call.answer

    def _next(self, request: requests.PreparedRequest) -> Call:
        scope = str(request.url).removeprefix(API).partition("/logpush/")[0]
        calls = (
            call
            for call in self._expected
            if not self._concurrent or call.path.partition("/logpush/")[0] == scope
        )
        call = next(calls, None)
        # Raised through the code under test, which must not take it for a broken connection.
        assert call, f"one request too many: {request.method} {request.url}"
        self._expected.remove(call)
        return call

    def assert_all_sent(self) -> None:
        """Fail where an expected request did not come."""
        assert not self._expected, f"not sent: {self._expected}"


@contextlib.contextmanager
def network(*calls: Call, concurrent: bool = False) -> t.Iterator[Network]:
    """Put a ``Network`` instead of the real one, and a clock that only pauses move."""
    double = Network(calls, concurrent=concurrent)

    def send(adapter: object, request: requests.PreparedRequest, **settings: t.Any) -> t.Any:
        return double.send(adapter, request, **settings)

    def now() -> float:
        return float(sum(double.pauses))

    with standing_in(send, double.pauses.append, now):
        yield double
    double.assert_all_sent()


class _Caller:
    """Replaces a thread: what it is to do is done where it is started."""

    def __init__(self, *, target: t.Callable[[], None], daemon: bool) -> None:
        assert daemon
        self.start = target


_IN_PLACE = types.SimpleNamespace(Lock=threading.Lock, Thread=_Caller)


@contextlib.contextmanager
def standing_in(
    send: t.Callable[..., requests.Response],
    sleep: t.Callable[[float], None],
    monotonic: t.Callable[[], float],
) -> t.Iterator[None]:
    """Put functions instead of ``HTTPAdapter.send``, ``time.sleep`` and ``time.monotonic``.

    A mock takes longer to make than a module to run. Each request is sent by the thread that wants
    its response, since ``send`` returns at once.
    """
    with (
        mock.patch.object(http, "threading", _IN_PLACE),
        mock.patch.object(requests.adapters.HTTPAdapter, "send", send),
        mock.patch.object(time, "sleep", sleep),
        mock.patch.object(time, "monotonic", monotonic),
    ):
        yield


class Answer(requests.Response):
    """A response that can be sent again: mutation testing runs a test many times in a process."""

    body = b""

    def prepare(self) -> None:
        """Make the body readable once more."""
        if self.raw.closed:
            self.raw = raw_body(io.BytesIO(self.body))
            # What requests sets before it has read anything.
            self.__dict__.update(_content=False, _content_consumed=False)


def response(
    body: object = None,
    *,
    status: int = 200,
    headers: t.Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> requests.Response:
    """Return an HTTP answer with ``body`` as JSON, or with ``content`` as it is."""
    answer = Answer()
    answer.status_code = status
    answer.headers.update({"Content-Type": "application/json", "cf-ray": "8f2c1d7e4a9b0c3d-FRA"})
    answer.headers.update(headers or {})
    answer.body = json.dumps(body).encode() if content is None else content
    answer.raw = raw_body(io.BytesIO(answer.body))
    return answer


def raw_body(content: io.BytesIO) -> urllib3.HTTPResponse:
    """Return a body as it comes from the network."""
    return urllib3.HTTPResponse(body=content, preload_content=False)


def success(result: object) -> requests.Response:
    """Return Cloudflare's envelope around a result."""
    return response({"success": True, "errors": [], "messages": [], "result": result})


def failure(
    status: int, code: int, message: str, headers: t.Mapping[str, str] | None = None
) -> requests.Response:
    """Return Cloudflare's envelope around an error."""
    errors = [{"code": code, "message": message}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return response(body, status=status, headers=headers)


def challenge_token(claims: dict[str, t.Any]) -> str:
    """Return an unsigned JWT: the collection never looks at the signature."""
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    encoded = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def run_module(
    main: t.Callable[[], None],
    options: dict[str, t.Any],
    *,
    check_mode: bool = False,
    diff: bool = False,
) -> dict[str, t.Any]:
    """Run a module and return what it printed, as Ansible reads it; warnings as plain texts."""
    # They are kept for the whole process, which a module mostly has for itself.
    warnings._global_warnings.clear()
    args = {**options, "_ansible_check_mode": check_mode, "_ansible_diff": diff}
    output = io.StringIO()
    printed = contextlib.redirect_stdout(output)
    # The log of the machine that runs the tests is none of their business.
    with (
        mock.patch.object(basic, "has_journal", new=False),
        mock.patch.object(basic.AnsibleModule, "_log_to_syslog", _log_nothing),
        patch_module_args(args),
        printed,
        contextlib.suppress(SystemExit),
    ):
        main()
    result: dict[str, t.Any] = json.loads(output.getvalue())
    if "warnings" in result:
        result["warnings"] = [_text(warning) for warning in result["warnings"]]
    return result


def _log_nothing(_module: object, _msg: str) -> None:
    pass


def _text(warning: t.Any) -> str:
    """Return a warning's text; since ansible-core 2.19 it is inside a structure."""
    return str(warning["event"]["msg"] if isinstance(warning, dict) else warning)
