# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run one function for many items concurrently. Knows neither Cloudflare nor Ansible."""

from __future__ import annotations

import threading
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import CloudflareError

_Item = t.TypeVar("_Item")
_Made = t.TypeVar("_Made")
# What one item led to: a result, or the error.
Outcome = t.Union[_Made, CloudflareError]


def run_concurrently(
    work: t.Callable[[_Item], _Made], items: t.Sequence[_Item], concurrency: int
) -> list[Outcome[_Made]]:
    """Call ``work`` for each item, ``concurrency`` at a time; return the outcomes in input order.

    A ``CloudflareError`` is an outcome and stops no other item. Any other exception is a bug: no
    further item is begun, and it is raised. Where the system starts no more threads, the work is
    done by those that run, in the worst case by the calling one alone.
    """
    return _Run(work, items).run(min(concurrency, len(items)))


class _Run(t.Generic[_Item, _Made]):
    def __init__(self, work: t.Callable[[_Item], _Made], items: t.Sequence[_Item]) -> None:
        self._work = work
        self._items = items
        self._outcomes: list[t.Any] = [None] * len(items)
        self._next = iter(range(len(items)))
        self._lock = threading.Lock()
        self._bug: BaseException | None = None

    def run(self, concurrency: int) -> list[Outcome[_Made]]:
        threads: list[threading.Thread] = []
        try:
            # This thread works too, and is the last one left where no other can be started.
            for _number in range(concurrency - 1):
                thread = threading.Thread(target=self._run_items)
                try:
                    thread.start()
                except RuntimeError:
                    break
                threads.append(thread)
            self._run_items()
        except BaseException as interrupt:
            # After Ctrl-C, what waits is not begun.
            self._bug = interrupt
            raise
        finally:
            for thread in threads:
                thread.join()
        if self._bug is not None:
            raise self._bug
        return self._outcomes

    def _run_items(self) -> None:
        while self._bug is None:
            with self._lock:
                index = next(self._next, None)
            if index is None:
                return
            try:
                self._outcomes[index] = self._work(self._items[index])
            except CloudflareError as error:
                self._outcomes[index] = error
            except BaseException as bug:  # pylint: disable=broad-exception-caught  # raised by run
                self._bug = bug
