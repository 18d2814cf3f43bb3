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
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.edgeops.cloudflare.tests.unit.doubles import ACCOUNT, ZONE
from e2e.conftest import EXPLORED
from e2e.playbooks import PUSH_LOGS, Run, World

ROOT = Path(__file__).resolve().parents[2]
# Which playbook of the collection takes the variables that a page shows.
PLAYBOOKS = {"logpush_jobs": PUSH_LOGS, "logpush_report_scopes": "edgeops.cloudflare.report"}
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
# The second zone of the examples.
OTHER_ZONE = "9a7806061c88ada191ed06f989cc3dac"
SAS = "sv=2024-11-04&ss=b&srt=o&se=2035-01-01T00:00:00Z&sig=c2lnbmF0dXJl"
# Variables that the examples use without setting them. None of the values is a real one.
TAKEN = {
    "r2_account": "0123456789abcdef0123456789abcdef",
    "r2_key": "0123456789abcdef0123456789abcdef",
    "r2_secret": "0123456789abcdef" * 4,
    "azure_write_sas": f"{SAS}&sp=w",
    "azure_read_sas": f"{SAS}&sp=r",
    "azure_destination_conf": f"azure://edgelogs.blob.core.windows.net/logs/{{DATE}}?{SAS}&sp=w",
}
PROFILES = ("logs", "logs-reader")
SERVICE_ACCOUNT_FILE = "/etc/ansible/logs-reader.json"
# The files that examples read, beside the playbook.
FILES = {
    "errors-only.sql": "SELECT ClientRequestHost, ClientRequestPath, EdgeResponseStatus\n"
    "FROM http_requests\nWHERE EdgeResponseStatus >= 500\n",
}
# Each block of this page is a list of jobs, which one run creates.
DESTINATIONS = ROOT / "docs" / "destinations.md"
# Its blocks are files, which test_from_scratch.py runs.
FROM_SCRATCH = ROOT / "docs" / "from-scratch.md"
# An entry with none of these is for the zone of its host.
SCOPES = {"zone_id", "account_id"}
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
# What some examples register, and others take for given.
CHALLENGE_FILE = "register: challenge_file"
# The last task of each example, since one playbook has several.
COUNT_REQUESTS = """
- name: Count the requests
  ansible.builtin.debug:
    msg: "requests: {{ lookup('ansible.builtin.url', control ~ '/requests', split_lines=false)
      | from_json | length }}"
  vars:
    control: "{{ lookup('ansible.builtin.env', 'SANDBOX_CONTROL_URL') }}"
  run_once: true
"""


def blocks_of(page: Path) -> list[str]:
    """Return the YAML blocks of one page."""
    return re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


def blocks() -> t.Iterator[t.Any]:
    """Yield the examples: the plays and tasks of one page together, in order, others alone.

    Those of modules are in two playbooks, since most of the time of one is its start.
    """
    for page in PAGES:
        if page in (DESTINATIONS, FROM_SCRATCH):
            continue
        name = str(page.relative_to(ROOT))
        texts = blocks_of(page)
        plays = [text for text in texts if isinstance(yaml.safe_load(text), list)]
        if plays:
            yield pytest.param(plays, id=name)
        for number, text in enumerate(texts, 1):
            if text not in plays:
                yield pytest.param([text], id=f"{name}-{number}")
    texts = [examples_in(f"modules/{name}.py") for name in MODULES]
    yield pytest.param([text for text in texts if CHALLENGE_FILE in text], id="challenge files")
    yield pytest.param([text for text in texts if CHALLENGE_FILE not in text], id="modules")
    yield pytest.param([examples_in("inventory/zones.py")], id="zones")
    for folder in ("lookup", "filter"):
        names = [path.name for path in (ROOT / "plugins" / folder).glob("[!_]*.py")]
        yield pytest.param([examples_in(f"{folder}/{name}") for name in names], id=folder)


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
    plays = content
    if "hosts" not in content[0]:
        plays = [{"name": "Run the example", "hosts": "localhost", "tasks": content}]
    for play in plays:
        play["gather_facts"] = False
        interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        play["vars"] = {**play.get("vars", {}), **interpreter}
        for task in play["tasks"]:
            plan_only_where_no_store_is(task)
    return plays


def plan_only_where_no_store_is(task: dict[str, t.Any]) -> None:
    """Run a task for a store other than S3 in check mode, without a challenge file to read."""
    for options in list(task.values()):
        text = str(options.get("destination_conf")) if isinstance(options, dict) else ""
        if text.startswith(("gs://", "azure://", "{{ azure_")):
            task["check_mode"] = True
            if "filename" in options:
                options["filename"] = None


def with_ids_of(text: str, world: World) -> str:
    """Return an example with the ids that the sandbox has."""
    text = text.replace(ZONE, world.zone_id)
    text = text.replace(ACCOUNT, world.environment["SANDBOX_ACCOUNT_ID"])
    return text.replace(OTHER_ZONE, world.environment["SANDBOX_OTHER_ZONE_ID"])


def assert_finds_zones(text: str, world: World, tmp_path: Path) -> None:
    """Run an example of an inventory file."""
    source = tmp_path / "example.cloudflare.yml"
    # The cache is to be the test's own.
    source.write_text(text.replace("~/.cache", str(tmp_path)), encoding="utf-8")
    command = ("ansible-inventory", "-i", str(source), "--list")
    run = world.execute(*command, environment={"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"})
    assert run.status == 0, run.output
    assert world.zone_id in run.output


