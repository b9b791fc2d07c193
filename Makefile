# Tidings. `make help` lists what there is; `make run` and `make test` do all the set-up themselves.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCALES := $(wildcard webapp/translations/*/LC_MESSAGES/messages.po)

.DEFAULT_GOAL := help
.PHONY: help run demo test lint format bench lock install install-dev browser translations clean test-pages test-planted shots

help: ## What can be done here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: install ## Start everything on this machine: database, web, worker, practice gateway
	@exec $(BIN)/python -m webapp up

demo: install ## The same with a team to look at: campaigns in every state (in instance-demo/)
	@TIDINGS_INSTANCE="$${TIDINGS_INSTANCE:-instance-demo}" exec $(BIN)/python -m webapp up --demo

test: install-dev browser ## Run the tests
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/mutants

test-planted: install-dev ## Plant each known fault in a copy of the program, and see its test turn red
	@$(BIN)/python -m pytest -q tests/mutants

test-pages: install-dev browser ## Look at every page in all languages, themes and sizes
	@TIDINGS_ALL_PAGES=1 $(BIN)/python -m pytest -q tests/browser/test_every_page.py

shots: install-dev browser ## Make the pictures of the README and a sheet of all pages
	@$(BIN)/python -m tests.browser.shots

lint: install-dev ## Style, types and rules of the code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --cache-dir .mypy_cache/imports

format: install-dev ## Put the code into its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install-dev ## Measure (see benchmarks/README.md)
	@$(BIN)/python -m benchmarks all

lock: $(VENV)/made ## Lock the dependencies anew, with hashes and without any index address
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --upgrade -o requirements.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --group dev -c requirements.txt \
		-o requirements-dev.txt pyproject.toml

install: $(VENV)/installed translations ## Install what running needs into .venv
install-dev: $(VENV)/installed-dev translations ## Install what testing needs too

translations: $(LOCALES:.po=.mo)

%.mo: %.po $(VENV)/installed
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

browser: $(VENV)/installed-dev ## Find a browser for the tests, or install one where that is possible
	@$(BIN)/python -m tests.browser.chromium

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit("Tidings needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv is missing here. On Debian or Ubuntu install the package python3-venv, then try again."; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: requirements.txt | $(VENV)/made
	@echo "Installing what Tidings needs into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@echo "Installing what the tests need into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

clean: ## Take away what can be made again (never the data in instance/)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
