# `make demo` shows reminders going out; `make test` proves the promises; both set everything up by themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Tests and demo start hundreds of processes: none is to compile the whole house anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers worlds years crash-matrix two-daemons faults bench bench-full lock clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Everything comes from the lock file, checked by hash; the project itself is installed without reaching out.
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "expected $(PYTHON) 3.11 or newer, found none: install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "expected Python 3.11 or newer, found $$($(PYTHON) --version): say make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "expected Python's venv and ensurepip, found neither: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) from requirements.lock (a minute or two, once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## make a book of some hundred accounts in ./demo, and remind them on the console
	@$(BIN)/reminder demo demo

test: $(READY) ## run all tests; databases that aren't here are left out, and said so
	@$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(READY) ## style, formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## mypy, strict, over the tests too
	@$(BIN)/mypy

layers: $(READY) ## import rules between the rooms
	@$(BIN)/lint-imports

check: ## all that CI runs
	@bash .ci/run

worlds: $(READY) ## 10,000 random worlds: what the preview says is what a run sends
	@$(BIN)/python -m pytest tests/laws/test_one_decision.py --hypothesis-profile=worlds --timeout=7200

crash-matrix: $(READY) ## kill -9 a real daemon 200 times over 20,000 reminders on each database; CRASH_SEED=… replays one
	@CRASH_KILLS=$${CRASH_KILLS:-200} CRASH_REMINDERS=$${CRASH_REMINDERS:-20000} \
		$(BIN)/python -m pytest tests/crashes/test_matrix.py -s

years: $(READY) ## hostile seasons of three seeds, some minutes; YEARS=… DAYS=365 ACCOUNTS=2000 for more, SEED=… for one again
	@PYTHONPATH=tests $(BIN)/python -m years $(if $(SEED),--seed $(SEED)) $(if $(YEARS),--years $(YEARS)) \
		$(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(DAYS),--days $(DAYS))

two-daemons: $(READY) ## kill and freeze two daemons on one database for ten minutes on each server; PAIR_SEED=… replays one
	@PAIR_SECONDS=$${PAIR_SECONDS:-600} $(BIN)/python -m pytest tests/crashes/test_pair.py -s

faults: $(READY) ## a provider, a network, a disk, clocks and a database that fail; the database is gone for a minute
	@FAULT_GONE_SECONDS=$${FAULT_GONE_SECONDS:-60} $(BIN)/python -m pytest tests/faults

bench: $(READY) ## what it costs against floors measured in the same run; some minutes, see tests/bench/README.md
	@PYTHONPATH=tests $(BIN)/python -m bench

bench-full: $(READY) ## the same with 1 and 10 million accounts; an hour or more
	@PYTHONPATH=tests $(BIN)/python -m bench --sizes full

lock: $(READY) ## make requirements.lock and deploy/requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --upgrade \
		--all-extras --group dev --python-version 3.11 pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--all-extras --constraint requirements.lock --python-version 3.11 pyproject.toml -o deploy/requirements.lock

clean: ## remove what was made
	rm -rf $(VENV) demo bench-results .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
