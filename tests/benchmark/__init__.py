# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures one task of this collection against one of ansible.builtin.uri that sends the same.

Both send the same POST to the same sandbox, in turns, in one run of one playbook, so that whatever
else the machine does hits both alike.
"""
