# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make demo` runs against the sandbox: the playbooks, and a summary of what they did."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import typing as t

import requests

from sandbox import readback

_LISTS = {"s3": "S3", "gcs": "Google Cloud Storage", "azure": "Azure Blob Storage"}


class _Sandbox:
    """The sandbox's recorder."""

    def __init__(self) -> None:
        self._control = os.environ["SANDBOX_CONTROL_URL"]
        self._session = requests.Session()
        self._session.trust_env = False

    def writes(self) -> int:
        """Return how many requests that write were sent since the last time."""
        recorded = self._session.get(f"{self._control}/requests", timeout=30).json()
        self._session.delete(f"{self._control}/requests", timeout=30)
        return sum(bool(each["writes"]) for each in recorded)

    def jobs(self) -> list[dict[str, t.Any]]:
        """Return the jobs."""
        return list(self._session.get(f"{self._control}/jobs", timeout=30).json())

    def first_records(self) -> dict[str, str]:
        """Return the first record of each batch that was delivered, read back from its bucket."""
        uploads = self._session.get(f"{self._control}/uploads", timeout=30).json()
        return {
            upload["destinationType"]: readback.text(os.environ, upload).splitlines()[0]
            for upload in uploads
        }


def main() -> int:
    """Run the playbooks; returns the exit status."""
    sandbox = _Sandbox()
    proved = _run("Step by step", "prove_ownership", "-e", "@tests/driver/demo_destination.yml")
    lists = [name for name in _LISTS if f"SANDBOX_{_variable(name)}" in os.environ]
    for name in lists:
        _run(f"In one task, to {_LISTS[name]}", "push_logs", "-e", f"@tests/driver/demo_{name}.yml")
    sandbox.writes()
    for name in lists:
        _play("push_logs", "-e", f"@tests/driver/demo_{name}.yml")
    _show_summary(proved, sandbox, sandbox.writes())
    return 0


def _show_summary(proved: str, sandbox: _Sandbox, writes: int) -> None:
    filename = re.search(r"^ +filename: (\S+)$", proved, re.MULTILINE)
    valid = re.search(r"^ +valid: (\S+)$", proved, re.MULTILINE)
    jobs = ", ".join(f"{job['name']} (id {job['id']})" for job in sandbox.jobs())
    logs = "\n".join(
        f"{f'Logs in {store}:':<16} {record}" for store, record in sandbox.first_records().items()
    )
    print(
        f"""
Challenge file:  {filename[1] if filename else "not found"}
Its token:       valid: {valid[1] if valid else "not found"}
Jobs created:    {jobs}
{logs}
The second run:  {writes} requests that write
Try next:        make sandbox, which stays up for your own playbooks
                 ansible-doc edgeops.cloudflare.logpush_job"""
    )


def _variable(name: str) -> str:
    return "DESTINATION_CONF" if name == "s3" else f"{name.upper()}_DESTINATION_CONF"


def _run(what: str, playbook: str, *arguments: str) -> str:
    command = shlex.join(["ansible-playbook", f"edgeops.cloudflare.{playbook}", *arguments])
    print(f"\n{what}: {command}", flush=True)
    return _play(playbook, *arguments)


def _play(playbook: str, *arguments: str) -> str:
    """Run a playbook; returns what it printed, which is shown only where it failed."""
    command = ["ansible-playbook", f"edgeops.cloudflare.{playbook}", *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        print(done.stdout)
        raise SystemExit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
