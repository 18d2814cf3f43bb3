# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which values are redacted, in which forms, and that it takes no longer than the text is long."""

from __future__ import annotations

import base64
import html
import json
import os
import pathlib
import random
import sys
import threading
import time
import typing as t
from array import array
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_diff import (
    differences,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import (
    DEEPEST_SHOWN,
    REDACTED,
    SHORTEST_REDACTED,
    TOO_DEEP,
    Secrets,
    is_public_parameter,
    is_sensitive_name,
    looks_like_secret,
    redact_uris,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY="
_LINES = (pathlib.Path(__file__).parents[1] / "destinations.tsv").read_text().splitlines()
# A dash stands for no secrets.
DESTINATIONS = [
    line.replace("\t-", "\t").split("\t") for line in _LINES if not line.startswith("#")
]
NAMES = [name for name, _conf, _secrets in DESTINATIONS]


def knowing(*secrets: str, public: t.Iterable[str] = ()) -> Secrets:
    """Return what knows these."""
    known = Secrets()
    known.add(secrets)
    known.add_public(public)
    return known


def lower_case(text: str) -> str:
    """Return a percent-encoded text with its digits in lower case."""
    return "".join(part if n % 2 == 0 else part.lower() for n, part in enumerate(_split(text)))


def _split(text: str) -> t.Iterator[str]:
    start, *rest = text.split("%")
    yield start
    for part in rest:
        yield f"%{part[:2]}"
        yield part[2:]


def standard_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def urlsafe_base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_NATIVE_UTF_16 = f"utf-16-{sys.byteorder[0]}e"
FORMS: dict[str, t.Callable[[str], str]] = {
    "plain": str,
    "encoded": lambda text: quote(text, safe=""),
    "encoded, slashes left": quote,
    "encoded, blanks as plus signs": quote_plus,
    "encoded in lower case": lambda text: lower_case(quote(text, safe="")),
    "encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "encoded twice in lower case": lambda text: lower_case(
        quote(lower_case(quote(text, safe="")), safe="")
    ),
    "every character encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, all characters escaped": lambda text: "".join(
        f"\\u{unit:04X}" for unit in array("H", text.encode(_NATIVE_UTF_16))
    ),
    "JSON inside of JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON, only quotes escaped": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "HTML": html.escape,
    "HTML, by numbers": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "HTML, by hexadecimal numbers": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "base64": standard_base64,
    "urlsafe base64": urlsafe_base64,
    "base64, one character before it": lambda text: standard_base64(f"x{text}"),
    "base64, two characters before it": lambda text: standard_base64(f"xy{text}yx"),
    "urlsafe base64, a user before it": lambda text: urlsafe_base64(f"user:{text}"),
    "base64, encoded": lambda text: quote(standard_base64(text), safe=""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "secret", [SECRET, "a b&c<d>\"e'f", "p\u00e4\\ssw\u00f6rd/\U0001f600", "SeCrEt-8"]
)
def test_a_secret_is_redacted_in_every_form(form: str, secret: str) -> None:
    written = FORMS[form](secret)
    shown = knowing(secret).redact(f"at '{written}': no")
    start, redacted, end = shown.partition(REDACTED)
    assert redacted
    # What base64 holds beside the secret stays.
    if "base64" not in form:
        assert (start, end) == ("at '", "': no")
    assert (start[:4], end[-5:]) == ("at '", "': no")
    assert len(start + end) <= len("at '': no") + len("dXNlcj") + len("%3D%3D")


@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=382, exclude_characters="*"),
        min_size=8,
        max_size=60,
    ),
    st.sampled_from(sorted(FORMS)),
    st.text("ab1 */=", max_size=12),
    st.text("ab1 *%/=", max_size=12),
)
@example("0000000\x80", "encoded", "", "%b1")
def test_no_form_of_a_secret_is_left(secret: str, form: str, before: str, behind: str) -> None:
    # Base64 has nothing but base64 around it where its alignment is known.
    before, behind = (" ", " ") if "base64" in form else (before, behind)
    if "HTML" in form:
        # It has no C1 control characters: a reader takes them for those of Windows.
        secret = secret.translate(dict.fromkeys(range(0x80, 0xA0), "-"))
    written = FORMS[form](secret)
    shown = knowing(secret).redact(before + written + behind)
    assert written not in shown
    assert secret not in shown


