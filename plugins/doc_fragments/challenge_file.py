# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for reading ownership challenge files from object stores."""

from __future__ import annotations


class ModuleDocFragment:
    """``challenge_file``: of a module, of an entry of a list, and where nothing is removed."""

    # Annotated: Ansible's sanity tests take a plain assignment for a whole documentation.
    _LIBRARIES: str = """
requirements:
  - boto3 >= 1.28.0 (only to read challenge files from Amazon S3)
  - google-cloud-storage >= 2.10.0 (only to read challenge files from Google Cloud Storage)
  - azure-storage-blob >= 12.14.0 and azure-identity >= 1.12.0 (only to read challenge files from
    Azure Blob Storage without a SAS)
notes:
  - The libraries and credentials for reading challenge files are those of the machine that runs the
    module. A missing library is reported before anything is written, in check mode too.
  - Object stores are reached through the proxies in E(HTTPS_PROXY) and E(NO_PROXY), and verified
    with the CA bundle in E(AWS_CA_BUNDLE) (Amazon S3 only), E(REQUESTS_CA_BUNDLE) or
    E(SSL_CERT_FILE).
"""
    _HEAD: str = """
options:
  challenge_file:
    description:
      - How to read the challenge file that Cloudflare writes to the destination.
      - Credentials that are not set are searched for by the library of the store, on the machine
        that runs the module.
    type: dict
    suboptions:
"""
    _ENTRY_HEAD: str = """
options:
  challenge_file:
    description:
      - How to read the challenge file of this entry. What is not set is taken from the option of
        the same name of the module; C(s3), C(gcs) and C(azure) are each taken as a whole.
    type: dict
    suboptions:
"""
    _TIMEOUT: str = """
      timeout:
        description: How long to wait for the challenge file, in seconds, requests included.
        type: float
        default: 60.0
      delay:
        description: Pause between two attempts to read the challenge file, in seconds.
        type: float
        default: 2.0
"""
    _REMOVE: str = """
      remove:
        description:
          - Whether to delete the challenge file after Cloudflare accepted its token. Only a file
            below the path of the destination is deleted.
        type: bool
        default: false
"""
    _STORES: str = """
      s3:
        description: How to read from Amazon S3 and compatible stores, for V(s3://) destinations.
        type: dict
        suboptions:
          endpoint_url:
            description: URL to connect to instead of the default AWS endpoint.
            type: str
          region:
            description:
              - The AWS region of the bucket.
              - If not set, the C(region) in the destination is used.
            type: str
          profile:
            description:
              - A named AWS profile to use for authentication. Mutually exclusive with
                C(access_key).
            type: str
          access_key:
            description:
              - AWS access key ID. Requires C(secret_key).
              - If not set, boto3 searches the environment variables, profiles, SSO, roles and
                instance metadata.
            type: str
          secret_key:
            description: AWS secret access key.
            type: str
          session_token:
            description: AWS STS session token for use with temporary credentials.
            type: str
          validate_certs:
            description: Whether to verify the TLS certificate of the store. Default is V(true).
            type: bool
          ca_path:
            description: The path to a CA bundle to verify the TLS certificate of the store with.
            type: path
      gcs:
        description:
          - How to read from Google Cloud Storage, for V(gs://) destinations.
          - If no credential is set, the application default credentials are used.
        type: dict
        suboptions:
          service_account_file:
            description: The path of a service account JSON file.
            type: path
          service_account_contents:
            description:
              - The contents of a service account JSON file, either as a dictionary or as a JSON
                string.
            type: jsonarg
          access_token:
            description: An OAuth2 access token.
            type: str
          project:
            description: The Google Cloud Platform project to use.
            type: str
          endpoint_url:
            description: URL to connect to instead of the default endpoint of Google Cloud Storage.
            type: str
      azure:
        description:
          - How to read from Azure Blob Storage, for V(azure://) destinations.
          - The SAS in a destination need not permit reading. If it does, and nothing is set here,
            it is used.
          - Without any SAS, a service principal is used, or else the default Azure credentials,
            such as a managed identity.
        type: dict
        suboptions:
          sas_token:
            description:
              - A SAS that permits reading (C(sp=r)), and deleting (C(sp=rd)) for a file to be
                removed.
            type: str
          client_id:
            description:
              - Azure client ID of a service principal or a user-assigned managed identity.
              - If not set, the environment variable E(AZURE_CLIENT_ID) is read.
            type: str
          secret:
            description:
              - Azure client secret of the service principal.
              - If not set, the environment variable E(AZURE_SECRET), then E(AZURE_CLIENT_SECRET),
                is read.
            type: str
          tenant:
            description:
              - Azure tenant ID of the service principal.
              - If not set, the environment variable E(AZURE_TENANT), then E(AZURE_TENANT_ID), is
                read.
            type: str
          endpoint_url:
            description: URL of the storage account, instead of the host in the destination.
            type: str
"""

    # For a module with ``CHALLENGE_FILE``.
    DOCUMENTATION: str = _HEAD + (_TIMEOUT + _REMOVE + _STORES).replace("\n\n", "\n") + _LIBRARIES

    # For a module that reads and removes nothing.
    READ: str = _HEAD + (_TIMEOUT + _STORES).replace("\n\n", "\n") + _LIBRARIES

    # For an entry of a list, with ``ENTRY_CHALLENGE_FILE``.
    ENTRY: str = _ENTRY_HEAD + (_TIMEOUT + _REMOVE + _STORES).replace("\n\n", "\n").replace(
        "        default: 60.0\n", ""
    ).replace("        default: 2.0\n", "").replace("        default: false\n", "")
