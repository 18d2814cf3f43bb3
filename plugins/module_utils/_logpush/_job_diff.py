# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a diff shows of a job, before and after: what can be set, and no secret. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    Job,
    parsed_filter,
    with_option_names,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_diff import Changes

_ORDER = (
    "name",
    "dataset",
    "kind",
    "enabled",
    "frequency",
    "filter",
    "output_options",
    "logpull_options",
    "max_upload_bytes",
    "max_upload_interval_seconds",
    "max_upload_records",
    DESTINATION_CONF,
)
_SECRET = "(secret)"
_SECRET_SENT = "(secret, sent)"


def shown_job(job: Job) -> dict[str, t.Any]:
    """Return what a diff shows of a job."""
    return _shown(job.properties, _ORDER)


def shown_creation(properties: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a diff shows of a job to be created: what is told to the API."""
    return _shown(properties, [name for name in _ORDER if name in properties])


def shown_update(job: Job, changes: Changes) -> dict[str, t.Any]:
    """Return what a diff shows of a job after a change."""
    secret = _SECRET_SENT if DESTINATION_CONF in changes.body else _SECRET
    return _shown({**job.properties, **changes.body}, _ORDER, secret)


def _shown(
    properties: t.Mapping[str, t.Any], names: t.Sequence[str], secret: str = _SECRET
) -> dict[str, t.Any]:
    shown: dict[str, t.Any] = {name: properties.get(name) for name in names}
    if shown.get("filter"):
        shown["filter"] = parsed_filter(shown["filter"])
    if shown.get("output_options"):
        shown["output_options"] = with_option_names(Job(dict(properties)).output_options)
    if DESTINATION_CONF in shown:
        shown[DESTINATION_CONF] = _shown_destination(shown[DESTINATION_CONF], secret)
    return shown


def _shown_destination(conf: t.Any, secret: str) -> t.Any:
    destination = Job({DESTINATION_CONF: conf}).destination
    if destination is None:
        return "(not shown by Cloudflare)"
    parts = destination.parts().items()
    return {name: secret if is_secret else value for name, (value, is_secret) in parts}
