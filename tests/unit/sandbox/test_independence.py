# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox shares nothing with the collection, in which it could otherwise find no mistake."""

from __future__ import annotations

import ast
from pathlib import Path

SANDBOX = Path(__file__).resolve().parents[2] / "sandbox"


def imported(path: Path) -> set[str]:
    """Return the names of all that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def test_the_sandbox_imports_nothing_of_the_collection() -> None:
    files = sorted(SANDBOX.glob("**/*.py"))
    assert len(files) > 20
    for path in files:
        for name in imported(path):
            assert not name.startswith(("ansible", "plugins", "..")), f"{path.name}: {name}"
        assert "ansible_collections" not in path.read_text(encoding="utf-8")
