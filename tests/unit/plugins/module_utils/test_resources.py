# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Logpush resources of one zone or account; most of it is seen by the modules."""

from __future__ import annotations

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope


def test_an_id_is_sent_as_it_was_given_and_compared_in_small_letters() -> None:
    given = Scope.of("AB" * 16, None)
    assert given == Scope("zone", "AB" * 16)
    assert given.canonical == Scope("zone", "ab" * 16)
