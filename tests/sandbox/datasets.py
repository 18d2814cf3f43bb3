# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of some datasets: a selection, with shortened descriptions."""

from __future__ import annotations

_ZONE = {
    "http_requests": {
        "CacheCacheStatus": "string; unknown | miss | expired | updating | stale | hit | bypass",
        "ClientCountry": "string; 2-letter ISO-3166 country code of the client IP address",
        "ClientIP": "string; IP address of the client",
        "ClientRequestHost": "string; host requested by the client",
        "ClientRequestMethod": "string; HTTP method of the client's request",
        "ClientRequestURI": "string; URI requested by the client",
        "ClientRequestUserAgent": "string; user agent reported by the client",
        "EdgeEndTimestamp": "int or string; when the edge finished sending the response",
        "EdgeResponseBytes": "int; size of the response returned to the client",
        "EdgeResponseStatus": "int; HTTP status code returned to the client",
        "EdgeStartTimestamp": "int or string; when the edge received the request",
        "RayID": "string; id of the request",
    },
    "firewall_events": {
        "Action": "string; action taken, such as block or managed_challenge",
        "ClientASN": "int; autonomous system number of the visitor",
        "ClientCountry": "string; country from which the request came",
        "ClientIP": "string; the visitor's IP address",
        "ClientRequestHost": "string; host of the request",
        "ClientRequestPath": "string; path of the request",
        "Datetime": "int or string; when the event happened at the edge",
        "RayID": "string; id of the request",
        "RuleID": "string; id of the rule that was triggered",
        "Source": "string; security product that was triggered",
    },
    "dns_logs": {
        "ColoCode": "string; IATA code of the data center that answered",
        "EDNSSubnet": "string; EDNS client subnet",
        "QueryName": "string; name that was queried",
        "QueryType": "int; IANA type of the query",
        "ResponseCached": "bool; whether the answer came from the cache",
        "ResponseCode": "int; IANA response code",
        "SourceIP": "string; IP address of the client",
        "Timestamp": "int or string; when the query arrived",
    },
}
_ACCOUNT = {
    "audit_logs": {
        "ActionResult": "bool; whether the action was successful",
        "ActionType": "string; type of the action taken",
        "ActorEmail": "string; e-mail address of the actor",
        "ActorID": "string; id of the actor",
        "ActorIP": "string; IP address of the actor",
        "ActorType": "string; user, cloudflare_admin or system",
        "ID": "string; id of the log entry",
        "ResourceID": "string; id of the resource",
        "ResourceType": "string; type of the resource",
        "When": "int or string; when the change happened",
    },
    "gateway_dns": {
        "Datetime": "int or string; when the query was made",
        "DeviceID": "string; UUID of the device that made the query",
        "DstIP": "string; IP address to which the query was sent",
        "Email": "string; e-mail address of the user",
        "Location": "string; name of the location the query came from",
        "PolicyID": "string; id of the policy that was applied",
        "QueryName": "string; name that was queried",
        "QueryType": "int; type of the query",
        "ResolverDecision": "string; result of the query",
        "SrcIP": "string; IP address of the client",
    },
}
_FIELDS = {"zone": _ZONE, "account": _ACCOUNT}


def fields(kind: str, dataset: str) -> dict[str, str] | None:
    """The fields of a zone's or an account's dataset; None if there is no such dataset."""
    return _FIELDS[kind].get(dataset)
