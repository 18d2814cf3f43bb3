# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make release-check` takes for a mistake. The rehearsal itself is a session of its own."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.tests.driver import archive, versions

FILES = {
    "galaxy.yml": "namespace: edgeops\nversion: {now}\n",
    "plugins/module_utils/_version.py": 'VERSION = "{now}"\n',
    "docs/awx/execution-environment.yml": "        version: {now}\n",
    "docs/awx/execution-environment-aap.yml": "        version: {now}\n",
    "changelogs/changelog.yaml": "releases:\n  0.9.0:\n    x: y\n  {released}:\n    x: y\n",
    "CHANGELOG.md": "## v{escaped}\n\n## v0\\.9\\.0\n",
    "MANIFEST.json": '{{\n "collection_info": {{\n  "version": "{built}",\n  "tags": []\n }}\n}}\n',
}


class Checkout(t.Protocol):
    """Writes the files that name a version."""

    def __call__(self, now: str, released: str, built: str = "0.0.1") -> Path:
        """Return the folder."""


@pytest.fixture(name="checkout")
def fixture_checkout(tmp_path: Path) -> Checkout:
    """Return what writes the files that name a version."""

    def write(now: str, released: str, built: str = "0.0.1") -> Path:
        for name, text in FILES.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            escaped = released.replace(".", "\\.")
            path.write_text(text.format(now=now, released=released, built=built, escaped=escaped))
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        # Not set yet: the next one is rehearsed.
        ("0.10.0", "0.10.0", "0.11.0"),
        ("1.2.3", "1.2.3", "1.3.0"),
        # Set already.
        ("1.0.0", "0.10.0", "1.0.0"),
    ],
)
def test_the_next_version(checkout: Checkout, now: str, last: str, following: str) -> None:
    folder = checkout(now, last)
    assert versions.current(folder) == now
    assert versions.released(folder) == last
    assert versions.upcoming(folder) == following
    versions.change(folder, following)
    assert versions.current(folder) == following


def test_a_version_older_than_the_changelog(checkout: Checkout) -> None:
    with pytest.raises(versions.Disagreement, match=r"galaxy\.yml has 0\.9\.1, which is older"):
        versions.upcoming(checkout("0.9.1", "0.10.0"))


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_file_has_to_agree(checkout: Checkout, name: str) -> None:
    folder = checkout("1.0.0", "1.0.0", "1.0.0")
    assert versions.installed(folder) == "1.0.0"
    path = folder / name
    path.write_text(path.read_text().replace("1.0.0", "1.0.1").replace("1\\.0\\.0", "1\\.0\\.1"))
    ask = versions.current if name == "galaxy.yml" else versions.installed
    with pytest.raises(versions.Disagreement, match=rf"1\.0\.1 in {name}"):
        ask(folder)


def test_a_file_that_names_none(checkout: Checkout) -> None:
    folder = checkout("1.0.0", "1.0.0")
    (folder / "galaxy.yml").write_text("namespace: edgeops\n")
    with pytest.raises(versions.Disagreement, match=r"none in galaxy\.yml"):
        versions.current(folder)
    with pytest.raises(versions.Disagreement, match=r"galaxy\.yml names no version"):
        versions.change(folder, "1.1.0")


def test_what_belongs_into_the_archive() -> None:
    names = ["MANIFEST.json", "plugins/modules/logpush_job.py", "tests/unit/conftest.py"]
    names += ["docs/awx/execution-environment.yml", "CODE_OF_CONDUCT.md", "LICENSES/GPL.txt"]
    assert archive.strange(names) == []


@pytest.mark.parametrize(
    "name",
    [
        ".github/workflows/ci.yml",
        "Makefile",
        "changelogs/fragments/.keep",
        "edgeops-cloudflare-0.1.0.tar.gz",
        "my-secrets.yml",
        "plugins/modules/__pycache__/logpush_job.py",
        "plugins/modules/logpush_job.pyc",
        "plugins/modules/logpush_job.py.orig",
        "plugins/modules/logpush_job.py~",
        "tests/output/junit.xml",
    ],
)
def test_what_does_not_belong_into_the_archive(name: str) -> None:
    assert archive.strange(["README.md", name]) == [name]


def test_what_is_lacking_in_the_archive() -> None:
    files = [
        "playbooks/templates/report.html.j2",
        "plugins/modules/a.py",
        "Makefile",
        "meta/runtime.yml",
    ]
    assert archive.lacking(["plugins/modules/a.py", "README.md"], files) == [
        "meta/runtime.yml",
        "playbooks/templates/report.html.j2",
    ]


def test_what_is_in_the_archive_in_a_line() -> None:
    names = ["tests/a/b.py", "README.md", "tests/c.py", "docs/d.md"]
    assert archive.contents(names) == "docs/ 1, tests/ 2, README.md"
