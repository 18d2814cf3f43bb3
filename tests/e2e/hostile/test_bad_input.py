# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is given for an option is refused before it is sent, or it is sent as it was given.

Every option of every module, with values made to break it, on a real socket.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import typing as t
from collections import Counter
from itertools import zip_longest

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    TOKEN,
    ZONE,
    run_module,
)
from e2e.conftest import EXPLORED
from e2e.hostile.conftest import Count
from e2e.hostile.inputs_expected import (
    MODULES,
    Judgement,
    Module,
    Values,
    requests_of,
    texts,
)
from e2e.hostile.inputs_options import (
    ATTACKS,
    CHALLENGE,
    LOCAL,
    OPTIONS,
    PORT,
    R2,
    SECRET,
    Option,
)
from e2e.hostile.inputs_server import Job, Received, Recorder
from sandbox.server import STRAY

EXAMPLES = EXPLORED or 3
# All values that are tried always are tried at one module; at others that have the same option, it
# is every so many of the invalid ones, and of the valid ones.
EVERY = 1 if EXPLORED else 24
EVERY_VALID = 1 if EXPLORED else 3
# Of the texts for any option a ninth is tried at each: another one at the next option.
SHARE_OF_ATTACKS = 1 if EXPLORED else 9
# In seconds; a run takes a few thousandths of one.
LONGEST_RUN = 120
# Ansible masks what is shorter as well, but a shorter text also turns up where it is no secret.
SHORTEST_SECRET = 8

