# Watchfloor. `make help` lists everything; every target does its own set-up on a machine with only Python >= 3.11.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

# The newest suitable interpreter; `make PYTHON=/path/to/python3.12 run` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
BIN    := .venv/bin
# Two workers more than the reference machine has cores: half of the time a test waits for a disk, a socket or a browser.
# PYTEST_ARGS="-k grant" narrows a run.
WORKERS     ?= 4
PYTEST_ARGS ?=
PYTEST      := $(BIN)/python -m pytest
# Where the environment forbids it, every process would compile all of Watchfloor, and pytest all of its tests, anew.
export PYTHONDONTWRITEBYTECODE :=
SOURCES     := $(wildcard src tests tools benchmarks examples)

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  ##' Makefile | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{ printf "  make %-11s %s\n", $$1, $$2 }'

.PHONY: python
python:
	@if [ -z "$(PYTHON)" ]; then echo "Watchfloor needs Python >= 3.11 and found none (make PYTHON=/path/to/python3 …)" >&2; exit 1; fi

.PHONY: env-demo env-dev
env-demo: python
	@$(PYTHON) tools/environment.py demo
env-dev: python
	@$(PYTHON) tools/environment.py dev

.PHONY: run
run: env-demo  ## start Watchfloor with a demo organisation and a real agent; Ctrl-C stops it
	@$(BIN)/watchfloor demo

# A folder of its own, begun anew: neither a `make run` beside it nor what an interrupted one left behind gets in the way.
.PHONY: demo
demo: env-demo  ## the same story headless with a scripted person; exits 0 only after the verifier has passed
	@rm -rf build/demo && $(BIN)/watchfloor demo --unattended --data build/demo

.PHONY: test
test: env-dev  ## every test this machine can run in minutes; says what was skipped and why
	@$(BIN)/python tools/suite.py $(WORKERS) $(PYTEST_ARGS)

.PHONY: test-long
test-long: env-dev  ## the tests marked `long`, and every law on many more examples (tens of minutes)
	@$(PYTEST) -m long --timeout 3600 $(PYTEST_ARGS)
	@$(PYTEST) -n $(WORKERS) --hypothesis-profile thorough --timeout 3600 tests/laws tests/unit/ledger $(PYTEST_ARGS)

.PHONY: check
check: env-dev  ## lint, format, types, layers, house rules
	@tools/check $(SOURCES)

.PHONY: format
format: env-dev  ## rewrite the sources as `make check` wants them
	@$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

.PHONY: bench
bench: env-dev  ## the benchmark programs; figures as JSON in benchmarks/results/
	@mkdir -p benchmarks/results
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/bench.lock || echo "without cedarpy and casbin: the comparison is skipped"
	@$(BIN)/watchfloor bench --all --json benchmarks/results/

.PHONY: docs
docs: env-dev  ## regenerate what documents and protocol/ take from the code, and check every link
	@$(BIN)/python tools/reference.py
	@$(BIN)/python tools/protocol.py
	@$(BIN)/python tools/tidy.py --only dead-link

.PHONY: lock
lock: python  ## resolve the dependencies again and write requirements/*.lock
	@$(PYTHON) tools/lock.py

.PHONY: clean
clean:  ## remove the environment, caches and build results (never data)
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage .coverage.*
	@find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
