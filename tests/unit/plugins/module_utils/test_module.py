# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to its one result: what is refused, and what is redacted."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    MissingLibrary,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import JOB
from ansible_collections.edgeops.cloudflare.plugins.module_utils._module import (
    execute,
    execute_local,
    execute_many,
)
from ansible_collections.edgeops.cloudflare.tests.unit.doubles import (
    ACCOUNT,
    API,
    TOKEN,
    ZONE,
    network,
    run_module,
)

Result = dict[str, t.Any]
STORE = {
    "type": "dict",
    "options": {
        "secret_key": {"type": "str", "no_log": True},
        "endpoint_url": {"type": "str"},
    },
}
CHALLENGE_FILE = {"challenge_file": {"type": "dict", "options": {"s3": STORE}}}


def run(result: Result, **options: t.Any) -> Result:
    """Run a module that sends nothing and returns this."""
    given = {"zone_id": ZONE, "api_token": TOKEN, "destination_conf": "r2://b/p", **options}
    return executed(lambda _params: {"changed": False, **result}, given)


def executed(
    work: t.Callable[[Result], Result], options: Result, *, check_mode: bool = False
) -> Result:
    """Run a module for one zone or account that does this with its options."""
    spec = {**_arguments.DESTINATION, **CHALLENGE_FILE}
    spec["ownership_challenge"] = {"type": "str", "no_log": True}
    with network():
        return run_module(
            lambda: execute(lambda params, _logpush: work(params), spec),
            options,
            check_mode=check_mode,
        )


def executed_many(
    jobs: t.Any, work: t.Callable[[Result], Result] = lambda _params: {}, **options: t.Any
) -> Result:
    """Run a module for many jobs that does this with its options."""
    with network():
        return run_module(
            lambda: execute_many(
                "jobs",
                lambda params, _logpush_of: {"changed": False, **work(params)},
                {**JOB, **CHALLENGE_FILE},
                common_spec=CHALLENGE_FILE,
                required_one_of=[("id", "name")],
                api_names={"output_options": {"CVE-2021-44228": "cve_2021_44228"}},
            ),
            {"api_token": TOKEN, "jobs": jobs, **options},
        )


def test_a_secret_in_a_warning_is_redacted() -> None:
    result = run({"warnings": [f"there is something about {TOKEN}"]})
    assert result["warnings"][0].startswith("there is something about ")
    assert TOKEN not in json.dumps(result)


@pytest.mark.parametrize(("secret", "shown"), [("SeCrEt8", True), ("SeCrEt-8", False)])
def test_a_secret_is_redacted_from_a_length_of_eight(secret: str, shown: bool) -> None:
    destination = f"https://logs.example.com/in?header_X={secret}"
    result = run({"said": f"no {secret}"}, destination_conf=destination)
    assert (secret in result["said"]) is shown


def test_the_value_of_a_misspelled_option_is_redacted() -> None:
    result = run({}, api_tokn="of-a-misspelled-option")
    assert result["failed"] is True
    assert "api_tokn" in result["msg"]
    assert "of-a-misspelled-option" not in json.dumps(result)


def test_internal_arguments_of_ansible_are_not_sensitive() -> None:
    name = "edgeops.cloudflare.of_a_test"
    assert run({"said": f"from {name}"}, _ansible_module_name=name)["said"] == f"from {name}"


def test_a_password_instead_of_a_port_is_not_quoted() -> None:
    result = run({}, base_url="https://someone:PaSsWoRd-9")
    assert result["msg"] == "base_url: is not a URL: its host or port is invalid"


def test_a_password_in_the_base_url_is_redacted() -> None:
    result = run({}, base_url="https://someone:PaSsWoRd-9@api.cloudflare.com")
    assert result["msg"].startswith("base_url: must not contain a user")
    assert "PaSsWoRd-9" not in json.dumps(result)


def test_a_base_url_is_no_secret_as_a_whole() -> None:
    base_url = "https://api.example.com/v4"
    assert run({"said": f"from {base_url}."}, base_url=base_url)["said"] == f"from {base_url}."


@pytest.mark.parametrize("base_url", [5, ["https://api.example.com"], {"a": "b"}])
def test_a_base_url_that_is_no_text_is_rejected(base_url: object) -> None:
    assert run({}, base_url=base_url)["msg"].startswith("base_url: is not a URL such as ")


