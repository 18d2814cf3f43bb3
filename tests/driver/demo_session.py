# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make demo` runs against the sandbox: the playbooks, and a summary of what they did."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from e2e.control import Control

from sandbox import readback

_STORES = {
    "s3": ("S3", "SANDBOX_DESTINATION_CONF"),
    "gcs": ("Google Cloud Storage", "SANDBOX_GCS_DESTINATION_CONF"),
    "azure": ("Azure Blob Storage", "SANDBOX_AZURE_DESTINATION_CONF"),
}


def main() -> int:
    """Run the playbooks; returns the exit status."""
    sandbox = Control(dict(os.environ))
    proved = _play("prove_ownership", "destination", "Step by step")
    there = [name for name, (_title, variable) in _STORES.items() if variable in os.environ]
    for name in there:
        _play("push_logs", name, f"In one task, to {_STORES[name][0]}")
    sandbox.control("DELETE", "requests")
    for name in there:
        _play("push_logs", name)
    writes = sum(bool(each["writes"]) for each in sandbox.requests())
    jobs = ", ".join(f"{job['name']} (id {job['id']})" for job in sandbox.jobs())
    shown = re.findall(r"^ +(?:filename|valid): (\S+)$", proved, re.MULTILINE)
    print(f"\nChallenge file:  {shown[0]} (token valid: {shown[1]})")
    for upload in sandbox.control("GET", "uploads"):
        first = readback.text(os.environ, upload).splitlines()[0]
        print(f"{'Logs in ' + upload['destinationType'] + ':':<16} {first}")
    print(f"Jobs created:    {jobs}\nSecond run:      {writes} write requests")
    print("Try next:        make sandbox, which stays up for your own playbooks")
    print("                 ansible-doc edgeops.cloudflare.logpush_job")
    return 0


def _play(playbook: str, variables: str, title: str = "") -> str:
    """Run a playbook; returns what it printed, which is shown only where it failed."""
    command = ["ansible-playbook", f"edgeops.cloudflare.{playbook}"]
    command += ["-e", f"@tests/driver/demo_{variables}.yml"]
    if title:
        print(f"\n{title}: {' '.join(command)}", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr)
        raise SystemExit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
