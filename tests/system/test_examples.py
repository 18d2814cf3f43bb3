# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each example of the documentation is run: it cannot rot."""

from __future__ import annotations

import base64
import json
import re
import typing as t
import urllib.parse
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ACCOUNT, ZONE
from system.playbooks import PUSH_LOGS, Run, World

ROOT = Path(__file__).resolve().parents[2]
# Which playbook of the collection takes the variables that a page shows.
PLAYBOOKS = {"logpush_jobs": PUSH_LOGS, "logpush_report_scopes": "edgeops.cloudflare.report"}
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
# The second zone of the examples, and what they take for given. None of it is a real one.
OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
TAKEN = {
    "r2_account": "0123456789abcdef0123456789abcdef",
    "r2_key": "0123456789abcdef0123456789abcdef",
    "r2_secret": "0123456789abcdef" * 4,
}
# The files that examples read, beside the playbook.
FILES = {
    "errors-only.sql": "SELECT ClientRequestHost, ClientRequestPath, EdgeResponseStatus\n"
    "FROM http_requests\nWHERE EdgeResponseStatus >= 500\n",
}
# Each block of this page is a list of jobs, and makes them in one run.
DESTINATIONS = ROOT / "docs" / "destinations.md"
# An entry with none of these is for the zone of its host.
SCOPES = {"zone_id", "account_id"}
MODULES = [path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")]


def blocks_of(page: Path) -> t.Iterator[t.Any]:
    """Yield each YAML block of one page."""
    found = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
    for number, text in enumerate(found, 1):
        yield pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")


def blocks() -> t.Iterator[t.Any]:
    """Yield each YAML block of the pages, but of the one that has a test of its own."""
    for page in PAGES:
        if page != DESTINATIONS:
            yield from blocks_of(page)
    for name in MODULES:
        yield pytest.param(examples_in(f"modules/{name}.py"), id=name)
    for folder in ("inventory", "lookup", "filter"):
        for path in (ROOT / "plugins" / folder).glob("[!_]*.py"):
            yield pytest.param(examples_in(f"{folder}/{path.name}"), id=path.stem)


def examples_in(plugin: str) -> str:
    """Return the examples of a plugin, which is only read.

    To import one of the controller's makes the process a controller, in which modules of later
    tests would not return their warnings.
    """
    source = (ROOT / "plugins" / plugin).read_text(encoding="utf-8")
    found = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', source, re.S | re.M)
    assert found, plugin
    return found[1]


def as_plays(content: list[t.Any]) -> list[t.Any]:
    """Return an example as plays; a list of tasks becomes one."""
    if "hosts" in content[0]:
        return content
    return [{"name": "Run the example", "hosts": "localhost", "tasks": content}]


def assert_finds_zones(text: str, world: World, tmp_path: Path) -> None:
    """Run an example of an inventory file."""
    source = tmp_path / "example.cloudflare.yml"
    # The cache is to be the test's own.
    source.write_text(text.replace("~/.cache", str(tmp_path)), encoding="utf-8")
    command = ("ansible-inventory", "-i", str(source), "--list")
    run = world.execute(*command, environment={"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"})
    assert run.status == 0, run.output
    assert world.zone_id in run.output


@pytest.mark.parametrize("text", list(blocks()))
def test_example(text: str, world: World, tmp_path: Path) -> None:
    if "collections" in yaml.safe_load(text):
        # A requirements.yml: nothing to run, but it names what there is.
        assert {"name": "edgeops.cloudflare"} in yaml.safe_load(text)["collections"]
        return
    # The examples' destinations lie in a bucket that the sandbox has; its ids are its own.
    mine = text.replace(ZONE, world.zone_id)
    mine = mine.replace(ACCOUNT, world.environment["SANDBOX_ACCOUNT_ID"])
    mine = mine.replace(OTHER_ZONE, world.environment["SANDBOX_OTHER_ZONE_ID"])
    named = re.findall(r"destination_conf: \"?(s3://[^\s\"]+)", mine)
    destination = named[0] if named else world.destination
    token = world.control("POST", "tokens", {"destination_conf": destination})["token"]
    content = yaml.safe_load(mine)
    if "plugin" in content:
        assert_finds_zones(mine, world, tmp_path)
        return
    source = tmp_path / "zones.cloudflare.yml"
    source.write_text("plugin: edgeops.cloudflare.zones\n", encoding="utf-8")
    if isinstance(content, dict):
        # Variables for a playbook of the collection.
        zones = [each for each in content.get("logpush_jobs", ()) if not SCOPES & each.keys()]
        run = world.run(
            *(("-i", str(source)) if zones else ()),
            playbook=next(PLAYBOOKS[name] for name in content),
            inputs={**TAKEN, **content, **({"logpush_hosts": "all"} if zones else {})},
        )
        assert run.status == 0, run.output
        return
    plays = as_plays(content)
    for play in plays:
        play.update({"gather_facts": False})
        interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        play["vars"] = {**play.get("vars", {}), **interpreter}
    playbook = tmp_path / "example.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    (tmp_path / "files").mkdir()
    for name, text_of_file in FILES.items():
        (tmp_path / "files" / name).write_text(text_of_file, encoding="utf-8")
    of_zones = any(play["hosts"] != "localhost" for play in plays)
    run = world.run(
        *(("-i", str(source)) if of_zones else ()),
        playbook=str(playbook),
        inputs={
            # What the examples take for given.
            "vaulted_api_token": world.environment["CLOUDFLARE_API_TOKEN"],
            "challenge_file": {"contents": token},
            "kept_token": token,
            **TAKEN,
        },
    )
    assert run.status == 0, run.output
    # The examples of filters need no API.
    of_module = re.search(r"^ +edgeops\.cloudflare\.\w+:$", mine, re.MULTILINE)
    assert bool(run.requested) is bool(of_module)


# What the page of destinations takes for given, and the sandbox need not know. None is a real one.
MADE_UP = {
    "r2_account": "0123456789abcdef0123456789abcdef",
    "r2_key": "r2key6789abcdef0123456789abcdef0",
    "r2_secret": "r2secret" + "0123456789abcdef" * 3,
    "sumo_code": "ZaVnC4dhaV1Example-code_0123456789==",
    "datadog_key": "datadog-key-0123456789abcdef",
    "splunk_channel": "0fc71a2e-93c5-4a2a-b5d9-channel00001",
    "splunk_token": "e6d94e8c-5792-4ad1-be3c-splunk000001",
    "newrelic_key": "newrelic-key/with+signs=0123",
    "http_token": "http token/with+signs=0123",
    "bigquery_key": '{"type": "service_account", "private_key": "-----BEGIN\\nMIIE>>>??+/=\\n"}',
    "sentinelone_token": "sentinelone-token-0123456789",
    "ibm_key": "ibm_key-0123456789abcdef",
    "kinesis_external_id": "kinesis/external+id=0123",
    "newthing_key": "newthing+key/0123456789",
}
NO_SECRETS = {"r2_account"}


def given(world: World) -> dict[str, str]:
    """Return what the page of destinations takes for given: each placeholder by its name."""
    env = world.environment
    values = {
        **MADE_UP,
        "s3_key": env["AWS_ACCESS_KEY_ID"],
        "s3_secret": env["AWS_SECRET_ACCESS_KEY"],
        "azure_write_sas": env.get("SANDBOX_AZURE_DESTINATION_CONF", "").partition("?")[2],
        "azure_read_sas": env.get("SANDBOX_AZURE_READ_SAS", ""),
    }
    code = values["sumo_code"]
    sumo = f"sumo://endpoint1.collection.sumologic.com/receiver/v1/http/{code}"
    minted = world.control("POST", "tokens", {"destination_conf": sumo})
    return {**values, "sumo_token": minted["token"]}


def with_own_hosts(text: str, world: World) -> str:
    """Return an example of the page with the sandbox's zone and hosts."""
    env = world.environment
    azure = urllib.parse.urlsplit(env.get("SANDBOX_AZURE_DESTINATION_CONF", ""))
    for documented, own in {
        ZONE: world.zone_id,
        "minio.example.com": env["AWS_ENDPOINT_URL_S3"].partition("://")[2],
        "examplelogs.blob.core.windows.net": azure.netloc,
    }.items():
        text = text.replace(documented, own)
    return text


def filled(template: str, values: dict[str, str]) -> str:
    """Return a ``destination_conf`` with its placeholders filled, without Ansible."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters["b64encode"] = in_base64
    return environment.from_string(template).render(values)


def in_base64(text: str) -> str:
    """Return a text in base64."""
    return base64.b64encode(text.encode()).decode()


def assert_no_secret_of(values: dict[str, str], run: Run) -> None:
    """Look for what the examples were given, in what was printed and in what was logged."""
    plain = {value for name, value in values.items() if name not in NO_SECRETS}
    for value in list(plain):
        # Of a SAS, the signature is the secret.
        plain.update(urllib.parse.parse_qs(value).get("sig", []))
    forms = {form for form in plain if len(form) >= 8}
    for each in list(forms):
        encoded = in_base64(each).rstrip("=")
        forms.update({encoded, urllib.parse.quote(encoded), json.dumps(each)[1:-1]})
        forms.update({urllib.parse.quote(each), urllib.parse.quote(each, safe="")})
    for text in (run.output, run.world.log.read_text(encoding="utf-8")):
        assert not [form for form in forms if form in text]


def is_asked_for(entry: dict[str, t.Any]) -> bool:
    """Whether a challenge is to be asked for: where one is needed and no token is at hand."""
    scheme, _mark, rest = entry["destination_conf"].partition("://")
    needed = scheme in ("gs", "azure", "sumo") or (scheme == "s3" and "access-key" not in rest)
    return needed and "ownership_challenge" not in entry


def test_examples_of_all_destinations(world: World) -> None:
    # In one list: a run for each of them would take minutes.
    texts = [block.values[0] for block in blocks_of(DESTINATIONS)]
    values = given(world)
    more: dict[str, t.Any] = dict(values)
    if "SANDBOX_AZURE_DESTINATION_CONF" in world.environment:
        reading = {"endpoint_url": world.environment["SANDBOX_AZURE_ENDPOINT"]}
        more["logpush_challenge_file"] = {"azure": reading}
    else:
        texts = [text for text in texts if "azure://" not in text]
    entries: list[dict[str, t.Any]] = []
    for text in texts:
        entries += yaml.safe_load(with_own_hosts(text, world))["logpush_jobs"]

    first = world.push(*entries, **more)
    assert first.status == 0, first.output
    wanted = {each["name"]: filled(each["destination_conf"], values) for each in entries}
    assert len(wanted) == len(entries)
    stored = {job["name"]: job["destination_conf"] for job in world.jobs()}
    assert stored == wanted
    assert all(job["enabled"] for job in world.jobs())
    asked = [
        request["body"]["destination_conf"]
        for request in world.requests()
        if request["path"].endswith("/ownership")
    ]
    assert sorted(asked) == sorted(wanted[each["name"]] for each in entries if is_asked_for(each))
    assert_no_secret_of(values, first)

    world.control("DELETE", "requests")
    second = world.push(*entries, **more)
    assert second.status == 0, second.output
    assert (second.changed, second.writes) == (0, [])
    assert_no_secret_of(values, second)
