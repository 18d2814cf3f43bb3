# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that modules share, and the checks of their values."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleFallbackNotFound

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

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
