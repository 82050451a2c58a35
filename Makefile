# One script, the same on the desk and in CI. `make help` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

# Marked suites are run one by one; a test with two marks runs in the one that needs more.
OUTSIDE := services or gpu or packages

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test check test-default test-browser test-slow test-demo test-services test-packages test-gpu \
	bench screenshots openapi views wheel constraints python clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: python ## environment, pinned packages, demo photos, htmx, Chromium; quick when done
	@$(PYTHON) -m setup

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "setup: Python 3.11 or newer is needed, and '$(PYTHON)' is not that: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@command -v npm >/dev/null || { \
		echo "setup: npm is missing: install Node.js with npm (Debian: apt-get install npm)" >&2; exit 1; }

demo: setup ## learn concepts from the demo photos and serve the explorer
	@$(BIN)/conceptoscope demo

test: setup check test-default test-browser test-slow test-services test-demo ## everything that CI runs, quickest answers first

check: setup ## format, lint, types, arrows, templates, containers
	@echo "== format, lint" && $(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@echo "== types" && $(BIN)/mypy
	@echo "== arrows" && $(BIN)/lint-imports
	@echo "== templates" && $(BIN)/djlint templates --lint --quiet
	@echo "== containers" && $(BIN)/hadolint Dockerfile && \
		$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml

test-default: setup ## offline, CPU, under four minutes
	@echo "== default tests" && $(PYTEST) -n 2 --dist loadfile

test-browser: setup ## a real server and a real Chromium
	@echo "== browser tests" && $(PYTEST) -m "browser and not ($(OUTSIDE) or demo)"

test-slow: setup ## real weights; the built wheel
	@echo "== slow tests" && $(PYTEST) -m "slow and not ($(OUTSIDE) or browser or demo)"

test-demo: setup ## the whole demo
	@echo "== demo tests" && $(PYTEST) -m "demo and not ($(OUTSIDE))"

test-services: setup ## a real PostgreSQL, S3 server and proxy, started by the tests
	@echo "== services tests" && $(PYTEST) -m services

test-packages: setup ## against other packages, installed from the index; not in CI
	@$(PYTEST) -m packages

test-gpu: setup ## needs CUDA; not in CI
	@$(PYTEST) -m gpu

openapi: setup ## docs/openapi.json again, after operations have changed
	@$(BIN)/python -m tests.app.description docs/openapi.json

bench: setup ## the numbers of benchmarks/, on this machine
	@$(BIN)/python -m benchmarks

STORE ?= conceptoscope-store
screenshots: setup ## docs/img: every page of the demo's store (STORE=DIRECTORY) at two widths in both themes
	@$(BIN)/python -m benchmarks.screenshots --store $(STORE)

wheel: setup ## dist/*.whl, with templates, static files and migrations inside
	@$(BIN)/hatchling build -t wheel

views: openapi ## types of the API's answers for the Python client
	@$(BIN)/python -m setup.views

constraints: python ## resolve all versions anew into requirements/constraints.txt
	@$(PYTHON) -m setup constraints

clean: ## remove what was built or fetched; stores are kept
	rm -rf .venv .setup .bench build dist node_modules static/vendor static/coded .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
