# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is tried for each option, and which of it may be sent, as documented, not as programmed."""

from __future__ import annotations

import json
import math
import os
import re
import typing as t

from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ACCOUNT, TOKEN, ZONE

Strategy = st.SearchStrategy[t.Any]
# Whether such a value, converted as Ansible does, has to be sent; None leaves both.
Fits = t.Callable[[t.Any], t.Optional[bool]]

SECRET = "SeCrEt0123456789SeCrEt"
R2 = "r2://edge-logs/{DATE}?account-id=a1&access-key-id=AKIA0123456789&secret-access-key=" + SECRET
S3 = "s3://edge-logs/http/{DATE}?region=us-east-1"
CHALLENGE = "ThisIsAToken0123456789"
FILTER = {"where": {"and": [{"key": "EdgeResponseStatus", "operator": "geq", "value": 500}]}}
# The port of the server, which is not known before it listens.
PORT = "PORT"
LOCAL = f"http://127.0.0.1:{PORT}/client/v4"

INJECTION = "\r\nX-Injected: 1"
SMUGGLED = "\r\n\r\nDELETE /client/v4/zones/1 HTTP/1.1\r\nHost: x\r\n\r\n"
ATTACKS = [
    *("", " ", "\0", "\t", "\n", "\r", INJECTION, SMUGGLED, "\x0b", "\x1f", "\x7f", "\x85"),
    *("/", "../", "/../../accounts/", "%2e%2e%2f", "..%2F", "%00", "%", "\\", "//evil.invalid/"),
    *("?", "?a=b", "#", "#x", "&", "=", ";", ":", "@", ".", "*", "'", '"', "`id`", "$(id)", "%s%n"),
    *("é", "😀", "\u2028", "\u202e", "\ufeff", "\u00a0", "\uff0f", "\u2100", "\ud800", "\udfff"),
    *("{{ 7 * 7 }}", "${jndi:ldap://evil.invalid}", "~", "$HOME", "None", "null", "True", "NaN"),
    *("[]", "{}", "<script>", "-1", "0", "1e309", "Bearer ", "x" * 4097, "y" * 100_000),
]
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(ATTACKS)
_NESTED = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ATTACKS), inner, max_size=3)
    ),
    max_leaves=8,
)
_DEEP: t.Any = "x"
for _level in range(120):
    _DEEP = [_DEEP] if _level % 2 else {"where": _DEEP}
_WRONG_TYPES = [None, True, False, 0, -1, 1.5, math.nan, -math.inf, [], {}, [None], {"a": 1}, _DEEP]
# Surrogates and control characters included.
_ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
# Ansible itself hangs on 1e999999999 for an integer, and cannot print one of 4300 digits.
_NUMBERS = [
    *(
        "5",
        " 5 ",
        "5.0",
        "+5",
        "-0",
        "0x10",
        "1_000",
        "\uff15",
        "1e3",
        "1e309",
        "nan",
        "inf",
        "-inf",
    ),
    *(0, -1, True, False, 1.5, 2**31, 2**63, 2**64, -(2**63), 10**4000, 1e308, 5e-324, -0.0),
    *(math.nan, math.inf, -math.inf),
]


class Option(t.NamedTuple):
    """``good`` are surely sent, ``bad`` are tried always, ``more`` is what chance adds to them."""

    good: t.Sequence[t.Any]
    bad: t.Sequence[t.Any]
    more: Strategy
    fits: Fits

    @property
    def values(self) -> Strategy:
        """Return whatever may be tried: good and bad, by rule and by chance."""
        wrong = st.sampled_from(_WRONG_TYPES) | _NESTED
        return st.sampled_from(self.good) | self.more | self.more | wrong


def _always(_value: t.Any) -> bool:
    return True


