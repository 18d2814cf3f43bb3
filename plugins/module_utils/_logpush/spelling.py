# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warn of misspelt values of options for which Cloudflare may add values. Pure.

None of these lists is complete for long, so a value that is not in them is no error.
"""

from __future__ import annotations

import typing as t

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


def misspelt(values: t.Mapping[str, t.Any]) -> list[str]:
    """Return a warning for each of the options in ``values`` that seems to be misspelt."""
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
