# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make benchmark`: time this collection against other clients that send the same requests.

All of them send to one sandbox, which runs in this process. What they take is measured of the
processes that are started for them. docs/performance.md says what each row is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyperf
from driver.report import processor_seconds
from e2e.control import Control

from sandbox.server import running

ACCOUNT = {"id": "be" * 16, "name": "benchmark"}
COLLECTION = "edgeops.cloudflare"
LATENCY = 0.05  # seconds that the sandbox adds to each request
S3 = "s3://edge-logs/benchmark/{DATE}?region=us-east-1"
DESTINATIONS = {
    # It requires no proof.
    "R2": "r2://edge-logs/benchmark/{DATE}?account-id=01a7362d577a6c3019a474fd6f485823"
    "&access-key-id=benchmark-key-id&secret-access-key=benchmark-secret-key",
    "S3": "s3://edge-logs/benchmark/ZONE/{DATE}?region=us-east-1",
    # Challenges of one prefix overwrite each other's file, so they take turns.
    "one prefix of S3": S3,
}
SDK = str(Path(__file__).with_name("sdk.py"))
URI = "ansible.builtin.uri"
PUSH_LOGS = ("ansible-playbook", f"{COLLECTION}.push_logs", "-e")
MODULES = *(f"{COLLECTION}.logpush_{name}" for name in ("ownership", "job", "jobs")), URI
MACHINE = ("cpu_model_name", "cpu_count", "platform", "python_version")
PACKAGES = ("ansible-core", "requests", "cloudflare")
# Of one kind of rows: how often each runs, how many requests it sends, and the commands.
Rows = tuple[int, int, dict[str, list[str]]]


def rows(base_url: str, zones: list[str], few: int, many: int) -> Iterator[Rows]:
    """Write what the commands read into this folder; return the rows that are compared."""
    targets = [{"zone_id": each, "destination_conf": S3} for each in zones[:few]]
    request = {
        "url": f"{base_url}/zones/{{{{ zone_id }}}}/logpush/ownership",
        "method": "POST",
        "headers": {"Authorization": "Bearer {{ lookup('env', 'CLOUDFLARE_API_TOKEN') }}"},
        "body": {"destination_conf": S3},
        "body_format": "json",
    }
    loop = {"loop": zones[:few], "vars": {"zone_id": "{{ item }}"}}
    one = {"vars": {"zone_id": zones[0]}}
    commands = {
        "`logpush_ownership`": play({f"{COLLECTION}.logpush_ownership": targets[0]}),
        f"`{URI}`": play({URI: request, **one}),
    }
    yield 20, 1, {f"{title}, zones: 1": each for title, each in commands.items()}
    commands = {
        "`logpush_ownerships`": play({f"{COLLECTION}.logpush_ownerships": {"targets": targets}}),
        f"`{URI}` in a loop": play({URI: request, **loop}),
        # With as many threads as the modules have.
        "script with Cloudflare's SDK": [sys.executable, SDK, "10", json.dumps(targets)],
    }
    for to, destination in DESTINATIONS.items():
        job = {"name": "benchmark", "destination_conf": destination}
        urls = {each: destination.replace("ZONE", each) for each in zones[:few]}
        jobs = [{**job, "zone_id": each, "destination_conf": urls[each]} for each in urls]
        commands[f"`push_logs` to {to}"] = [*PUSH_LOGS, json.dumps({"logpush_jobs": jobs})]
    yield 3, few, {f"{title}, zones: {few}": each for title, each in commands.items()}
    source = {"plugin": f"{COLLECTION}.zones", "account_ids": [ACCOUNT["id"]]}
    Path("zones.cloudflare.yml").write_text(json.dumps(source), encoding="utf-8")
    job = {"name": "benchmark", "destination_conf": DESTINATIONS["R2"]}
    # Without zones of their own, the jobs are for the zones of the hosts.
    variables = {"logpush_jobs": [job], "logpush_hosts": "all"}
    title = f"inventory plugin and `push_logs` to R2, {many} zones"
    yield 1, many, {title: [*PUSH_LOGS, json.dumps(variables), "-i", "zones.cloudflare.yml"]}


def play(task: dict[str, Any]) -> list[str]:
    """Return the command that runs one task."""
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    local = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": python}
    path = Path(f"{'-'.join(task)}.yml")
    path.write_text(json.dumps([{**local, "tasks": [task]}]), encoding="utf-8")
    return ["ansible-playbook", str(path)]


