# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions of `make test`, and the ansible-core versions that they test."""

from __future__ import annotations

import shutil
import sys
import typing as t

LINT = ("lint", "extra-checks", "imports")
# Those that take longest begin first, so that none of them is left alone at the end.
TESTS = (
    *("e2e", "hostile", "ansible-2.21", "sanity-2.21", "ansible-lint", "ansible-2.16", "faults"),
    *("unit", "sandbox", "lowest", "build-import-check", "docs-check", "lint", "ansible-2.18"),
    *("license-check", "extra-checks", "imports"),
)
# What continuous integration runs besides, and `make explore`.
MORE = ("ansible-2.19", "sanity-2.16", "sanity-2.18", "sanity-2.19", "docs", "release-check")
# The oldest versions that the collection promises to work with, on a Python that has them.
LOWEST_PYTHON = "3.9"
LOWEST_PACKAGES = (
    "ansible-core~=2.15.0",
    "requests==2.25.1",
    "urllib3==1.26.5",
    "boto3==1.28.0",
    "google-cloud-storage==2.10.0",
    "azure-storage-blob==12.14.0",
    "azure-identity==1.12.0",
)


class Core(t.NamedTuple):
    """One ansible-core version."""

    version: str
    # The Pythons that it runs on, the preferred one first.
    pythons: tuple[str, ...]
    # The release of the package `ansible` that carries the other collections for it.
    ansible: str
    # The pip that its ansible-test wants in the environments of its sanity tests.
    pip: str

    @property
    def requirement(self) -> str:
        """The requirement that installs its newest patch release."""
        return f"ansible-core~={self.version}.0"

    @property
    def python(self) -> str | None:
        """The first of its Pythons that is here."""
        return next((each for each in self.pythons if shutil.which(f"python{each}")), None)


CORES = (
    Core("2.16", pythons=("3.11", "3.12"), ansible="9", pip="23.1.2"),
    Core("2.18", pythons=("3.11", "3.12", "3.13"), ansible="11", pip="24.2"),
    Core("2.19", pythons=("3.11", "3.12", "3.13"), ansible="12", pip="24.2"),
    Core("2.21", pythons=("3.13", "3.12", "3.14"), ansible="14", pip="25.2"),
)


def newest_core() -> Core:
    """Return the newest ansible-core that some Python here runs."""
    return [core for core in CORES if core.python or core == newest_core_here()][-1]


def newest_core_here() -> Core:
    """Return the newest ansible-core that the Python that runs this can run."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    fitting = [core for core in CORES if here in core.pythons]
    if not fitting:
        raise SystemExit(
            f"No supported ansible-core runs on Python {here}."
            f" Name another Python: make … PYTHON=python{CORES[-1].pythons[0]}"
        )
    return fitting[-1]
