# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the connection options to what sends requests."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api._retries import Sender
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.http import Transport
from ansible_collections.edgeops.cloudflare.plugins.module_utils._api.rate_limit import RateLimiter
from ansible_collections.edgeops.cloudflare.plugins.module_utils._version import VERSION


def sender_for(options: dict[str, t.Any]) -> Sender:
    """Return what sends requests; raise ``InvalidInput`` where an option cannot be right.

    ``options`` are those of ``_arguments.CONNECTION``, and of ``CONCURRENCY`` where there are any.
    """
    patience = _arguments.seconds(options, "rate_limit_retry_timeout", least=0)
    return Sender(
        Transport(
            base_url=options["base_url"],
            auth=_arguments.authentication(options),
            user_agent=f"ansible-edgeops.cloudflare/{VERSION}",
            verify=_arguments.verification(options),
            connections=_arguments.concurrency(options),
        ),
        timeout=_arguments.seconds(options, "timeout", least=0.1),
        rate_limit_retry_timeout=patience,
        rate_limiter=RateLimiter(share=_arguments.share(options), patience=patience),
    )