@given(
    st.text("ab1 *\u20ac", max_size=40),
    st.sets(st.text("ab1 *\u20ac", min_size=1, max_size=14), max_size=12),
)
@example("abababababab", {"abababab", "babababa", "ababababab", "ab"})
@example("x1 *1 *1 *x", {"1 *1 *1 ", " *"})
def test_every_part_of_every_known_secret_is_redacted(text: str, secrets: set[str]) -> None:
    covered = set()  # type: ignore[var-annotated]
    long = {secret for secret in secrets if len(secret) >= SHORTEST_REDACTED}
    for secret in long:
        for start in range(len(text)):
            if text.startswith(secret, start):
                covered.update(range(start, start + len(secret)))
    expected = "".join(
        letter if place not in covered else "" if place - 1 in covered else REDACTED
        for place, letter in enumerate(text)
    )
    assert knowing(*secrets).redact(text) == expected


def test_a_secret_of_fewer_than_eight_characters_is_not_redacted_by_value() -> None:
    known = knowing(" ", "*", "1234567", "12345678")
    assert known.redact_value(["1 ", "1234567", "12345678"]) == ["1 ", "1234567", REDACTED]


def test_secrets_that_overlap_are_redacted_as_one() -> None:
    known = knowing("abcdefgh", "efghijkl", "cdefghijkl")
    assert known.redact("xabcdefghijklx") == f"x{REDACTED}x"


def test_secrets_that_touch_are_redacted_as_one() -> None:
    assert knowing("abcdefgh", "ijklmnop").redact("abcdefghijklmnop") == REDACTED


def test_a_secret_that_contains_another_is_redacted_whole() -> None:
    known = knowing("12345678", "x12345678x")
    assert known.redact("x12345678x, 12345678") == f"{REDACTED}, {REDACTED}"


def test_more_secrets_that_begin_alike_than_are_distinguished_are_redacted_up_to_the_word() -> None:
    known = knowing(*("abcdefgh" * 2 + "x" * number for number in range(17)))
    shown = known.redact(f"see {'abcdefgh' * 2}{'x' * 16} and abcdefgh")
    assert shown == f"see {REDACTED} and abcdefgh"


def test_a_public_name_is_never_redacted_in_part() -> None:
    known = knowing("acme-prod-123456", public=["acme-prod-123456-logs", "http_requests"])
    text = "gs://acme-prod-123456-logs of acme-prod-123456"
    assert known.redact(text) == f"gs://acme-prod-123456-logs of {REDACTED}"


def test_a_secret_that_is_a_public_name_is_a_name() -> None:
    known = knowing("http_requests", "application/json", "edge-logs", public=["edge-logs"])
    text = "expecting application/x-ndjson, got application/json: http_requests to edge-logs"
    assert known.redact(text) == text


def test_a_public_name_inside_a_secret_does_not_show_it() -> None:
    known = knowing("key-of-edge-logs-1", public=["edge-logs"])
    assert known.redact("key-of-edge-logs-1") == REDACTED


class Text(str):
    """A text as Ansible's own, of a class of its own."""


def test_each_text_in_a_value_is_redacted_and_all_else_is_left() -> None:
    known = knowing("secret-1", "12345678")
    value = {
        "secret-1": 1,
        "b": [Text("a secret-1"), 12345678, True, None, 1.5, ("secret-1",), {"secret-1"}],
        "/x/secret-1": {"secret-1": {}},
        3: [],
    }
    assert known.redact_value(value) == {
        REDACTED: 1,
        "b": [f"a {REDACTED}", 12345678, True, None, 1.5, [REDACTED], [REDACTED]],
        f"/x/{REDACTED}": {REDACTED: {}},
        3: [],
    }
    assert value["b"][0] == "a secret-1"  # type: ignore[index]
    assert list(known.redact_value({"b": 1, "a": {"d": 1, "c": 2}})) == ["b", "a"]


