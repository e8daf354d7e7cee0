# One name for everything that one does here. `make` shows them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
INVENTORY ?= $(shell scripts/inventory)
PLAYBOOK := $(BIN)/ansible-playbook -i $(INVENTORY)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUNBUFFERED := 1
PYTHON_FILES := plugins tests scripts/stages

.PHONY: help demo down setup setup-test lint unit contract cluster golden test bench

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: setup ## a cluster, the workspace on it, and the proof that it works
	@$(PLAYBOOK) playbooks/cluster_up.yml site.yml playbooks/verify.yml playbooks/status.yml

down: setup ## remove what demo made, with all its data
	@$(PLAYBOOK) playbooks/cluster_down.yml

setup: ## virtualenv and collections
	@scripts/setup

setup-test: ## what tests and linters need, too
	@scripts/setup test

lint: setup-test ## yamllint, ansible-lint, ruff, mypy, shellcheck
	$(BIN)/yamllint --strict .
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/mypy plugins/module_utils plugins/plugin_utils
	git ls-files -z '*.sh' scripts/setup scripts/inventory .ci/run | xargs -0 shellcheck
	$(BIN)/ansible-lint --offline

unit: setup-test ## plain Python, no cluster, under a minute
	$(BIN)/pytest tests/unit

contract: setup-test ## golden, refused and upstream cases
	$(BIN)/pytest tests/contract

cluster: setup-test ## the sandbox on a real Kubernetes: molecule's default scenario, then the tests of tests/cluster
	$(BIN)/molecule test -s default --destroy never
	$(BIN)/pytest tests/cluster
	$(BIN)/molecule destroy -s default

golden: setup-test ## rewrite the golden manifests; review the diff
	$(BIN)/pytest tests/contract/test_rendered.py --golden

test: setup-test ## everything that CI runs, with the minutes of each stage
	@scripts/stages lint unit contract cluster
