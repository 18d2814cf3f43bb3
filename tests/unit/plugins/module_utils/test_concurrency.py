# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One thing done for many: how many at a time, in which order, and what an error stops."""

from __future__ import annotations

import signal
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _concurrency as _many
from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    InvalidInput,
)

PATIENCE = 10.0
# Enough for another thread to begin what it should not.
NOT_AT_ONCE = 0.05


@pytest.mark.parametrize("concurrency", [1, 2, 10, 100])
def test_results_are_in_the_order_given(concurrency: int) -> None:
    assert run_concurrently(lambda item: item * 2, range(50), concurrency) == list(range(0, 100, 2))


@pytest.mark.parametrize("concurrency", [1, 10])
def test_nothing_to_do_is_done(concurrency: int) -> None:
    assert run_concurrently(lambda item: item, [], concurrency) == []


@pytest.mark.parametrize(("concurrency", "items"), [(2, 10), (7, 21), (10, 3)])
def test_as_many_at_a_time_as_are_allowed_and_no_more(concurrency: int, items: int) -> None:
    together, lock = min(concurrency, items), threading.Lock()
    barrier = threading.Barrier(together)
    running, most = 0, 0

    def work(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if item < together:
            # They are all there at the same time, or else this breaks.
            barrier.wait(PATIENCE)
        with lock:
            running -= 1
        return item

    assert run_concurrently(work, range(items), concurrency) == list(range(items))
    assert most == together


def test_one_at_a_time_needs_no_thread() -> None:
    threads = run_concurrently(lambda _item: threading.get_ident(), range(3), 1)
    assert threads == [threading.get_ident()] * 3


@pytest.mark.parametrize("concurrency", [1, 2, 10])
def test_an_error_of_one_stops_no_other(concurrency: int) -> None:
    def work(item: int) -> int:
        if item % 3 == 0:
            raise InvalidInput("item", f"is {item}")
        return item

    outcomes = run_concurrently(work, range(10), concurrency)
    assert [str(outcome) for outcome in outcomes] == [
        f"item: is {item}" if item % 3 == 0 else str(item) for item in range(10)
    ]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_after_an_error_of_the_program_nothing_is_begun(concurrency: int) -> None:
    begun, failed = [], threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        if item == concurrency - 1:
            failed.set()
            raise ZeroDivisionError("of the program")
        # The first is the one that is waited for, and ends late.
        assert failed.wait(PATIENCE)
        time.sleep(NOT_AT_ONCE)

    with pytest.raises(ZeroDivisionError, match="of the program"):
        run_concurrently(work, range(50), concurrency)
    assert sorted(begun) == list(range(concurrency))


class Items(list[int]):
    """Says when all of them are handed out; where ``interrupt``, Ctrl-C comes before the last."""

    def __init__(self, items: t.Iterable[int], *, interrupt: bool) -> None:
        super().__init__(items)
        self.handed_out = threading.Event()
        self._interrupt = interrupt

    def __iter__(self) -> t.Iterator[int]:
        yield from super().__iter__()
        if self._interrupt:
            raise KeyboardInterrupt
        self.handed_out.set()


def press_ctrl_c_until(happened: threading.Event) -> None:
    """Interrupt the main thread, again where the signal came just before it began to wait."""
    for _time in range(int(PATIENCE)):
        # A real signal, or else who waits for a lock does not wake up.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if happened.wait(1):
            return


@pytest.mark.parametrize("interrupt", [False, True], ids=["waiting", "handing out"])
def test_after_ctrl_c_nothing_is_begun(monkeypatch: pytest.MonkeyPatch, interrupt: bool) -> None:
    begun, cancelled = [], threading.Event()
    items = Items(range(50), interrupt=interrupt)

    class Pool(ThreadPoolExecutor):
        """Says when what waits is cancelled, if it is."""

        def shutdown(self, wait: bool = True, **options: t.Any) -> None:
            super().shutdown(wait=False, **options)
            cancelled.set()
            super().shutdown(wait=wait, **options)

    def work(item: int) -> None:
        begun.append(item)
        if item == 1 and not interrupt:
            assert items.handed_out.wait(PATIENCE)
            press_ctrl_c_until(cancelled)
        assert cancelled.wait(PATIENCE)

    monkeypatch.setattr(_many, "ThreadPoolExecutor", Pool)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_concurrently(work, items, 2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(begun) == [0, 1]


# What is said of all
