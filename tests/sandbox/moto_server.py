# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""moto's server: a simulation of S3, for platforms without SeaweedFS."""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

from .janitor import Janitor
from .processes import HOST, S3Server, free_ports, spawn, wait_until
from .store import client

_USER = "cloudflare"
_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
# It checks signatures only after this many requests, which make the user whose keys it checks.
_UNCHECKED = 3


def available() -> bool:
    """Whether it is installed."""
    return importlib.util.find_spec("moto") is not None


def start(directory: Path, janitor: Janitor) -> S3Server:
    """Start it and make the keys; ``StartError`` if it does not answer."""
    (port,) = free_ports(1)
    endpoint = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    variables = {"INITIAL_NO_AUTH_ACTION_COUNT": str(_UNCHECKED)}
    process = spawn(command, directory, variables, janitor)
    iam = client("iam", endpoint, "setup", "setup")
    wait_until(partial(iam.create_user, UserName=_USER), process)
    iam.put_user_policy(UserName=_USER, PolicyName="all", PolicyDocument=json.dumps(_POLICY))
    keys = iam.create_access_key(UserName=_USER)["AccessKey"]
    described = f"moto {version('moto')} (a simulation: SeaweedFS is not available here)"
    return S3Server(process, endpoint, keys["AccessKeyId"], keys["SecretAccessKey"], described)
