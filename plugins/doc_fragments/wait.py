# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for waiting until a job has pushed logs."""

from __future__ import annotations


class ModuleDocFragment:
    """``wait`` and ``wait_timeout``."""

    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait, after an enabled job was created or updated, until Cloudflare has pushed
        logs. If the push fails, the task fails with Cloudflare's message.
      - The task lists the jobs of the zone or account after 2 seconds, and then at increasing
        intervals of up to 30 seconds. A push has taken place once C(last_complete) or C(last_error)
        differs from its values before the write and in the response to it. C(last_complete) is the
        end of the range of logs that was pushed, not the time of the push.
      - A zone without events pushes nothing, so the task times out. So does a job whose filter
        matches nothing.
      - The task does not wait in check mode, for a disabled job, or if nothing was written.
    type: bool
    default: false
  wait_timeout:
    description:
      - How long to wait for a push, in seconds, 1 to 86400. A request in progress at that time is
        completed.
      - After that, the task fails, and reports the change and the job.
    type: float
    default: 600.0
"""