settings.register_profile(
    "bad input",
    # The same inputs in each run.
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
PROFILE = settings.get_profile("bad input")

# Each property set, and to what no input says.
JOB: Job = {
    "id": 7,
    "name": "http",
    "dataset": "http_requests",
    "kind": "",
    "enabled": False,
    "filter": json.dumps({"where": {"key": "RayID", "operator": "eq", "value": "of the job"}}),
    "logpull_options": "fields=OfTheJob",
    "frequency": "low",
    "max_upload_bytes": 5_000_009,
    "max_upload_interval_seconds": 39,
    "max_upload_records": 1_009,
    "filter_attack_traffic": False,
    "transformer_id": 5,
    "destination_conf": R2.replace(SECRET, SECRET[::-1]),
    "output_options": {
        "field_names": ["OfTheJob"],
        "output_type": "ndjson",
        "timestamp_format": "unix",
        "sample_rate": 0.125,
        "CVE-2021-44228": False,
        "merge_subrequests": False,
        "stringify_object": False,
        "batch_prefix": "bp",
        "batch_suffix": "bs",
        "record_prefix": "rp",
        "record_suffix": "rs",
        "record_template": "rt",
        "record_delimiter": "rd",
        "field_delimiter": "fd",
    },
}


class Situation(t.NamedTuple):
    """What a module finds, and the options that it has beside those of the connection."""

    base: Values
    jobs: list[Job]


CREATED = Situation({"name": "new", "destination_conf": R2, "ownership_challenge": CHALLENGE}, [])
CHANGED = Situation({"id": 7, "destination_conf": R2, "ownership_challenge": CHALLENGE}, [JOB])
NUMBERED = Situation({"enabled": True}, [JOB])
NAMED = Situation({"name": "http"}, [JOB])
HIDDEN = Situation(
    {"name": "http", "destination_conf": R2},
    [{**JOB, "destination_conf": R2.replace(SECRET, "***")}],
)
ASKED = Situation({"destination_conf": R2}, [])
SITUATIONS = {
    "logpush_dataset_info": Situation({"dataset": "http_requests"}, []),
    "logpush_destination_validate": Situation({"destination_conf": R2}, []),
    "logpush_job": CREATED,
    "logpush_job_info": Situation({}, [JOB]),
    "logpush_jobs": CREATED,
    "logpush_ownership": ASKED,
    "logpush_ownership_validate": Situation(
        {"destination_conf": R2, "ownership_challenge": CHALLENGE}, []
    ),
    "logpush_ownerships": ASKED,
}
OF_A_JOB = {"id": NUMBERED, "state": NAMED, "update_secrets": HIDDEN, "jobs": NAMED}
# All that can be changed of a job, to be tried with one that is created and one that is changed.
CHANGEABLE = [
    *("name", "enabled", "filter", "logpull_options", "frequency", "output_options"),
    *("max_upload_bytes", "max_upload_interval_seconds", "max_upload_records"),
    *("filter_attack_traffic", "transformer_id"),
]


class Try(t.NamedTuple):
    """One run of a module; the message of a refusal has to name one of ``names``."""

    module: Module
    options: Values
    jobs: list[Job]
    names: set[str]

    @property
    def base_url(self) -> str:
        """Where the requests are to go."""
        return str(self.options["base_url"])


@pytest.fixture(scope="module", name="recorder")
def fixture_recorder() -> t.Iterator[Recorder]:
    """Start the server, as a proxy too: what shall not be sent to it shall not be sent at all."""
    with Recorder() as recorder, pytest.MonkeyPatch.context() as patch:
        for name in STRAY:
            patch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            for each in (name, name.upper()):
                patch.setenv(each, f"http://127.0.0.1:{recorder.port}")
        for name in ("no_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        yield recorder


@contextlib.contextmanager
def no_longer_than(seconds: int) -> t.Iterator[None]:
    """Fail where something hangs."""

    def give_up(*_signal: object) -> t.NoReturn:
        pytest.fail(f"hangs: no end within {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempt(tried: Try, recorder: Recorder) -> str:
    """Run a module and check its result; returns the name of the outcome."""
    recorder.begin(tried.jobs)
    # Else a NUL or a surrogate would end in Ansible's own log of what was run.
    options = {**tried.options, "_ansible_no_log": True}
    try:
        judgement = tried.module.judge(tried.options)
    except (OverflowError, TypeError):
        # Ansible's own conversion stumbles over infinity, and over a list inside of an entry.
        result = run_module(tried.module.main, options)
        check_result(tried, result)
        assert result["failed"] is True
        assert any(name in result["msg"] for name in tried.names), result["msg"]
        assert not recorder.received
        return "inputs rejected"
    with no_longer_than(LONGEST_RUN):
        result = run_module(tried.module.main, options)
    check_result(tried, result)
    if elsewhere(tried, judgement, result, recorder.received):
        return "inputs that set where requests are sent"
    if result.get("failed"):
        check_refusal(tried, judgement, result, recorder.received)
        return "inputs rejected"
    assert not judgement.said
    assert not judgement.wrong
    assert not any(one.wrong for one in judgement.each)
    check_requests(tried, [one.params for one in judgement.each], recorder.received)
    return "inputs sent unchanged"


def check_result(tried: Try, result: Values) -> None:
    """Check what holds of each result: JSON to everybody, no traceback, no secret."""
    invocation = result.pop("invocation", {})
    json.dumps(result, allow_nan=False)
    assert "exception" not in result
    shown = list(texts(result))
    assert not [text for text in shown if "Traceback" in text]
    secrets = tried.module.secrets(tried.options) | {SECRET}
    if SECRET in tried.base_url:
        # It is no place for a secret, so Ansible shows how the option was given.
        invocation["module_args"].pop("base_url")
    shown += texts(invocation)
    for secret in secrets:
        assert len(secret) < SHORTEST_SECRET or not [text for text in shown if secret in text]


def check_refusal(
    tried: Try, judgement: Judgement, result: Values, received: list[Received]
) -> None:
    """Check that of what was refused nothing was sent, and that the message names the option."""
    said = result["msg"]
    # What Ansible masks may be a part of the name.
    secrets = tried.module.secrets(tried.options)
    masked = any(secret in name for name in tried.names for secret in secrets)
    ansibles = any(said.startswith(sentence) for sentence in judgement.said)
    assert masked or ansibles or any(name in said for name in tried.names), said
    if judgement.said or judgement.wrong or (tried.module.entries and "results" not in result):
        assert not received, "refused, but after a request"
        assert judgement.said or judgement.wrong or judgement.unsure
        return
    outcomes = result.get("results", [result])
    if any(outcome["msg"].startswith("not attempted") for outcome in outcomes if outcome["failed"]):
        assert not received, "an entry is invalid, and something was sent"
    done, looked_for = [], False
    for one, outcome in zip_longest(judgement.each, outcomes):
        if not outcome["failed"]:
            assert not one.wrong
            done.append(one.params)
        elif one.wrong:
            assert masked or any(name in outcome["msg"] for name in one.wrong), outcome["msg"]
        elif outcome["msg"].startswith("not attempted"):
            assert any(other.wrong or other.unsure for other in judgement.each if other is not one)
        else:
            names = one.unsure or needs(tried, one.params)
            assert names, f"refused, though there is nothing wrong: {outcome['msg']}"
            looked_for = True
    check_requests(tried, done, received, without="GET" if looked_for else None)


def needs(tried: Try, params: Values) -> set[str]:
    """Return what a new job cannot do without, where that is not there."""
    if params.get("id") is not None:
        return set() if params["id"] in [job["id"] for job in tried.jobs] else {"id"}
    there = params.get("name") in [job["name"] for job in tried.jobs]
    absent = params.get("state", "absent") == "absent"
    return set() if absent or there or params["destination_conf"] else {"destination_conf"}


def elsewhere(tried: Try, judgement: Judgement, result: Values, received: list[Received]) -> bool:
    """Check what was tried over TLS, which the server does not speak; tell whether it was."""
    encrypted = {each.method for each in received} & {"TLS", "CONNECT"}
    if not encrypted:
        return False
    assert not judgement.wrong
    assert tried.base_url.lower().startswith("https://")
    assert result["failed"] is True
    for outcome in result.get("results", [result]):
        assert outcome["error"]["status"] is None
    for each in received:
        assert each.method in encrypted, "something was sent in the clear as well"
        assert TOKEN.encode() not in each.head
        if each.method == "CONNECT":
            host = each.target.rpartition(":")[0]
            assert f"://{host}" in tried.base_url
            assert {name for name, _value in each.headers} <= {"host", "user-agent"}
    return True


def check_requests(
    tried: Try, each: list[Values], received: list[Received], *, without: str | None = None
) -> None:
    """Check that the requests are exactly those that the options say, but for one method."""
    expected = requests_of(tried.module, each, tried.jobs)
    expected = [request for request in expected if request[0] != without]
    received = [request for request in received if request.method != without]
    assert [request.method for request in received] == [method for method, _path, _body in expected]
    for request, (_method, path, body) in zip(received, expected):
        assert re.fullmatch(r"/(zones|accounts)/[0-9a-fA-F]{32}/logpush/[A-Za-z0-9_/-]+", path)
        prefix = request.target.removesuffix(path)
        assert request.target == prefix + path
        if tried.names == {"base_url"}:
            assert not re.search(r"[^!-~]|[?#]", prefix)
        else:
            assert prefix == "/client/v4"
        assert request.rest == b""
        assert canonical(body) == canonical(json.loads(request.body or "null"))
        assert sorted(request.headers) == sorted(headers_of(tried, each[0], request))


def canonical(value: t.Any) -> str:
    """Return a value so that 1, 1.0 and true are three."""
    return json.dumps(value, sort_keys=True)


def headers_of(tried: Try, params: Values, request: Received) -> list[tuple[str, str]]:
    """Return exactly the headers that a request has to have."""
    found = dict(request.headers)
    assert found["user-agent"].startswith("ansible-edgeops.cloudflare/")
    # These two are requests's own.
    headers = {name: found[name] for name in ("user-agent", "accept-encoding")}
    headers.update({"connection": "keep-alive", "accept": "application/json"})
    headers["host"] = str(params["base_url"]).split("/")[2].lower()
    if params["api_token"]:
        headers["authorization"] = f"Bearer {params['api_token']}"
    else:
        headers.update({"x-auth-email": params["api_email"], "x-auth-key": params["api_key"]})
    if request.body:
        headers["content-type"] = "application/json"
    if request.method != "GET":
        headers["content-length"] = str(len(request.body))
    return list(headers.items())


def options_for(module: Module, name: str, value: t.Any, base: Values) -> Values:
    """Return a module's options with one of them as it is tried."""
    options: Values = {"base_url": LOCAL, "api_token": TOKEN, "timeout": 30}
    own: Values = {"zone_id": ZONE, **base}
    if name in ("api_email", "api_key"):
        del options["api_token"]
        options.update({"api_email": "edge@example.com", "api_key": TOKEN})
    if not module.entries:
        own = options = {**options, **own}
    elif name == module.entries:
        # So that it is known in which order they come.
        options["concurrency"] = 1
    else:
        options[module.entries] = [own]
    place, _dot, inner = name.partition(".")
    if inner and place == module.entries:
        put(own, inner, value)
    else:
        put(options, name, value)
    return options


def put(options: Values, name: str, value: t.Any) -> None:
    """Set an option, or the only suboption of one."""
    if name == "account_id":
        del options["zone_id"]
    option, _dot, suboption = name.partition(".")
    options[option] = {suboption: value} if suboption else value


def run_all(
    strategy: st.SearchStrategy[t.Any],
    always: t.Iterable[t.Any],
    examples: int,
    make: t.Callable[[t.Any], Try],
    recorder: Recorder,
) -> Counter[str]:
    """Try what is always tried and what chance gives; return how many came to what."""
    tally: Counter[str] = Counter()

    @settings(PROFILE, max_examples=examples)
    @given(strategy)
    def each(value: t.Any) -> None:
        tried = make(value)
        address = tried.options["base_url"]
        if isinstance(address, str):
            tried.options["base_url"] = address.replace(PORT, str(recorder.port))
        tally.update([attempt(tried, recorder), "generated inputs"])

    for value in always:
        each = example(value)(each)
    each()
    return tally


def told(tally: Counter[str], count: Count) -> None:
    """Count what was tried."""
    for figure, number in tally.items():
        count(figure, number)


EVERY_OPTION = [(module, option) for module in MODULES for option in MODULES[module].options]


def _plain(module: str, name: str) -> str:
    return name.removeprefix(f"{MODULES[module].entries}.")


# Of the modules that have an option, one that does one thing, where there is one.
ALL_VALUES_AT = {
    _plain(module, name): module
    for module, name in sorted(EVERY_OPTION, key=lambda each: MODULES[each[0]].entries is None)
}


def _tried_always(module: str, name: str, option: Option) -> tuple[list[t.Any], list[t.Any]]:
    """Return the valid and the invalid values that are tried always."""
    if module != ALL_VALUES_AT[_plain(module, name)]:
        return list(option.good[::EVERY_VALID]), list(option.bad[::EVERY])
    number = EVERY_OPTION.index((module, name))
    left_out = [text for place, text in enumerate(ATTACKS, number) if place % SHARE_OF_ATTACKS != 0]
    bad = [each for each in option.bad if not isinstance(each, str) or each not in left_out]
    return list(option.good), bad


@pytest.mark.parametrize(("module", "name"), EVERY_OPTION)
def test_one_option_at_a_time(module: str, name: str, recorder: Recorder, count: Count) -> None:
    option = MODULES[module].option(name)
    assert option is not None, f"no strategy for option {name} of module {module}"
    situations = [SITUATIONS[module]]
    if MODULES[module].one == "logpush_job":
        own = name.removeprefix("jobs.")
        situations = [OF_A_JOB.get(own, CREATED)]
        situations += [CHANGED] if own.partition(".")[0] in CHANGEABLE else []

    def make(drawn: tuple[Situation, t.Any]) -> Try:
        situation, value = drawn
        options = options_for(MODULES[module], name, value, situation.base)
        return Try(MODULES[module], options, situation.jobs, {name.rpartition(".")[2]})

    good, bad = _tried_always(module, name, option)
    always = [(each, value) for each in situations for value in good]
    always += [
        (each, value) for each in (situations if EXPLORED else situations[:1]) for value in bad
    ]
    drawn = st.tuples(st.sampled_from(situations), option.values)
    tally = run_all(drawn, always, EXAMPLES, make, recorder)
    assert tally["inputs sent unchanged"]
    told(tally, count)


def test_no_strategy_is_for_an_option_that_does_not_exist() -> None:
    names = {f"{module}.{name}" for module, name in EVERY_OPTION}
    known = {_plain(module, name) for module, name in EVERY_OPTION} | names
    assert not [name for name in OPTIONS if name not in known]
