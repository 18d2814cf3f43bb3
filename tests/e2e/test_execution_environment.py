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
from driver import matrix, tree

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "awx"
DEFINITIONS = ["execution-environment.yml", "execution-environment-aap.yml"]
# What the modules need, and what reads challenge files from object stores.
LIBRARIES = {"requests", "boto3", "google-cloud-storage", "azure-storage-blob", "azure-identity"}


class Context(t.NamedTuple):
    """The folder that ansible-builder made of a definition."""

    folder: Path
    definition: dict[str, t.Any]


def call(*command: str) -> str:
    """Run a program; return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", name="context", params=DEFINITIONS)
def fixture_context(request: t.Any, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """Return what ansible-builder would give to the container engine, of each definition."""
    source = FOLDER / request.param
    folder = tmp_path_factory.mktemp("context")
    call("ansible-builder", "create", "--file", str(source), "--context", str(folder))
    return Context(folder, yaml.safe_load(source.read_text(encoding="utf-8")))


def test_the_definition_is_one_that_ansible_builder_takes(context: Context) -> None:
    # The name depends on which engine is there.
    (instructions,) = [*context.folder.glob("Containerfile"), *context.folder.glob("Dockerfile")]
    text = instructions.read_text(encoding="utf-8")
    definition = context.definition
    dependencies = definition["dependencies"]
    assert f'EE_BASE_IMAGE="{definition["images"]["base_image"]["name"]}"' in text
    if "ansible_core" in dependencies:
        assert f'PYCMD="{dependencies["python_interpreter"]["python_path"]}"' in text
        core, runner = (
            dependencies[f"ansible_{each}"]["package_pip"] for each in ("core", "runner")
        )
        assert f'ANSIBLE_INSTALL_REFS="{core} {runner}"' in text
    else:
        # Those of the base image, which has no dnf.
        assert "ANSIBLE_INSTALL_REFS=" not in text
        assert 'PKGMGR="/usr/bin/microdnf"' in text


def test_it_needs_no_other_collection(context: Context) -> None:
    built_in = yaml.safe_load((context.folder / "_build" / "requirements.yml").read_text("utf-8"))
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text("utf-8"))
    assert built_in["collections"] == [
        {"name": "edgeops.cloudflare", "version": str(galaxy["version"])}
    ]


def test_its_core_is_one_that_the_collection_is_tested_on() -> None:
    dependencies = yaml.safe_load((FOLDER / DEFINITIONS[0]).read_text("utf-8"))["dependencies"]
    name, version = dependencies["ansible_core"]["package_pip"].split("==")
    python = dependencies["python_interpreter"]["package_system"].removeprefix("python")
    tested = {core.version: core.pythons for core in matrix.CORES}
    assert name == "ansible-core"
    assert python in tested[version.rpartition(".")[0]]


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