def test_a_base_url_that_is_null_is_rejected() -> None:
    result = run({}, base_url=None)
    # Ansible before 2.19 refuses it in its own words.
    assert result["failed"]
    assert "base_url" in result["msg"]


@pytest.mark.parametrize("given", [True, False])
def test_secrets_in_a_base_url_are_redacted_in_any_place(
    monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    logged: list[str] = []

    def log(_module: object, msg: str, log_args: object = None) -> None:
        logged.extend((msg, str(log_args)))

    monkeypatch.setattr(basic.AnsibleModule, "log", log)
    base_url = "https://api.example.com/v4?key=SeCrEt-8"
    if given:
        result = run({}, base_url=base_url)
    else:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", base_url)
        result = run({})
    assert result["msg"].startswith("base_url: must not contain a user, query or fragment")
    assert logged
    for said in (json.dumps(result), *logged):
        assert "SeCrEt-8" not in said


@pytest.mark.parametrize("check_mode", [True, False])
def test_ansible_itself_has_nothing_to_redact(
    monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    given: list[set[str]] = []

    def remove(value: t.Any, secrets: set[str]) -> t.Any:
        given.append(set(secrets))
        return remove_values(value, secrets)

    monkeypatch.setattr(basic, "remove_values", remove)
    destination = "https://logs.example.com/in?header_X=first-secret&header_Y=second-secret"
    options = {"zone_id": ZONE, "api_token": TOKEN, "destination_conf": destination}
    result = executed(
        lambda _params: {"changed": False, "bucket": "my-first-secret", "n": ["first-secret"]},
        options,
        check_mode=check_mode,
    )
    # Neither in what it returns, nor in what it writes to the system's log.
    assert given
    assert not any(given)
    assert result["n"] == ["********"]
    # The next task needs it.
    assert result["bucket"] == "my-first-secret"


def test_a_key_that_a_response_quotes_instead_of_a_name_is_redacted() -> None:
    key = "0123456789abcdef0123"
    destination = f"https://logs.example.com/in?header_X={key}"
    errors = {"error": {"errors": [{"name": "a-word-1", "host": key}]}}
    result = run({"filename": f"x/{key}", **errors}, destination_conf=destination)
    assert key not in json.dumps(result)


def test_a_word_that_an_error_quotes_is_no_public_name() -> None:
    destination = "https://logs.example.com/in?header_X=a-word-1"
    errors = {"error": {"errors": [{"name": "a-word-1"}]}}
    assert "a-word-1" not in json.dumps(run(errors, destination_conf=destination))


def test_the_invocation_shows_no_secret_option_of_any_depth() -> None:
    s3 = {"secret_key": "of-a-store", "endpoint_url": "https://s3.example.com"}
    result = run({}, challenge_file={"s3": s3})
    # Newer versions of Ansible show it only where they are asked to.
    if "invocation" in result:
        hidden = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
        shown = result["invocation"]["module_args"]
        assert shown["api_token"] == shown["destination_conf"] == hidden
        assert shown["zone_id"] == ZONE
        assert shown["challenge_file"]["s3"] == {**s3, "secret_key": hidden}


@pytest.mark.parametrize("common", [True, False])
def test_a_secret_option_of_any_depth_is_redacted(common: bool) -> None:
    file = {"challenge_file": {"s3": {"secret_key": "of-a-store"}}}
    entry = {"zone_id": ZONE, "name": "a", **({} if common else file)}
    result = executed_many(
        [entry], lambda _params: {"x": "no of-a-store"}, **(file if common else {})
    )
    assert result["x"] == "no ********"


def test_the_invocation_of_many_does_not_repeat_them() -> None:
    jobs = [{"zone_id": ZONE, "name": f"job-{number}"} for number in range(500)]
    result = executed_many(jobs)
    assert len(json.dumps(result)) < 2000
    if "invocation" in result:
        assert result["invocation"]["module_args"]["jobs"] == "500 entries (not shown)"


def test_a_word_that_other_entries_hold_is_no_secret() -> None:
    words = "header_X-Org=edge-logs&header_Y-Env=http_requests&dataset=production&x=cloudflare"
    jobs = [
        {"zone_id": ZONE, "name": "acme-prod-123456", "destination_conf": f"https://h/?{words}"},
        {"zone_id": ZONE, "name": "b", "destination_conf": "s3://edge-logs/p?region=us-east-1"},
        {
            "zone_id": ZONE,
            "name": "c",
            "destination_conf": "gs://acme-prod-123456-logs/x?project=acme-prod-123456",
        },
    ]
    shown = {
        "bucket": "acme-prod-123456-logs",
        "filename": "x/acme-prod-123456.txt",
        "said": "http_requests and production to edge-logs, acme-prod-123456-logs, cloudflare",
    }
    result = executed_many(jobs, lambda _params: shown)
    assert {name: result[name] for name in shown} == shown


@pytest.mark.parametrize(
    "option",
    [
        *("api_token", "destination_conf", "ownership_challenge", "api_email", "api_key"),
        *("zone_id", "base_url"),
    ],
)
def test_white_space_around_a_value_from_a_vault_is_removed(option: str) -> None:
    credential = {"api_token": TOKEN}
    if option in ("api_email", "api_key"):
        credential = {"api_email": "a@example.com", "api_key": "of-a-user-1"}
    given = {"zone_id": ZONE, "destination_conf": "r2://b/p", "ownership_challenge": "abc"}
    given.update(credential, base_url=API)
    seen: list[str] = []

    def work(params: Result) -> Result:
        seen.append(params[option])
        return {"changed": False}

    result = executed(work, {**given, option: f" {given[option]}\r\n"})
    assert not result.get("failed"), result
    assert seen == [given[option]]


def test_white_space_around_a_value_of_an_entry_is_removed() -> None:
    seen: list[t.Any] = []

    def work(params: Result) -> Result:
        seen.extend(params["jobs"])
        return {}

    executed_many([{"zone_id": ZONE, "name": " a ", "destination_conf": "r2://b/p\n"}], work)
    assert (seen[0]["destination_conf"], seen[0]["name"]) == ("r2://b/p", " a ")


# Wrong options


JOBS = [
    {"zone_id": ZONE, "name": "a", "destination_conf": "r2://b/p"},
    {"account_id": ACCOUNT, "id": 3},
]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"zone_id": ZONE, "name": "http-to-s3", "destination_config": "r2://b/SeCrEt-8"},
            (
                "jobs[2] ('http-to-s3'): unsupported option \"destination_config\"; "
                "did you mean destination_conf?"
            ),
        ),
        (
            {"zone_id": ZONE, "id": 5, "output_options": {"field_name": ["SeCrEt-8"]}},
            (
                'jobs[2]: unsupported option "output_options.field_name"; '
                "did you mean output_options.field_names?"
            ),
        ),
        (
            {"name": "x\ny", "challenge_file": {"s3": {"zzzzzzzzzzzzzzz": "SeCrEt-8"}}},
            "jobs[2] ('x\\ny'): unsupported option \"challenge_file.s3.zzzzzzzzzzzzzzz\"",
        ),
        # What is missing is reported once the names are right.
        (
            {"nmae": "http-to-s3"},
            'jobs[2]: unsupported option "nmae"; did you mean name?',
        ),
    ],
)
def test_a_misspelled_option_of_an_entry_is_named_with_its_place(
    entry: Result, message: str
) -> None:
    result = executed_many([*JOBS, entry])
    first, second = result["msg"].split("\n")
    assert first == message
    assert second.startswith("Supported options: ")
    assert "SeCrEt-8" not in json.dumps(result)


