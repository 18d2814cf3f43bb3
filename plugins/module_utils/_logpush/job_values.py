# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of a job's properties: how a filter is read, and what is refused before sending.

Only what is certain to be wrong is refused here; the rest is for the API. Pure.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import InvalidInput

_DEEPEST = 100
_LONGEST_NAME = 512
_LONGEST_LOGPULL_OPTIONS = 4096
# Each may also be zero, which stands for no limit.
RANGES = {
    # Cloudflare's own example for IBM Cloud Logs is below the minimum of its schema.
    "max_upload_bytes": (1, 1_000_000_000),
    "max_upload_interval_seconds": (30, 300),
    "max_upload_records": (1_000, 1_000_000),
}
_USUAL_LEAST_BYTES = 5_000_000
_NOT_WITH_EDGE = ("max_upload_bytes", "max_upload_records")
_MERGING_DATASET = "http_requests"


def checked_id(job_id: t.Any) -> int:
    """Return an object's id, or raise ``InvalidInput`` where it cannot be one."""
    if not is_integer(job_id) or job_id < 1:
        raise InvalidInput("id", "must be 1 or more")
    return t.cast(int, job_id)


def is_integer(value: t.Any) -> bool:
    """Tell an integer from all else; to Python, true and false are integers."""
    return isinstance(value, int) and not isinstance(value, bool)


def parsed_filter(text: t.Any) -> t.Any:
    """Return a filter's content, or what was given where it is no JSON; None for an empty one."""
    if not isinstance(text, str):
        return text or None
    try:
        return load_json(text) or None
    except ValueError:
        return text or None


def load_json(text: str) -> t.Any:
    """Return what a JSON text says, or raise ``ValueError``.

    Unlike Python's own, it takes neither NaN nor what is nested too deep to be written again.
    """
    depth = 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_length(option: str, value: str | None, longest: int) -> None:
    if value is not None and len(value) > longest:
        raise InvalidInput(
            option, f"has {len(value)} characters; Cloudflare accepts at most {longest}"
        )


def _check_query_string(option: str, value: str | None) -> None:
    # Ansible makes a text of a dictionary or a list.
    if value and value.lstrip()[:1] in ("{", "["):
        raise InvalidInput(
            option,
            "must be a query string, neither JSON nor a dictionary; write for example "
            "fields=RayID,ClientIP&timestamps=rfc3339, or set output_options instead",
        )


def _check_range(option: str, value: int | None) -> None:
    least, most = RANGES[option]
    # Ansible lets true and false through as integers.
    if isinstance(value, bool) or (value and not least <= value <= most):
        raise InvalidInput(option, f"must be 0 or from {least} to {most}, and is {value}")


def _check_sample_rate(value: float | None) -> None:
    # Written so that NaN, which compares with nothing, is refused too.
    if value is not None and not 0 < value <= 1:
        raise InvalidInput("output_options.sample_rate", f"must be above 0 and at most 1: {value}")


def _check_filter(text: str | None) -> None:
    if not text:
        return
    try:
        content = load_json(text)
    except ValueError as error:
        raise InvalidInput("filter", f"is not JSON: {error}") from error
    if not isinstance(content, dict) or (content and "where" not in content):
        raise InvalidInput("filter", 'must be an object with "where" in it')


def check_combination(
    properties: t.Mapping[str, t.Any], *, dataset: str | None, kind: str | None
) -> None:
    """Raise ``InvalidInput`` for what such a dataset or kind of job does not take."""
    merging = properties.get("output_options", {}).get("merge_subrequests")
    if merging and dataset not in (None, _MERGING_DATASET):
        raise InvalidInput(
            "output_options.merge_subrequests", f"is for {_MERGING_DATASET} only, not for {dataset}"
        )
    given = [name for name in _NOT_WITH_EDGE if name in properties]
    if kind == "edge" and given:
        raise InvalidInput(given[0], "cannot be set for a job of the kind edge")


