# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the project believes of Cloudflare's Logpush API, tested against Cloudflare or the sandbox.

It shares no code with the plugins: requests are sent by ``requests`` alone.
"""

from __future__ import annotations
