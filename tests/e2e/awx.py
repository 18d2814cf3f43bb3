# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX does before and after a run of ansible-runner, with the files that users give to AWX.

There is no AWX here. What it does is known from its source (version 24): it renders a credential
type's injectors, marks all extra variables as no templates, writes an inventory script of all or
of a slice of the hosts, and hands a folder with all of it to ``ansible-runner worker`` on another
machine, which gives back events.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t
from pathlib import Path

import ansible_runner
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

FILES = Path(__file__).resolve().parents[2] / "docs" / "awx"
SURVEY = json.loads((FILES / "survey.json").read_text(encoding="utf-8"))
_INVENTORY_UPDATE = {
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_INVENTORY_EXPORT": "True",
    "ANSIBLE_VERBOSE_TO_STDERR": "True",
    "INVENTORY_UPDATE_ID": "1",
}

Inventory = dict[str, t.Any]
Variables = t.Mapping[str, t.Any]


class Credential(t.NamedTuple):
    """What a credential puts into the environment, and into the extra variables."""

    env: dict[str, str]
    extra_vars: dict[str, str]


def credential(type_name: str, **values: str) -> Credential:
    """Return what a credential of one of our types injects; ``values`` are the fields filled in."""
    inputs, injectors = (
        yaml.safe_load((FILES / "credential_types" / type_name / name).read_text(encoding="utf-8"))
        for name in ("inputs.yml", "injectors.yml")
    )
    assert (
        set(inputs.get("required", ())) <= set(values) <= {each["id"] for each in inputs["fields"]}
    )
    jinja = ImmutableSandboxedEnvironment()
    env, extra_vars = (
        {name: jinja.from_string(text).render(values) for name, text in templates.items()}
        for templates in (injectors.get("env", {}), injectors.get("extra_vars", {}))
    )
    return Credential(env, extra_vars)


def survey_answers(**given: t.Any) -> dict[str, t.Any]:
    """Return the answers to the survey: those given, and the defaults of the other questions."""
    defaults = {each["variable"]: each["default"] for each in SURVEY["spec"]}
    assert given.keys() <= defaults.keys()
    return {**defaults, **given}


def sliced(inventory: Inventory, number: int = 1, count: int = 1) -> Inventory:
    """Return what AWX makes of an inventory for slice ``number`` of ``count``."""
    variables = inventory["_meta"]["hostvars"]
    names = sorted(variables)[number - 1 :: count]
    ours = {"remote_tower_enabled": "true"}
    groups = {
        name: {**group, "hosts": [host for host in names if host in group.get("hosts", ())]}
        for name, group in inventory.items()
        if name != "_meta"
    }
    # Groups without any host are left out.
    groups = {name: group for name, group in groups.items() if group["hosts"] or name == "all"}
    groups["all"] = {"vars": groups["all"].get("vars", {}), "hosts": names}
    return {**groups, "_meta": {"hostvars": {name: {**variables[name], **ours} for name in names}}}


class Outcome(t.NamedTuple):
    """What AWX gets from a run: its status, and its events."""

    status: str
    events: list[dict[str, t.Any]]

    @property
    def printed(self) -> str:
        """All that Ansible printed."""
        return "\n".join(event.get("stdout", "") for event in self.events)

    @property
    def artifacts(self) -> dict[str, t.Any]:
        """What the run left for the next node of a workflow."""
        found = [each.get("event_data", {}).get("artifact_data") for each in self.events]
        return next((each for each in reversed(found) if each), {})


