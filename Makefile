# `make demo` and `make test` do all their own set-up, from Python 3.11, make and a C toolchain on.
PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UI := src/vario/api/static/index.html

.PHONY: help setup demo test oracles check bench ui types screenshots browser lock clean
help:
	@echo "make setup   virtual environment with everything that development needs"
	@echo "make demo    the whole of vario with a live inference system to watch"
	@echo "make test    all tests (needs nothing beforehand)"
	@echo "make oracles tests against Evidently, NannyML and polars, in an environment of their own"
	@echo "make check   linters, types, import directions, size limits"
	@echo "make bench   measure: start-up, memory, ingest, SDK"
	@echo "make types   TypeScript types anew, after a change of the API's shapes"
	@echo "make screenshots URL=http://127.0.0.1:7070   every page of a running vario"

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)

$(UI): $(READY) tools/build_ui.py $(shell find web -name node_modules -prune -o -type f -print)
	$(BIN)/python tools/build_ui.py

ui: $(UI)

types: setup
	$(BIN)/python tools/build_ui.py types

URL ?= http://127.0.0.1:7070
screenshots: setup browser
	$(BIN)/python tools/screenshots.py $(URL)

demo: ui
	$(BIN)/vario demo

browser: setup
	@$(BIN)/python tools/ensure_chromium.py

test: ui browser
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Evidently and NannyML need pandas 2, vario's tests have pandas 3: 2.7 GB of their own.
ORACLES := .venv-oracles
oracles: setup
	test -x $(ORACLES)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(ORACLES)
	$(BIN)/uv pip install --quiet --python $(ORACLES)/bin/python -r pyproject.toml --extra server \
	  -r tests/oracles.txt
	PYTHONPATH=src $(ORACLES)/bin/python -m pytest -W ignore -p no:cacheprovider \
	  -k 'evidently or nannyml or polars' tests/drift/test_evidently.py tests/drift/test_nannyml.py \
	  tests/sdk/test_features.py tests/sdk/test_strange_features.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tools/check_size.py

bench: setup
	$(BIN)/python -m bench

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --extra server --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) $(ORACLES) web/node_modules src/vario/api/static dist