def run(sandbox: Control, command: list[str], zones: int, requests: int) -> tuple[float, float]:
    """Run a command; returns its wall time and its processor time in seconds."""
    sandbox.reset()
    # They get the same ids each time.
    sandbox.control("POST", "zones", {"count": zones, "account": ACCOUNT})
    # 300 s is the documented limit; thousands of requests would take as long as it is.
    window = 30 if "-i" in command else 300
    sandbox.control("PUT", "rate_policy", {"quota": 1200, "window": window})
    sandbox.control("PUT", "latency", {"seconds": LATENCY})
    before, began = processor_seconds(), time.perf_counter()
    # A failure shows what it printed.
    done = subprocess.run(command, input=b"", stdout=subprocess.PIPE, check=False)
    taken = time.perf_counter() - began, processor_seconds() - before
    path = "/logpush/jobs" if PUSH_LOGS[1] in command else "/logpush/ownership"
    ended = [(each["method"], each["status"], each["path"]) for each in sandbox.requests()]
    sent = sum(each[:2] == ("POST", 200) and each[2].endswith(path) for each in ended)
    if done.returncode or sent != requests:
        sys.exit(f"{command}: {sent} requests, status {done.returncode}\n{done.stdout.decode()}")
    return taken


def startup(module: str) -> tuple[str, ...]:
    """Return what Ansible ships of a module, and how long its imports take: cells of a table."""
    env = os.environ | {
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_REMOTE_TMP": f"{os.getcwd()}/{module}",
    }
    # It fails, for it gets no options; it is shipped all the same.
    command = ["ansible", "localhost", "-c", "local", "-m", module]
    subprocess.run(command, env=env, capture_output=True, check=False)
    (shipped,) = Path(module).glob("*/AnsiballZ_*.py")
    exploded = subprocess.check_output([sys.executable, shipped, "explode"], text=True)
    archive = Path(exploded.split()[-1])
    name = next(archive.rglob(f"modules/{module.rpartition('.')[2]}.py")).relative_to(archive)
    imported = ".".join(name.with_suffix("").parts)
    timed = (
        f"import time; t = time.perf_counter(); import {imported}; print(time.perf_counter() - t)"
    )
    command, env["PYTHONPATH"] = [sys.executable, "-c", timed], str(archive)
    fastest = min(float(subprocess.check_output(command, env=env)) for _turn in range(7))
    files = len([*archive.rglob("*.py")])
    return f"`{module}`", f"{shipped.stat().st_size:,}", str(files), f"{fastest * 1000:.0f} ms"


def show(*cells: str) -> None:
    """Print a line of a Markdown table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def measure(sandbox: Control, options: argparse.Namespace) -> list[pyperf.Benchmark]:
    """Run the rows, and print a table of their medians."""
    found: list[pyperf.Benchmark] = []
    zones = max(options.few, options.many)
    made = sandbox.control("POST", "zones", {"count": zones, "account": ACCOUNT})
    ids = [zone["id"] for zone in made]
    show("Row", "Wall", "Processor", "Runs")
    show("---", "--:", "--:", "--:")
    base_url = sandbox.environment["CLOUDFLARE_BASE_URL"]
    for turns, requests, commands in rows(base_url, ids, options.few, options.many):
        taken: dict[str, list[tuple[float, float]]] = {t: [] for t in commands if options.only in t}
        # In turns: whatever else the machine does affects all of them.
        for title in [*taken] * (options.turns or turns):
            taken[title].append(run(sandbox, commands[title], zones, requests))
        for title, pairs in taken.items():
            for name, values in zip((title, f"{title}, processor"), zip(*pairs), strict=True):
                metadata = {"name": name, "unit": "second"}
                found.append(pyperf.Benchmark([pyperf.Run(values, metadata=metadata)]))
            medians = (f"{each.median():.2f} s" for each in found[-2:])
            show(title, *medians, str(len(pairs)))
    return found


def main() -> None:
    """Measure, print Markdown, and write what `pyperf compare_to` reads."""
    parser = argparse.ArgumentParser(prog="make benchmark", description=__doc__)
    parser.add_argument("--turns", type=int, help="how often each row is measured")
    parser.add_argument("--only", default="", help="rows whose title contains this")
    parser.add_argument("--few", type=int, default=200, help="zones of most rows")
    parser.add_argument("--many", type=int, default=1000, help="zones of the inventory")
    options = parser.parse_args()
    output = Path(".cache/benchmark.json").resolve()
    with running() as sandbox, tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ.update(sandbox.environment)
        suite = pyperf.BenchmarkSuite(measure(Control(sandbox.environment), options))
        print()
        show("Module", "Bytes shipped", "Files", "Imports")
        show("---", "--:", "--:", "--:")
        for module in MODULES:
            show(*startup(module))
    suite.dump(str(output), replace=True)
    machine = suite.get_metadata() | {name: version(name) for name in PACKAGES}
    print(*(f"{name}: {machine[name]}" for name in (*MACHINE, *PACKAGES)), sep="\n")


if __name__ == "__main__":
    main()
