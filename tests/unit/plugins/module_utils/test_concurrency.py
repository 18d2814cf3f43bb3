# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run concurrently: how many at a time, in which order, and what an error stops."""

from __future__ import annotations

import signal
import threading

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

PATIENCE = 10.0


@pytest.mark.parametrize("concurrency", [1, 2, 10, 100])
def test_results_are_in_the_order_given(concurrency: int) -> None:
    assert run_concurrently(lambda item: item * 2, range(50), concurrency) == list(range(0, 100, 2))


@pytest.mark.parametrize("concurrency", [1, 10])
def test_an_empty_list_returns_no_results(concurrency: int) -> None:
    assert run_concurrently(lambda item: item, [], concurrency) == []


@pytest.mark.parametrize(("concurrency", "items"), [(2, 10), (7, 21), (10, 3)])
def test_concurrency_is_limited(concurrency: int, items: int) -> None:
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


def in_worker() -> bool:
    """Return whether this is another thread than the one that called."""
    return threading.current_thread() is not threading.main_thread()


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Is set when the calling thread begins to wait for the others."""
    event, join = threading.Event(), threading.Thread.join

    def note_and_join(thread: threading.Thread, timeout: float | None = None) -> None:
        event.set()
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", note_and_join)
    return event


def test_after_a_bug_the_only_thread_begins_no_further_item() -> None:
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run_concurrently(work, range(50), 1)
    assert begun == [0]


def test_after_a_bug_in_the_calling_thread_no_further_item_is_started(
    joining: threading.Event,
) -> None:
    begun, both = [], threading.Barrier(2)

    def work(item: int) -> None:
        begun.append(item)
        both.wait(PATIENCE)
        if not in_worker():
            raise ZeroDivisionError("a bug")
        assert joining.wait(PATIENCE)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run_concurrently(work, range(50), 2)
    assert sorted(begun) == [0, 1]


@pytest.mark.parametrize("bug", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_after_a_bug_in_another_thread_no_further_item_is_started(bug: type[BaseException]) -> None:
    begun, both = [], threading.Barrier(2)
    workers: list[threading.Thread] = []

    def work(item: int) -> None:
        begun.append(item)
        if in_worker():
            workers.append(threading.current_thread())
        both.wait(PATIENCE)
        if in_worker():
            raise bug("a bug")
        workers[0].join(PATIENCE)

    with pytest.raises(bug, match="a bug"):
        run_concurrently(work, range(50), 2)
    assert sorted(begun) == [0, 1]


def press_ctrl_c_until(happened: threading.Event) -> None:
    """Interrupt the main thread, again where the signal came just before it began to wait."""
    for _time in range(int(PATIENCE)):
        # A real signal, or else who waits for a lock does not wake up.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if happened.wait(1):
            return


def test_after_ctrl_c_the_items_in_progress_end_and_no_further_one_is_started(
    joining: threading.Event,
) -> None:
    begun, ended, both = [], [], threading.Barrier(2)

    def work(item: int) -> None:
        begun.append(item)
        both.wait(PATIENCE)
        if in_worker():
            press_ctrl_c_until(joining)
            ended.append(item)
        else:
            threading.Event().wait(PATIENCE)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_concurrently(work, range(50), 2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(begun) == [0, 1]
    assert len(ended) == 1


def start_threads(monkeypatch: pytest.MonkeyPatch, count: int, error: BaseException) -> None:
    """Let only ``count`` threads be started; after that, raise ``error``."""
    start, left = threading.Thread.start, iter(range(count))

    def start_or_raise(thread: threading.Thread) -> None:
        if next(left, None) is None:
            raise error
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_raise)


def test_ctrl_c_while_threads_are_started_ends_those_that_run(
    monkeypatch: pytest.MonkeyPatch, joining: threading.Event
) -> None:
    start_threads(monkeypatch, 1, KeyboardInterrupt())
    before = set(threading.enumerate())
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        assert joining.wait(PATIENCE)

    with pytest.raises(KeyboardInterrupt):
        run_concurrently(work, range(50), 10)
    # The thread may not have come to its first item.
    assert begun in ([0], [])
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_running_threads_do_the_work_if_no_more_can_be_started(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    start_threads(monkeypatch, count, RuntimeError("can't start new thread"))
    together = threading.Barrier(count + 1)
    threads: set[int] = set()

    def work(item: int) -> int:
        threads.add(threading.get_ident())
        if item <= count:
            # They are all there at the same time, or else this breaks.
            together.wait(PATIENCE)
        if item == 20:
            raise InvalidInput("item", "is 20")
        return item * 2

    outcomes = run_concurrently(work, range(50), 10)
    assert str(outcomes.pop(20)) == "item: is 20"
    assert outcomes == [item * 2 for item in range(50) if item != 20]
    assert len(threads) == count + 1
    assert threading.get_ident() in threads
