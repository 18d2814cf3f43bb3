# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that modules share, and checks of options against an argument spec, at any depth."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import typing as t

from ansible.module_utils.basic import AnsibleFallbackNotFound
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict, check_type_list

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput
from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import texts_in

# In seconds: a day.
LONGEST_WAIT = 86400

TOKEN_NAMES = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_TOKEN")
EMAIL_NAMES = ("CLOUDFLARE_EMAIL",)
KEY_NAMES = ("CLOUDFLARE_API_KEY",)
BASE_URL_NAMES = ("CLOUDFLARE_BASE_URL",)


def first_in_environment(*names: str) -> str:
    """Return the first of the environment variables that is not empty.

    Ansible's own ``env_fallback`` takes an empty variable for a value, and credentials that are
    not filled in do arrive as empty variables.
    """
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise AnsibleFallbackNotFound


CONNECTION: dict[str, dict[str, t.Any]] = {
    "api_token": {
        "type": "str",
        "no_log": True,
        "fallback": (first_in_environment, list(TOKEN_NAMES)),
    },
    "api_email": {"type": "str", "fallback": (first_in_environment, list(EMAIL_NAMES))},
    "api_key": {"type": "str", "no_log": True, "fallback": (first_in_environment, list(KEY_NAMES))},
    "base_url": {
        "type": "str",
        "default": "https://api.cloudflare.com/client/v4",
        "fallback": (first_in_environment, list(BASE_URL_NAMES)),
    },
    "timeout": {"type": "float", "default": 30.0},
    "rate_limit_retry_timeout": {"type": "float", "default": 300.0},
    "rate_limit_share": {"type": "float", "default": 1.0},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}

CONCURRENCY: dict[str, dict[str, t.Any]] = {
    "concurrency": {"type": "int", "default": 10},
}
MOST_AT_ONCE = 100

SCOPE: dict[str, dict[str, t.Any]] = {
    "zone_id": {"type": "str"},
    "account_id": {"type": "str"},
}

DESTINATION: dict[str, dict[str, t.Any]] = {
    "destination_conf": {"type": "str", "required": True, "no_log": True},
}


def verification(params: dict[str, t.Any]) -> bool | str:
    """Return what ``requests`` takes as ``verify``."""
    if not params["validate_certs"]:
        return False
    ca_path = params["ca_path"]
    if ca_path is not None and not os.path.exists(ca_path):
        raise InvalidInput("ca_path", f"there is no {ca_path} on the machine that runs the module")
    return ca_path or True


def seconds(params: dict[str, t.Any], option: str, *, least: float) -> float:
    """Return a number of seconds, or raise ``InvalidInput``."""
    value: float = params[option]
    # Written so that NaN, which compares with nothing, is refused too.
    if not least <= value <= LONGEST_WAIT:
        raise InvalidInput(option, f"must be between {least:g} and {LONGEST_WAIT:g} seconds")
    return value


def share(params: dict[str, t.Any]) -> float:
    """Return the part of the rate limit to be used, or raise ``InvalidInput``."""
    value: float = params["rate_limit_share"]
    if not 0 < value <= 1:
        raise InvalidInput("rate_limit_share", "must be above 0 and at most 1")
    return value


def concurrency(params: dict[str, t.Any]) -> int:
    """Return the maximum number of concurrent requests, or raise ``InvalidInput``."""
    # A module that does one thing has no such option.
    value: int = params.get("concurrency", 1)
    if isinstance(value, bool) or not 1 <= value <= MOST_AT_ONCE:
        raise InvalidInput("concurrency", f"must be from 1 to {MOST_AT_ONCE}")
    return value


# As Ansible itself writes it.
NOT_LOGGED = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
_OF_ANSIBLE = "_ansible_"
_CONSTRAINTS = (
    "mutually_exclusive required_together required_one_of required_if required_by"
).split()
_CLOSE = 0.5
_SURROGATE = re.compile(r"[\ud800-\udfff]")

Params = t.Mapping[str, t.Any]
Spec = t.Mapping[str, t.Mapping[str, t.Any]]


def as_dictionaries(given: t.Any) -> t.Any:
    """Return a list of entries as Ansible makes it of a text; else what was given."""
    with contextlib.suppress(TypeError):
        return [as_dictionary(entry) for entry in check_type_list(given)]
    return given


def as_dictionary(entry: t.Any) -> t.Any:
    """Return a dictionary as Ansible makes it of a text; else what was given."""
    try:
        return check_type_dict(entry)
    except TypeError:
        return entry
    except ValueError:
        # Older versions of Ansible would fall over it a second time; a list they refuse.
        return [entry]


def serialize(params: t.Any, spec: Spec) -> None:
    """Make a text of each dictionary that stands for JSON, in place.

    Ansible would take each value in it for a secret, ordinary words such as a project among them.
    """
    for option, described in spec.items():
        value = params.get(option)
        if described["type"] == "jsonarg" and isinstance(value, dict):
            params[option] = json.dumps(value)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                serialize(entry, described.get("options", {}))


