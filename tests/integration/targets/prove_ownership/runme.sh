#!/usr/bin/env bash
# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eu

# What a playbook prints, and to how many requests it comes, is looked at in Python.
PYTHONPATH="${PWD}/../../..${PYTHONPATH:+:${PYTHONPATH}}" \
    python -m pytest -q -p no:cacheprovider --rootdir "${PWD}" -c /dev/null playbook_runs.py
