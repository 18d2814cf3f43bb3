# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running playbooks against a sandbox as a user runs them: what they print, log and ask for."""

from __future__ import annotations

import base64
import json
import os
import re
import typing as t
import urllib.parse
from pathlib import Path

from e2e.control import Control
from e2e.warm_ansible import Runner, run_afresh
from sandbox.server import STRAY
from sandbox.store import client

PROVE_OWNERSHIP = "edgeops.cloudflare.prove_ownership"
PUSH_LOGS = "edgeops.cloudflare.push_logs"
ASKS_AND_VALIDATES = ["ownership", "validate"]
# An unknown parameter is treated as sensitive; "%2B" is an encoded character.
DESTINATION_SECRET = "ThisParameterIsASecret%2B42"


class World(Control):
    """A sandbox to run the playbook against.

    ``interpreter`` is what modules are run by; none is the one that a play chooses.
    """

    def __init__(
        self,
        environment: dict[str, str],
        folder: Path,
        log: Path,
        interpreter: str = "",
        ansible: Runner = run_afresh,
    ) -> None:
        """``ansible`` runs its programs; ``folder`` is for what a run reads."""
        super().__init__(environment)
        self.folder = folder
        self.log = log
        self._interpreter = interpreter
        self._ansible = ansible
        self.destination = environment["SANDBOX_DESTINATION_CONF"] + f"&x={DESTINATION_SECRET}"

    def objects(self) -> list[str]:
        """Return the keys of all objects in the bucket."""
        env = self.environment
        keys = (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        store = client("s3", env["AWS_ENDPOINT_URL_S3"], *keys)
        listed = store.list_objects_v2(Bucket=env["SANDBOX_BUCKET"])
        return [each["Key"] for each in listed.get("Contents", [])]

    def push(
        self,
        *entries: dict[str, t.Any],
        arguments: t.Sequence[str] = (),
        environment: dict[str, str] | None = None,
        **more: t.Any,
    ) -> Run:
        """Run the playbook that reconciles jobs; ``more`` are extra variables."""
        inputs = {"logpush_jobs": list(entries), **more}
        return self.run(*arguments, playbook=PUSH_LOGS, inputs=inputs, environment=environment)

    def run(
        self,
        *arguments: str,
        playbook: str = PROVE_OWNERSHIP,
        inputs: dict[str, t.Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Run:
        """Run a playbook, as loud as it gets, and check what holds of each run."""
        given = {"logpush_zone_id": self.zone_id, "logpush_destination_conf": self.destination}
        # In a file: at -vvvv Ansible prints its own command line.
        extra_vars = self.folder / "inputs.json"
        extra_vars.write_text(json.dumps({**given, **(inputs or {})}), encoding="utf-8")
        run = self.execute(
            "ansible-playbook",
            playbook,
            "-vvvv",
            "--diff",
            *("-e", f"@{extra_vars}"),
            *arguments,
            environment=environment,
        )
        run.assert_no_secret()
        run.assert_no_warning_of_this_collection()
        return run

    def execute(self, *command: str, environment: dict[str, str] | None = None) -> Run:
        """Run a program of Ansible's against the sandbox."""
        env = {name: value for name, value in os.environ.items() if name not in STRAY}
        # Pipelining changes nothing but how long each task takes.
        settings = {"ANSIBLE_LOG_PATH": str(self.log), "ANSIBLE_PIPELINING": "true"}
        env.update({**self.environment, **settings, **(environment or {})})
        if command[0] == "ansible-playbook" and self._interpreter:
            command += ("-e", f"ansible_python_interpreter={self._interpreter}")
        status, output = self._ansible(command, env)
        return Run(self, status, output, env)


class Run(t.NamedTuple):
    """What a run came to."""

    world: World
    status: int
    output: str
    env: dict[str, str]

    @property
    def requested(self) -> list[str]:
        """The requests, each by the last part of its path."""
        return [request["path"].rpartition("/")[2] for request in self.world.requests()]

    def says(self, pattern: str) -> bool:
        """Tell whether a line of the output matches, however it was wrapped."""
        flat = re.sub(r"\n {8,}", " ", self.output)
        return re.search(pattern, flat, re.MULTILINE) is not None

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The requests that wrote, each by its method and the last part of its path."""
        return [
            (request["method"], request["path"].rpartition("/")[2])
            for request in self.world.requests()
            if request["writes"]
        ]

    @property
    def changed(self) -> int:
        """How many tasks the recap says to have changed something."""
        return int(re.findall(r"changed=(\d+)", self.output)[-1])

    def secrets(self) -> set[str]:
        """Return whatever must be seen nowhere, in each form."""
        plain = {
            self.env["CLOUDFLARE_API_TOKEN"],
            self.env["AWS_SECRET_ACCESS_KEY"],
            DESTINATION_SECRET,
        }
        # The signatures of Azure, where there is one.
        for name in ("SANDBOX_AZURE_DESTINATION_CONF", "SANDBOX_AZURE_READ_SAS"):
            plain.update(re.findall(r"sig=([^&]+)", self.env.get(name, "")))
        for request in self.world.requests():
            challenge = (request["body"] or {}).get("ownership_challenge")
            plain.update([challenge] if challenge else [])
        forms = set(plain)
        for secret in plain:
            forms.add(urllib.parse.unquote(secret))
            forms.add(urllib.parse.quote(secret, safe=""))
            forms.add(base64.b64encode(secret.encode()).decode().rstrip("="))
        return forms

    def assert_no_secret(self) -> None:
        """Look in what was printed and in what was logged."""
        logged = self.world.log.read_text(encoding="utf-8")
        assert "PLAY RECAP" in logged
        for text in (self.output, logged):
            assert not [secret for secret in self.secrets() if secret in text]

    def assert_no_warning_of_this_collection(self) -> None:
        """Look for warnings that a user could do nothing about."""
        warnings = re.findall(r"\[(?:DEPRECATION )?WARNING\].*", self.output)
        assert not [each for each in warnings if "edgeops" in each or "prove_ownership" in each]
