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
    Label,
    Outcome,
    run_concurrently,
    summarize,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
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


def summarized(*outcomes: Outcome[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Summarize what came of things called by their numbers."""
    labels = [Label({"id": number}, f"thing {number}") for number in range(1, len(outcomes) + 1)]
    return summarize("things", labels, outcomes)


def test_results_are_as_those_of_a_loop() -> None:
    whole = summarized({"changed": False, "a": 1}, {"changed": True, "b": 2})
    assert whole == {
        "changed": True,
        "warnings": [],
        "results": [
            {
                "changed": False,
                "failed": False,
                "a": 1,
                "item": {"id": 1},
                "ansible_loop_var": "item",
            },
            {
                "changed": True,
                "failed": False,
                "b": 2,
                "item": {"id": 2},
                "ansible_loop_var": "item",
            },
        ],
    }


def test_of_nothing_there_are_no_results_and_no_change() -> None:
    assert summarized() == {"changed": False, "warnings": [], "results": []}


def test_warnings_and_diffs_are_told_once_and_of_whom() -> None:
    whole = summarized(
        {"changed": True, "warnings": ["careful", "again"], "diff": {"before": 1}},
        {"changed": False, "warnings": []},
        {"changed": True, "warnings": ["so"], "diff": {"before": 3}},
    )
    assert whole["warnings"] == ["thing 1: careful", "thing 1: again", "thing 3: so"]
    assert whole["diff"] == [{"before": 1}, {"before": 3}]
    assert all(not {"warnings", "diff"} & set(result) for result in whole["results"])


def test_one_that_failed_fails_all_and_says_which() -> None:
    error = CloudflareError("it is not there", {"error": {"status": 404}, "warnings": ["w"]})
    with pytest.raises(CloudflareError) as caught:
        summarized({"changed": True, "diff": {"before": 1}}, error)
    assert caught.value.message == "1 of 2 things failed: thing 2: it is not there"
    assert caught.value.values["changed"] is True
    assert caught.value.values["warnings"] == ["thing 2: w"]
    assert caught.value.values["diff"] == [{"before": 1}]
    assert caught.value.values["results"][1] == {
        "changed": False,
        "failed": True,
        "msg": "it is not there",
        "error": {"status": 404},
        "item": {"id": 2},
        "ansible_loop_var": "item",
    }


def test_of_several_that_failed_the_first_is_told() -> None:
    error = CloudflareError("no")
    with pytest.raises(CloudflareError) as caught:
        summarized({"changed": False}, error, {"changed": False}, CloudflareError("never"))
    assert caught.value.message == "2 of 4 things failed; the first of them: thing 2: no"
    assert caught.value.values["changed"] is False


def test_one_that_failed_after_a_change_is_a_change() -> None:
    with pytest.raises(CloudflareError) as caught:
        summarized(CloudflareError("no", {"changed": True}))
    assert caught.value.values["changed"] is True
    assert caught.value.values["results"][0]["failed"] is True


def test_what_an_error_holds_is_not_changed() -> None:
    values = {"warnings": ["w"], "changed": False}
    with pytest.raises(CloudflareError):
        summarized(CloudflareError("no", values))
    assert values == {"warnings": ["w"], "changed": False}