@pytest.mark.parametrize("deeper", [lambda inner: {"a": inner}, lambda inner: [inner]])
def test_a_value_may_be_nested_to_any_depth(deeper: t.Callable[[t.Any], t.Any]) -> None:
    value: t.Any = "secret-1"
    for _level in range(10_000):
        value = deeper(value)
    shown = knowing("secret-1").redact_value(value)
    for _level in range(DEEPEST_SHOWN):
        shown = shown["a"] if isinstance(shown, dict) else shown[0]
    assert shown == TOO_DEEP
    assert knowing("secret-1").within(value) == {"secret-1"}


def test_within_tells_which_secrets_there_are() -> None:
    known = knowing("secret-1", "secret/2", "secret-3")
    assert known.within({"secret-1": ["at secret%2f2"]}) == {"secret-1", "secret/2"}


def test_threads_may_add_while_others_look() -> None:
    known, shown = knowing("secret-of-all"), []

    def add(thread: int) -> None:
        for number in range(100):
            known.add([f"{thread}-{number:04}-secret", f"secret-{'x' * number}-{thread}"])
            shown.append(known.redact("there is secret-of-all"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == [f"there is {REDACTED}"] * 400


# What is sensitive by its name or looks


@pytest.mark.parametrize(
    "name",
    [
        *("access-key-id secret-access-key sig credentials ibm_api_key Api-Key apikey".split()),
        *("sts-external-id header_Authorization header_X-Api-Key HEADER_anything".split()),
        *("password passwd client_secret accessToken x-auth header%5Fx signature".split()),
    ],
)
def test_a_secret_is_recognized_by_its_name(name: str) -> None:
    assert is_sensitive_name(name)
    assert not is_public_parameter(name)


@pytest.mark.parametrize(
    "name",
    [
        *("region endpoint account-id ddsource service hostname sourcetype sv se sp".split()),
        *("header_Content-Type header_accept header_X-Scope-OrgID".split()),
        *("header_CX-Application-Name header_dynamic-metadata header_User-Agent".split()),
    ],
)
def test_a_documented_name_is_not_sensitive(name: str) -> None:
    assert is_public_parameter(name)
    assert not is_sensitive_name(name)


@pytest.mark.parametrize("name", ["dataset", "index", "design", "author", "project", "source"])
def test_an_unknown_name_is_not_classified(name: str) -> None:
    assert not is_public_parameter(name)
    assert not is_sensitive_name(name)


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("0f1e2d3c-aaaa-bbbb-cccc-0123456789ab", True),
        ("0123456789abcdef", True),
        ("glc_abcdefgh12345678", True),
        ("ZaVnChdhaVaBcDefgHijklMnOp", True),
        # Base64 for URIs, in which no run is long, and base64 in a path.
        ("Xy-9kLmQ_rT2vB-nM4pQs_7dFgHjK-1zAwE", True),
        ("q7Wm%2BzT4kR9x%2FbV2nLp8", True),
        ("acme-prod-123456", False),
        ("Cloudflare-Logs-Production-2024", False),
        ("HTTP-Logs-Prod-Eu1-2024", False),
        ("k8s-prod-eu1-edge2-logs-v2", False),
        ("network_analytics_logs", False),
        ("123456789012345678", False),
        ("internationalization", False),
        ("ClientRequestHeadersProduction", False),
        ("2026-11-22T14:05:00Z", False),
        ("logs/http/{DATE}/eu-west-1", False),
    ],
)
def test_a_secret_is_reported_from_a_name(value: str, secret: bool) -> None:
    assert looks_like_secret(value) is secret