class Job:
    """A folder as AWX makes it for one run; it runs once, on a node that is another folder."""

    def __init__(
        self,
        folder: Path,
        environment: t.Mapping[str, str],
        credentials: t.Sequence[Credential] = (),
    ) -> None:
        """``environment`` is that of the node."""
        self.folder = folder / "controller"
        self.node = folder / "node"
        self._environment = environment
        self._envvars = {name: text for each in credentials for name, text in each.env.items()}
        self._credentials = credentials
        self._worker: subprocess.Popen[bytes] | None = None
        for each in (self.folder / "inventory", self.folder / "env", self.node):
            each.mkdir(parents=True)
        shutil.copytree(FILES / "project", self.folder / "project")
        self._write("env/settings", json.dumps({"job_timeout": 0, "suppress_ansible_output": True}))

    def prepare(self, inventory: Inventory, variables: Variables, *arguments: str) -> None:
        """Write the inventory, the extra variables and the command line of a playbook."""
        script = f"#! /usr/bin/env python3\nprint({json.dumps(inventory)!r})\n"
        self._write("inventory/hosts", script).chmod(0o700)
        self._write("env/extravars", _as_unsafe(variables))
        arguments = ("-u", "root", "--diff", *arguments)
        for number, each in enumerate(self._credentials):
            if each.extra_vars:
                self._write(f"env/credential{number}", _as_unsafe(each.extra_vars))
                arguments += ("-e", f"@../env/credential{number}")
        self._write("env/cmdline", " ".join(arguments))

    def run(self, playbook: str) -> Outcome:
        """Run a playbook where the folder is, by ``ansible-runner run``."""
        self._write("env/envvars", json.dumps(self._envvars))
        command = ["ansible-runner", "run", str(self.folder), "--playbook", playbook]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, check=False, timeout=240
        )
        (artifacts,) = (self.folder / "artifacts").iterdir()
        events = [json.loads(path.read_text()) for path in artifacts.glob("job_events/*.json")]
        status = (artifacts / "status").read_text(encoding="utf-8")
        assert (status == "successful") == (done.returncode == 0), done.stderr
        return Outcome(status, sorted(events, key=lambda event: int(event["counter"])))

    def start(self, **what: t.Any) -> None:
        """Hand the folder to a worker, and do not wait for it."""
        payload = self.folder.with_name("payload")
        with payload.open("wb") as stream:
            ansible_runner.interface.run(
                streamer="transmit",
                _output=stream,
                private_data_dir=str(self.folder),
                ident="1",
                envvars=self._envvars,
                suppress_env_files=True,
                **what,
            )
        command = ["ansible-runner", "worker", "--private-data-dir", str(self.node)]
        with payload.open("rb") as stdin, self._answer.open("wb") as stdout:
            self._worker = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, env=self._environment
            )

    def start_playbook(self, playbook: str) -> None:
        """Hand a playbook to a worker, and do not wait for it."""
        self.start(playbook=playbook)

    def wait(self) -> Outcome:
        """Wait for the worker, and take what it gives back."""
        assert self._worker is not None
        self._worker.wait(240)
        events: list[dict[str, t.Any]] = []
        with self._answer.open("rb") as stream:
            done = ansible_runner.interface.run(
                streamer="process",
                _input=stream,
                private_data_dir=str(self.folder),
                ident="1",
                quiet=True,
                event_handler=events.append,
            )
        return Outcome(done.status, events)

    def update_inventory(self, source: str) -> Inventory:
        """Return what an inventory source gives, a file of the project."""
        project, output = self.node / "project", self.node / "artifacts" / "1" / "output.json"
        command = ["ansible-inventory", "--list", "--export", "-i", project / source]
        command += ["--output", output, "--playbook-dir", project]
        self._write("args", " ".join(map(str, command)))
        self._envvars.update(_INVENTORY_UPDATE)
        self.start()
        outcome = self.wait()
        assert outcome.status == "successful", outcome.printed
        answer = (self.folder / "artifacts" / "1" / "output.json").read_text(encoding="utf-8")
        return dict(json.loads(answer))

    @property
    def _answer(self) -> Path:
        return self.folder.with_name("answer")

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


class _UnsafeDumper(yaml.SafeDumper):
    """Marks each text as one that is no template."""


_UnsafeDumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("!unsafe", text, style='"')
)


def _as_unsafe(variables: Variables) -> str:
    return str(yaml.dump(dict(variables), Dumper=_UnsafeDumper))
