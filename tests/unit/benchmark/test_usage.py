# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command took: of itself and of what it started, and not of who measures."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark import usage

# A child of a child that works for a while, and holds memory.
WORK = """
import subprocess, sys
work = "import time\\nheld = bytearray(150_000_000)\\nwhile time.process_time() < 0.3: pass"
sys.exit(subprocess.run([sys.executable, "-c", work + "\\nraise SystemExit(3)"]).returncode)
"""


def test_children_are_counted(tmp_path: Path):
    taken = usage.run([sys.executable, "-c", WORK], dict(os.environ), tmp_path)
    assert taken.status == 3
    assert taken.wall >= taken.cpu / (os.cpu_count() or 1) > 0
    assert taken.cpu >= 0.3
    assert 150_000_000 < taken.memory < 400_000_000


def test_who_measures_is_not_counted(tmp_path: Path):
    # The child of a process that had much is said to have had as much.
    held = bytearray(300_000_000)
    taken = usage.run(["sleep", "0.05"], dict(os.environ), tmp_path)
    assert len(held) > 2 * taken.memory
    assert taken.cpu < 0.05 <= taken.wall


def test_output_is_kept(tmp_path: Path):
    usage.run(["sh", "-c", "echo out; echo err >&2; pwd"], {"PATH": os.defpath}, tmp_path)
    said = (tmp_path / "output").read_text(encoding="utf-8")
    assert said.split() == ["out", "err", str(tmp_path.resolve())]


# Ansible's workers have sessions of their own, so the second one has one too.
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("inner", ["sh", "setsid sh"])
def test_what_hangs_is_ended(tmp_path: Path, inner: str):
    hangs = ["sh", "-c", f"{inner} -c 'echo $$; sleep 60'; true"]
    with pytest.raises(subprocess.TimeoutExpired):
        usage.run(hangs, dict(os.environ), tmp_path, longest=3.0)
    pid = int((tmp_path / "output").read_text(encoding="utf-8"))
    until = time.monotonic() + 5
    while runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not runs(pid)


def runs(pid: int) -> bool:
    """Tell whether a process is there; one that waits for init to notice its end is not."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] != "Z"
