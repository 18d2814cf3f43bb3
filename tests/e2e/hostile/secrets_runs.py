# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running playbooks where everything that they print, log and write is kept to be looked at."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

from sandbox.server import STRAY

# Modules log each run of theirs to the system's log, which no test may read.
_INSTEAD_OF_SYSLOG = """\
import syslog
def note(*what):
    with open({path!r}, "a", encoding="utf-8") as stream:
        stream.write(f"{{what[-1]}}\\n")
syslog.syslog = note
"""

_MODULES = "ansible_collections.edgeops.cloudflare.plugins.modules"

Inputs = t.Mapping[str, t.Any]


class Result(t.NamedTuple):
    """What a run came to: its status, what it printed, and by name all that it left anywhere."""

    status: int
    printed: str
    outputs: dict[str, bytes]

    def counted(self, what: str) -> int:
        """Return a number of the recap, which not every callback prints."""
        return int(re.findall(rf"{what}=(\d+)", self.printed)[-1])


class Place:
    """A folder where runs have their home, their temporary files and their logs.

    What they are given is in another folder beside it. Only what they write there is searched: in
    the machine's folder for temporary files are those of other programs.
    """

    def __init__(self, folder: Path, environment: t.Mapping[str, str]) -> None:
        self.inputs = folder / "inputs"
        self.written = folder / "written"
        self._environment = environment
        for each in (self.inputs, self.written / "home", self.written / "tmp"):
            each.mkdir(parents=True)
        replacement = _INSTEAD_OF_SYSLOG.format(path=str(self.written / "syslog"))
        (self.inputs / "sitecustomize.py").write_text(replacement, encoding="utf-8")

    def give(self, name: str, content: object) -> Path:
        """Write an input as JSON, which is YAML too."""
        path = self.inputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def play(self, playbook: str, inputs: Inputs, **environment: str) -> Result:
        """Run a playbook, as loud as it gets."""
        variables = self.give("variables.json", inputs)
        command = ["ansible-playbook", playbook, "-vvvv", "--diff", "-e", f"@{variables}"]
        return self._run(command, environment)

    def play_by_runner(self, playbook: str, inputs: Inputs, **environment: str) -> Result:
        """Run a playbook as AWX does.

        The runner writes the whole environment that it was given into the file ``command``, with
        or without --omit-env-files. That is an input, and nothing that a collection could keep.
        """
        self.give("runner/env/extravars", inputs)
        (self.inputs / "runner" / "project").mkdir()
        folders = [str(self.inputs / "runner"), "--artifact-dir", str(self.written / "artifacts")]
        how = ["--omit-env-files", "--cmdline=-vvvv --diff"]
        command = ["ansible-runner", "run", *folders, *how, "--playbook", playbook]
        return self._run(command, environment)

    def run_module(self, name: str, options: Inputs, **environment: str) -> Result:
        """Run a module of the collection alone, as Ansible starts it."""
        given = json.dumps({"ANSIBLE_MODULE_ARGS": options})
        return self._run([sys.executable, "-m", f"{_MODULES}.{name}"], environment, given)

    def _run(self, command: list[str], environment: t.Mapping[str, str], given: str = "") -> Result:
        env = {name: value for name, value in os.environ.items() if name not in STRAY}
        search_path = [str(self.inputs), *filter(None, [env.get("PYTHONPATH")])]
        env.update(self._environment)
        env.update(
            PYTHONPATH=os.pathsep.join(search_path),
            HOME=str(self.written / "home"),
            ANSIBLE_HOME=str(self.written / "home" / ".ansible"),
            TMPDIR=str(self.written / "tmp"),
            ANSIBLE_LOG_PATH=str(self.written / "ansible.log"),
        )
        env.update(environment)
        done = subprocess.run(
            command,
            env={name: value for name, value in env.items() if value},
            input=given.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.written,
            check=False,
            timeout=600,
        )
        outputs = {"what was printed": done.stdout}
        outputs.update(_files(self.written))
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"), outputs)


def _files(path: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder."""
    paths = [path] if path.is_file() else path.rglob("*")
    return {str(each): _content(each) for each in paths if each.is_file()}


def _content(path: Path) -> bytes:
    if path.name != "command":
        return path.read_bytes()
    command: dict[str, t.Any] = json.loads(path.read_bytes())
    del command["env"]
    return json.dumps(command).encode()
