# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ansible-core versions under test, and what belongs to each."""

from __future__ import annotations

import dataclasses
import sys

from . import interpreters


@dataclasses.dataclass(frozen=True)
class Core:
    """One ansible-core version."""

    version: str
    # The Pythons that it runs on, the preferred one first.
    pythons: tuple[str, ...]
    # The release of the `ansible` package that carries the other collections fitting it.
    ansible: str
    # The pip that its ansible-test wants in the environments of its sanity tests.
    pip: str
    # The release of coverage that its ansible-test wants.
    coverage: str

    @property
    def session(self) -> str:
        """The name of its nox session."""
        return f"ansible-{self.version}"

    @property
    def requirement(self) -> str:
        """The requirement that installs its newest patch release."""
        return f"ansible-core~={self.version}.0"


CORES = (
    Core("2.16", pythons=("3.11", "3.12"), ansible="9", pip="23.1.2", coverage="7.3.2"),
    Core("2.18", pythons=("3.11", "3.12", "3.13"), ansible="11", pip="24.2", coverage="7.6.1"),
    Core("2.19", pythons=("3.11", "3.12", "3.13"), ansible="12", pip="24.2", coverage="7.6.1"),
    Core("2.21", pythons=("3.13", "3.12", "3.14"), ansible="14", pip="25.2", coverage="7.10.7"),
)


def newest_core_anywhere() -> Core:
    """The newest ansible-core that some Python on this machine runs."""
    return [core for core in CORES if interpreters.find_first(core.pythons)][-1]


def newest_core_here() -> Core:
    """The newest ansible-core that runs on the Python that runs this."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    fitting = [core for core in CORES if here in core.pythons]
    if not fitting:
        raise SystemExit(
            f"No supported ansible-core runs on Python {here}."
            f" Name another Python: make … PYTHON=python{CORES[-1].pythons[0]}"
        )
    return fitting[-1]
