# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hands a program over to a process that forks: see warm_process.py.

It is also what Ansible starts as the interpreter of a module, so it imports as little as it can.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def hand_over(
    address: str,
    environment: dict[str, str],
    streams: list[int],
    arguments: list[str],
    timeout: float | None = None,
) -> int:
    """Have a program run with these streams; return its exit status."""
    program = {"environment": environment, "folder": os.getcwd(), "arguments": arguments}
    given = json.dumps(program).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(address)
        socket.send_fds(connection, [len(given).to_bytes(8, "big")], streams)
        connection.sendall(given)
        with connection.makefile() as stream:
            return int(stream.read() or 1)


def main(address: str, arguments: list[str]) -> int:
    """Hand over the script on standard input; run a file as Python does."""
    if arguments:
        os.execv(sys.executable, [sys.executable, *arguments])
    return hand_over(address, dict(os.environ), [0, 1, 2], [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
