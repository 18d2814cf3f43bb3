# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which secrets are in a value: exactly those that Ansible would find if it tried them all."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible.module_utils.common.parameters import remove_values
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.edgeops.cloudflare.plugins.module_utils._secrets import Secrets

# Few letters, so that there is much to be found; stars are what Ansible puts in their place.
TEXTS = st.text("ab1 *\u20ac", max_size=40)
SECRETS = st.sets(st.text("ab1 *\u20ac", min_size=1, max_size=14), max_size=12)


def knowing(secrets: t.Iterable[str]) -> Secrets:
    """Return what knows these."""
    known = Secrets()
    known.add(secrets)
    return known


@given(TEXTS, SECRETS)
@example("abababababab", {"abababab", "babababa", "ababababab", "ab"})
@example("", {"a"})
@example("abababab", {"abababab"})
@example("abababa", {"abababab"})
def test_those_are_found_that_are_there(text: str, secrets: set[str]) -> None:
    assert knowing(secrets).within(text) == {secret for secret in secrets if secret in text}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    ),
    SECRETS,
)
@example(1234567890, {"23456789"})
@example([{"a": ["x 12345678"]}, 0.12345678], {"12345678"})
@example(True, {"True"})
def test_masked_with_those_it_is_as_masked_with_all(value: t.Any, secrets: set[str]) -> None:
    # Of secrets that overlap it depends on their order, which is none, what is left.
    secrets = {each for each in secrets if not any(overlap(each, other) for other in secrets)}
    known = knowing(secrets)
    masked = remove_values(value, secrets)
    assert remove_values(value, known.within(value)) == masked
    assert known.masked(value) == masked


def overlap(one: str, other: str) -> bool:
    """Tell whether the end of one is the begin of another, or of itself."""
    return any(
        one[-length:] == other[:length] or one[:length] == other[-length:]
        for length in range(1, min(len(one), len(other)) + (one != other))
    )


def test_what_is_added_later_is_found_too() -> None:
    known = knowing(["first-secret"])
    known.add(["first-secret", "second-secret", "first-second"])
    text = "first-second-secret"
    assert known.within(text) == {"second-secret", "first-second"}


@pytest.mark.parametrize("value", [("a secret-1",), {"a secret-1"}, {"x": ["a secret-1"]}])
def test_it_looks_into_whatever_holds_texts(value: t.Any) -> None:
    assert knowing(["secret-1"]).within(value) == {"secret-1"}


def test_threads_may_add_while_others_look() -> None:
    known, found = knowing(["secret-of-all"]), []

    def add(thread: int) -> None:
        for number in range(300):
            known.add([f"{thread}-{number:04}-secret", f"secret-{'x' * number}-{thread}"])
            found.append(known.within("there is secret-of-all"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"secret-of-all"}] * 1200
    assert known.within("3-0299-secret, 4-0299-secret") == {"3-0299-secret"}
