# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python sdk.py THREADS TARGETS: request challenges with Cloudflare's SDK, as its documentation
shows it."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from cloudflare import Cloudflare

client = Cloudflare()
targets = json.loads(sys.argv[2])
with ThreadPoolExecutor(int(sys.argv[1])) as pool:
    challenges = list(pool.map(lambda target: client.logpush.ownership.create(**target), targets))
sys.exit(not all(challenge and challenge.valid for challenge in challenges))
