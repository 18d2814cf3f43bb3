# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each example of the documentation is run: it cannot rot."""

from __future__ import annotations

import importlib
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ACCOUNT, ZONE
from system.playbooks import PUSH_LOGS, World

ROOT = Path(__file__).resolve().parents[2]
# Which playbook of the collection takes the variables that a page shows.
PLAYBOOKS = {"logpush_jobs": PUSH_LOGS, "report_scopes": "edgeops.cloudflare.report"}
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")]
MODULES = [path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")]


def blocks() -> t.Iterator[t.Any]:
    """Yield each YAML block of the pages."""
    for page in PAGES:
        found = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
        for number, text in enumerate(found, 1):
            yield pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for name in MODULES:
        module = importlib.import_module(
            f"ansible_collections.edgeops.cloudflare.plugins.modules.{name}"
        )
        yield pytest.param(module.EXAMPLES, id=name)


def as_plays(content: list[t.Any]) -> list[t.Any]:
    """Return an example as plays; a list of tasks becomes one."""
    if "hosts" in content[0]:
        return content
    return [{"name": "Run the example", "hosts": "localhost", "tasks": content}]


@pytest.mark.parametrize("text", list(blocks()))
def test_example(text: str, world: World, tmp_path: Path) -> None:
    if "collections" in yaml.safe_load(text):
        # A requirements.yml: nothing to run, but it names what there is.
        assert {"name": "edgeops.cloudflare"} in yaml.safe_load(text)["collections"]
        return
    # The examples' destinations lie in a bucket that the sandbox has; its ids are its own.
    mine = text.replace(ZONE, world.zone_id)
    mine = mine.replace(ACCOUNT, world.environment["SANDBOX_ACCOUNT_ID"])
    named = re.findall(r"destination_conf: \"?(s3://[^\s\"]+)", mine)
    destination = named[0] if named else world.destination
    token = world.control("POST", "tokens", {"destination_conf": destination})["token"]
    content = yaml.safe_load(mine)
    if isinstance(content, dict):
        # Variables for a playbook of the collection.
        run = world.run(playbook=next(PLAYBOOKS[name] for name in content), inputs=content)
        assert run.status == 0, run.output
        return
    plays = as_plays(content)
    for play in plays:
        play.update({"gather_facts": False})
        interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        play["vars"] = {**play.get("vars", {}), **interpreter}
    playbook = tmp_path / "example.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    run = world.run(
        playbook=str(playbook),
        inputs={
            # What the examples take for given.
            "vaulted_api_token": world.environment["CLOUDFLARE_API_TOKEN"],
            "challenge_file": {"contents": token},
            "kept_token": token,
            "r2_account": "0123456789abcdef0123456789abcdef",
            "r2_key": "0123456789abcdef0123456789abcdef",
            "r2_secret": "0123456789abcdef" * 4,
        },
    )
    assert run.status == 0, run.output
    assert run.requested
