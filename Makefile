# XMM-Python: `make demo` shows what it does, `make test` checks it. Python 3.11 or later and make are enough.

VENV := .venv
BIN := $(VENV)/bin
DEMO := demo

# The first of these that is Python 3.11 or later; `make PYTHON=/path/to/python` names another.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
IS_NEW := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p $(IS_NEW) 2>/dev/null && echo $$p && break; done)

.PHONY: help install demo test check bench docs clean

help:
	@echo "make install  $(BIN)/xmmpy, in its own environment"
	@echo "make demo     simulate an ODF of three cameras, reduce it from raw, say where the page is"
	@echo "make test     check the code and run the tests"
	@echo "make check    ruff, mypy, import contracts"
	@echo "make bench    measure speed and memory; takes a while"
	@echo "make docs     build/docs/index.html"
	@echo "make clean    remove what make has made"

$(VENV)/created:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or later is needed; name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "make: $(PYTHON) cannot make environments (on Debian: install python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

install: $(VENV)/installed
	@echo "installed: $(BIN)/xmmpy"

$(DEMO)/truth/truth.json: $(VENV)/installed
	$(BIN)/xmmpy simulate odf $(DEMO) --exposure 10000 --seed 1

demo: $(DEMO)/truth/truth.json
	$(BIN)/xmmpy reduce $(DEMO)
	@echo "look at $(CURDIR)/$(DEMO)/work/index.html"

check: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest

bench: $(VENV)/installed-test
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -q -W -E -a --keep-going -b html docs build/docs
	@echo "look at $(CURDIR)/build/docs/index.html"

clean:
	rm -rf $(VENV) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
