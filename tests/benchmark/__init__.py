# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the collection against what else sends the same requests; see docs/performance.md.

All rows are measured in one run, in turns, against the same sandbox: what else the machine does
hits all of them alike.
"""
