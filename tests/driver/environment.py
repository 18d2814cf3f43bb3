# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment of what the driver starts: nothing of the user's settings reaches the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .paths import (
    AZURITE,
    CACHE,
    CHECKOUT_VARIABLE,
    HOMES,
    ROOT,
    USER_HOME_VARIABLE,
    user_home,
)

# What reaches the package indexes (pip's and uv's settings, proxies, certificates), what finds
# interpreters, and the options of the tests themselves.
_KEPT_PREFIXES = ("EDGEOPS_", "EXPLORE_", "LC_", "PIP_", "PYENV_", "SSL_", "UV_", "npm_config_")
_KEPT = {
    *("CI", "LANG", "LOGNAME", "NO_COLOR", "PATH", "TERM", "TMPDIR", "TZ", "USER"),
    *("CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"),
    *("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "OBJC_DISABLE_INITIALIZE_FORK_SAFETY"),
}
_PROXIES = {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"}
# uv does not read pip's configuration.
_UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def clean(home: str = "driver") -> dict[str, str]:
    """Return the environment without the user's settings, and with a home of the driver's own."""
    env = {name: value for name, value in os.environ.items() if _is_kept(name)}
    own_home = HOMES / home
    own_home.mkdir(parents=True, exist_ok=True)
    if CHECKOUT_VARIABLE not in env or not env[CHECKOUT_VARIABLE]:
        env = {**_index_settings(), **env}
    env |= {
        USER_HOME_VARIABLE: str(user_home()),
        CHECKOUT_VARIABLE: str(ROOT),
        "HOME": str(own_home),
        "PATH": _path(),
        "PYTHONPATH": str(ROOT / "tests"),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_HOME": str(own_home / ".ansible"),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "driver" / "ansible.cfg"),
        # The copies that are tested are inside the checkout: git must not find it from there.
        "GIT_CEILING_DIRECTORIES": str(CACHE),
        "MYPY_CACHE_DIR": str(CACHE / "mypy"),
        "RUFF_CACHE_DIR": str(CACHE / "ruff"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
        "PIP_CACHE_DIR": env.get("PIP_CACHE_DIR", str(CACHE / "pip")),
        "UV_CACHE_DIR": env.get("UV_CACHE_DIR", str(CACHE / "uv")),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    if "utf" not in (env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "").lower():
        # Ansible refuses any other.
        env["LC_ALL"] = "C.UTF-8"
    return env


def offline(env: dict[str, str]) -> dict[str, str]:
    """Return it without proxies: what is tested talks to the loopback interface alone."""
    return {name: value for name, value in env.items() if name.lower() not in _PROXIES}


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.startswith(_KEPT_PREFIXES) or name.lower() in _PROXIES


def _path() -> str:
    """Return the user's path with Azurite and the interpreters of pyenv, without its shims.

    A shim is found as python3.9, and may fail when it is run.
    """
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    pyenv = Path(os.environ.get("PYENV_ROOT") or user_home() / ".pyenv")
    interpreters = sorted((pyenv / "versions").glob("3.*/bin"), reverse=True)
    kept = [each for each in given if each != str(pyenv / "shims")]
    return os.pathsep.join(
        dict.fromkeys([str(AZURITE / "bin"), *kept, *(str(each) for each in interpreters)])
    )


def _index_settings() -> dict[str, str]:
    """Return pip's settings as uv's, and where pip's are, which the change of HOME would hide."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    settings = {}
    for line in listed.splitlines():
        key, _equals, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in _UV_NAMES:
            words = value.strip("'").replace("\\n", " ").split()
            settings[_UV_NAMES[name]] = ("," if name == "find-links" else " ").join(words)
    if "UV_INDEX" in settings:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or user_home() / ".config")
    for candidate in (config_home / "pip" / "pip.conf", user_home() / ".pip" / "pip.conf"):
        if candidate.is_file():
            settings["PIP_CONFIG_FILE"] = str(candidate)
    return settings
