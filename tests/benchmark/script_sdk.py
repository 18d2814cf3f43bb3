# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python script_sdk.py THREADS TARGETS: asks for challenges with Cloudflare's own SDK.

Written as its documentation shows it, retries as by default. Prints the names of the files.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cloudflare import APIError, Cloudflare

client = Cloudflare()


def ask(target: dict[str, str]) -> str | None:
    """Return the name of the challenge file; None where there is none."""
    try:
        challenge = client.logpush.ownership.create(
            zone_id=target["zone_id"], destination_conf=target["destination_conf"]
        )
    except APIError as error:
        print(error, file=sys.stderr)
        return None
    return challenge.filename if challenge and challenge.valid else None


def main() -> int:
    """Return the exit status."""
    threads = int(sys.argv[1])
    targets = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))["targets"]
    if threads == 1:
        names = [ask(target) for target in targets]
    else:
        with ThreadPoolExecutor(threads) as pool:
            names = list(pool.map(ask, targets))
    print("\n".join(name for name in names if name))
    return 0 if all(names) else 1


if __name__ == "__main__":
    sys.exit(main())
