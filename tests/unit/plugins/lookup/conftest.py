# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets Ansible find plugins by the names that users give them; `ansible-test` has done it already.

It makes a controller of the process, in which no module can be tested: the tests here run in a
process of their own.
"""

from __future__ import annotations

from ansible.plugins.loader import init_plugin_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig

# Before any file of the collection is imported.
if AnsibleCollectionConfig.collection_finder is None:
    init_plugin_loader()