def assert_playbook_takes(content: dict[str, t.Any], world: World, source: Path) -> None:
    """Run the playbook of the collection that has these variables."""
    zones = [each for each in content.get("logpush_jobs", ()) if not SCOPES & each.keys()]
    run = world.run(
        *(("-i", str(source)) if zones else ()),
        playbook=next(PLAYBOOKS[name] for name in content),
        inputs={**TAKEN, **content, **({"logpush_hosts": "all"} if zones else {})},
    )
    assert run.status == 0, run.output


def with_profiles(world: World, folder: Path) -> dict[str, str]:
    """Return the environment in which boto3 finds the profiles of the examples."""
    env = world.environment
    keys = (
        f"aws_access_key_id = {env['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {env['AWS_SECRET_ACCESS_KEY']}\n"
    )
    credentials = folder / "credentials"
    credentials.write_text("".join(f"[{name}]\n{keys}" for name in PROFILES), encoding="utf-8")
    return {"AWS_SHARED_CREDENTIALS_FILE": str(credentials)}


def service_account() -> dict[str, str]:
    """Return the key of a service account that does not exist."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "client_email": "logs-reader@example.iam.gserviceaccount.com",
        "private_key": key.private_bytes(serialization.Encoding.PEM, *form).decode(),
        "token_uri": "https://oauth2.googleapis.com/token",
    }


@pytest.mark.parametrize("texts", list(blocks()))
def test_example(texts: list[str], world: World, tmp_path: Path) -> None:
    # The destinations of the examples are in a bucket that the sandbox has; its ids are its own.
    text = with_ids_of("\n".join(texts), world)
    source = tmp_path / "zones.cloudflare.yml"
    source.write_text("plugin: edgeops.cloudflare.zones\n", encoding="utf-8")
    content = yaml.safe_load(with_ids_of(texts[0], world))
    if "collections" in content:
        # A requirements.yml: there is nothing to run.
        assert {"name": "edgeops.cloudflare"} in content["collections"]
    elif "plugin" in content:
        assert_finds_zones(text, world, tmp_path)
    elif isinstance(content, dict):
        assert_playbook_takes(content, world, source)
    else:
        assert_plays_succeed(texts, world, source)


def assert_plays_succeed(texts: list[str], world: World, source: Path) -> None:
    """Run plays and lists of tasks, one after another."""
    text = with_ids_of("\n".join(texts), world)
    account = source.with_name("account.json")
    account.write_text(json.dumps(service_account()), encoding="utf-8")
    plays: list[t.Any] = []
    for each in texts:
        mine = with_ids_of(each, world).replace(SERVICE_ACCOUNT_FILE, str(account))
        plays += as_plays(yaml.safe_load(mine))
        plays[-1]["tasks"] += yaml.safe_load(COUNT_REQUESTS)
    playbook = source.with_name("example.yml")
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    files = playbook.with_name("files")
    files.mkdir()
    for name, content in FILES.items():
        (files / name).write_text(content, encoding="utf-8")
    named = re.findall(r"destination_conf: \"?(s3://[^\s\"]+)", text)
    destination = named[0] if named else world.destination
    token = world.control("POST", "tokens", {"destination_conf": destination})["token"]
    inputs = {
        **TAKEN,
        "vaulted_api_token": world.environment["CLOUDFLARE_API_TOKEN"],
        "stored_token": token,
    }
    if CHALLENGE_FILE not in text:
        inputs["challenge_file"] = {"contents": token}
    if "wait: true" in text:
        world.control("PUT", "delivery", {"outcome": "push"})
    of_zones = any(play["hosts"] != "localhost" for play in plays)
    run = world.run(
        *(("-i", str(source)) if of_zones else ()),
        playbook=str(playbook),
        inputs=inputs,
        environment=with_profiles(world, source.parent),
    )
    assert run.status == 0, run.output
    counted = [int(number) for number in re.findall(r"msg: '?requests: (\d+)", run.output)]
    assert len(counted) == len(texts)
    for text, before, after in zip(texts, [0, *counted], counted):
        # The examples of filters need no API.
        of_module = any(f"edgeops.cloudflare.{name}:" in text for name in MODULES)
        assert (after > before) is of_module, text


def headings(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub forms them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in found}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", text, re.M)
    for link in (first or second for first, second in links):
        # Galaxy shows the README alone, so its links are absolute.
        place = re.sub(
            r"^https://(github|raw\.github\w*)\.com/edgeops/edgeops\.cloudflare/", "/", link
        )
        place = re.sub(r"^/(blob/)?main/", "/", place)
        if place.startswith("http") or place == "/issues":
            continue
        name, _hash, anchor = place.partition("#")
        target = ROOT / name[1:] if name.startswith("/") else page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


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
    texts = blocks_of(DESTINATIONS)
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
    for entry in entries:
        # What an entry says of a store is not completed by what is said for all.
        azure = entry.get("challenge_file", {}).get("azure", {})
        azure.update({"endpoint_url": world.environment["SANDBOX_AZURE_ENDPOINT"]} if azure else {})

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

    if EXPLORED:
        world.control("DELETE", "requests")
        second = world.push(*entries, **more)
        assert second.status == 0, second.output
        assert (second.changed, second.writes) == (0, [])
        assert_no_secret_of(values, second)
