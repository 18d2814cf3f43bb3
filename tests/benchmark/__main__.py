# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make benchmark`: time this collection against other clients that send the same requests.

All of them send to one sandbox, which runs in this process. What they take is measured of the
processes that are started for them. docs/performance.md says what each row is.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperf
import requests

from sandbox.server import Sandbox

ACCOUNT = {"id": "be" * 16, "name": "benchmark"}
COLLECTION = "edgeops.cloudflare"
CONCURRENCY = 10  # the modules' default, and the SDK's threads
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
MODULES = (
    *(f"{COLLECTION}.{name}" for name in ("logpush_ownership", "logpush_job", "logpush_jobs")),
    "ansible.builtin.uri",
)
BEARER = "Bearer {{ lookup('ansible.builtin.env', 'CLOUDFLARE_API_TOKEN') }}"
CHALLENGES, JOBS = "/logpush/ownership", "/logpush/jobs"


@dataclass(frozen=True)
class Row:
    """A command, and the requests that it has to send: a POST to this path for each zone."""

    title: str
    path: str
    zones: int
    command: list[str]
    window: int = 300  # seconds in which 1200 requests are allowed; 300 is the documented limit


class Bench:
    """One sandbox, and the files that the commands read."""

    def __init__(self, sandbox: Sandbox, folder: Path, zones: int) -> None:
        self.folder = folder
        self.environment = os.environ | sandbox.environment
        self._session = requests.Session()
        self._session.trust_env = False
        made = self._control("POST", "zones", {"count": zones, "account": ACCOUNT})
        self._zones: list[str] = [zone["id"] for zone in made]

    def rows(self, few: int, many: int) -> Iterator[tuple[int, list[Row]]]:
        """How often the rows are measured, in turns, and the rows that are compared."""
        one, some = self._targets(1), self._targets(few)
        ours, uri = self._ours(one, "logpush_ownership"), self._uri(one, loop=False)
        yield (
            20,
            self._compared(
                (CHALLENGES, 1), {"`logpush_ownership`": ours, "`ansible.builtin.uri`": uri}
            ),
        )
        commands = {
            "`logpush_ownerships`": self._ours(some, "logpush_ownerships"),
            "`ansible.builtin.uri` in a loop": self._uri(some),
            "script with Cloudflare's SDK": [sys.executable, SDK, str(CONCURRENCY), some],
        }
        yield 3, self._compared((CHALLENGES, few), commands)
        commands = {f"`push_logs` to {to}": self._push_logs(to, few) for to in DESTINATIONS}
        yield 3, self._compared((JOBS, few), commands)
        source = {"plugin": f"{COLLECTION}.zones", "account_ids": [ACCOUNT["id"]]}
        inventory = self._write("zones.cloudflare.yml", source)
        command = [*self._push_logs("R2", 0), "-i", inventory]
        title = f"inventory plugin and `push_logs` to R2, {many} zones"
        yield 1, [Row(title, JOBS, many, command, window=30)]

    def _compared(self, what: tuple[str, int], commands: dict[str, list[str]]) -> list[Row]:
        return [Row(f"{name}, zones: {what[1]}", *what, each) for name, each in commands.items()]

    def run(self, row: Row) -> tuple[float, float]:
        """Run a command; returns its wall time and its processor time in seconds."""
        self._control("POST", "reset")
        # They get the same ids each time.
        self._control("POST", "zones", {"count": len(self._zones), "account": ACCOUNT})
        self._control("PATCH", "settings", {"jobs_per_zone": "unlimited"})
        self._control("PUT", "rate_policy", {"quota": 1200, "window": row.window})
        self._control("PUT", "latency", {"seconds": LATENCY})
        output = self.folder / "output"
        with output.open("wb") as log:
            before, began = _processor(), time.perf_counter()
            done = subprocess.run(
                row.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
            taken = time.perf_counter() - began, _processor() - before
        sent = sum(
            (entry["method"], entry["status"]) == ("POST", 200) and entry["path"].endswith(row.path)
            for entry in self._control("GET", "requests")
        )
        if done.returncode or sent != row.zones:
            said = output.read_text(encoding="utf-8", errors="replace")
            sys.exit(f"{row.title}: {sent} requests, status {done.returncode}\n{said}")
        return taken

    def startup(self, module: str) -> str:
        """What Ansible ships of a module, and how long its imports take: a line of a table."""
        kept = self.folder / module
        more = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TMP": str(kept)}
        command = ["ansible", "localhost", "-c", "local", "-m", module]
        # It fails, for it gets no options; it is shipped all the same.
        subprocess.run(command, env=self.environment | more, capture_output=True, check=False)
        (shipped,) = kept.glob("*/AnsiballZ_*.py")
        unpacked = subprocess.run(
            [sys.executable, str(shipped), "explode"], capture_output=True, text=True, check=True
        )
        archive = unpacked.stdout.split()[-1]
        name = re.sub(r"^ansible\.builtin\.", "ansible.modules.", module)
        name = name.replace(COLLECTION, f"ansible_collections.{COLLECTION}.plugins.modules")
        times = [self._import(archive, name) for _turn in range(7)]
        files = sum(1 for path in Path(archive).rglob("*.py"))
        return _line(f"`{module}`", f"{shipped.stat().st_size:,}", files, f"{min(times)} ms")

    def _import(self, archive: str, name: str) -> int:
        command = [sys.executable, "-X", "importtime", "-c", f"import {name}"]
        env = self.environment | {"PYTHONPATH": archive}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        # Of each line: microseconds of its own, and with all that it imports.
        total = re.search(rf"\| +(\d+) \| +{re.escape(name)}$", done.stderr, re.MULTILINE)
        return round(int(total[1]) / 1000) if total else 0

    def _targets(self, count: int) -> str:
        targets = [{"zone_id": each, "destination_conf": S3} for each in self._zones[:count]]
        return self._write(f"targets-{count}.json", {"targets": targets})

    def _ours(self, targets: str, module: str) -> list[str]:
        one = {"zone_id": "{{ targets[0].zone_id }}", "destination_conf": S3}
        many = {"targets": "{{ targets }}", "concurrency": CONCURRENCY}
        options = many if module.endswith("ships") else one
        return self._play(module, {f"{COLLECTION}.{module}": options}, targets)

    def _uri(self, targets: str, *, loop: bool = True) -> list[str]:
        base = self.environment["CLOUDFLARE_BASE_URL"]
        zone_id = "{{ item.zone_id }}" if loop else "{{ targets[0].zone_id }}"
        options = {
            "url": f"{base}/zones/{zone_id}{CHALLENGES}",
            "method": "POST",
            "headers": {"Authorization": BEARER},
            "body": {"destination_conf": S3},
            "body_format": "json",
        }
        repeat = {"loop": "{{ targets }}"} if loop else {}
        return self._play(f"uri{len(repeat)}", {"ansible.builtin.uri": options, **repeat}, targets)

    def _play(self, name: str, task: dict[str, Any], targets: str) -> list[str]:
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [task],
        }
        return ["ansible-playbook", self._write(f"{name}.yml", [play]), "-e", f"@{targets}"]

    def _push_logs(self, to: str, count: int) -> list[str]:
        job = {"name": "benchmark", "destination_conf": DESTINATIONS[to]}
        jobs = [
            {**job, "zone_id": each, "destination_conf": DESTINATIONS[to].replace("ZONE", each)}
            for each in self._zones[:count]
        ]
        # Without zones of their own, the jobs are for the zones of the hosts.
        values = {"logpush_jobs": jobs or [job], **({} if jobs else {"logpush_hosts": "all"})}
        variables = self._write(f"{to}-{count}.json", values)
        return ["ansible-playbook", f"{COLLECTION}.push_logs", "-e", f"@{variables}"]

    def _write(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def _control(self, method: str, path: str, body: object = None) -> Any:
        url = f"{self.environment['SANDBOX_CONTROL_URL']}/{path}"
        response = self._session.request(method, url, json=body, timeout=60)
        response.raise_for_status()
        return response.json() if response.content else None


def _processor() -> float:
    """Processor seconds of all children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _benchmark(name: str, values: Iterable[float]) -> pyperf.Benchmark:
    runs = [pyperf.Run([each], metadata={"name": name, "unit": "second"}) for each in values]
    return pyperf.Benchmark(runs)


def _measure(bench: Bench, options: argparse.Namespace) -> Iterator[pyperf.Benchmark]:
    print(_line("Row", "Wall", "Processor", "Runs"), "|---|--:|--:|--:|", sep="\n")
    for turns, compared in bench.rows(options.few, options.many):
        rows = [row for row in compared if options.only in row.title]
        # In turns: whatever else the machine does affects all of them.
        taken = [[bench.run(row) for row in rows] for _turn in range(options.turns or turns)]
        for row, pairs in zip(rows, zip(*taken, strict=True), strict=True):
            walls, processor = zip(*pairs, strict=True)
            both = _benchmark(row.title, walls), _benchmark(f"{row.title}, processor", processor)
            medians = [f"{each.median():.3f} s" for each in both]
            print(_line(row.title, *medians, len(pairs)), flush=True)
            yield from both


def main() -> None:
    """Measure, print Markdown, and write what `pyperf compare_to` reads."""
    parser = argparse.ArgumentParser(prog="make benchmark", description=__doc__)
    parser.add_argument("--turns", type=int, help="how often each row is measured")
    parser.add_argument("--only", default="", help="rows whose title contains this")
    parser.add_argument("--few", type=int, default=200, help="zones of most rows")
    parser.add_argument("--many", type=int, default=1000, help="zones of the inventory")
    parser.add_argument("--output", default=".cache/benchmark.json", help="default: %(default)s")
    options = parser.parse_args()
    sandbox = Sandbox()
    try:
        sandbox.start()
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(sandbox, Path(folder), max(options.few, options.many))
            suite = pyperf.BenchmarkSuite(list(_measure(bench, options)))
            print(
                _line("Module", "Bytes shipped", "Files", "Imports"), "|---|--:|--:|--:|", sep="\n"
            )
            for module in MODULES:
                print(bench.startup(module))
    finally:
        sandbox.stop()
    suite.dump(options.output, replace=True)
    machine = suite.get_metadata()
    for name in ("cpu_model_name", "cpu_count", "platform", "python_version"):
        print(f"{name}: {machine.get(name)}")
    for name in ("ansible-core", "requests", "cloudflare"):
        print(f"{name}: {importlib.metadata.version(name)}")


if __name__ == "__main__":
    main()
