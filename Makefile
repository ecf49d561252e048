# `make help` lists the targets. Each one sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint types imports check bench bench-policy reference lock clean
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
T ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.ready ## .venv with everything locked; does nothing when it is up to date

.venv/.ready: requirements.txt requirements-dev.txt pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" bash scripts/setup.sh

run: setup ## Stead on 127.0.0.1:4566, data in ./.stead
	@$(BIN)/stead serve

demo: setup ## the whole life of the ECS linked role, with the real AWS CLI
	@$(BIN)/python scripts/demo.py

test: setup ## all tests, or T=path
	@$(BIN)/python -m pytest $(if $(T),,-n auto --dist worksteal) $(T)

lint: setup ## style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup ## one strict type checker
	@$(BIN)/mypy

imports: setup ## the import rule of ARCHITECTURE.md
	@$(BIN)/lint-imports

check: lint types imports test ## what .ci/run calls

bench: setup ## the benchmark against peers, one table
	@$(BIN)/python bench/run.py

bench-policy: setup ## the policy engine against three others
	@$(BIN)/python bench/policy/run.py

reference: setup ## write docs/reference/ from the program's own tables
	@$(BIN)/python scripts/reference.py

lock: ## compile the two hashed lock files from pyproject.toml
	@bash scripts/lock.sh

clean: ## remove .venv and caches (never data)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache bench/.venvs
