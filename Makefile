# `make demo` and `make test` do all their own set-up, from Python 3.11, make and a C toolchain on.
PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UI := src/vario/api/static/index.html

.PHONY: help setup demo test check bench ui browser lock clean
help:
	@echo "make setup   virtual environment with everything that development needs"
	@echo "make demo    the whole of vario with a live inference system to watch"
	@echo "make test    all tests (needs nothing beforehand)"
	@echo "make check   linters, types, import directions, size limits"
	@echo "make bench   measure: start-up, memory, ingest, SDK"

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)

$(UI): $(READY) tools/build_ui.py web/package-lock.json $(shell find web/src web/index.html -type f 2>/dev/null) src/vario/api/models.py
	$(BIN)/python tools/build_ui.py

ui: $(UI)

demo: ui
	$(BIN)/vario demo

browser: setup
	@$(BIN)/python tools/ensure_chromium.py

test: ui browser
	$(BIN)/python -m pytest

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
	rm -rf $(VENV) web/node_modules src/vario/api/static dist