def _text(
    *good: str, fits: Fits = _always, bad: t.Sequence[t.Any] = (), longest: int | None = None
) -> Option:
    """Return an option that is a text, ``longest`` characters at most."""

    def short(value: t.Any) -> bool | None:
        return len(value) <= longest and fits(value) if longest else fits(value)

    with_attack = st.builds(
        lambda text, attack, where: text[:where] + attack + text[where:],
        st.sampled_from(good),
        st.sampled_from(ATTACKS),
        st.integers(0, max(map(len, good))),
    )
    if longest:
        good = (*good, good[0].ljust(longest, "x"))
        bad = (*bad, good[0].ljust(longest + 1, "x"))
    return Option(good, [*ATTACKS, *bad], with_attack | _ANY_TEXT, short)


def _matching(pattern: str) -> Fits:
    return lambda value: re.fullmatch(pattern, value) is not None


def _number(least: float, most: float, good: t.Sequence[t.Any], *, whole: bool = True) -> Option:
    """Return an option that is a number; 0 is none of its own, but may be among the good."""

    def fits(value: t.Any) -> bool:
        return not isinstance(value, bool) and (value in good or least <= value <= most)

    beside = [least - 1, most + 1, str(most * 10), *_NUMBERS]
    inside: Strategy = (
        st.integers(int(least), int(most)) if whole else st.floats(float(least), float(most))
    )
    return Option(
        [least, most, str(most), *good],
        beside,
        inside | st.integers() | st.floats() | st.sampled_from(_NUMBERS) | inside.map(str),
        fits,
    )


def _seconds(least: float) -> Option:
    """Return an option in seconds; what would be accepted is never so short that it may pass."""

    def patient(value: t.Any) -> bool:
        try:
            return not 0.1 <= float(value) < 1
        except (TypeError, ValueError, OverflowError):
            return True

    option = _number(least, 86400, [], whole=False)
    more = (option.more | st.floats(1, 86400) | _NESTED).filter(patient)
    return option._replace(good=[1, 86400, "86400", 60.5], more=more)


_BOTH = [True, False, "yes", "no", 1, 0, "on", "FALSE"]
_FLAG = Option(
    _BOTH,
    ["maybe", 2, -1, "", " yes", "yes\n", "tru\u0435", *ATTACKS],
    st.sampled_from([*_BOTH, *_NUMBERS]) | _ANY_TEXT,
    _always,
)


def _choice(*choices: str) -> Option:
    spoilt = [text for good in choices for text in (good.upper() + "x", good + " ", f"{good}\n")]
    return _text(*choices)._replace(bad=[*spoilt, *ATTACKS])


def _a_destination(value: str) -> bool | None:
    plain = re.fullmatch("[!-~]{1,4096}", value)
    ours = r"r2://[a-z0-9-]+/[\w{}/-]*\?account-id=\w+&access-key-id=\w+&secret-access-key=\w+"
    if plain and re.fullmatch(ours, value):
        return True
    impossible = re.search(r"[\s\0-\x20\x7f\ud800-\udfff]", value) or len(value) > 4096
    return False if impossible or not re.match("[A-Za-z][A-Za-z0-9+.-]*://", value) else None


def _a_challenge(value: str) -> bool | None:
    token = value.strip()
    if re.fullmatch("[A-Z][A-Za-z0-9]{20,60}", token):
        return True
    return False if not token or len(token) > 4096 or re.search(r"[\s\0-\x20]", token) else None


def _a_query_string(value: str) -> bool:
    return len(value) <= 4096 and value.lstrip()[:1] not in ("{", "[")


def _a_base_url(value: str) -> bool | None:
    local = r"(?:127\.0\.0\.1|localhost|\[::1\])(?::(\d*))?"
    parts = re.fullmatch("(https?)://([!-.0-~]+)(/[!-~]*)?", value, re.IGNORECASE)
    if not parts or re.search("[?#]", value) or re.search(r"[@\\]", parts[2]):
        return False
    if parts[1].lower() == "https":
        return None
    here = re.fullmatch(local, parts[2], re.IGNORECASE)
    if not here or int(here[1] or 0) > 65535:
        return False
    return True if re.fullmatch("(/[A-Za-z0-9-]+)*/?", parts[3] or "") else None


