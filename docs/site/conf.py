# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx: the guides in Markdown, and the reference that antsibull-docs writes (`make docs`)."""

# pylint: disable=invalid-name

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "edgeops.cloudflare"
author = "Contributors to the edgeops.cloudflare project"
title = html_title = html_short_title = "edgeops.cloudflare"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# The collection itself is the source folder, so that links to files work as they do on GitHub.
include_patterns = [
    "index.md",
    "docs/*.md",
    "docs/reference/**",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}

# The anchors that GitHub gives to headings.
myst_heading_anchors = 4

highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_theme_options = {
    "display_version": False,
    "vcs_pageview_mode": "blob",
}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_copy_source = False

_GITHUB = "https://github.com/edgeops/edgeops.cloudflare/tree/main"
_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
_ANSIBLE_PAGES = {
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def setup(app: Sphinx) -> None:
    """Resolve links that lead out of the site without an inventory from the network."""
    app.connect("doctree-read", link_folders)
    app.connect("missing-reference", link_to_ansible)


def link_folders(app: Sphinx, document: nodes.document) -> None:
    """Link to folders of the repository, which are no pages of the site."""
    for node in list(document.findall(addnodes.pending_xref)):
        folder = Path(app.srcdir, app.env.docname).parent / node["reftarget"]
        if node["reftype"] == "myst" and folder.is_dir():
            url = f"{_GITHUB}/{folder.resolve().relative_to(app.srcdir)}"
            node.replace_self(nodes.reference("", "", *node.children, internal=False, refuri=url))


def link_to_ansible(
    _app: Sphinx, _env: BuildEnvironment, node: nodes.Element, content: nodes.Element
) -> nodes.reference | None:
    """Link to the documentation of Ansible and of other collections."""
    target = node["reftarget"]
    page = None
    if node.get("reftype") == "envvar":
        page = f"reference_appendices/config.html#envvar-{target}"
    elif target in _ANSIBLE_PAGES:
        page = _ANSIBLE_PAGES[target]
    elif target.startswith("ansible_collections.") and ".edgeops." not in target:
        parts = target.partition("__")[0].split(".", 3)
        page = f"collections/{'/'.join(parts[1:])}.html"
    if page is None:
        return None
    return nodes.reference("", "", content, internal=False, refuri=f"{_ANSIBLE}/{page}")
