# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment of what the driver starts: nothing of the user's settings reaches the tests."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from .paths import AZURITE, CACHE, CHECKOUT_VARIABLE, HOMES, ROOT, WORK, WORK_VARIABLE

_PROXY = re.compile(r"(http|https|ftp|all|no)_proxy", re.IGNORECASE)
_KEPT = re.compile(
    # What reaches the package indexes, besides proxies: pip's and uv's settings, certificates.
    r"(PIP|SSL|UV|npm_config)_.*|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|"
    # What finds and runs interpreters, and the options of the tests themselves.
    r"(EDGEOPS|EXPLORE|LC|PYENV)_.*|CI|LANG|LOGNAME|NO_COLOR|PATH|TERM|TMPDIR|TZ|USER|"
    r"(DY)?LD_LIBRARY_PATH|OBJC_DISABLE_INITIALIZE_FORK_SAFETY"
)
# uv does not read pip's configuration.
_UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
# Without proxies, for nox: what is tested talks to the loopback interface alone.
OFFLINE: dict[str, str | None] = {name: None for name in os.environ if _PROXY.fullmatch(name)}


def clean() -> dict[str, str]:
    """Return the environment without the user's settings, and with a home of the driver's own."""
    kept = {
        n: value for n, value in os.environ.items() if _KEPT.fullmatch(n) or _PROXY.fullmatch(n)
    }
    home = HOMES / "driver"
    home.mkdir(parents=True, exist_ok=True)
    env = {
        "PIP_CACHE_DIR": str(CACHE / "pip"),
        "UV_CACHE_DIR": str(CACHE / "uv"),
        **_index_settings(),
        **kept,
        CHECKOUT_VARIABLE: str(ROOT),
        WORK_VARIABLE: str(WORK),
        "HOME": str(home),
        "PATH": _path(),
        "PYTHONPATH": str(ROOT / "tests"),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "driver" / "ansible.cfg"),
        # The copies that are tested are inside the checkout: git must not find it from there.
        "GIT_CEILING_DIRECTORIES": str(CACHE),
        "MYPY_CACHE_DIR": str(CACHE / "mypy"),
        "RUFF_CACHE_DIR": str(CACHE / "ruff"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    if "utf" not in (env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "").lower():
        # Ansible refuses any other.
        env["LC_ALL"] = "C.UTF-8"
    return env


def _path() -> str:
    """Return the user's path with Azurite and the interpreters of pyenv, without its shims.

    A shim is found as python3.9, and may fail when it is run.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    interpreters = map(str, sorted(pyenv.glob("versions/3.*/bin"), reverse=True))
    paths = [str(AZURITE / "bin"), *given, *interpreters]
    return os.pathsep.join(each for each in paths if each != str(pyenv / "shims"))


def _index_settings() -> dict[str, str]:
    """Return pip's settings as variables of pip and uv, which another home does not hide."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    settings = {}
    # Variables come last: they override files.
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        key, _equals, value = line.partition("=")
        name, words = key.rpartition(".")[2], str(ast.literal_eval(value)).split()
        settings[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(words)
        if name in _UV_NAMES:
            settings[_UV_NAMES[name]] = ("," if name == "find-links" else " ").join(words)
    if "UV_INDEX" in settings:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return settings
