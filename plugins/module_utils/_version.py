# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's version, for the User-Agent.

A task that runs sees only the module_utils it imports and never galaxy.yml, so the number
stands here again; a test holds the two together.
"""

from __future__ import annotations

VERSION = "0.4.0"
