# Each target does its own set-up; it is redone when pyproject.toml or constraints.txt change.
#
#   make demo     ask the embedded model about a bundled picture
#   make test     linters, types, import contracts and every test
#   make lint     the same without the tests
#   make format   let ruff rewrite what it can

PYTHON ?= python3
BIN := .venv/bin
NEEDS := pyproject.toml constraints.txt

.PHONY: demo test lint format
.DELETE_ON_ERROR:

demo: .venv/demo.stamp
	$(BIN)/python examples/demo.py

test: lint
	$(BIN)/pytest

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Nothing is compiled ahead: of the thousands of files that are installed, few are ever imported.
$(BIN)/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "palikit needs Python 3.11 or newer: make PYTHON=python3.12"'
	$(PYTHON) -m venv .venv

.venv/demo.stamp: $(NEEDS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e .
	touch $@

.venv/test.stamp: $(NEEDS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e '.[dev]'
	touch $@
