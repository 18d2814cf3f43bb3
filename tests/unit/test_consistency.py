# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to agree across files: each is a mistake found in good collections."""

from __future__ import annotations

import copy
import functools
import re
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.edgeops.cloudflare.plugins.doc_fragments import (
    attributes,
    challenge_file,
    connection,
    job,
    logpush,
    wait,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api import client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import (
    challenge_file as module_utils_challenge_file,
)
from ansible_collections.edgeops.cloudflare.plugins.modules import (
    logpush_challenge_info,
    logpush_dataset_info,
    logpush_destination_validate,
    logpush_health_info,
    logpush_job,
    logpush_job_info,
    logpush_jobs,
    logpush_notification,
    logpush_ownership,
    logpush_ownership_validate,
    logpush_ownerships,
    logpush_transformer,
    logpush_transformer_info,
    logpush_usage_info,
)
from ansible_collections.edgeops.cloudflare.tests.driver import matrix

ROOT = Path(__file__).parents[2]
# As safe as the other, and faster; it is not everywhere.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The option that CONTRIBUTING.md takes as an example.
EXAMPLE = "filter_attack_traffic"
JOBS = "edgeops.cloudflare.logpush_jobs"
MODULES = {
    "logpush_challenge_info": logpush_challenge_info,
    "logpush_dataset_info": logpush_dataset_info,
    "logpush_destination_validate": logpush_destination_validate,
    "logpush_health_info": logpush_health_info,
    "logpush_job": logpush_job,
    "logpush_job_info": logpush_job_info,
    "logpush_jobs": logpush_jobs,
    "logpush_notification": logpush_notification,
    "logpush_ownership": logpush_ownership,
    "logpush_ownership_validate": logpush_ownership_validate,
    "logpush_ownerships": logpush_ownerships,
    "logpush_transformer": logpush_transformer,
    "logpush_transformer_info": logpush_transformer_info,
    "logpush_usage_info": logpush_usage_info,
}
FRAGMENTS = {
    "edgeops.cloudflare.challenge_file": challenge_file.ModuleDocFragment.DOCUMENTATION,
    "edgeops.cloudflare.challenge_file.read": challenge_file.ModuleDocFragment.READ,
    "edgeops.cloudflare.connection": connection.ModuleDocFragment.DOCUMENTATION,
    "edgeops.cloudflare.connection.concurrency": connection.ModuleDocFragment.CONCURRENCY,
    "edgeops.cloudflare.job": job.ModuleDocFragment.DOCUMENTATION,
    "edgeops.cloudflare.job.jobs": job.ModuleDocFragment.JOBS,
    "edgeops.cloudflare.logpush.scope": logpush.ModuleDocFragment.SCOPE,
    "edgeops.cloudflare.logpush.destination": logpush.ModuleDocFragment.DESTINATION,
    "edgeops.cloudflare.wait": wait.ModuleDocFragment.DOCUMENTATION,
    "edgeops.cloudflare.attributes": attributes.ModuleDocFragment.DOCUMENTATION,
    "edgeops.cloudflare.attributes.action_group": attributes.ModuleDocFragment.ACTION_GROUP,
}
# They send nothing to Cloudflare, so they have no connection options.
LOCAL_MODULES = {"logpush_challenge_info"}
SECRET_OPTIONS = {
    *("api_token", "api_key", "destination_conf", "ownership_challenge"),
    *("secret_key", "session_token", "service_account_contents", "access_token"),
    *("sas_token", "secret"),
}


def module_files() -> set[str]:
    """Return the names of the modules that there are."""
    return {path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")}


def load(path: str) -> t.Any:
    """Return what a YAML file of the collection holds."""
    return parsed((ROOT / path).read_text(encoding="utf-8"))


@functools.cache
def parsed(text: str) -> t.Any:
    """Return what a YAML text holds; nothing may change it."""
    return yaml.load(text, Loader=LOADER)


@functools.cache
def documentation(name: str) -> t.Any:
    """Return a module's documentation with its fragments."""
    whole = copy.deepcopy(parsed(MODULES[name].DOCUMENTATION))
    whole.setdefault("options", {})
    for fragment in whole["extends_documentation_fragment"]:
        part = parsed(FRAGMENTS[fragment])
        whole["options"].update(part.get("options", {}))
        for attribute, described in part.get("attributes", {}).items():
            whole["attributes"].setdefault(attribute, {}).update(described)
    return whole


def arguments(name: str) -> t.Any:
    """Return what a module gives to AnsibleModule."""

    class Stop(Exception):
        """Enough was seen."""

    patched = mock.patch.object(basic.AnsibleModule, "__init__", side_effect=Stop, autospec=True)
    with patched as init, pytest.raises(Stop):
        MODULES[name].main()
    return init.call_args.kwargs


def test_every_module_is_tested_here() -> None:
    assert set(MODULES) == module_files()


def test_version_is_the_one_of_galaxy_yml() -> None:
    version = load("galaxy.yml")["version"]
    assert version == client.VERSION
    for path in (ROOT / "docs" / "awx").glob("execution-environment*.yml"):
        named = re.findall(r"^ +version: (.+)$", path.read_text(encoding="utf-8"), re.M)
        assert set(named) == {version}, path.name


def test_action_group_is_the_set_of_modules() -> None:
    group = set(load("meta/runtime.yml")["action_groups"]["cloudflare"])
    assert group == module_files() - LOCAL_MODULES


@pytest.mark.parametrize("name", sorted(MODULES))
def test_option_documentation_is_the_argument_spec(name: str) -> None:
    assert_documented(documentation(name)["options"], arguments(name)["argument_spec"])


def assert_documented(documented: t.Any, spec: t.Any) -> None:
    """Check that each option is documented as it is, and those inside of it."""
    assert set(documented) == set(spec)
    for option, described in documented.items():
        argument = spec[option]
        for key, default in (("type", "str"), ("required", False), ("default", None)):
            assert described.get(key, default) == argument.get(key, default), (option, key)
        for key in ("choices", "elements"):
            assert described.get(key) == argument.get(key), (option, key)
        assert_documented(described.get("suboptions", {}), argument.get("options", {}))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_conditions_name_options_and_choices_that_exist(name: str) -> None:
    given = arguments(name)
    spec = given["argument_spec"]
    for group in ("mutually_exclusive", "required_together", "required_one_of"):
        for options in given.get(group) or []:
            assert set(options) <= set(spec)
    for option, value, required, *_any in given.get("required_if") or []:
        assert set(required) <= set(spec)
        assert value in spec[option].get("choices", [True, False])


@pytest.mark.parametrize("name", sorted(MODULES))
def test_secret_options_are_no_log(name: str) -> None:
    assert_concealed(arguments(name)["argument_spec"])


def assert_concealed(spec: t.Any) -> None:
    """Check that the options that are secret are told to be, and those inside of others."""
    secret = {option for option in spec if spec[option].get("no_log")}
    assert secret == SECRET_OPTIONS & set(spec)
    for argument in spec.values():
        assert_concealed(argument.get("options", {}))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_documents_its_attributes(name: str) -> None:
    described = documentation(name)["attributes"]
    attributes_of_all = {"check_mode", "diff_mode", "idempotent"}
    group = set() if name in LOCAL_MODULES else {"action_group"}
    assert set(described) == attributes_of_all | group
    assert all(each["support"] for each in described.values())
    assert arguments(name)["supports_check_mode"] is True


def test_push_logs_passes_on_each_option() -> None:
    play = load("playbooks/push_logs.yml")[-1]
    (task,) = [task[JOBS] for task in play["tasks"] if JOBS in task]
    defaults = play["module_defaults"]["group/edgeops.cloudflare.cloudflare"]
    assert {*task, *defaults} == set(arguments("logpush_jobs")["argument_spec"])
    assert set(defaults) == set(_arguments.CONNECTION)


@pytest.mark.parametrize("name", ["prove_ownership", "push_logs", "report"])
def test_playbooks_connect_by_the_same_variables_and_no_play_around_them_matters(name: str) -> None:
    plays = load(f"playbooks/{name}.yml")
    connection_of = [play["module_defaults"] for play in plays if "module_defaults" in play]
    assert connection_of == [load("playbooks/push_logs.yml")[-1]["module_defaults"]]
    for play in plays:
        assert play["strategy"] == "ansible.builtin.linear"
        assert (play["become"], play["gather_facts"], play["connection"]) == (False, False, "local")
        assert play["vars"]["ansible_become"] is False
        assert play["vars"]["ansible_connection"] == "local"
    text = (ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8")
    assert "{%" not in text


def test_environment_variables_are_documented() -> None:
    text = connection.ModuleDocFragment.DOCUMENTATION
    documented = set(re.findall(r"E\((CLOUDFLARE_\w+)\)", text))
    read = (
        *_arguments.TOKEN_NAMES,
        *_arguments.EMAIL_NAMES,
        *_arguments.KEY_NAMES,
        *_arguments.BASE_URL_NAMES,
    )
    assert documented == set(read)


def test_plugins_connect_by_the_options_of_modules() -> None:
    documented = parsed(connection.ModuleDocFragment.PLUGIN)
    of_modules = parsed(connection.ModuleDocFragment.DOCUMENTATION)
    assert documented["requirements"] == of_modules["requirements"]
    assert set(documented["options"]) == set(_arguments.CONNECTION)
    for option, argument in _arguments.CONNECTION.items():
        described = documented["options"][option]
        assert described["type"] == argument["type"], option
        assert described.get("default") == argument.get("default"), option
        names = [each["name"] for each in described.get("env", [])]
        assert names == list(argument.get("fallback", (None, []))[1]), option


def test_runtime_requirements_are_the_documented_ones() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {line.replace(">=", " >= ") for line in lines if line and not line.startswith("#")}
    documented = parsed(connection.ModuleDocFragment.DOCUMENTATION)["requirements"]
    assert set(documented) == required


def test_an_entry_has_the_options_of_challenge_file_without_defaults() -> None:
    fragment = challenge_file.ModuleDocFragment
    for text, spec in (
        (fragment.DOCUMENTATION, module_utils_challenge_file.CHALLENGE_FILE),
        (fragment.ENTRY, module_utils_challenge_file.ENTRY_CHALLENGE_FILE),
    ):
        assert_documented(parsed(text)["options"]["challenge_file"]["suboptions"], spec)
    assert "default:" not in fragment.ENTRY


def test_libraries_of_stores_are_the_documented_ones() -> None:
    lines = (ROOT / "requirements-stores.txt").read_text(encoding="utf-8").splitlines()
    required = {line for line in lines if line and not line.startswith(("#", "-r"))}
    requirements = parsed(challenge_file.ModuleDocFragment.DOCUMENTATION)["requirements"]
    documented = re.findall(r"([a-z0-9-]+) >= ([0-9.]+)", " ".join(requirements))
    assert {f"{name}>={version}" for name, version in documented} == required
    lowest = {each.replace("==", ">=") for each in matrix.LOWEST_PACKAGES}
    assert required <= lowest


def test_there_are_no_sanity_ignore_files() -> None:
    assert not list((ROOT / "tests" / "sanity").glob("ignore*"))


def test_internal_module_utils_begin_with_an_underscore() -> None:
    names = [path.name for path in (ROOT / "plugins" / "module_utils").glob("*")]
    assert names
    assert all(name.startswith("_") for name in names)


def public_ci() -> dict[str, t.Any]:
    """Return the jobs of the public CI."""
    return t.cast("dict[str, t.Any]", load(".github/workflows/ci.yml")["jobs"])


def test_public_ci_runs_each_session_of_make_test_and_the_others() -> None:
    (tests,) = public_ci().values()
    ran = [
        name for each in tests["strategy"]["matrix"]["include"] for name in each["sessions"].split()
    ]
    assert sorted(ran) == sorted((*matrix.TESTS, *matrix.MORE))
    assert tests["steps"][-1]["run"] == 'make test ARGS="$SESSIONS"'


def test_public_ci_may_read_and_runs_actions_of_a_commit() -> None:
    workflow = load(".github/workflows/ci.yml")
    assert set(workflow["on"]) == {"push", "pull_request", "schedule"}
    assert workflow["permissions"] == {"contents": "read"}
    for tests in public_ci().values():
        assert "permissions" not in tests
        assert tests["timeout-minutes"] <= 30
        used = [step["uses"] for step in tests["steps"] if "uses" in step]
        assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each) for each in used)


def test_public_ci_has_each_python_that_make_test_prefers() -> None:
    (tests,) = public_ci().values()
    (given,) = (
        s["with"]["python-version"] for s in tests["steps"] if "python" in str(s.get("uses"))
    )
    assert set(given.split()) == {matrix.LOWEST_PYTHON, *(c.pythons[0] for c in matrix.CORES)}


def test_contributing_lists_where_an_option_occurs() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## Add an option to logpush_job")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`((?:plugins|tests)/[\w/]+\.py)`", table))
    folders = ("plugins", "tests/e2e", "tests/sandbox", "tests/unit/plugins")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    found = [path for path in files if EXAMPLE in path.read_text(encoding="utf-8")]
    assert listed == {str(path.relative_to(ROOT)) for path in found}


@pytest.mark.parametrize("playbook", [path.stem for path in ROOT.glob("playbooks/*.yml")])
def test_table_lists_the_variables_of_each_playbook(playbook: str) -> None:
    names = r"\b(?:logpush|cloudflare)_\w+"
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    without_plugins = re.sub(r"edgeops\.cloudflare\.\w+", "", text)
    guide = (ROOT / "docs" / "variables.md").read_text(encoding="utf-8")
    listed: set[str] = set()
    for variables, playbooks in re.findall(
        r"^\| (`.+?`) \| ([\w, ]+) \|.*\|.*\|.*\|$", guide, re.M
    ):
        if playbook in playbooks.split(", ") or playbooks == "all":
            listed.update(re.findall(names, variables))
    exported = set(re.findall(r"exports\s+`(\w+)` with `set_stats`", guide))
    assert listed == set(re.findall(names, without_plugins)) - exported
