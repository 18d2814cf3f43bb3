# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything is done by tests/driver, which starts with Python's standard library alone. It creates
# files in .cache, .nox and .venv only; `make clean` removes them.

# The first Python that runs (a version manager's shim may not), is 3.11 or newer, and can create
# virtual environments. Another one: `make test PYTHON=/path/to/python`.
CANDIDATES := python3 python3.11 python3.12 python3.13 python3.14 python
CHECK := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in $(CANDIDATES); do "$$p" -c '$(CHECK)' 2>/dev/null && echo $$p && break; done)
DRIVER = @$(if $(PYTHON),,echo '$(NO_PYTHON)' >&2; exit 1;) PYTHONPATH=tests EDGEOPS_CHECKOUT= "$(PYTHON)" -m driver
NO_PYTHON = This needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt install python3-venv), or name one with PYTHON=/path/to/python.

.PHONY: help demo test quick unit explore contract faults sandbox benchmark docs lint release-check format lock clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo      create jobs in a sandbox, and show the logs that arrive; no account is needed'
	@echo 'make test      run all tests, on each supported ansible-core for which a Python is found'
	@echo '               (some of them: make test ARGS="lint ansible-2.19")'
	@echo 'make quick     lint what changed, run the unit tests and one playbook, in a minute'
	@echo 'make unit      run the unit tests alone, in seconds (make unit ARGS="-k name")'
	@echo 'make explore   run in full what make test samples, for hours (ARGS=500: examples)'
	@echo 'make contract  test assumptions about the API against Cloudflare, and write contract-report.md'
	@echo '               (it asks for confirmation; see make contract ARGS=--help, try ARGS=--sandbox)'
	@echo 'make faults    inject each fault into each request, and write docs/faults.md'
	@echo 'make sandbox   run the embedded Cloudflare API in the foreground, for your own playbooks'
	@echo 'make benchmark compare it with other clients that send the same requests, and print the figures'
	@echo '               (a quarter of an hour; less: make benchmark ARGS="--turns 1 --few 20 --many 50")'
	@echo 'make docs      build the guides and the reference as a site, in .cache/docs-site/html'
	@echo 'make lint      run the linters, the type checker, the checks of imports and terms'
	@echo 'make release-check'
	@echo '               rehearse a release in a copy, including installation'
	@echo 'make lock      update tests/constraints.txt, the versions that the tests install'
	@echo 'make format    format the Python files'
	@echo 'make clean     remove everything that these commands have created'

test unit explore contract benchmark:
	$(DRIVER) $@ $(ARGS)

demo quick faults docs lint release-check lock:
	$(DRIVER) $@

sandbox:
	$(DRIVER) serve

format:
	$(DRIVER) formatters

clean:
	$(DRIVER) clean
	rm -rf .mypy_cache .pytest_cache .ruff_cache tests/output edgeops-cloudflare-*.tar.gz
