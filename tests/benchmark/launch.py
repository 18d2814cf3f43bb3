# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python -I -S launch.py REPORT COMMAND…: runs a command, and writes what it took.

It is small, and started for one command alone: a new process is said to have had the memory of
the one that started it, and what other children took is not to be told apart afterwards.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    """Write status, wall seconds, processor seconds, and the peak in the system's own unit."""
    report, command = sys.argv[1], sys.argv[2:]
    began = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    taken = usage.ru_utime + usage.ru_stime
    with open(report, "w", encoding="ascii") as stream:
        stream.write(f"{os.waitstatus_to_exitcode(status)} {wall} {taken} {usage.ru_maxrss}")


if __name__ == "__main__":
    main()
