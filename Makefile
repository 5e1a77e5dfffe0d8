# Entrepôt. `make help` lists what can be done; each target installs what it needs.
SHELL := /bin/bash
PY := .venv/bin/python
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-deep test-crash lint types fix bench assets migrate openapi clean lock

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) assets ## virtual environment, locked packages, front-end files (idempotent)

$(STAMP): requirements/lock.txt pyproject.toml
	@test -x $(PY) || python3 -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: setup ## a wine shop, live on three simulated marketplaces (Ctrl-C stops it)
	@.venv/bin/hub demo

test: setup ## the whole suite; tests that need a service say so when they skip
	@tools/test.sh

test-deep: setup ## property tests with large budgets (minutes)
	@.venv/bin/pytest -m "deep" -n 2

test-crash: setup ## SIGKILL at every named failpoint, on every database and broker there is
	@.venv/bin/pytest -m "crash" -n 2 --timeout 600

lint: setup types ## ruff, mypy strict, import contracts, our own checks
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports --no-cache
	@$(PY) -m tools.checks

types: setup ## mypy --strict over hub/
	@.venv/bin/mypy

fix: setup ## what ruff can mend by itself
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

bench: setup ## figures as ratios to a floor measured in the same run
	@$(PY) -m tools.bench

assets: ## front-end files (the plain page of this release needs none)
	@true

migrate: setup ## bring the database of HUB_HOME to the newest schema
	@.venv/bin/hub migrate

openapi: setup ## write docs/openapi.json anew after a change of the API
	@$(PY) -m tools.openapi

lock: ## re-pin requirements/lock.txt (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra dev pyproject.toml requirements/build.in -o requirements/lock.txt

clean: ## remove what the other targets made
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
