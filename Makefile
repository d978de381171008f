# The commands of this repository; `make help` lists them. README.md says what each is for.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up down test test-all fresh upgrade-from check check-lint check-format check-mypy check-pyright check-floors security bench bench-peers bench-backups bench-serving mutants api oracle year crashes docs words lock

BIN := .venv/bin
ARGS ?=
# The interpreter of a new .venv; by default the first fitting one.
export PYTHON
# Tests of one file share a worker, and each worker has a PostgreSQL of its own.
WORKERS ?= auto
WORLDS ?= 1000
DAYS ?= 366
KILLS ?= 300
EXAMPLES ?= 20

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

up: ## Install what is missing, start everything, print the addresses (ARGS=--detach: in the background)
	@scripts/venv .venv runtime build
	@$(BIN)/growsoft up $(ARGS)

down: ## Stop what `make up` started
	@scripts/venv .venv runtime build
	@$(BIN)/growsoft down $(ARGS)

test: ## Run every test that can run here but the slow ones, and say what was skipped and why
	@scripts/venv .venv runtime build dev test
	@scripts/venv .venv-semgrep semgrep
	@scripts/venv .venv-clients clients
	@echo "Slow tests are left out: make test-all runs them, too."
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(ARGS)

test-all: ## Run every test that can run here, the slow ones too
	@scripts/venv .venv runtime build dev test
	@scripts/venv .venv-semgrep semgrep
	@scripts/venv .venv-clients clients
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

fresh: ## Clone this, start it for the first and the second time and without a network; as root also as an ordinary user
	@python3 tests/acceptance/fresh_clone.py

upgrade-from: ## Start older versions with demo data, then upgrade their homes with this one (REVISIONS="08ca89c v1.0")
	@scripts/venv .venv runtime build
	@python3 tests/acceptance/upgrade_from.py $(REVISIONS)

check: ## Lint, format, types, floors: under a minute
	@scripts/venv .venv runtime build dev test
	@$(MAKE) --no-print-directory --keep-going -j 3 --output-sync=target \
		check-pyright check-mypy check-lint check-format check-floors

check-lint:
	@$(BIN)/ruff check --quiet && echo "ruff: no findings"

check-format:
	@$(BIN)/ruff format --check --quiet && echo "ruff format: clean" || { echo "run: $(BIN)/ruff format"; exit 1; }

check-mypy:
	@$(BIN)/mypy

check-pyright:
	@$(BIN)/basedpyright

check-floors:
	@$(BIN)/lint-imports --no-logo

security: ## Scan: our own rules, bandit, secrets, known weaknesses of dependencies
	@scripts/venv .venv runtime build dev test
	@scripts/venv .venv-semgrep semgrep
	@$(BIN)/python -m tests.security.scanners

bench: ## Measure against hand-written SQL in the same run
	@scripts/venv .venv runtime build dev test
	@$(BIN)/python -m bench $(ARGS)

bench-peers: ## Measure beside Django and Tryton, too, in an environment of their own
	@scripts/venv .venv runtime build dev test
	@scripts/venv .venv-peers peers
	@$(BIN)/python -m bench.peers $(ARGS)

bench-backups: ## Measure the backups of 100 databases, and ours beside restic and borg where they are installed
	@scripts/venv .venv runtime build dev test
	@$(BIN)/python -m bench.backups $(ARGS)

bench-serving: ## Measure the API over HTTPS: processor time, calls a second, the slowest, bad neighbours
	@scripts/venv .venv runtime build dev test
	@$(BIN)/python -m bench.serving $(ARGS)

mutants: ## Plant defects in the walls and see the tests fail
	@scripts/venv .venv runtime build dev test
	@scripts/venv .venv-semgrep semgrep
	@$(BIN)/python -m tests.mutants $(ARGS)

api: ## Attack the API by its own description, every operation of it (EXAMPLES=20 for each)
	@scripts/venv .venv runtime build dev test
	@scripts/venv .venv-clients clients
	@GROWSOFT_API_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --timeout 0 tests/acceptance/api

oracle: ## Compare what PostgreSQL shows with a plain reading of the rules, for many drawn worlds (WORLDS=1000)
	@scripts/venv .venv runtime build dev test
	@GROWSOFT_ORACLE_EXAMPLES=$(WORLDS) $(BIN)/python -m pytest --timeout 0 tests/security/test_sw7_oracle.py

year: ## Back small databases up for a year of days under a moved clock, and restore them (DAYS=366)
	@scripts/venv .venv runtime build dev test
	@GROWSOFT_YEAR_DAYS=$(DAYS) $(BIN)/python -m pytest --timeout 0 tests/integration/backup/test_year.py

crashes: ## Kill a worker at its backups hundreds of times (KILLS=300)
	@scripts/venv .venv runtime build dev test
	@GROWSOFT_KILLS=$(KILLS) $(BIN)/python -m pytest --timeout 0 tests/integration/backup/test_killed.py

docs: ## Check the documents: links, decisions, dependencies
	@scripts/venv .venv runtime build dev test
	@$(BIN)/python -m pytest -q tests/unit/test_documents.py

words: ## Gather what screens and messages say into the catalogues of translators (i18n/*.po)
	@scripts/venv .venv runtime build dev test
	@$(BIN)/python -m growsoft.testing.words $(ARGS)

lock: ## Lock the requirements anew (needs uv)
	@scripts/lock
