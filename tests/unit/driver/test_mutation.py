# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make mutation` makes of mutants and their explanations. The run itself takes too long."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.edgeops.cloudflare.tests.driver.mutation import (
    Mutant,
    compare,
    explanations,
    forget_the_living,
    mutation,
    open_properties,
)

PROPERTIES = '''\
class Job:
    @property
    def name(self) -> str:
        """The name."""
        return "a"

    @classmethod
    def of(cls) -> Job:
        return cls()

    @property
    def id(self) -> int:
        return 1
'''
OPENED = '''\
class Job:
    def name(self) -> str:
        """The name."""
        return "a"
    name = property(name)

    @classmethod
    def of(cls) -> Job:
        return cls()

    def id(self) -> int:
        return 1
    id = property(id)
'''
ONE = Mutant("_job.name", 'return "a"', 'return "A"')
OTHER = Mutant("_job.id", "total=1,", "")
FILE = """\
# A comment.

_job.name
- return "a"
+ return "A"
= Nobody can tell.

_job.id
- total=1,
+
= It is never reached.
"""


def test_a_property_is_made_of_a_function_that_can_be_changed() -> None:
    assert open_properties(PROPERTIES) == OPENED


def test_explanations_are_read_in_blocks() -> None:
    assert explanations(FILE) == {ONE: "Nobody can tell.", OTHER: "It is never reached."}


@pytest.mark.parametrize("missing", ["- total=1,\n", "+\n", "= It is never reached.\n"])
def test_an_incomplete_block_is_an_error(missing: str) -> None:
    with pytest.raises(SystemExit, match="this block is incomplete"):
        explanations(FILE.replace(missing, ""))


@pytest.mark.parametrize(
    ("living", "status", "said"),
    [
        ([ONE, OTHER], 0, "2 live, 2 of them explained"),
        ([ONE], 1, "Explained, but dead"),
        ([ONE, OTHER, Mutant("_job.of", "return cls()", "return None")], 1, "Not explained"),
    ],
)
def test_those_that_live_are_those_that_are_explained(
    living: list[Mutant], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(living, explanations(FILE)) == status
    assert said in capsys.readouterr().out


def test_what_it_does_not_know_is_refused(capsys: pytest.CaptureFixture[str]):
    assert mutation(["--all"]) == 2
    assert "ARGS=--continue" in capsys.readouterr().err


def test_going_on_only_what_was_killed_is_kept(tmp_path: Path):
    (tmp_path / "mutmut-stats.json").touch()
    path = tmp_path / "plugins" / "_job.py.meta"
    path.parent.mkdir()
    verdicts = {"killed": 1, "crashed": 3, "lived": 0, "untested": 33, "late": 36, "new": None}
    path.write_text(json.dumps({"exit_code_by_key": verdicts, "more": 1}), encoding="utf-8")
    forget_the_living(tmp_path)
    expected = dict.fromkeys(verdicts) | {"killed": 1, "crashed": 3}
    assert json.loads(path.read_text("utf-8")) == {"exit_code_by_key": expected, "more": 1}
    assert not (tmp_path / "mutmut-stats.json").exists()
