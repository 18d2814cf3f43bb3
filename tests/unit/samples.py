# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests try of many combinations; `make explore` tries all of them."""

from __future__ import annotations

import itertools
import typing as t

import pytest

EXPLORE = pytest.mark.explore


def combined(rows: t.Sequence[tuple[t.Any, ...]], others: t.Sequence[t.Any]) -> list[t.Any]:
    """Return the parameters of each row with each of the others, which come last.

    Without `make explore` each row is tried with one of them, and each of them with a row: they
    take turns.
    """
    return [
        pytest.param(*row, other, marks=() if turn == number % len(others) else (EXPLORE,))
        for number, row in enumerate(rows)
        for turn, other in enumerate(others)
    ]


def every(nth: int, values: t.Iterable[t.Any]) -> list[t.Any]:
    """Return values of a parameter, of which only every n-th is tried without `make explore`."""
    return [
        pytest.param(value, marks=() if number % nth == 0 else (EXPLORE,))
        for number, value in zip(itertools.count(), values)
    ]
