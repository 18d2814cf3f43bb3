# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One thing done for many, side by side: what came of each, in the order given.

Knows neither Cloudflare nor Ansible.
"""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import CloudflareError

_Item = t.TypeVar("_Item")
_Made = t.TypeVar("_Made")
# What came of one: what was made, or the error.
Outcome = t.Union[_Made, CloudflareError]


def run_concurrently(
    work: t.Callable[[_Item], _Made], items: t.Sequence[_Item], concurrency: int
) -> list[Outcome[_Made]]:
    """Do ``work`` for each item, ``concurrency`` at a time; one failure stops no other.

    An error that is no ``CloudflareError`` is one of the program: nothing more is begun then.
    """
    bugs: list[Exception] = []

    def one(item: _Item) -> Outcome[_Made]:
        if bugs:
            raise bugs[0]
        try:
            return work(item)
        except CloudflareError as error:
            return error
        except Exception as bug:
            bugs.append(bug)
            raise

    if concurrency == 1:
        return [one(item) for item in items]
    pool = ThreadPoolExecutor(min(concurrency, max(1, len(items))))
    try:
        return list(pool.map(one, items))
    finally:
        # After Ctrl-C, those that wait are not begun.
        pool.shutdown(cancel_futures=True)