def check_values(params: t.Mapping[str, t.Any]) -> None:
    """Raise ``InvalidInput`` for a module's option that cannot be right, whatever the job is."""
    _check_length("name", params["name"], _LONGEST_NAME)
    _check_length("logpull_options", params["logpull_options"], _LONGEST_LOGPULL_OPTIONS)
    for option in RANGES:
        _check_range(option, params[option])
    _check_query_string("logpull_options", params["logpull_options"])
    _check_filter(params["filter"])
    _check_sample_rate((params["output_options"] or {}).get("sample_rate"))
    number = params["transformer_id"]
    if isinstance(number, bool) or (number or 0) < 0:
        raise InvalidInput(
            "transformer_id", "must be the id of a transformer, or 0 to detach the transformer"
        )


def check_additional(
    option: str, given: t.Mapping[str, t.Any], own: t.Mapping[str, str], read_only: t.Container[str]
) -> None:
    """Raise ``InvalidInput`` for a member of ``option`` that does not belong there.

    ``own`` maps the members that have an option of their own to its name.
    """
    for name in given:
        if name in own:
            raise InvalidInput(
                f"{option}.{name}",
                f"this property has an option of its own; set {own[name]} instead",
            )
        if name in read_only:
            raise InvalidInput(f"{option}.{name}", "is read-only; remove it")


def check_for_account(properties: t.Mapping[str, t.Any]) -> None:
    """Raise ``InvalidInput`` for what the jobs of an account do not take."""
    options = properties.get("output_options", {})
    if options.get("merge_subrequests") or properties.get("merge_subrequests"):
        raise InvalidInput(
            "output_options.merge_subrequests", "is for jobs of zones only, not of accounts"
        )


def small_batch(size: int) -> str | None:
    """Return a warning where ``max_upload_bytes`` is below the usual minimum."""
    if not 0 < size < _USUAL_LEAST_BYTES:
        return None
    return (
        f"max_upload_bytes is {size}; Cloudflare documents a minimum of {_USUAL_LEAST_BYTES} for "
        "most destinations"
    )


KNOWN = {
    "output_type": ("ndjson", "csv"),
    "timestamp_format": ("unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns"),
    "frequency": ("high", "low"),
    "kind": ("edge",),
    "dataset": tuple(
        (
            "access_requests account_abuse_protection_events audit_logs audit_logs_v2 "
            "biso_user_actions casb_findings device_posture_results dex_application_tests "
            "dex_device_state_events dlp_forensic_copies dns_firewall_logs dns_logs "
            "email_security_alerts email_security_post_delivery_events firewall_events "
            "gateway_dns gateway_http gateway_network http_requests ipsec_logs magic_bgp_logs "
            "magic_ids_detections mcp_portal_logs mnm_flow_logs nel_reports "
            "network_analytics_logs page_shield_events sinkhole_http_logs spectrum_events "
            "ssh_logs turnstile_events warp_config_changes warp_toggle_changes "
            "websocket_analytics workers_trace_events zaraz_events zero_trust_network_sessions"
        ).split()
    ),
}
# How similar a value is to the intended one, at least; 1 is equal. Names of datasets resemble
# each other, and new ones are frequent.
_SIMILAR = 0.6
_SIMILAR_DATASET = 0.85
_LONGEST = 128


def misspelled(values: t.Mapping[str, t.Any]) -> list[str]:
    """Return a warning for each of the options in ``values`` that seems to be misspelled."""
    warnings = []
    for option, known in KNOWN.items():
        value = values.get(option)
        if not isinstance(value, str) or value in known or len(value) > _LONGEST:
            continue
        nearest = _nearest(value, known, _SIMILAR_DATASET if option == "dataset" else _SIMILAR)
        if nearest:
            warnings.append(f"{option} {value} is unknown; did you mean {nearest}?")
    return warnings


def _nearest(value: str, known: t.Sequence[str], similar: float) -> str | None:
    # Seldom needed, and slow to import.
    import difflib

    found = difflib.get_close_matches(value.lower(), known, n=1, cutoff=similar)
    return found[0] if found else None
