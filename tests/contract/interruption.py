# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ctrl-C and SIGTERM: no request is abandoned half-way, and what was made is removed first."""

from __future__ import annotations

import signal
import sys
import threading
import types

_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class Interrupted(BaseException):
    """A signal came; no exception that a test could take for its own."""


class Interruption:
    """Remembers a signal until the request in progress is answered; the second one does not wait.

    A request that is abandoned may still be carried out, after the jobs were listed for removal.
    """

    def __init__(self) -> None:
        self.number = 0
        self._event = threading.Event()
        self._closing = False

    def install(self) -> None:
        """Handle the signals from now on."""
        for number in _SIGNALS:
            signal.signal(number, self._note)

    def close(self) -> None:
        """From now on a signal is only answered with a message: what was made is being removed."""
        self._closing = True
        self._event.clear()

    def check(self) -> None:
        """Raise ``Interrupted`` if a signal came."""
        if self._event.is_set():
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Sleep, unless a signal comes."""
        self._event.wait(seconds)
        self.check()

    def _note(self, number: int, _frame: types.FrameType | None) -> None:
        if self._closing:
            print("Still removing what was created; please wait.", file=sys.stderr, flush=True)
            return
        print("Interrupted; removing what was created.", file=sys.stderr, flush=True)
        again = self._event.is_set()
        self.number = number
        self._event.set()
        if again:
            raise Interrupted