def test_a_misspelled_option_of_the_module_is_named() -> None:
    first, second = executed_many([], concurency=3)["msg"].split("\n")
    assert first == 'unsupported option "concurency"; did you mean concurrency?'
    assert "jobs, rate_limit" in second


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "a"}, "jobs[2] ('a'): one of the following is required: zone_id, account_id"),
        ({"zone_id": ZONE}, "jobs[2]: one of the following is required: id, name"),
        (
            {"zone_id": ZONE, "name": "a", "account_id": ACCOUNT},
            "jobs[2] ('a'): parameters are mutually exclusive: zone_id|account_id",
        ),
        (
            {"zone_id": ZONE, "name": "a", "enabled": "SeCrEt-8"},
            "jobs[2] ('a'): argument 'enabled'",
        ),
    ],
)
def test_an_entry_that_ansible_rejects_is_named_with_its_place(entry: Result, message: str) -> None:
    assert executed_many([*JOBS, entry])["msg"].startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"challenge_file": 1}, "challenge_file: must be a dictionary"),
        ({"challenge_file": {"s3": False}}, "challenge_file.s3: must be a dictionary"),
        ({"challenge_file": {"s3": [None]}}, "challenge_file.s3: must be a dictionary"),
        ({"jobs": [{"id": float("inf")}]}, "jobs[0]"),
        ({"concurrency": float("-inf")}, "concurrency"),
        ({"zone_id": "\ud800"}, "zone_id: contains an unpaired surrogate"),
    ],
)
def test_a_value_over_which_ansible_stumbles_is_named(options: Result, message: str) -> None:
    result = (
        executed_many(options.pop("jobs", []), **options)
        if "jobs" in options or "concurrency" in options
        else run({}, **options)
    )
    assert result["failed"]
    # Older versions of Ansible refuse some by themselves.
    assert message in result["msg"]
    assert "exception" not in result
    assert TOKEN not in json.dumps(result)