def _a_filter(value: str) -> bool | None:
    try:
        content = json.loads(value) if value else {}
        json.dumps(content, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    if not isinstance(content, dict) or (content and "where" not in content):
        return False
    if _depth(content) > 100:
        return False
    # Brackets in a text may be counted too.
    return True if len(re.findall(r"[\[{]", value)) <= 100 else None


def _depth(value: t.Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, (dict, list)) else 0


def _all_suboptions(given: dict[str, t.Any]) -> bool | None:
    verdicts = [OPTIONS[f"output_options.{n}"].fits(v) for n, v in given.items() if v is not None]
    return all(verdicts)


_HEADER_FITS = _matching("[!-~]+")
_HEADER_BAD = [
    TOKEN + INJECTION,
    TOKEN + SMUGGLED,
    f"{TOKEN}\n",
    f" {TOKEN}",
    f"{TOKEN} x",
    "tök€n",
]
_IDS = {"zone_id": ZONE, "account_id": ACCOUNT}
_ID_FITS = _matching("[0-9a-fA-F]{32}")
_DATASET = _text(
    "http_requests",
    "a-b_C9",
    "x" * 128,
    fits=_matching("[A-Za-z0-9_-]{1,128}"),
    bad=["x" * 129, "a/b", "http_requests/../jobs", "http_requests?x=1", "http_requests%2f.."],
)
_JOB_ID = _number(1, 2**31, [7, "42", 2**63])
# Names that end in .invalid do not exist; requests to other hosts go through the proxy.
_ADDRESSES = [
    text.replace("HOST", f"127.0.0.1:{PORT}")
    for text in (
        *(
            "https://HOST/client/v4",
            "HTTP://HOST/client/v4",
            "ht\ntp://HOST",
            "//HOST",
            "ftp://HOST",
        ),
        *(
            "http://HOST/a/../b",
            "http://HOST//evil.invalid/a",
            "http://HOST/%2e%2e/a",
            "http://HOST",
        ),
        *("http://HOST/client/v4?", "http://HOST/client/v4#", "http://HOST?a=b", "http://HOST#a"),
        *("http://HOST\\@evil.invalid", "http://HOST@evil.invalid", "http://evil.invalid@HOST"),
        *(f"http://me:{SECRET}@HOST", f"https://me:{SECRET}@ex\u2100mple.invalid/"),
        *(f"https://me:{SECRET}", f"https://{SECRET}@evil.invalid:{SECRET}"),
        *("http://127.0.0.1:-1", "http://127.0.0.1:99999", f"http://LocalHost:{PORT}"),
        *(
            "http://127.0.0.1%00.evil.invalid",
            "http://[::1",
            "http://[::1]x",
            "http://[evil.invalid]",
        ),
        *("http://evil.invalid", "https://evil.invalid/client/v4", "https://evil.invalid:8443"),
        *(
            "http://127.1",
            "http://2130706433",
            "http://0x7f.1",
            "http://localhost.",
            "http://0.0.0.0",
        ),
        *("http://127.0.0.1.evil.invalid", "https://ex\u00e4mple.invalid", "http:HOST", "https://"),
        *("https://.invalid", f"https://{'a' * 64}.invalid", f"https://{'a.' * 200}invalid"),
        *(f"http://l\u043ecalhost:{PORT}", "http://HOST/ DELETE", "http://HOST/" + "x" * 9000),
    )
]
_BASE_URLS = _ANY_TEXT | st.builds(
    lambda start, attack, end: start + attack + end,
    st.sampled_from(
        [LOCAL, f"{LOCAL}/", "https://evil.invalid", "https://evil", "http://localhos"]
    ),
    st.sampled_from(ATTACKS),
    st.sampled_from(["", "/client/v4", ".invalid", f"127.0.0.1:{PORT}", "\n"]),
)
_DESTINATIONS = [
    *("s3://", "s3:///a?region=b", "s3://a", "://", "javascript:alert(1)", "file:///etc/passwd"),
    *(f"{R2}#x", f" {R2}", f"{R2}\n", R2 + INJECTION, f"https://me:{SECRET}@evil.invalid/a?b=c"),
    *(R2.ljust(4096, "x"), R2.ljust(4097, "x"), f"sumo://evil.invalid/receiver/v1/http/{SECRET}"),
    f"datadog://evil.invalid/?header_DD-API-KEY={SECRET}%0d%0aX-Injected:%201",
    f"splunk://evil.invalid/?header_Authorization=Splunk {SECRET}",
    f"azure://a.blob.core.windows.net/b/c?sp=w&sr=c&sig={SECRET}",
    f"https://evil.invalid/a?{SECRET}&{SECRET}=&={SECRET}&a=%zz&b=%ff%00",
]
_NAMES = Option(
    [["http_requests"], [], "http_requests,dns_logs"],
    [True, {"a": 1}, [["a"]], ["a\r\nb"]],
    st.lists(_ANY_TEXT | _LEAVES, max_size=3) | _ANY_TEXT,
    lambda _value: None,
)
_NAME = _text("http", "a/b?c=d#e", "Zoë 😀", "a\r\nb", longest=512)

_SHARE = _number(1e-9, 1, ["0.5", 1, 5e-324], whole=False)._replace(
    fits=lambda value: 0 < value <= 1
)

_SUBOPTIONS: dict[str, Option] = {
    "field_names": Option(
        [["RayID"], [], "RayID,ClientIP", ["a\r\nb", "😀"], 5, [1, True, None]],
        [True, {"a": 1}, [["a"]], [{"a": "b"}], [float("nan")], ["\ud800"], ["x"] * 1000],
        st.lists(_ANY_TEXT | _LEAVES, max_size=5) | _ANY_TEXT,
        _always,
    ),
    "output_type": _text("ndjson", "csv"),
    "timestamp_format": _text("unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns"),
    "sample_rate": _SHARE,
    "cve_2021_44228": _FLAG,
    "merge_subrequests": _FLAG,
    "stringify_object": _FLAG,
    **{
        name: _text(good, "", "}\r\n", '{"a":1,', "\0", "\u2028", "x" * 5000)
        for name, good in {
            "batch_prefix": "[",
            "batch_suffix": "]",
            "record_prefix": "{",
            "record_suffix": "}\n",
            "record_template": "{{.RayID}}",
            "record_delimiter": ",",
            "field_delimiter": ";",
        }.items()
    },
}

# By the name of the option, or by MODULE.OPTION where modules differ.
OPTIONS: dict[str, Option] = {
    "api_token": _text(TOKEN, "!~", fits=_HEADER_FITS, bad=_HEADER_BAD),
    "api_email": _text("edge@example.com", fits=_HEADER_FITS, bad=_HEADER_BAD),
    "api_key": _text(TOKEN, fits=_HEADER_FITS, bad=_HEADER_BAD),
    "base_url": _text(
        LOCAL,
        f"{LOCAL}/",
        LOCAL.replace("127.0.0.1", "localhost"),
        fits=_a_base_url,
        bad=_ADDRESSES,
    )._replace(more=_BASE_URLS),
    "timeout": _seconds(0.1),
    "rate_limit_retry_timeout": _seconds(0),
    "rate_limit_share": _SHARE,
    "concurrency": _number(1, 100, ["10"]),
    "validate_certs": _FLAG,
    "ca_path": _text(__file__, "/", "~", fits=os.path.exists, bad=["/nowhere", "~nobody-there"]),
    **{
        name: _text(
            good,
            good.upper(),
            fits=_ID_FITS,
            bad=[good[:-1], f"{good}0", f"{good}\n", f"{good[:-3]}/..", f"{good[:-1]}\uff11"],
        )
        for name, good in _IDS.items()
    },
    "destination_conf": _text(R2, f"{R2}x", S3, fits=_a_destination, bad=_DESTINATIONS),
    "ownership_challenge": _text(
        CHALLENGE, f" {CHALLENGE}\r\n", CHALLENGE.ljust(50, "x"), fits=_a_challenge
    ),
    "fail_on_invalid": _FLAG,
    "dataset": _DATASET,
    "id": _JOB_ID._replace(fits=lambda value: not isinstance(value, bool) and value >= 1),
    "logpush_job_info.name": _NAME._replace(fits=_always),
    "state": _choice("present", "absent"),
    "name": _NAME,
    "enabled": _FLAG,
    "kind": _text("edge", ""),
    "filter": _text(
        json.dumps(FILTER), f" {json.dumps(FILTER)}\n", '{"where":{}}', "", fits=_a_filter
    ),
    "output_options": Option(
        [{"sample_rate": 0.5}, '{"output_type": "csv"}', "batch_prefix=x", {"CVE-2021-44228": 1}],
        [{"x": 1}, {"CVE-2021-4428": True}, "x", "a=b", '{"a"', [{}], [1], {"sample_rate": {}}],
        st.fixed_dictionaries({}, optional={name: o.values for name, o in _SUBOPTIONS.items()})
        | st.dictionaries(st.sampled_from([*_SUBOPTIONS, "CVE-2021-44228", *ATTACKS]), _LEAVES),
        _all_suboptions,
    ),
    **{f"output_options.{name}": option for name, option in _SUBOPTIONS.items()},
    "logpull_options": _text("fields=RayID&timestamps=rfc3339", longest=4096)._replace(
        fits=_a_query_string
    ),
    "frequency": _text("high", "low"),
    "max_upload_bytes": _number(1, 1_000_000_000, [0]),
    "max_upload_interval_seconds": _number(30, 300, [0]),
    "max_upload_records": _number(1_000, 1_000_000, [0]),
    "update_secrets": _choice("on_change", "always"),
    "host": _text("edge.example.com"),
    "filter_attack_traffic": _FLAG,
    "transformer_id": _number(1, 2**31, [0, 7, "42"])._replace(
        fits=lambda value: not isinstance(value, bool) and value >= 0
    ),
    "stale_after": _seconds(0.1)._replace(fits=lambda _value: None),
    "quiet_datasets": _NAMES,
    "prove_ownership": _FLAG,
    "prune": _FLAG,
    "prune_datasets": _NAMES,
}


def _entries(one: dict[str, t.Any], other: dict[str, t.Any], *more: str) -> Option:
    """Return an option that lists entries such as these two; ``more`` are options of theirs."""
    misspelt = {"destination_cnf": R2, "output_optons": SECRET}
    entry = st.fixed_dictionaries(
        {
            name: st.just(value) | OPTIONS[name].values if name in more else st.just(value)
            for name, value in one.items()
            if name not in _IDS
        },
        optional={name: OPTIONS[name].values for name in more if name not in one},
    )
    scoped = st.builds(
        lambda entry, scope: {**entry, **scope},
        entry,
        st.sampled_from([{"zone_id": ZONE}, {"account_id": ACCOUNT}, {"zone_id": ZONE[::-1]}])
        | st.builds(lambda zone: {"zone_id": zone}, OPTIONS["zone_id"].values),
    )
    return Option(
        [[], [one], [one, other], [other, one], [json.dumps(one), other]],
        [
            *(None, 5, True, "", "x", {}, one, misspelt, R2, f"{R2},{R2}", json.dumps([one])),
            *([None], [5], [""], ["x"], [{}], [[]], [[one]], [R2], [one, None], [one, {}]),
            *([misspelt], [{**one, **misspelt}], [one, json.dumps({**other, **misspelt})]),
            *([{**one, "zone_id": None}], [{**one, **_IDS}], [other, {**one, "zone_id": "x"}]),
            [{**other, "destination_conf": [R2]}, {**one, "destination_conf": {"a": R2}}],
        ],
        st.lists(scoped | st.just(one) | st.just(other), max_size=3),
        _always,
    )


_PROVED = {"destination_conf": R2, "ownership_challenge": CHALLENGE}
OPTIONS["jobs"] = _entries(
    {"zone_id": ZONE, "name": "http", "enabled": True, **_PROVED},
    {"account_id": ACCOUNT, "name": "new", **_PROVED},
    *("name", "enabled", "destination_conf", "filter", "output_options", "max_upload_bytes"),
)
OPTIONS["targets"] = _entries(
    {"zone_id": ZONE, "destination_conf": R2},
    {"account_id": ACCOUNT, "destination_conf": R2},
    "destination_conf",
)
