#!/usr/bin/env bash
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eu

# ansible-test runs copies of the targets, without the rest of the collection.
COLLECTION="${ANSIBLE_COLLECTIONS_PATH%%:*}/ansible_collections/edgeops/cloudflare"
export COLLECTION

# What a playbook prints, and to how many requests it comes, is looked at in Python.
PYTHONPATH="${COLLECTION}/tests${PYTHONPATH:+:${PYTHONPATH}}" \
    python -m pytest -q -p no:cacheprovider -p system.conftest --rootdir "${PWD}" -c /dev/null prove_ownership_runs.py push_logs_runs.py