def sensitive_texts(params: Params, spec: Spec) -> t.Iterator[str]:
    """Yield what secret options hold, and unknown ones, one of which may be a misspelled secret."""
    for option, value in params.items():
        described = spec.get(option, {"no_log": not option.startswith(_OF_ANSIBLE)})
        if described.get("no_log"):
            yield from texts_in(value)
        elif described.get("options"):
            for entry in value if isinstance(value, list) else [value]:
                if isinstance(entry, dict):
                    yield from sensitive_texts(entry, described["options"])
                else:
                    yield from texts_in(entry)


def shown(params: Params, spec: Spec) -> dict[str, t.Any]:
    """Return the options as ``invocation`` shows them: no secrets, and no list of entries."""
    return {
        option: _shown(value, spec.get(option, {"no_log": True}))
        for option, value in params.items()
        if not option.startswith(_OF_ANSIBLE)
    }


def _shown(value: t.Any, described: t.Mapping[str, t.Any]) -> t.Any:
    if value is None:
        return None
    if described.get("no_log"):
        return NOT_LOGGED
    options = described.get("options")
    if options is None:
        return value
    if isinstance(value, list):
        return f"{len(value)} entries (not shown)"
    return shown(value, options) if isinstance(value, dict) else NOT_LOGGED


def unsupported(params: Params, spec: Spec) -> str | None:
    """Return a message for the first option that is not supported: its entry, and the nearest.

    Ansible's own lists the options of all levels, and names neither the entry nor the place.
    """
    return _unsupported(params, spec, "", "")


def _unsupported(params: Params, spec: Spec, entry: str, place: str) -> str | None:
    for option, value in params.items():
        described = spec.get(option)
        if described is None:
            if option.startswith(_OF_ANSIBLE) and not place and not entry:
                continue
            return _message(option, spec, entry, place)
        found = _within(option, value, described, entry, place)
        if found:
            return found
    return None


def _within(
    option: str, value: t.Any, described: t.Mapping[str, t.Any], entry: str, place: str
) -> str | None:
    options = described.get("options")
    if options is None:
        return None
    if isinstance(value, dict):
        return _unsupported(value, options, entry, f"{place}{option}.")
    # A list in place of a dictionary is of the wrong type, whatever is in it.
    is_list = isinstance(value, list) and described["type"] == "list"
    for number, each in enumerate(value if is_list else ()):
        if isinstance(each, dict):
            label = entry + _label(f"{place}{option}", number, each)
            found = _unsupported(each, options, label, "")
            if found:
                return found
    return None


def _label(option: str, number: int, entry: Params) -> str:
    name = entry.get("name")
    return f"{option}[{number}]" + (f" ({name!r}): " if isinstance(name, str) else ": ")


def _message(option: str, spec: Spec, entry: str, place: str) -> str:
    # Seldom needed, and slow to import.
    import difflib

    close = difflib.get_close_matches(str(option), spec, n=1, cutoff=_CLOSE)
    hint = f"; did you mean {place}{close[0]}?" if close else ""
    supported = ", ".join(sorted(spec))
    return f'{entry}unsupported option "{place}{option}"{hint}\nSupported options: {supported}'


def mistyped(params: Params, spec: Spec, place: str = "") -> str | None:
    """Return a message for the first value of a type that Ansible's own checks stumble over."""
    for option, described in spec.items():
        value = params.get(option)
        entries, name = [value], f"{place}{option}"
        if described["type"] == "list" and isinstance(value, list):
            entries, name = value, name + "[{}]"
        for number, each in enumerate(entries):
            found = _mistyped(as_dictionary(each), described, name.format(number))
            if found:
                return found
    return None


def _mistyped(value: t.Any, described: t.Mapping[str, t.Any], name: str) -> str | None:
    options = described.get("options")
    is_number = described.get("type") in ("int", "float") or isinstance(value, float)
    if is_number and not _is_finite(value):
        return f"{name}: must be a finite number"
    if isinstance(value, str) and _SURROGATE.search(value):
        return f"{name}: contains an unpaired surrogate"
    if options is None or value is None:
        return None
    if not isinstance(value, dict):
        return f"{name}: must be a dictionary"
    return mistyped(value, options, f"{name}.")


def _is_finite(value: t.Any) -> bool:
    """Whether a value is no infinite number; what is no number is Ansible's to refuse."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        # An integer that no float can hold.
        return False
    except (TypeError, ValueError):
        return True


def located(message: str, params: Params, spec: Spec) -> str:
    """Return Ansible's message with the entry of a list that it is about, if there is one."""
    for option, described in spec.items():
        entries = params.get(option)
        if described.get("elements") != "dict" or not isinstance(entries, list):
            continue
        constraints = [described.get(name) for name in _CONSTRAINTS]
        for number, entry in enumerate(entries if option in message else ()):
            if isinstance(entry, dict):
                # Ansible has filled in what is missing.
                given = {name: value for name, value in entry.items() if value is not None}
                validator = ArgumentSpecValidator(described["options"], *constraints)
                errors = validator.validate(given).error_messages
                if errors:
                    return _label(option, number, entry) + str(errors[0])
    return message
