# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual time, which passes only while all threads wait; one thread runs at a time.

What takes threads five minutes is over at once, with the same result each time.
"""

from __future__ import annotations

import heapq
import threading
import typing as t

# Real seconds in which a thread either ends or waits.
_PATIENCE = 30.0


class _Stopped(BaseException):
    """Ends a thread that waits for ever."""


class VirtualTime:
    """Replaces the module ``time``; ``condition`` replaces ``threading.Condition``.

    Code outside its threads, such as a test, may call ``sleep`` and ``monotonic`` as well.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.stopped = False
        self._agenda: list[tuple[float, int, _Thread]] = []
        self._entries = 0
        self._threads: list[_Thread] = []
        self._running: _Thread | None = None
        # Released where no thread is due; a lock, which is faster than a semaphore.
        self._idle = threading.Lock()
        self._idle.acquire()

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now

    def time(self) -> float:
        """Return the time in seconds since 1970 began."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        assert seconds >= 0
        self.pauses.append(seconds)
        self._pass(seconds)

    def pass_by(self, seconds: float) -> None:
        """Let the time pass that something other than a pause takes."""
        self._pass(seconds)

    def condition(self) -> Condition:
        """Return a replacement of ``threading.Condition()``."""
        return Condition(self)

    def start(self, work: t.Callable[[], object]) -> None:
        """Have a thread do ``work`` once ``run`` is called."""
        thread = _Thread(self, work)
        self._threads.append(thread)
        self.schedule(thread, 0.0)

    def run(self) -> None:
        """Run all threads to their ends; raise what one of them raised, or if they hang."""
        self.resume_next()
        entries = -1
        while not self._idle.acquire(timeout=_PATIENCE):
            assert entries < self._entries, "a thread neither ends nor waits"
            entries = self._entries
        for thread in self._threads:
            if thread.error is not None:
                raise thread.error
        assert all(thread.ended for thread in self._threads), "threads wait for ever"

    def stop(self) -> None:
        """End the threads that wait for ever."""
        self.stopped = True
        for thread in self._threads:
            thread.stop()

    def resume_next(self) -> None:
        """Resume the thread that is due next: the one that pauses hands over to it."""
        while self._agenda:
            due, _entry, thread = heapq.heappop(self._agenda)
            if not thread.ended and thread.due == due:
                self.now, self._running = max(self.now, due), thread
                thread.go.release()
                return
        self._running = None
        self._idle.release()

    def schedule(self, thread: _Thread, seconds: float) -> None:
        """Resume a thread in so many seconds, instead of when it was due before."""
        self._entries += 1
        thread.due = self.now + seconds
        heapq.heappush(self._agenda, (thread.due, self._entries, thread))

    @property
    def running(self) -> _Thread:
        """The thread that runs."""
        assert self._running is not None, "only a thread can wait for another one"
        return self._running

    def _pass(self, seconds: float) -> None:
        if self._running is None:
            self.now += seconds
        else:
            self.schedule(self._running, seconds)
            self._running.pause()


class Condition:
    """Replaces ``threading.Condition``; no lock is needed while one thread runs at a time."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._waiting: list[_Thread] = []

    def __enter__(self) -> Condition:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def acquire(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""

    def wait(self, timeout: float | None = None) -> None:
        """Wait for ``notify_all``, or until the timeout."""
        thread = self._time.running
        self._waiting.append(thread)
        thread.due = None
        if timeout is not None:
            self._time.schedule(thread, timeout)
        thread.pause()
        if thread in self._waiting:
            self._waiting.remove(thread)

    def notify_all(self) -> None:
        """Resume all threads that wait."""
        waiting, self._waiting = self._waiting, []
        for thread in waiting:
            self._time.schedule(thread, 0.0)


class _Thread:
    """A real thread that runs from when ``go`` is released until it pauses."""

    def __init__(self, time: VirtualTime, work: t.Callable[[], object]) -> None:
        self.ended = False
        self.error: BaseException | None = None
        # When it goes on; None: when it is notified.
        self.due: float | None = None
        self.go = threading.Lock()
        self.go.acquire()
        self._time = time
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Let other threads run, until it is resumed."""
        self._time.resume_next()
        self._wait()

    def stop(self) -> None:
        """End it where it waits."""
        if not self.ended:
            self.go.release()
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive(), "a thread does not end"

    def _wait(self) -> None:
        self.go.acquire()
        if self._time.stopped:
            raise _Stopped

    def _run(self) -> None:
        try:
            self._wait()
            self._work()
        except BaseException as error:  # pylint: disable=broad-exception-caught  # raised by run
            self.error = error
        self.ended = True
        if not self._time.stopped:
            self._time.resume_next()
