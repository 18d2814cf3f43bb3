# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The datasets of zones and accounts, and the fields of some of them."""

from __future__ import annotations

_ZONE = (
    "account_abuse_protection_events dns_logs firewall_events http_requests nel_reports "
    "page_shield_events spectrum_events websocket_analytics zaraz_events"
).split()
_ACCOUNT = (
    "access_requests audit_logs audit_logs_v2 biso_user_actions casb_findings "
    "device_posture_results dex_application_tests dex_device_state_events dlp_forensic_copies "
    "dns_firewall_logs email_security_alerts email_security_post_delivery_events gateway_dns "
    "gateway_http gateway_network ipsec_logs magic_bgp_logs magic_ids_detections mcp_portal_logs "
    "mnm_flow_logs network_analytics_logs sinkhole_http_logs ssh_logs turnstile_events "
    "warp_config_changes warp_toggle_changes workers_trace_events zero_trust_network_sessions"
).split()
SCOPES = {**dict.fromkeys(_ZONE, "zone"), **dict.fromkeys(_ACCOUNT, "account")}

# Some fields of a dataset, by their types.
_SOME_FIELDS = {
    "gateway_dns": {
        "int": "QueryType",
        "int or string": "Datetime",
        "string": "DeviceID DstIP Email Location PolicyID QueryName ResolverDecision SrcIP",
    },
}
# All fields of a dataset, by their types.
_FIELDS: dict[str, dict[str, str]] = {
    "http_requests": {
        "array[int]": "BotDetectionIDs ContentScanObjSizes FraudDetectionIDs",
        "array[string]": """BotDetectionTags BotTags ContentScanObjResults ContentScanObjTypes
            FraudDetectionTags SecurityActions SecurityRuleIDs SecuritySources
            WebAssetsLabelsManaged""",
        "bool": "CacheReserveUsed CacheTieredFill EdgeCFConnectingO2O WorkerSubrequest",
        "float": "EdgeResponseCompressionRatio",
        "int": """BotScore CacheResponseBytes CacheResponseStatus ClientASN ClientRequestBytes
            ClientSrcPort ClientTCPRTTMs EdgeColoID EdgeResponseBodyBytes EdgeResponseBytes
            EdgeResponseStatus EdgeTimeToFirstByteMs OriginDNSResponseTimeMs
            OriginRequestHeaderSendDurationMs OriginResponseBytes OriginResponseDurationMs
            OriginResponseHeaderReceiveDurationMs OriginResponseStatus OriginResponseTime
            OriginTCPHandshakeDurationMs OriginTLSHandshakeDurationMs SmartRouteColoID
            UpperTierColoID WAFAttackScore WAFRCEAttackScore WAFSQLiAttackScore WAFXSSAttackScore
            WorkerCPUTime WorkerSubrequestCount WorkerWallTimeUs""",
        "int or string": "EdgeEndTimestamp EdgeStartTimestamp",
        "object": "Cookies JA4Signals RequestHeaders ResponseHeaders Subrequests",
        "string": """BotScoreSrc CacheCacheStatus ClientCity ClientCountry ClientDeviceType ClientIP
            ClientIPClass ClientLatitude ClientLongitude ClientMTLSAuthCertFingerprint
            ClientMTLSAuthStatus ClientRegionCode ClientRequestHost ClientRequestMethod
            ClientRequestPath ClientRequestProtocol ClientRequestReferer ClientRequestScheme
            ClientRequestSource ClientRequestURI ClientRequestUserAgent ClientSSLCipher
            ClientSSLProtocol ClientXRequestedWith EdgeColoCode EdgePathingOp EdgePathingSrc
            EdgePathingStatus EdgeRequestHost EdgeResponseContentType EdgeServerIP FraudAttack
            FraudEmailRisk FraudUserID JA3Hash JA4 JSDetectionPassed LeakedCredentialCheckResult
            OriginIP OriginResponseHTTPExpires OriginResponseHTTPLastModified OriginSSLProtocol
            ParentRayID PayPerCrawlStatus RayID SecurityAction SecurityRuleDescription
            SecurityRuleID VerifiedBotCategory WAFFlags WAFMatchedVar WebAssetsOperationID
            WorkerScriptName WorkerStatus ZoneName""",
    },
    "firewall_events": {
        "array[int]": "ContentScanObjSizes",
        "array[string]": """AISecurityPIICategories AISecurityUnsafeTopicCategories
            ContentScanObjResults ContentScanObjTypes FirewallForAIPIICategories
            FirewallForAIUnsafeTopicCategories""",
        "int": """AISecurityInjectionScore AISecurityTokenCount ClientASN EdgeResponseStatus
            FirewallForAIInjectionScore FirewallForAITokenCount MatchIndex OriginResponseStatus""",
        "int or string": "Datetime",
        "object": "Metadata",
        "string": """Action ClientASNDescription ClientCountry ClientIP ClientIPClass
            ClientRefererHost ClientRefererPath ClientRefererQuery ClientRefererScheme
            ClientRequestHost ClientRequestMethod ClientRequestPath ClientRequestProtocol
            ClientRequestQuery ClientRequestScheme ClientRequestUserAgent Description EdgeColoCode
            FraudUserID Kind LeakedCredentialCheckResult OriginatorRayID RayID Ref RuleID Source""",
    },
    "dns_logs": {
        "bool": "ResponseCached",
        "int": "EDNSSubnetLength QueryType ResponseCode",
        "int or string": "Timestamp",
        "string": "ColoCode EDNSSubnet QueryName SourceIP",
    },
    "audit_logs": {
        "bool": "ActionResult",
        "int or string": "When",
        "object": "Metadata NewValue OldValue",
        "string": """ActionType ActorEmail ActorID ActorIP ActorType ID Interface OwnerID ResourceID
            ResourceType""",
    },
}


def fields(dataset: str) -> dict[str, str]:
    """The fields of a dataset, each with a description; none where the sandbox knows none."""
    known = (_FIELDS | _SOME_FIELDS).get(dataset, {})
    types = {name: kind for kind, names in known.items() for name in names.split()}
    return dict(sorted(types.items()))


def is_unknown(dataset: str, field: str) -> bool:
    """Whether a dataset has no such field, as far as all of its fields are known here."""
    return dataset in _FIELDS and field not in fields(dataset)
