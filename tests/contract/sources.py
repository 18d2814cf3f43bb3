# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where beliefs are from: Cloudflare's documentation, its SDK's types, its provider's tests."""

from __future__ import annotations

_DOCS = "https://developers.cloudflare.com"
_REFERENCE = f"{_DOCS}/api/resources/logpush"
_GUIDE = f"{_DOCS}/logs/logpush/logpush-job"

RAY_ID = f"{_DOCS}/fundamentals/reference/cloudflare-ray-id/"
RATE_LIMITS = f"{_DOCS}/fundamentals/api/reference/limits/"
AUTHENTICATION = f"{_DOCS}/fundamentals/api/how-to/make-api-calls/"
FAQ = f"{_DOCS}/logs/faq/logpush/"

JOBS = f"{_REFERENCE}/subresources/jobs/methods"
ZONES = f"{_DOCS}/api/resources/zones/methods/list/"
FIELDS = f"{_REFERENCE}/subresources/datasets/subresources/fields/methods/get/"

CONFIGURATION = f"{_GUIDE}/api-configuration/"
CHALLENGE = f"{_GUIDE}/logpush-ownership-challenge/"
DATASETS = f"{_GUIDE}/datasets/"
OUTPUT = f"{_GUIDE}/log-output-options/"

GRAPHQL = f"{_DOCS}/analytics/graphql-api"
ALERTS = f"{_DOCS}/logs/logpush/alerts-and-analytics/"
PRICING = f"{_DOCS}/logs/logpush/pricing/"

DOCS_ISSUES = "https://github.com/cloudflare/cloudflare-docs/issues"
PROVIDER = "https://github.com/cloudflare/terraform-provider-cloudflare"
# It runs against the live API.
PROVIDER_TEST = f"{PROVIDER}/blob/main/internal/services/logpush_job/resource_test.go"
SDK = "https://github.com/cloudflare/cloudflare-python/blob/main/src/cloudflare/types"