# URIs and parameters


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing: a?b=c", "nothing: a?b=c"),
        ("see ://x and 1://u:p@h", "see ://x and 1://h"),
        ("https://123456:glc_x@h/p?a", "https://h/p?***"),
        ("https://h/https://u:p@h/x", "https://h/https://h/x"),
        ("s3://b?region=us&x=1&&sig=#S3CRET b", "s3://b?region=us&x=***&sig=*** b"),
        ("https://h/?region=https://u:p@h", "https://h/?region=***"),
        (
            "https://h?header_Content-Type=application/json ok",
            "https://h?header_Content-Type=application/json ok",
        ),
        # A header's value that is not encoded goes on behind a blank.
        ("https://h?header_Authorization=Splunk S3CRET", "https://h?header_Authorization=***"),
        (
            "at 'https://h?header_Authorization=Splunk S3CRET&ddsource=x': no",
            "at 'https://h?header_Authorization=***&ddsource=x': no",
        ),
        ("https://h?header_A=Splunk S3CRET: denied", "https://h?header_A=***: denied"),
        ("https://h?header_A=Splunk%20S3CRET denied", "https://h?header_A=*** denied"),
        ("https://h?header_A=S3CRET: denied", "https://h?header_A=*** denied"),
        ("https://h?x=1?header_A=Splunk S3CRET", "https://h?x=***"),
        # Parameters that are quoted alone.
        ("bad header_Authorization=Splunk S3CRET", "bad header_Authorization=***"),
        ("a secret-access-key=S3CRET, b", "a secret-access-key=*** b"),
        ("a token=\"S3 CRET\" b c='d'", "a token=\"***\" b c='d'"),
        ("token='S3CRET", "token='***"),
        ("token=", "token="),
        ("key=ClientIP and region=us", "key=ClientIP and region=us"),
        ("https://h/bulk/0f1e2d3c-aaaa-bbbb-cccc-0123456789ab/tag", "https://h/bulk/***/tag"),
        ("https://h/token/hunter2-x/v1", "https://h/token/***/v1"),
        ("https://h/event/acme/token!S3CRET/a", "https://h/event/acme/***/a"),
        ("https://h/in;v=1;api_key=S3CRET/x", "https://h/***/x"),
        ("https://h/token/refresh/dt=2026-11-22", "https://h/token/refresh/dt=2026-11-22"),
    ],
)
def test_a_text_is_shown_without_what_is_sensitive_by_structure(text: str, shown: str) -> None:
    assert redact_uris(text) == shown


# Destinations as they are used


@pytest.mark.parametrize(("_name", "conf", "secrets"), DESTINATIONS, ids=NAMES)
def test_no_secret_of_a_destination_is_readable_anywhere(
    _name: str, conf: str, secrets: str
) -> None:
    destination = Destination.parse(conf)
    known = knowing(*destination.secrets(), public=destination.public_names)
    other = Destination.parse("https://other.example.com/in?x=y")
    said = [
        json.dumps(destination.describe()),
        without_secrets(f"cannot write to {conf} there"),
        without_secrets(f'"{conf}"'),
        *differences(destination, other),
        *differences(other, destination),
        *(value for value, is_secret in destination.parts().values() if not is_secret),
        *(
            known.redact(f"see {form(each)}!")
            for each in secrets.split()
            for form in FORMS.values()
        ),
        *(known.redact(f"see {form(conf)}!") for form in FORMS.values()),
    ]
    readable = [form(secret) for secret in secrets.split() for form in FORMS.values()]
    for text in said:
        for each in readable:
            assert each not in text


@pytest.mark.parametrize(("_name", "conf", "_secrets"), DESTINATIONS, ids=NAMES)
def test_no_public_part_of_a_destination_is_redacted(_name: str, conf: str, _secrets: str) -> None:
    destination = Destination.parse(conf)
    described = destination.describe()
    known = knowing(*destination.secrets(), public=destination.public_names)
    assert known.redact_value(described) == described
    text = "http_requests of acme-prod-123456 in production to cloudflare as application/json"
    assert known.redact(text) == text
    start = f"{destination.scheme}://{destination.host}"
    assert without_secrets(conf).startswith(start)
    for name, value in destination.parameters:
        if is_public_parameter(name):
            assert f"{name}={value}" in without_secrets(conf)


