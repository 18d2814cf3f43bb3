# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job as an entry of ``logpush_jobs`` describes it. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination import (
    DESTINATION_CONF,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.destination_diff import (
    shows_mask,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    ADDITIONAL,
    Job,
    as_options,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import (
    parsed_filter,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope

# What is empty is not set.
_BEFORE = ("name", "dataset", "kind")
_AFTER = (
    "logpull_options",
    "frequency",
    "max_upload_bytes",
    "max_upload_interval_seconds",
    "max_upload_records",
    "filter_attack_traffic",
    "transformer_id",
)


def config_of(job: Job, scope: Scope) -> dict[str, t.Any]:
    """Return the entry that changes nothing for a job, and creates its like in another scope.

    Only what is set is in it, under the names of the options. ``destination_conf`` is left out
    where anything in it is sensitive or masked.
    """
    properties = job.properties
    config: dict[str, t.Any] = {f"{scope.kind}_id": scope.id}
    config.update({name: properties[name] for name in _BEFORE if properties.get(name)})
    if properties.get("enabled") is not None:
        config["enabled"] = properties["enabled"]
    config["filter"] = parsed_filter(properties.get("filter"))
    config["output_options"] = as_options(job.output_options)
    config.update({name: properties[name] for name in _AFTER if properties.get(name)})
    config[ADDITIONAL] = job.additional_properties
    config[DESTINATION_CONF] = _public_destination(job)
    return {name: value for name, value in config.items() if value not in (None, {})}


def _public_destination(job: Job) -> str | None:
    destination = job.destination
    if destination is None or destination.secrets() or shows_mask(destination.raw):
        return None
    sensitive = any(sensitive for _value, sensitive in destination.parts().values())
    return None if sensitive else destination.raw
