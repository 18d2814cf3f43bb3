# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Obtain ownership tokens: request challenges and read their files, shared where possible."""

from __future__ import annotations

import functools
import threading
import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    ChallengeFiles,
    timed_out,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Logpush
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    clean_token,
    wrong_object,
)

Options = t.Mapping[str, t.Any]

# Seconds for one attempt to read a file, at the end of the time too.
_LEAST = 1.0


class TokenSource:
    """The ownership token of one destination in one scope, shared by the jobs that need it.

    Not thread-safe: jobs that share a source are written one after another. The challenge files of
    several scopes may be one object, which each challenge overwrites; ``location`` is locked from
    the request of a challenge until its file is read.
    ``options`` are those of ``challenge_file``, complete. ``filename`` is the challenge file,
    ``token`` what it holds, once they are known.
    """

    def __init__(
        self,
        logpush: Logpush,
        destination: Destination,
        files: ChallengeFiles,
        options: Options,
        location: threading.Lock,
    ) -> None:
        self._location = location
        self._logpush = logpush
        self._files = files
        self._options = options
        self._key: str | None = None
        self._error: CloudflareError | None = None
        self.destination = destination
        self.filename: str | None = None
        self.token: str | None = None
        # Whether a token is known to be required, and whether one was accepted for a job.
        self.required = False
        self.used = False

    def check(self) -> None:
        """Note that a token is required, and check that the challenge file can be read.

        Raise ``MissingLibrary`` or ``InvalidInput`` where it cannot. Nothing is sent.
        """
        self._files.check(self.destination, self._options)
        self.required = True

    def expect(self, requests: int) -> None:
        """Let the rate limiter know how many challenges are going to be requested."""
        self._logpush.expect(requests)

    def request(self) -> None:
        """Request a challenge; a failure is raised by ``require``."""
        self.token = self._error = self._key = self.filename = None
        self.used = False
        try:
            challenge = self._logpush.request_challenge(self.destination)
            self.filename = challenge.filename if challenge else None
        except CloudflareError as error:
            self._error = error

    def read(self, seconds: float) -> bool:
        """Look for the challenge file once, for so many seconds; return whether to look again.

        A failure is raised by ``require``.
        """
        if self.filename is None or self.token is not None:
            return False
        try:
            content, self._key = self._files.fetch(
                self.filename, self.destination, self._options, seconds=seconds
            )
            token = clean_token(content)
        except CloudflareError as error:
            self._error = error
            return isinstance(error, StoreError) and error.pending
        # An error of Cloudflare's may quote it.
        self._logpush.register_secrets([token])
        scope = self._logpush.scope
        others = wrong_object(token, scope.kind, scope.id)
        if others:
            # A run for another zone has overwritten the file, so request another challenge.
            self.request()
            self._error = self._error or StoreError(" ".join(others), pending=True)
            return self.filename is not None
        self._error, self.token = None, token
        return False

    def require(self) -> str:
        """Return the token; raise the error that kept it from being read."""
        if self.token is None:
            error = self._error or CloudflareError("no ownership challenge was requested")
            # A new error for each job, which adds values of its own; and none of the kind that a
            # request that writes a job may raise.
            raise CloudflareError(error.message, {"filename": self.filename, **error.values})
        return self.token

    def renew(self) -> str:
        """Request another challenge, wait for its file and return the token."""
        self.check()
        with self._location:
            self.request()
            read_files([self], 1)
        return self.require()

    def accept(self) -> list[str]:
        """Note that Cloudflare accepted the token; remove the file where that is asked for.

        Return warnings: the job exists, so a file that stays is no failure.
        """
        self.used = True
        key, self._key = self._key, None
        if key is None or not self._options.get("remove"):
            return []
        try:
            self._files.remove(key, self.destination, self._options)
        except CloudflareError as error:
            return [f"challenge file {key} was not removed: {error.message}"]
        return []

    def time_out(self) -> None:
        """Note that the file did not become readable in time."""
        if isinstance(self._error, StoreError):
            self._error = timed_out(self._error, self.timeout)

    @property
    def location(self) -> tuple[t.Any, ...]:
        """Where the challenge file is written, as far as the destination shows it."""
        return location_of(self.destination)

    @property
    def timeout(self) -> float:
        """How long to wait for the file, in seconds."""
        return float(self._options["timeout"])

    @property
    def delay(self) -> float:
        """How long to wait between two attempts, in seconds."""
        return float(self._options["delay"])


def location_of(destination: Destination) -> tuple[str, str, str]:
    """Return where challenge files are written, as far as a destination shows it."""
    return (destination.scheme, destination.host, destination.path)


def obtain_tokens(sources: t.Sequence[TokenSource], concurrency: int) -> None:
    """Request challenges and read their files, concurrently where the files do not collide.

    Whether Cloudflare gives each file a name of its own shows in the names. Until that is seen,
    and where it does not, destinations with the same path take turns.
    """
    queues: dict[t.Any, _Queue] = {}
    for source in sources:
        queues.setdefault(source.location, _Queue()).waiting.append(source)
    while True:
        turn = [source for queue in queues.values() for source in queue.take()]
        if not turn:
            return
        run_concurrently(lambda source: source.request(), turn, concurrency)
        read_files(turn, concurrency)


class _Queue:
    """The sources whose challenge files may be one object."""

    def __init__(self) -> None:
        self.waiting: list[TokenSource] = []
        self._taken: list[TokenSource] = []

    def take(self) -> list[TokenSource]:
        """Return those whose turn it is: one, or all where the file names are seen to differ."""
        names = [source.filename for source in self._taken]
        distinct = len(names) > 1 and None not in names and len(set(names)) == len(names)
        count = len(self.waiting) if distinct else 1
        turn, self.waiting = self.waiting[:count], self.waiting[count:]
        self._taken += turn
        return turn


def read_files(sources: t.Sequence[TokenSource], concurrency: int) -> None:
    """Read the challenge files, and wait for those that are not there yet, all at the same time.

    Each file is looked for at least once; after that, until its ``timeout`` is over.
    """
    began = time.monotonic()
    waiting = list(sources)
    while waiting:
        elapsed = time.monotonic() - began
        read = functools.partial(_read_once, elapsed)
        outcomes = run_concurrently(read, waiting, concurrency)
        elapsed = time.monotonic() - began
        pending = [source for source, again in zip(waiting, outcomes) if again is True]
        waiting = [source for source in pending if elapsed + source.delay < source.timeout]
        for source in pending:
            if source not in waiting:
                source.time_out()
        if waiting:
            time.sleep(min(source.delay for source in waiting))


def _read_once(elapsed: float, source: TokenSource) -> bool:
    return source.read(max(source.timeout - elapsed, _LEAST))
