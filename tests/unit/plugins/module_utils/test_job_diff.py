# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a job and its description differ; most of it is seen by the module logpush_job."""

from __future__ import annotations

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    Destination,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import DesiredJob, Job
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import (
    Changes,
    find_changes,
)


def test_what_could_not_be_compared_can_be_read_more_than_once() -> None:
    desired = DesiredJob(
        state="present",
        id=1,
        name=None,
        dataset=None,
        destination=Destination.parse("https://h/in?header_X=S3CRET"),
        token=None,
        properties={},
        resend_hidden=False,
    )
    masked = ["destination_conf: parameter header_X"]
    for conf, changes in (
        ("https://h/in?header_X=***", Changes(masked=masked, names=[], missing=[])),
        (None, Changes(missing=["destination_conf"], names=[], masked=[])),
    ):
        assert find_changes(desired, Job({"id": 1, "destination_conf": conf})) == changes
