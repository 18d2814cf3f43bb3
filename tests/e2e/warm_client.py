# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible starts as the interpreter of a module: it hands over to warm_python.py.

It imports as little as it can: it is started for each task.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def main(address: str, arguments: list[str]) -> int:
    """Hand over the script on standard input and end as it ends; run a file as Python does."""
    if arguments:
        os.execv(sys.executable, [sys.executable, *arguments])
    given = json.dumps({"environment": dict(os.environ), "folder": os.getcwd()}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [len(given).to_bytes(8, "big")], [0, 1, 2])
        connection.sendall(given)
        with connection.makefile() as stream:
            return int(stream.read() or 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
