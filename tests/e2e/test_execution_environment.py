# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The execution environment, as far as ansible-builder goes without a container engine."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from driver import tree

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = ROOT / "docs" / "awx" / "execution-environment.yml"
# What the modules need, and what reads challenge files from object stores.
LIBRARIES = {"requests", "boto3", "google-cloud-storage", "azure-storage-blob", "azure-identity"}


def call(*command: str) -> str:
    """Run a program; return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", name="context")
def fixture_context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what ansible-builder would give to the container engine."""
    context = tmp_path_factory.mktemp("context")
    call("ansible-builder", "create", "--file", str(DEFINITION), "--context", str(context))
    return context


def test_the_definition_is_one_that_ansible_builder_takes(context: Path) -> None:
    # The name depends on which engine is there.
    (instructions,) = [*context.glob("Containerfile"), *context.glob("Dockerfile")]
    text = instructions.read_text(encoding="utf-8")
    definition = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))
    assert f'EE_BASE_IMAGE="{definition["images"]["base_image"]["name"]}"' in text
    assert f'PYCMD="{definition["dependencies"]["python_interpreter"]["python_path"]}"' in text
    assert 'ANSIBLE_INSTALL_REFS="ansible-core>=2.16 ansible-runner"' in text


def test_it_needs_no_other_collection(context: Path) -> None:
    built_in = yaml.safe_load((context / "_build" / "requirements.yml").read_text("utf-8"))
    assert built_in["collections"] == [{"name": "edgeops.cloudflare"}]


def test_its_core_is_one_that_the_collection_runs_on() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text("utf-8"))
    least = tuple(int(part) for part in runtime["requires_ansible"].removeprefix(">=").split("."))
    dependencies = yaml.safe_load(DEFINITION.read_text("utf-8"))["dependencies"]
    name, version = dependencies["ansible_core"]["package_pip"].split(">=")
    assert (name, *(int(part) for part in version.split("."))) == ("ansible-core", *least[:2])


def test_an_environment_with_the_collection_gets_all_libraries(tmp_path: Path) -> None:
    checkout = tree.copy("execution-environment")
    # It builds what it installs, as galaxy.yml says. Forced, since Python's path has the checkout.
    install = ("ansible-galaxy", "collection", "install", "--offline", "--force")
    call(*install, "--collections-path", str(tmp_path), str(checkout))
    said = call("ansible-builder", "introspect", str(tmp_path))
    found: dict[str, t.Any] = yaml.safe_load(said)
    assert {line.partition(">=")[0] for line in found["python"]} == LIBRARIES
    assert all("from collection edgeops.cloudflare" in line for line in found["python"])
    assert found["system"] == []