def test_the_number_of_a_misspelled_option_counts_every_entry() -> None:
    result = executed_many(["name=a zone_id=b", "name=b zone=c"])
    assert result["msg"].startswith("jobs[1] ('b'): unsupported option \"zone\"")


# Results


@pytest.mark.parametrize(("waited", "told"), [(0.0, 0.0), (12.34567, 12.346), (0.5, 0.5)])
@pytest.mark.parametrize("fails", [True, False])
def test_how_long_the_rate_limit_made_it_wait_is_reported(
    waited: float, told: float, fails: bool
) -> None:
    def wait(_params: object, logpush: t.Any) -> Result:
        logpush.client._sender.rate_limiter.waited = waited
        if fails:
            raise CloudflareError("no")
        return {"changed": False}

    given = {"zone_id": ZONE, "api_token": TOKEN, "destination_conf": "r2://b/p"}
    result = run_module(lambda: execute(wait, _arguments.DESTINATION), given)
    assert result["rate_limit_waited"] == told
    assert result.get("failed", False) is fails


def test_it_is_reported_where_there_is_no_client() -> None:
    assert run({}, rate_limit_share=5)["rate_limit_waited"] == 0


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_missing_library_is_reported_as_ansible_does(check_mode: bool) -> None:
    def need(_params: Result) -> Result:
        raise MissingLibrary("boto3", "Traceback: No module named 'boto3'")

    given = {"zone_id": ZONE, "api_token": TOKEN, "destination_conf": "r2://b/p"}
    result = executed(need, given, check_mode=check_mode)
    assert result["failed"] is True
    assert result["msg"].startswith("Failed to import the required Python library (boto3) on ")


def test_messages_of_entries_show_no_secret_of_a_uri() -> None:
    said = "at https://h?header_Authorization=Splunk S3CRET"
    condition = {"value": "https://h?a=b"}
    result = run({"results": [{"msg": said, "filter": condition, "item": {"message": said}}]})
    assert result["results"][0] == {
        "msg": "at https://h?header_Authorization=***",
        # Data stays as it is.
        "filter": condition,
        "item": {"message": "at https://h?header_Authorization=***"},
    }


def test_a_result_of_any_depth_is_returned() -> None:
    deep: t.Any = {}
    for _level in range(10_000):
        deep = {"a": [deep]}
    assert "nested" in json.dumps(run({"deep": deep})["deep"])


# Without Cloudflare


def test_a_local_module_has_neither_connection_options_nor_a_rate_limit() -> None:
    spec = {"text": {"type": "str"}, "secret": {"type": "str", "no_log": True}}

    def main() -> None:
        execute_local(lambda params: {"changed": False, "said": params["text"]}, spec)

    result = run_module(main, {"text": "a SeCrEt-8", "secret": "SeCrEt-8"})
    assert result["said"] == "a ********"
    assert "rate_limit_waited" not in result
    assert 'unsupported option "api_token"' in run_module(main, {"api_token": TOKEN})["msg"]
