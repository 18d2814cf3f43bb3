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
        logs. A push that fails fails the task, with Cloudflare's message.
      - The task lists the jobs of the zone or account after 2 seconds, and then at increasing
        intervals, every 30 seconds in the end. A push has come where C(last_complete) or
        C(last_error) differs from what was shown before the write and in its response.
        C(last_complete) is the end of the range of logs that was pushed, not the time of the push.
      - A zone without events pushes nothing, so the task times out. So does a job whose filter
        matches nothing.
      - Nothing is waited for in check mode, for a job that is disabled, or where nothing was
        written.
    type: bool
    default: false
  wait_timeout:
    description:
      - How long to wait for a push, in seconds, 1 to 86400. A request that is in progress then is
        completed.
      - After that, the task fails, and reports the change and the job.
    type: float
    default: 600.0
"""
