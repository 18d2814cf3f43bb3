# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the connection to Cloudflare, which all modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The connection options: of modules, and of plugins, which name the environment apart."""

    DOCUMENTATION = r"""
options:
  api_token:
    description:
      - An API token. It requires the permission B(Logs Write) (the dashboard says B(Logs Edit)) for
        the zone or the account.
      - If not set, the environment variables E(CLOUDFLARE_API_TOKEN) and then
        E(CLOUDFLARE_TOKEN) are read, on the machine that runs the module.
      - A token takes precedence over O(api_email) with O(api_key), unless those two are given as
        options and the token is only found in the environment.
    type: str
  api_email:
    description:
      - The e-mail address of the user whose O(api_key) is used. Prefer O(api_token).
      - If not set, the environment variable E(CLOUDFLARE_EMAIL) is read.
    type: str
  api_key:
    description:
      - The global API key of the user O(api_email).
      - If not set, the environment variable E(CLOUDFLARE_API_KEY) is read.
    type: str
  base_url:
    description:
      - URL of the API. The credential is sent there, so it must be C(https), or plain C(http) to
        the machine itself.
      - If not set, the environment variable E(CLOUDFLARE_BASE_URL) is read.
    type: str
    default: https://api.cloudflare.com/client/v4
  timeout:
    description:
      - Deadline of a request in seconds, from name resolution to the last byte of the response,
        retries and pauses included.
      - Waiting for the rate limit is not included, see O(rate_limit_retry_timeout).
    type: float
    default: 30.0
  rate_limit_retry_timeout:
    description:
      - Maximum time in seconds that a request waits for the rate limit, both after HTTP 429 and
        before it would be exceeded. V(0) fails at once.
      - Each wait is as long as Cloudflare's response requires. If a wait would exceed this limit,
        the task fails instead.
    type: float
    default: 300.0
  rate_limit_share:
    version_added: 0.3.0
    description:
      - Fraction of the rate limit that this task may use, greater than 0 and at most 1. Cloudflare
        allows a user or token 1200 requests in five minutes, and rejects all of them for up to five
        minutes above that. A task that sends many requests slows down before the limit.
      - Set it if several processes use the same credential at the same time, such as V(0.2) for
        each of five.
    type: float
    default: 1.0
  validate_certs:
    description:
      - Whether to verify the server's certificate. Only set it to V(false) for tests.
    type: bool
    default: true
  ca_path:
    description:
      - A file (or directory) of CA certificates to verify the server's certificate with, on the
        machine that runs the module.
      - If not set, C(requests) reads E(REQUESTS_CA_BUNDLE), or else uses its own.
    type: path
requirements:
  - requests >= 2.25.1
notes:
  - Environment variables are read where the module runs. On C(localhost), that is the environment
    in which Ansible was started. Do not pass secrets with C(environment), which C(-vvv) prints.
  - A proxy is taken from the environment (E(HTTPS_PROXY), E(NO_PROXY)); C(~/.netrc) is not read.
"""

    CONCURRENCY = r"""
options:
  concurrency:
    description: Maximum number of concurrent requests, 1 to 100.
    type: int
    default: 10
"""

    PLUGIN = r"""
options:
  api_token:
    description:
      - An API token. It requires the permission B(Zone Read) for the zones to list.
      - The first environment variable that is not empty is used.
      - A token takes precedence over O(api_email) with O(api_key), unless those two are given as
        options and the token is only found in the environment.
    type: str
    env:
      - name: CLOUDFLARE_API_TOKEN
      - name: CLOUDFLARE_TOKEN
  api_email:
    description:
      - The e-mail address of the user whose O(api_key) is used. Prefer O(api_token).
    type: str
    env:
      - name: CLOUDFLARE_EMAIL
  api_key:
    description:
      - The global API key of the user O(api_email).
    type: str
    env:
      - name: CLOUDFLARE_API_KEY
  base_url:
    description:
      - URL of the API. The credential is sent there, so it must be C(https), or plain C(http) to
        the machine itself.
    type: str
    default: https://api.cloudflare.com/client/v4
    env:
      - name: CLOUDFLARE_BASE_URL
  timeout:
    description:
      - Deadline of a request in seconds, retries and pauses included.
      - Waiting for the rate limit is not included, see O(rate_limit_retry_timeout).
    type: float
    default: 30.0
  rate_limit_retry_timeout:
    description:
      - Maximum time in seconds that a request waits for the rate limit, both after HTTP 429 and
        before it would be exceeded. V(0) fails at once.
    type: float
    default: 300.0
  rate_limit_share:
    description:
      - Fraction of the rate limit to use, greater than 0 and at most 1, if several processes use
        the same credential at the same time.
    type: float
    default: 1.0
  validate_certs:
    description:
      - Whether to verify the server's certificate. Only set it to V(false) for tests.
    type: bool
    default: true
  ca_path:
    description:
      - A file (or directory) of CA certificates to verify the server's certificate with.
      - If not set, C(requests) reads E(REQUESTS_CA_BUNDLE), or else uses its own.
    type: path
requirements:
  - requests >= 2.25.1
notes:
  - The plugin runs on the machine, and in the environment, in which Ansible was started. The Python
    that runs Ansible requires C(requests).
  - A proxy is taken from the environment (E(HTTPS_PROXY), E(NO_PROXY)); C(~/.netrc) is not read.
"""
