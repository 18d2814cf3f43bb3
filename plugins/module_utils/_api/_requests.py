# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one guarded import of ``requests``: whoever needs it takes it from here.

Where it is missing the names exist all the same, so that every file can be imported, and
``IMPORT_ERROR`` holds the traceback that ``_module.py`` reports.
"""

from __future__ import annotations

import traceback

IMPORT_ERROR: str | None = None

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import AuthBase
    from urllib3 import HTTPResponse, exceptions
    from urllib3.util.retry import Retry
except ImportError:
    IMPORT_ERROR = traceback.format_exc()
    requests = None  # type: ignore[assignment]
    AuthBase = object  # type: ignore[assignment,misc]
    HTTPAdapter = HTTPResponse = exceptions = Retry = None  # type: ignore[assignment,misc]

__all__ = [
    "IMPORT_ERROR",
    "AuthBase",
    "HTTPAdapter",
    "HTTPResponse",
    "Retry",
    "exceptions",
    "requests",
]
