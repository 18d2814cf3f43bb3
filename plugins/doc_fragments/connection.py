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
      - An API token. It needs the permission B(Logs Write) (the dashboard says B(Logs Edit)) for
        the zone or the account.
      - If not set, the environment variables E(CLOUDFLARE_API_TOKEN) and then
        E(CLOUDFLARE_TOKEN) are read, on the machine that runs the module.
      - A token wins over O(api_email) with O(api_key), unless those two are given as options and
        the token is only found in the environment.
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
      - Where the API is. The credential is sent there, so it has to be C(https), or plain C(http)
        to the machine itself.
      - If not set, the environment variable E(CLOUDFLARE_BASE_URL) is read.
    type: str
    default: https://api.cloudflare.com/client/v4
  timeout:
    description:
      - How long a request may take, in seconds, from the look-up of the name to the last byte of
        the answer, with its repeats and the pauses between them.
      - Waiting for a rate limit comes on top, see O(rate_limit_retry_timeout).
    type: float
    default: 30.0
  rate_limit_retry_timeout:
    description:
      - How long a request may wait in all, in seconds, while Cloudflare answers that its rate limit
        is exceeded (HTTP 429), or before that, where its answers tell that it would be. V(0) fails
        at once.
      - Each wait is as long as Cloudflare asks for. A wait that would exceed this limit is not
        begun, the task fails instead.
    type: float
    default: 300.0
  rate_limit_share:
    description:
      - Which part of the rate limit this task may use, above 0 and at most 1. Cloudflare allows a
        user or a token 1200 requests in five minutes and refuses all of them for minutes where
        there are more. Answers tell how many are left; a task that sends many slows down before the
        last of them, and waits for more.
      - Set it where several processes use the same credential at the same time, such as V(0.2) for
        each of five.
      - A request is not held back for longer than O(rate_limit_retry_timeout); the task fails
        instead.
    type: float
    default: 1.0
  validate_certs:
    description:
      - Whether to verify the server's certificate. Do not set it to V(false) but for a test.
    type: bool
    default: true
  ca_path:
    description:
      - A file (or directory) of CA certificates to verify the server's certificate with, on the
        machine that runs the module.
      - If not set, C(requests) decides, which reads E(REQUESTS_CA_BUNDLE).
    type: path
requirements:
  - requests >= 2.25.1
notes:
  - Environment variables are read where the module runs. On C(localhost) that is the environment
    which Ansible itself was started in. Do not hand secrets over by C(environment), which C(-vvv)
    prints.
  - A proxy is taken from the environment (E(HTTPS_PROXY), E(NO_PROXY)); C(~/.netrc) is not read.
"""

    CONCURRENCY = r"""
options:
  concurrency:
    description: How many requests may be under way at the same time, 1 to 100.
    type: int
    default: 10
"""

    PLUGIN = r"""
options:
  api_token:
    description:
      - An API token. It needs the permission B(Zone Read) for the zones that are to be seen.
      - An empty environment variable counts as none; the first of the two that is not empty is
        used.
      - A token wins over O(api_email) with O(api_key), unless those two are given as options and
        the token is only found in the environment.
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
      - Where the API is. The credential is sent there, so it has to be C(https), or plain C(http)
        to the machine itself.
    type: str
    default: https://api.cloudflare.com/client/v4
    env:
      - name: CLOUDFLARE_BASE_URL
  timeout:
    description:
      - How long a request may take, in seconds, with its repeats and the pauses between them.
      - Waiting for a rate limit comes on top, see O(rate_limit_retry_timeout).
    type: float
    default: 30.0
  rate_limit_retry_timeout:
    description:
      - How long a request may wait in all, in seconds, while Cloudflare answers it with its rate
        limit (HTTP 429), or before that, where its answers tell that it would. V(0) fails at once.
    type: float
    default: 300.0
  rate_limit_share:
    description:
      - Which part of the rate limit may be used, above 0 and at most 1, where several processes use
        the same credential at the same time.
    type: float
    default: 1.0
  validate_certs:
    description:
      - Whether to verify the server's certificate. Do not set it to V(false) but for a test.
    type: bool
    default: true
  ca_path:
    description:
      - A file (or directory) of CA certificates to verify the server's certificate with.
      - If not set, C(requests) decides, which reads E(REQUESTS_CA_BUNDLE).
    type: path
requirements:
  - requests >= 2.25.1
notes:
  - Everything happens on the machine, and in the environment, that Ansible itself is started in;
    C(requests) is needed by the Python that runs Ansible.
  - A proxy is taken from the environment (E(HTTPS_PROXY), E(NO_PROXY)); C(~/.netrc) is not read.
"""
