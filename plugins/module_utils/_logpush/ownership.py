# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove ownership of destinations: request challenges, read their files, validate tokens."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._concurrency import (
    run_concurrently,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    Rejected,
    StoreError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.challenge_file import (
    ChallengeFiles,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_rules import (
    checked_destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import (
    Challenge,
    Logpush,
    Verdict,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.token import (
    clean_token,
    disagreements,
)

Result = dict[str, t.Any]
Options = t.Mapping[str, t.Any]


class OwnershipProof:
    """The ownership token of one destination in one scope, shared by the jobs that need it.

    Not thread-safe: jobs that share a proof are written one after another.
    ``options`` are those of ``challenge_file``, complete. ``filename`` is the challenge file,
    ``token`` what it holds, once they are known.
    """

    def __init__(
        self,
        logpush: Logpush,
        destination: Destination,
        files: ChallengeFiles,
        options: Options,
    ) -> None:
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
        self.token = self._error = self._key = None
        self.used = False
        try:
            challenge = request_challenge(self._logpush, self.destination)
            self.filename = challenge.filename
        except CloudflareError as error:
            self._error = error

    def read(self) -> bool:
        """Look for the challenge file once; return whether to look again later.

        A failure is raised by ``require``.
        """
        if self.filename is None or self.token is not None:
            return False
        try:
            token, self._key = self._files.read(self.filename, self.destination, self._options)
            self.token = clean_token(token)
        except CloudflareError as error:
            self._error = error
            return isinstance(error, StoreError) and error.pending
        self._error = None
        return False

    def require(self) -> str:
        """Return the token; raise the error that kept it from being read."""
        if self.token is None:
            error = self._error or CloudflareError("no ownership challenge was requested")
            error.values.setdefault("filename", self.filename)
            raise error
        return self.token

    def renew(self) -> str:
        """Request another challenge, wait for its file and return the token."""
        self.check()
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

    @property
    def timeout(self) -> float:
        """How long to wait for the file, in seconds."""
        return float(self._options["timeout"])

    @property
    def delay(self) -> float:
        """How long to wait between two attempts, in seconds."""
        return float(self._options["delay"])


def read_files(proofs: t.Sequence[OwnershipProof], concurrency: int) -> None:
    """Read the challenge files, and wait for those that are not there yet, all at the same time.

    Each file is looked for at least once; after that, until its ``timeout`` is over.
    """
    began = time.monotonic()
    waiting = list(proofs)
    while waiting:
        outcomes = run_concurrently(lambda proof: proof.read(), waiting, concurrency)
        elapsed = time.monotonic() - began
        waiting = [
            proof
            for proof, again in zip(waiting, outcomes)
            if again is True and elapsed + proof.delay <= proof.timeout
        ]
        if waiting:
            time.sleep(max(min(proof.delay for proof in waiting), 0.05))


def request_challenge(logpush: Logpush, destination: Destination) -> Challenge:
    """Request a challenge; raise ``Rejected`` where Cloudflare wrote no file."""
    challenge = logpush.request_challenge(destination) or Challenge()
    if not challenge.written:
        reason = challenge.message or "no reason given"
        raise Rejected(
            f"Cloudflare wrote no challenge file to destination_conf: {reason}",
            {"changed": False, "destination": destination.describe(), **challenge._asdict()},
        )
    return challenge


def request(destination_conf: str, logpush: Logpush) -> Result:
    """Request a challenge and return what the next task needs to read the file."""
    destination = checked_destination(destination_conf)
    result = {"changed": True, "destination": destination.describe()}
    if logpush.check_mode:
        return {**result, **Challenge()._asdict()}
    return {**result, **request_challenge(logpush, destination)._asdict()}


def validate(
    destination_conf: str,
    ownership_challenge: str | None,
    logpush: Logpush,
    *,
    fail_on_invalid: bool,
) -> Result:
    """Have Cloudflare validate a token; where it is rejected, look for the reason in its claims.

    In check mode the token may be missing, since no challenge was requested.
    """
    destination = checked_destination(destination_conf)
    if logpush.check_mode and not (ownership_challenge or "").strip():
        return _validated(destination, Verdict(None), [])
    token = clean_token(ownership_challenge or "")
    verdict = logpush.validate_challenge(destination, token)
    reasons = [] if verdict.valid else explain_rejection(token, logpush, destination)
    result = _validated(destination, verdict, reasons)
    if not verdict.valid and fail_on_invalid:
        reason = verdict.message or "valid: false, no reason given"
        sentence = f"Cloudflare rejected the ownership token: {reason}."
        raise Rejected(" ".join([sentence, *reasons]), result)
    return result


def _validated(destination: Destination, verdict: Verdict, reasons: list[str]) -> Result:
    result = {
        "changed": False,
        "destination": destination.describe(),
        "valid": verdict.valid,
        "message": verdict.message,
        "reasons": reasons,
    }
    if verdict.error is not None:
        result["error"] = verdict.error
    return result


def explain_rejection(token: str, logpush: Logpush, destination: Destination) -> list[str]:
    """Return where a token's own claims disagree with what it was sent for."""
    return disagreements(
        token,
        object_type=logpush.scope.kind,
        object_id=logpush.scope.id,
        destination=destination,
    )