# Work


# Quadratic time would show with a tenth too. `make explore` tries all of it.
MEGABYTE = 1_000_000 if "EXPLORE_EXAMPLES" in os.environ else 100_000


def _many_secrets(letters: random.Random) -> list[str]:
    return [f"{letters.getrandbits(160):040x}" for _number in range(MEGABYTE // 200)]


def _base64_of(size: int) -> str:
    return standard_base64("".join(map(chr, random.Random(1).choices(range(32, 127), k=size))))


HOSTILE: dict[str, tuple[list[str], str]] = {
    "letters": ([SECRET], "a" * 64_000),
    "zeros that are the secret": (["0" * (MEGABYTE // 5)], "0" * (MEGABYTE // 5)),
    "zeros that are nearly the secret": (["0" * 4000 + "1"], "0" * 50_000),
    "one letter": ([SECRET], "x" * 3 * MEGABYTE),
    "base64": ([SECRET], _base64_of(7 * MEGABYTE // 10)),
    "how the secret begins": ([SECRET], SECRET[:SHORTEST_REDACTED] * (MEGABYTE // 8)),
    "schemes": ([SECRET], "a://" * (MEGABYTE // 4)),
    "letters and a scheme": ([SECRET], "a" * MEGABYTE + "://"),
    "parameters": ([SECRET], "token=" * 20_000),
    "headers with blanks": ([SECRET], "x://?" + "header_a=b c&" * 10_000),
    "quotes": ([SECRET], "token='" * 20_000),
    "users": ([SECRET], "s://h" + "/a@" * 30_000),
    "percent signs": ([SECRET], "%25" * 30_000),
    "secrets that begin alike": (
        ["abcdefgh" * 4 + "x" * number for number in range(200)],
        "abcdefgh" * 4 * 1000,
    ),
}


# No other test has so many secrets that begin alike.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "secrets that begin alike" else pytest.mark.no_cover)
        for name in HOSTILE
    ],
)
def test_a_hostile_text_is_redacted_at_once(name: str) -> None:
    secrets, text = HOSTILE[name]
    started = time.process_time()
    without_secrets(knowing(*secrets).redact(text))
    # Far more than is needed, far less than quadratic time takes.
    assert time.process_time() - started < 10


@pytest.mark.no_cover
def test_many_secrets_are_redacted_in_many_texts_at_once() -> None:
    secrets = _many_secrets(random.Random(2))
    started = time.process_time()
    known = knowing(*secrets)
    for number, secret in enumerate(secrets):
        text = f"s3://b-{number}/p?region=eu&secret-access-key={secret}: {secrets[-number]} denied"
        assert (
            known.redact(text)
            == f"s3://b-{number}/p?region=eu&secret-access-key={REDACTED}: {REDACTED} denied"
        )
    assert time.process_time() - started < 20


def lines_executed(work: t.Callable[[], object]) -> int:
    """Count the lines of Python that are executed."""
    count = 0

    def trace(_frame: object, event: str, _argument: object) -> t.Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_grows_as_the_text_does(name: str) -> None:
    secrets, text = HOSTILE[name]
    known = knowing(*(secret[:400] for secret in secrets))
    short, long = (
        lines_executed(lambda size=size: without_secrets(known.redact(text[-size:])))  # type: ignore[misc]
        for size in (500, 4000)
    )
    # Eight times the text; quadratic work would be 64 times as much.
    assert long < 16 * short + 1000


def test_the_work_does_not_grow_with_the_secrets() -> None:
    secrets = _many_secrets(random.Random(3))
    text = f"cannot write {secrets[7]} there"
    few, many = knowing(*secrets[:100]), knowing(*secrets)
    assert lines_executed(lambda: many.redact(text)) <= 2 * lines_executed(lambda: few.redact(text))
