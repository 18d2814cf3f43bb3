# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of the sandbox, what neither the contract nor the tests of the playbooks reach."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

# The sandbox is run as a package of tests/, and so it is imported here.
TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))
for needed in ("cheroot", "flask", "jsonschema", "jwt"):
    pytest.importorskip(needed, reason=f"the sandbox needs {needed}")

from sandbox import faults
from sandbox.rate import Policy, RateLimits


class Clock:
    """A clock that is moved by hand. It does not begin at nought, as the real one does not."""

    now = 12_345.678

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def fixture_clock() -> Clock:
    return Clock()


@pytest.fixture(name="limits")
def fixture_limits(clock: Clock) -> RateLimits:
    return RateLimits(clock)


def allowed(limits: RateLimits, times: int, credential: str | None = "token") -> int:
    """Count as many requests; how many were allowed."""
    return sum(not limits.count(credential).refused for _turn in range(times))


def reported(limits: RateLimits) -> tuple[str, str | None]:
    """What the answer to one more request says: the state, and how long to wait."""
    headers = limits.headers(limits.count("token"))
    return headers["Ratelimit"], headers.get("Retry-After")


def test_1200_requests_are_allowed_in_a_window_of_five_minutes(
    limits: RateLimits, clock: Clock
) -> None:
    assert reported(limits) == ('"default";r=1199;t=300', None)
    clock.now += 299.9
    assert allowed(limits, 1200) == 1199
    # Each credential has its own limit, and who has none is not counted.
    assert allowed(limits, 1201, "key") == 1200
    assert allowed(limits, 1300, None) == 1300


def test_a_block_counts_from_the_excess_and_gets_no_longer(
    limits: RateLimits, clock: Clock
) -> None:
    assert allowed(limits, 1200) == 1200
    clock.now += 100
    assert reported(limits) == ('"default";r=0;t=300', "300")
    clock.now += 200.5
    # The window would be over by now.
    assert reported(limits) == ('"default";r=0;t=100', "100")
    clock.now += 99.5
    assert reported(limits) == ('"default";r=1199;t=300', None)


def test_short_windows_are_reported_in_thousandths(limits: RateLimits, clock: Clock) -> None:
    limits.set(Policy(1, 2.5, 2.5))
    assert reported(limits) == ('"default";r=0;t=2.500', None)
    clock.now += 1.4996
    # Retry-After is whole, as HTTP wants it.
    assert reported(limits) == ('"default";r=0;t=2.500', "3")


def test_faults_come_in_order_and_are_counted() -> None:
    waiting = faults.Faults()
    given = [{"times": 2, "status": 1}, {"method": "post", "status": 2}, {"times": -1, "status": 3}]
    waiting.add(given)
    taken = [waiting.take(method, "/")["status"] for method in ("GET", "GET", "GET", "POST", "GET")]
    assert taken == [1, 1, 3, 2, 3]


@pytest.mark.parametrize(
    "fault", [{}, {"times": 1}, {"unknown": 1}, {"status": "503"}, {"reset": "x"}, "text"], ids=str
)
def test_a_wrong_fault_is_rejected(fault: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        faults.Faults().add([fault])


def children(pid: int) -> set[int]:
    """The processes that a process has started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        # It may end between the look and the reading.
        with suppress(OSError):
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.add(int(path.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something holds, with a limit."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["terminated", "killed", "watched process ends"])
def test_nothing_is_left_behind(how: str) -> None:
    # The path of pytest's own is too long for a socket.
    with tempfile.TemporaryDirectory() as place, subprocess.Popen(["sleep", "600"]) as watched:
        env = os.environ | {"PYTHONPATH": str(TESTS), "TMPDIR": place}
        command = [sys.executable, "-m", "sandbox", "start", "--watch-pid", str(watched.pid)]
        started = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        pid = int(json.loads(started.stdout)["SANDBOX_PID"])
        processes = children(pid) | {pid}
        # The janitor and the S3 server at least.
        assert len(processes) >= 3
        assert os.listdir(place)
        if how != "watched process ends":
            os.kill(pid, signal.SIGKILL if how == "killed" else signal.SIGTERM)
            wait(lambda: not any(alive(each) for each in processes))
        watched.kill()
        watched.wait()
        wait(lambda: not any(alive(each) for each in processes))
        wait(lambda: not os.listdir(place))
