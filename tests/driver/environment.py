# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process environment of what the driver starts: nothing of the user's reaches the tests."""

from __future__ import annotations

import os
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

# Settings and credentials of the user, which would change what is tested.
_STRIPPED_PREFIXES = (
    "ANSIBLE_",
    "ANTSIBULL_",
    "AWS_",
    "AZURE_",
    "AZURITE_",
    "BOTO_",
    "CLOUDFLARE_",
    "COVERAGE_",
    "GALAXY_",
    "GCP_",
    "GIT_",
    "GOOGLE_",
    "MAKE",
    "MOLECULE_",
    "MYPY",
    "NOX",
    "PYTEST_",
    "RUFF_",
    "SANDBOX_",
    "STORAGE_EMULATOR_HOST",
    "VIRTUALENV_",
    "WEED_",
    "XDG_",
)
_STRIPPED = {
    "MFLAGS",
    "NETRC",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSAFEPATH",
    "PYTHONWARNINGS",
    "VIRTUAL_ENV",
}
_PROXIES = {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy"}


def clean(home: str = "driver") -> dict[str, str]:
    """The user's environment without the user's settings, and with a home of our own.

    What pip needs to reach the package index (PIP_*, SSL_*, proxies) stays.
    """
    env = {key: value for key, value in os.environ.items() if _is_kept(key)}
    own_home = HOMES / home
    own_home.mkdir(parents=True, exist_ok=True)
    env.update(_pip_settings(user_home()))
    env.update(
        {
            USER_HOME_VARIABLE: str(user_home()),
            CHECKOUT_VARIABLE: str(ROOT),
            "HOME": str(own_home),
            "PATH": _path(),
            "ANSIBLE_HOME": str(own_home / ".ansible"),
            "ANSIBLE_CONFIG": str(ROOT / "tests" / "driver" / "ansible.cfg"),
            # The copies that are tested lie inside the checkout: git must not see it from there.
            "GIT_CEILING_DIRECTORIES": str(CACHE),
            "PYTHONUTF8": "1",
            # Not in the copies, which are made anew for each run.
            "MYPY_CACHE_DIR": str(CACHE / "mypy"),
            "RUFF_CACHE_DIR": str(CACHE / "ruff"),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
        }
    )
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    if "utf" not in locale.lower():
        # Ansible refuses any other.
        env["LC_ALL"] = "C.UTF-8"
    return env


def offline(env: dict[str, str]) -> dict[str, str]:
    """The same without proxies: what is tested talks to the loopback interface alone."""
    return {key: value for key, value in env.items() if key.lower() not in _PROXIES}


def _is_kept(name: str) -> bool:
    return name not in _STRIPPED and not name.startswith(_STRIPPED_PREFIXES)


def _path() -> str:
    """The user's path, with Azurite if it is installed: there the sandbox looks for it.

    No other variable would do, for ansible-test passes hardly any on.
    """
    path = os.environ.get("PATH", os.defpath)
    programs = str(AZURITE / "bin")
    if not AZURITE.is_dir() or programs in path.split(os.pathsep):
        return path
    return f"{programs}{os.pathsep}{path}"


def _pip_settings(home: Path) -> dict[str, str]:
    """The user's pip configuration, which the change of HOME would hide, and a cache of ours."""
    settings = {
        "PIP_CACHE_DIR": str(CACHE / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    for candidate in (config_home / "pip" / "pip.conf", home / ".pip" / "pip.conf"):
        if candidate.is_file():
            settings["PIP_CONFIG_FILE"] = str(candidate)
    return {name: os.environ.get(name) or value for name, value in settings.items()}
